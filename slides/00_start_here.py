"""Figures and numbers of deck 00, from recorded runs, the base's card and the verifier."""

import textwrap
from statistics import mean

import numpy as np
from figures import BLUE, GREY, ORANGE, bars, canvas, gained, report, say

from r1lab import drawings, plots, stats, tasks, verify
from r1lab.tiny_world.corpus import RICH

PROBLEM = tasks.Problem("countdown", (13, 5, 2), 20)
TRIES = {
    "sum": "<answer>(13+5)+2</answer>", "unused": "<answer>13+5</answer>",
    "own": "<answer>5+5+5+5</answer>", "equation": "<answer>13+5+2=20</answer>",
    "code": "<answer>__import__('os')</answer>",
}  # fmt: skip
KINDS = {"given": "#DDDDDD", "SFT": "#F6D28B", "RL": "#A6CEE3"}
LINES = [
    ("o1, September 2024", [("a model", "given"), ("RL; how is\nnot said", "RL"), ("o1", "")]),
    ("R1-Zero, January 2025", [("V3-Base", "given"), ("RL on rules", "RL"), ("R1-Zero", "")]),
    ("R1", [("V3-Base", "given"), ("SFT on\nthousands", "SFT"), ("RL on rules", "RL"),
            ("SFT on\n800,000", "SFT"), ("RL on rules,\npreferences", "RL"), ("R1", "")]),
    ("k1.5, January 2025", [("a base", "given"), ("SFT", "SFT"), ("RL on rules,\na judge", "RL"),
                            ("k1.5, long", ""), ("long2short", "RL"), ("k1.5, short", "")]),
]  # fmt: skip


def lineage(runs):
    figure, axis = canvas(height=3.5, width=7.6)
    drawings.lineage(axis, LINES, KINDS)
    for words in axis.texts:
        words.set_fontsize(10.5)
    return figure


def paper(runs):
    figure, axis = canvas(width=6.2)
    for key, colour, words, at in (
        ("r1_zero_aime_cons_at_16", ORANGE, "vote of 16 answers", (4600, 92)),
        ("r1_zero_aime_pass_at_1", BLUE, "one answer", (5000, 42)),
    ):
        step, share, _ = plots.paper_curve(key)
        axis.plot(step, 100 * share, color=colour, linewidth=2)
        say(axis, *at, words, colour, fontsize=13)
    axis.set(xlabel="training step", ylabel="right on AIME 2024, %", ylim=(0, 100))
    axis.set_xticks([0, 2000, 4000, 6000, 8000], ["0", "2,000", "4,000", "6,000", "8,000"])
    return figure


def habit(name: str):
    return lambda runs: getattr(RICH, name)


def guesses(runs) -> float:
    return 1 - RICH.in_order - RICH.at_random - RICH.backwards - RICH.check


def says(name: str):
    return lambda runs: verify.verify(PROBLEM, TRIES[name]).reason


def half_width(k: int, n: int):
    return lambda runs: 100 * 1.96 * (k / n * (1 - k / n) / n) ** 0.5


def kept(place: int, number: int):
    """A completion of the first recorded seed, at a kept step, with its prompt."""

    def shown(runs) -> str:
        group = runs("habits/rule")[0].samples[place]
        asked = tasks.Problem("countdown", tuple(group["numbers"]), group["target"])
        text = group["completions"][number].replace("<answer>", "\n<answer>")
        lines = [part for line in text.split("\n") for part in textwrap.wrap(line, 66)]
        lines = lines if len(lines) < 6 else [*lines[:3], "[...]", *lines[-2:]]
        return "\n".join([f"{tasks.short(asked)}", *lines])

    return shown


def failures(runs):
    """How answers end, before and after."""
    figure, axis = canvas(height=3.0)
    shown = {"right": "correct", "wrong value": "wrong value", "no answer": "no answer"}
    for side, (when, colour, words) in enumerate(
        (("before", GREY, "base"), ("after", BLUE, "trained"))
    ):
        for x, reason in enumerate(shown.values()):
            shares = [100 * run.summary[when]["reasons"].get(reason, 0) / run.summary["n"]
                      for run in runs("habits/rule")]  # fmt: skip
            at = x + 0.38 * side - 0.19
            axis.bar(at, mean(shares), 0.34, color=colour, alpha=0.6)
            axis.plot([at] * len(shares), shares, ".", color="black", markersize=4)
            top = max(shares) + 3
            axis.text(at, top, f"{mean(shares):.0f} %", ha="center", fontsize=12)
            if x == 1:
                say(axis, at, top + 12, words, colour, ha="center", fontsize=13)
    axis.set_xticks(range(3), list(shown), fontsize=12)
    axis.set(ylim=(0, 108), ylabel="of the answers, %")
    axis.grid(axis="x", visible=False)
    return figure


def controls(runs):
    figure, axis = canvas(height=3.0)
    axis.set_ylim(0, 108)
    rows = [(words, [100 * r.summary["after"]["accuracy"] for r in runs(f"habits/{arm}")], colour)
            for arm, words, colour in (("rule", "paid for\nright answers", BLUE),
                                       ("random", "paid by\na coin", GREY),
                                       ("format", "paid for\nthe form", GREY))]  # fmt: skip
    bars(axis, rows)
    before = mean(100 * run.summary["before"]["accuracy"] for run in runs("habits/rule"))
    axis.axhline(before, color="black", linestyle=":", linewidth=1.5)
    axis.set_ylabel("right, %")
    return figure


def now_and_then(runs):
    figure, axis = canvas(width=6.4)
    found = report("rich")
    k = [int(one) for one in found["pass_at_k"]["3"]]
    for part, colour, words, at in (
        ("pass_at_k", BLUE, "the base, not trained", (9, 83)),
        ("chance", GREY, "guesses by the rules", (20, 55)),
    ):
        y = [100 * one for one in found[part]["3"].values()]
        pairs = sorted(zip(k, y, strict=True))
        axis.plot(*zip(*pairs, strict=True), "o-", color=colour, linewidth=2)
        ha = "right" if part == "pass_at_k" else "left"
        say(axis, *at, words, colour, fontsize=13, ha=ha)
    axis.set_xscale("log", base=4)
    axis.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    axis.minorticks_off()
    axis.set(xlabel="tries a problem", ylabel="solved at least once, %", ylim=(0, 104))
    return figure


def pass_at(k: str):
    return lambda runs: report("rich")["pass_at_k"]["3"][k]


FIGURES = {
    "lineage": lineage, "paper": paper, "failures": failures, "controls": controls,
    "now_and_then": now_and_then,
}  # fmt: skip
NUMBERS = {
    **{f"says_{name}": says(name) for name in TRIES},
    "weights": lambda runs: f"{report('rich')['parameters']:,}",
    "in_order": habit("in_order"), "at_random": habit("at_random"),
    "backwards": habit("backwards"), "check": habit("check"), "guesses": guesses,
    "half_of_100": half_width(50, 100), "half_of_400": half_width(200, 400),
    "eight_low": lambda runs: stats.wilson(8, 8)[0],
    "before": kept(0, 0), "after": kept(-1, 0),
    **gained("habits/rule"),
    "pass_1": pass_at("1"), "pass_16": pass_at("16"),
    "minutes": lambda runs: np.mean([run.summary["seconds"] for run in runs("habits/rule")]) / 60,
}  # fmt: skip
