"""What is measured of a base beside its accuracy: chance, solutions in the text, forced habits."""

import random
import re

import pytest
from helpers import tiny_model

from r1lab import evaluate, tasks
from r1lab.tasks import Problem
from r1lab.tiny_world import competence, corpus
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
        assert ("<think>" + thoughts).startswith(competence._beginning(rng, problem, "in order"))
        back = competence._beginning(rng, problem, "backwards")
        assert re.fullmatch(r"<think>(22[-+*/]\d+|\d+-22)=\d+ so ", back)
        again = competence._beginning(rng, problem, "at random")
        assert re.fullmatch(r"<think>\S+, \S+ vs 22 no\. Wait, ", again) and "=22 vs" not in again


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
