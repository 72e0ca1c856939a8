"""Figures and numbers of deck 05, all from recorded runs."""

import numpy as np
from figures import BLUE, GREEN, GREY, ORANGE, bars, canvas, say

from r1lab import drawings, plots
from r1lab.experiments import cold_start

COLD = {  # arm -> how many examples, colour
    "zero": ("none", GREY), "cold-50": ("50", GREEN), "cold-500": ("500", BLUE),
    "cold-2000": ("2,000", ORANGE),
}  # fmt: skip
KINDS = {"RL": "#A9CCE3", "SFT": "#F5D7A1"}
LINES = [
    ("R1-Zero", [("base", ""), ("RL\nrules", "RL"), ("R1-Zero", "")]),
    ("R1, first half", [("base", ""), ("worked\nexamples", "SFT"), ("Dev1", ""),
                        ("RL, rules,\nlanguage", "RL"), ("Dev2", "")]),
    ("R1, second half", [("base", ""), ("answers\nof Dev2", "SFT"), ("Dev3", ""),
                         ("RL, mixed\nreward", "RL"), ("R1", "")]),
]  # fmt: skip


def stages(runs):
    figure, axis = canvas(height=3.3, width=8.0)
    drawings.lineage(axis, LINES, KINDS)
    for words in axis.texts:
        words.set(fontsize=11, color="black")
    return figure


def accuracy(run):
    """Percent right at each step of reinforcement learning, mean of five steps."""
    return plots.smooth([100 * m["accuracy"] for m in run.metrics if "reward" in m])[0]


def named(axis, at):
    """The arms' names, how many examples, at their places."""
    for (words, colour), (x, y) in zip(COLD.values(), at, strict=True):
        say(axis, x, y, words, colour, fontsize=13)


def steps(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    for arm, (_, colour) in COLD.items():
        for run in runs(f"cold/{arm}"):
            curve = accuracy(run)
            axis.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=1.2)
    named(axis, ((17, 12), (1, 44), (7, 92), (1, 92)))
    axis.set(xlabel="RL step", ylabel="right, %", ylim=(0, 100))
    return figure


def tokens(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    for arm, (_, colour) in COLD.items():
        found = runs(f"cold/{arm}")
        curves = [accuracy(run) for run in found]
        spent = [
            np.cumsum([m.get("tokens", 0) + m["update_tokens"] for m in run.metrics])
            for run in found
        ]
        x = np.mean([s[-len(curves[0]) :] for s in spent], 0) / 1000
        axis.plot(x, np.mean(curves, 0), color=colour, linewidth=2)
    named(axis, ((150, 38), (20, 48), (90, 88), (300, 90)))
    axis.set(xlabel="thousand tokens sampled or learned from", ylabel="right, %", ylim=(0, 100))
    return figure


def models(runs):
    """What was measured of each model, a list over seeds."""
    line = runs("cold/lineage")
    found = {"base": [r.summary["before"] for r in line]}
    found["Zero"] = [r.summary["after"] for r in runs("cold/zero")]
    for name in ("dev1", "dev2", "dev3"):
        found[name.title()] = [cold_start.stage(r, name).summary["after"] for r in line]
    found["last"] = [r.summary["after"] for r in line]
    return found


def language(runs):
    figure, axis = canvas(width=6.8, height=3.1)
    found = models(runs) | {"then RL": [r.summary["after"] for r in runs("cold/cold-500")]}
    axis.set_ylim(0, 119)
    bars(axis, [
        (name, [100 * part["language_zh"] for part in found[key]], colour)
        for name, key, colour in (
            ("base", "base", GREY), ("Zero", "Zero", GREY), ("examples", "Dev1", ORANGE),
            ("then RL", "then RL", ORANGE), ("RL, reward", "Dev2", BLUE),
        )
    ])  # fmt: skip
    axis.set_ylabel("words in Chinese, %")
    return figure


def line(runs):
    figure, axes = canvas(3, height=3.0, width=9.2)
    keys = {
        "right, %": lambda p: 100 * p["accuracy"],
        "products, right, %": lambda p: 100 * p["tasks"]["products"],
        "plain text, nats a token": lambda p: np.mean(list(p["text_loss"].values())),
    }
    found = {name: parts for name, parts in models(runs).items() if name != "Zero"}
    for axis, (title, read) in zip(axes, keys.items(), strict=True):
        rows = [[read(part) for part in parts] for parts in found.values()]
        for values in np.transpose(rows):
            axis.plot(range(len(rows)), values, color=BLUE, linewidth=0.8, alpha=0.6)
        axis.plot(range(len(rows)), np.mean(rows, 1), "o-", color=BLUE, linewidth=2)
        axis.set_title(title, fontsize=13)
        axis.set_xticks(range(len(rows)), found, fontsize=11, rotation=35)
    axes[0].set_ylim(0, 100)
    axes[1].set_ylim(0, 100)
    axes[2].set_ylim(0, 0.9)
    return figure


def primed(runs):
    figure, axes = canvas(2, height=3.0, sharey=True)
    arms = {"none": GREY, "empty": GREEN, "wrong": ORANGE, "right": BLUE}
    for axis, (key, title) in zip(
        axes, (("second_try", "tries again, %"), ("accuracy", "right, %")), strict=True
    ):
        axis.set_ylim(0, 60)
        bars(axis, [
            (arm, [100 * run.summary["after"][key] for run in runs(f"cold/{arm}")], colour)
            for arm, colour in arms.items()
        ])  # fmt: skip
        axis.set_title(title)
    return figure


def examples(runs):
    """How many examples the arm of R-01 is taught."""
    return len({tuple(s["completions"]) for s in runs("cold/cold-500")[0].samples
                if s["stage"] == "taught"})  # fmt: skip


def points(one, other):
    """By how many points one list of measurements is right more often than another, mean."""
    return 100 * (np.mean([p["accuracy"] for p in one]) - np.mean([p["accuracy"] for p in other]))


def cost(runs):
    return points([r.summary["after"] for r in runs("cold/cold-500")], models(runs)["Dev2"])


def below(runs):
    found = models(runs)
    return points(found["Dev2"], found["Dev3"])


FIGURES = {
    "stages": stages, "steps": steps, "tokens": tokens, "language": language, "line": line,
    "primed": primed,
}  # fmt: skip
NUMBERS = {"examples": examples, "cost": cost, "below": below}
