"""Figures and numbers of deck 01, all from recorded runs and the papers' curves."""

import numpy as np
from figures import BLUE, GREY, ORANGE, canvas, report, say

from r1lab import drawings, plots
from r1lab.experiments import choices, effort, test_time_compute, train_time

ARMS = {"trained": BLUE, "think-on": ORANGE, "base": GREY}


def charts(runs):
    figure, axes = canvas(2, sharey=True)
    for axis, name, title in zip(
        axes, ("o1_test_time", "o1_mini_again"), ("o1", "o1-mini, asked again"), strict=True
    ):
        x, y, _ = plots.paper_curve(name)
        axis.plot(x, 100 * y, "o-", color=BLUE)
        axis.set(xscale="log", title=title, ylim=(0, 100))
    axes[0].set(xlabel="test-time compute", ylabel="right on AIME, %")
    axes[1].set_xlabel("tokens a problem")
    return figure


def ways(runs):
    figure, axis = canvas(height=3.4, width=8.0)
    drawings.ways_to_spend(axis)
    for words in axis.texts:
        words.set(fontsize=11, color="black")
    return figure


def budgets(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    for arm, colour in ARMS.items():
        found = runs(f"budgets/{arm}")
        test_time_compute.curve(axis, found, colour, arm)
        ends = [run.summary["measured"]["natural"] for run in found]
        spent = np.mean([end["tokens"] for end in ends])
        axis.plot(spent, 100 * np.mean([np.mean(e["right"]) for e in ends]), "o", color=colour,
                  markersize=11)  # fmt: skip
    for words, colour, at in (
        ("trained", BLUE, (90, 42)), ("not trained, thinks on", ORANGE, (190, 14)),
        ("base", GREY, (20, 14)),
    ):  # fmt: skip
        say(axis, *at, words, colour, fontsize=13)
    axis.set(xlabel="mean tokens of thought", ylabel="right, %", ylim=(0, 70))
    axis.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
    return figure


def waits(runs):
    figure, axis = canvas(width=6.0)
    for arm, colour in ARMS.items():
        ends = []
        for run in runs(f"budgets/{arm}"):
            part = run.summary["measured"]
            path = [100 * np.mean(p["right"]) for p in (part["natural"], *part["waits"])]
            ends.append(np.subtract(path, path[0]))
            axis.plot(range(len(path)), ends[-1], color=colour, linewidth=1.5)
        words = {"think-on": "not trained, thinks on"}.get(arm, arm)
        say(axis, 2.05, np.mean(ends, 0)[-1], words, colour, fontsize=12)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(xlabel="times told to wait", ylabel="points won or lost", xlim=(-0.05, 3.0))
    axis.set_xticks([0, 1, 2])
    return figure


def chosen(runs):
    figure, axes = canvas(2, sharey=True, height=3.2)
    for axis, arm in zip(axes, ("products", "countdown"), strict=True):
        choices.curves(axis, runs(f"choices/{arm}"), "after")
        axis.set(title=arm, xlabel="answers a problem, k")
        axis.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        axis.minorticks_off()
    axes[0].set_ylabel("right, %")
    axes[0].legend(fontsize=11, loc="lower right")
    return figure


def parallel(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    found = report("rich")
    each = found["strata"]["countdown, 4 numbers"]["length"]
    for name, colour, words, at in (
        ("pass_at_k", ORANGE, "base, many answers, free check", (120, 80)),
        ("chance", GREY, "blind guesses, same price", (1100, 25)),
    ):
        ks = sorted(map(int, found[name]["4"]))
        solved = [100 * found[name]["4"][str(k)] for k in ks]
        style = "o-" if name == "pass_at_k" else "o:"
        axis.plot([each * k for k in ks], solved, style, color=colour, linewidth=2)
        say(axis, *at, words, colour, fontsize=12)
    for run in runs("zero/rule"):
        after = run.summary["after"]
        axis.plot(after["length"], 100 * after["accuracy"], "D", color=BLUE, markersize=7)
    say(axis, 150, 53, "one trained\nthought", BLUE, fontsize=12, ha="center")
    axis.set(xscale="log", xlabel="tokens a problem", ylabel="solved, %", ylim=(0, 102))
    axis.set_xticks([100, 1000, 10000], ["100", "1,000", "10,000"])
    return figure


def trained_longer(runs):
    figure, axis = canvas(width=6.4)
    for run in runs("checkpoints/rule"):
        axis.plot(*train_time.by_cost(run), "o-", color=BLUE, linewidth=1.2, markersize=4)
    axis.set(xscale="log", xlabel="tokens sampled and learned from", ylabel="right, %")
    axis.set_ylim(0, 102)
    return figure


def on_the_way(runs):
    figure, axis = canvas(width=6.4)
    for run in runs("choices/products"):
        seen = [line for line in run.metrics if "vote" in line]
        for key, colour in (("one", BLUE), ("vote", ORANGE)):
            rows = [100 * np.mean(line[key]) for line in seen]
            axis.plot([line["step"] for line in seen], rows, "o-", color=colour, linewidth=1.2,
                      markersize=4)  # fmt: skip
    axis.set(xlabel="RL step", ylabel="right, %", ylim=(0, 102))
    say(axis, 40, 86, "vote", ORANGE, fontsize=13, ha="center")
    say(axis, 40, 52, "one answer", BLUE, fontsize=13, ha="center")
    return figure


def efforts(runs):
    figure, axis = canvas(width=6.4)
    effort.draw(axis, runs("effort/tagged"))
    axis.legend(fontsize=12)
    return figure


FIGURES = {
    "charts": charts, "ways": ways, "budgets": budgets, "waits": waits, "choices": chosen,
    "parallel": parallel, "train_time": trained_longer, "on_the_way": on_the_way,
    "effort": efforts,
}  # fmt: skip
NUMBERS = {}
