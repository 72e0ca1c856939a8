"""A mark in the prompt, a price for each mark: the task, the reward and the run of three efforts."""

import random

import pytest
from helpers import words

from r1lab import experiments, records, rewards, tasks
from r1lab.experiments import effort
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.tasks.effort import MARKS, effort_of, with_effort
from r1lab.verify import verify

PLAIN = Problem("countdown", (3, 5, 11), 19)


def test_the_prompt_is_countdowns_with_a_mark_that_the_tokenizer_keeps():
    plain = tasks.prompt(PLAIN, "tiny")
    prompts = {e: tasks.prompt(with_effort(PLAIN, e), "tiny") for e in MARKS}
    assert prompts["high"] == plain and len(set(prompts.values())) == 3
    ids = [words()(prompts[e])["input_ids"] for e in ("high", "medium", "low")]
    assert [len(one) - len(ids[0]) for one in ids] == [0, 1, 2]
    assert words().unk_token_id not in sum(ids, [])
    assert "Effort: high." in tasks.prompt(with_effort(PLAIN, "high"), "r1")


def test_it_is_judged_and_split_as_countdown():
    for problem in tasks.problems("effort", 40, 3, "test"):
        same = Problem("countdown", problem.numbers, problem.target)
        assert tasks.split_of(same) == "test"
        for text in ("<answer>3+5+11</answer>", "<answer>x</answer>", ""):
            assert verify(problem, text) == verify(same, text)
    assert verify(with_effort(PLAIN, "low"), "<answer>3+5+11</answer>").correct


def test_all_efforts_are_asked_and_a_wish_can_be_changed():
    drawn = [effort_of(p.question) for p in tasks.problems("effort", 300, 0)]
    assert all(60 < drawn.count(e) < 140 for e in MARKS)
    other = with_effort(with_effort(PLAIN, "low"), "high")
    assert other == with_effort(PLAIN, "high") and effort_of(other.question) == "high"
    with pytest.raises(KeyError):
        with_effort(PLAIN, "lazy")


def test_tokens_cost_what_the_mark_says_and_nothing_else_does():
    rng = random.Random(0)
    asked = [with_effort(PLAIN, e).question for e in MARKS]
    ids = [[0] * rng.randrange(10, 200) for _ in asked]
    found = rewards.effort_price(completion_ids=ids, question=asked)
    prices = [rewards.PRICES[e] for e in MARKS]
    assert found == pytest.approx([-p * len(i) / 100 for p, i in zip(prices, ids, strict=True)])
    assert prices == sorted(prices, reverse=True) and prices[-1] == 0


def test_a_run_measures_the_same_problems_at_three_efforts(tmp_path):
    settings = {"steps": 2, "prompts": 3, "group": 4, "max_new": 40, "eval_problems": 6,
                "train_problems": 12}  # fmt: skip
    run(experiments.named("effort"), Options(settings=settings), tmp_path / "run",
        watch=lambda _: None)  # fmt: skip
    found = records.load_run(tmp_path / "run")
    for when in ("before", "after"):
        assert set(found.summary[when]["effort"]) == set(MARKS)
        assert all(len(one["right"]) == 6 for one in found.summary[when]["effort"].values())
    assert len(effort.right(found, "low")) == 6
    line = found.metrics[-1]
    total = line["reward_accuracy"] + 0.1 * line["reward_format_tags"] + line["reward_effort_price"]
    assert line["reward"] == pytest.approx(total, abs=1e-4)
