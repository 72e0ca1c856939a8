"""The course rests on this: the shipped base learns to search by reinforcement learning alone."""

import pytest

from r1lab import grpo, habits, models, policy, rewards, tasks

pytestmark = pytest.mark.slow


def test_the_rich_base_learns_to_search_in_order():
    """Three numbers, 16 steps of 128 completions, at twice the rate of `run habits`."""
    model, tokenizer = models.load("rich")
    model = models.prepare(model, 8, seed=0)
    config = grpo.Config(steps=16, seed=0)
    pool = tasks.problems("countdown", 4096, seed=0)
    learner = policy.learner(model, tokenizer, config.lr)
    right, ordered = [], []
    for roll in grpo.train(learner, pool, rewards.reward_set("rule"), config):
        line = roll.line()
        right.append(line["accuracy"])
        ordered.append(line[habits.key("in order")])
    # three standard errors of the difference are 0.09
    assert sum(right[-3:]) / 3 > sum(right[:5]) / 5 + 0.1
    assert sum(ordered[-3:]) / 3 > 2 * sum(ordered[:5]) / 5
