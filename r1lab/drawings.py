"""Drawings that carry an idea, made by code so that they move with the numbers."""

import numpy as np

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


SPENT = (  # name, the thoughts of each answer in parts, and what each answer says
    ("its natural end", ((9,),), "A"),
    ("a budget: cut by force", ((4, "cut"),), "B"),
    ("told to wait", ((9, "Wait,", 4),), "A"),
    ("four answers, a vote", ((2,), (3,), (2,), (2,)), "ABCA"),
    ("four answers, a scorer", ((2,), (3,), (2,), (2,)), "ABCA"),
)
SCORES = ("0.6", "0.9", "0.2", "0.3")


def ways_to_spend(axis) -> None:
    """Five ways to spend tokens on one question: how long, how many, and who chooses."""
    place = 0.0
    for name, answers, said in SPENT:
        middle = place + (len(answers) - 1) / 2
        axis.text(-0.4, middle, name, ha="right", va="center")
        for i, parts in enumerate(answers):
            x = 0.0
            for part in parts:
                if isinstance(part, str):
                    axis.text(x + 0.1, place + i, part, va="center", fontsize=9, color=ORANGE)
                    x += 1.5
                else:
                    axis.barh(place + i, part, left=x, height=0.6, color=BLUE, alpha=0.6)
                    x += part
            axis.text(x + 0.2, place + i, said[i], va="center", weight="bold")
            if name.endswith("scorer"):
                axis.text(x + 0.8, place + i, SCORES[i], va="center", fontsize=8, color=GREY)
        if len(answers) > 1:
            vote = name.endswith("vote")
            words = "A: most frequent" if vote else "B: highest score"
            axis.text(6.5, middle, f"→  {words}", va="center", color=ORANGE)
        place += len(answers) + 0.6
    axis.set(xlim=(-6.5, 18), ylim=(place, -0.8), xlabel="tokens")
    axis.set_yticks([])
    axis.set_xticks([])
    axis.grid(False)
    axis.spines[:].set_visible(False)
