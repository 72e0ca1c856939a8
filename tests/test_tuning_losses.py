"""SFT and DPO losses by hand, and their gradients by finite differences."""

import math

import pytest
import torch

from r1lab.losses import dpo_loss, sft_loss


def close(a, b, tolerance=1e-8):
    a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (a, b))
    return a.shape == b.shape and bool((a - b).abs().max() < tolerance)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_sft_is_the_mean_over_tokens_not_over_completions():
    """Tokens of 1/2, 1/4, 1/8 and 1/8: (1 + 2 + 3 + 3) / 4 bits. By completions it is 2.33."""
    logps = torch.tensor([[1 / 2, math.nan, 1.0], [1 / 4, 1 / 8, 1 / 8]]).log()
    mask = torch.tensor([[1, 0, 0], [1, 1, 1]])
    assert close(sft_loss(logps, mask), 9 / 4 * math.log(2), 1e-6)


def test_sft_pushes_every_token_alike_and_padding_not_at_all():
    logps = torch.tensor([[-1.0, math.nan], [-2.0, -9.0]], requires_grad=True)
    sft_loss(logps, torch.tensor([[1, 0], [1, 1]])).backward()
    assert close(logps.grad, [[-1 / 3, 0.0], [-1 / 3, -1 / 3]], 1e-6)


def test_micro_batches_of_sft_add_up_with_the_tokens_of_the_step():
    generator = torch.Generator().manual_seed(0)
    logps = -torch.rand(5, 4, dtype=torch.float64, generator=generator)
    mask = torch.arange(4) < torch.tensor([1, 4, 2, 3, 4])[:, None]
    by_hand = -sum(logps[mask].tolist()) / 14
    assert close(sft_loss(logps, mask), by_hand)
    parts = [sft_loss(logps[rows], mask[rows], 14) for rows in (slice(0, 2), slice(2, 5))]
    assert close(sum(parts), by_hand)


PAIRS = {  # log-probabilities (N,) of two pairs under policy and reference
    "chosen": [-3.0, -10.0],
    "rejected": [-5.0, -4.0],
    "ref_chosen": [-4.0, -9.0],
    "ref_rejected": [-4.0, -6.0],
}


def pairs():
    return {k: torch.tensor(v, dtype=torch.float64) for k, v in PAIRS.items()}


def test_dpo_by_hand():
    """Rewards 0.5 and -0.5 with margin 1; -0.5 and 1 with margin -1.5."""
    loss, chosen, rejected = dpo_loss(*pairs().values(), beta=0.5)
    assert close(chosen, [0.5, -0.5]) and close(rejected, [-0.5, 1.0])
    assert close(loss, [-math.log(sigmoid(1.0)), -math.log(sigmoid(-1.5))])


def test_dpo_starts_at_log_two_where_policy_and_reference_are_one():
    both = pairs()
    loss, chosen, rejected = dpo_loss(*[both["chosen"], both["rejected"]] * 2, beta=0.1)
    assert close(loss, [math.log(2)] * 2)
    assert (chosen == 0).all() and (rejected == 0).all()


def test_dpo_sees_only_what_the_pair_does_not_share():
    """A constant on both of a pair, such as a prompt's probability, changes nothing."""
    given = pairs()
    moved = dpo_loss(given["chosen"] + 7, given["rejected"] + 7, *list(given.values())[2:], 0.5)
    assert close(moved[0], dpo_loss(*given.values(), 0.5)[0], 1e-12)


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_dpos_gradient_is_beta_times_the_chance_it_gives_the_wrong_order(beta):
    """By differences of the loss in plain Python, and as Rafailov et al. section 4 puts it."""

    def mean_loss(values):
        margins = [(c - a) - (d - b) for c, d, a, b in zip(*values, strict=True)]
        return -sum(math.log(sigmoid(beta * m)) for m in margins) / 2

    given = pairs()
    for x in given.values():
        x.requires_grad_()
    dpo_loss(*given.values(), beta)[0].mean().backward()
    assert given["ref_chosen"].grad is None and given["ref_rejected"].grad is None
    for i, name in enumerate(("chosen", "rejected")):
        for j in range(2):
            ends = []
            for step in (1e-6, -1e-6):
                values = [list(v) for v in PAIRS.values()]
                values[i][j] += step
                ends.append(mean_loss(values))
            assert close(given[name].grad[j], (ends[0] - ends[1]) / 2e-6, 1e-7)
    wrong = torch.tensor([sigmoid(-2 * beta), sigmoid(3 * beta)], dtype=torch.float64)
    assert close(given["chosen"].grad, -beta * wrong / 2)
    assert close(given["rejected"].grad, beta * wrong / 2)


def test_dpos_report_carries_no_gradient_and_a_large_margin_stays_finite():
    x = torch.tensor([-1e4, 0.0], requires_grad=True)
    loss, chosen, rejected = dpo_loss(
        x, torch.zeros(2), torch.zeros(2), torch.tensor([0.0, 1e4]), 1.0
    )
    assert not chosen.requires_grad and not rejected.requires_grad
    assert close(loss, [1e4, 0.0], 1e-3)
    loss.sum().backward()
    assert close(x.grad, [-1.0, 0.0])
