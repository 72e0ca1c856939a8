"""Every figure of the course: matplotlib only, one look, colours that colour-blind readers can tell
apart."""

import base64
import io
import json
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from r1lab import stats

PAPERS = Path(__file__).resolve().parent.parent / "data" / "papers.json"
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#777777"  # Okabe and Ito
VERDICTS = {  # a verdict's letter -> its colour; the letter always stands beside it
    "R": BLUE, "N": ORANGE, "I": GREY, "X": "#BBBBBB", "void": "#CC79A7", "open": "#E4E4E4",
}  # fmt: skip
SHARP = 1.5  # pixels of a lesson's figure for each one that is shown; twice makes files too large
STYLE = {
    "figure.dpi": 110, "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "legend.frameon": False,
}  # fmt: skip


def canvas(columns: int = 1, height: float = 3.2, width: float = 4.6, **options):
    """(figure, axes) in the course's look; one axis, or an array of `columns`."""
    with rc_context(STYLE):
        figure = Figure(figsize=(width * columns + 0.4, height), layout="constrained")
        return figure, figure.subplots(1, columns, **options)


def png(figure: Figure, sharp: float = 1.0) -> bytes:
    """The figure as a PNG file of 256 colours, a third of the size of one with all. sharp: pixels
    each way for one of the screen."""
    full, small = io.BytesIO(), io.BytesIO()
    dpi = sharp * STYLE["figure.dpi"]
    with rc_context(STYLE):
        figure.savefig(full, format="png", dpi=dpi, metadata={"Software": None})
    picture = Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(small, format="png", optimize=True)
    return small.getvalue()


def show(figure: Figure, caption: str) -> None:
    """Draw a figure below the cell, with its caption below it. The caption says what n is.

    Titles go to the left and legends lose their frame, as `STYLE` says: matplotlib reads
    those two settings when a lesson's cell sets them, outside of `canvas`.
    """
    tidy(figure)
    write_below(figure, caption)
    shown = faces(figure, caption, SHARP)
    display(shown, metadata=about(figure, spoken(figure, caption)), raw=True)


def write_below(figure: Figure, caption: str) -> None:
    """The caption, small, below the axes."""
    figure.supxlabel(caption, fontsize=8.5, color=GREY, x=0.01, ha="left")


def tidy(figure: Figure) -> None:
    """Titles to the left, legends without a frame."""
    for axis in figure.axes:
        if axis.get_title():
            axis.set_title(axis.get_title(), loc="left", fontsize=STYLE["axes.titlesize"])
            axis.set_title("", loc="center")
        if axis.get_legend():
            axis.get_legend().set_frame_on(False)


def whole_steps(axis) -> None:
    """No half steps on the x axis."""
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def faces(figure: Figure, caption: str, sharp: float = 1.0) -> dict[str, str]:
    """What a notebook's output holds of a figure: the picture, and its caption for readers without
    it."""
    return {"image/png": base64.b64encode(png(figure, sharp)).decode(), "text/plain": caption}


def spoken(figure: Figure, caption: str) -> str:
    """What is read aloud in a figure's place: what its axes claim, then the caption."""
    claims = filter(None, (axis.get_title(loc="left") for axis in figure.axes))
    ended = [claim if claim[-1] in ".?!" else f"{claim}." for claim in claims]
    return " ".join([*ended, caption])


def about(figure: Figure, alt: str) -> dict:
    """The metadata of such an output: what is read aloud in the picture's place, and how many
    pixels of the screen it is wide, however sharp it is."""
    wide = round(STYLE["figure.dpi"] * figure.get_figwidth())
    return {"image/png": {"alt": alt, "width": wide}}


def paper_curve(name: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """x, y and the source record of a digitised curve in `data/papers.json`."""
    record = json.loads(PAPERS.read_text(encoding="utf-8"))[name]
    x, y = np.array(record["points"]).T
    return x, y, record


def smooth(values, width: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Centred mean over `width` steps (fewer at the ends) and half its 95 % interval (Student's t:
    with 1.96 in its place three to five values cover the truth in 81 to 88 of 100 cases)."""
    values = np.asarray(values, dtype=float)
    half = width // 2
    windows = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    t = {n: stats.student_t(n - 1) for n in {len(w) for w in windows} if n > 1}
    spread = [t[len(w)] * w.std(ddof=1) / len(w) ** 0.5 if len(w) in t else 0.0 for w in windows]
    return np.array([w.mean() for w in windows]), np.array(spread)


def band(axis, x, rows, colour, label: str | None = None, **line) -> np.ndarray:
    """The mean of `rows` (seeds, points) and its 95 % interval over seeds; gives the mean.

    At least two seeds. The interval is Student's t, so that it covers the truth in 95 of 100 cases
    for few seeds as well; it is for each point alone, not for the whole line."""
    rows = np.asarray(rows, dtype=float)
    mean = rows.mean(0)
    half = stats.student_t(len(rows) - 1) * rows.std(0, ddof=1) / len(rows) ** 0.5
    axis.plot(x, mean, color=colour, linewidth=2, label=label, **line)
    axis.fill_between(x, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
    return mean


def seeds(axis, x: float, values, colour, before: float | None = None) -> None:
    """A bar of the mean of an arm's `values`, a dot a seed, and what stood there before training as
    a dotted line."""
    axis.bar(x, np.mean(values), 0.6, color=colour, alpha=0.5)
    axis.plot([x] * len(values), values, ".", color=colour)
    if before is not None:
        axis.plot([x - 0.3, x + 0.3], [before, before], "k:", linewidth=1)


def mark_guess(axis, x: float | None, y: float | None) -> None:
    """A reader's guess (`checks.guess`) as a mark in a figure, named beside it; nothing where one
    of the two is None."""
    if x is None or y is None:
        return
    axis.plot(x, y, marker="D", color="black", markerfacecolor="white", markersize=8, zorder=5)
    axis.annotate("your guess", (x, y), (9, 6), textcoords="offset points", fontsize=9)


OURS = (  # key of the metrics, scale, title, unit, colour
    (
        "accuracy",
        100,
        "Right answers: {:.0f} % → {:.0f} %",
        "right, % of a step's completions",
        BLUE,
    ),
    ("length", 1, "Length: {:.0f} → {:.0f} tokens", "tokens a completion", ORANGE),
    ("waits", 1, "Trying again: {:.1f} → {:.1f} an answer", "Wait or Try, a completion", GREEN),
)
PAPER = (  # the same of the paper's curves
    ("r1_zero_aime_pass_at_1", 100, "The paper: R1-Zero on AIME 2024", "pass@1, %", BLUE),
    ("r1_zero_length", 1, "The paper: length of its responses", "tokens a response", ORANGE),
)


def self_evolution(metrics: list[dict], summary: dict) -> Figure:
    """A run's accuracy, length and reflection over its steps, above R1-Zero's own curves.

    metrics: a line a step. summary: the run's `summary.json`. The titles say what came out.
    """
    steps = [m["step"] for m in metrics]
    before, after = summary["before"], summary["after"]
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 6.4), layout="constrained")
        top, bottom = figure.subplots(2, 3)
        for axis, (key, scale, what, unit, colour) in zip(top, OURS, strict=True):
            _curve(axis, steps, [scale * m[key] for m in metrics], scale * before[key], colour)
            title = what.format(scale * before[key], scale * after[key])
            axis.set(title=title, ylabel=unit, xlabel="RL step")
        top[0].legend(fontsize=8, loc="upper left")
        for axis, (name, scale, title, unit, colour) in zip(bottom[:2], PAPER, strict=True):
            x, y, _ = paper_curve(name)
            axis.plot(x, scale * y, color=colour, linestyle=":", marker=".", markersize=4)
            axis.set(title=title, ylabel=unit, xlabel="RL step")
            axis.set_ylim(bottom=0)
        _before_after(bottom[2], before, after, summary["n"])
        figure.suptitle(
            f"`run zero`, base {summary['base']}, reward {summary['reward']}, seed "
            f"{summary['seed']}: {summary['steps']} steps in {summary['seconds'] / 60:.1f} "
            "minutes.  Below, left and middle: DeepSeek-R1 v1, Figures 2 and 3, digitised.",
            fontsize=9.5, x=0.01, ha="left",
        )  # fmt: skip
    return figure


def own_answers(metrics: list[dict], summary: dict) -> Figure:
    """A run of `sft` or `dpo`: what its training moved, and the held-out problems. The titles say
    what came out.

    metrics: a line a step. summary: the run's `summary.json`.
    """
    steps = [m["step"] for m in metrics]
    name = summary["experiment"]
    (sampled,) = summary["material"].values()
    figure, (left, right) = canvas(2, height=3.6)
    if name == "sft":
        losses = [m["loss"] for m in metrics]
        left.plot(steps, losses, color=BLUE, linewidth=2)
        left.set(
            title=f"Loss on right answers: {losses[0]:.2f} → {losses[-1]:.2f}",
            ylabel="nats a token",
        )
    else:
        margin = metrics[-1]["chosen"] - metrics[-1]["rejected"]
        for key, colour in (("chosen", BLUE), ("rejected", ORANGE)):
            left.plot(steps, [m[key] for m in metrics], color=colour, linewidth=2, label=key)
        left.axhline(0, color=GREY, linestyle="--", linewidth=1, label="base")
        left.set(title=f"Right above wrong: 0 → {margin:.1f}", ylabel="beta x log(policy / base)")
        left.legend(fontsize=8)
    left.set_xlabel(
        f"step; {sampled['pairs']} pairs from {sampled['answers']} answers, {sampled['right']} "
        "right"
    )
    whole_steps(left)
    _before_after(right, summary["before"], summary["after"], summary["n"])
    figure.suptitle(
        f"`run {name}`, base {summary['base']}, seed {summary['seed']}: {summary['steps']} steps "
        f"in {summary['seconds'] / 60:.1f} minutes, sampling included",
        fontsize=9.5, x=0.01, ha="left",
    )  # fmt: skip
    tidy(figure)
    return figure


def _curve(axis, steps, values, base, colour):
    mean, half = smooth(values)
    axis.plot(steps, values, color=colour, alpha=0.3, linewidth=0.8)
    axis.fill_between(steps, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
    axis.plot(steps, mean, color=colour, linewidth=2, label="training, mean of 5 steps, 95 % band")
    axis.axhline(base, color=GREY, linestyle="--", linewidth=1, label="base, held-out problems")
    axis.set_ylim(bottom=0)
    whole_steps(axis)


def _before_after(axis, before: dict, after: dict, n: int):
    for x, (part, colour) in enumerate(((before, GREY), (after, BLUE))):
        low, high = part["ci95"]
        axis.bar(x, 100 * part["accuracy"], color=colour, width=0.6)
        axis.errorbar(x, 50 * (low + high), yerr=50 * (high - low), color="black", capsize=5)
        axis.text(x, 100 * high + 2, f"{100 * part['accuracy']:.1f} %", ha="center")
    axis.set_xticks([0, 1], ["base", "trained"])
    axis.set(title="Problems never trained on", ylabel="right, %", ylim=(0, 105))
    axis.set_xlabel(f"n = {n} held-out problems, 95 % interval")


def save(figure: Figure, path: Path) -> None:
    """Write a `png`."""
    Path(path).write_bytes(png(figure))
