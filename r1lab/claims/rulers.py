"""Conditions of criteria, drawn as rulers on one scale."""

from r1lab.claims import scoreboard
from r1lab.plots import GREY, VERDICTS


def draw(axis, rows: list[tuple[str, dict]]) -> None:
    """Conditions of criteria on one scale: a ruler a condition, from the least to the most that its
    metric could be. Open tick: no effect; black tick: what was asked; dots: the seeds; the line is
    the 95 % interval, blue where the condition is met, orange where it is missed, grey between.

    rows: (name, condition as in `scoreboard.record`).
    """
    for y, (name, one) in enumerate(rows):
        least, reach = one["least"], one["most"] - one["least"]

        def at(value: float, least=least, reach=reach) -> float:
            return (value - least) / reach

        letter = "R" if one["met"] else "N" if one["missed"] else "I"
        axis.plot([0, 1], [y, y], color="#DDDDDD", linewidth=7, solid_capstyle="butt", zorder=1)
        for value, colour, wide in ((one["none"], GREY, 1.2), (one["asked"], "black", 2.4)):
            axis.plot([at(value)] * 2, [y - 0.33, y + 0.33], color=colour, linewidth=wide, zorder=4)
        ends = [at(end) for end in one["ci95"]]
        axis.plot(ends, [y, y], color=VERDICTS[letter], linewidth=4, zorder=3)
        places = [at(value) for value in one["by_seed"]]
        axis.plot(places, [y] * len(places), ".", color="black", markersize=3.5, zorder=5)
        seen = f"{scoreboard.seen(one)}; asked {one['asked']:g}"
        axis.text(1.02, y, seen, va="center", fontsize=8)
        axis.text(-0.02, y, name, va="center", ha="right", fontsize=8)
    axis.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.4, -0.6), xticks=[0, 0.5, 1], yticks=[])
    axis.set_xticklabels(["the least", "what could come out", "the most"], fontsize=8)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def against(axis, rows: list[tuple[str, dict, dict]], far: float = 6.0) -> None:
    """A condition a row, from two sets of seeds: above the first, below the second, filled and
    open. The scale is the distance to what was asked, in half widths of the first interval: where
    the upper line crosses 0, other seeds may well say something else. Colours as in `draw`. What
    lies further than `far` is drawn there.

    rows: (name, condition, the same from other seeds).
    """
    for y, (name, first, second) in enumerate(rows):
        low, high = first["ci95"]
        half = (high - low) / 2 or (first["most"] - first["least"]) / 100  # seeds all alike

        def at(value: float, asked=first["asked"], half=half) -> float:
            return min(max((value - asked) / half, -far), far)

        for one, lower, face in ((first, -0.16, None), (second, 0.16, "white")):
            colour = VERDICTS["R" if one["met"] else "N" if one["missed"] else "I"]
            ends = [at(end) for end in one["ci95"]]
            axis.plot(ends, [y + lower] * 2, color=colour, linewidth=2.5, zorder=3)
            axis.plot(at(one["effect"]), y + lower, "o", color=colour, markersize=5,
                      markerfacecolor=face, zorder=4)  # fmt: skip
        axis.text(-1.03 * far, y, name, va="center", ha="right", fontsize=8)
        seen = f"{scoreboard.seen(first)} → {scoreboard.seen(second)}; asked {first['asked']:g}"
        axis.text(1.03 * far, y, seen, va="center", fontsize=8)
    axis.axvline(0, color="black", linewidth=1.6, zorder=2)
    axis.set(xlim=(-far, far), ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axis.set_xlabel("distance to what was asked, half widths of the first interval", fontsize=8)


def anatomy(axis, one: dict) -> None:
    """One condition, large, with the name of each of its parts. one: a condition as in `draw`,
    whose marks lie some way apart."""
    draw(axis, [("", one)])
    for text in list(axis.texts):
        text.remove()
    reach = one["most"] - one["least"]
    low, high = one["ci95"]
    parts = (
        (one["least"], f"the least that could come out: {one['least']:g}", 0.9, "left"),
        (one["most"], f"the most: {one['most']:g}", 0.9, "right"),
        (one["none"], f"no effect: {one['none']:g}", -0.75, "right"),
        (one["asked"], f"asked: {one['asked']:g}", -1.15, "center"),
        (high, f"interval: {low:.1f} to {high:.1f}", -0.75, "left"),
        (min(one["by_seed"]), "one dot a seed", 0.55, "left"),
    )
    for value, words, height, side in parts:
        x = (value - one["least"]) / reach
        arrow = {"arrowstyle": "-", "color": GREY, "linewidth": 0.8}
        axis.annotate(words, (x, 0), (x, height), ha=side, va="center", fontsize=9,
                      arrowprops=arrow)  # fmt: skip
    axis.set(ylim=(1.3, -1.5), xticks=[])
