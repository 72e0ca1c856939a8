"""Minutes: what a calibration leaves behind, and how its parts add up."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from r1lab import experiments, models, preflight, tasks
from r1lab.machine import presets
from r1lab.preflight import Expected, Pace, fits, minutes

pytestmark = pytest.mark.slow

POOL = tasks.problems("countdown", 8, seed=1)
PRESET = replace(presets.named("cpu"), prompts=2, group=3, max_new=40)


def test_a_calibration_moves_nothing_and_is_forgotten():
    model, tokenizer = models.load("rich")
    model = models.prepare(model, 8)
    before = {k: p.detach().clone() for k, p in models.trainable(model).items()}
    pace = preflight.calibrate(model, tokenizer, POOL, PRESET, length=40)
    assert pace.read > 0 and pace.decode > 0 and pace.learn > 0
    after = models.trainable(model)
    assert all(torch.equal(p, after[k]) and after[k].grad is None for k, p in before.items())


@pytest.mark.parametrize(
    ("method", "learning"), [("grpo", 0.5 * 6 * 0.3), ("sft", 2 * 0.3), ("dpo", 2 * 0.8)]
)
def test_minutes_add_up_from_their_parts(method, learning):
    """Two prompts of three completions: 0.5 s of reading, 10 decode steps of 0.1 s, and 20 + 10
    tokens at 0.01 s for each that is learnt from: half of six; two; two pairs, of which a pass
    without a gradient takes a third. On a card all 40 decode steps."""
    pace, hope = Pace(0.5, 0.1, 0.01), Expected(10, 0.5, 1)
    seconds = preflight.seconds(pace, PRESET, 20, hope, method)
    assert seconds == pytest.approx(0.5 + 1.0 + learning)
    card = replace(PRESET, device="cuda")
    assert preflight.seconds(pace, card, 20, hope, method) == pytest.approx(0.5 + 4.0 + learning)


def test_stages_add_up(monkeypatch):
    monkeypatch.setattr(minutes, "calibrate", lambda *_: Pace(0.5, 0.1, 0.01))
    legs = [
        SimpleNamespace(stage=SimpleNamespace(method=method), config=SimpleNamespace(steps=steps))
        for method, steps in (("sft", 6), ("grpo", 3))
    ]
    plan = SimpleNamespace(preset=replace(PRESET, task="addition"), legs=legs)
    found = preflight.predict(None, None, POOL, plan, 20)
    sft, grpo = 0.5 + 4.0 + 2 * 0.6, 0.5 + 4.0 + 6 * 0.6  # nothing recorded: all reach the cap
    assert found["minutes"] == pytest.approx((6 * sft + 3 * grpo) / 60, abs=0.0051)
    assert (found["length"], found["from_runs"]) == (40, 0)


ALIKE = [  # three numbers, the rule, one cap
    run
    for name, arm in (("habits", "rule"), *(("checkpoints", a) for a in ("rule", "512", "64")))
    for run in experiments.recorded(name, arm)
]


def test_what_is_expected_comes_from_recorded_runs_of_the_same_kind():
    known = preflight.expected(presets.named("smol"))
    assert known.recorded >= 3 and 10 < known.length < 16 and 0 < known.signal <= 1
    known = preflight.expected(replace(presets.named("cpu"), size=3))
    assert known.recorded == len(ALIKE)
    assert 35 < known.length < 200  # between the base's and the trained one's
    assert preflight.expected(presets.named("t4")) == Expected(256, 1.0, 0)


def test_the_report_expects_completions_as_long_as_the_recorded_ones(monkeypatch):
    """A pace of one second a sampled token and nothing else: the minutes are the mean length."""
    monkeypatch.setattr(fits, "calibrate", lambda *_: Pace(read=0, decode=1, learn=0))
    lengths = [line["length"] for run in ALIKE for line in run.metrics]
    preset = presets.named("cpu")
    assert fits.minutes(preset) == pytest.approx(preset.steps * sum(lengths) / len(lengths) / 60)
