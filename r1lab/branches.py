"""The tree of a problem of three numbers, drawn: which first sums are good and where all end."""

from r1lab import games, steps
from r1lab.plots import BLUE, GREY, ORANGE
from r1lab.tasks import Problem


def rows(problem: Problem) -> list[tuple[str, bool, list[tuple[str, int, bool]]]]:
    """Each first sum, whether it is good, and behind it each second sum, what it gives and whether
    that is the target."""
    found = []
    for state in games.moves(games.start(problem)):
        left = [value for value, _ in state.values]
        ends = [(end.steps[-1], end.values[0][0], end.won) for end in games.moves(state)]
        found.append((state.steps[-1], steps.reachable(left, problem.target), ends))
    return found


def draw(axis, problem: Problem) -> None:
    """First sums as branches, blue where the target can still be reached and orange where it
    cannot; behind each its ends on the axis of values, the target as a line."""
    found = rows(problem)
    most = max(value for _, _, ends in found for _, value, _ in ends)
    middle = (len(found) - 1) / 2

    def x(value: float) -> float:  # of an end; the square root leaves room where targets are
        return 2.2 + 3.8 * (value / most) ** 0.5

    for y, (first, good, ends) in enumerate(found):
        colour = BLUE if good else ORANGE
        axis.plot([0, 0.8], [middle, y], color=colour, linewidth=2 if good else 1)
        axis.text(0.85, y, first, va="center", fontsize=9, color=colour)
        axis.plot([1.75, 6.0], [y, y], color=GREY, linewidth=0.4, zorder=0)
        for second, value, won in ends:
            axis.plot(x(value), y, marker="o", color=BLUE if won else ORANGE,
                      markersize=9 if won else 5)  # fmt: skip
            if won:
                axis.text(x(value) + 0.1, y - 0.35, second, fontsize=8, color=BLUE)
    axis.axvline(x(problem.target), color=BLUE, linestyle=":", linewidth=1)
    axis.text(x(problem.target), -1, f"target {problem.target}", ha="center", fontsize=8)
    axis.text(-0.08, middle, "start", ha="right", va="center", fontsize=9)
    axis.set(xlim=(-0.6, 6.2), ylim=(len(found) - 0.4, -1.6), xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set_visible(False)
