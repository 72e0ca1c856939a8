"""The course rests on this: the shipped base learns to search by reinforcement learning alone."""

import pytest

from r1lab import grpo, models, policy, rewards, tasks

pytestmark = pytest.mark.slow


def test_the_rich_base_learns_to_try_again():
    """The first 16 steps of `run zero`, seed 0: 128 completions each."""
    model, tokenizer = models.load("rich")
    model = models.prepare(model, 8, seed=0)
    config = grpo.Config(steps=16, seed=0)
    pool = tasks.problems("countdown", 4096, seed=0)
    learner = policy.learner(model, tokenizer, config.lr)
    right, waits = [], []
    for roll in grpo.train(learner, pool, rewards.reward_set("rule"), config):
        right.append(sum(roll.parts["accuracy"]) / len(roll.texts))
        waits.append(
            sum(text.count("Wait") + text.count("Try") for text in roll.texts) / len(roll.texts)
        )
    assert (
        sum(right[-3:]) / 3 > sum(right[:5]) / 5 + 0.1
    )  # three standard errors of the difference are 0.09
    assert sum(waits[-3:]) / 3 > 2 * sum(waits[:5]) / 5
