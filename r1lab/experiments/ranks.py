"""`run ranks`: LoRA of rank 1 against all weights, three learning rates each (LoRA without regret).

The settings of `judge/rule`. Which rate of a way is its best one is said by the other seeds, and
by how they did on problems of training: so no seed chooses for itself, and nobody by what is held
out.
"""

from r1lab.experiments import habits
from r1lab.experiments.rewards import SHORT, TEN
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, mean, minus, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out

GRPO = (Stage("grpo"),)
RATES = {1: (5e-4, 1.5e-3, 5e-3), 0: (5e-5, 1.5e-4, 5e-4)}  # rank -> rates; 0: all weights
NAMES = {1: "rank-1", 0: "full"}
SPEEDS = ("low", "middle", "high")
LAST = 20  # steps of training by which rates are chosen


def _arms(rank: int) -> tuple[Arm, ...]:
    way = "LoRA rank 1" if rank else "all weights"
    return tuple(
        Arm(f"{NAMES[rank]}-{speed}", f"three numbers: {way}, rate {rate:g}", GRPO,
            {"lora_rank": rank, "lr": rate}, TEN)
        for speed, rate in zip(SPEEDS, RATES[rank], strict=True)
    )  # fmt: skip


def learned(run: Run) -> float:
    """How many were right in the last steps of training."""
    return mean([line["accuracy"] for line in run.metrics[-LAST:]])


def best(runs: list[tuple[Run, ...]], seed: int) -> int:
    """The place of the rate that did best in the mean of the other seeds. runs: seed by seed, a run
    a rate; seed: the place of the one that is left out."""
    others = runs[:seed] + runs[seed + 1 :]
    means = [mean([learned(run) for run in one]) for one in zip(*others, strict=True)]
    return means.index(max(means))


def _as_good(arms: Arms) -> list[Table]:
    runs = alike(*(arms(one.name) for one in ARMS))
    n = len(SPEEDS)
    ways = [one[:n] for one in runs], [one[n:] for one in runs]
    chosen = [[way[i][best(way, i)] for i in range(len(way))] for way in ways]
    return [[minus(right(low), right(full)) for low, full in zip(*chosen, strict=True)]]


ARMS = (*_arms(1), *_arms(0))
RANKS = Experiment(
    name="ranks",
    lesson="04",
    section="LoRA without regret",
    about="LoRA of rank 1 and all weights, each at three learning rates",
    arms=ARMS,
    measure=held_out,
    figure=habits.figure,
    minutes={"cpu": {"quick": 3}},
    on={"cpu": SHORT},
    evidence={"X-14": _as_good},
)
EXPERIMENTS = (RANKS,)
