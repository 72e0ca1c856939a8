"""Rewards to advantages: each completion against the others of its group.

P prompts, G completions a group.
"""

from math import log

from torch import Tensor

BASELINES = ("group", "batch", "none", "normaliser")


def zero_variance(rewards: Tensor) -> Tensor:
    """Which groups teach nothing: every completion got the same reward.

    rewards: (P, G); returns: (P,) bool. With success rate p this happens to a group with
    probability p^G + (1-p)^G. DAPO samples such prompts again; R1 and TRL keep them.
    """
    return (rewards == rewards[:, :1]).all(dim=1)


def group_advantages(
    rewards: Tensor,
    scale: str = "group",
    eps: float = 1e-4,
    baseline: str = "group",
    tau: float | None = None,
) -> Tensor:
    """Score each completion against the other completions of the same prompt.

    rewards: (P, G) float; returns: (P, G); with the baseline of the group every row has mean 0.
    A_i = (r_i - mean(r)) / (std(r) + eps), DeepSeek-R1 Eq. 3. scale="group" is that;
    "none" leaves the division out (Dr. GRPO, Kimi k1.5); "batch" divides by the one std of
    all P*G rewards. The std is the n-1 form, as in TRL. The paper does not say which: for
    one right answer of 16 the n form gives the winner 3.87, the n-1 form 3.75.
    Equal rewards give exactly 0; in TRL eight rewards of 0.7 give 6e-4 each, a rounding error.

    baseline: what is taken from a reward. "group" its group's mean, "batch" the mean of all P*G
    (then groups of equal rewards teach, too), "none" nothing, "normaliser" Kimi's exact
    tau * log mean(exp(r / tau)) of the group (k1.5, 2.3.2). Raises ValueError for an unknown
    choice, rewards of another shape, a normaliser without tau, or the deviation of a group without
    its mean (equal rewards would be divided by eps).
    """
    if rewards.dim() != 2 or rewards.shape[1] < 2:
        raise ValueError(f"rewards must be (P, G) with G at least 2, not {tuple(rewards.shape)}")
    if baseline not in BASELINES:
        raise ValueError(f"unknown baseline {baseline!r}: choose one of {', '.join(BASELINES)}")
    if baseline == "normaliser" and not tau:
        raise ValueError("the exact normaliser is Kimi's: it needs a loss with a tau")
    grouped = baseline in ("group", "normaliser")
    if scale == "group" and not grouped:
        raise ValueError(
            f"baseline {baseline!r} takes no mean of a group, so do not divide by its deviation: "
            "set scale to none or batch"
        )
    if baseline == "group":
        advantages = rewards - rewards.mean(dim=1, keepdim=True)
    elif baseline == "batch":
        advantages = rewards - rewards.mean()
    elif baseline == "normaliser":
        mean = ((rewards / tau).logsumexp(dim=1, keepdim=True) - log(rewards.shape[1])) * tau
        advantages = rewards - mean
    else:
        advantages = rewards
    if scale == "group":
        advantages = advantages / (rewards.std(dim=1, keepdim=True) + eps)
    elif scale == "batch":
        advantages = advantages / (rewards.std() + eps)
    elif scale != "none":
        raise ValueError(f"unknown scale {scale!r}: choose group, batch or none")
    if not grouped:
        return advantages
    return advantages.masked_fill(zero_variance(rewards).unsqueeze(1), 0.0)
