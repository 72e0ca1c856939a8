"""Votes, best-of-n and budgets against enumeration and against what was really sampled."""

import re
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import torch
from helpers import tiny_model, words

from r1lab import evaluate, models, scorer, search, stats, tasks
from r1lab.evaluate import Answers, Sampling
from r1lab.tasks import Problem
from r1lab.verify import verify

TOKENIZER = words()
HOW = Sampling("tiny", 24, seed=3)


def answers(problem: Problem, texts: list[str]) -> Answers:
    verdicts = [verify(problem, text) for text in texts]
    return Answers([problem], len(texts), texts, [1] * len(texts), [True] * len(texts), verdicts)


def listed(right, scores, n) -> Fraction:
    """Best of n over every set of n, ties shared."""
    total, sets = Fraction(0), list(combinations(range(len(right)), n))
    for chosen in sets:
        top = max(scores[i] for i in chosen)
        tied = [i for i in chosen if scores[i] == top]
        total += Fraction(sum(right[i] for i in tied), len(tied))
    return total / len(sets)


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("scores", [[3, 1, 4, 1.5, 9, 2, 6], [0, 1, 0, 1, 1, 0, 2], [5] * 7])
def test_best_of_n_is_the_mean_over_all_sets(n, scores):
    right = [True, False, False, True, False, True, False]
    assert search.best_of(right, scores, n) == pytest.approx(float(listed(right, scores, n)))


def test_a_perfect_scorer_reaches_pass_at_k_and_a_blind_one_a_random_choice():
    right = [False] * 9 + [True] * 3
    for n in (1, 4, 12):
        assert search.best_of(right, right, n) == pytest.approx(stats.pass_at_k(12, 3, n))
        assert search.best_of(right, [0.0] * 12, n) == pytest.approx(0.25)
    for n in (0, 13):
        with pytest.raises(ValueError, match="best of"):
            search.best_of(right, right, n)


def test_what_a_completion_votes_for():
    asked = Problem("multiplication", (12, 34), 408)
    texts = ["408", " 408 ", "480", "x", "4" * 5000]
    found = answers(asked, [f"<think></think><answer>{t}</answer>" for t in texts] + ["408"])
    assert search.ballots(found) == [["408", "408", "480", None, None, None]]
    many = Problem("countdown", (1, 2, 3), 6)
    with pytest.raises(ValueError, match="no vote on Countdown"):
        search.vote(answers(many, ["<answer>1+2+3</answer>", "<answer>1*2*3</answer>"]), 2)


def test_a_vote_over_all_answers_and_a_weighted_one():
    asked = Problem("multiplication", (12, 34), 408)
    texts = [f"<answer>{t}</answer>" for t in ("480", "480", "408", "408", "408", "8")]
    found = answers(asked, texts)
    assert search.vote(found, 6) == [1.0]
    assert search.vote(found, 1, draws=40_000) == pytest.approx([0.5], abs=0.02)
    votes = search.ballots(found)[0]
    assert search.weighted(votes, [1.0] * 6) == "408"
    assert search.weighted(votes, [0.9, 0.9, 0.1, 0.1, 0.1, 0.5]) == "480"
    assert search.weighted([None, None], [1, 1]) is None


def test_some_answers_of_each_problem():
    asked = tasks.problems("multiplication", 3, 0)
    rows = [f"{i}{j}" for i in range(3) for j in range(4)]
    found = Answers(asked, 4, rows, list(range(12)), [True] * 12, [None] * 12)
    half = search.some(found, 2, 4)
    assert half.texts == ["02", "03", "12", "13", "22", "23"] and half.lengths[2:4] == [6, 7]
    assert half.per_problem == 2 and half.repeated() == [p for p in asked for _ in range(2)]


@pytest.fixture(scope="module")
def rich():
    return models.load("rich")


@pytest.fixture(scope="module")
def found(rich):
    asked = tasks.problems("countdown", 12, 950, "train", 4)
    return evaluate.answer(*rich, asked, Sampling("tiny", 120, 5, 2))


@pytest.mark.parametrize("budget", [0, 8, 40])
def test_a_budget_cuts_the_same_thoughts_and_asks_for_an_answer(rich, found, budget):
    model, tokenizer = rich
    short = search.within(model, tokenizer, found, budget, HOW)
    cut = 0
    for before, after in zip(found.texts, short.texts, strict=True):
        tokens, ended = search.thinks(tokenizer, before)
        if tokens <= budget and ended:
            assert after == before
            continue
        cut += 1
        kept = after[: after.index("</think><answer>")]
        assert before.startswith(kept) and search.length(tokenizer, kept) == budget
    assert cut == len(found.texts) or 0 < cut < len(found.texts)
    sizes = [search.length(tokenizer, text) for text in short.texts]
    seen = [n + e for n, e in zip(sizes, short.ended, strict=True)]  # the end token is no text
    same = [
        n == length if a == b else n - 2 == length
        for n, length, a, b in zip(seen, short.lengths, short.texts, found.texts, strict=True)
    ]
    assert all(same)


def test_a_budget_that_nothing_exceeds_changes_what_the_cap_cut_alone(rich, found):
    model, tokenizer = rich
    same = search.within(model, tokenizer, found, 10_000, HOW)
    pairs = list(zip(found.texts, same.texts, strict=True))
    kept = [a == b for a, b in pairs]
    assert kept == [search.thinks(tokenizer, text)[1] for text in found.texts]
    assert any(kept)


def test_wait_takes_the_place_of_the_end_and_the_model_thinks_on(rich, found):
    model, tokenizer = rich
    longer = search.waited(model, tokenizer, found, "Wait, ", Sampling("tiny", 120, 7))
    for before, after in zip(found.texts, longer.texts, strict=True):
        tokens, ended = search.thinks(tokenizer, before)
        if ended and tokens <= 120 - search.BAND:
            assert after.startswith(re.split("</think>|<answer>", before)[0] + "Wait, ")
            assert search.length(tokenizer, after) <= 121
        else:
            assert after == before
    assert longer.texts != found.texts


def test_answers_behind_other_thoughts_follow_them(rich):
    """Behind thoughts that work out an answer the model says that answer, behind others theirs."""
    model, tokenizer = rich
    asked = Problem("countdown", (3, 5, 11), 19)
    found = answers(asked, ["<think>11+5=16, 16+3=19</think><answer>3+5+11</answer>"] * 8)
    other = ["<think>11*5=55, 55-3=52"] * 8
    new = search.instead(model, tokenizer, found, other, HOW)
    assert [t.startswith("<think>11*5=55, 55-3=52</think><answer>") for t in new.texts] == [
        True
    ] * 8
    assert sum("11*5-3" in re.sub("[()]", "", t) for t in new.texts) >= 6


def test_hostile_completions_are_cut_too(rich):
    model, tokenizer = rich
    texts = ["", "<think>", "</think>", "<answer>7</answer>", "<think></think><think>1", "x" * 300]
    asked = Problem("countdown", (3, 5, 11), 19)
    short = search.within(model, tokenizer, answers(asked, texts), 5, HOW)
    assert len(short.texts) == len(short.verdicts) == len(texts)


def test_the_scorer_learns_what_decides_and_nothing_from_noise():
    rng = torch.Generator().manual_seed(0)
    known = torch.randn(3000, 20, generator=rng)
    right = (known[:, 3] * known[:, 7] > 0).float()  # no single feature shows it
    for truth, low, high in (
        (right, 0.9, 1.0),
        (right[torch.randperm(3000, generator=rng)], 0.4, 0.6),
    ):
        score = scorer.fit(known[:2000], truth[:2000], seed=1, steps=600)
        guessed = score(known[2000:]) > 0.5
        assert low <= (guessed == truth[2000:].bool()).float().mean() <= high


def test_features_are_those_of_the_plain_forward_pass():
    model = tiny_model(vocabulary=len(TOKENIZER))
    asked = tasks.problems("multiplication", 2, 0)
    texts = ["<think>1*2=2</think><answer>2</answer>", "<think>7", "3+4=7", "<answer>9</answer>"]
    found = Answers(asked, 2, texts, [0] * 4, [True] * 4, [None] * 4)
    known = scorer.features(model, TOKENIZER, found, "tiny")
    for row, (text, problem) in enumerate(zip(texts, found.repeated(), strict=True)):
        begun = TOKENIZER(tasks.prompt(problem, "tiny"))["input_ids"]
        ids = begun + TOKENIZER(text)["input_ids"] + [TOKENIZER.eos_token_id]
        with torch.no_grad():
            out = model(torch.tensor([ids]), output_hidden_states=True)
        logps = out.logits[0, :-1].log_softmax(-1)
        logps = logps.gather(1, torch.tensor(ids[1:])[:, None])[len(begun) - 1 :, 0]
        torch.testing.assert_close(known[row, :-3], out.hidden_states[-1][0, -2])
        wanted = [logps.mean(), logps.min(), torch.tensor(len(logps) / 100)]
        torch.testing.assert_close(known[row, -3:], torch.stack(wanted))
    assert np.isfinite(known.numpy()).all() and scorer.MEAN_LOGP == -3
