"""Lesson 05's experiments: the line of models, on a toy of Qwen's architecture, and its measures."""

import json
from pathlib import Path

import pytest
import torch
from helpers import tiny_model, words
from peft import get_peft_model_state_dict
from safetensors.torch import load_file

from r1lab import evaluate, experiments, models, tasks, verify
from r1lab.experiments import cold_start
from r1lab.running.run import run
from r1lab.running.settings import Options, plan
from r1lab.tiny_world import traces
from r1lab.widgets.growth import moment, page

SMALL = {"template": "r1", "max_new": 24, "eval_problems": 8, "train_problems": 900, "steps": 2}
SMALL |= {f"{stage}.steps": 2 for stage in ("dev1", "dev2", "dev3", "final")}


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """`run cold --arm lineage`, the call of the part "On your GPU", with Qwen2's architecture at toy
    width and R1's template. The toy solves nothing, so what is asked for the third stage is answered
    for it. Gives the folders of the toy and of the run, and the adapter that was asked."""
    place, seen, sampled = tmp_path_factory.mktemp("line"), [], evaluate.answer
    built = tiny_model("qwen2", vocabulary=len(words()))
    built.config.max_position_embeddings = 2048
    built.save_pretrained(place / "toy")
    words().save_pretrained(place / "toy")

    def answered(model, tokenizer, problems, how, *more, **named):
        if len(problems) != cold_start.ASKED:
            return sampled(model, tokenizer, problems, how, *more, **named)
        seen.append({k: v.clone() for k, v in get_peft_model_state_dict(model).items()})
        texts = [traces.trace(p) or "no" for p in problems]
        verdicts = [verify.verify(p, text) for p, text in zip(problems, texts, strict=True)]
        return evaluate.Answers(problems, 1, texts, [9] * len(texts), [True] * len(texts), verdicts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("R1LAB_FAST", "1")
        patch.setattr(evaluate, "answer", answered)
        settings = SMALL | {"base": str(place / "toy")}
        run(experiments.named("cold"), Options("lineage", None, 5, settings), place / "run")
    return place / "toy", place / "run", seen


def samples(folder: Path, stage: str) -> list[dict]:
    lines = map(json.loads, (folder / "samples.jsonl").read_text().splitlines())
    return [one for one in lines if one["stage"] == stage and "prompt" in one]


def test_four_stages_leave_four_models_and_what_they_were_taught(line):
    _, folder, _ = line
    summary = json.loads((folder / "summary.json").read_text())
    assert [part["name"] for part in summary["stages"]] == ["dev1", "dev2", "dev3", "final"]
    assert len(summary["after"]["readable"]) == len(summary["after"]["summed_up"]) == 8
    first, third = samples(folder, "dev1"), samples(folder, "dev3")
    assert len(first) == 500 and all(one["prompt"].startswith("A conv") for one in first)
    tasks_of = [one["task"] for one in third]
    products, searches = tasks_of.count("multiplication"), tasks_of.count("countdown")
    assert products == searches // 3 > 100  # one beside three


def test_the_base_is_taught_what_the_second_model_says(line):
    """Rejection sampling asks dev2, whose weights are in the model then, and not the base that is
    taught; the third stage begins at the base: its LoRA is no continuation."""
    _, folder, seen = line
    (asked,) = seen
    saved = load_file(folder / "trained-dev2" / "adapter_model.safetensors")
    assert asked.keys() == saved.keys()
    for name, tensor in saved.items():
        assert torch.equal(asked[name].half(), tensor), name
    moved = {}
    for stage in ("dev2", "dev3"):
        state = load_file(folder / f"trained-{stage}" / "adapter_model.safetensors")
        moved[stage] = sum(float(v.float().norm()) for k, v in state.items() if "lora_B" in k)
    assert moved["dev3"] < moved["dev2"]  # two steps from nothing, against four


def test_a_reader_trains_a_stage_further_in_one_call(line, tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    toy, folder, _ = line
    settings = {k: v for k, v in SMALL.items() if "." not in k}
    settings |= {"base": str(toy), "grpo.start": str(folder / "trained-dev1")}
    found = run(experiments.named("cold"), Options("zero", None, 5, settings), tmp_path / "on")
    stages = json.loads((folder / "summary.json").read_text())["stages"]
    assert found["before"]["length"] == pytest.approx(stages[0]["length"], rel=0.2)
    model, _ = models.load_trained(folder / "trained-dev1", str(toy))
    assert model.peft_config["default"].r == 8
    config = json.loads((tmp_path / "on" / "config.json").read_text())
    assert config["stages"][0]["start"].endswith("trained-dev1")


def test_the_loss_on_plain_text_is_that_of_the_model_itself():
    """Against transformers' own loss, text by text, weighed by the tokens that are predicted."""
    model, tokenizer = models.load("rich")
    texts = [*cold_start.plain_texts("en", 4), *cold_start.plain_texts("zh", 3)]
    total = count = 0.0
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            total += float(model(ids, labels=ids).loss) * (ids.shape[1] - 1)
        count += ids.shape[1] - 1
    assert evaluate.text_loss(model, tokenizer, texts) == pytest.approx(total / count, rel=1e-4)


def test_a_slider_over_models_shows_their_names_and_no_steps():
    moments = [moment(name, "<think>", "correct") for name in ("base", "dev1", "final")]
    shown = page("得到 22", moments)
    assert "<b>base</b>" in shown and "<b>final</b>" in shown and 'max="2"' in shown
    assert "step base" not in shown and "<think>" not in shown


def test_plain_texts_are_in_one_language():
    for language, other in (("en", "用户"), ("zh", "User")):
        assert not [text for text in cold_start.plain_texts(language, 50) if other in text]


def test_the_step_from_which_on_half_is_reached():
    class Fake:
        metrics = [{"step": 1}] + [
            {"reward": 0, "accuracy": a} for a in (0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1)
        ]  # the first line is of imitation

    assert cold_start.reached(Fake, 0.2) == 1
    assert cold_start.reached(Fake, 0.5) == 5  # 0 0 1 1 1
    assert cold_start.reached(Fake, 1.0) == 7 and cold_start.reached(Fake, 1.1) == 12


def test_the_reinforcement_of_all_arms_is_the_same_but_for_the_reward():
    """So that what differs between two arms is what was taught before."""
    found = {}
    for arm in experiments.named("cold").arms:
        for leg in plan(experiments.named("cold"), Options(arm.name, "cpu", 0)).legs:
            if leg.stage.method == "grpo" and leg.stage.name != "final":
                found[arm.name] = leg.config, leg.sampling.template
    assert len(set(found.values())) == 1 and len(found) == len(experiments.named("cold").arms)


def test_solved_examples_are_asked_for_beside_two_templates(monkeypatch):
    shots = experiments.named("shots")
    (arm,) = shots.arms
    settled = plan(shots, Options(arm.name, None, 0))
    assert settled.preset.name == "smol" and settled.sampling.template == "smollm2"
    asked = []

    def answer(model, tokenizer, problems, how, *more, **named):
        asked.append(how.template)
        verdicts = [verify.verify(p, str(p.target)) for p in problems]
        texts = [str(p.target) for p in problems]
        return evaluate.Answers(problems, 1, texts, [2] * 4, [True] * 4, verdicts)

    monkeypatch.setattr(evaluate, "answer", answer)
    problems = tasks.problems("addition", 4, 0, "test")
    found = shots.measure(None, None, problems, settled)
    assert asked == ["smollm2", "smollm2-3", "r1", "plain"]
    assert found["templates"] == dict.fromkeys(asked[1:], "1111")
