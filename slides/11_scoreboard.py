"""Figures and numbers of deck 11, all from the ledger and the recorded runs that it rests on."""

from collections import Counter
from functools import cache
from statistics import fmean, stdev

import fields
import numpy as np
from figures import BLUE, GREEN, GREY, ORANGE, canvas, intervals, say

from r1lab import plots, stats
from r1lab.claims import bounds, ledger, luck, rulers, scoreboard
from r1lab.claims.verdicts import WORDS
from r1lab.running import evidence

SEEDS = [12.0, 11.0, 13.0, 12.0, 4.0]  # the lesson's toy claim: what five seeds gained
EFFECT, SPREAD = 5, 4  # points, of the lesson's part on power
LETTERS = {"R": BLUE, "I": GREY, "N": ORANGE}


@cache
def rows() -> list[dict]:
    """All claims as records."""
    return [scoreboard.record(*pair) for pair in fields.judged()]


@cache
def put() -> list[dict]:
    """Those that runs of several seeds put to the test."""
    return [row for row in rows() if scoreboard.tested(row)]


def bare(axis) -> None:
    """Large letters in black or readable grey, for rulers."""
    for words in axis.texts:
        words.set(fontsize=12)
    axis.tick_params(labelsize=12)


def anatomy(runs):
    figure, axis = canvas(width=8.0, height=2.9)
    mean, low, high = toy()
    found = {"least": -20, "most": 80, "none": 0, "asked": 5, "by_seed": SEEDS}
    found |= {"effect": mean, "ci95": [low, high], "met": False, "missed": False}
    rulers.anatomy(axis, found)
    bare(axis)
    return figure


def toy() -> stats.Interval:
    return stats.seeds_interval([[value] for value in SEEDS])


def counts(runs):
    figure, axis = canvas(width=7.6, height=3.4)
    lessons = sorted({row["lesson"] for row in rows()})
    left = np.zeros(len(lessons))
    found = Counter((row["lesson"], row["verdict"]) for row in rows())
    for letter, word in WORDS.items():
        wide = [found[n, letter] for n in lessons]
        if any(wide):
            axis.barh(lessons, wide, left=left, color=plots.VERDICTS[letter], label=word)
            left += wide
    axis.invert_yaxis()
    plots.whole_steps(axis)
    axis.set(xlabel="claims", ylabel="lesson")
    axis.legend(fontsize=11, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def four(runs):
    """Accuracy after `run zero`: intervals that know one seed, the seeds, or both kinds of luck."""
    figure, axis = canvas(width=7.0, height=3.0)
    table = [evidence.right(run) for run in runs("zero/rule")]
    by_seed = [[fmean(row)] for row in table]
    first = stats.mean_interval(table[0])
    intervals(axis, [
        ("one seed,\nits problems", *first), ("the seeds", *stats.seeds_interval(by_seed)),
        ("seeds and\nproblems", *stats.seeds_interval(table)),
    ], "{:.1f}")  # fmt: skip
    for line in [line for line in axis.lines if set(line.get_xdata()) == {0}]:
        line.remove()  # no effect is not at zero here, and lies far to the left
    axis.plot([row[0] for row in by_seed], [1] * len(by_seed), ".", color="black", markersize=7)
    axis.set(xlabel="right after training, %", xlim=(42, 60))
    return figure


def examples(runs):
    """The first claim of each letter, on rulers of one length."""
    figure, axis = canvas(width=6.4, height=3.0)
    first = {}
    for row in put():
        first.setdefault(row["verdict"], row)
    shown = [(f"{row['id']}{' +' * (i > 0)}  {letter}", one) for letter in "RNI" if letter in first
             for row in (first[letter],) for i, one in enumerate(row["conditions"])]  # fmt: skip
    rulers.draw(axis, shown)
    bare(axis)
    return figure


def worlds(runs):
    """In how many of the lesson's possible worlds each of its five criteria is met."""
    draw = np.random.default_rng(1).uniform
    right, control, length = draw(0, 1, (10_000, 3)).T * [[100], [100], [900]]
    met = {
        "a  at least 40 % right": right >= 40, "b  ten points above the control":
        right - control >= 10, "c  twice as long": length / 55 >= 2,
        "d  loses fewer than ten points": 6 - right < 10, "e  gains 95 points": right - 6 >= 95,
    }  # fmt: skip
    figure, axis = canvas(width=7.4, height=3.1)
    for y, share in enumerate(met.values()):
        value, odd = 100 * share.mean(), share.mean() in (0, 1)
        axis.barh(y, value, color=ORANGE if odd else BLUE, alpha=0.55, height=0.6)
        axis.text(value + 1, y, f"{value:.0f} %", va="center", fontsize=12)
    axis.set_yticks(range(len(met)), met, fontsize=12)
    axis.set(xlabel="of all possible worlds, met, %", xlim=(0, 115), ylim=(4.6, -0.6))
    axis.grid(axis="y", visible=False)
    return figure


def moved(runs):
    figure, axis = canvas(width=6.6, height=3.1)
    columns = list(zip(*bounds.letters(fields.judged()).values(), strict=True))
    found = [[column.count(letter) for column in columns] for letter in LETTERS]
    axis.stackplot(bounds.PLACES, *found, colors=LETTERS.values(), alpha=0.55)
    base = 0
    for (letter, colour), many in zip(LETTERS.items(), found, strict=True):
        say(axis, 0.5, base + many[10] / 2, WORDS[letter], colour if letter == "R" else "black",
            fontsize=12, ha="center")  # fmt: skip
        base += many[10]
    axis.axvline(1, color="black", linewidth=1.5)
    axis.set_xticks([0, 1, 2], ["no effect", "as committed", "most possible"])
    axis.set(ylabel="claims", xlim=(0, 2), xlabel="what is asked of all")
    return figure


def power(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    effects = np.linspace(0, 20, 81)
    for seeds, colour, at in ((2, GREY, (14, 27)), (3, ORANGE, (10.2, 57)), (5, BLUE, (6.9, 72)),
                              (10, GREEN, (0.2, 72))):  # fmt: skip
        axis.plot(effects, [100 * stats.power(e, SPREAD, seeds) for e in effects], color=colour)
        say(axis, *at, f"{seeds} seeds", colour, fontsize=13)
    axis.axhline(80, color=GREY, linestyle=":")
    axis.set(xlabel="true effect, points", ylabel="seen, of 100 studies", ylim=(0, 102))
    return figure


def passed(runs):
    """Ledgers of 100 false claims: how many of them pass, with and without a bound."""
    values = np.random.default_rng(0).normal(0, SPREAD, (2000, 100, len(SEEDS)))
    means = values.mean(2)
    half = stats.student_t(len(SEEDS) - 1) * values.std(2, ddof=1) / len(SEEDS) ** 0.5
    above = means - half > 0
    figure, axis = canvas(width=6.4, height=3.0)
    for shift, colour, found in ((-0.2, ORANGE, above), (0.2, BLUE, above & (means >= EFFECT))):
        share = 100 * np.bincount(found.sum(1), minlength=10)[:10] / len(values)
        axis.bar(np.arange(10) + shift, share, 0.4, color=colour, alpha=0.7)
    say(axis, 4, 24, "the interval above no effect", ORANGE, fontsize=13)
    say(axis, 0.7, 60, "and the bound reached, too", BLUE, fontsize=13)
    axis.set(xlabel="passed, of 100 false claims", ylabel="of such ledgers, %")
    axis.set_xticks(range(0, 10, 2))
    return figure


@cache
def agreeing() -> list[float]:
    """Of 200 re-runs of each claim put to the test, how many give the same verdict, sorted."""
    held = {row["id"] for row in put()}
    return sorted(100 * luck.again(*pair, 200) for pair in fields.judged() if pair[0].id in held)


def again(runs):
    figure, axis = canvas(width=6.6)
    found = agreeing()
    colours = [BLUE if value >= 95 else ORANGE for value in found]
    axis.bar(range(len(found)), found, color=colours, alpha=0.6, width=0.8)
    axis.axhline(95, color="black", linewidth=1, linestyle=":")
    axis.set_xticks([])
    axis.set(ylabel="same verdict, of 100", xlabel="a bar a claim put to the test", ylim=(0, 102))
    axis.grid(axis="x", visible=False)
    return figure


def disagree() -> tuple[int, int]:
    """In how many conditions some seeds reach what was asked and some do not; of how many."""
    reached = [{value >= one["asked"] for value in one["by_seed"]} for row in put()
               for one in row["conditions"]]  # fmt: skip
    return sum(len(said) > 1 for said in reached), len(reached)


def held(*letters: str):
    return lambda runs: sum(row["verdict"] in letters for row in rows())


FIGURES = {
    "anatomy": anatomy, "counts": counts, "four": four, "examples": examples, "worlds": worlds,
    "moved": moved, "power": power, "passed": passed, "again": again,
}  # fmt: skip
NUMBERS = {
    "claims": lambda runs: len(rows()), "put": lambda runs: len(put()),
    "won": lambda runs: sum(row["verdict"] == "R" for row in put()),
    "paper": lambda runs: sum(row["on_paper"] for row in rows()),
    "R": held("R"), "N": held("N"), "I": held("I"), "X": held("X"), "void": held("void"),
    "gains": lambda runs: ", ".join(f"{value:g}" for value in SEEDS),
    "mean": lambda runs: toy()[0], "low": lambda runs: toy()[1], "high": lambda runs: toy()[2],
    "spread": lambda runs: stdev(SEEDS), "t": lambda runs: stats.student_t(len(SEEDS) - 1),
    "error": lambda runs: stdev(SEEDS) / len(SEEDS) ** 0.5,
    "half": lambda runs: toy()[2] - toy()[0],
    "split": lambda runs: disagree()[0], "conditions": lambda runs: disagree()[1],
    "effect": lambda runs: EFFECT, "between": lambda runs: SPREAD,
    "seen": lambda runs: 100 * stats.power(EFFECT, SPREAD, len(SEEDS)),
    "needed": lambda runs: stats.seeds_needed(EFFECT, SPREAD),
    "luck": lambda runs: sum(map(luck.alone, put())),
    "sure": lambda runs: sum(value >= 95 for value in agreeing()),
    "least_sure": lambda runs: agreeing()[0], "quarrels": lambda runs: len(ledger.discrepancies()),
    "press": lambda runs: cards()[0], "cards": lambda runs: cards()[1],
    "press_hours": lambda runs: cards()[0] * ledger.numbers("C-04")["r1_zero_wall_hours"],
    "hours": lambda runs: cards()[1] * ledger.numbers("C-04")["r1_zero_wall_hours"],
}  # fmt: skip


def cards() -> list[int]:
    """How many cards trained R1: in the press, and in the paper."""
    (found,) = (d for d in ledger.discrepancies() if d["about"].startswith("How many cards"))
    return [one["value"] for one in found["values"]]
