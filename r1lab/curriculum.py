"""Which problems come next."""

import random
from typing import TypeVar

Item = TypeVar("Item")


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
