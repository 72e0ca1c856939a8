"""Dynamic sampling (DAPO, arXiv 2503.14476, 3.2): ask on until enough groups can teach something.

A group whose answers are all right or all wrong has no advantage. Here such groups are left out and
other problems asked in their place, so that each update learns from P mixed groups; what they cost
is counted.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from r1lab import losses
from r1lab.rollouts import Rollout, Sampled
from r1lab.sampler.completions import joined

ROUNDS = 3  # of P problems each, at most; then silent groups fill the places that are left


def mixed(roll: Rollout) -> list[int]:
    """The groups in which some answers are right and some wrong."""
    right = torch.tensor([v.correct for v in roll.verdicts]).view(len(roll.problems), -1)
    return (~losses.zero_variance(right)).nonzero().flatten().tolist()


def rollout(rounds: Iterator[Rollout], groups: int) -> Rollout:
    """A rollout of `groups` groups: the first mixed ones that the rounds give, in their order, and
    silent ones only where the rounds end before. Its report counts the tokens of all that were
    asked."""
    rolls, teaching = [], 0
    for roll in rounds:
        rolls.append(roll)
        teaching += len(mixed(rolls[-1]))
        if teaching >= groups:
            break
    whole = merged(rolls)
    good = mixed(whole)
    rest = [i for i in range(len(whole.problems)) if i not in good]
    found = chosen(whole, (good + rest)[:groups])
    counted = {"tokens": int(whole.completions.lengths.sum()), "asked": len(whole.problems)}
    return replace(found, report=counted)


def merged(rolls: list[Rollout]) -> Rollout:
    """Several rollouts of one step as one."""
    sampled = Sampled(
        [prompt for roll in rolls for prompt in roll.sampled.prompts],
        joined([roll.completions for roll in rolls]),
        [text for roll in rolls for text in roll.texts],
    )
    return Rollout(
        rolls[0].step,
        [problem for roll in rolls for problem in roll.problems],
        sampled,
        [verdict for roll in rolls for verdict in roll.verdicts],
        {name: [v for roll in rolls for v in roll.parts[name]] for name in rolls[0].parts},
        torch.cat([roll.rewards for roll in rolls]),
        torch.cat([roll.advantages for roll in rolls]),
    )


def chosen(roll: Rollout, groups: list[int]) -> Rollout:
    """The rollout with these of its groups alone, in that order."""
    size = roll.group_size
    rows = [group * size + i for group in groups for i in range(size)]
    done = roll.completions
    done = type(done)(done.ids[rows], done.logps[rows], done.lengths[rows], done.ended[rows])
    prompts = [roll.sampled.prompts[group] for group in groups]
    return replace(
        roll,
        problems=[roll.problems[group] for group in groups],
        sampled=Sampled(prompts, done, [roll.texts[row] for row in rows]),
        verdicts=[roll.verdicts[row] for row in rows],
        parts={name: [values[row] for row in rows] for name, values in roll.parts.items()},
        rewards=roll.rewards[groups],
        advantages=roll.advantages[groups],
    )
