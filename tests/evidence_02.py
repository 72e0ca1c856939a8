"""Lesson 02, and X-05 and X-14: runs that must give each claim R, N and I."""

import numpy as np

from r1lab.records import Run

N, SEEDS = 200, range(5)


def measured(one):
    """Five runs of an arm, whose measurement is `one(seed)`; the same of every arm."""
    runs = [Run({"seed": seed}, [], [], [], {"measured": one(seed)}) for seed in SEEDS]
    return lambda name: runs


def pulls(*hard):
    """Problems, a tenth hard and a tenth easy, whose gradients the division makes so many times as
    long, seed by seed in turns; the others keep theirs."""
    rates = [0.0] * 10 + [0.5] * 80 + [1.0] * 10

    def one(seed):
        factor = hard[seed % len(hard)]
        divided = [factor if rate in (0.0, 1.0) else 1.0 for rate in rates]
        return {"rates": rates, "plain": [1.0] * 100, "divided": divided}

    return measured(one)


def clocks(*ppo):
    """Seconds of PPO beside one of GRPO, seed by seed in turns."""
    return measured(lambda seed: {"grpo": 1.0, "ppo": ppo[seed % len(ppo)]})


def digits(seed, share):
    right = np.random.default_rng(seed).permutation(N) < round(N * share)
    return "".join(map(str, right.astype(int)))


def ended(seed, share, trained=0.5):
    """A run that ends so on held-out problems, and did so in training."""
    metrics = [{"step": step, "accuracy": trained} for step in range(1, 41)]
    return Run({"seed": seed}, metrics, [], [], {"after": {"right": digits(seed, share)}})


def anew(*shares):
    """A fixed reference that ends at 50 %, and one set anew that ends at these, in turns."""
    runs = {"kl-0.4": [ended(seed, 0.5) for seed in SEEDS]}
    runs["kl-anew"] = [ended(seed, shares[seed % len(shares)]) for seed in SEEDS]
    return runs.__getitem__


def ranks(rank_1, full, liar=0.2):
    """Rates of which the middle one is best in training. liar: what the others come to, held out,
    where nobody may look."""

    def arm(name):
        way, _, rate = name.rpartition("-")
        shares = rank_1 if way == "rank-1" else full
        middle = rate == "middle"
        return [
            ended(seed, shares[seed % len(shares)] if middle else liar, 0.9 if middle else 0.4)
            for seed in SEEDS
        ]

    return arm


def lengths(*shortest):
    """Runs in which right answers pass well-formed wrong ones at step 21 of 40, and that are
    shortest at these steps, in turns."""

    def one(seed):
        at = shortest[seed % len(shortest)]
        metrics = [{"step": s, "loss": 0.0, "stage": "untidy"} for s in range(1, 9)]
        for step in range(1, 41):
            right = 0.2 if step < 21 else 0.6
            line = {"step": step, "accuracy": right, "reward_format_tags": 0.9}
            metrics.append(line | {"length": 50.0 + abs(step - at)})
        return Run({"seed": seed}, metrics, [], [], {})

    runs = [one(seed) for seed in SEEDS]
    return lambda name: runs


THREE_WAYS = {  # claim -> evidence that must give R, N and I
    "X-02": (pulls(2.0, 2.1), pulls(1.0, 1.05), pulls(1.0, 4.0)),
    "G-02": (clocks(1.5, 1.6), clocks(1.02, 1.04), clocks(1.0, 2.0)),
    "G-08": (anew(0.7), anew(0.5), anew(0.3, 0.9)),
    "X-05": (lengths(21, 23, 18), lengths(1, 40), lengths(21, 1)),
    "X-14": (ranks((0.6,), (0.6,)), ranks((0.5,), (0.6,)), ranks((0.3, 0.9), (0.6,))),
}
BOTH_WAYS = {claim: ways[:2] for claim, ways in THREE_WAYS.items()}
