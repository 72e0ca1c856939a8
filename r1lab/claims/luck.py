"""What chance does to verdicts: how many claims would pass if nothing were true, and how often a
verdict would come out again with other seeds. Seeds are taken as normal, with the spread that the
recorded ones have."""

import math
import random
from statistics import fmean, stdev

from r1lab import stats
from r1lab.claims.ledger import Claim
from r1lab.claims.verdicts import Found, Verdict, decide


def spread(condition: dict) -> float:
    """Standard deviation between the training seeds of a condition (`scoreboard.record`)."""
    return stdev(condition["by_seed"])


def alone(row: dict) -> float:
    """At most how likely a row is to come out R where the truth is "no effect": the least of its
    conditions' chances, since all must be met. Of one condition it is at most 2.5 in 100, the part
    of a 95 % interval's misses that lies on the claimed side."""
    chances = []
    for one in row["conditions"]:
        wide, seeds = spread(one), len(one["by_seed"])
        asked = one["asked"] - one["none"]
        chances.append(stats.power(0.0, wide, seeds, asked) if wide else 0.025)
    return min(chances)


def again(claim: Claim, verdict: Verdict, draws: int = 100, seed: int = 0) -> float:
    """The share of re-runs, each with as many new seeds, in which the verdict would be the same,
    where the truth is what was seen: what `claims --run` can disagree by luck alone. What an
    interval has beyond that of the seeds, for the problems, each re-run has, too."""
    rng = random.Random(seed)
    conditions = [
        (bar, one, _beyond(one)) for bar, one in zip(claim.bars, verdict.found, strict=True)
    ]

    def letter() -> str:
        found = []
        for bar, one, more in conditions:
            wide = stdev(one.by_seed)
            drawn = [rng.gauss(one.estimate, wide) for _ in one.by_seed]
            drawn = [min(max(value, bar.least), bar.most) for value in drawn]
            mean, low, high = stats.seeds_interval([[value] for value in drawn])
            half = math.hypot((high - low) / 2, more)
            low, high = max(bar.least, mean - half), min(bar.most, mean + half)
            found.append(Found(mean, low, high, tuple(drawn), one.n))
        return decide(claim, found).letter

    return fmean(letter() == verdict.letter for _ in range(draws))


def _beyond(one: Found) -> float:
    """The part of an interval's half width that the seeds alone do not explain."""
    _, low, high = stats.seeds_interval([[value] for value in one.by_seed])
    half = max(one.estimate - one.low, one.high - one.estimate)
    return math.sqrt(max(0.0, half**2 - ((high - low) / 2) ** 2))
