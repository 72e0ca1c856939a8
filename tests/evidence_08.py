"""Lesson 08: runs that must give each of its claims R, and runs that must give N."""

import numpy as np

from r1lab.records import Run

N, SEEDS, STEPS = 200, range(5), 20


def kimi(end=0.7, rises=10, length=(120.0, 120.0), tokens=5000, longest=256, pieces=None,
         early=0.3):  # fmt: skip
    """A run of an arm: held-out accuracy goes up at the step `rises` from 0.1 to `end`; length of
    answers in training and after it; tokens of a step; the longest answer of one, or the decoding
    steps of partial rollouts; accuracy after the first stage of two."""

    def digits(rng, share):
        return "".join(map(str, (rng.permutation(N) < round(N * share)).astype(int)))

    def one(seed):
        rng = np.random.default_rng(seed)
        metrics = []
        for step in range(1, STEPS + 1):
            line = {"step": step, "tokens": tokens, "update_tokens": 0, "length": length[0]}
            line |= {"longest": longest} | ({"decode_steps": pieces} if pieces else {})
            if step % 4 == 0:
                line["held_out"] = 0.1 if step < rises else end
            metrics.append(line)
        after = {"n": N, "accuracy": end, "right": digits(rng, end)}
        after["length"] = length[1] + rng.normal(0, 0.5)
        first = {"name": "early", "right": digits(rng, early)}
        before = {"n": N, "accuracy": 0.1, "right": digits(rng, 0.1)}
        summary = {"before": before, "after": after, "stages": [first], "n": N}
        return Run({"seed": seed}, metrics, [], [], summary)

    return [one(seed) for seed in SEEDS]


def arms(**runs):
    return lambda name: runs[name.replace("-", "_")]


def gap(one, other):
    """The first arm far ahead of the second, and far behind."""
    return (
        arms(**{one: kimi(0.9), other: kimi(0.5)}),
        arms(**{one: kimi(0.5), other: kimi(0.9)}),
    )


def sooner(name):
    """An arm that rises at step 4 where the control does at 20, and one that rises with it."""
    return (
        arms(kimi=kimi(rises=20), **{name: kimi(rises=4)}),
        arms(kimi=kimi(rises=12), **{name: kimi(rises=12)}),
    )


def marked(unsound):
    """Runs of `guess`: of 160 right ticks of 200 so many have no steps that lead there; a seed has
    one more than the seed before."""

    def one(seed):
        found = {"n": N, "ticked": "1" * 160 + "0" * 40}
        wrong = unsound + seed
        found["worked_out"] = "0" * wrong + "1" * (160 - wrong) + "0" * 40
        return Run({"seed": seed}, [], [], [], {"after": found})

    return [one(seed) for seed in SEEDS]


def two_sizes(large, small, long):
    """Runs of `sizes`: both sizes at half of the larger one's length, and the small one's whole."""

    def one(seed):
        rng = np.random.default_rng(seed)

        def right(share):
            return {"right": "".join(map(str, (rng.permutation(N) < round(N * share)).astype(int)))}

        found = {"large": {"half": right(large)}}
        found["small"] = {"half": right(small), "natural": right(long)}
        return Run({"seed": seed}, [], [], [], {"measured": found})

    return [one(seed) for seed in SEEDS]


def capped(first, cut=0.2):
    """Runs of `cap`: accuracy after the first stage, and the share of answers that the cap cuts."""
    found = kimi(early=first)
    for run in found:
        for line in run.metrics:
            line["truncated"] = cut + 0.01 * run.config["seed"]
    return found


BOTH_WAYS = {
    "K-04": gap("kimi", "grpo"),
    "K-05": gap("kimi", "exact"),
    "K-15": gap("kimi", "better_only"),
    "K-10": (
        arms(kimi=kimi(0.7), curriculum=kimi(0.8)), arms(kimi=kimi(0.7), curriculum=kimi(0.7)),
    ),
    "K-11": sooner("failures"),
    "X-07": sooner("dynamic"),
    "K-01": sooner("middle"),
    "G-10": gap("groups_16", "groups_32"),
    "K-09": gap("reasons", "head"),
    "K-07": (
        arms(kimi=kimi(), length=kimi(length=(120, 80))), arms(kimi=kimi(), length=kimi()),
    ),
    "K-08": (
        arms(length=kimi(early=0.2), length_late=kimi(early=0.4)),
        arms(length=kimi(early=0.4), length_late=kimi(early=0.2)),
    ),
    "K-18": (
        arms(kimi=kimi(), partial=kimi(pieces=128)), arms(kimi=kimi(), partial=kimi(pieces=250)),
    ),
    "K-02": (
        arms(choices=marked(60), open=marked(10)), arms(choices=marked(12), open=marked(10)),
    ),
    "K-14": (arms(trained=two_sizes(0.5, 0.3, 0.7)), arms(trained=two_sizes(0.4, 0.4, 0.2))),
    "Z-06": (
        arms(doubled=capped(0.8), same=capped(0.5)), arms(doubled=capped(0.5), same=capped(0.5)),
    ),
}  # fmt: skip
