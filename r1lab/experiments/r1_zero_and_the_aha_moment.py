"""`run zero`: R1-Zero (DeepSeek-R1, section 2.2) on the preset's model, and its controls.

A base model, a rule that checks answers, nothing else. Before and after: held-out problems, one
sample each at temperature 1. In between: GRPO with LoRA, a line of metrics a step.
"""

from r1lab import plots
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out

GRPO = (Stage("grpo"),)
ONE = (0,)


def figure(run: Run):
    """Accuracy, length and reflection over the steps, above R1-Zero's own curves."""
    return plots.self_evolution(run.metrics, run.summary)


def evidence(run: Run) -> list[dict]:
    """Which held-out problems were right, before and after."""
    return [
        {"claim": "Z-01", "metric": f"right_{part}", "values": run.summary[part]["right"]}
        for part in ("before", "after")
    ]


ZERO = Experiment(
    name="zero",
    lesson="04",
    section="DeepSeek-R1 2.2",
    about="R1-Zero on a base model: accuracy, length and reflection under a rule reward",
    arms=(
        Arm("rule", "rule reward", GRPO),
        Arm("random", "control: random reward", GRPO, {"reward": "random"}),
        Arm("format", "control: format reward", GRPO, {"reward": "format"}),
        Arm("poor", "control: poor twin", GRPO, {"base": "poor"}),
        Arm("slow", "slow recipe", GRPO, {"recipe": "slow"}, ONE),
        Arm("rank-1", "LoRA rank 1", GRPO, {"lora_rank": 1}, ONE),
        Arm("full", "all weights", GRPO, {"lora_rank": 0}, ONE),
        Arm("trl", "TRL's trainer", GRPO, {"engine": "trl"}, ONE),
        Arm("smol", "SmolLM2-135M, sums", GRPO, {"preset": "smol"}, (0, 1, 2)),
    ),
    measure=held_out,
    figure=figure,
    evidence=evidence,
    minutes={"cpu": {"quick": 4, "slow": 10}, "smol": {"quick": 10, "slow": 50}},
    recipes={"quick": {}, "slow": {"lr": 1 / 4, "steps": 3}},
)
EXPERIMENTS = (ZERO,)
