"""A whole training step beside TRL's stock trainer, on the same problems."""

import tempfile
from pathlib import Path

from r1lab import grpo, policy, rewards, tasks
from r1lab.machine import presets
from r1lab.rollouts import Rollout
from r1lab.running.methods import Place
from r1lab.speed.compare import Row, now, side_by_side
from r1lab.speed.decoding import tiny


def step_row(rounds: int, steps: int = 2) -> Row:
    """A GRPO step of 16 problems x 8 completions of about 200 tokens, with a rate of 0."""
    from r1lab import trl_engine  # TRL takes seconds to import

    preset = presets.named("cpu")
    config = grpo.Config(
        steps=steps + 1, prompts=preset.prompts, group=preset.group, max_new=preset.max_new, lr=0.0
    )
    pool = tasks.problems("countdown", config.prompts * config.steps, seed=1)
    judge = rewards.reward_set("rule")

    def learner() -> policy.Learner:
        model, tokenizer = tiny()
        for name, p in model.named_parameters():
            p.requires_grad_("lora_" in name)
        return policy.learner(model, tokenizer, config.lr)

    def ours() -> float:
        return _cost([_mark(roll) for roll in grpo.train(learner(), pool, judge, config)])

    def theirs() -> float:
        marks = []
        with tempfile.TemporaryDirectory() as folder:
            keep = lambda roll: marks.append(_mark(roll))  # noqa: E731
            trl_engine.grpo(learner(), pool, judge, config, keep, Place(Path(folder), 0))
        return _cost(marks)

    what = "whole training step, 128 completions"
    return side_by_side(what, "TRL GRPOTrainer", "µs a token", ours, theirs, rounds)


def _mark(roll: Rollout) -> tuple[float, int]:
    """When a step was done, and how many tokens it sampled."""
    return now(), int(roll.completions.lengths.sum())


def _cost(marks: list[tuple[float, int]]) -> float:
    """Microseconds a token. The first step pays for starting; the others count."""
    spent = marks[-1][0] - marks[0][0]
    return 1e6 * spent / sum(tokens for _, tokens in marks[1:])
