"""What several decks draw alike. A figure of a deck is smaller in inches than a lesson's, so that
its letters are large on a wall, and names its lines where they are, in place of a legend."""

import json
from collections.abc import Callable

from r1lab import models, plots, stats
from r1lab.plots import BLUE, GREEN, GREY, ORANGE
from r1lab.running.evidence import gain, part

WIDTH = 6.8  # inches, the width of a slide
INK = {BLUE: "#00619A", ORANGE: "#8A5A00", GREEN: "#00714F", GREY: "#595959"}  # the same, to read


def canvas(columns: int = 1, height: float = 2.9, width: float = WIDTH, **options):
    """(figure, axes) as wide as a slide."""
    return plots.canvas(columns, height, (width - 0.4) / columns, **options)


def say(axis, x: float, y: float, words: str, colour: str, **how) -> None:
    """Words beside what they name, in a readable shade of its colour."""
    how = {"va": "center", "fontsize": 10} | how
    axis.text(x, y, words, color=INK.get(colour, colour), **how)


def lines(axis, x, rows, colour: str, words: str = "", at: int = -1) -> None:
    """A thin line a seed, named at one of its points."""
    for row in rows:
        axis.plot(x, row, color=colour, linewidth=1)
    if words:
        y = sum(row[at] for row in rows) / len(rows)
        say(axis, x[at], y, words, colour)


def bars(axis, rows: list[tuple[str, list[float], str]], unit: str = " %") -> None:
    """A bar an arm with its mean above, a dot a seed. rows: (name, value of each seed, colour)."""
    top = axis.get_ylim()[1]
    for x, (_, values, colour) in enumerate(rows):
        mean = sum(values) / len(values)
        axis.bar(x, mean, color=colour, width=0.62, alpha=0.55)
        axis.plot([x] * len(values), values, ".", color=INK.get(colour, colour), markersize=5)
        high = max(values) + 0.03 * top
        axis.text(x, high, f"{mean:.0f}{unit}", ha="center", va="bottom", fontsize=11)
    axis.set_xticks(range(len(rows)), [name for name, _, _ in rows])
    axis.tick_params(axis="x", length=0)
    axis.grid(axis="x", visible=False)


def marks(axis, rows: list[tuple[str, list[float], str]]) -> None:
    """A dot a seed, their mean a line with its number: where zero is no natural foot for a bar.
    rows: (name, value of each seed, colour)."""
    for x, (_, values, colour) in enumerate(rows):
        dots = {"markersize": 6, "alpha": 0.6, "clip_on": False}
        axis.plot([x] * len(values), values, "o", color=colour, **dots)
        mean = sum(values) / len(values)
        axis.plot([x - 0.25, x + 0.25], [mean, mean], color=colour, linewidth=2.5)
        say(axis, x + 0.3, mean, f"{mean:.0f}", colour, fontsize=12)
    axis.set_xticks(range(len(rows)), [name for name, *_ in rows], fontsize=11)
    axis.set_xlim(-0.5, len(rows) - 0.3)
    axis.grid(axis="x", visible=False)


def intervals(axis, rows: list[tuple[str, float, float, float]], form: str = "{:+.1f}") -> None:
    """An estimate with its 95 % interval a row, its number above. rows: (name, mean, low, high)."""
    for y, (_, mean, low, high) in enumerate(rows):
        axis.plot([low, high], [y, y], color=BLUE, linewidth=5, solid_capstyle="butt", alpha=0.5)
        axis.plot(mean, y, "o", color=BLUE, markersize=9)
        words = f"{form} [{form}, {form}]".format(mean, low, high).replace("-", "−")
        free = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        say(axis, mean, y - 0.3, words, BLUE, ha="center", fontsize=13, bbox=free)
    axis.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=11)
    axis.set_ylim(len(rows) - 0.5, -0.7)
    axis.axvline(0, color="black", linewidth=1)
    axis.grid(axis="y", visible=False)


def ends(
    runs, arm: str, key: str = "accuracy", factor: float = 100, when: str = "after"
) -> list[float]:
    """A number of the held-out problems, of each seed of an arm; where nothing was trained, the one
    that there is."""
    return [factor * part(run, when)[key] for run in runs(arm)]


def curves(runs: list, key: str, factor: float = 1.0) -> list[list[float]]:
    """A number of metrics.jsonl over the steps, a row a seed."""
    return [[factor * line[key] for line in run.metrics if key in line] for run in runs]


def report(base: str) -> dict:
    """The report of a tiny base, made before any training."""
    return json.loads((models.DATA / "models" / base / "report.json").read_text("utf-8"))


def step_size(arm: str) -> Callable:
    """How many answers a step of an arm asks for."""

    def answers(runs) -> int:
        stage = runs(arm)[0].config["stages"][0]
        return stage["prompts"] * stage["group"]

    return answers


def gained(arm: str) -> dict[str, Callable]:
    """What an arm gained, in points, and its 95 % interval, as numbers of a deck."""

    def found(runs) -> stats.Interval:
        return stats.seeds_interval([gain(run) for run in runs(arm)])

    return {
        "gain": lambda runs: found(runs)[0],
        "gain_ci": lambda runs: "[{:+.1f}, {:+.1f}]".format(*found(runs)[1:]),
    }
