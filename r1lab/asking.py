"""Which problems a step of reinforcement learning asks, and how their completions are sampled.

As `config.draw` and `config.piece` say: by `curriculum`, with groups left out (`dynamic`), or in
pieces (`partial`). What must be known at the next step is in `learner.memory`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from r1lab import curriculum, dynamic, evaluate, partial, rollouts
from r1lab.policy import Learner
from r1lab.rollouts import Rollout, Sampled
from r1lab.tasks import Problem

Judge = Callable[[Sampled, list[Problem]], Rollout]  # what was sampled, rewarded and compared


def rollout(learner: Learner, pool: list[Problem], config, step: int, judge: Judge) -> Rollout:
    """The rollout of a step. Its report holds what the draw or the buffer says of itself."""
    if config.piece:
        return _in_pieces(learner, pool, config, step, judge)
    if config.draw == "dynamic":
        return dynamic.rollout(_rounds(learner, pool, config, step, judge), config.prompts)
    if config.draw == "uniform":
        problems = curriculum.uniform(pool, config.prompts, config.seed, step)
        return judge(rollouts.sample(learner, problems, config, step), problems)
    rated = {} if "history" in learner.memory else _begin_history(learner, pool, config)
    history = learner.memory["history"]
    asked = config.prompts, config.seed, step, config.steps, history
    places = curriculum.drawn(config.draw, *asked)
    problems = [pool[i] for i in places]
    roll = judge(rollouts.sample(learner, problems, config, step), problems)
    if config.draw != "middle":  # which goes by the base alone
        curriculum.visited(history, places, [v.correct for v in roll.verdicts])
    return replace(roll, report=rated)


def _in_pieces(learner: Learner, pool, config, step: int, judge: Judge) -> Rollout:
    def numbered(number: int) -> Problem:
        return curriculum.uniform(pool, 1, config.seed, number + 1)[0]

    problems, sampled, counts = partial.sample(learner, numbered, config, step)
    return replace(judge(sampled, problems), report=counts)


def _rounds(learner: Learner, pool, config, step: int, judge: Judge) -> Iterator[Rollout]:
    """Further problems of one step, P at a time, each with random numbers of its own."""
    n = config.prompts
    drawn = curriculum.uniform(pool, dynamic.ROUNDS * n, config.seed, step)
    for k in range(dynamic.ROUNDS):
        problems = drawn[k * n : (k + 1) * n]
        yield judge(rollouts.sample(learner, problems, config, step + 100_000 * k), problems)


def _begin_history(learner: Learner, pool, config) -> dict[str, int]:
    """Nothing was asked yet; or for "middle" what the base's answers to all of the pool say, a
    group each. Gives what that costs, for the report."""
    history = learner.memory["history"] = torch.zeros(len(pool), 2, dtype=torch.long)
    if config.draw != "middle":
        return {}
    seed = 1_000_003 * config.seed
    how = evaluate.Sampling(config.template, config.max_new, seed, config.group)
    found = evaluate.answer(learner.model, learner.tokenizer, pool, how)
    curriculum.visited(history, list(range(len(pool))), found.correct.flatten().tolist())
    return {"rated": len(found.texts), "rated_tokens": sum(found.lengths)}
