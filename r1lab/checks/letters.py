"""Where lesson 02's functions are tried: question 91 of its three-letter language, all groups of
four listed, and a table of logits for a training loop."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from r1lab.losses.advantages import group_advantages
from r1lab.losses.policy import Objective, policy_loss

ANSWERS = ("y", "n", "ty", "tn", "tt")
IDS = torch.tensor([["tyn".index(c) for c in (a + "t")[:2]] for a in ANSWERS])
LENGTHS = torch.tensor([len(a) for a in ANSWERS])
RIGHT = torch.tensor([a[-1] == "n" for a in ANSWERS]).double()
START = torch.tensor([[0.2, 0.7, 0.1], [0.2, 0.2, 0.6]], dtype=torch.float64).log()
GROUPS = torch.tensor(list(itertools.product(range(5), repeat=4)))


def _logps(theta: Tensor) -> Tensor:
    """(5,): of each completion, from logits (2, 3): first letter, after t."""
    each = theta.log_softmax(-1)[torch.arange(2), IDS]
    return (each * (torch.arange(2) < LENGTHS[:, None])).sum(-1)


def climb(weigh: Callable, most: int = 150, rate: float = 0.2) -> tuple[float, float, int]:
    """Train on 91 by the expected update, tokens weighted by `weigh`, until 95 % are right.

    weigh: (lengths, advantages), both (625, 4), to the weight of a completion's tokens, made to sum
    to 1 in each group; returns: P(right), P(think first), updates made. Raises ValueError for
    weights that are not positive numbers.
    """
    advantages, lengths = group_advantages(RIGHT[GROUPS]), LENGTHS[GROUPS].double()
    weights = weigh(lengths, advantages)
    if weights is None or weights is ...:
        return math.nan, math.nan, 0
    weights = torch.as_tensor(weights).double().expand(lengths.shape)
    if not (weights.isfinite().all() and (weights > 0).all()):
        raise ValueError("a weight is a positive number")
    weights = weights / (weights * lengths).sum(1, keepdim=True)
    theta, updates = START.clone(), 0
    while True:
        think = float(theta[0].softmax(-1)[0])
        logps = _logps(theta.requires_grad_())
        chance = logps.detach().exp()
        right = float(chance @ RIGHT)
        if right >= 0.95 or updates == most:
            return right, think, updates
        push = chance[GROUPS].prod(1, keepdim=True) * advantages * weights
        pushes = torch.zeros(5).double().index_add(0, GROUPS.flatten(), push.flatten())
        (slope,) = torch.autograd.grad(pushes @ logps, theta)
        theta, updates = theta.detach() + rate * slope, updates + 1


def thinks(weigh: Callable) -> tuple[float, str]:
    """The merit of a weight: how often the policy thinks first at 95 % right; 0 if it does not get
    there in 150 updates."""
    right, think, updates = climb(weigh)
    if right < 0.95:
        return math.nan if math.isnan(right) else 0.0, (
            f"after {updates} updates {100 * right:.1f} % are right: too slow. Which group, made "
            "lighter, gave the time away?"
        )
    return think, (
        f"95 % right after {updates} updates, and {100 * think:.1f} % think first (asked: 60; "
        "GRPO 14, DAPO 25)."
    )


def after_three_updates(train: Callable) -> Tensor | None:
    """What a loop `train(rollout, logps_of, optimizer, steps)` makes of a table of six logits, and
    how many rewards it gave: (7,). None if it did nothing."""
    theta = torch.tensor([[0.3, -0.2, 0.1], [0.0, 0.5, -0.5]], requires_grad=True)
    rewards = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[0, 0, 1], [1, 1, 1]], [[1, 1, 0], [0, 0, 1]]])
    ids = torch.tensor([[0, 1], [1, 1], [2, 0], [2, 2], [0, 2], [1, 0]])
    mask = torch.tensor([[1, 0], [1, 1], [1, 1], [1, 0], [1, 1], [1, 0]]).bool()

    def logps_of(step):
        rows = theta.log_softmax(-1).repeat_interleave(3, dim=0)
        return rows.gather(1, ids.roll(step, 0)), mask

    optimizer = torch.optim.SGD([theta], lr=1.0)
    made = train(lambda step: (step, rewards[step].float()), logps_of, optimizer, 3)
    before = theta.detach().clone()
    given = 0 if made is None or made is ... else sum(1 for _ in made)
    if not given and torch.equal(before, theta) and theta.grad is None:
        return None
    return torch.cat([theta.detach().flatten(), torch.tensor([float(given)])])


def with_slope(answer, ratio, advantage, *eps):
    """Loss and its slope on the ratio: a detached loss has the right value and teaches nothing."""
    ratio = ratio.clone().requires_grad_()
    loss = answer(ratio, advantage, *eps)
    if loss is None or loss is ...:
        return None
    loss = torch.as_tensor(loss)
    slope = torch.autograd.grad(loss.sum(), ratio)[0] if loss.requires_grad else 0 * ratio
    return torch.stack([loss.detach(), slope.detach()]) if loss.shape == slope.shape else loss


def loop(zero=True, step=True, give=True, sign=1, average="completion", compare=None):
    """The loop of the lesson, or one with a slip."""
    compare = compare or group_advantages
    objective = Objective(average=average)

    def train(rollout, logps_of, optimizer, steps):
        for at in range(steps):
            batch, reward = rollout(at)
            now, mask = logps_of(batch)
            loss = policy_loss(now, now, compare(reward).flatten(), mask, objective)
            if zero:
                optimizer.zero_grad()
            (sign * loss).backward()
            if step:
                optimizer.step()
            yield reward

    return train if give else lambda *plugs: [None for _ in train(*plugs)].clear()
