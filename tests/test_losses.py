"""Every formula of `losses` against a value worked out another way: by hand, in fractions,
or by listing every completion of a three-letter language and differencing exact sums."""

import itertools
import math
import statistics
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from r1lab import losses
from r1lab.losses import PUBLISHED, Objective, group_advantages, policy_loss

MAX_LENGTH = 3
END = 2  # letters 0, 1 and END; a completion stops at END or after MAX_LENGTH letters

COMPLETIONS = [
    o
    for n in range(1, MAX_LENGTH + 1)
    for o in itertools.product(range(3), repeat=n)
    if END not in o[:-1] and (o[-1] == END or n == MAX_LENGTH)
]
PREFIXES = [p for n in range(MAX_LENGTH) for p in itertools.product(range(2), repeat=n)]
IDS = torch.tensor([list(o) + [0] * (MAX_LENGTH - len(o)) for o in COMPLETIONS])
MASK = torch.tensor([[t < len(o) for t in range(MAX_LENGTH)] for o in COMPLETIONS])
STATES = torch.tensor(
    [[PREFIXES.index(o[:t]) if t < len(o) else 0 for t in range(MAX_LENGTH)] for o in COMPLETIONS]
)
CLIPPED = {
    f"{ratio} {average}": Objective(ratio, average)
    for ratio in losses.RATIOS
    for average in losses.AVERAGES
}
OBJECTIVES = CLIPPED | {"kimi": PUBLISHED["kimi"]}
every_clipped = pytest.mark.parametrize("objective", CLIPPED.values(), ids=CLIPPED)
every_objective = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
REWARDS = [((7 * i) % 5) / 4 - 0.3 * (i % 2) for i in range(len(COMPLETIONS))]


def policy(seed: int) -> torch.Tensor:
    """Logits (prefix, letter) of a tabular policy."""
    return torch.randn(
        len(PREFIXES), 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def table_logps(theta):
    """(completions, MAX_LENGTH), through the module under test."""
    return losses.token_logps(theta[STATES], IDS)


def log_probability(table, completion) -> float:
    """The same for a whole completion, in plain Python."""
    total = 0.0
    for t, letter in enumerate(completion):
        row = table[PREFIXES.index(completion[:t])]
        total += row[letter] - math.log(sum(math.exp(x) for x in row))
    return total


def expectation(table, values) -> float:
    return sum(
        math.exp(log_probability(table, o)) * v for o, v in zip(COMPLETIONS, values, strict=True)
    )


def divergence(table, other) -> float:
    """KL(table || other) over completions, by its definition."""
    logs = [(log_probability(table, o), log_probability(other, o)) for o in COMPLETIONS]
    return sum(math.exp(p) * (p - q) for p, q in logs)


def slope(function, theta) -> torch.Tensor:
    """Gradient of a Python function of a table, by central differences."""
    gradient, step = torch.zeros_like(theta), 1e-5
    for i, j in itertools.product(*map(range, theta.shape)):
        ends = []
        for sign in (1, -1):
            moved = theta.detach().clone()
            moved[i, j] += sign * step
            ends.append(function(moved.tolist()))
        gradient[i, j] = (ends[0] - ends[1]) / (2 * step)
    return gradient


def gradient_of(function, theta) -> torch.Tensor:
    theta = theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(theta), theta)
    return gradient


def close(a, b, tolerance=1e-8):
    a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (a, b))
    return a.shape == b.shape and bool((a - b).abs().max() < tolerance)


def random_batch(seed: int = 0, n: int = 6, t: int = 5):
    """logps, old_logps, advantages, mask with completions of 1 to t tokens."""
    g = torch.Generator().manual_seed(seed)
    logps = -torch.rand(n, t, dtype=torch.float64, generator=g) * 2
    old = logps + 0.5 * torch.randn(n, t, dtype=torch.float64, generator=g)
    advantages = torch.randn(n, dtype=torch.float64, generator=g)
    lengths = torch.tensor([1 + i % t for i in range(n)])
    return logps, old, advantages, torch.arange(t) < lengths[:, None]


def published(name, clip_low=0.2, clip_high=0.2):
    return replace(PUBLISHED[name], clip_low=clip_low, clip_high=clip_high)


def divisor(mask, objective):
    return losses.loss_divisor(mask, objective.average, max_length=8)


# -- log-probabilities and entropy ------------------------------------------------------


def test_logps_of_counts_are_logs_of_fractions():
    logits = torch.tensor([1.0, 2.0, 5.0]).log().expand(1, 3, 3)
    got = losses.token_logps(logits, torch.tensor([[0, 1, 2]]))
    assert close(got.exp(), [[1 / 8, 2 / 8, 5 / 8]], 1e-6)


def test_a_temperature_of_two_takes_the_root_of_the_counts():
    logits = torch.tensor([1.0, 4.0, 25.0]).log().expand(1, 3, 3)
    got = losses.token_logps(logits, torch.tensor([[0, 1, 2]]), temperature=2.0)
    assert close(got.exp(), [[1 / 8, 2 / 8, 5 / 8]], 1e-6)


def test_half_precision_logits_are_raised_before_the_softmax():
    logits = torch.tensor([[[8.0, 8.0, 1.0, -3.0]]], dtype=torch.bfloat16)
    got = losses.token_logps(logits, torch.tensor([[1]]))
    assert got.dtype == torch.float32
    assert close(got, [[-math.log(2 + math.exp(-7) + math.exp(-11))]], 1e-6)


def test_the_probabilities_of_all_completions_are_right_and_sum_to_one():
    theta = policy(0)
    got = (table_logps(theta) * MASK).sum(1).exp()
    assert len(COMPLETIONS) == 15
    assert close(got.sum(), 1.0)
    assert close(got, [math.exp(log_probability(theta.tolist(), o)) for o in COMPLETIONS])


def test_entropy_is_three_halves_of_a_bit_for_a_half_and_two_quarters():
    logits = torch.tensor([[[2.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1e30, 1.0, 1.0]]]).log()
    assert close(losses.entropy(logits), [[1.5 * math.log(2), math.log(3), 0.0]], 1e-6)


# -- advantages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "winner", "loser"),
    [(1, 3.75, -0.25), (8, math.sqrt(15) / 4, -math.sqrt(15) / 4), (15, 0.25, -3.75)],
)
def test_binary_rewards_in_a_group_of_sixteen(right, winner, loser):
    """F2. The n form would give sqrt((1-p)/p): 3.87, 1 and 0.26."""
    rewards = torch.tensor([[1.0] * right + [0.0] * (16 - right)], dtype=torch.float64)
    got = group_advantages(rewards, eps=0.0)[0]
    assert close(got, [winner] * right + [loser] * (16 - right))
    p = Fraction(right, 16)
    assert close(got[0] * math.sqrt(16 / 15), math.sqrt((1 - p) / p))


def test_mean_and_deviation_are_those_of_the_statistics_module():
    rows = [[0.0, 0.1, 1.1, 0.1], [1.0, 0.0, 0.0, 0.5]]
    everything = [r for row in rows for r in row]
    for scale in ("group", "batch", "none"):
        expected = []
        for row in rows:
            spread = {
                "group": statistics.stdev(row),
                "batch": statistics.stdev(everything),
                "none": 1 - 1e-4,
            }
            expected.append([(r - statistics.fmean(row)) / (spread[scale] + 1e-4) for r in row])
        assert close(group_advantages(torch.tensor(rows, dtype=torch.float64), scale), expected)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_advantages_ignore_a_constant_and_keep_the_order(scale):
    rewards = torch.tensor([[0.0, 0.1, 1.1, 0.1], [1.0, 0.0, 0.0, 0.5]], dtype=torch.float64)
    got = group_advantages(rewards, scale)
    shift = torch.tensor([[3.0], [-7.0]]) if scale != "batch" else 3.0
    assert close(group_advantages(rewards + shift, scale), got, 1e-12)
    assert close(got.sum(1), [0.0, 0.0], 1e-12)
    order = [2, 0, 3, 1]
    assert close(group_advantages(rewards[:, order], scale), got[:, order], 1e-12)


def test_only_the_scaled_forms_ignore_the_size_of_rewards():
    rewards = torch.tensor([[0.0, 0.1, 1.1, 0.1]], dtype=torch.float64)
    assert close(group_advantages(10 * rewards, eps=0.0), group_advantages(rewards, eps=0.0))
    assert close(group_advantages(10 * rewards, "none"), 10 * group_advantages(rewards, "none"))


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
@pytest.mark.parametrize("size", [2, 3, 6, 7, 8, 16])
def test_equal_rewards_give_exactly_zero_whatever_the_rounding(scale, size):
    rewards = torch.tensor([0.1, 0.2, 0.3, 0.6, 0.7, 0.9, 1.1, 0.0]).unsqueeze(1).repeat(1, size)
    assert (group_advantages(rewards, scale) == 0).all()


def test_one_group_teaches_beside_one_that_does_not():
    got = group_advantages(torch.tensor([[0.1, 0.1, 0.1], [0.1, 0.1, 1.0]]), "batch")
    assert (got[0] == 0).all() and (got[1] != 0).all()


def test_other_baselines_by_hand():
    """Two groups; of the exact normaliser: 0.5 log((1 + e^2) / 2) = 0.7169."""
    rewards = torch.tensor([[0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    got = group_advantages(rewards, "none", baseline="batch")
    assert got.tolist() == [[-0.75, 0.25], [0.25, 0.25]]
    assert group_advantages(rewards, "none", baseline="none").tolist() == rewards.tolist()
    got = group_advantages(rewards, "none", baseline="normaliser", tau=0.5)
    assert close(got, [[-0.71689, 0.28311], [0.0, 0.0]], 1e-5)
    warm = group_advantages(rewards, "none", baseline="normaliser", tau=1e4)
    assert close(warm, group_advantages(rewards, "none"), 1e-4)  # it becomes the mean
    with pytest.raises(ValueError, match="group, batch, none, normaliser"):
        group_advantages(rewards, baseline="median")
    with pytest.raises(ValueError, match="tau"):
        group_advantages(rewards, baseline="normaliser")


def test_a_group_of_one_has_nobody_to_compare_with():
    for rewards in (torch.ones(3, 1), torch.ones(3)):
        with pytest.raises(ValueError, match="at least 2"):
            group_advantages(rewards)
    with pytest.raises(ValueError, match="group, batch or none"):
        group_advantages(torch.ones(3, 2), "std")


def test_groups_teach_nothing_with_probability_p_to_the_g_plus_the_rest():
    p, size = Fraction(1, 4), 4
    groups = list(itertools.product([0, 1], repeat=size))
    silent = losses.zero_variance(torch.tensor(groups))
    share = sum(
        p ** sum(g) * (1 - p) ** (size - sum(g))
        for g, s in zip(groups, silent.tolist(), strict=True)
        if s
    )
    assert share == Fraction(1 + 3**4, 4**4)


# -- the policy gradient, on-policy ------------------------------------------------------


def test_first_update_follows_advantage_times_gradient_of_log_probability():
    """F1: for any group, gradient = -(1/G) sum A_i grad log pi(o_i)."""
    theta, picked = policy(1), [0, 4, 9, 14]
    advantages = group_advantages(torch.tensor([[0.0, 1.0, 0.1, 1.1]], dtype=torch.float64))[0]
    by_hand = slope(
        lambda table: (
            -sum(
                a * log_probability(table, COMPLETIONS[i])
                for a, i in zip(advantages.tolist(), picked, strict=True)
            )
            / 4
        ),
        theta,
    )

    def loss(t):
        logps = table_logps(t)[picked]
        return policy_loss(logps, logps, advantages, MASK[picked], PUBLISHED["printed"])

    assert close(gradient_of(loss, theta), by_hand)
    # Token by token it is the same sum, but for the divisor.
    for kind, factor in (("dr_grpo", 1 / MAX_LENGTH), ("dapo", 4 / MASK[picked].sum().item())):

        def loss(t, kind=kind):
            logps = table_logps(t)[picked]
            total = losses.loss_divisor(MASK[picked], PUBLISHED[kind].average, MAX_LENGTH)
            return policy_loss(logps, logps, advantages, MASK[picked], PUBLISHED[kind], total)

        assert close(gradient_of(loss, theta), by_hand * factor)


def test_grpo_and_gspo_divide_each_completion_by_its_length():
    theta, picked = policy(1), [0, 4, 9, 14]
    advantages = [0.5, -1.5, 2.0, -1.0]
    by_hand = slope(
        lambda table: (
            -sum(
                a * log_probability(table, COMPLETIONS[i]) / len(COMPLETIONS[i])
                for a, i in zip(advantages, picked, strict=True)
            )
            / 4
        ),
        theta,
    )
    for kind in ("grpo", "gspo"):

        def loss(t, kind=kind):
            logps = table_logps(t)[picked]
            weight = torch.tensor(advantages).double()
            return policy_loss(logps, logps, weight, MASK[picked], PUBLISHED[kind])

        assert close(gradient_of(loss, theta), by_hand)


def test_a_ratio_beyond_float32_is_clipped_and_no_nan():
    """8,192 tokens at +0.011 each: e^90. A clipped good completion pulls nothing, one without an
    advantage costs nothing."""
    for advantage, loss in ((1.0, -1.2), (0.0, 0.0)):
        now = torch.full((1, 8192), 0.011, requires_grad=True)
        mask, old = torch.ones(1, 8192, dtype=torch.bool), torch.zeros(1, 8192)
        found = policy_loss(now, old, torch.tensor([advantage]), mask, PUBLISHED["printed"])
        (pull,) = torch.autograd.grad(found, now)
        assert found.item() == pytest.approx(loss, abs=1e-6) and not pull.any()


def every_completion(theta, old, kind, baseline=0.4, clip=math.inf):
    """The expected loss over completions of `old`: each once, weighted by its probability.

    The loss is linear in a positive factor of the advantages, so the weight can sit there.
    """
    n = len(COMPLETIONS)
    weight = torch.tensor([n * math.exp(log_probability(old.tolist(), o)) for o in COMPLETIONS])
    advantages = weight.double() * (torch.tensor(REWARDS).double() - baseline)
    objective = published(kind, clip, clip)
    total = losses.loss_divisor(MASK, objective.average, MAX_LENGTH)
    return policy_loss(table_logps(theta), table_logps(old), advantages, MASK, objective, total)


def test_expected_gradient_is_that_of_the_expected_reward_unless_divided_by_length():
    theta = policy(2)
    exact = slope(lambda table: expectation(table, REWARDS), theta)
    got = {
        k: gradient_of(lambda t, k=k: every_completion(t, theta, k), theta)
        for k in ("printed", "dr_grpo", "grpo")
    }
    assert close(got["printed"], -exact, 1e-6)
    assert close(got["dr_grpo"], -exact / MAX_LENGTH, 1e-6)
    cosine = torch.nn.functional.cosine_similarity(got["grpo"].flatten(), -exact.flatten(), dim=0)
    assert cosine < 0.99


def test_whole_completion_ratio_is_exact_off_policy_and_token_ratio_is_not():
    theta, old = policy(2), policy(3)
    objective = expectation(theta.tolist(), REWARDS) - 0.4
    assert close(every_completion(theta, old, "printed"), -objective, 1e-6)
    exact = slope(lambda table: expectation(table, REWARDS), theta)
    assert close(gradient_of(lambda t: every_completion(t, old, "printed"), theta), -exact, 1e-6)
    tokens = gradient_of(lambda t: every_completion(t, old, "dr_grpo"), theta)
    assert not close(tokens, -exact / MAX_LENGTH, 1e-3)


def test_a_groups_own_mean_shrinks_the_gradient_by_g_minus_one_over_g():
    """All 225 groups of two, weighted by probability: Dr. GRPO's gradient is half of J's."""
    theta = policy(4)
    pairs = torch.tensor(list(itertools.product(range(len(COMPLETIONS)), repeat=2)))
    p = torch.tensor([math.exp(log_probability(theta.tolist(), o)) for o in COMPLETIONS]).double()
    weight = p[pairs].prod(1, keepdim=True) * len(pairs)
    advantages = weight * group_advantages(torch.tensor(REWARDS).double()[pairs], "none")

    def loss(t):
        logps, rows = table_logps(t), pairs.flatten()
        rest = advantages.flatten(), MASK[rows], PUBLISHED["printed"]
        return policy_loss(logps[rows], logps[rows], *rest)

    exact = slope(lambda table: expectation(table, REWARDS), theta)
    assert close(gradient_of(loss, theta), -exact / 2, 1e-6)


def test_the_sampling_policy_is_a_constant_so_passing_it_twice_is_reinforce():
    logps = torch.tensor([[-1.0, -2.0], [-0.5, -3.0]], requires_grad=True)
    rest = torch.tensor([2.0, -1.0]), torch.ones(2, 2), PUBLISHED["printed"]
    policy_loss(logps, logps, *rest).backward()
    assert close(logps.grad, [[-1.0, -1.0], [0.5, 0.5]])


# -- normalisers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("grpo", Fraction(-1, 2)),  # -(2 - 1)/2
        ("printed", Fraction(-1, 2)),
        ("gspo", Fraction(-1, 2)),
        ("dr_grpo", Fraction(1, 16)),  # -(2*1 - 1*3) / (2*8)
        ("dapo", Fraction(1, 4)),  # -(2*1 - 1*3) / 4
        ("bnpo", Fraction(1, 4)),
    ],
)
def test_one_token_of_two_against_three_of_minus_one(kind, expected):
    logps, mask = torch.zeros(2, 3), torch.tensor([[1, 0, 0], [1, 1, 1]])
    rest = torch.tensor([2.0, -1.0]), mask, PUBLISHED[kind]
    got = policy_loss(logps, logps, *rest, divisor(mask, PUBLISHED[kind]))
    assert close(got, float(expected), 1e-6)


@pytest.mark.parametrize(
    ("kind", "short", "long"),
    [
        ("grpo", 1 / 2, 1 / 6),
        ("dr_grpo", 1 / 16, 1 / 16),
        ("dapo", 1 / 4, 1 / 4),
        ("printed", 1 / 2, 1 / 2),
    ],
)
def test_grpo_forgives_a_long_wrong_answer_and_dr_grpo_does_not(kind, short, long):
    """Two wrong completions, one of one token, one of three: the push on each token."""
    logps, mask = torch.zeros(2, 3, requires_grad=True), torch.tensor([[1, 0, 0], [1, 1, 1]])
    total = divisor(mask, PUBLISHED[kind])
    policy_loss(logps, logps, -torch.ones(2), mask, PUBLISHED[kind], total).backward()
    assert close(logps.grad, [[short, 0, 0], [long, long, long]], 1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("grpo", 3),
        ("gspo", 3),
        ("printed", 7),
        ("dr_grpo", 14 / 16),
        ("dapo", 14 / 4),
        ("bnpo", 14 / 4),
    ],
)
def test_a_kl_term_is_averaged_as_its_kind_says_and_padding_is_not_read(kind, expected):
    """One completion of the value 2, one of 1, 4 and 7: means 2 and 4, sums 2 and 12."""
    values = torch.tensor([[2.0, torch.nan, torch.inf], [1.0, 4.0, 7.0]])
    mask = torch.tensor([[1, 0, 0], [1, 1, 1]])
    got = losses.aggregate(values, mask, PUBLISHED[kind].average, divisor(mask, PUBLISHED[kind]))
    assert close(got, expected, 1e-6)


@every_objective
def test_padding_changes_nothing_whatever_stands_there(objective):
    logps, old, advantages, mask = random_batch()
    junk = torch.full((6, 2), torch.nan, dtype=torch.float64)
    wide = torch.cat([logps, junk], 1).requires_grad_()
    wide_mask = torch.cat([mask, torch.zeros(6, 2, dtype=torch.bool)], 1)
    total = divisor(mask, objective)
    loss = policy_loss(wide, torch.cat([old, junk], 1), advantages, wide_mask, objective, total)
    assert close(loss, policy_loss(logps, old, advantages, mask, objective, total), 1e-12)
    loss.backward()
    assert (wide.grad[~wide_mask] == 0).all()
    narrow = gradient_of(lambda x: policy_loss(x, old, advantages, mask, objective, total), logps)
    assert close(wide.grad[:, :5], narrow, 1e-12)
    assert narrow[mask].abs().max() > 0


@pytest.mark.parametrize("name", [k for k in OBJECTIVES if "micro" not in k])
def test_micro_batches_add_up_to_the_step(name):
    objective = OBJECTIVES[name]
    logps, old, advantages, mask = random_batch(n=7)
    total = divisor(mask, objective)
    whole_divisor = total if objective.average == "constant" else None
    ref = old.roll(1, 0)

    def step(x, rows, d):
        kl = losses.aggregate(losses.kl_k3(x[rows], ref[rows]), mask[rows], objective.average, d)
        return (
            policy_loss(x[rows], old[rows], advantages[rows], mask[rows], objective, d) + 0.1 * kl
        )

    parts = [slice(0, 1), slice(1, 4), slice(4, 7)]

    def together(x):
        return sum(step(x, rows, total) for rows in parts)

    def whole(x):
        return step(x, slice(None), whole_divisor)

    assert close(together(logps), whole(logps), 1e-12)
    assert close(gradient_of(together, logps), gradient_of(whole, logps), 1e-12)


def test_bnpo_is_the_mean_of_its_micro_batches_and_differs_from_the_step():
    logps, mask = torch.zeros(2, 3), torch.tensor([[1, 0, 0], [1, 1, 1]])
    advantages = torch.tensor([2.0, -1.0])
    parts = [
        policy_loss(logps[[i]], logps[[i]], advantages[[i]], mask[[i]], PUBLISHED["bnpo"], 2)
        for i in (0, 1)
    ]
    assert close(sum(parts), -(2.0 - 1.0) / 2)
    assert close(policy_loss(logps, logps, advantages, mask, PUBLISHED["bnpo"]), 1 / 4)


@every_objective
def test_the_order_of_completions_does_not_matter(objective):
    logps, old, advantages, mask = random_batch()
    order = [3, 0, 5, 1, 4, 2]
    rest = objective, divisor(mask, objective)
    shuffled = policy_loss(logps[order], old[order], advantages[order], mask[order], *rest)
    assert close(shuffled, policy_loss(logps, old, advantages, mask, *rest), 1e-12)


@every_objective
def test_a_masked_completion_teaches_nothing_and_an_empty_step_is_zero(objective):
    logps, old, advantages, mask = random_batch()
    mask = mask.clone()
    mask[2] = False
    rest = objective, divisor(mask, objective)
    gradient = gradient_of(lambda x: policy_loss(x, old, advantages, mask, *rest), logps)
    assert (gradient[2] == 0).all() and gradient.abs().sum() > 0
    nothing = torch.zeros_like(mask)
    rest = objective, divisor(nothing, objective)
    assert policy_loss(logps, old, advantages, nothing, *rest) == 0


@every_clipped
def test_a_group_of_equal_rewards_moves_nothing(objective):
    logps, old, _, mask = random_batch()
    advantages = group_advantages(torch.full((2, 3), 0.7, dtype=torch.float64)).flatten()
    rest = objective, divisor(mask, objective)
    gradient = gradient_of(lambda x: policy_loss(x, old, advantages, mask, *rest), logps)
    assert (gradient == 0).all()


def test_each_token_may_have_its_own_advantage():
    logps, mask = torch.zeros(2, 3), torch.tensor([[1, 1, 0], [1, 1, 1]])
    advantages = torch.tensor([[1.0, 3.0, 99.0], [2.0, -2.0, 6.0]])
    assert close(policy_loss(logps, logps, advantages, mask), -(2 + 2) / 2)


def test_wrong_calls_say_what_to_do():
    logps, old, advantages, mask = random_batch()
    with pytest.raises(ValueError, match=r"advantages must be \(N,\)"):
        policy_loss(logps, old, advantages.view(2, 3), mask)
    with pytest.raises(ValueError, match=r"\(N,\) for Kimi's term"):
        policy_loss(logps, old, advantages.unsqueeze(1).expand(6, 5), mask, PUBLISHED["kimi"])
    with pytest.raises(ValueError, match="unknown average 'gpro'"):
        losses.aggregate(logps, mask, "gpro", divisor=1)
    with pytest.raises(ValueError, match="unknown average 'gpro'"):
        losses.loss_divisor(mask, "gpro")
    with pytest.raises(ValueError, match="unknown ratio 'gpro': choose one of token, sequence"):
        losses.importance_ratio(logps, old, mask, "gpro")
    with pytest.raises(ValueError, match="pass divisor="):
        policy_loss(logps, old, advantages, mask, PUBLISHED["dr_grpo"])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ratio": "word"}, "unknown ratio 'word'"),
        ({"average": "mean"}, "unknown average 'mean'"),
        ({"clip_low": -0.1}, "at least 0"),
        ({"clip_high": -0.1}, "at least 0"),
        ({"ratio": "sequence", "tau": 0.0}, "tau must be above 0"),
        ({"ratio": "token", "tau": 0.1}, 'set ratio="sequence"'),
        ({"ratio": "geometric", "tau": 0.1}, 'set ratio="sequence"'),
    ],
)
def test_an_objective_without_meaning_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Objective(**wrong)


# -- ratio and clip ---------------------------------------------------------------------


@every_clipped
@pytest.mark.parametrize(
    ("advantage", "ratio", "loss", "moves"),
    [
        (1.0, 1.5, -1.2, False),  # good and already likelier: enough
        (1.0, 0.5, -0.5, True),  # good but rarer than it was: go on
        (-1.0, 1.5, 1.5, True),  # bad and likelier than it was: go on
        (-1.0, 0.5, 0.8, False),  # bad and already rarer: enough
        (1.0, 1.1, -1.1, True),
        (-1.0, 0.9, 0.9, True),
    ],
)
def test_the_clip_stops_only_what_has_gone_far_enough_the_right_way(
    objective, advantage, ratio, loss, moves
):
    logps = torch.tensor([[math.log(ratio)]], dtype=torch.float64, requires_grad=True)
    rest = torch.zeros(1, 1), torch.tensor([advantage]), torch.ones(1, 1)
    got = policy_loss(logps, *rest, objective, divisor=1)
    assert close(got, loss, 1e-7)
    got.backward()
    assert close(logps.grad, [[-advantage * ratio if moves else 0.0]], 1e-7)
    assert losses.clip_fraction(logps, *rest, objective) == (0.0 if moves else 1.0)


@pytest.mark.parametrize(
    ("advantage", "ratio", "clip_low", "clip_high", "loss"),
    [
        (1.0, 1.25, 0.2, 0.28, -1.25),  # clip-higher lets it pass
        (1.0, 1.25, 0.2, 0.20, -1.20),
        (1.0, 1.50, 0.2, 0.28, -1.28),
        (-1.0, 0.75, 0.2, 0.28, 0.80),  # and leaves the lower side alone
        (-1.0, 0.75, 0.3, 0.20, 0.75),
        (-1.0, 0.01, 10.0, 10.0, 0.01),  # R1's clip of 10 has no lower side
    ],
)
def test_the_two_sides_of_the_clip_are_apart(advantage, ratio, clip_low, clip_high, loss):
    logps = torch.tensor([[math.log(ratio)]], dtype=torch.float64)
    rest = torch.zeros(1, 1), torch.tensor([advantage]), torch.ones(1, 1)
    objective = Objective(clip_low=clip_low, clip_high=clip_high)
    assert close(policy_loss(logps, *rest, objective), loss, 1e-7)


def test_token_ratios_are_clipped_where_their_product_is_not():
    logps = torch.tensor([[2.0, 0.5]]).log()
    rest = torch.zeros(1, 2), torch.ones(1), torch.ones(1, 2)
    assert close(policy_loss(logps, *rest, published("grpo")), -(1.2 + 0.5) / 2, 1e-6)
    assert close(policy_loss(logps, *rest, published("dapo")), -(1.2 + 0.5) / 2, 1e-6)
    assert close(policy_loss(logps, *rest, published("dr_grpo"), divisor=4), -(1.2 + 0.5) / 4, 1e-6)
    assert close(policy_loss(logps, *rest, published("printed")), -1.0, 1e-6)
    assert close(policy_loss(logps, *rest, published("gspo")), -1.0, 1e-6)


def test_the_ratio_of_a_completion_is_a_product_and_gspos_its_geometric_mean():
    logps = torch.tensor([[2.0, 1 / 8, 77.0], [3.0, 3.0, 3.0]], dtype=torch.float64).log()
    old, mask = torch.zeros(2, 3), torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert close(
        losses.importance_ratio(logps, old, mask, "token"), [[2.0, 1 / 8, 1.0], [3.0, 3.0, 3.0]]
    )
    assert close(losses.importance_ratio(logps, old, mask, "sequence"), [[1 / 4], [27.0]])
    assert close(losses.importance_ratio(logps, old, mask, "geometric"), [[1 / 2], [3.0]])


@every_clipped
def test_clip_fraction_counts_the_tokens_whose_gradient_is_gone(objective):
    logps, old, advantages, mask = random_batch(n=40)
    objective = replace(objective, clip_low=0.1, clip_high=0.3)
    rest = objective, divisor(mask, objective)
    gradient = gradient_of(lambda x: policy_loss(x, old, advantages, mask, *rest), logps)
    gone = ((gradient == 0) & mask).sum() / mask.sum()
    assert 0.05 < gone < 0.95
    assert losses.clip_fraction(logps, old, advantages, mask, objective) == gone
    taken = losses.clipped_tokens(logps, old, advantages, mask, objective)
    assert taken == ((gradient == 0) & mask).sum()
    parts = [slice(0, 3), slice(3, 20), slice(20, 40)]
    batch = logps, old, advantages, mask
    assert taken == sum(losses.clipped_tokens(*(x[r] for x in batch), objective) for r in parts)


def test_nothing_is_clipped_in_the_first_update():
    logps, _, advantages, mask = random_batch()
    narrow = Objective(clip_low=1e-9, clip_high=1e-9)
    assert losses.clip_fraction(logps, logps, advantages, mask, narrow) == 0


def test_kimis_term_has_no_clip():
    logps, old, advantages, mask = random_batch()
    assert losses.clipped_tokens(logps, old, advantages, mask, Objective("sequence", tau=1.0)) == 0


# -- KL ---------------------------------------------------------------------------------

P, Q = [0.6, 0.3, 0.1], [0.3, 0.3, 0.4]


def test_k1_and_k3_estimate_kl_of_policy_from_reference_and_not_the_other_way():
    """0.2773 is KL(P || Q); with the sign of the log-ratio turned round k3 gives 0.2477."""
    exact = 0.6 * math.log(2) + 0.1 * math.log(1 / 4)
    assert round(exact, 4) == 0.2773
    p, q = torch.tensor(P).double(), torch.tensor(Q).double()
    for estimator in (losses.kl_k1, losses.kl_k3):
        assert close((p * estimator(p.log(), q.log())).sum(), exact, 1e-7)
        assert not close((p * estimator(q.log(), p.log())).sum(), exact, 1e-2)


def test_kl_of_single_tokens_in_fractions():
    logps, ref = (
        torch.tensor([1 / 2, 1 / 4, 1 / 4]).log(),
        torch.tensor([1 / 4, 1 / 2, 1 / 4]).log(),
    )
    assert close(losses.kl_k1(logps, ref), [math.log(2), -math.log(2), 0.0], 1e-6)
    assert close(losses.kl_k2(logps, ref), [math.log(2) ** 2 / 2, math.log(2) ** 2 / 2, 0.0], 1e-6)
    assert close(losses.kl_k3(logps, ref), [math.log(2) - 1 / 2, 1 - math.log(2), 0.0], 1e-6)


def test_over_completions_the_sum_of_token_k3_is_the_exact_kl():
    theta, ref = policy(5), policy(6)
    exact = divergence(theta.tolist(), ref.tolist())
    probability = torch.tensor(
        [math.exp(log_probability(theta.tolist(), o)) for o in COMPLETIONS]
    ).double()
    weight = probability.unsqueeze(1) * len(COMPLETIONS)
    for estimator in (losses.kl_k1, losses.kl_k3):
        tokens = estimator(table_logps(theta), table_logps(ref))
        assert close(losses.aggregate(weight * tokens, MASK, "sum"), exact, 1e-6)
        whole = estimator((table_logps(theta) * MASK).sum(1), (table_logps(ref) * MASK).sum(1))
        assert close((probability * whole).sum(), exact, 1e-6)


def test_k2_is_biased_and_k3_never_negative():
    p, q = torch.tensor(P).double(), torch.tensor(Q).double()
    assert not close((p * losses.kl_k2(p.log(), q.log())).sum(), 0.2773, 1e-2)
    assert (losses.kl_k3(p.log(), q.log()) >= 0).all()
    assert (losses.kl_k3(p.log(), p.log()) == 0).all()


def test_a_small_k3_survives_float32():
    logps, x = torch.tensor([-1.0]), Fraction(1, 2**13)
    exact = x**2 / 2 - x**3 / 6  # e^-x + x - 1, and less than x^4 more
    assert abs(losses.kl_k3(logps, logps - float(x)).item() / float(exact) - 1) < 1e-2


@pytest.mark.parametrize(
    ("estimator", "target"),
    [("k1", "none"), ("k2", "reverse"), ("k3", "forward"), ("corrected k3", "reverse")],
)
def test_gradient_of_each_estimator_as_a_loss_on_fixed_samples(estimator, target):
    """Completions of one letter, each weighted by its probability at the time of sampling."""
    theta, ref = policy(7)[:1], policy(8)[:1]
    old = torch.log_softmax(theta, -1)
    functions = {"k1": losses.kl_k1, "k2": losses.kl_k2}

    def loss(t):
        logps, ref_logps = torch.log_softmax(t, -1), torch.log_softmax(ref, -1)
        values = functions.get(estimator, losses.kl_k3)(logps, ref_logps)
        if estimator == "corrected k3":
            values = values * losses.importance_ratio(logps, old, torch.ones(1, 3), "token")
        return (old.exp() * values).sum()

    def softmax(row):
        total = sum(map(math.exp, row))
        return [math.exp(x) / total for x in row]

    def kl(p, q):
        return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))

    q = softmax(ref.tolist()[0])
    targets = {
        "none": torch.zeros(1, 3).double(),
        "reverse": slope(lambda table: kl(softmax(table[0]), q), theta),
        "forward": slope(lambda table: kl(q, softmax(table[0])), theta),
    }
    assert not close(targets["reverse"], targets["forward"], 1e-2)
    assert close(gradient_of(loss, theta), targets[target])


def held_prefixes(table, other, start, forward=False) -> float:
    """KL of the next letter after each prefix, weighted by the prefix's probability under `start`."""
    total = 0.0
    for i, prefix in enumerate(PREFIXES):
        p, q = (
            [x - math.log(sum(map(math.exp, row))) for x in row] for row in (table[i], other[i])
        )
        p, q = (q, p) if forward else (p, q)
        kl = sum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True))
        total += math.exp(log_probability(start, prefix)) * kl
    return total


def kl_loss_gradient(name, theta, ref, each, average="sum") -> torch.Tensor:
    """Expected gradient of an estimator as a loss on samples of theta itself: one value a token or
    one a completion."""
    chance = torch.tensor([math.exp(log_probability(theta.tolist(), o)) for o in COMPLETIONS])
    weight = chance.double().unsqueeze(1) * len(COMPLETIONS)
    estimator = losses.kl_k2 if name == "k2" else losses.kl_k3

    def loss(t):
        now, then, mask = table_logps(t), table_logps(ref), MASK
        if each == "completion":
            now, then = ((x * MASK).sum(1, keepdim=True) for x in (now, then))
            mask = torch.ones(len(COMPLETIONS), 1)
        values = estimator(now, then)
        if name == "ratio * k3":
            values = values * losses.importance_ratio(now, now, mask, "token")
        return losses.aggregate(weight * values, mask, average)

    return gradient_of(loss, theta)


@pytest.mark.parametrize("name", ["k2", "k3", "ratio * k3"])
def test_over_completions_the_gradient_is_that_of_a_kl_over_tokens_the_prefixes_are_held(name):
    """Completions of one to three letters. Neither is the other, and 1/|o| changes it once more."""
    theta, ref = policy(7), policy(8)
    table, other = theta.tolist(), ref.tolist()
    if name == "k3":
        whole = slope(lambda t: divergence(other, t), theta)
    else:
        whole = slope(lambda t: divergence(t, other), theta)
    held = slope(lambda t: held_prefixes(t, other, table, forward=name == "k3"), theta)
    assert close(kl_loss_gradient(name, theta, ref, "completion"), whole, 1e-6)
    assert close(kl_loss_gradient(name, theta, ref, "token"), held, 1e-6)
    assert not close(whole, held, 1e-2)
    assert not close(kl_loss_gradient(name, theta, ref, "token", "completion"), held, 1e-2)


def test_on_tokens_the_kl_can_pull_the_wrong_way():
    """Two letters, length two, uniform reference. Letter 0 leads to a row far from the reference, so
    more of it raises the KL; token by token it only looks as if the first row came nearer."""
    start = [[-0.3, 0.0], [3.0, 0.0], [0.0, 0.0]]  # first letter; after 0; after 1
    step = 1e-6

    def share(row):
        return math.exp(row[0]) / (math.exp(row[0]) + math.exp(row[1]))

    def kl(p):
        return p * math.log(2 * p) + (1 - p) * math.log(2 - 2 * p)

    def over_completions(x):
        p, after = share([x, 0.0]), [share(row) for row in start[1:]]
        pairs = [(a * b, a * b * math.log(4 * a * b)) for a, q in ((p, after[0]), (1 - p, after[1]))
                 for b in (q, 1 - q)]  # fmt: skip
        assert sum(chance for chance, _ in pairs) == pytest.approx(1)
        return sum(value for _, value in pairs)

    wanted = (over_completions(-0.3 + step) - over_completions(-0.3 - step)) / (2 * step)
    held = (kl(share([-0.3 + step, 0.0])) - kl(share([-0.3 - step, 0.0]))) / (2 * step)
    assert wanted == pytest.approx(0.0494, abs=5e-5) and held == pytest.approx(-0.0733, abs=5e-5)

    theta, ref = torch.tensor(start).double(), torch.tensor(0.5).double().log()
    both = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])

    def logps(t):
        rows = t.log_softmax(-1)
        return torch.stack([rows[0][both[:, 0]], rows[1:][both[:, 0], both[:, 1]]], 1)

    chance = logps(theta).sum(1).exp()

    def token_wise(t, ratio):
        now = logps(t)
        corrected = (now - now.detach()).exp() * losses.kl_k3(now, ref)
        return (chance[:, None] * (corrected if ratio else losses.kl_k2(now, ref))).sum()

    def whole(t):
        return (chance * losses.kl_k2(logps(t).sum(1), 2 * ref)).sum()

    assert gradient_of(whole, theta)[0, 0].item() == pytest.approx(wanted, abs=1e-6)
    for ratio in (False, True):
        found = gradient_of(lambda t, ratio=ratio: token_wise(t, ratio), theta)[0, 0].item()
        assert found == pytest.approx(held, abs=1e-6)


# -- Kimi k1.5 --------------------------------------------------------------------------


def kimis_loss(logps, old_logps, rewards, tau, mask=None, baseline=None):
    """The paper's L(theta) of one group of k completions, 2 * tau times our loss.

    rewards: (k,); logps, old_logps: (k, T), or (k,) sums: a completion is one token then.
    """
    if logps.dim() == 1:
        logps, old_logps = logps.unsqueeze(1), old_logps.unsqueeze(1)
        mask = torch.ones_like(logps)
    advantages = rewards - (rewards.mean() if baseline is None else baseline)
    objective = replace(PUBLISHED["kimi"], tau=tau)
    return 2 * tau * policy_loss(logps, old_logps, advantages, mask, objective)


def test_kimi_takes_the_sampling_policy_as_a_constant():
    """On-policy the gradient is -2 * tau * (r - mean r) / k."""
    logps = torch.tensor([-1.0, -5.0], requires_grad=True)
    kimis_loss(logps, logps, torch.tensor([1.0, 0.0]), 0.5).backward()
    assert close(logps.grad, [-0.25, 0.25])


def test_kimi_loss_in_fractions():
    """r - mean is 1/2, -1/2; tau * log-ratio is 1/4, -1/2: squares 1/16 and 0, mean 1/32."""
    logps, old = torch.tensor([-1.5, -4.0]), torch.tensor([-2.0, -3.0])
    assert close(kimis_loss(logps, old, torch.tensor([1.0, 0.0]), tau=0.5), 1 / 32)


@pytest.mark.parametrize("tau", [0.01, 0.3, 2.0])
def test_kimi_gradient_is_minus_two_tau_times_the_papers_eq_3(tau):
    """F10. Eq. 3 is the slope of (1/k) sum [(r - mean r) log pi - (tau/2) log(pi/pi_i)^2]."""
    theta, old = policy(9), policy(10)
    picked, rewards = [1, 5, 8, 12], [1.0, 0.0, 0.1, 1.0]

    def ascent(table):
        terms = []
        for i, r in zip(picked, rewards, strict=True):
            now, before = (log_probability(x, COMPLETIONS[i]) for x in (table, old.tolist()))
            terms.append((r - 0.525) * now - tau / 2 * (now - before) ** 2)
        return sum(terms) / 4

    def loss(t):
        now, before = (table_logps(x)[picked] for x in (t, old))
        return kimis_loss(now, before, torch.tensor(rewards).double(), tau, MASK[picked])

    assert close(gradient_of(loss, theta), -2 * tau * slope(ascent, theta), 1e-7)


LETTERS = [0, 0, 1, 2]  # four samples that stand exactly for the probabilities 1/2, 1/4, 1/4
KIMI_REWARDS = [1.0, 1.0, 0.0, 0.25]
KIMI_OLD = torch.tensor([2.0, 1.0, 1.0]).log().double()


def kimi_group(theta, tau, **options):
    now, before = (torch.log_softmax(x, -1)[..., LETTERS].flatten() for x in (theta, KIMI_OLD))
    return kimis_loss(now, before, torch.tensor(KIMI_REWARDS).double(), tau, **options)


def test_kimis_first_step_climbs_the_expected_reward():
    def reward(table):
        weights = [math.exp(x) for x in table[0]]
        return (weights[0] * 1.0 + weights[2] * 0.25) / sum(weights)

    theta = KIMI_OLD.unsqueeze(0)
    assert close(gradient_of(lambda t: kimi_group(t, 0.3), theta), -0.6 * slope(reward, theta))


def test_kimis_loss_vanishes_at_the_closed_form_policy_with_the_exact_baseline():
    """F8: pi* = pi_i exp(r/tau) / Z. With the mean reward for tau*log Z it does not."""
    tau = 0.3
    best = KIMI_OLD + torch.tensor([1.0, 0.0, 0.25]).double() / tau
    z = math.exp(1 / tau) / 2 + 1 / 4 + math.exp(0.25 / tau) / 4
    exact = {"baseline": tau * math.log(z)}
    assert close(kimi_group(best, tau, **exact), 0.0)
    assert close(gradient_of(lambda t: kimi_group(t, tau, **exact), best), torch.zeros(3))
    assert kimi_group(best, tau) > 1e-3


def test_kimi_pulls_back_to_the_sampling_policy_where_rewards_are_equal():
    """Unlike GRPO: gradient 2 * tau^2 * log-ratio / k."""
    logps = torch.tensor([-1.0, -5.0], requires_grad=True)
    kimis_loss(logps, torch.tensor([-2.0, -2.0]), torch.tensor([0.5, 0.5]), 0.5).backward()
    assert close(logps.grad, [0.25, -0.75])


def test_kimis_first_step_is_that_of_the_printed_form_without_a_scale():
    logps, _, advantages, mask = random_batch()
    got = {
        k: gradient_of(lambda x, k=k: policy_loss(x, logps, advantages, mask, PUBLISHED[k]), logps)
        for k in ("kimi", "printed")
    }
    assert close(got["kimi"], got["printed"], 1e-12) and got["printed"].abs().max() > 0.1


@every_objective
def test_a_completion_of_advantage_zero_has_no_gradient_where_it_may_be_skipped(objective):
    """And where it may not, it has one, or it changes that of the others."""
    logps, old, advantages, mask = random_batch()
    advantages[[1, 4]] = 0.0
    total, rest = divisor(mask, objective), [0, 2, 3, 5]

    def gradient(rows):
        batch = old[rows], advantages[rows], mask[rows], objective, total
        return gradient_of(lambda x: policy_loss(x[rows], *batch), logps)

    assert close(gradient(rest), gradient(list(range(6))), 1e-12) == objective.skips_zero_advantage


@pytest.mark.parametrize("limit", [1, 17, 40, 10**6])  # rows of 9 logits at a time: 1, 1, 4, all
def test_log_probabilities_in_parts_and_their_gradients_are_those_of_all_logits_at_once(limit):
    g = torch.Generator().manual_seed(0)
    hidden = torch.randn(11, 6, generator=g, dtype=torch.float64, requires_grad=True)
    head = torch.randn(9, 6, generator=g, dtype=torch.float64, requires_grad=True)
    ids, weight = (
        torch.randint(9, (11,), generator=g),
        torch.randn(11, generator=g, dtype=torch.float64),
    )
    got = losses.head_logps(hidden, head, ids, 0.7, limit)
    expected = torch.stack(
        [
            (head @ h / 0.7)[i] - torch.logsumexp(head @ h / 0.7, 0)
            for h, i in zip(hidden, ids, strict=True)
        ]
    )
    torch.testing.assert_close(got, expected)
    gradients = [torch.autograd.grad((x * weight).sum(), (hidden, head)) for x in (got, expected)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)
