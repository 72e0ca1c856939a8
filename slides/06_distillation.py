"""Figures and numbers of deck 06, all from recorded runs and the report of the student's base."""

import numpy as np
from figures import BLUE, GREY, ORANGE, bars, canvas, report, say

from r1lab import cost, feedback, microscope, models, on_policy, tasks
from r1lab.experiments import coverage, distillation
from r1lab.running import bills
from r1lab.running.evidence import alike, gain
from r1lab.widgets import prices

UNIT = 1e12  # operations
RL = f"RL,\n{distillation.STEPS} steps"
MORE = f"RL,\n{distillation.STEPS + distillation.MORE} steps"
TAUGHT = "larger\nteaches"
WHO = (("base", "base", GREY), ("rl", "RL", BLUE), ("from-large", "larger one teaches", ORANGE))


def percent(runs, arm: str, early: bool = True) -> list[float]:
    """Right answers of each seed, after the first stage of an arm or after its last."""
    found = runs(f"distillation/{arm}")
    ends = [distillation.first(run) if early else run for run in found]
    return [100 * run.summary["after"]["accuracy"] for run in ends]


def before(runs) -> list[float]:
    """Right answers of the untrained student, of each seed."""
    return [100 * run.summary["before"]["accuracy"] for run in runs("distillation/rl")]


def floor(axis, height: float, last: float) -> None:
    """The untrained student, as a line beside what stands up to x = `last`."""
    axis.axhline(height, color="black", linestyle="--", linewidth=1)
    say(axis, last + 0.4, height + 6, "base", "black", fontsize=12)
    axis.set_xlim(-0.5, last + 0.4 + 0.2 * (last + 1))


def ways(runs):
    figure, axis = canvas(height=3.7, width=9.0)
    feedback.ways_to_teach(axis)
    for words in axis.texts:
        words.set_fontsize(max(10.5, words.get_fontsize()))
    return figure


def forecast(runs):
    figure, axes = canvas(2, height=2.9, sharey=True)
    found = report("small")
    three = found["strata"]["countdown, 3 numbers"]
    guessed = three["by_habit"]["guess"]
    shares = three["habit_guess"], three["habit_in_order"]
    good = guessed["right"] / guessed["n"], found["begun"]["3"]["in order"]["accuracy"]
    for axis, part, title in zip(
        axes, (shares, good), ("how often it is taken, %", "how often it is right, %"), strict=True
    ):
        axis.set_ylim(0, 110)
        bars(axis, [
            (name, [100 * value], colour) for name, value, colour in
            zip(("one guess", "search in order"), part, (GREY, BLUE), strict=True)
        ])  # fmt: skip
        axis.set_title(title, fontsize=12)
    return figure


def equal(runs):
    figure, axis = canvas(width=6.8, height=3.0)
    axis.set_ylim(0, 105)
    bars(axis, [
        ("base", before(runs), GREY), (RL, percent(runs, "rl"), GREY),
        (TAUGHT, percent(runs, "from-large"), BLUE),
        ("a program\nteaches", percent(runs, "solver"), ORANGE),
        (MORE, percent(runs, "rl", early=False), GREY),
    ])  # fmt: skip
    axis.set_ylabel("right, %")
    return figure


def priced(runs) -> dict:
    """What the ledger of prices is drawn from."""
    rows = [
        bills.row(words, alike(runs(f"distillation/{arm}"), runs("judge/rule")), UNIT)
        for arm, words in (("from-large", "the larger one teaches"),
                           ("solver", "a program teaches"))
    ]  # fmt: skip
    curve = bills.curve(runs("distillation/rl"), UNIT)
    return {"unit": "million million operations", "rows": rows, "curve": curve}


def holds(what: bool) -> None:
    """Stops the build where a slide's words, which no verdict guards, are true no more."""
    if not what:
        raise ValueError("what a slide of deck 06 says came out otherwise: write it anew")


def price(runs):
    holds(charged(0, 1)(runs) > 0 > charged(1, 1)(runs) and abs(charged(1, 100)(runs)) < 2)
    figure = prices.draw(priced(runs))
    figure.set_size_inches(6.4, 3.0)
    return figure


def pairs(runs):
    figure, axes = canvas(3, height=3.7, width=9.2, sharey=True)
    found = (
        ("how many?", (("2,000, once", "solver"), ("500, four times", "solver-500"))),
        ("whose?", (("the larger one's", "from-large"), ("one's own", "from-small"))),
        ("filtered?", (("right ones", "half-right"), ("as they come", "half-all"))),
    )
    for axis, (title, arms) in zip(axes, found, strict=True):
        axis.set_ylim(0, 105)
        bars(axis, [
            (words, percent(runs, arm), colour)
            for (words, arm), colour in zip(arms, (BLUE, ORANGE), strict=True)
        ])  # fmt: skip
        axis.tick_params(axis="x", labelsize=11)
        axis.set_title(title, fontsize=13)
        floor(axis, np.mean(before(runs)), 1)
    axes[0].set_ylabel("right, %")
    return figure


def nothing(runs):
    figure, axis = canvas(width=6.4, height=3.0)
    axis.set_ylim(0, 105)
    longest = runs("habits/parts-long")
    holds(won(runs) > 20 > max(np.mean(gain(run)) for run in longest))
    bars(axis, [
        ("untrained", [100 * r.summary["before"]["accuracy"] for r in longest], GREY),
        (f"RL,\n{longest[0].config['stages'][0]['steps']} steps",
         [100 * r.summary["after"]["accuracy"] for r in longest], GREY),
        ("a program\nteaches", percent(runs, "no-search"), ORANGE),
    ])  # fmt: skip
    axis.set_ylabel("right, %")
    return figure


def further(runs):
    figure, axis = canvas(width=6.4, height=3.0)
    rows = percent(runs, "from-large"), percent(runs, "from-large", early=False)
    axis.plot((0, 1), rows, "o-", color=BLUE, linewidth=1)
    for x, values in enumerate((*rows, percent(runs, "rl", early=False))):
        axis.plot([x] * len(values), values, "o", color=BLUE if x < 2 else GREY)
        say(axis, x + 0.1, max(values) + 6, f"{np.mean(values):.0f} %", BLUE if x < 2 else GREY,
            ha="center", fontsize=13)  # fmt: skip
    axis.set_xticks(range(3), [TAUGHT, f"then RL,\n{distillation.STEPS} steps", MORE])
    axis.set(ylabel="right, %", ylim=(0, 100))
    floor(axis, np.mean(before(runs)), 2)
    return figure


def many(runs):
    figure, axes = canvas(2, height=3.4, width=8.0, sharey=True)
    for axis, size in zip(axes, coverage.WAYS, strict=True):
        for arm, words, colour in WHO:  # arms of `coverage`
            coverage.curves(axis, runs(f"coverage/{arm}"), size, colour, words)
        coverage.line_of_chance(axis, runs("coverage/base"), size)
        ways = {1: "a single way"}.get(coverage.WAYS[size], f"at most {coverage.WAYS[size]} ways")
        axis.set(xlabel="tries, k", title=f"{size} numbers, {ways}")
    axes[0].set_ylabel("problems solved, %")
    axes[0].legend(fontsize=11)
    return figure


def sizes(runs):
    figure, axes = canvas(2, height=3.2, width=7.6)
    small = [distillation.first(run) for run in runs("distillation/rl")]
    both = alike(small, runs("judge/rule"))
    shown = ("accuracy", 100, "right, %", 105), ("tries", 1, "tries an answer", 14)
    for axis, (key, factor, title, top) in zip(axes, shown, strict=True):
        axis.set_ylim(0, top)
        bars(axis, [
            (f"{name}\n{words}", [factor * pair[i].summary[when][key] for pair in both], colour)
            for i, name, colour in ((0, "small", BLUE), (1, "larger", ORANGE))
            for when, words in (("before", "base"), ("after", "RL"))
        ], "")  # fmt: skip
        axis.set_title(title, fontsize=13)
    return figure


def spoken(runs):
    """What on-policy distillation would say of a guess and of a search of the untrained student."""
    figure, axes = canvas(2, height=3.6, width=9.2, sharey=True)
    student, tokenizer = models.load("small")
    teacher, _ = distillation.recorded(distillation.LARGE, 0, "rich")
    group = runs("distillation/rl")[0].samples[0]
    asked = tasks.Problem("countdown", tuple(group["numbers"]), group["target"])
    texts = sorted(group["completions"], key=len)
    shortest, longest = (texts[0], "a lucky guess"), (texts[-1], "a search")
    for axis, (text, title) in zip(axes, (shortest, longest), strict=True):
        read = microscope.read(student, teacher, tokenizer, tasks.prompt(asked, "tiny"), text)
        chances = read.base.log()[None], read.trained.log()[None]
        worth = on_policy.token_advantages(*chances, read.base[None] > 0)[0].tolist()
        shown = slice(1, 12)  # from behind <think> on
        for x, height in enumerate(worth[shown]):
            axis.bar(x, height, color=BLUE if height > 0 else ORANGE)
        axis.axhline(0, color="black", linewidth=1)
        axis.set_xticks(range(11), read.pieces[shown], fontsize=14)
        axis.set_title(title, fontsize=13)
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("reward of a token, nats")
    return figure


def bill(part: str):
    """A part of what the larger one's student cost, in 10^12 operations."""
    return lambda runs: priced(runs)["rows"][0][part]


def rl_bill(runs):
    return np.mean([bills.student(r, "rl") for r in runs("distillation/rl")]) / UNIT


def charged(price: float, shared: int):
    """By how many points the taught student is ahead of reinforcement learning for one bill."""

    def ahead(runs) -> float:
        data = priced(runs)
        row = data["rows"][0]
        return row["right"] - prices.bought(data["curve"], prices.bill(row, price, shared))[0]

    return ahead


def won(runs):
    """Points that a base without a second try wins by a program's traces."""
    return np.mean([np.mean(gain(run)) for run in runs("distillation/no-search")])


def tries(runs):
    """Tries an answer of the student after its own reinforcement learning."""
    found = map(distillation.first, runs("distillation/rl"))
    return np.mean([run.summary["after"]["tries"] for run in found])


def times(runs):
    """How many times as large the teacher is."""
    small, large = (cost.shape(models.config_of(name)).weights for name in ("small", "rich"))
    return large / small


FIGURES = {
    "ways": ways, "forecast": forecast, "equal": equal, "price": price, "pairs": pairs,
    "nothing": nothing, "further": further, "many": many, "sizes": sizes, "spoken": spoken,
}  # fmt: skip
NUMBERS = {
    "times": times, "tries": tries, "won": won, "rl_bill": rl_bill,
    "free": charged(0, 1), "paid": charged(1, 1), "many_share": charged(1, 100),
    "student": bill("student"), "training": bill("training"), "asking": bill("asking"),
}  # fmt: skip
