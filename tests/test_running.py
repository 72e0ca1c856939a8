"""The one skeleton of a run: several stages, no stage, a stop anywhere, and the same numbers again."""

import json
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from r1lab import evaluate, models, records
from r1lab.experiments.own_answers import gather
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.running.run import run
from r1lab.running.settings import Options

pytestmark = pytest.mark.slow

TWO = {"steps": 2}


LINE = (
    Stage("grpo", "first", settings=TWO),
    Stage("sft", "taught", start="base", settings=TWO, material=gather),
    Stage("grpo", "last", settings=TWO | {"beta": 0.1}),
    Stage("dpo", "shaped", start="first", settings=TWO, material=gather),
)
STAGES = Experiment(
    name="stages", lesson="99", section="-", about="four stages",
    arms=(Arm("line", "a line of four", LINE), Arm("none", "the base alone")),
    measure=held_out, figure=lambda run: Figure(), minutes={},
)  # fmt: skip
SMALL = {
    "prompts": 4, "group": 4, "max_new": 64, "eval_problems": 12, "train_problems": 64, "lr": 5e-3,
}  # fmt: skip


def start(folder, arm="line", watch=lambda now: None, resume=False, **settings):
    chosen = Options(arm, "cpu", 3, SMALL | settings)
    return run(STAGES, chosen, folder, resume, watch)


class Stop(Exception):
    """The watcher has seen enough."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    seen = []
    start(folder, watch=seen.append)
    return folder, seen


def test_every_stage_leaves_its_model_its_steps_and_its_numbers(whole):
    folder, seen = whole
    record = records.load_run(folder)
    assert [(m["step"], m["stage"]) for m in record.metrics] == [
        (1, "first"), (2, "first"), (3, "taught"), (4, "taught"),
        (5, "last"), (6, "last"), (7, "shaped"), (8, "shaped"),
    ]  # fmt: skip
    names = {"trained-first", "trained-taught", "trained-last", "trained"}
    assert names <= {p.name for p in folder.iterdir()}
    stages = record.summary["stages"]
    assert [part["name"] for part in stages] == ["first", "taught", "last", "shaped"]
    assert stages[-1] == {"name": "shaped"} | record.summary["after"]
    assert set(record.summary["material"]) == {"taught", "shaped"}
    assert record.summary["evaluation"]["tokens"] > 0 and record.summary["update_tokens"] > 0
    assert [now.step for now in seen if now.line] == list(range(1, 9))
    assert [now.step for now in seen if now.done] == [2, 4, 6, 8]


def test_the_numbers_of_a_stage_are_those_of_its_saved_model(whole):
    """Loaded from the folder and measured again: the last stage is what `trained` holds, but for
    the half precision in which it is saved."""
    folder, _ = whole
    record = records.load_run(folder)
    model, tokenizer = models.load_trained(folder / "trained", "rich")
    from r1lab.running.settings import plan

    again = held_out(
        model, tokenizer, evaluate_problems(), plan(STAGES, Options("line", "cpu", 3, SMALL))
    )
    wrong = sum(
        a != b for a, b in zip(again["right"], record.summary["after"]["right"], strict=True)
    )
    assert wrong <= 1


def evaluate_problems():
    from r1lab import tasks

    return tasks.problems("countdown", SMALL["eval_problems"], seed=0, split="test")


def test_the_reference_of_a_later_stage_is_where_it_started(whole):
    """At the first step of `last` the KL to its reference is 0, though it is far from the base."""
    metrics = {m["step"]: m for m in records.load_run(whole[0]).metrics}
    assert metrics[5]["kl"] == pytest.approx(0.0, abs=1e-6) and metrics[6]["kl"] > 0
    assert metrics[7]["chosen"] == pytest.approx(0.0, abs=1e-5)
    assert metrics[7]["loss"] == pytest.approx(0.693147, abs=1e-5)


STOPS = [(step, done) for step in range(9) for done in (False, True) if step or not done]
STOPS = [(step, done) for step, done in STOPS if not done or step in (2, 4, 6, 8)]


@pytest.mark.slow
@pytest.mark.parametrize(("step", "done"), STOPS)
def test_a_run_stopped_anywhere_goes_on_to_the_same_bytes(whole, tmp_path, step, done):
    def watch(now):
        if (now.step, now.done) == (step, done):
            raise Stop

    with pytest.raises(Stop):
        start(tmp_path / "run", watch=watch)
    start(tmp_path / "run", resume=True)
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (whole[0] / name).read_bytes()
    one, other = (
        json.loads((f / "summary.json").read_text()) for f in (whole[0], tmp_path / "run")
    )
    for key in (
        "before",
        "after",
        "stages",
        "material",
        "sampled_tokens",
        "update_tokens",
        "alarms",
    ):
        assert one[key] == other[key]
    assert one["evaluation"]["tokens"] == other["evaluation"]["tokens"]


@pytest.mark.parametrize("where", ["material", "measure"])
def test_a_stop_while_a_later_stage_begins_samples_nothing_twice(
    whole, tmp_path, monkeypatch, where
):
    """Between two stages the model is measured and asked: a stop there has no step of its own."""
    calls = []

    def stopping(*arguments):
        calls.append(arguments)
        if len(calls) == (1 if where == "material" else 3):
            raise Stop
        return (gather if where == "material" else held_out)(*arguments)

    stages = (LINE[0], replace(LINE[1], material=stopping), *LINE[2:])
    broken = {
        "material": replace(STAGES, arms=(Arm("line", "a line of four", stages),)),
        "measure": replace(STAGES, measure=stopping),
    }[where]
    folder = tmp_path / "run"
    with pytest.raises(Stop):
        run(broken, Options("line", "cpu", 3, SMALL), folder, False, lambda now: None)
    start(folder, resume=True)
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert (folder / name).read_bytes() == (whole[0] / name).read_bytes()


def test_an_arm_without_stages_is_measured_and_finished(tmp_path):
    seen = []
    summary = start(tmp_path / "run", "none", watch=seen.append)
    assert summary["measured"]["n"] == 12 and summary["steps"] == 0
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        "config.json", "figure.png", "summary.json",
    }  # fmt: skip
    assert start(tmp_path / "run", "none", resume=True) == summary
    assert [now.steps for now in seen] == [0]


def test_all_weights_go_through_the_stages_too(tmp_path):
    stages = (LINE[0], Stage("sft", "taught", settings=TWO, material=gather))
    experiment = replace(STAGES, arms=(Arm("line", "two", stages),))
    chosen = Options("line", "cpu", 3, SMALL | {"lora_rank": 0, "lr": 1e-4})
    run(experiment, chosen, tmp_path / "run", False, lambda now: None)
    base, _ = models.load("rich")
    parts = [
        models.load_trained(tmp_path / "run" / n, "rich")[0] for n in ("trained-first", "trained")
    ]
    names = [name for name, _ in base.named_parameters() if "proj" in name]
    moved = [
        max(float((m.get_parameter(n) - base.get_parameter(n)).abs().max()) for n in names)
        for m in parts
    ]
    assert 0 < moved[0] < moved[1] < 0.01


def test_a_run_goes_on_from_another_runs_model(whole, tmp_path):
    """Lineage over folders: the new run starts where the other one ended."""
    stages = (Stage("grpo", start=str(whole[0]), settings=TWO | {"beta": 0.1}),)
    experiment = replace(STAGES, arms=(Arm("line", "from a run", stages),))
    summary = run(
        experiment, Options("line", "cpu", 3, SMALL), tmp_path / "run", False, lambda n: None
    )
    metrics = records.load_run(tmp_path / "run").metrics
    assert metrics[0]["kl"] == pytest.approx(0.0, abs=1e-6) and summary["steps"] == 2


def test_a_stage_without_anything_to_learn_from_says_so_and_keeps_what_it_has(tmp_path):
    nothing = replace(LINE[1], material=lambda *_: ([], {"answers": 7, "right": 0, "tokens": 1}))
    experiment = replace(STAGES, arms=(Arm("line", "nothing", (nothing,)),))
    with pytest.raises(records.RunError, match="of 7 answers none was right"):
        run(experiment, Options("line", "cpu", 3, SMALL), tmp_path / "run", False, lambda now: None)
    assert records.load_checkpoint(tmp_path / "run")[0] == 0
    assert evaluate  # the package is whole


def test_a_run_asks_problems_of_the_size_that_is_set(tmp_path):
    arm = replace(STAGES.arms[0], stages=(Stage("grpo", settings={"steps": 1}),))
    chosen = Options(None, "cpu", 3, SMALL | {"size": 4})
    run(replace(STAGES, arms=(arm,)), chosen, tmp_path, watch=lambda now: None)
    found = records.load_run(tmp_path)
    assert found.config["size"] == 4 and found.samples
    assert all(len(group["numbers"]) == 4 for group in found.samples)
