"""`run sft` and `run dpo` end to end on the tiny model: what is taught, the records, a resume, one line for a mistake."""

import itertools
import json

import pytest
from helpers import RECORDS, one_line

from r1lab import curriculum, evaluate, experiments, grpo, models, plots, records, tasks, verify
from r1lab.__main__ import main
from r1lab.experiments import own_answers as own
from r1lab.machine import presets
from r1lab.running import methods, run, settings
from r1lab.running.settings import Options
from r1lab.tiny_world import pretrain

pytestmark = pytest.mark.slow

WAYS = ("sft", "dpo")
OPTIONS = Options(seed=100, settings={"steps": 6})
TOKENIZER = pretrain.wrap_tokenizer()


@pytest.fixture(autouse=True, scope="module")
def fast():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("R1LAB_FAST", "1")
        yield


def start(name, folder, resume=False, watch=lambda _: None, options=OPTIONS):
    return run.run(experiments.named(name), options, folder, resume, watch)


@pytest.fixture(scope="module", params=WAYS)
def whole(request, tmp_path_factory):
    """(name, folder) of a finished run, made through the command line."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    assert main(["run", request.param, "--steps", "6", "--seed", "100", "--out", str(folder)]) == 0
    return request.param, folder


def test_a_run_leaves_all_its_records(whole):
    name, folder = whole
    assert RECORDS | {"trained"} <= {p.name for p in folder.iterdir()}
    run = records.load_run(folder)
    assert run.config["experiment"] == run.summary["experiment"] == name
    assert [line["step"] for line in run.metrics] == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in run.timing] == [0, 1, 2, 3, 4, 5, 6], "step 0: the sampling"
    assert run.summary["seconds"] == pytest.approx(sum(t["seconds"] for t in run.timing), abs=0.1)
    sampled = run.summary["material"][name]
    assert sampled["answers"] == 6 * 4 * 4 and 0 < sampled["right"] < sampled["answers"]
    assert run.summary["sampled_tokens"] == sampled["tokens"] >= sampled["answers"]
    assert sampled["pairs"] == len(methods.PAIRS[name](run.samples)) > 0
    assert {
        "before",
        "after",
        "gain",
        "n",
        "machine",
        "versions",
        "command",
        "seed",
        "lora_rank",
    } <= set(run.summary)
    assert run.summary["n"] == len(run.summary["after"]["right"]) == 16
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_taught_is_what_the_verifier_says_of_training_problems(whole):
    name, folder = whole
    run = records.load_run(folder)
    prompts = settings.plan(experiments.named(name), OPTIONS).sampling.prompts
    pool = tasks.problems("countdown", presets.PRESETS["cpu"].train_problems, seed=0)
    asked = {p for step in range(1, 7) for p in curriculum.uniform(pool, prompts, 100, step)}
    for group in run.samples:
        problem = tasks.Problem(group["task"], tuple(group["numbers"]), group["target"])
        assert problem in asked and tasks.split_of(problem) == "train"
        assert group["prompt"] == tasks.prompt(problem, "tiny")
        verdicts = [verify.verify(problem, t) for t in group["completions"]]
        assert group["rewards"]["accuracy"] == [float(v.correct) for v in verdicts]
        assert len(set(group["completions"])) == len(group["completions"]) and any(
            v.correct for v in verdicts
        )


def only_measuring(answer):
    """`evaluate.answer` that refuses to gather: what it asks then has several answers a problem."""

    def asked(model, tokenizer, problems, how, **more):
        assert how.per_problem == 1, "the answers were sampled twice"
        return answer(model, tokenizer, problems, how, **more)

    return asked


def test_a_stopped_and_resumed_run_has_the_same_records_and_samples_once(
    whole, tmp_path, monkeypatch
):
    name, folder = whole

    def stop(now):
        if now.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(name, tmp_path, watch=stop)
    with open(tmp_path / "metrics.jsonl", "a") as torn:
        torn.write('{"step": 3, "lo')  # what a kill in the middle of a line leaves
    monkeypatch.setattr(evaluate, "answer", only_measuring(evaluate.answer))
    summary = start(name, tmp_path, resume=True)
    for log in ("metrics.jsonl", "samples.jsonl"):
        assert (tmp_path / log).read_bytes() == (folder / log).read_bytes()
    done = json.loads((folder / "summary.json").read_text())
    assert all(summary[k] == done[k] for k in ("before", "after", "gain", "material"))
    assert start(name, tmp_path, resume=True) == json.loads((tmp_path / "summary.json").read_text())


def test_a_run_killed_while_its_answers_were_written_samples_the_same_again(
    whole, tmp_path, monkeypatch
):
    name, folder = whole
    if name == "dpo":
        return  # they are the same answers
    append, count = records.append, itertools.count()

    def stop(*arguments):
        append(*arguments)
        if arguments[1] == "samples.jsonl" and next(count) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(records, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        start(name, tmp_path)
    assert len(records.read_jsonl(tmp_path / "samples.jsonl")) == 3
    monkeypatch.setattr(records, "append", append)
    start(name, tmp_path, resume=True)
    for log in ("metrics.jsonl", "samples.jsonl"):
        assert (tmp_path / log).read_bytes() == (folder / log).read_bytes()


def judged(monkeypatch, rows):
    """`gather` on answers that are given: (text, ended, tokens too many) for each of two problems."""
    problems = [tasks.Problem("countdown", (1, 2, 3), 6), tasks.Problem("countdown", (2, 3, 4), 9)]
    texts = [text for text, _, _ in rows]
    lengths = [len(TOKENIZER(text)["input_ids"]) + ended + odd for text, ended, odd in rows]
    ended = [ended for _, ended, _ in rows]
    verdicts = [verify.verify(problems[2 * i // len(rows)], t) for i, t in enumerate(texts)]
    found = evaluate.Answers(problems, len(rows) // 2, texts, lengths, ended, verdicts)
    monkeypatch.setattr(evaluate, "answer", lambda *_: found)
    return own.gather(
        None, TOKENIZER, problems, grpo.Config(steps=1, prompts=2, group=len(rows) // 2)
    )


def test_only_finished_right_answers_are_good_and_each_counts_once(monkeypatch):
    right, cut, wrong = "<answer>1+2+3</answer>", "<answer>3+2+1</answer>", "<answer>1+2</answer>"
    rows = [(right, 1, 0), (right, 1, 0), (cut, 0, 0), (wrong, 1, 0), ("12", 0, 0), ("34", 1, 1)]
    lines, counts = judged(monkeypatch, rows + [("no", 1, 0)] * 6)
    (line,) = lines  # the other problem was never solved
    assert line["completions"] == [right, wrong, "12"] and line["rewards"] == {
        "accuracy": [1.0, 0.0, 0.0]
    }
    assert counts["answers"] == 12 and counts["right"] == 3
    assert methods.examples(lines) == [(line["prompt"], right)]
    assert methods.choices(lines) == [(line["prompt"], right, wrong), (line["prompt"], right, "12")]


@pytest.mark.parametrize("name", WAYS)
def test_nothing_to_learn_from_is_one_line(name, capsys, tmp_path):
    """A model with random weights is right by no chance that a test would see."""
    model = models.load("rich")[0]
    for p in model.parameters():
        p.data.normal_(0, 0.02)
    model.save_pretrained(tmp_path / "base")
    TOKENIZER.save_pretrained(tmp_path / "base")
    asked = ["run", name, "--base", tmp_path / "base", "--steps", 1, "--out", tmp_path / "x"]
    assert main(list(map(str, asked))) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]  # behind the progress of sampling
    assert said.startswith("r1lab: ")
    assert "of 16 answers none was right" in said and "--steps" in said


@pytest.mark.parametrize(
    "option", [("--reward", "format"), ("--recipe", "slow"), ("--engine", "bench")]
)
def test_an_option_that_does_not_fit_is_refused(option, capsys, tmp_path):
    assert option[0].strip("-") in one_line(capsys, "run", "sft", *option, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_cannot_run_is_said_before_anything_is_written(capsys, tmp_path, monkeypatch):
    assert "DPO needs LoRA" in one_line(
        capsys, "run", "dpo", "--lora-rank", "full", "--out", tmp_path / "x"
    )
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "one process" in one_line(capsys, "run", "sft", "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_another_run_is_not_continued(whole, capsys):
    name, folder = whole
    other = "dpo" if name == "sft" else "sft"
    arguments = ("--steps", 6, "--seed", 100, "--out", folder)
    assert "experiment" in one_line(capsys, "run", other, *arguments, "--resume")
    assert "--resume" in one_line(capsys, "run", name, *arguments)


def test_the_figure_says_what_it_shows(whole):
    name, folder = whole
    run = records.load_run(folder)
    figure = plots.own_answers(run.metrics, run.summary)
    for axis in figure.axes:
        assert axis.get_title(loc="left") and axis.get_xlabel() and axis.get_ylabel()
    assert f"n = {run.summary['n']}" in figure.axes[-1].get_xlabel()
    assert f"{run.summary['material'][name]['pairs']} pairs" in figure.axes[0].get_xlabel()
