"""`run zero`: R1-Zero (DeepSeek-R1, section 2.2) on the preset's model, and its controls.

A base model, a rule that checks answers, nothing else. Before and after: held-out problems, one
sample each at temperature 1. In between: GRPO with LoRA, a line of metrics a step. On the tiny
model the problems have four numbers: there no order is short, and answers must grow.
"""

from r1lab import plots
from r1lab.experiments import habits
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment, Stage

GRPO = (Stage("grpo"),)
ONE = (0,)


def figure(run: Run):
    """Accuracy, length and reflection over the steps, above R1-Zero's own curves."""
    return plots.self_evolution(run.metrics, run.summary) if run.metrics else habits.figure(run)


def evidence(run: Run) -> list[dict]:
    """Which held-out problems were right, before and after, or measured alone."""
    return habits.rights(run, "Z-01")


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
        Arm("dr-grpo", "Dr. GRPO", GRPO, {"loss": "dr_grpo"}),
        Arm("rich-1", "second base from the same text", GRPO, {"base": "rich-1"}),
        Arm("rich-2", "third base from the same text", GRPO, {"base": "rich-2"}),
        Arm("slow", "slow recipe", GRPO, {"recipe": "slow"}, ONE),
        Arm("rank-1", "LoRA rank 1", GRPO, {"lora_rank": 1}, ONE),
        Arm("full", "all weights", GRPO, {"lora_rank": 0}, ONE),
        Arm("trl", "TRL's trainer", GRPO, {"engine": "trl"}, ONE),
        Arm("smol", "SmolLM2-135M, sums", GRPO, {"preset": "smol"}, (0, 1, 2)),
    ),
    measure=habits.measure,
    figure=figure,
    evidence=evidence,
    minutes={"cpu": {"quick": 10, "slow": 30}, "smol": {"quick": 10, "slow": 50}},
    recipes={"quick": {}, "slow": {"lr": 1 / 4, "steps": 3}},
    on={"cpu": {"size": 4, "max_new": 900, "steps": 85, "lr": 1.2e-3}},
    settings={"think_on": False},
)
EXPERIMENTS = (ZERO,)
