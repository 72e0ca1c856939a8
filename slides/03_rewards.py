"""Figures and numbers of deck 03, from recorded runs, the shipped judges and the verifier."""

import json
from statistics import mean

import numpy as np
from figures import BLUE, GREEN, GREY, ORANGE, bars, canvas, curves, report, say, step_size

from r1lab import drawings, models, plots, rewards, tasks, value, verify
from r1lab.checks import lesson_03

PROBLEM = tasks.Problem("countdown", (3, 7, 12), 22)
TEXTS = {
    "right": "<think>...</think><answer>3+7+12</answer>",
    "missing": "<think>...</think><answer>3*7</answer>",
    "bare": "3+7+12",
    "two": "<think>...</think><answer>3+7+12</answer><answer>3*7</answer>",
}
BREAK = "<answer>22</answer>"


def word(name: str):
    return lambda runs: verify.verify(PROBLEM, TEXTS[name]).reason


def paid(name: str):
    def earned(runs) -> float:
        verdicts = [verify.verify(PROBLEM, TEXTS[name])]
        both = {"completions": [TEXTS[name]], "verdicts": verdicts}
        return rewards.score(*rewards.reward_set("rule"), **both)[0][0]

    return earned


def believes(name: str):
    """What one of lesson 03's lenient verifiers says of the text that breaks it."""
    return lambda runs: said(lesson_03.LENIENT[name](BREAK, PROBLEM.target))


def said(right: bool) -> str:
    return "**yes**" if right else "no"


def examined(name: str) -> dict:
    path = models.DATA / "judges" / name / "report.json"
    return json.loads(path.read_text("utf-8"))["unseen"]


def of_judge(name: str, key: str):
    return lambda runs: examined(name)[key]


def blind(name: str):
    """What a judge that refuses everything would be right about."""
    return lambda runs: 1 - examined(name)["base_rate"]


def sees(runs):
    figure, axis = canvas(height=3.0, width=7.6)
    columns = "problem", "answer", "length", "thoughts", "value"
    views = {"rule": (0, 1, 4), "judge-85": (0, 1, 2), "judge-96": (0, 1)}
    drawings.sees(axis, {n: {c: i in v for i, c in enumerate(columns)} for n, v in views.items()})
    for words in axis.texts:
        words.set_fontsize(12)
        if words.get_text() == "hidden":
            words.set_color("#595959")
    return figure


def smooth(run, key: str) -> np.ndarray:
    return plots.smooth(curves([run], key, 100)[0])[0]


def weights(runs):
    figure, axis = canvas()
    arms = {"habits/rule": (BLUE, "weight 0.1"), "form/equal": (ORANGE, "weight 1")}
    arms |= {"form/none": (GREY, "weight 0")}
    for y, (arm, (colour, words)) in zip((52, 30, 8), arms.items(), strict=True):
        rows = np.array([smooth(run, "accuracy") for run in runs(arm)])
        plots.band(axis, range(1, rows.shape[1] + 1), rows, colour)
        axis.plot([34, 37], [y + 6, y + 6], color=colour, linewidth=3)
        say(axis, 38, y + 6, words, colour, fontsize=13)
    axis.set(xlabel="RL step", ylabel="right, of a step's answers, %", ylim=(0, 102))
    return figure


def untidy(runs):
    figure, axis = canvas()
    for key, colour in (("reward_format_tags", GREEN), ("accuracy", BLUE)):
        for run in runs("form/untidy"):
            curve = smooth(run, key)
            axis.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=1.2)
    say(axis, 16, 66, "in their form", GREEN, ha="left", fontsize=13)
    say(axis, 49, 28, "right", BLUE, ha="left", fontsize=13)
    axis.set(xlabel="RL step", ylabel="of a step's answers, %", ylim=(0, 102))
    return figure


def proxy(axis, found, until: int | None = None) -> None:
    """What is approved and what is right, up to a step."""
    for key, colour in (("reward_approved", ORANGE), ("accuracy", BLUE)):
        for run in found:
            if key in run.metrics[0]:
                curve = smooth(run, key)[:until]
                axis.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=1.2)
    axis.set(xlabel="RL step", ylim=(0, 104))


def begin(runs):
    figure, axis = canvas()
    proxy(axis, runs("judge/judge-85"), until=14)
    axis.set(xlim=(-3, 63), ylabel="of a step's answers, %")
    say(axis, 2, 45, "the judge approves", ORANGE, ha="left", fontsize=13)
    say(axis, 16, 15, "right", BLUE, ha="left", fontsize=13)
    say(axis, 38, 50, "?", "black", fontsize=60, ha="center")
    return figure


def cheated(runs):
    figure, axis = canvas()
    proxy(axis, runs("judge/judge-85"))
    axis.set_ylabel("of a step's answers, %")
    say(axis, 44, 91, "the judge approves", ORANGE, ha="left", fontsize=13)
    say(axis, 44, 12, "right", BLUE, ha="left", fontsize=13)
    return figure


def controls(runs):
    figure, axes = canvas(2, sharey=True)
    for axis, arm, title in zip(axes, ("judge-96", "rule"), ("judge-96", "the rule"), strict=True):
        proxy(axis, runs(f"judge/{arm}"))
        axis.set_title(title)
        say(axis, 34, 28, "right", BLUE, fontsize=13)
    say(axes[0], 22, 94, "approved", ORANGE, fontsize=13)
    axes[0].set_ylabel("of a step's answers, %")
    return figure


def late(runs):
    figure, axis = canvas(width=6.2)
    axis.set_ylim(0, 92)
    shown = {"rule": ("the judge never", BLUE), "late": ("in the last quarter", ORANGE)}
    shown |= {"judge-85": ("always", GREY)}
    rows = [(words, [100 * r.summary["after"]["accuracy"] for r in runs(f"judge/{arm}")], colour)
            for arm, (words, colour) in shown.items()]  # fmt: skip
    bars(axis, rows)
    base = 100 * mean(run.summary["before"]["accuracy"] for run in runs("judge/late"))
    axis.axhline(base, color="black", linestyle=":", linewidth=1.5)
    axis.set_ylabel("right, %")
    return figure


def last_group(runs) -> dict:
    return runs("judge/judge-85")[0].samples[-1]


def written(runs) -> str:
    """The middle of what was cut, its beginning is long enough."""
    text = last_group(runs)["completions"][0]
    return f"{text[:190]}\n[...]\n{text[-60:]}"


def formed(runs) -> float:
    """Of the base's answers to three numbers, those in their form."""
    return report("rich")["strata"]["countdown, 3 numbers"]["formatted"]


FIGURES = {
    "sees": sees, "weights": weights, "untidy": untidy, "begin": begin, "cheated": cheated,
    "controls": controls, "late": late,
}  # fmt: skip
NUMBERS = {
    **{f"word_{name}": word(name) for name in TEXTS},
    **{f"paid_{name}": paid(name) for name in TEXTS},
    **{name: believes(name) for name in lesson_03.LENIENT},
    "ours": lambda runs: said(verify.verify(PROBLEM, BREAK).correct),
    "formed": formed, "step_size": step_size("judge/judge-85"), "written": written,
    "written_at": lambda runs: last_group(runs)["step"],
    "earns": lambda runs: last_group(runs)["rewards"]["total"][0],
    "last_stage": lambda runs: runs("judge/late")[0].config["stages"][-1]["steps"],
    "weight": lambda runs: value.load("judge-85").length.item(),
}  # fmt: skip
for number in ("85", "96"):
    keys = {"judge": "accuracy", "kept": "approves_right", "refused": "rejects_wrong"}
    judge = f"judge-{number}"
    NUMBERS |= {f"{name}_{number}": of_judge(judge, key) for name, key in keys.items()}
    NUMBERS[f"blind_{number}"] = blind(judge)
