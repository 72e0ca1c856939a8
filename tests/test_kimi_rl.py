"""Lesson 08's experiment: what its arms change, and its measures by hand."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest
from helpers import on_a_card

from r1lab import experiments, grpo, records
from r1lab.experiments import kimi_rl
from r1lab.records import Run
from r1lab.running.run import run
from r1lab.running.settings import Options, plan

KIMI = experiments.named("kimi")


def digits(share):
    """Of 100 problems, of which the first 80 are those that are looked at on the way."""
    return "1" * round(80 * share) + "0" * (80 - round(80 * share)) + "0" * 20


def run_of(ends, points, costs=(10, 20, 30, 40), **line):
    """Four steps with these costs, looked at after some of them."""
    metrics = [{"step": i + 1, "tokens": c, "update_tokens": 0} | line for i, c in enumerate(costs)]
    for step, share in points.items():
        metrics[step - 1]["held_out"] = share
    before, after = ({"accuracy": a, "right": digits(a)} for a in ends)
    return Run({"seed": 0}, metrics, [], [], {"before": before, "after": after})


@pytest.fixture(autouse=True)
def eighty(monkeypatch):
    monkeypatch.setattr(kimi_rl, "WATCHED", 80)


def test_the_curve_by_hand():
    """The last point is that of the final measurement, whatever was seen on the way."""
    run = run_of((0.1, 0.9), {2: 0.5, 4: 0.8})
    assert kimi_rl.curve(run) == [(0, 0, 10.0), (2, 30, 50.0), (4, 100, 90.0)]
    assert kimi_rl.at_cost(run, 15) == pytest.approx(30.0)
    assert kimi_rl.at_cost(run, 65) == pytest.approx(70.0)
    assert kimi_rl.at_cost(run, 1e9) == 90.0


def test_the_step_that_is_reached_lies_between_measurements():
    run = run_of((0.1, 0.9), {2: 0.5})
    assert kimi_rl.reached(run, 30) == pytest.approx(1.0)
    assert kimi_rl.reached(run, 70) == pytest.approx(3.0)
    assert kimi_rl.reached(run, 5) == 0.0
    assert kimi_rl.reached(run, 95) == 5.0  # never: one more than all
    fell = run_of((0.1, 0.2), {1: 0.6, 3: 0.3})
    assert kimi_rl.reached(fell, 60) == 1.0


def test_two_runs_are_compared_at_what_the_cheaper_one_spent():
    cheap = run_of((0.0, 0.5), {}, costs=(10, 10, 10, 10))
    dear = run_of((0.0, 0.9), {}, costs=(30, 30, 30, 30))
    assert kimi_rl.equal_cost(dear, cheap) == pytest.approx(30 - 50)
    assert kimi_rl.equal_cost(cheap, dear) == pytest.approx(50 - 30)
    harder = run_of((0.0, 0.9), {}, costs=(30, 30, 30, 30))
    harder.summary["after"]["accuracy"] = 0.7  # of all problems; the way up is that of the 80
    assert kimi_rl.equal_cost(harder, cheap) == pytest.approx(70 - 60 - 50)


def test_decoding_steps_for_a_token():
    whole = run_of((0, 1), {}, longest=256, length=40)
    assert kimi_rl.useful(whole) == pytest.approx(4 * 256 / (4 * 40 * 64))
    pieces = run_of((0, 1), {}, longest=256, length=40, decode_steps=128)
    assert kimi_rl.useful(pieces) == pytest.approx(kimi_rl.useful(whole) / 2)
    assert kimi_rl.twice_as_many(whole) == pytest.approx(kimi_rl.useful(whole) / 2)  # all alike
    for line, longest in zip(whole.metrics, (10, 20, 40, 30), strict=True):
        line["longest"] = longest
    assert kimi_rl.twice_as_many(whole) == pytest.approx((20 + 40) / (4 * 40 * 64))


ONE_CHANGE = {
    "grpo": {"loss": "grpo", "scale": "group", "tau": None},
    "better-only": {"learn_from": "better"}, "worse-only": {"learn_from": "worse"},
    "reset": {"fresh_optimizer": True}, "exact": {"baseline": "normaliser"},
    "tau-0.01": {"tau": 0.01}, "tau-1": {"tau": 1.0}, "failures": {"draw": "failures"},
    "balanced": {"draw": "balanced"}, "curriculum": {"draw": "curriculum"},
    "dynamic": {"draw": "dynamic"}, "middle": {"draw": "middle"}, "partial": {"piece": 128},
}  # fmt: skip


def test_each_arm_changes_one_thing():
    first = plan(KIMI, Options("kimi", "cpu", 0))
    for name, change in ONE_CHANGE.items():
        found = plan(KIMI, Options(name, "cpu", 0))
        assert found.legs[0].config == replace(first.legs[0].config, **change), name
        assert found.legs[0].reward == "rule" and found.preset == first.preset
    left = {arm.name for arm in KIMI.arms} - {"kimi", *ONE_CHANGE}
    weights = {f"length-{weight}" for weight in ("0", "0.1", "0.5")}
    assert left == {"length", "length-late", "groups-16", "groups-32", "smol"} | weights


def test_the_two_length_arms_differ_in_the_first_half_alone():
    one, late = (plan(KIMI, Options(name, "cpu", 0)) for name in ("length", "length-late"))
    assert [leg.reward for leg in one.legs] == ["length-1", "length-1"]
    assert [leg.reward for leg in late.legs] == ["rule", "length-1"]
    assert [leg.config for leg in one.legs] == [leg.config for leg in late.legs]
    whole = plan(KIMI, Options("kimi", "cpu", 0)).legs[0].config
    assert sum(leg.config.steps for leg in one.legs) == whole.steps
    assert replace(one.legs[0].config, steps=whole.steps) == whole


def test_weights_of_the_length_reward_differ_in_nothing_else():
    plain = plan(KIMI, Options("length", "cpu", 0))
    for weight in ("0", "0.1", "0.5"):
        found = plan(KIMI, Options(f"length-{weight}", "cpu", 0))
        assert [leg.reward for leg in found.legs] == [f"length-{weight}"] * 2
        assert [leg.config for leg in found.legs] == [leg.config for leg in plain.legs]


def test_groups_have_the_same_answers_and_updates():
    configs = [plan(KIMI, Options(f"groups-{n}", "cpu", 0)).legs[0].config for n in (16, 32)]
    assert [c.prompts * c.group for c in configs] == [kimi_rl.ANSWERS] * 2
    assert replace(configs[0], prompts=2, group=32) == configs[1]


def test_the_answers_that_a_step_learns_from():
    config = plan(KIMI, Options("kimi", "cpu", 0)).legs[0].config
    assert isinstance(config, grpo.Config) and config.prompts * config.group == kimi_rl.ANSWERS
    assert config.steps == kimi_rl.STEPS and config.steps % kimi_rl.EVERY == 0
    assert 24 / 42 * config.steps == pytest.approx(11.43, abs=0.01)  # hard ones from step 12 on


@pytest.mark.parametrize("arm", ["kimi", "partial", "dynamic", "length-late"])
def test_the_call_on_a_card_with_the_true_architecture_at_toy_width(tmp_path, monkeypatch, arm):
    """`run kimi` as the lesson's part on the GPU calls it: preset gpu24, R1's template."""
    on_a_card(monkeypatch, tmp_path / "model", "gpu24")
    settings = {"steps": 2, "prompts": 4, "group": 2, "max_new": 24, "eval_problems": 4}
    settings |= {"early.steps": 1, "rest.steps": 1} if arm == "length-late" else {}
    options = Options(arm, "gpu24", settings=settings)
    summary = run(KIMI, options, tmp_path / "run", watch=lambda now: None)
    assert summary["preset"] == "gpu24" and summary["steps"] == 2
    figure = kimi_rl.compare({arm: [records.load_run(tmp_path / "run")]}, {arm: (arm, "b")}, "loss")
    assert len(figure.axes) == 2


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_numbers(tmp_path):
    """kill -9 while the buffer holds pieces: nothing of the process is left but its files."""
    small = "steps=5 prompts=4 group=4 max_new=64 piece=16 eval_problems=8 train_problems=12"
    command = [sys.executable, "-m", "r1lab", "run", "kimi", "--arm", "partial", "--preset", "cpu"]
    command += [part for pair in small.split() for part in ("--set", pair)]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*command, "--out", str(whole)], check=True, **quiet)
    process = subprocess.Popen([*command, "--out", str(cut)], **quiet)
    written = cut / "metrics.jsonl"
    while process.poll() is None and not (written.exists() and written.read_bytes().count(b"\n")):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -9, "it was done before it could be killed"
    subprocess.run([*command, "--out", str(cut), "--resume"], check=True, **quiet)
    for name in ("metrics.jsonl", "trained/adapter_model.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name
    assert any(line["old_tokens"] > 0 for line in records.load_run(cut).metrics)
