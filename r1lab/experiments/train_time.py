"""`run checkpoints`: accuracy against train-time compute (OpenAI o1, the other chart).

Three numbers. The rule arm of `run habits` again, looked at on the way: held-out accuracy at
checkpoints evenly spaced in log steps, and at its last five neighbouring steps greedy beside
sampled (DeepSeek-R1, section 3). The other arms learn from fewer different problems for the same
number of steps.
"""

from itertools import accumulate

import numpy as np

from r1lab import evaluate, plots, stats
from r1lab.evaluate import Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, minus, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.running.settings import Plan

GRPO = (Stage("grpo"),)
POINTS, NEIGHBOURS = 10, 5
COOL = 0.6


def milestones(steps: int) -> list[int]:
    """Steps from 2 to the last one, each some factor behind the one before."""
    return sorted({round(s) for s in np.geomspace(min(2, steps), steps, POINTS)})


def along(model, tokenizer, problems: list, plan: Plan, step: int) -> dict:
    """Held-out right (1) or wrong (0): one sample at milestones; greedy and at temperature 0.6 at
    the last steps."""

    def asked(seed: int, temperature: float) -> list[int]:
        preset = plan.preset
        how = Sampling(preset.template, preset.max_new, seed + plan.seed, 1, temperature)
        found = evaluate.answer(model, tokenizer, problems, how)
        return found.correct[:, 0].astype(int).tolist()

    found = {"held_out": asked(60_000, 1.0)} if step in milestones(plan.steps) else {}
    if step > plan.steps - NEIGHBOURS:
        found |= {"greedy": asked(0, 0.0), "cool": asked(70_000 + 100 * step, COOL)}
    return found


def by_cost(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Tokens sampled and learned from up to each milestone, and the accuracy there, percent."""
    spent = accumulate(line["tokens"] + line["update_tokens"] for line in run.metrics)
    pairs = zip(spent, run.metrics, strict=True)
    seen = [(cost, 100 * np.mean(line["held_out"])) for cost, line in pairs if "held_out" in line]
    cost, accuracy = np.transpose(seen)
    return cost, accuracy


def _smooth(arms: Arms) -> list[Table]:  # O1-01
    return [[[stats.rank_correlation(by_cost(run)[1])] for run in arms("rule")]]


def _few(arms: Arms) -> list[Table]:  # O1-06
    return [[minus(right(a), right(b)) for a, b in alike(arms("64"), arms("rule"))]]


def figure(run: Run):
    """Held-out accuracy over the tokens spent so far."""
    drawn, axis = plots.canvas(width=5.4)
    cost, accuracy = by_cost(run)
    axis.plot(cost, accuracy, color=plots.BLUE, marker=".", linewidth=2)
    axis.axhline(100 * run.summary["before"]["accuracy"], color=plots.GREY, linestyle="--")
    axis.set_xscale("log")
    axis.set(title="Accuracy against train-time compute", ylabel="right, %", ylim=(0, 100))
    axis.set_xlabel("tokens sampled and learned from, log axis; dashed: the base")
    plots.tidy(drawn)
    return drawn


def _on(problems: int) -> Arm:
    label = f"three numbers: {problems} different problems"
    return Arm(str(problems), label, GRPO, {"train_problems": problems})


EXPERIMENTS = (
    Experiment(
        name="checkpoints",
        lesson="01",
        section="o1, chart of train-time compute",
        about="held-out accuracy at checkpoints evenly spaced in log cost; fewer problems",
        arms=(Arm("rule", "three numbers, looked at on the way", GRPO), _on(512), _on(64)),
        measure=held_out,
        figure=figure,
        evidence={"O1-01": _smooth, "O1-06": _few},
        minutes={"cpu": {"quick": 7}},
        on={"cpu": {"size": 3, "eval_problems": 256}},
        along=along,
    ),
)
