"""What is measured of a base beside its accuracy: chance, forced habits, the forecast."""

import json
import random
import re
import shutil

import pytest
from helpers import tiny_model

from r1lab import evaluate, models, tasks
from r1lab.tasks import Problem
from r1lab.tiny_world import cards, competence, corpus, report
from r1lab.tiny_world.pretrain import wrap_tokenizer
from r1lab.tiny_world.words import WORDS


def test_the_line_of_chance_is_that_of_guesses_counted_by_hand():
    """3 from 1, 1, 1: first + (1/4), then + (1/4). Of all ways 5/8 are legal, for 1 - 1 is not:
    + and any of four, or * or / and any of three. So one guess is right in 1/16 / (5/8) = 1/10."""
    found = competence.chance([Problem("countdown", (1, 1, 1), 3)], 6000, (1, 16))
    assert found["1"] == pytest.approx(0.1, abs=0.015)
    assert found["16"] == pytest.approx(1 - 0.9**16, abs=0.03)
    never = competence.chance([Problem("countdown", (1, 1, 1), 99)], 50, (1, 50))
    assert never == {"1": 0.0, "50": 0.0}


@pytest.mark.parametrize("size", [3, 4])
def test_an_answer_begins_with_the_habit_and_goes_on_from_there(size):
    tokenizer = wrap_tokenizer()
    model = tiny_model(vocabulary=len(tokenizer))
    problems = tasks.problems("countdown", 6, seed=2, size=size)
    how = evaluate.Sampling("tiny", 8, seed=0)
    found = competence.by_habit(model, tokenizer, problems, how)
    assert tuple(found) == competence.BY_SIZE[size]
    assert all(part["n"] == 6 and 0 < part["length"] <= 8 for part in found.values())


def test_the_beginnings_are_those_of_the_text():
    rng, problem = random.Random(0), Problem("countdown", (3, 7, 12), 22)
    words = {word: [said] for word, said in WORDS["en"].items()}
    for _ in range(20):
        thoughts, _ = corpus.think(rng, corpus.RICH, problem, "in order", words)
        assert ("<think>" + thoughts).startswith(competence.beginning(rng, problem, "in order"))
        back = competence.beginning(rng, problem, "backwards")
        assert re.fullmatch(r"<think>(22[-+*/]\d+|\d+-22)=\d+, \d+[-+*/]\d+=22 so ", back)
        again = competence.beginning(rng, problem, "at random")
        assert re.fullmatch(r"<think>\S+, \S+ vs 22 no\. Wait, ", again) and "=22 vs" not in again


def test_a_report_is_written_with_its_card_and_makes_a_row(tmp_path, monkeypatch):
    """Every part of it, on few problems."""
    few = {k: (task, size, 8, 1) for k, (task, size, _, _) in report.STRATA.items()}
    small = {"STRATA": few, "WIDE": 2, "FORCED": 4, "KS": (1, 16, 256), "CAP": {3: 64, 4: 64}}
    for name, value in small.items():
        monkeypatch.setattr(report, name, value)
    folder = tmp_path / "rich"
    shutil.copytree(models.DATA / "models" / "rich", folder)
    report.write("rich", folder)
    found = json.loads((folder / "report.json").read_text())
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card == cards.card(found) and card.startswith("# rich\n")
    assert (
        f"{found['parameters']:,} weights" in card and "knobs that differ from `rich`: none" in card
    )
    for size, names in competence.BY_SIZE.items():
        assert all(f"| {size} | {name} |" in card for name in names)
    head, _, row = cards.table(tmp_path).split("\n")
    assert head.count("|") == row.count("|") and row.startswith(
        "| [rich](data/models/rich/README.md) |"
    )


def test_the_forecast_weighs_shares_against_success():
    guess = {"guess": 0.8, "check": 0.1}
    right = {"guess": 0.1, "check": 0.1, "at random": 0.5, "in order": 0.9}

    def first(**shares):
        return competence.forecast(
            guess | {k.replace("_", " "): v for k, v in shares.items()}, right
        )

    assert first(at_random=0.05, in_order=0.05) == "in order"  # the better one
    assert first(at_random=0.1, in_order=0.0001) == "at random"  # it comes too late
    assert first(at_random=0.05, in_order=0.0) == "at random"  # not known, not learned
    assert first() is None and competence.forecast({"guess": 0.9, "check": 0.1}, right) is None
