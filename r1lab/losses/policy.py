"""The policy loss as independent choices: what a ratio belongs to, how tokens are averaged,
where the clip stands. The published losses are rows of the table `PUBLISHED`."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

RATIOS = ("token", "sequence", "geometric")
AVERAGES = ("completion", "sum", "constant", "step", "micro")


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"unknown {name} {value!r}: choose one of {', '.join(known)}")


@dataclass(frozen=True)
class Objective:
    """Which policy loss. Every ratio goes with every average, because each does one job.

    ratio: whose probability is compared with that at sampling, and clipped as one.
        token      each token alone. Forgets that the tokens before it have changed too.
        sequence   the completion: the product over its tokens. Exact, and wild when long.
        geometric  that product to the power 1/|o|, the mean ratio of its tokens.
    average: how much each token counts.
        completion  mean over a completion's tokens, then over completions: 1/(N |o|)
        sum         sum over a completion's tokens, then mean over completions: 1/N
        constant    sum over all, by a constant: 1/(N max_length)
        step        mean over all tokens of the optimiser step
        micro       mean over the tokens of each micro-batch, then over those
    clip_low, clip_high: ratios stop paying outside [1 - clip_low, 1 + clip_high].
    tau: a number puts Kimi k1.5's squared term in the place of ratio, advantage and clip
        (which is not read then), on the log-ratio of the completion.

    Unless clipped, the gradient on a token's log-probability is minus ratio * advantage *
    weight, the ratio from the first choice and the weight from the second. In the first
    update after sampling all ratios are 1, and only the average makes a difference.
    Raises ValueError for an unknown choice, a negative clip, a tau without meaning.
    """

    ratio: str = "token"
    average: str = "completion"
    clip_low: float = 0.2
    clip_high: float = 0.2
    tau: float | None = None

    def __post_init__(self):
        _check("ratio", self.ratio, RATIOS)
        _check("average", self.average, AVERAGES)
        if min(self.clip_low, self.clip_high) < 0:
            raise ValueError("clip_low and clip_high are distances from a ratio of 1: at least 0")
        if self.tau is not None and self.tau <= 0:
            raise ValueError(f"tau must be above 0, not {self.tau}: the loss is divided by it")
        if self.tau is not None and self.ratio != "sequence":
            raise ValueError('Kimi\'s term compares whole completions: set ratio="sequence"')

    @property
    def skips_zero_advantage(self) -> bool:
        """Whether a completion of advantage 0 may be left out of a micro-batch: it has no
        gradient. Kimi's term pulls it back; "micro" counts its tokens."""
        return self.tau is None and self.average != "micro"


PUBLISHED = {
    "grpo": Objective("token", "completion"),  # DeepSeekMath Eq. 3, and TRL's "grpo"
    # The clipped term of DeepSeek-R1 Eq. 1 to the letter; not in TRL. The KL term that `grpo` adds
    # stays one value a token, summed: Eq. 2 has one a completion, with another gradient.
    "printed": Objective("sequence", "sum"),
    "dr_grpo": Objective("token", "constant"),  # with advantages of scale "none"
    "dapo": Objective("token", "step", 0.2, 0.28),  # DAPO Eq. 8; TRL's default, with 0.2
    "bnpo": Objective("token", "micro"),
    "gspo": Objective("geometric", "completion", 3e-4, 4e-4),
    # Kimi k1.5 2.3.2 does not give its tau; this one is ours. With scale "none".
    "kimi": Objective("sequence", "sum", math.inf, math.inf, tau=0.1),
}


def chosen(loss: str, **choices) -> Objective:
    """A published loss with some of its choices changed; None changes nothing. Raises ValueError
    for an unknown loss, and as `Objective` does."""
    _check("loss", loss, tuple(PUBLISHED))
    return replace(PUBLISHED[loss], **{k: v for k, v in choices.items() if v is not None})


def importance_ratio(logps: Tensor, old_logps: Tensor, mask: Tensor, ratio: str) -> Tensor:
    """How much likelier the policy makes what the policy that sampled it wrote.

    logps, old_logps, mask: (N, T); returns: exp(logps - old_logps) as `Objective` says:
    (N, T) for "token", (N, 1) for "sequence" and "geometric". No gradient to old_logps.
    """
    return _log_ratio(logps, old_logps, mask, ratio).exp()


def policy_loss(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    mask: Tensor,
    objective: Objective = PUBLISHED["grpo"],
    divisor: float | Tensor | None = None,
) -> Tensor:
    """Raise the probability of what did better than its group, but not too far at once.

    logps, old_logps, mask: (N, T); advantages: (N,), or (N, T) with one for each token, from
    a critic or times `truncated_weights`; returns: a scalar, the `objective.average` of
    -min(ratio * A, clip(ratio, 1-clip_low, 1+clip_high) * A). A ratio of the whole
    completion meets each token's advantage in turn, so their mean is what counts.

    With `objective.tau` it is the average of (A - tau * log(pi/pi_old))^2 / (2 tau), where
    Kimi k1.5 has A = r - mean(r), or r - tau * log mean(exp(r / tau)) to be exact. The
    paper's L(theta) is 2 tau times this; its Eq. 3 is minus this gradient to the letter.

    `policy_loss(logps, logps, ...)` is REINFORCE: `old_logps` is a constant, all ratios are
    1, nothing is clipped. In micro-batches: pass `divisor=loss_divisor(mask of the step,
    average)` and losses and gradients add up to those of the step. A KL term is separate,
    so that any estimator can be used: `+ beta * aggregate(kl_k3(logps, ref_logps), mask,
    objective.average, divisor)`. That is one value a token whatever the ratio is, "printed"
    included: see `kl_k1` for what its gradient is. Raises ValueError for advantages of another
    shape.
    """
    shapes = (logps.shape[:1],) if objective.tau else (logps.shape[:1], logps.shape)
    if advantages.shape not in shapes:
        wanted = "(N,) for Kimi's term" if objective.tau else "(N,) or (N, T)"
        raise ValueError(f"advantages must be {wanted}, not {tuple(advantages.shape)}")
    if advantages.dim() == 1:
        advantages = advantages.unsqueeze(1)
    log_ratio = _log_ratio(logps, old_logps, mask, objective.ratio)
    if objective.tau:
        losses = (advantages - objective.tau * log_ratio).square() / (2 * objective.tau)
    else:
        ratio = log_ratio.clamp(max=80.0).exp()  # e^89 is no float32, and 0 * inf no number
        clipped = ratio.clamp(1 - objective.clip_low, 1 + objective.clip_high)
        losses = -torch.min(ratio * advantages, clipped * advantages)
    if objective.ratio == "sequence":  # its gradient already reaches every token in full
        losses = losses / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return aggregate(losses, mask, objective.average, divisor)


def aggregate(
    values: Tensor, mask: Tensor, average: str, divisor: float | Tensor | None = None
) -> Tensor:
    """One number from a value a token, weighted as `Objective` says of `average`.

    values: (N, T) (or (N, 1), meant for every token); mask: (N, T); returns: a scalar.
    divisor: what `loss_divisor` gives for the whole step; None if this is the whole step.
    Only "micro" changes with the micro-batches: it takes the mean over the tokens of each,
    and weights it by its number of completions (equal in TRL, so there it is a plain mean).
    """
    if divisor is None:
        divisor = loss_divisor(mask, average)
    _check("average", average, AVERAGES)
    mask = mask.bool()
    values = torch.where(mask, values, 0.0)
    if average == "completion":
        values = values / mask.sum(dim=1, keepdim=True).clamp(min=1)
    elif average == "micro":
        values = values * len(mask) / mask.sum().clamp(min=1)
    return values.sum() / divisor


def loss_divisor(mask: Tensor, average: str, max_length: int | None = None) -> float | Tensor:
    """What the losses of one optimiser step are divided by, all micro-batches together.

    mask: (N, T) of the whole step; returns: the number of completions N, of tokens ("step"),
    or N * max_length ("constant"; the cap on the length in sampling, never the longest
    found). TRL's dapo counts the tokens of all completions sampled together and divides by
    the number of optimiser steps made of them; with one step the two are the same.
    """
    _check("average", average, AVERAGES)
    if average == "constant":
        if max_length is None:
            raise ValueError(
                'pass divisor=loss_divisor(mask, "constant", max_length): it is no mean'
            )
        return len(mask) * max_length
    return mask.sum().clamp(min=1) if average == "step" else len(mask)


def clipped_tokens(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    mask: Tensor,
    objective: Objective = PUBLISHED["grpo"],
) -> Tensor:
    """How many tokens' gradient the clip took away. Arguments of `policy_loss`.

    A good token whose ratio is above 1 + clip_high, or a bad one below 1 - clip_low; the two
    other sides are never clipped, nor is Kimi's term. A completion clipped as a whole counts
    with all its tokens. Counts of micro-batches add up; divide by the tokens of the step.
    """
    if objective.tau:
        return mask.new_zeros((), dtype=torch.long)
    advantages = advantages.unsqueeze(1) if advantages.dim() == 1 else advantages
    ratio = importance_ratio(logps, old_logps, mask, objective.ratio)
    clipped = ((ratio > 1 + objective.clip_high) & (advantages > 0)) | (
        (ratio < 1 - objective.clip_low) & (advantages < 0)
    )
    return (clipped & mask.bool()).sum()


def clip_fraction(
    logps: Tensor,
    old_logps: Tensor,
    advantages: Tensor,
    mask: Tensor,
    objective: Objective = PUBLISHED["grpo"],
) -> Tensor:
    """`clipped_tokens` as a share, for whoever holds the whole step.

    TRL: clip_ratio/region_mean (for gspo that counts completions).
    """
    taken = clipped_tokens(logps, old_logps, advantages, mask, objective)
    return taken / mask.sum().clamp(min=1)


def truncated_weights(logps: Tensor, sampler_logps: Tensor, mask: Tensor, most: float) -> Tensor:
    """Truncated importance sampling: what a token counts if the sampler was another policy.

    A fast sampler computes log-probabilities a little differently from the model that is
    trained, so its samples are another policy's. logps: (N, T) of the policy that sampled,
    as the training code computes them (`old_logps` of `policy_loss`); sampler_logps: (N, T)
    as the sampler did; returns: (N, T), min(exp(logps - sampler_logps), most), without a
    gradient and 1 on padding. They enter with the advantages, `advantages[:, None] *
    weights`: a positive weight leaves the clipped surrogate's min where it was, so that is
    weight * surrogate. Not for Kimi's term, whose square is no multiple of the advantage.

    A ratio of the whole completion sees the mean of its tokens' weights. The completion's
    own weight, which alone is unbiased for completions of several tokens, comes from sums:
    all arguments (N, 1), and `advantages * weights[:, 0]`.
    """
    log_ratio = (logps - sampler_logps).detach().masked_fill(~mask.bool(), 0.0)
    return log_ratio.exp().clamp(max=most)


def _log_ratio(logps: Tensor, old_logps: Tensor, mask: Tensor, ratio: str) -> Tensor:
    _check("ratio", ratio, RATIOS)
    mask = mask.bool()
    log_ratio = (logps - old_logps.detach()).masked_fill(~mask, 0.0)
    if ratio != "token":
        log_ratio = log_ratio.sum(dim=1, keepdim=True)
    if ratio == "geometric":
        log_ratio = log_ratio / mask.sum(dim=1, keepdim=True).clamp(min=1)
    return log_ratio
