"""The exercises of lesson 08: their checks."""

import math

import torch

from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.pupil import BUDGET, PROBLEMS, PUPILS, taught, uniform


def _ahead(weigh) -> tuple[float, str]:
    """By how many points a draw is ahead of uniform draws at equal tokens."""
    given = weigh(torch.zeros(PROBLEMS, 2, dtype=torch.long))
    if given is None or given is ...:
        return math.nan, ""
    ours, plain = taught(weigh), taught(uniform)
    return ours - plain, (
        f"{ours:.1f} % with your draw, {plain:.1f} % with uniform ones, for {BUDGET} tokens each "
        f"(mean of {len(PUPILS)} pupils; 10 points are asked)."
    )


def _hopeful(history) -> list[float]:
    """The variance of a right answer, and hardly anything for what was all right or all wrong."""
    found = []
    for asked, right in history.tolist():
        s = (right + 1) / (asked + 2)
        found.append(0.02 if asked and right in (0, asked) else s * (1 - s))
    return found


# ---- the update ----


def _push(reward, mean, tau, log_ratio):
    return reward - mean - tau * log_ratio


def _normaliser(rewards, tau):
    scaled = torch.as_tensor(rewards, dtype=torch.float64) / tau
    return float(tau * (scaled.logsumexp(0) - math.log(len(scaled))))


def _plainly(rewards, tau):
    return tau * math.log(sum(math.exp(r / tau) for r in rewards) / len(rewards))


def _finite(answer, rewards, tau):
    """What is compared: a logarithm of a number too large for a float is infinite."""
    try:
        return answer(rewards, tau)
    except OverflowError:
        return math.inf


SEEDS = 13.19  # that K-04 would have needed in the recorded runs, see exercise 08.4
PUSHES = (
    (1.0, 0.25, 0.1, 0.0),
    (0.0, 0.25, 0.1, 0.0),
    (1.0, 0.25, 0.1, 3.0),
    (0.0, 0.5, 1.0, -2.0),
)
GROUPS = (
    ([1.0, 0.0], 0.1),
    ([1.0, 0.0, 0.0, 0.0], 1.0),
    ([1.1, 0.1, 0.1], 0.01),
    ([1.0, 0.0], 1e-4),
)

EXERCISES = {
    "08.1": Exercise(
        right=_push,
        cases=PUSHES,
        tried="Tried at the first update, where the policy has not moved yet, and behind it.",
        lesson="The lesson goes on with the course's own.",
        mistakes=(
            (
                lambda r, m, tau, x: r - m + tau * x,
                "the pull has the wrong sign: a completion that "
                "has become likelier (log-ratio above 0) is pulled down.",
            ),
            (
                lambda r, m, tau, x: r - m - tau / 2 * x,
                "half of the pull: the derivative of a square "
                "brings a factor of 2, which takes the 1/2 away.",
            ),
            (
                lambda r, m, tau, x: r - m - tau * x * x,
                "that is the square itself: Eq. 3 has its "
                "gradient, in which the log-ratio stands once.",
            ),
            (lambda r, m, tau, x: r - tau * x, "the mean of the group is missing."),
            (lambda r, m, tau, x: r - m - x, "tau is missing before the log-ratio."),
            (
                lambda r, m, tau, x: r - m,
                "that is REINFORCE with the group's mean: the pull back to "
                "the old policy is missing.",
            ),
            (
                lambda r, m, tau, x: 2 * tau * (m - r + tau * x),
                "that is the gradient of the loss, "
                "which goes down: Eq. 3 goes up, and is divided by 2 tau.",
            ),
        ),
    ),
    "08.2": Exercise(
        right=_normaliser,
        run=_finite,
        cases=GROUPS,
        tried="Tried from tau 1 down to 0.0001, where exp(r / tau) is larger than any float.",
        lesson="Take the logarithm of the mean of exp(r / tau), times tau.",
        mistakes=(
            (
                lambda r, tau: sum(r) / len(r),
                "that is the mean reward, which is to be compared with it.",
            ),
            (
                lambda r, tau: _normaliser(r, tau) + tau * math.log(len(r)),
                "a sum in the place of the mean: divide by the number of completions.",
            ),
            (lambda r, tau: _normaliser(r, tau) / tau, "times tau is missing: it is tau log Z."),
            (lambda r, tau: max(r), "that is its limit for a small tau."),
            (
                _plainly,
                "right until exp(r / tau) is too large for a float: take the largest reward "
                "out first, or torch.logsumexp.",
            ),
        ),
    ),
    "08.3": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
    "08.4": Exercise(
        right=lambda: SEEDS,
        cases=((),),
        tolerance=0.02 * SEEDS,
        near=0.05,
        given=True,
        tried="So many seeds of each arm, and five were run.",
        lesson="Take np.std(gaps, ddof=1), and put it into the formula.",
        mistakes=(
            (lambda: 0.8 * SEEDS, "with ddof=0 the deviation of five values is too small."),
            (lambda: SEEDS / 1.96**2, "1.96 is missing: that is the 68 % interval."),
            (lambda: SEEDS**0.5, "the square is missing."),
            (lambda: SEEDS * 2.6**2, "divide by the 2.6 points before you square."),
        ),
    ),
    "08.5": Open(
        measure=_ahead,
        enough=10.0,
        example=_hopeful,
        lesson=f"Return {PROBLEMS} weights. It is a hard one: leave it for later if you like.",
    ),
}
