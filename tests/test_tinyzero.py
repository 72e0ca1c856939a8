"""TinyZero's findings: what half-way means, and the run on a card that lesson 04 offers."""

from types import SimpleNamespace

import pytest
from helpers import on_a_card

from r1lab import experiments
from r1lab.experiments.tinyzero import halfway
from r1lab.running.run import run
from r1lab.running.settings import Options


@pytest.mark.parametrize(
    ("curve", "final", "step"),
    [
        ([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], 0.8, 3),  # two of the steps 3 to 7: 0.4 in their mean
        ([0.5] * 8, 0.8, 1),  # there from the start, as a start that was taught may be
        ([0.1] * 8, 0.8, 9),  # never: one more than all
        ([0, 0, 0, 1, 0, 0, 0, 0], 0.6, 9),  # one good step is no mean of five
    ],
)
def test_half_way_is_the_first_five_steps_with_half_of_what_is_reached(curve, final, step):
    taught = [{"loss": 0.3}] * 4  # steps of imitation are not counted
    lines = taught + [{"reward": 0.0, "accuracy": value} for value in curve]
    assert halfway(SimpleNamespace(metrics=lines, summary={"after": {"accuracy": final}})) == step


def test_the_call_on_a_card_with_the_true_architecture_at_toy_width(tmp_path, monkeypatch):
    """`run zero` as lesson 04 calls it: preset gpu24, four numbers, R1's template."""
    on_a_card(monkeypatch, tmp_path / "model", "gpu24")
    settings = {"steps": 2, "prompts": 2, "group": 2, "max_new": 24, "eval_problems": 4}
    options = Options(None, "gpu24", settings=settings)
    summary = run(experiments.named("zero"), options, tmp_path / "run", watch=lambda now: None)
    assert summary["preset"] == "gpu24" and summary["after"]["n"] == 4
