"""Lesson 07: runs that must give each of its claims R, and runs that must give N."""

import numpy as np

from r1lab.records import Run

N, SEEDS, STEPS = 60, range(5), 40


def _digits(seed, share) -> str:
    draw = np.random.default_rng(seed)
    return "".join(map(str, (draw.permutation(N) < round(N * share)).astype(int)))


def trained(end, paid=(1.0, 1.0), tries=2.0):
    """Runs that end with a share right; paid: what their steps earned at first and at last."""

    def one(seed):
        metrics = [{"step": i + 1, "reward_process": p}
                   for i, p in enumerate(np.linspace(*paid, STEPS))]  # fmt: skip
        after = {"n": N, "right": _digits(seed, end), "accuracy": end, "tries": tries}
        return Run({"seed": seed}, metrics, [], [], {"before": after, "after": after})

    return [one(seed) for seed in SEEDS]


def reranked(last, chance):
    """The shares of right choices from 16 answers, on every problem."""

    def one(seed):
        draw = np.random.default_rng(seed)
        rows = {"exact last": last, "chance": chance}
        chosen = {way: {"16": (share + draw.normal(0, 0.01, N)).tolist()}
                  for way, share in rows.items()}  # fmt: skip
        return Run({"seed": seed}, [], [], [], {"measured": {"chosen": chosen}})

    return [one(seed) for seed in SEEDS]


def trees(sums, tokens):
    """The shares of problems that two trees solve within 10 of 64 simulations."""

    def one(seed):
        found = {way: {"after": [10 if digit == "1" else None for digit in _digits(seed + i, share)]}
                 for i, (way, share) in enumerate((("sums", sums), ("tokens", tokens)))}  # fmt: skip
        return Run({"seed": seed}, [], [], [], {"measured": {"found": found}})

    return [one(seed) for seed in SEEDS]


def rounds(ends, tree=0.6, alone=0.2):
    """Accuracies after each of four rounds; before them with a tree and alone."""

    def one(seed):
        before = {"tree": _digits(seed, tree), "right": _digits(seed, alone)}
        stages = [{"accuracy": share + 0.001 * seed} for share in ends]
        after = {"right": _digits(seed, ends[-1])}
        return Run({"seed": seed}, [], [], [],
                   {"before": before, "after": after, "stages": stages})  # fmt: skip

    return [one(seed) for seed in SEEDS]


def arms(**runs):
    return lambda name: runs[name.replace("-", "_").replace("/", "_").replace(".", "_")]


FORMS = {"sum": trained(0.1), "min": trained(0.3), "difference": trained(0.5)}
PLAIN = {"losses_group_mean": trained(0.9), "losses_ppo_0_95": trained(0.85),
         "judge_rule": trained(0.8)} | FORMS  # fmt: skip
BOTH_WAYS = {
    "F-01": (
        arms(judge_rule=trained(0.8), sum=trained(0.1, paid=(1.0, 12.0))),
        arms(judge_rule=trained(0.8), sum=trained(0.9, paid=(1.0, 12.0))),
    ),
    "F-02": (
        arms(rerank_base=reranked(0.3, 0.05), judge_rule=trained(0.8), **FORMS),
        arms(rerank_base=reranked(0.06, 0.05), judge_rule=trained(0.8), **FORMS),
    ),
    "F-03": (arms(base=trees(0.8, 0.1)), arms(base=trees(0.1, 0.1))),
    "F-04": (
        arms(search=rounds((0.4, 0.41, 0.41, 0.40))), arms(search=rounds((0.3, 0.4, 0.5, 0.6))),
    ),
    "K-06": (
        arms(judge_rule=trained(0.8, tries=9.0), values=trained(0.8, tries=3.0)),
        arms(judge_rule=trained(0.8, tries=9.0), values=trained(0.1, tries=1.1)),
    ),
    "S-01": (
        arms(**PLAIN, rounds_search=rounds((0.2, 0.3, 0.3, 0.3))),
        arms(**PLAIN | {"sum": trained(0.97)}, rounds_search=rounds((0.2, 0.3, 0.3, 0.3))),
    ),
}  # fmt: skip
