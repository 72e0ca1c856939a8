"""SmolLM2 on sums in lessons 06, 08 and 09: what is taught, and what sets an arm apart from its control."""

import json
from dataclasses import replace

import pytest

from r1lab import experiments, grpo, tasks
from r1lab.experiments import distillation
from r1lab.machine import presets
from r1lab.running import methods, settings
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.tiny_world import traces
from r1lab.verify import verify

LESSONS = ("distillation", "kimi", "long2short")
POOL = tasks.problems("addition", 200, 0, "train")


def stages_of(name, arm):
    found = experiments.named(name)
    return settings.settled(found, Options(arm), presets.named("smol")).record["stages"]


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (37, 48, "37 + 48 = 70 + 15 = 85"),
        (98, 96, "98 + 96 = 180 + 14 = 194"),
        (10, 50, "10 + 50 = 60 + 0 = 60"),
    ],
)
def test_a_sum_is_worked_out_by_tens_and_ones(a, b, text):
    assert traces.sum_in_parts(Problem("addition", (a, b), a + b)) == text


def test_every_step_of_a_worked_sum_is_right_and_the_verifier_says_so():
    for problem in POOL:
        text = traces.sum_in_parts(problem)
        values = {sum(map(int, part.split(" + "))) for part in text.split(" = ")}
        assert values == {problem.target} and verify(problem, text).correct
        tens, ones = map(int, text.split(" = ")[1].split(" + "))
        assert tens % 10 == 0 and 0 <= ones <= 18


def test_no_worked_sum_is_taught_twice_and_all_come_from_the_pool():
    config = grpo.Config(steps=6, prompts=8, template="smollm2", seed=3)
    lines, about = distillation.worked(None, None, POOL, config)
    asked = [tuple(line["numbers"]) for line in lines]
    assert len(set(asked)) == 48 == about["answers"] == about["right"] and about["tokens"] == 0
    assert set(asked) <= {p.numbers for p in POOL}
    assert methods.examples(lines)[0][1].startswith(" + ".join(map(str, asked[0])))
    other, _ = distillation.worked(None, None, POOL, replace(config, seed=4))
    assert {tuple(line["numbers"]) for line in other} != set(asked)


def differ(one, other):
    return {key for key in one if one[key] != other[key]}


def test_what_sets_the_arms_apart_from_their_controls():
    (zero,) = stages_of("zero", "smol")
    taught, rl = stages_of("distillation", "smol")
    assert differ(rl, zero) == {"name", "steps", "max_new"} and 2 * rl["steps"] == zero["steps"]
    again, brief = stages_of("long2short", "smol")
    assert again == taught and differ(brief, rl) == {"reward", "scale"}
    (kimi,) = stages_of("kimi", "smol")
    (tiny,) = experiments.named("kimi").arm("kimi").stages
    assert differ(kimi, zero) >= {"updates", "loss"}
    sampled = ("steps", "prompts", "group", "max_new", "temperature", "template", "lr", "reward")
    assert not differ(kimi, zero) & set(sampled)
    own = experiments.named("kimi").arm("kimi").settings
    assert {key: kimi[key] for key in own} == dict(own) and tiny.method == kimi["method"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_an_arm_runs_from_end_to_end(name, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    chosen = {"base": str(toy), "max_new": 8, "eval_problems": 12, "steps": 2}
    chosen |= {} if name == "kimi" else {"rl.steps": 2}
    summary = run(experiments.named(name), Options("smol", None, 5, chosen), tmp_path / "run")
    assert summary["n"] == len(summary["after"]["right"]) == 12
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert (config["task"], config["preset"]) == ("addition", "smol")
    if name != "kimi":
        assert [one["name"] for one in summary["stages"]] == ["worked", "rl"]
        assert summary["material"]["worked"]["pairs"] == 2 * 4
