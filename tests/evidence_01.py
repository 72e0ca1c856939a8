"""Lesson 01: runs that must give each of its claims R, and runs that must give N."""

import numpy as np

from r1lab.records import Run

N, SEEDS = 60, range(5)


def _runs(make):
    return [make(seed, np.random.default_rng(seed)) for seed in SEEDS]


def _digits(rng, share) -> list[float]:
    return (rng.permutation(N) < round(N * share)).astype(float).tolist()


def budgets(cut, natural, order=0.0, greedy=0.5, cool=0.5, waits=(0.5, 0.5)):
    """A model's points; order: 1 where harder problems have longer answers, -1 the other way.
    waits: accuracy when told to wait once, and twice."""

    def one(seed, rng):
        rates = rng.permutation(np.linspace(0, 1, N))
        lengths = (300 - 200 * order * rates + rng.normal(0, 40, N)).tolist()
        half = {"right": rates.tolist(), "length": lengths}
        return Run({"seed": seed}, [], [], [], {"measured": {
            "natural": {"tokens": 500.0, "right": _digits(rng, natural)},
            "budgets": [{"budget": 32, "tokens": 32.0, "right": _digits(rng, cut)}],
            "waits": [{"tokens": 600.0, "right": _digits(rng, share)} for share in waits],
            "halves": [half, half],
            "repeats": {"0.0": _digits(rng, greedy), "0.6": _digits(rng, cool)},
        }})  # fmt: skip

    return _runs(one)


def checkpoints(accuracies=(0.5,) * 10, right=0.5, greedy=(0.5,) * 5, cool=(0.5,) * 5):
    """A run with ten checkpoints, and greedy and cool accuracies at its last five steps."""

    def one(seed, rng):
        metrics = [{"step": s, "tokens": 100, "update_tokens": 100} for s in range(1, 21)]
        for line, share in zip(metrics[1::2], accuracies, strict=True):
            line["held_out"] = _digits(rng, share)
        for line, a, b in zip(metrics[-5:], greedy, cool, strict=True):
            line |= {"greedy": _digits(rng, a), "cool": _digits(rng, b)}
        digits = "".join(str(int(v)) for v in _digits(rng, right))
        return Run({"seed": seed}, metrics, [], [], {"after": {"right": digits}})

    return _runs(one)


def choices(one=0.5, vote=0.5, scorer=0.5, hard=(0.3, 0.3), base=0.5, way=(0.5, 0.5)):
    """A run of many answers; hard: one answer and the vote on hard problems; way: the same at the
    checkpoints in the middle; base: its vote before training."""

    def made(seed, rng):
        def chosen(*shares):
            names = ("any", "vote", "scorer")
            return {name: {str(k): _digits(rng, share) for k in (1, 2, 50, 64)}
                    for name, share in zip(names, shares, strict=True)}  # fmt: skip

        def part(tokens, *shares):
            lists = {"one": [hard[0]] * N, "vote": [hard[1]] * N, "first": [0.2] * N}
            return {"tokens": tokens, "chosen": chosen(*shares), "hard": lists}

        middle = {"one": _digits(rng, way[0]), "vote": _digits(rng, way[1])}
        metrics = [{"step": s} | (middle if s % 5 == 0 else {}) for s in range(1, 41)]
        parts = {"before": part(30.0, base, base, base), "after": part(45.0, one, vote, scorer)}
        return Run({"seed": seed, "samples": 64}, metrics, [], [], parts)

    return _runs(made)


def efforts(low, high, tokens=(30.0, 120.0)):
    """One model's shares of right answers and mean tokens at effort low and high."""

    def one(seed, rng):
        rows = zip(("low", "high"), (low, high), tokens, strict=True)
        found = {e: {"right": _digits(rng, share), "tokens": n} for e, share, n in rows}
        return Run({"seed": seed}, [], [], [], {"after": {"effort": found}})

    return _runs(one)


def arms(**runs):
    return lambda name: runs[name.replace("-", "_").replace("/", "_").replace("64", "few")]


UP = tuple(np.linspace(0.1, 0.9, 10))
STEADY, JUMPY = (0.5,) * 5, (0.3, 0.7, 0.3, 0.7, 0.3)
BOTH_WAYS = {
    "O1-01": (arms(rule=checkpoints(UP)), arms(rule=checkpoints(UP[::-1]))),
    "O1-02": (
        arms(trained=budgets(0.1, 0.6), base=budgets(0.05, 0.06)),
        arms(trained=budgets(0.1, 0.6), base=budgets(0.05, 0.9)),
    ),
    "O1-03": (
        arms(products=choices(0.5, 0.7, 0.95)), arms(products=choices(0.5, 0.95, 0.5)),
    ),
    "O1-04": (
        arms(countdown=choices(0.1, 0.1, 0.8)), arms(countdown=choices(0.1, 0.1, 0.1)),
    ),
    "O1-06": (
        arms(rule=checkpoints(right=0.9), few=checkpoints(right=0.9)),
        arms(rule=checkpoints(right=0.9), few=checkpoints(right=0.4)),
    ),
    "O1-08": (
        arms(products=choices(hard=(0.3, 0.1))), arms(products=choices(hard=(0.3, 0.8))),
    ),
    "O3-01": (
        arms(tagged=efforts(0.1, 0.8)), arms(tagged=efforts(0.8, 0.8, (110.0, 120.0))),
    ),
    "R-07": (
        arms(trained=budgets(0.1, 0.6, order=1), base=budgets(0.1, 0.1)),
        arms(trained=budgets(0.1, 0.6, order=-1), base=budgets(0.1, 0.1)),
    ),
    "R-08": (
        arms(products=choices(0.9, base=0.5)), arms(products=choices(0.5, base=0.9)),
    ),
    "R-10": (
        arms(trained=budgets(0.1, 0.6, greedy=0.9, cool=0.3),
             checkpoints_rule=checkpoints(greedy=JUMPY, cool=STEADY)),
        arms(trained=budgets(0.1, 0.6, greedy=0.3, cool=0.9),
             checkpoints_rule=checkpoints(greedy=STEADY, cool=JUMPY)),
    ),
    "X-18": (
        arms(trained=budgets(0.1, 0.3, waits=(0.1, 0.9))),
        arms(trained=budgets(0.1, 0.6, waits=(0.5, 0.4))),
    ),
    "Z-02": (
        arms(products=choices(way=(0.5, 0.9))), arms(products=choices(way=(0.9, 0.5))),
    ),
}  # fmt: skip
