"""`run effort`: one model, three levels of effort (OpenAI o3-mini), on three numbers.

A mark in the question says low, medium or high. The reward is the rule's minus a price of
tokens that depends on the mark: dear, cheap, none. Before training the mark means nothing, which is
the control: the same held-out problems are asked with each of the three marks, before and after.
The prices are there from the start: in a trial a model that had learned to search first came upon
no guess any more, and 20 steps with prices did not bring it back to one.
"""

import numpy as np

from r1lab import evaluate, plots
from r1lab.evaluate import Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, mean, minus, of_larger, part
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import numbers
from r1lab.running.settings import Plan
from r1lab.tasks.effort import MARKS, with_effort

COLOURS = {"low": plots.GREY, "medium": plots.ORANGE, "high": plots.BLUE}


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """For each effort, on the same problems: right (1) or wrong (0), and mean tokens."""
    how = Sampling(plan.preset.template, plan.preset.max_new, 10_000 + plan.seed)
    found = {}
    for effort in MARKS:
        asked = [with_effort(problem, effort) for problem in problems]
        answers = evaluate.answer(model, tokenizer, asked, how)
        right = answers.correct[:, 0].astype(int).tolist()
        found[effort] = {"right": right, "tokens": float(np.mean(answers.lengths))}
    return numbers(answers) | {"effort": found}  # the last one is high


def right(run: Run, effort: str, when: str = "after") -> list[float]:
    """100 for each problem that was right at that effort."""
    return [100.0 * one for one in part(run, when)["effort"][effort]["right"]]


def _levels(arms: Arms) -> list[Table]:  # O3-01
    runs = arms("tagged")
    tokens = [[part(r, "after")["effort"][e]["tokens"] for e in ("high", "low")] for r in runs]
    saved = [[[of_larger(*pair)] for pair in tokens]]
    return [[minus(right(run, "high"), right(run, "low")) for run in runs], *saved]


def figure(run: Run):
    """Accuracy over tokens at each effort, before and after."""
    drawn, axis = plots.canvas(width=5.4)
    draw(axis, [run])
    axis.set_title("One model, three levels of effort")
    plots.write_below(drawn, f"n = {run.summary['n']} held-out problems. Hollow: before training.")
    plots.tidy(drawn)
    return drawn


def draw(axis, runs: list[Run]) -> None:
    """A dot a seed and effort; hollow before training."""
    for run in runs:
        for when, style in (("before", {"markerfacecolor": "white"}), ("after", {})):
            for effort, colour in COLOURS.items():
                x = part(run, when)["effort"][effort]["tokens"]
                label = effort if run is runs[0] and when == "after" else None
                axis.plot(
                    x, mean(right(run, effort, when)), "o", color=colour, label=label, **style
                )
    axis.set(xlabel="mean tokens", ylabel="right, %", ylim=(0, 100))
    axis.legend(fontsize=8)


EXPERIMENTS = (
    Experiment(
        name="effort",
        lesson="01",
        section="o3-mini",
        about="one model with three levels of effort: a mark, and a price of tokens for each",
        arms=(
            Arm("tagged", "three numbers, three levels of effort", (Stage("grpo"),),
                {"task": "effort", "size": 3, "max_new": 400, "reward": "effort", "steps": 60}),
        ),
        measure=measure,
        figure=figure,
        evidence={"O3-01": _levels},
        minutes={"cpu": {"quick": 6}},
        on={"cpu": {"eval_problems": 256}},
    ),
)  # fmt: skip
