"""Exercises of lesson 02: GRPO."""

import math

import torch
from torch import Tensor

from r1lab import losses
from r1lab.checks import letters
from r1lab.checks.exercise import Exercise, Guess, Open


def _rows(*rows) -> tuple[Tensor]:
    return (torch.tensor(rows, dtype=torch.float64),)


def _scaled(rewards, mean, spread):
    return (rewards - mean) / (spread + 1e-4)


def _n_form(r):
    return _scaled(r, r.mean(1, keepdim=True), r.std(1, keepdim=True, correction=0))


def _whole_batch(r):
    return _scaled(r, r.mean(), r.std())


def _columns(r):
    spread = r.std(0, keepdim=True) if len(r) > 1 else torch.full_like(r, math.nan)
    return _scaled(r, r.mean(0, keepdim=True), spread)


def _no_division(r):
    return r - r.mean(1, keepdim=True)


def _by_variance(r):
    return _scaled(r, r.mean(1, keepdim=True), r.var(1, keepdim=True))


def _no_eps(r):
    return (r - r.mean(1, keepdim=True)) / r.std(1, keepdim=True)


def _tokens(*triples) -> tuple[tuple, ...]:
    return tuple(tuple(torch.tensor(x, dtype=torch.float64) for x in t) for t in triples)


def _clipped(ratio, advantage, eps=0.2):
    return -torch.min(ratio * advantage, ratio.clamp(1 - eps, 1 + eps) * advantage)


def _kl_cases():
    for p, q in (((0.6, 0.3, 0.1), (0.3, 0.3, 0.4)), ((0.2, 0.2, 0.6), (0.5, 0.25, 0.25))):
        yield tuple(torch.tensor(x, dtype=torch.float64).log() for x in (p, q))


FORMS = ("grpo", "dr_grpo", "dapo")

EXERCISES = {
    "02.1": Exercise(
        right=losses.group_advantages,
        cases=(
            _rows([1.0] + [0.0] * 15),
            _rows([1, 0, 0, 1], [1, 1, 1, 0]),
            _rows([0, 0.1, 1.1, 0.1], [1, 1, 1, 1]),
        ),
        tried="Tried: one right of 16 (3.75 and -0.25), two groups at once, a group of "
        "equal rewards.",
        lesson="The lesson goes on with r1lab.losses.group_advantages.",
        mistakes=(
            (
                _n_form,
                "your winner of 16 gets 3.87, not 3.75: you divide by the std with n in it. "
                "Torch's std() has n-1, and so has TRL.",
            ),
            (
                _whole_batch,
                "your rows do not have mean 0: you take mean and std over the whole batch. "
                "Each row is a group of its own: dim=1, keepdim=True.",
            ),
            (
                _columns,
                "your columns have mean 0, not your rows: dim=0 compares answers to "
                "different questions. Use dim=1.",
            ),
            (
                _no_division,
                "the mean is right, the division by the std is missing. (That is Dr. GRPO; "
                "Eq. 3 divides.)",
            ),
            (_by_variance, "you divide by the variance. Take the std, its square root."),
            (_no_eps, "a group of equal rewards gives nan, 0 divided by 0: add 1e-4 to the std."),
            (
                lambda r: -losses.group_advantages(r),
                "the sign is turned: the better answer must get the positive number.",
            ),
        ),
    ),
    "02.2": Guess("percent", "The figure below draws it beside the truth."),
    "02.3": Exercise(
        right=_clipped,
        run=letters.with_slope,
        cases=(
            *_tokens((1.5, 1.0), (0.5, 1.0), (1.5, -1.0), (0.5, -1.0), (1.1, 2.0), (1.3, 0.0)),
            *_tokens(([1.5, 0.5], [-1.0, 1.0])),
            *((*case, 0.05) for case in _tokens((1.1, 1.0), (0.9, -1.0))),
        ),
        tried="Tried: ratios 1.5 and 0.5 with advantages +1 and -1 (-1.2, -0.5, 1.5, "
        "0.8), a ratio inside, an advantage of 0, another eps; each loss and its slope.",
        lesson="The lesson goes on with the course's.",
        mistakes=(
            (
                lambda *given: -_clipped(*given),
                "this is the objective, to be made large. A loss is made small: put a minus "
                "in front.",
            ),
            (
                lambda r, a, e=0.2: -r * a,
                "nothing is clipped: at ratio 1.5 and advantage +1 the loss must stop at -1.2.",
            ),
            (
                lambda r, a, e=0.2: -r.clamp(1 - e, 1 + e) * a,
                "you only clip. Without min(), a bad token that has become likelier (ratio "
                "1.5, advantage -1) loses its gradient too.",
            ),
            (
                lambda r, a, e=0.2: -torch.max(r * a, r.clamp(1 - e, 1 + e) * a),
                "max where min belongs: you keep the rosier of the two values. Eq. 1 keeps "
                "the worse one.",
            ),
            (lambda r, a, e=0.2: _clipped(r, a), "you clip at 0.2 whatever eps is."),
            (
                lambda *given: _clipped(*given).detach(),
                "the value is right and has no gradient: no detach(), item() or float() on the "
                "ratio.",
            ),
            (
                lambda r, a, e=0.2: -torch.min(r, r.clamp(1 - e, 1 + e)) * a,
                "you take the min of the ratios and then multiply. Multiply first: for a "
                "negative advantage the order turns round.",
            ),
        ),
    ),
    "02.4": Exercise(
        right=losses.kl_k3,
        cases=tuple(_kl_cases()),
        tried="Tried: two pairs of policies over three letters, and the mean is KL(policy "
        "|| reference).",
        lesson="The lesson goes on with r1lab.losses.kl_k3.",
        mistakes=(
            (
                lambda p, q: losses.kl_k3(q, p),
                "the ratio stands upside down: it is reference over policy. Yours is not an "
                "estimate of this KL at all.",
            ),
            (
                losses.kl_k1,
                "this is k1, the plain log-ratio: right on average, but single values are "
                "negative.",
            ),
            (
                losses.kl_k2,
                "this is k2, half the squared log-ratio: never negative, but its mean is "
                "not the KL.",
            ),
            (lambda p, q: losses.kl_k3(p, q) + 1, "the -1 is missing: equal policies must give 0."),
            (
                lambda p, q: (q - p).exp() + (q - p) - 1,
                "the middle sign is wrong: subtract the logarithm.",
            ),
        ),
    ),
    "02.5": Guess("nats a unit of the logit", "The figure below draws it beside the truth."),
    "02.6": Guess("times", "The figure below draws it beside the truth."),
    "02.7": Exercise(
        right=lambda: dict(zip(FORMS, (0.137, 0.394, 0.251), strict=True)),  # `climb`, to 95 %
        cases=((),),
        tolerance=0.01,
        tried="0.14, 0.25 and 0.39: GRPO unlearns thinking, Dr. GRPO follows the slope of "
        "J, DAPO is between.",
        lesson="Fill in the three numbers; the figure below has them.",
        given=True,
        mistakes=(
            (
                lambda: dict.fromkeys(FORMS, 0.2),
                "these are the values before the first step. Take the last pair of the path, [-1].",
            ),
            (
                lambda: dict.fromkeys(FORMS, 0.95),
                "this is the share of right answers, the first of the pair. Thinking is the "
                "second, [-1][1].",
            ),
            (
                lambda: dict.fromkeys(FORMS, 0.137),
                "all three are GRPO's: hand the name of the form to climb.",
            ),
            (
                lambda: {"grpo": 13.7, "dr_grpo": 39.4, "dapo": 25.1},
                "right, but in percent: the check wants shares between 0 and 1.",
            ),
            (
                lambda: {"grpo": 0.394, "dr_grpo": 0.137, "dapo": 0.251},
                "GRPO and Dr. GRPO have changed places.",
            ),
        ),
    ),
    "02.8": Open(
        measure=letters.thinks,
        enough=0.6,
        example=lambda n, A: torch.where((A < 0) & (n == 1), 100.0, n**2),
        lesson="It is the hard one: leave it for later if you like.",
    ),
    "02.9": Exercise(
        right=letters.loop(),
        cases=((),),
        tried="Tried: three updates of a table, two groups of three, lengths one and two, a group "
        "of equal rewards.",
        lesson="The lesson goes on with the loop above.",
        run=letters.after_three_updates,
        mistakes=(
            (
                letters.loop(zero=False),
                "gradients pile up from step to step: optimizer.zero_grad() before backward().",
            ),
            (
                letters.loop(step=False),
                "the policy never moves: is optimizer.step() there, behind "
                "backward(), and is only the old side of the ratio detached?",
            ),
            (
                letters.loop(give=False),
                "it learns, but gives nothing: end each step with `yield reward`.",
            ),
            (
                letters.loop(sign=-1),
                "it climbs down: the sign is turned. A loss has a minus, and token_loss has it.",
            ),
            (
                letters.loop(average="step"),
                "all tokens count alike in yours. That is DAPO; GRPO takes the mean over each "
                "completion first.",
            ),
            (
                letters.loop(average="sum"),
                "you sum over a completion's tokens. GRPO divides by its length.",
            ),
            (
                letters.loop(compare=lambda r: r),
                "you push by the reward itself. Compare inside the group first.",
            ),
        ),
    ),
}
