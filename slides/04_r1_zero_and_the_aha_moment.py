"""Figures and numbers of deck 04, all from recorded runs."""

import json
from statistics import mean
from textwrap import shorten

import numpy as np
from figures import BLUE, GREEN, GREY, INK, ORANGE, bars, canvas, curves, intervals, lines, say

from r1lab import drawings, habits, models, plots, rewards, stats, tasks, verify
from r1lab.running.evidence import alike, minus, right
from r1lab.tiny_world import competence

WAYS = {"in order": BLUE, "at random": ORANGE, "guess": GREY}
LABELS = {"rule": "rule", "think-on": "not trained,\nthinks on", "random": "paid by\na coin"}
LABELS |= {"format": "paid for\nthe form", "parts": "never read a\nsecond try"}


def first_group(runs) -> tuple[tasks.Problem, list[str]]:
    """The group of step 1 of the first seed, whose completions were kept."""
    kept = runs("habits/rule")[0].samples[0]
    problem = tasks.Problem("countdown", tuple(kept["numbers"]), kept["target"])
    return problem, kept["completions"]


def loop(runs):
    """One turn of R1-Zero, on a recorded group; a look at five of its eight."""
    problem, texts = first_group(runs)
    verdicts = [verify.verify(problem, text) for text in texts]
    both = {"completions": texts, "verdicts": verdicts}
    paid, _ = rewards.score(*rewards.reward_set("rule"), **both)
    short = [shorten(t.replace("<think>", ""), 32, placeholder=" ...") for t in texts]
    figure, axis = canvas(height=3.5)
    asked = f"reach {problem.target}\nfrom {', '.join(map(str, problem.numbers))}"
    drawings.loop(axis, asked, short, [v.reason for v in verdicts], paid)
    for words in axis.texts:
        words.set_fontsize(max(8.5, words.get_fontsize()))
        words.set_color("black")
    return figure


def paper(runs):
    figure, axes = canvas(2)
    shown = ("r1_zero_aime_pass_at_1", 100, BLUE), ("r1_zero_length", 1, ORANGE)
    for axis, (name, factor, colour) in zip(axes, shown, strict=True):
        x, y, _ = plots.paper_curve(name)
        axis.plot(x, factor * y, color=colour, linewidth=2)
        for i, where in ((0, "left"), (-1, "right")):
            end = f"{factor * y[i]:.0f} %" if factor == 100 else f"{y[i]:,.0f}"
            up = axis.get_ylim()[1] * (0.06 if i else 0.12)
            say(axis, x[i], factor * y[i] + up, end, colour, ha=where, fontsize=12)
        axis.set(xlabel="RL step", xlim=(0, 9000), ylim=(0, None))
        axis.set_xticks([0, 4000, 8000], ["0", "4,000", "8,000"])
        axis.margins(y=0.2)
    axes[0].set(ylabel="right on AIME 2024, %", ylim=(0, 85))
    axes[1].set(ylabel="tokens a response", ylim=(0, 11500))
    return figure


def report(base: str) -> dict:
    return json.loads((models.DATA / "models" / base / "report.json").read_text("utf-8"))


def ways(base: str) -> tuple[dict[str, float], dict[str, float]]:
    """How often a base's answers to three numbers think in a way, and how often that is right."""
    found = report(base)
    three = found["strata"]["countdown, 3 numbers"]
    seen = {name: one["right"] / one["n"] for name, one in three["by_habit"].items()}
    begun = {name: one["accuracy"] for name, one in found["begun"]["3"].items()}
    return {name: three[habits.key(name)] for name in habits.NAMES}, seen | begun


def forecast(runs):
    figure, axes = canvas(2, sharey=True, height=2.9)
    shares, good = ways("rich")
    names = ["guess", "check", "at random", "in order"]
    labels = ["guess", "check once,\nanswer anyway", "try at random", "search in order"]
    for axis, part, title in zip(
        axes, (shares, good), ("how often it is taken, %", "how often it is right, %"), strict=True
    ):
        for y, name in enumerate(names):
            colour = WAYS.get(name, GREY)
            axis.barh(y, 100 * part[name], 0.6, color=colour)
            say(axis, 100 * part[name] + 2, y, f"{100 * part[name]:.0f}", colour, fontsize=12)
        axis.set(xlim=(0, 100), xlabel=title)
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(range(4), labels, fontsize=11)
    axes[0].invert_yaxis()
    return figure


def winner(base: str):
    return lambda runs: competence.forecast(*ways(base))


def which_way(runs):
    figure, axes = canvas(2, sharey=True)
    places = {"rule": ((50, 93, "in order"), (33, 10, "at random"), (17, 80, "guess"))}
    places["restless"] = ((50, 93, "at random"), (33, 10, "in order"), (3, 76, "guess"))
    for axis, arm in zip(axes, places, strict=True):
        found = runs(f"habits/{arm}")
        for name, colour in WAYS.items():
            rows = curves(found, habits.key(name), 100)
            lines(axis, range(1, len(rows[0]) + 1), rows, colour)
        axis.set(xlabel="RL step", ylim=(0, 105))
    axes[0].set_ylabel("of a step's answers, %")
    for axis, arm in zip(axes, places, strict=True):
        say(axis, 46, 92, "in order" if arm == "rule" else "at random", BLUE if arm == "rule"
            else ORANGE, ha="right", va="top", fontsize=12)  # fmt: skip
        say(axis, 2, 68, "guess", GREY, ha="left", fontsize=12)
    axes[0].set_title("base rich")
    axes[1].set_title("base restless")
    return figure


def picture(runs):
    figure, axes = canvas(2)
    found = runs("zero/rule")
    for axis, key, factor, colour in (
        (axes[0], "accuracy", 100, BLUE), (axes[1], "length", 1, ORANGE),
    ):  # fmt: skip
        rows = np.array(curves(found, key, factor))
        steps = range(1, rows.shape[1] + 1)
        axis.plot(steps, rows.T, color=colour, linewidth=0.5)
        middle = plots.band(axis, steps, rows, colour)
        unit = " %" if factor == 100 else ""
        for i, where in ((0, "left"), (-1, "right")):
            y = middle[i] + (0.1 if i == 0 else 0.16) * rows.max()
            say(axis, steps[i], y, f"{middle[i]:.0f}{unit}", colour, ha=where, fontsize=12)
        axis.set(xlabel="RL step", ylim=(0, 1.15 * rows.max()))
    axes[0].set_ylabel("right, %")
    axes[1].set_ylabel("tokens a completion")
    return figure


def moment(runs):
    figure, axis = canvas(width=6.4)
    rows = curves(runs("zero/rule"), "reflects", 100)
    lines(axis, range(1, len(rows[0]) + 1), rows, GREEN)
    axis.set(xlabel="RL step", ylabel="of a step's completions, %", ylim=(0, 102))
    return figure


def steepest(runs):
    figure, axis = canvas(width=6.4)
    shares = [100 * stats.steepest(*curves([run], "waits")) for run in runs("zero/rule")]
    axis.bar(range(len(shares)), shares, 0.6, color=GREEN, alpha=0.7)
    for x, share in enumerate(shares):
        axis.text(x, share + 2, f"{share:.0f}", ha="center", fontsize=12)
    right_end = len(shares) - 0.45
    for y, words in ((10, "a straight line"), (50, "asked of every seed"), (100, "a jump")):
        axis.axhline(y, color="black", linestyle=":", linewidth=1.2)
        say(axis, right_end, y, words, "black", ha="left", fontsize=11)
    axis.set_xticks(range(len(shares)), [f"seed {run.config['seed']}" for run in runs("zero/rule")])
    axis.set(ylim=(0, 104), xlim=(-0.6, right_end + 1.6), ylabel="of the whole rise, %")
    axis.grid(visible=False)
    return figure


def explained(runs) -> float:
    """What the best jump explains of a straight line of as many steps as a run has."""
    line = np.arange(float(len(runs("zero/rule")[0].metrics)))
    spread = [a.var() * len(a) + b.var() * len(b)
              for a, b in ((line[:i], line[i:]) for i in range(1, len(line)))]  # fmt: skip
    return 1 - min(spread) / (line.var() * len(line))


def controls(runs):
    figure, axis = canvas(height=3.3)
    axis.set_ylim(0, 75)
    rows = []
    for arm, words in LABELS.items():
        ends = [r.summary.get("after") or r.summary["measured"] for r in runs(f"zero/{arm}")]
        colour = BLUE if arm == "rule" else ORANGE if arm == "think-on" else GREY
        rows.append((words, [100 * end["accuracy"] for end in ends], colour))
    bars(axis, rows)
    for x, arm in enumerate(LABELS):
        if arm != "think-on":
            before = 100 * mean(r.summary["before"]["accuracy"] for r in runs(f"zero/{arm}"))
            axis.plot([x - 0.36, x + 0.36], [before, before], "k:", linewidth=1.5)
    axis.set_ylabel("right, %")
    return figure


def worth(runs):
    """What training is worth beside the same base, not trained and kept from stopping."""
    figure, axis = canvas(height=2.7)
    rows = []
    for experiment, words in (("habits", "three numbers"), ("zero", "four numbers")):
        pairs = alike(runs(f"{experiment}/rule"), runs(f"{experiment}/think-on"))
        rows.append((words, *stats.seeds_interval([minus(right(a), right(b)) for a, b in pairs])))
    intervals(axis, rows)
    axis.axvline(10, color=INK[GREY], linestyle=":", linewidth=1.5)
    say(axis, 10.2, -0.55, "asked: 10", GREY, fontsize=10)
    axis.set(xlim=(-8, 18), xlabel="trained minus not trained, points right")
    return figure


def amplified(runs):
    """How often each way of thinking is taken, before and after."""
    figure, axis = canvas(width=6.4, height=3.3)
    found = runs("zero/rule")
    named = {"guess": GREY, "at random": ORANGE, "check": GREEN}
    for name, colour in named.items():
        pair = [100 * mean(run.summary[when][habits.key(name)] for run in found)
                for when in ("before", "after")]  # fmt: skip
        axis.plot([0, 1], pair, "o-", color=colour, linewidth=3, markersize=8)
        left = pair[0] + (4 if name == "at random" else -4 if name == "check" else 0)
        right_y = pair[1] + (-5 if name == "guess" else 3 if name == "check" else 0)
        say(axis, -0.04, left, f"{name} {pair[0]:.0f}", colour, ha="right", fontsize=13)
        say(axis, 1.04, right_y, f"{pair[1]:.0f} {name}", colour, ha="left", fontsize=13)
    axis.set_xticks([0, 1], ["base", "trained"], fontsize=12)
    axis.set(xlim=(-0.55, 1.55), ylim=(-8, 100), ylabel="of the answers, %")
    axis.grid(visible=False)
    return figure


def completion(number: int):
    """A completion of step 1 without its tags' ends, one line long."""
    return lambda runs: first_group(runs)[1][number]


def searching(runs) -> str:
    """The completion of that group that is right."""
    problem, texts = first_group(runs)
    return next(text for text in texts if verify.verify(problem, text).correct)


def asked(runs) -> str:
    return tasks.tiny_prompt(first_group(runs)[0])


def of_way(part: int, name: str):
    """A number of the forecast: of the shares (0) or of what is right (1)."""
    return lambda runs: ways("rich")[part][name]


def below(runs) -> float:
    """A round number above the seeds of the three controls that did not move."""
    arms = ("random", "format", "parts")
    most = max(r.summary["after"]["accuracy"] for a in arms for r in runs(f"zero/{a}"))
    return 5 * np.ceil(100 * most / 5)


def worth_three(runs) -> float:
    pairs = alike(runs("habits/rule"), runs("habits/think-on"))
    return stats.seeds_interval([minus(right(a), right(b)) for a, b in pairs])[0]


FIGURES = {
    "loop": loop, "paper": paper, "forecast": forecast, "which_way": which_way,
    "picture": picture, "moment": moment, "steepest": steepest, "controls": controls,
    "worth": worth, "amplified": amplified,
}  # fmt: skip
NUMBERS = {
    "asked": asked, "guessing": completion(0), "searching": searching,
    "winner_of_rich": winner("rich"), "winner_of_restless": winner("restless"),
    "a_line_explained": explained, "below": below, "worth_three": worth_three,
    "guess_share": of_way(0, "guess"), "in_order_right": of_way(1, "in order"),
}  # fmt: skip
