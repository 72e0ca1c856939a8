"""What training changed, place by place: against the enumeration of a whole small language, and on
completions of the tiny world read by hand."""

import math
from itertools import product
from types import SimpleNamespace

import pytest
import torch

from r1lab import microscope, models, tasks, widgets
from r1lab.widgets import colouring

LETTERS = "abc"


class Table:
    """A policy on two letters of three: the second depends on the first. Token 3 is the prompt."""

    device = "cpu"

    def __init__(self, first, second):
        self.first, self.second = (torch.tensor(x, dtype=torch.float64) for x in (first, second))

    def __call__(self, input_ids):
        rows = [self.first if i == 3 else self.second[i] for i in input_ids[0].tolist()]
        return SimpleNamespace(logits=torch.stack(rows)[None])

    def chance(self, a, b):
        return float(self.first.softmax(-1)[a] * self.second[a].softmax(-1)[b])


class Spelling:
    def __call__(self, text):
        return {"input_ids": [3 if c == "?" else LETTERS.index(c) for c in text]}

    def convert_ids_to_tokens(self, ids):
        return [LETTERS[i] for i in ids]


BASE = Table([0.0, 0.3, -1.0], [[0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0.2, 0.1, 2.0]])
TRAINED = Table([2.0, 0.1, -1.0], [[0.0, 1.5, 0.0], [1.0, -1.0, 0.0], [0.0, 0.1, -2.0]])


def test_what_is_moved_adds_up_to_the_kl_of_whole_completions():
    whole = total = 0.0
    for a, b in product(range(3), repeat=2):
        p, q = BASE.chance(a, b), TRAINED.chance(a, b)
        whole += q * math.log(q / p)
        read = microscope.read(BASE, TRAINED, Spelling(), "?", LETTERS[a] + LETTERS[b])
        assert math.isclose(float(read.trained.prod()), q, rel_tol=1e-5)
        assert math.isclose(float(read.base.prod()), p, rel_tol=1e-5)
        total += q * float(read.moved.sum())
    assert math.isclose(total, whole, rel_tol=1e-5) and whole > 0.5


def test_where_both_agree_nothing_is_moved():
    read = microscope.read(BASE, TRAINED, Spelling(), "?", "ba")
    assert float(read.moved[0]) > 0.1
    assert float(read.moved[1]) == pytest.approx(0, abs=1e-6)
    assert float(microscope.read(BASE, BASE, Spelling(), "?", "ba").moved.abs().max()) == 0


def test_places_of_a_search_read_by_hand():
    text = "<think>13+5=18, 18-2=16 vs 20 no. Wait, 7*2=14</think><answer>13+5+2</answer>"
    pieces = models.load("rich")[1].tokenize(text)
    kinds = [microscope.place(pieces, i) for i in range(len(pieces))]
    E, S, R, V = microscope.REST, microscope.SUM, microscope.RESULT, microscope.VERDICT
    wanted = [
        *(E, S, S, S, S, E),  # <think> 13 + 5 = 18: what `=` gives is no decision
        *(R, S, S, S, S, E),  # ", " 18 - 2 = 16
        *(R, E, E),  # " vs " 20 " no. "
        *(V, S, S, S, S, E),  # "Wait, " 7 * 2 = 14
        R,  # </think>
    ]
    assert kinds == wanted + [E] * (len(kinds) - len(wanted))


def test_a_tally_loses_nothing():
    base, tokenizer = models.load("rich")
    trained, _ = models.load_trained(models.DATA / "runs" / "habits-rule-s0" / "trained", "rich")
    problem = tasks.problems("countdown", 1, 0, "test")[0]
    text = "<think>12*5=60, 60-7=53 vs 24 no. Wait, 12+7=19, 19+5=24 vs 24 yes.</think>"
    asked = tasks.prompt(problem, "tiny")
    readings = [microscope.read(base, trained, tokenizer, asked, t) for t in (text, text[:40])]
    found = microscope.by_place(readings)
    for i, reading in enumerate(readings):
        nats = sum(moved[i] for moved, _ in found.values())
        assert nats == pytest.approx(float(reading.moved.sum()), rel=1e-5)
        assert sum(tokens[i] for _, tokens in found.values()) == len(reading.pieces)


def test_a_coloured_completion_shows_every_token_and_escapes_it():
    pieces = ["<think>", "13", "&", " no. "]
    reading = microscope.Reading(
        pieces, *(torch.tensor(x) for x in ([0.9, 0.2, 1, 0.1], [0.9, 0.8, 1, 0.6], [0, 0.5, 0, 4]))
    )
    page = colouring.page(reading, "what moved")
    assert page.count('title="') == 4 and "&lt;think&gt;" in page and "<think>" not in page
    assert "20→80 %" in page and "10→60 %" in page and "90→90 %" not in page
    assert "rgba(230,159,0,1.00)" in page and "rgba(230,159,0,0.25)" in page
    widgets.coloured(reading, "what moved")
