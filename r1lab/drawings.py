"""Drawings that carry an idea, made by code so that they move with the numbers."""

import numpy as np
from matplotlib.patches import Rectangle

from r1lab.plots import BLUE, GREY, ORANGE

GAP = 0.09  # between two ends, where all probability together is 1 high


def tree(axis, shares: dict[str, float], right: set[str]) -> None:
    """A language with a handful of completions as a tree whose branches are as wide as they are
    likely.

    shares: completion -> probability, those with a common beginning side by side; right: the
    completions that earn the reward, blue; the others are orange, ways that still fork grey.
    """
    ends, place = {}, 0.0
    for word, share in shares.items():
        ends[word] = place  # the upper edge, counted downwards
        place += share + GAP
    deepest = max(map(len, shares))
    _branches(axis, "", (place - GAP - 1) / 2, shares, (ends, right))
    axis.text(-0.05, (place - GAP) / 2, "question", rotation=90, va="center", ha="right")
    axis.set(xlim=(-0.25, deepest + 0.75), ylim=(place, -GAP))
    axis.set_xticks(range(deepest + 1), ["", *(f"letter {i + 1}" for i in range(deepest))])
    axis.set_yticks([])
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def _branches(axis, stem: str, edge: float, shares: dict[str, float], known) -> None:
    """The branches that leave `stem`, whose own upper edge lies at `edge`, and theirs."""
    ends, right = known
    x = len(stem) + np.linspace(0.0, 1.0, 50)
    bend = np.clip((x - len(stem)) / 0.7, 0, 1)
    bend = bend * bend * (3 - 2 * bend)  # level at both ends
    for letter in dict.fromkeys(word[len(stem)] for word in shares):
        node = stem + letter
        inside = {word: share for word, share in shares.items() if word.startswith(node)}
        width = sum(inside.values())
        first, last = next(iter(inside)), list(inside)[-1]
        target = (ends[first] + ends[last] + inside[last] - width) / 2
        upper = edge + (target - edge) * bend
        colour = GREY if len(inside) > 1 else BLUE if node in right else ORANGE
        axis.fill_between(x, upper, upper + width, color=colour, alpha=0.85, linewidth=0)
        if len(inside) > 1:
            words = f"{letter}\n{width:.2f}"
            axis.text(len(node) - 0.15, target + width / 2, words, va="center", ha="center")
            _branches(axis, node, target, inside, known)
        else:
            verdict = "right" if node in right else "wrong"
            words = f"{node}  {width:.2f}  {verdict}"
            axis.text(len(node) + 0.05, target + width / 2, words, va="center", fontsize=9)
        edge += width


def sees(axis, rows: dict[str, dict[str, bool]]) -> None:
    """What each judge looks at: a row a judge, a column a thing that could be looked at; what is
    seen is blue, what is hidden an empty frame."""
    columns = list(next(iter(rows.values())))
    for y, (name, seen) in enumerate(rows.items()):
        axis.text(-0.1, y, name, ha="right", va="center")
        for x, column in enumerate(columns):
            shown = {"facecolor": BLUE if seen[column] else "white", "edgecolor": GREY}
            axis.add_patch(Rectangle((x, y - 0.35), 0.9, 0.7, **shown))
            word, colour = ("sees", "white") if seen[column] else ("hidden", GREY)
            axis.text(x + 0.45, y, word, ha="center", va="center", color=colour, fontsize=9)
    for x, column in enumerate(columns):
        axis.text(x + 0.45, -0.5, column, ha="center", va="bottom", fontsize=9)
    axis.set(xlim=(-1.1, len(columns)), ylim=(len(rows) - 0.5, -1.1), xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set_visible(False)
