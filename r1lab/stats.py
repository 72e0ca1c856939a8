"""How sure is a number: intervals, and the scores that need several samples a problem.

Verdicts rest on `seeds_interval`. Left out: p-values and tests; an interval says the same
and also how large the effect is. All randomness comes from a `seed` argument.
"""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cache
from math import comb, erfc, sqrt
from statistics import NormalDist

import numpy as np

BLOCK = 4_000_000  # numbers drawn at a time, so that memory stays small

Interval = tuple[float, float, float]  # mean, low, high


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share from `successes` in `n` independent trials (Wilson 1927).

    Unlike "share plus or minus two standard errors" it is right near 0 and 1: no success
    in 100 trials gives (0, 0.037). No trial at all gives (0, 1).
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials cannot be")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(successes * (n - successes) / n + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def shared_wilson(right) -> tuple[float, float]:
    """Wilson's 95 % interval where K answers share a problem. right: (P, K) of 0 and 1.

    Answers to one problem are alike, so P * K of them say less than as many independent ones:
    as many as give the mean the spread it has over problems, at least P and at most P * K.
    """
    right = np.asarray(right, dtype=float)
    problems, answers = right.shape
    share, free = float(right.mean()), right.size
    if answers > 1:
        spread = float(right.mean(1).var(ddof=1)) / problems if problems > 1 else 0.0
        free = min(free, max(problems, share * (1 - share) / spread)) if spread else problems
    return wilson(share * free, free)


def mean_interval(values, seed: int = 0, resamples: int = 2000, level: float = 0.95) -> Interval:
    """Mean, low and high of one list of values (percentile bootstrap).

    For two arms on the same problems give the differences, problem by problem: pairing
    takes the difficulty of the problems out. Says nothing about other training seeds.
    Values that are all equal give an interval of no width.
    """
    values = _floats(values)
    draws = _means(values, np.full(resamples, len(values)), np.random.default_rng(seed))
    return _interval(values.mean(), draws, level)


def seeds_interval(values_by_seed: Sequence, level: float = 0.95) -> Interval:
    """Mean, low and high over training seeds and problems, where both are a sample of more.

    values_by_seed: for each seed one value a problem, the same problems in one order: a score,
    or the difference between two arms. What is hard for one seed is hard for all, so neither
    seeds nor problems may be counted as if they were independent: the variance of the mean is
    that of a two-way table with random rows and columns (mean squares of the seeds, plus of the
    problems, minus of what is left), with Satterthwaite's degrees of freedom. Where that is
    narrower than Student's t over the seeds' means, the t counts.

    In simulated studies of two to five seeds it covers the truth in about 93 % or more, whether
    seeds or problems differ more (92 % was the least, where both differ as much as shares can); a
    bootstrap over few seeds is too sure. A single seed says nothing about others: then only the
    problems count (`mean_interval`).
    """
    rows = [_floats(values) for values in values_by_seed]
    if not rows:
        raise ValueError("no seed, no interval: give one list of values a seed")
    if len({len(row) for row in rows}) > 1:
        raise ValueError("the seeds have different numbers of problems: one list serves all")
    S, P = len(rows), len(rows[0])
    if S == 1:
        return mean_interval(rows[0], level=level)
    table = np.stack(rows)
    mean, by_seed, by_problem = table.mean(), table.mean(1), table.mean(0)
    half = student_t(S - 1, level) * by_seed.std(ddof=1) / sqrt(S)
    if P > 1:
        rest = table - by_seed[:, None] - by_problem + mean
        squares = P * by_seed.var(ddof=1), S * by_problem.var(ddof=1)
        left = (rest**2).sum() / ((S - 1) * (P - 1))
        both = sum(squares) - left
        if both > 0:
            spread = squares[0] ** 2 / (S - 1) + squares[1] ** 2 / (P - 1)
            df = both**2 / (spread + left**2 / ((S - 1) * (P - 1)))
            half = max(half, student_t(max(1.0, df), level) * sqrt(both / (S * P)))
    return float(mean), float(mean - half), float(mean + half)


def _floats(values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError("an interval needs a flat list of at least one finite value")
    return values


def _means(values: np.ndarray, sizes: np.ndarray, rng, block: int = BLOCK) -> np.ndarray:
    """The mean of `size` draws from `values` with replacement, for each of `sizes` (0 gives 0).

    How often each distinct value comes up is multinomial, so nothing is drawn one by one.
    """
    distinct, counts = np.unique(values, return_counts=True)
    share = counts / counts.sum()
    parts = _blocks(sizes, len(distinct), block)
    sums = [rng.multinomial(part, share) @ distinct for part in parts]
    return np.concatenate(sums) / np.maximum(sizes, 1)


def _blocks(rows: np.ndarray, width: int, block: int) -> list[np.ndarray]:
    size = max(1, block // width)
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def _interval(mean: float, draws: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(mean), float(low), float(high)


@cache
def student_t(df: float, level: float = 0.95) -> float:
    """How many standard errors a mean of df + 1 values lies at most from the truth, at that
    level: 12.71 for two values, 2.78 for five, 1.96 for very many (Student 1908)."""
    # t = sqrt(df) tan(angle) has the density cos(angle)^(df-1)
    angle = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(angle) ** (df - 1)
    inside = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return float(sqrt(df) * np.tan(np.interp(level * inside[-1], inside, angle)))


def power(effect: float, spread: float, seeds: int, asked: float = 0.0) -> float:
    """The chance that Student's 95 % interval over `seeds` seeds lies above 0 and their mean
    reaches `asked`, where the truth is `effect` and seeds differ by a standard deviation of
    `spread`, as a normal distribution has it. At least two seeds; exact.

    Mean and standard deviation of normal values are independent, so it is the chance of the mean
    at a given standard deviation, averaged over that one's chi distribution.
    """
    df = seeds - 1
    s = np.linspace(0.0, 8.0, 8001)[1:]  # standard deviation seen, in units of `spread`
    log = (df - 1) * np.log(s) - df * s * s / 2
    weight = np.exp(log - log.max())
    error = spread / sqrt(seeds)
    least = np.maximum(asked, student_t(df) * s * error)
    chance = [0.5 * erfc((x - effect) / error / sqrt(2)) for x in least]
    return float(weight @ chance / weight.sum())


def seeds_needed(
    effect: float, spread: float, chance: float = 0.8, asked: float = 0.0, most: int = 200
) -> int | None:
    """The fewest seeds with which `power` is at least `chance`; None where `most` do not do."""
    return next((n for n in range(2, most + 1) if power(effect, spread, n, asked) >= chance), None)


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that k of n samples hold a right one, when c of the n are right: the
    unbiased pass@k, 1 - C(n-c, k) / C(n, k) (Chen et al. 2021). In whole numbers, so it is
    exact however large n is. Raises ValueError when k is not between 1 and n."""
    if not 1 <= k <= n:
        raise ValueError(
            f"pass@{k} needs at least {k} samples a problem, and k from 1: there are {n}"
        )
    if not 0 <= c <= n:
        raise ValueError(f"{c} right of {n} samples cannot be")
    every = comb(n, k)
    return (every - comb(n - c, k)) / every


def pass_curve(correct_counts, n: int, ks: Sequence[int]) -> list[float]:
    """Mean pass@k over problems, one value for each of `ks`. correct_counts: how many of a
    problem's n samples are right, for each problem."""
    counted = Counter(int(c) for c in correct_counts)
    if not counted:
        raise ValueError("no problem, no curve")
    total = counted.total()
    return [sum(m * pass_at_k(n, c, k) for c, m in counted.items()) / total for k in ks]


def majority(answers: Sequence[Hashable | None], seed: int = 0) -> Hashable | None:
    """The most frequent answer. A tie is broken at random by `seed`. None, an answer that
    could not be read, never wins while there is another; equal answers must be `==`."""
    votes = Counter(a for a in answers if a is not None)
    most = max(votes.values(), default=0)
    tied = [a for a, count in votes.items() if count == most]
    return random.Random(seed).choice(tied) if tied else None


def maj_at_k(
    answers: Sequence[Hashable | None], right: Hashable, k: int, draws: int = 1000, seed: int = 0
) -> float:
    """cons@k of one problem: how often the majority of k of its n answers is `right`.

    Estimated from `draws` sets of k answers, drawn without replacement; with k = n there is
    one set and the value is exact. A tie of m answers counts 1/m, which is what breaking it
    at random gives on average. Raises ValueError when k is not between 1 and n.
    """
    if not 1 <= k <= len(answers):
        raise ValueError(
            f"maj@{k} needs at least {k} answers, and k from 1: there are {len(answers)}"
        )
    votes = Counter(a for a in answers if a is not None)
    if right not in votes:
        return 0.0
    unread = len(answers) - votes.total()
    names = list(votes)
    rng = np.random.default_rng(seed)
    table = rng.multivariate_hypergeometric([*votes.values(), unread], k, size=draws)[:, :-1]
    most = table.max(axis=1)
    wins = (table[:, names.index(right)] == most) & (most > 0)
    return float((wins / (table == most[:, None]).sum(axis=1)).mean())


def rank_correlation(values: Sequence[float], others: Sequence[float] | None = None) -> float:
    """Spearman's: 1 where both rise together, 0 where nothing is known, ties ranked by their mean.
    others: by default the order of the values, so that it says whether they rise. 0 where one of
    the two is constant."""
    others = range(len(values)) if others is None else others
    ranks = [_ranks(_floats(one)) for one in (values, others)]
    if min(rank.std() for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def steepest(curve: Sequence[float], part: float = 0.1) -> float:
    """Share of a curve's rise (of its running maximum) in the steepest `part` of its steps. A
    straight line has `part`, a jump 1, and so has `part`, too, what never rises."""
    highest = np.maximum.accumulate(_floats(curve))
    width = max(1, round(part * (len(highest) - 1)))
    rise = highest[-1] - highest[0]
    return float((highest[width:] - highest[:-width]).max() / rise) if rise > 0 else part
