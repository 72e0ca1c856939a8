"""Every figure of the course: matplotlib only, one look, colours that colour-blind readers can tell apart."""

import json
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

PAPERS = Path(__file__).resolve().parent.parent / "data" / "papers.json"
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#777777"  # Okabe and Ito
STYLE = {
    "figure.dpi": 110, "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "legend.frameon": False,
}  # fmt: skip


def paper_curve(name: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """x, y and the source record of a digitised curve in `data/papers.json`."""
    record = json.loads(PAPERS.read_text(encoding="utf-8"))[name]
    x, y = np.array(record["points"]).T
    return x, y, record


def smooth(values, width: int = 5) -> np.ndarray:
    """Centred mean over `width` steps, shorter at the ends."""
    values = np.asarray(values, dtype=float)
    half = width // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def _curve(axis, steps, values, colour, base, label):
    axis.plot(steps, values, color=colour, alpha=0.25, linewidth=1)
    axis.plot(steps, smooth(values), color=colour, linewidth=2, label=label)
    if base is not None:
        axis.axhline(base, color=GREY, linestyle="--", linewidth=1, label="base, before training")
    axis.set_xlabel("RL step")
    axis.set_ylim(bottom=0)


def self_evolution(metrics: list[dict], summary: dict) -> Figure:
    """A run's accuracy, length and reflection over its steps, above R1-Zero's own curves.

    metrics: a line a step. summary: the run's `summary.json`. The caption says n.
    """
    steps = [m["step"] for m in metrics]
    before, after = summary["before"], summary["after"]
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 6.2), layout="constrained")
        axes = figure.subplots(2, 3)
        top, bottom = axes
        _curve(
            top[0],
            steps,
            [100 * m["accuracy"] for m in metrics],
            BLUE,
            100 * before["accuracy"],
            "ours, training problems",
        )
        top[0].set(title="More problems are solved", ylabel="accuracy, %")
        _curve(top[1], steps, [m["length"] for m in metrics], ORANGE, before["length"], "ours")
        top[1].set(title="The thinking changes length", ylabel="tokens a completion")
        _curve(top[2], steps, [m["waits"] for m in metrics], GREEN, before["waits"], "ours")
        top[2].set(title="How often it tries again", ylabel="Wait / Try a completion")
        for axis in top:
            axis.legend(fontsize=8)
        for axis, name, title, unit, scale, colour in (
            (bottom[0], "r1_zero_aime_pass_at_1", "R1-Zero: AIME 2024 pass@1", "accuracy, %", 100, BLUE),
            (bottom[1], "r1_zero_length", "R1-Zero: length of its responses", "tokens a response", 1, ORANGE),
        ):
            x, y, _ = paper_curve(name)
            axis.plot(x, scale * y, color=colour, linestyle=":", marker=".", markersize=4)
            axis.set(title=title, ylabel=unit, xlabel="RL step of the paper")
            axis.set_ylim(bottom=0)
        _before_after(bottom[2], before, after, summary["n"])
        figure.suptitle(
            f"R1-Zero on {summary['base']}: reward {summary['reward']}, seed {summary['seed']}, {summary['steps']} steps, "
            f"{summary['seconds'] / 60:.1f} minutes.   Lower left: DeepSeek-R1 v1, Figures 2 and 3, digitised",
            fontsize=10, x=0.01, ha="left",
        )  # fmt: skip
    return figure


def _before_after(axis, before: dict, after: dict, n: int):
    for x, (part, colour) in enumerate(((before, GREY), (after, BLUE))):
        low, high = part["ci95"]
        axis.bar(x, 100 * part["accuracy"], color=colour, width=0.6)
        axis.errorbar(x, 100 * (low + high) / 2, yerr=50 * (high - low), color="black", capsize=5)
        axis.text(x + 0.05, 100 * high + 2, f"{100 * part['accuracy']:.1f} %", ha="center")
    axis.set_xticks([0, 1], ["base", "trained"])
    axis.set(title="On problems never trained on", ylabel="accuracy, %", ylim=(0, 105))
    axis.set_xlabel(f"n = {n} held-out problems, bars: 95 % interval")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG."""
    figure.savefig(path, metadata={"Software": None})
