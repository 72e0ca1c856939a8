"""The mathematics of the course: tensors in, tensors out, one formula a function.

Here: advantages, the clipped policy loss in its published forms, the three KL estimators,
Kimi's squared loss. Left out: sampling, rewards, the training loop (`grpo`), pass@k and
intervals (`stats`). Lesson 02 builds these functions, lesson 08 the one of Kimi.

P prompts, G completions a group, N = P*G completions, T tokens, V vocabulary. Rows that
belong together stand together: `(P, G).flatten()` is `(N,)`. `mask` (N, T) is true on the
tokens the policy wrote, its end-of-text included. Losses are to be minimised; the papers
write objectives to be maximised. "TRL" is version 1.16; `tests/test_same_as_trl.py` feeds
both the same batch.
"""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

SEQUENCE_KINDS = ("printed", "gspo")  # one ratio for the whole completion
KINDS = ("grpo", "dr_grpo", "dapo", "bnpo", *SEQUENCE_KINDS)


def _log_softmax(logits: Tensor, temperature: float = 1.0) -> Tensor:
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return torch.log_softmax(logits if temperature == 1.0 else logits / temperature, dim=-1)


def token_logps(logits: Tensor, ids: Tensor, temperature: float = 1.0) -> Tensor:
    """The log-probability of every token that was written, log pi(o_t | q, o_<t).

    logits: (N, T, V), the row that predicts each token, not the row at it; ids: (N, T);
    returns: (N, T), float32 or better whatever the model computes in. `temperature` is the
    one the tokens were sampled with: that is the policy that acted. TRL does the same.
    """
    return _log_softmax(logits, temperature).gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def head_logps(
    hidden: Tensor, head: Tensor, ids: Tensor, temperature: float = 1.0, logits: int = 2**24
) -> Tensor:
    """`token_logps` from the last hidden states, without ever holding all logits.

    hidden: (N, H) states that predict each token; head: (V, H); ids: (N,); returns: (N,). At
    most about `logits` logits exist at a time: they are made again in the backward pass, part by
    part, so the gradient is exact and the memory does not grow with N x V.
    """

    def part(h: Tensor, head: Tensor, ids: Tensor) -> Tensor:
        return token_logps(torch.nn.functional.linear(h, head)[None], ids[None], temperature)[0]

    rows = max(1, logits // len(head))
    if len(ids) <= rows:
        return part(hidden, head, ids)
    pieces = zip(hidden.split(rows), ids.split(rows), strict=True)
    return torch.cat([checkpoint(part, h, head, i, use_reentrant=False) for h, i in pieces])


def entropy(logits: Tensor) -> Tensor:
    """How undecided the policy is at each token, in nats: 0 (certain) to log V.

    logits: (N, T, V); returns: (N, T). TRL logs the entropy at the sampling temperature.
    """
    logp = _log_softmax(logits)
    return -(logp.exp() * logp).sum(-1)


def zero_variance(rewards: Tensor) -> Tensor:
    """Which groups teach nothing: every completion got the same reward.

    rewards: (P, G); returns: (P,) bool. With success rate p this happens to a group with
    probability p^G + (1-p)^G. DAPO samples such prompts again; R1 and TRL keep them.
    """
    return (rewards == rewards[:, :1]).all(dim=1)


def group_advantages(rewards: Tensor, scale: str = "group", eps: float = 1e-4) -> Tensor:
    """Score each completion against the other completions of the same prompt.

    rewards: (P, G) float; returns: (P, G), every row has mean 0.
    A_i = (r_i - mean(r)) / (std(r) + eps), DeepSeek-R1 Eq. 3. scale="group" is that;
    "none" leaves the division out (Dr. GRPO, Kimi k1.5); "batch" divides by the one std of
    all P*G rewards. The std is the n-1 form, as in TRL. The paper does not say which: for
    one right answer of 16 the n form gives the winner 3.87, the n-1 form 3.75.
    Equal rewards give exactly 0; in TRL eight rewards of 0.7 give 6e-4 each, a rounding error.
    """
    if rewards.dim() != 2 or rewards.shape[1] < 2:
        raise ValueError(f"rewards must be (P, G) with G at least 2, not {tuple(rewards.shape)}")
    advantages = rewards - rewards.mean(dim=1, keepdim=True)
    if scale == "group":
        advantages = advantages / (rewards.std(dim=1, keepdim=True) + eps)
    elif scale == "batch":
        advantages = advantages / (rewards.std() + eps)
    elif scale != "none":
        raise ValueError(f"unknown scale {scale!r}: choose group, batch or none")
    return advantages.masked_fill(zero_variance(rewards).unsqueeze(1), 0.0)


def importance_ratio(logps: Tensor, old_logps: Tensor, mask: Tensor, kind: str = "grpo") -> Tensor:
    """How much likelier the policy makes what the policy that sampled it wrote.

    logps, old_logps, mask: (N, T); returns: (N, T), exp(logps - old_logps), one ratio a token.
    kind="printed": (N, 1), their product pi(o)/pi_old(o), as R1 Eq. 1 writes it.
    kind="gspo": (N, 1), the product to the power 1/|o|, their geometric mean.
    """
    _check(kind)
    mask = mask.bool()
    log_ratio = (logps - old_logps.detach()).masked_fill(~mask, 0.0)
    if kind in SEQUENCE_KINDS:
        log_ratio = log_ratio.sum(dim=1, keepdim=True)
    if kind == "gspo":
        log_ratio = log_ratio / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return log_ratio.exp()


def policy_loss(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    mask: Tensor,
    kind: str = "grpo",
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    divisor: float | Tensor | None = None,
) -> Tensor:
    """Raise the probability of what did better than its group, but not too far at once.

    logps, old_logps, mask: (N, T); advantages: (N,), or (N, T) where a critic gave one to
    each token; returns: a scalar, -min(ratio * A, clip(ratio, 1-clip_low, 1+clip_high) * A)
    averaged as `aggregate` does for this `kind`:

    grpo     per token, mean over the completion, mean over completions (DeepSeekMath)
    printed  R1 Eq. 1 to the letter: one ratio for the whole completion, no 1/|o|
    dr_grpo  per token, sum / (N * max_length): no completion's length in the divisor
    dapo     per token, mean over all tokens of the step (DAPO Eq. 8; there clip_high=0.28)
    bnpo     per token, mean over the tokens of this micro-batch
    gspo     one ratio to the power 1/|o| (GSPO; there clips of 3e-4 and 4e-4)

    The first update after sampling has ratio 1: nothing is clipped and the gradient is
    REINFORCE's, so `policy_loss(logps, logps, ...)` is REINFORCE (`old_logps` is taken as
    a constant). TRL's default is kind "dapo"; its gspo is importance_sampling_level=
    "sequence" with loss_type="grpo"; "printed" it does not have.

    In micro-batches: pass `divisor=loss_divisor(mask of the step, kind)` and the losses
    and gradients add up to those of the whole step. The KL term is separate, so that any
    estimator can be used: `+ beta * aggregate(kl_k3(logps, ref_logps), mask, kind, divisor)`.
    """
    if advantages.shape not in (logps.shape[:1], logps.shape):
        raise ValueError(f"advantages must be (N,) or (N, T), not {tuple(advantages.shape)}")
    if advantages.dim() == 1:
        advantages = advantages.unsqueeze(1)
    ratio = importance_ratio(logps, old_logps, mask, kind)
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    losses = -torch.min(ratio * advantages, clipped * advantages)
    # One value for a whole completion stands at each of its tokens, so its mean is itself.
    return aggregate(losses, mask, "grpo" if kind in SEQUENCE_KINDS else kind, divisor)


def aggregate(
    values: Tensor, mask: Tensor, kind: str = "grpo", divisor: float | Tensor | None = None
) -> Tensor:
    """One number from a value a token, weighted as `kind` of `policy_loss` weights tokens.

    values: (N, T) (or (N, 1), meant for every token); mask: (N, T); returns: a scalar.
    divisor: what `loss_divisor` gives for the whole step; None if this is the whole step.
    grpo and gspo take the mean over each completion, the others the sum. Only bnpo changes
    with the micro-batches: it takes the mean over the tokens of each, and weights it by its
    number of completions (equal in TRL, so there it is a plain mean).
    """
    if divisor is None:
        divisor = loss_divisor(mask, kind)
    _check(kind)
    mask = mask.bool()
    values = torch.where(mask, values, 0.0)
    if kind in ("grpo", "gspo"):
        values = values / mask.sum(dim=1, keepdim=True).clamp(min=1)
    elif kind == "bnpo":
        values = values * len(mask) / mask.sum().clamp(min=1)
    return values.sum() / divisor


def loss_divisor(mask: Tensor, kind: str = "grpo", max_length: int | None = None) -> float | Tensor:
    """What the losses of one optimiser step are divided by, all micro-batches together.

    mask: (N, T) of the whole step; returns: the number of completions N, of tokens (dapo),
    or N * max_length (dr_grpo; the cap on the length in sampling, never the longest found).
    TRL's dapo counts the tokens of all completions sampled together and divides by the
    number of optimiser steps made of them; with one step the two are the same.
    """
    _check(kind)
    if kind == "dr_grpo":
        if max_length is None:
            raise ValueError(
                "pass divisor=loss_divisor(mask, 'dr_grpo', max_length): it is a constant"
            )
        return len(mask) * max_length
    return mask.sum().clamp(min=1) if kind == "dapo" else len(mask)


def clip_fraction(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    mask: Tensor,
    kind: str = "grpo",
    clip_low: float = 0.2,
    clip_high: float = 0.2,
) -> Tensor:
    """The share of tokens whose gradient the clip took away. Arguments of `policy_loss`.

    A good token whose ratio is above 1 + clip_high, or a bad one below 1 - clip_low; the two
    other sides are never clipped. TRL: clip_ratio/region_mean (for gspo, of completions).
    """
    advantages = advantages.unsqueeze(1) if advantages.dim() == 1 else advantages
    ratio = importance_ratio(logps, old_logps, mask, kind)
    clipped = ((ratio > 1 + clip_high) & (advantages > 0)) | (
        (ratio < 1 - clip_low) & (advantages < 0)
    )
    return (clipped & mask.bool()).sum() / mask.sum().clamp(min=1)


def kl_k1(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """KL(policy || reference) from the policy's own samples: log(pi / pi_ref).

    Any shape, for k2 and k3 too: tokens or whole completions. Its mean is the KL, single
    values may be negative. As a loss it is useless: its expected gradient is 0.
    """
    return logps - ref_logps


def kl_k2(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """Half the squared log-ratio: never negative, a biased estimate of KL(policy || reference),
    but as a loss on the policy's own samples it has the gradient of that KL."""
    return 0.5 * (logps - ref_logps).square()


def kl_k3(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """pi_ref/pi - log(pi_ref/pi) - 1, DeepSeek-R1 Eq. 2: never negative and unbiased.

    As a loss, which is how GRPO uses it, its gradient is that of the *other* KL, KL(reference
    || policy). TRL multiplies it by the ratio (use_bias_correction_kl, on by default), which
    cures that, as `importance_ratio(...) * kl_k3(...)` does here. R1's beta is 0.001, TRL's 0.
    """
    log_ratio = ref_logps - logps
    return torch.expm1(log_ratio) - log_ratio


def kimi_loss(
    logps_sum: Tensor,
    old_logps_sum: Tensor,
    rewards: Tensor,
    tau: float,
    baseline: Tensor | None = None,
    divisor: float | Tensor | None = None,
) -> Tensor:
    """Kimi k1.5's squared loss: move log pi(o) by (r - baseline) / tau, and no further.

    logps_sum, old_logps_sum, rewards: (P, G), log-probabilities of whole completions;
    returns: the mean of (r - baseline - tau * log(pi/pi_old))^2, the paper's L(theta).
    baseline: the group's mean reward, as the paper does in practice; or pass (P, 1), such
    as its tau*log Z = tau * log(mean(exp(r/tau))). Micro-batches pass a baseline and the
    step's number of completions as `divisor`; then the shape (P, G) need not be whole.

    The paper's Eq. 3 is not the gradient of this loss but -1/(2*tau) times it: gradient
    descent here moves 2*tau times Eq. 3. Divide the loss by 2*tau to get Eq. 3's step,
    on-policy that of `policy_loss` kind "printed", scale "none". TRL has no such loss.
    """
    if baseline is None:
        baseline = rewards.mean(dim=1, keepdim=True)
    gap = rewards - baseline - tau * (logps_sum - old_logps_sum.detach())
    return gap.square().sum() / (gap.numel() if divisor is None else divisor)


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
