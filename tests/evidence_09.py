"""Lesson 09: runs that must give its claim R, and runs that must give N."""

import numpy as np

from r1lab.records import Run


def fake(seed, tokens, share, n=200):
    digits = np.random.default_rng(seed).permutation(n) < round(n * share)
    return {"length": tokens, "right": "".join("1" if d else "0" for d in digits)}


def roads(rl=(150.0, 0.9), dpo=(180.0, 0.7), shortest=(200.0, 0.8), long=(250.0, 0.8)):
    """Five seeds of each way, (tokens, share of right answers)."""
    path = {0.0: (30.0, 0.1), 0.5: (150.0, 0.5), 1.0: long}
    ways = {"rl": rl, "dpo": dpo, "shortest": shortest}
    runs = {
        name: [Run({"seed": s}, [], [], [], {"after": fake(s, *found)}) for s in range(5)]
        for name, found in ways.items()
    }
    runs["merge"] = [
        Run({"seed": s}, [], [], [], {"measured": {
            "path": [{"alpha": a} | fake(s, *found) for a, found in path.items()]
        }}) for s in range(5)
    ]  # fmt: skip
    return runs.__getitem__


BOTH_WAYS = {"K-16": (roads(), roads(rl=(150.0, 0.5)))}
