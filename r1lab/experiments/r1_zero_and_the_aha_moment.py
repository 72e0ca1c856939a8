"""`run zero`: R1-Zero (DeepSeek-R1, section 2.2) on the preset's model, and its controls.

A base model, a rule that checks answers, nothing else. Before and after: held-out problems, one
sample each at temperature 1. In between: GRPO with LoRA, a line of metrics a step. On the tiny
model the problems have four numbers: there no order is short, and answers must grow.
"""

import numpy as np

from r1lab import plots, stats, tasks
from r1lab.experiments import habits
from r1lab.records import Run
from r1lab.running.evidence import (
    Arms,
    Table,
    alike,
    change,
    gain,
    mean,
    minus,
    of_larger,
    part,
    right,
    share,
)
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.tiny_world import competence

GRPO = (Stage("grpo"),)
ONE = (0,)


def figure(run: Run):
    """Accuracy, length and reflection over the steps, above R1-Zero's own curves."""
    return plots.self_evolution(run.metrics, run.summary) if run.metrics else habits.figure(run)


def _second_tries(arms: Arms) -> list[Table]:  # O1-05
    return [[share(run, "second_try") for run in arms("parts")]]


def _longer(arms: Arms) -> list[Table]:  # Z-03
    right = [(part(r, "before"), part(r, "after")) for r in arms("dr-grpo")]
    return [
        [[change(run, "length")] for run in arms("rule")],
        [[after["length_right"] / before["length_right"]] for before, after in right],
    ]


def _reflects(arms: Arms) -> list[Table]:  # Z-04
    return [[[change(run, "reflects", 100)] for run in arms("rule")]]


def _moment(arms: Arms) -> list[Table]:  # Z-05
    return [[[100 * stats.steepest(_curve(run, "waits"))] for run in arms("rule")]]


def _harder(arms: Arms) -> list[Table]:  # Z-07
    """The half of the held-out problems with the fewest solutions against the other half: the
    hardest one minus the one in the middle, and so on."""
    runs = arms("rule")
    asked = tasks.problems("countdown", len(gain(runs[0])), 0, "test", size=4)
    order = np.argsort([competence.solutions(problem) for problem in asked], kind="stable")
    half = len(order) // 2
    won = [np.array(gain(run)) for run in runs]
    return [[list(one[order[:half]] - one[order[half : 2 * half]]) for one in won]]


def _other_size(arms: Arms) -> list[Table]:  # Z-08
    return [[gain(run, "other") for run in arms("rule")]]


def _together(arms: Arms) -> list[Table]:  # K-13
    curves = [(_curve(run, "length"), _curve(run, "accuracy")) for run in arms("rule")]
    return [[[float(np.corrcoef(*both)[0, 1])] for both in curves]]


def _tries(arms: Arms) -> list[Table]:  # T-01
    runs = arms("rule")
    parts = [(part(run, "before"), part(run, "after")) for run in runs]
    # where a base never tries, one try in all its answers is the least that could be seen
    more = [[new["tries"] / max(old["tries"], 1 / old["n"])] for old, new in parts]
    return [more, [right(run) for run in runs]]


def _step_by_step(arms: Arms) -> list[Table]:  # T-06
    return [[[stats.rank_correlation(_curve(run, "tries"))] for run in arms("rule")]]


def _divisor(arms: Arms) -> list[Table]:
    pairs = alike(arms("rule"), arms("dr-grpo"))
    wrong = [[part(run, "after")["length_wrong"] for run in pair] for pair in pairs]
    apart = [abs(mean(minus(right(a), right(b)))) for a, b in pairs]
    return [[[of_larger(*pair)] for pair in wrong], [[-points] for points in apart]]


def _coin(arms: Arms) -> list[Table]:
    return [[[-value for value in gain(run)] for run in arms("random")]]


def _small_model(arms: Arms) -> list[Table]:
    runs = arms("smol")
    lowest = min(stats.mean_interval(gain(run))[1] for run in runs)
    return [[gain(run) for run in runs], [[lowest] for _ in runs]]


def _curve(run: Run, key: str) -> np.ndarray:
    return np.array([line[key] for line in run.metrics], dtype=float)


ZERO = Experiment(
    name="zero",
    lesson="04",
    section="DeepSeek-R1 2.2",
    about="R1-Zero on a base model: accuracy, length and reflection under a rule reward",
    arms=(
        Arm("rule", "rule reward", GRPO),
        Arm("random", "control: random reward", GRPO, {"reward": "random"}),
        Arm("format", "control: format reward", GRPO, {"reward": "format"}),
        Arm("parts", "control: a base without a second try", GRPO, {"base": "parts"}),
        Arm("poor", "control: a base without a comparison", GRPO, {"base": "poor"}),
        Arm("think-on", "not trained, made to think on", (), {"think_on": True}),
        Arm("dr-grpo", "Dr. GRPO's divisor, the std kept", GRPO, {"loss": "dr_grpo"}),
        Arm("rich-1", "second base, from other texts of the kind", GRPO, {"base": "rich-1"}),
        Arm("rich-2", "third base, from other texts of the kind", GRPO, {"base": "rich-2"}),
        Arm("slow", "slow recipe", GRPO, {"recipe": "slow"}, ONE),
        Arm("rank-1", "LoRA rank 1", GRPO, {"lora_rank": 1}, ONE),
        Arm("full", "all weights", GRPO, {"lora_rank": 0}, ONE),
        Arm("trl", "TRL's trainer", GRPO, {"engine": "trl"}, ONE),
        Arm("smol", "SmolLM2-135M, sums", GRPO, {"preset": "smol"}, (0, 1, 2)),
    ),
    measure=habits.measure,
    figure=figure,
    evidence={
        "O1-05": _second_tries,
        "Z-01": habits.controls,
        "Z-03": _longer,
        "Z-04": _reflects,
        "Z-05": _moment,
        "Z-07": _harder,
        "Z-08": _other_size,
        "K-13": _together,
        "T-01": _tries,
        "T-06": _step_by_step,
        "X-01": _divisor,
        "X-13": _coin,
        "X-17": _small_model,
    },
    minutes={"cpu": {"quick": 10, "slow": 30}, "smol": {"quick": 10, "slow": 50}},
    recipes={"quick": {}, "slow": {"lr": 1 / 4, "steps": 3}},
    on={"cpu": {"size": 4, "max_new": 900, "steps": 85, "lr": 1.2e-3}},
    settings={"think_on": False},
)
EXPERIMENTS = (ZERO,)
