"""The choices of the policy loss in all combinations, and weights for another sampler's tokens.

Expected values are fractions, or sums over every completion of a two-letter language,
differenced.
"""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from r1lab import losses
from r1lab.losses import PUBLISHED, Objective, policy_loss

CAP = 5
FREE = {"clip_low": math.inf, "clip_high": math.inf}
# One completion of one token, twice as likely as it was, and one of three tokens.
CHANGES = [[2, 1, 1], [4, Fraction(1, 2), 4]]
MASK = torch.tensor([[True, False, False], [True, True, True]])
ADVANTAGES = [3, -2]
RATIOS = {
    "token": [[2], [4, Fraction(1, 2), 4]],
    "sequence": [[2], [8, 8, 8]],
    "geometric": [[2], [2, 2, 2]],
}
WEIGHTS = {
    "completion": [Fraction(1, 2), Fraction(1, 6)],
    "sum": [Fraction(1, 2), Fraction(1, 2)],
    "constant": [Fraction(1, 10), Fraction(1, 10)],
    "step": [Fraction(1, 4), Fraction(1, 4)],
    "micro": [Fraction(1, 4), Fraction(1, 4)],
}


def close(a, b, tolerance=1e-8):
    a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (a, b))
    return a.shape == b.shape and bool((a - b).abs().max() < tolerance)


def token_gradient(changes, advantages, objective):
    logps = torch.tensor([[math.log(x) for x in row] for row in changes], dtype=torch.float64)
    logps.requires_grad_()
    total = losses.loss_divisor(MASK, objective.average, CAP)
    rest = torch.as_tensor(advantages, dtype=torch.float64), MASK, objective, total
    policy_loss(logps, torch.zeros(2, 3), *rest).backward()
    return logps.grad


def padded(rows):
    return [[float(x) for x in row] + [0.0] * (3 - len(row)) for row in rows]


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("average", WEIGHTS)
def test_a_tokens_gradient_is_ratio_times_advantage_times_weight(ratio, average):
    got = token_gradient(CHANGES, ADVANTAGES, Objective(ratio, average, **FREE))
    chosen = zip(RATIOS[ratio], ADVANTAGES, WEIGHTS[average], strict=True)
    assert close(got, padded([[-r * a * w for r in row] for row, a, w in chosen]), 1e-6)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("average", WEIGHTS)
def test_in_the_first_update_only_the_average_makes_a_difference(ratio, average):
    got = token_gradient([[1] * 3] * 2, ADVANTAGES, Objective(ratio, average))
    pushes = zip(ADVANTAGES, WEIGHTS[average], [1, 3], strict=True)
    assert close(got, padded([[-a * w] * n for a, w, n in pushes]))


def test_a_completion_is_clipped_as_one_and_tokens_one_by_one():
    """Ratios 4, 1/2 and 4 with a bad advantage: a token below 4/5 has gone far enough."""
    taken = {
        ratio: (token_gradient(CHANGES, [0, -2], Objective(ratio, "sum")) == 0)[1].tolist()
        for ratio in RATIOS
    }
    assert taken == {
        "token": [False, True, False],
        "sequence": [False] * 3,
        "geometric": [False] * 3,
    }
    good = {
        r: token_gradient(CHANGES, [0, 2], Objective(r, "sum"))[1].count_nonzero() for r in RATIOS
    }
    assert good == {"token": 1, "sequence": 0, "geometric": 0}


def test_the_published_clips_are_those_of_the_papers():
    clips = {k: (o.clip_low, o.clip_high) for k, o in PUBLISHED.items() if o.tau is None}
    wide = dict.fromkeys(("grpo", "printed", "dr_grpo", "bnpo"), (0.2, 0.2))
    assert clips == wide | {"dapo": (0.2, 0.28), "gspo": (0.0003, 0.0004)}


# -- truncated importance sampling ------------------------------------------------------

COMPLETIONS = list(itertools.product(range(2), repeat=2))
PREFIXES = [(), (0,), (1,)]
IDS = torch.tensor(COMPLETIONS)
STATES = torch.tensor([[PREFIXES.index(o[:t]) for t in range(2)] for o in COMPLETIONS])
REWARDS = [1.0, -0.5, 0.25, -2.0]
WHOLE = torch.ones(4, 2)


def table(seed):
    """Logits (prefix, letter)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 2, dtype=torch.float64, generator=generator)


def table_logps(theta):
    return losses.token_logps(theta[STATES], IDS)


def chance(rows, completion, t):
    """Probability of letter t of a completion, in plain Python."""
    logits = rows[PREFIXES.index(completion[:t])]
    return math.exp(logits[completion[t]]) / sum(map(math.exp, logits))


def probability(rows, completion):
    return chance(rows, completion, 0) * chance(rows, completion, 1)


def expected_reward(rows):
    return sum(probability(rows, o) * r for o, r in zip(COMPLETIONS, REWARDS, strict=True))


def slope(function, theta):
    """Gradient of a Python function of a table, by central differences."""
    gradient = torch.zeros_like(theta)
    for i, j in itertools.product(*map(range, theta.shape)):
        ends = []
        for step in (1e-5, -1e-5):
            moved = theta.clone()
            moved[i, j] += step
            ends.append(function(moved.tolist()))
        gradient[i, j] = (ends[0] - ends[1]) / 2e-5
    return gradient


def expected_gradient(theta, old, sampler, weights, objective):
    """Of the loss over completions of `sampler`, each listed once with its probability."""
    drawn = torch.tensor([4 * probability(sampler.tolist(), o) for o in COMPLETIONS]).double()
    advantages = drawn * torch.tensor(REWARDS).double()
    advantages = (
        advantages * weights[:, 0] if weights.shape[1] == 1 else advantages[:, None] * weights
    )
    moving = theta.clone().requires_grad_()
    policy_loss(table_logps(moving), table_logps(old), advantages, WHOLE, objective).backward()
    return moving.grad


@pytest.mark.parametrize("clips", [(0.2, 0.3), (math.inf, math.inf)])
@pytest.mark.parametrize("most", [1.1, 2.0])
def test_weights_of_tokens_multiply_the_clipped_surrogate(clips, most):
    theta, old, sampler = table(0), table(1), table(2)

    def objective(rows):
        total = 0.0
        for o, a in zip(COMPLETIONS, REWARDS, strict=True):
            for t in range(2):
                weight = chance(old.tolist(), o, t) / chance(sampler.tolist(), o, t)
                ratio = chance(rows, o, t) / chance(old.tolist(), o, t)
                clipped = max(1 - clips[0], min(1 + clips[1], ratio))
                surrogate = min(ratio * a, clipped * a)
                total += probability(sampler.tolist(), o) * min(weight, most) * surrogate / 2
        return total

    weights = losses.truncated_weights(table_logps(old), table_logps(sampler), WHOLE, most)
    assert (weights == most).any() and (weights < 1).any()
    got = expected_gradient(theta, old, sampler, weights, Objective("token", "completion", *clips))
    assert close(got, -slope(objective, theta), 1e-7)


def test_only_the_completions_own_weight_is_unbiased_and_a_cut_makes_it_small():
    """On-policy but for the sampler: the slope of J from another policy's samples."""
    theta, sampler, printed = table(0), table(2), PUBLISHED["printed"]
    exact = -slope(expected_reward, theta)
    now, then = (table_logps(x) for x in (theta, sampler))
    sums, one = (now.sum(1, keepdim=True), then.sum(1, keepdim=True)), torch.ones(4, 1)
    whole = losses.truncated_weights(*sums, one, math.inf)
    assert close(expected_gradient(theta, theta, sampler, whole, printed), exact)
    for weights in (
        torch.ones(4, 1),
        losses.truncated_weights(now, then, WHOLE, math.inf),
        losses.truncated_weights(*sums, one, 1.0),
    ):
        assert not close(expected_gradient(theta, theta, sampler, weights, printed), exact, 1e-2)


def test_for_completions_of_one_token_the_tokens_weight_is_the_completions():
    """Two letters, one of them right: sampled with 1/4, trained as 1/2. Slope of J: 1/4."""
    theta = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    logps = theta.log_softmax(-1).T  # (2 completions, 1 token)
    sampler = torch.tensor([[1 / 4], [3 / 4]]).log()
    weights = losses.truncated_weights(logps, sampler, torch.ones(2, 1), 2.0)
    assert close(weights, [[2.0], [2 / 3]], 1e-6)
    advantages = torch.tensor([2 * 1 / 4 * 1.0, 2 * 3 / 4 * 0.0])[:, None] * weights
    policy_loss(logps, logps, advantages, torch.ones(2, 1)).backward()
    assert close(theta.grad, [[-1 / 4, 1 / 4]], 1e-6)


@pytest.mark.parametrize(("ratio", "tokens"), [("sequence", "sum"), ("geometric", "completion")])
def test_a_ratio_of_the_completion_sees_the_mean_weight(ratio, tokens):
    """Weights 1/2 and 2 count as 5/4 for either token; token by token they stay apart."""
    weights = torch.tensor([[0.5, 2.0]], dtype=torch.float64)
    each = 1.0 if tokens == "sum" else 0.5
    for objective, expected in (
        (Objective(ratio, tokens), [[-1.25 * each, -1.25 * each]]),
        (Objective("token", tokens), [[-0.5 * each, -2.0 * each]]),
    ):
        logps = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
        policy_loss(logps, logps, weights, torch.ones(1, 2), objective).backward()
        assert close(logps.grad, expected)


def test_weights_carry_no_gradient_and_do_not_read_padding():
    logps = torch.tensor([[-1.0, math.nan], [-2.0, -1.0]], requires_grad=True)
    sampler = torch.tensor([[-1.0, 5.0], [-2.0 - math.log(3), -1.0 + math.log(4)]])
    mask = torch.tensor([[1, 0], [1, 1]])
    weights = losses.truncated_weights(logps, sampler, mask, 2.0)
    assert not weights.requires_grad
    assert close(weights, [[1.0, 1.0], [2.0, 0.25]], 1e-6)


def test_weights_leave_what_is_clipped_as_it_was():
    logps, old = table_logps(table(0)), table_logps(table(1))
    advantages, objective = torch.tensor(REWARDS), replace(PUBLISHED["dapo"], clip_low=0.1)
    weights = losses.truncated_weights(old, table_logps(table(2)), WHOLE, 1.5)
    plain = losses.clipped_tokens(logps, old, advantages, WHOLE, objective)
    weighted = advantages[:, None] * weights
    assert 0 < plain < 8
    assert losses.clipped_tokens(logps, old, weighted, WHOLE, objective) == plain
