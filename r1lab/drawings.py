"""Drawings that carry an idea, made by code so that they move with the numbers."""

import re
from textwrap import shorten

import numpy as np
import torch
from matplotlib.patches import Rectangle

from r1lab import losses
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


def loop(axis, asked: str, texts: list[str], verdicts: list[str], paid: list[float]) -> None:
    """One turn of R1-Zero from left to right: a prompt, its group of completions, the judge, the
    rewards, what each is worth beside the others; below, the way back to the policy.

    texts, verdicts, paid: of each completion of the group. A bar to the right of its line makes
    the completion likelier, one to the left rarer.
    """
    n, worth = len(texts), losses.group_advantages(torch.tensor([paid]))[0].tolist()
    most = max(map(abs, worth)) or 1.0
    shown = [
        shorten(re.sub("</?(think|answer)>", " ", text), 48, placeholder=" ...") for text in texts
    ]
    heads = (0.0, "prompt"), (1.5, "a group of completions"), (6.2, "judge"), (7.9, "reward")
    for x, head in (*heads, (9.6, "advantage")):
        axis.text(x, -0.9, head, ha="left" if x < 9 else "center", weight="bold", fontsize=9)
    middle = (n - 1) / 2
    axis.text(0, 0, asked, va="center", fontsize=9)
    rows = zip(shown, verdicts, paid, worth, strict=True)
    for y, (text, verdict, reward, advantage) in enumerate(rows):
        colour = BLUE if advantage > 0 else ORANGE if advantage < 0 else GREY
        axis.plot([1.05, 1.42], [middle, y], color=GREY, linewidth=0.8)
        axis.text(1.5, y, text, va="center", fontsize=7.5, family="monospace")
        axis.text(6.2, y, verdict, va="center", fontsize=8)
        axis.text(7.9, y, f"{reward:.1f}", va="center", fontsize=8)
        axis.barh(y, 0.8 * advantage / most, 0.6, left=9.6, color=colour)
        axis.text(10.6, y, f"{advantage:+.2f}", va="center", fontsize=8)
    axis.plot([9.6, 9.6], [-0.5, n - 0.5], color="black", linewidth=0.8)
    axis.plot(1.05, middle, "o", color="black", markersize=6)
    axis.text(1.05, middle - 0.35, "policy", ha="right", va="bottom", weight="bold", fontsize=9)
    axis.plot([9.6, 9.6, 1.05], [n - 0.5, n + 0.3, n + 0.3], color=GREY, linewidth=1)
    up = {"arrowstyle": "->", "color": GREY, "shrinkA": 0, "shrinkB": 4}
    axis.annotate("", (1.05, middle), (1.05, n + 0.3), arrowprops=up)
    push = "make what lies to the right likelier and what lies to the left rarer; ask again"
    axis.text(5.3, n + 0.8, push, ha="center", va="center", fontsize=8.5, color=GREY)
    axis.set(xlim=(-0.1, 11.4), ylim=(n + 1.4, -1.4))
    axis.axis("off")


def factors(axis, errors: dict[str, float], whole: str) -> None:
    """An estimate's errors as a chain: each moves on, by its factor, from where the one before it
    ended; the last bar is what all of them make together. The axis multiplies, so errors that
    cancel are bars that go back.

    errors: words -> estimate divided by truth; whole: the words of the last bar.
    """
    ends = np.cumprod([1.0, *errors.values()]).tolist()
    bars = [*zip(ends, ends[1:], strict=False), (1.0, ends[-1])]
    for y, (start, end) in enumerate(bars):
        colour = BLUE if end >= start else ORANGE
        axis.plot([start, end], [y, y], color=colour, linewidth=14, solid_capstyle="butt")
        axis.text(max(start, end) * 1.04, y, f"× {end / start:.2f}", va="center", fontsize=9)
        if y < len(errors):  # on to the next
            axis.plot([end, end], [y, y + 1], color=GREY, linewidth=0.8, zorder=0)
    axis.axvline(1.0, color="black", linewidth=0.8)
    edges = min(ends) / 1.4, max(ends) * 1.6
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10) if edges[0] <= t <= edges[1]]
    axis.set_xscale("log")
    axis.minorticks_off()
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_yticks(range(len(bars)), [*errors, whole])
    axis.set(xlim=edges, ylim=(len(bars) - 0.4, -0.6))
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)


def lineage(axis, rows: list[tuple[str, list[tuple[str, str]]]], colours: dict[str, str]) -> None:
    """How models came about, a line each, from left to right.

    rows: (heading, steps) of each; a step is (words, kind), a line break in its words allowed.
    colours: kind -> colour; a kind without one is a model, in a frame without a filling.
    """
    wide, gap = 1.0, 0.22
    for y, (heading, steps) in enumerate(rows):
        axis.text(0, y - 0.43, heading, weight="bold", fontsize=8.5, va="bottom")
        for i, (words, kind) in enumerate(steps):
            x = i * (wide + gap)
            fill = {"facecolor": colours[kind]} if kind in colours else {"facecolor": "none"}
            box = Rectangle((x, y - 0.36), wide, 0.56, edgecolor=GREY, linewidth=0.8, **fill)
            axis.add_patch(box)
            axis.text(x + wide / 2, y - 0.08, words, ha="center", va="center", fontsize=7.5)
            if i:
                ends = (x, y - 0.08), (x - gap, y - 0.08)
                axis.annotate("", *ends, arrowprops={"arrowstyle": "->", "color": GREY})
    longest = max(len(steps) for _, steps in rows)
    axis.set(xlim=(-0.05, longest * (wide + gap) - gap + 0.05), ylim=(len(rows) - 0.7, -0.75))
    axis.axis("off")
