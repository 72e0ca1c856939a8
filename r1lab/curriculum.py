"""Which problems come next.

`uniform` looks at nothing. The other draws of Kimi k1.5 (2.3.4; 3.5) look at what became of the
problems so far: a history (P, 2) of how many completions the last visit to each of the P problems
of a pool had, and how many of them were right. It is the caller's to keep and to save.
"""

import random
from typing import TypeVar

from torch import Tensor

Item = TypeVar("Item")
DRAWS = ("uniform", "failures", "balanced", "curriculum", "middle", "dynamic")
SWITCH = 24 / 42  # share of the steps after which the curriculum has hard problems alone
MIDDLE = (0.1, 0.9)  # pass rates of the base between which a problem is neither easy nor hard


def uniform(pool: list[Item], n: int, seed: int, step: int) -> list[Item]:
    """The n items of a step (from 1 on). Each pass over the pool is a new shuffle without repeats.

    A pure function of its arguments, so a resumed run draws what the uninterrupted one drew.
    """
    chosen, orders = [], {}
    for i in range((step - 1) * n, step * n):
        epoch, at = divmod(i, len(pool))
        if epoch not in orders:
            shuffled = random.Random(f"order-{seed}-{epoch}")
            orders[epoch] = shuffled.sample(range(len(pool)), len(pool))
        chosen.append(pool[orders[epoch][at]])
    return chosen


def success(history: Tensor) -> list[float]:
    """The success rate of each problem at its last visit, (right + 1) / (asked + 2): a half where
    it was never asked, and never quite 0 or 1, which a few completions cannot show."""
    return [(right + 1) / (asked + 2) for asked, right in history.tolist()]


def weights(how: str, history: Tensor) -> list[float]:
    """What each problem weighs in a draw. "failures": 1 - s, Kimi's prioritised sampling.
    "balanced": s (1 - s), the variance of a right answer, which is what a group can teach."""
    rates = success(history)
    return [1 - s if how == "failures" else s * (1 - s) for s in rates]


def weighted(chances: list[float], n: int, seed: int, step: int) -> list[int]:
    """n different places, each draw in proportion to the weights of those that are left.
    (Efraimidis and Spirakis: the n largest of u^(1/w) are such a draw.)

    A pure function of its arguments. Raises ValueError where fewer than n weights are above 0."""
    rng = random.Random(f"draw-{seed}-{step}")
    keys = [(rng.random() ** (1 / w), i) if w > 0 else (-1.0, i) for i, w in enumerate(chances)]
    if sum(key >= 0 for key, _ in keys) < n:
        raise ValueError(f"{n} different problems are asked for, and fewer have a weight above 0")
    return [i for _, i in sorted(keys, reverse=True)[:n]]


def hard(history: Tensor) -> list[int]:
    """The half of the problems that failed most at their last visit, in their order."""
    rates = success(history)
    return sorted(sorted(range(len(rates)), key=lambda i: rates[i])[: max(1, len(rates) // 2)])


def drawn(how: str, n: int, seed: int, step: int, steps: int, history: Tensor) -> list[int]:
    """The n places in the pool of a step. how: of `DRAWS`. "uniform" and "dynamic" (which leaves
    groups out afterwards): `uniform`. "failures" and "balanced": by their `weights`. "curriculum":
    uniform, and after `SWITCH` of all steps uniform over the `hard` half. "middle": uniform over
    the problems whose rate in the history, then that of the base, lies within `MIDDLE`."""
    places = list(range(len(history)))
    if how in ("failures", "balanced"):
        return weighted(weights(how, history), n, seed, step)
    if how == "curriculum" and step > SWITCH * steps:
        return random.Random(f"hard-{seed}-{step}").sample(hard(history), n)
    if how == "middle":
        rates = [right / asked for asked, right in history.tolist()]
        places = [i for i in places if MIDDLE[0] < rates[i] < MIDDLE[1]]
        if not places:
            raise ValueError(
                "the base solves every problem nearly always or never: set draw uniform, or take "
                "problems of another size"
            )
    return uniform(places, n, seed, step)


def visited(history: Tensor, places: list[int], verdicts: list[bool]) -> None:
    """Write a visit into the history: its places, and right or wrong for each completion, group by
    group."""
    size = len(verdicts) // len(places)
    for k, place in enumerate(places):
        history[place, 0] = size
        history[place, 1] = sum(verdicts[k * size : (k + 1) * size])
