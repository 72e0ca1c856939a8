"""Lesson 06: runs that must give each of its claims R, and runs that must give N."""

import numpy as np

from r1lab.records import Run

N, SEEDS = 200, range(5)


def part(share, seed, tries=5.0):
    """What was measured, with that share of right answers."""
    rng = np.random.default_rng(seed)
    digits = (rng.permutation(N) < round(N * share)).astype(int)
    return {"n": N, "accuracy": share, "right": "".join(map(str, digits)), "tries": tries}


def stages(first, last, tries=5.0):
    """A run of two stages from a base that is right in a tenth: after the first and at the end."""

    def one(seed):
        ends = [{"name": name} | part(share, 3 * seed + i, tries)
                for i, (name, share) in enumerate((("first", first), ("last", last)), 1)]  # fmt: skip
        found = {"before": part(0.1, 3 * seed), "after": ends[1], "stages": ends}
        return Run({"seed": seed}, [], [], [], found)

    return [one(seed) for seed in SEEDS]


def alone(end):
    """A run of one stage."""
    return [
        Run({"seed": s}, [], [], [], {"before": part(0.1, s), "after": part(end, s + 50)})
        for s in SEEDS
    ]


def tries(four, three):
    """What a model reaches with 256 samples on four numbers and with 32 on three; seeds differ."""

    def one(seed):
        reached = {"4": {"1": 0.01, "256": four + 0.001 * seed}, "3": {"1": 0.1, "32": three}}
        return Run({"seed": seed}, [], [], [], {"measured": {"pass": reached}})

    return [one(seed) for seed in SEEDS]


def world(**arms):
    return {name.replace("_", "-"): runs for name, runs in arms.items()}.__getitem__


def named(runs):
    """The arms of other experiments go by their own names."""
    return lambda name: runs(name.rpartition("/")[2])


BASE = tries(0.70, 0.75)
BOTH_WAYS = {
    "D-01": (
        world(solver=alone(0.8), solver_500=alone(0.5)),
        world(solver=alone(0.5), solver_500=alone(0.8)),
    ),
    "D-02": (
        world(from_large=stages(0.8, 0.8), rl=stages(0.5, 0.9)),
        world(from_large=stages(0.5, 0.9), rl=stages(0.8, 0.8)),
    ),
    "D-03": (world(from_large=stages(0.5, 0.8)), world(from_large=stages(0.8, 0.8))),
    "D-04": (
        world(base=BASE, from_large=tries(0.90, 0.9), rl=tries(0.70, 0.8)),
        world(base=BASE, from_large=tries(0.90, 0.9), rl=tries(0.95, 0.8)),
    ),
    "D-06": (
        world(from_large=stages(0.8, 0.1), from_small=alone(0.5)),
        world(from_large=stages(0.5, 0.9), from_small=alone(0.5)),
    ),
    "D-08": (
        world(half_right=alone(0.7), half_all=alone(0.3)),
        world(half_right=alone(0.5), half_all=alone(0.5)),
    ),
    "T-02": (
        named(world(rule=alone(0.9), rl=stages(0.2, 0.9, tries=1.1))),
        named(world(rule=alone(0.9), rl=stages(0.85, 0.9, tries=8.0))),
    ),
    "Z-10": (
        named(world(rule=alone(0.9), rl=stages(0.1, 0.9))),
        named(world(rule=alone(0.9), rl=stages(0.85, 0.9))),
    ),
    "X-11": (
        world(base=BASE, rl=tries(0.60, 0.70)),
        world(base=BASE, rl=tries(0.60, 0.95)),
    ),
}  # fmt: skip
