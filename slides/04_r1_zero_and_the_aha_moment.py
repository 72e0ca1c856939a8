"""Figures and numbers of deck 04, all from recorded runs."""

from statistics import mean

import numpy as np
from figures import INK, bars, canvas, curves, ends, intervals, lines, report, say, step_size

from r1lab import drawings, habits, plots, rewards, stats, tasks, verify
from r1lab.models.names import DOSES
from r1lab.plots import BLUE, GREEN, GREY, ORANGE
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
    """One turn of R1-Zero, on a recorded group."""
    problem, texts = first_group(runs)
    verdicts = [verify.verify(problem, text) for text in texts]
    both = {"completions": texts, "verdicts": verdicts}
    paid, _ = rewards.score(*rewards.reward_set("rule"), **both)
    thoughts = [text.split("</think>")[0].removeprefix("<think>") for text in texts]
    short = [text if len(text) < 31 else text[:28] + "..." for text in thoughts]
    figure, axis = canvas(height=3.4, width=7.2)
    asked = f"reach {problem.target} from\n{', '.join(map(str, problem.numbers))}"
    drawings.loop(axis, asked, short, [v.reason for v in verdicts], paid)
    for words in axis.texts:
        words.set(color="black", fontsize=9.5 if words.get_text() == asked else 10.5)
    return figure


def paper(runs):
    figure, axes = canvas(2)
    shown = ("r1_zero_aime_pass_at_1", 100, BLUE), ("r1_zero_length", 1, ORANGE)
    titles = "right on AIME 2024: {:.0f} → {:.0f} %", "tokens a response: {:,.0f} → {:,.0f}"
    for axis, (name, factor, colour), title in zip(axes, shown, titles, strict=True):
        x, y, _ = plots.paper_curve(name)
        axis.plot(x, factor * y, color=colour, linewidth=2)
        axis.set(xlabel="RL step", xlim=(0, 8700), ylim=(0, None))
        axis.set_title(title.format(factor * y[0], factor * y[-1]))
        axis.set_xticks([0, 4000, 8000], ["0", "4,000", "8,000"])
    axes[1].set_yticks([0, 3000, 6000, 9000], ["0", "3,000", "6,000", "9,000"])
    return figure


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


def which_way(runs):
    figure, axes = canvas(2, sharey=True)
    for axis, arm, base in zip(axes, ("rule", "restless"), ("rich", "restless"), strict=True):
        for name, colour in WAYS.items():
            rows = curves(runs(f"habits/{arm}"), habits.key(name), 100)
            lines(axis, range(1, len(rows[0]) + 1), rows, colour)
        won = competence.forecast(*ways(base))
        place = (43, 90) if arm == "rule" else (2, 24)
        say(axis, *place, won, WAYS[won], fontsize=13)
        say(axis, 2, 57, "guess", GREY, fontsize=13)
        axis.set(xlabel="RL step", ylim=(0, 104))
        axis.set_title(f"base {base}")
    axes[0].set_ylabel("of a step's answers, %")
    return figure


def picture(runs):
    figure, axes = canvas(2)
    shown = ("accuracy", 100, BLUE), ("length", 1, ORANGE)
    titles = "right, of a step's answers: {:.0f} → {:.0f} %", "tokens a completion: {:.0f} → {:.0f}"
    for axis, (key, factor, colour), title in zip(axes, shown, titles, strict=True):
        rows = np.array(curves(runs("zero/rule"), key, factor))
        steps = range(1, rows.shape[1] + 1)
        axis.plot(steps, rows.T, color=colour, linewidth=0.5)
        middle = plots.band(axis, steps, rows, colour)
        axis.set(xlabel="RL step", ylim=(0, 1.05 * rows.max()))
        axis.set_title(title.format(middle[0], middle[-1]))
    return figure


def moment(runs):
    figure, axis = canvas(width=6.0)
    rows = curves(runs("zero/rule"), "reflects", 100)
    lines(axis, range(1, len(rows[0]) + 1), rows, GREEN)
    axis.set(xlabel="RL step", ylabel="of a step's completions, %", ylim=(0, 102))
    return figure


def steepest(runs):
    figure, axis = canvas(width=4.6, height=3.4)
    shares = [100 * stats.steepest(*curves([run], "waits")) for run in runs("zero/rule")]
    axis.bar(range(len(shares)), shares, 0.6, color=GREEN, alpha=0.7)
    for x, share in enumerate(shares):
        axis.text(x, 26, f"{share:.0f}", ha="center", fontsize=13)
    end = len(shares) - 0.45
    for y, words in ((10, "a straight line"), (50, "asked"), (100, "a jump")):
        axis.plot([-0.5, end], [y, y], "k:", linewidth=1.2)
        say(axis, end + 0.1, y, words, "black", ha="left", fontsize=11)
    axis.set_xticks(range(len(shares)), [run.config["seed"] for run in runs("zero/rule")])
    axis.set(ylim=(0, 104), xlim=(-0.6, end + 1.7), xlabel="seed", ylabel="of the whole rise, %")
    axis.grid(visible=False)
    return figure


def explained(runs) -> float:
    """What the best jump explains of a straight line of as many steps as a run has."""
    line = np.arange(float(len(runs("zero/rule")[0].metrics)))
    spread = [a.var() * len(a) + b.var() * len(b)
              for a, b in ((line[:i], line[i:]) for i in range(1, len(line)))]  # fmt: skip
    return 1 - min(spread) / (line.var() * len(line))


def controls(runs):
    figure, axis = canvas(height=3.2)
    axis.set_ylim(0, 66)
    rows = []
    for arm, words in LABELS.items():
        colour = BLUE if arm == "rule" else ORANGE if arm == "think-on" else GREY
        rows.append((words, ends(runs, f"zero/{arm}"), colour))
    bars(axis, rows)
    for x, arm in enumerate(LABELS):
        if arm != "think-on":
            before = mean(ends(runs, f"zero/{arm}", when="before"))
            axis.plot([x - 0.36, x + 0.36], [before, before], "k:", linewidth=1.5)
    axis.set_ylabel("right, %")
    return figure


def margin(runs, experiment: str) -> stats.Interval:
    """What training is worth beside the same base, not trained and kept from stopping."""
    pairs = alike(runs(f"{experiment}/rule"), runs(f"{experiment}/think-on"))
    return stats.seeds_interval([minus(right(a), right(b)) for a, b in pairs])


def worth(runs):
    figure, axis = canvas(height=2.7)
    rows = ("three numbers", "habits"), ("four numbers", "zero")
    intervals(axis, [(words, *margin(runs, experiment)) for words, experiment in rows])
    axis.axvline(10, color=INK[GREY], linestyle=":", linewidth=1.5, zorder=0)
    say(axis, 10.3, 1.3, "asked: 10", GREY, fontsize=12)
    axis.set(xlim=(-8, 18), xlabel="trained minus not trained, points right")
    return figure


def amplified(runs):
    """How often each way of thinking is taken, before and after; and where two bases end, one of
    which has read no text that searches."""
    figure, (axis, read) = canvas(2, height=3.1)
    named = {"guess": GREY, "at random": ORANGE, "check": GREEN}
    for name, colour in named.items():
        pair = [mean(ends(runs, "zero/rule", habits.key(name), 100, when))
                for when in ("before", "after")]  # fmt: skip
        axis.plot([0, 1], pair, "o-", color=colour, linewidth=3, markersize=8)
        left = pair[0] + (4 if name == "at random" else -4 if name == "check" else 0)
        right_y = pair[1] + (-5 if name == "guess" else 3 if name == "check" else 0)
        say(axis, -0.09, left, f"{name} {pair[0]:.0f}", colour, ha="right", fontsize=12)
        say(axis, 1.09, right_y, f"{pair[1]:.0f} {name}", colour, ha="left", fontsize=12)
    axis.set_xticks([0, 1], ["base", "trained"], fontsize=12)
    axis.set(xlim=(-1.1, 2.0), ylim=(-13, 100), ylabel="of the answers, %")
    axis.grid(visible=False)
    arms = [(str(dose), f"habits/dose-{dose}", BLUE if dose else GREY) for dose in DOSES]
    longer = "habits/dose-2-long"
    arms.insert(-1, (f"2\n{runs(longer)[0].summary['steps']} steps", longer, ORANGE))
    read.set(xlabel="Countdown texts that search, %", ylabel="right, %", ylim=(0, 100))
    bars(read, [(words, ends(runs, arm), colour) for words, arm, colour in arms])
    for x, (_, arm, _) in enumerate(arms):
        before = mean(ends(runs, arm, when="before"))
        read.plot([x - 0.36, x + 0.36], [before, before], "k:", linewidth=1.5)
    return figure


def two_lines(text: str) -> str:
    """The thoughts above the answer."""
    return text.replace("<answer>", "\n<answer>")


def doubting(runs) -> str:
    """Of the right completions kept late in training that say no in Chinese, the shortest."""
    kept = [group for run in runs("zero/rule") for group in run.samples[-3:]]
    found = [text for group in kept for text, paid in zip(group["completions"],
             group["rewards"]["accuracy"], strict=True) if paid and "不对" in text]  # fmt: skip
    return two_lines(min(found, key=len))


def searching(runs) -> str:
    """The completion of that group that is right."""
    problem, texts = first_group(runs)
    return two_lines(next(text for text in texts if verify.verify(problem, text).correct))


def times(key: str):
    """By how many times a number of the held-out problems is larger after training."""

    def factor(runs) -> float:
        after, before = (
            mean(ends(runs, "zero/rule", key, 1, when)) for when in ("after", "before")
        )
        return after / before

    return factor


def below(runs) -> float:
    """A round number above the seeds of the three controls that did not move."""
    arms = ("random", "format", "parts")
    return 5 * np.ceil(max(value for arm in arms for value in ends(runs, f"zero/{arm}")) / 5)


FIGURES = {
    "loop": loop, "paper": paper, "forecast": forecast, "which_way": which_way,
    "picture": picture, "moment": moment, "steepest": steepest, "controls": controls,
    "worth": worth, "amplified": amplified,
}  # fmt: skip
NUMBERS = {
    "asked": lambda runs: tasks.tiny_prompt(first_group(runs)[0]),
    "doubting": doubting, "searching": searching,
    "guessing": lambda runs: two_lines(first_group(runs)[1][0]),
    "winner_of_rich": lambda runs: competence.forecast(*ways("rich")),
    "winner_of_restless": lambda runs: competence.forecast(*ways("restless")),
    "a_line_explained": explained, "below": below,
    "worth_three": lambda runs: margin(runs, "habits")[0],
    "longer": times("length"), "better": times("accuracy"),
    "asked_of_base": lambda runs: report("rich")["strata"]["countdown, 3 numbers"]["n"],
    "begun": lambda runs: report("rich")["begun"]["3"]["at random"]["n"],
    "step_size": step_size("zero/rule"), "seeds": lambda runs: len(runs("zero/rule")),
    "reflect_first": lambda runs: mean(r.metrics[0]["reflects"] for r in runs("zero/rule")),
    "minutes": lambda runs: mean(run.summary["seconds"] for run in runs("zero/rule")) / 60,
    "guess_share": lambda runs: ways("rich")[0]["guess"],
    "in_order_right": lambda runs: ways("rich")[1]["in order"],
}  # fmt: skip
