"""Accuracy against tokens: what a mixture of models gets without any training.

A point is (mean tokens, score of each of N problems). A coin that asks one of two models gets any
number of tokens between theirs, on the straight line between the two points. So a way to shorten a
model is worth something only above that line.
"""

from collections.abc import Sequence
from statistics import fmean

Point = tuple[float, Sequence[float]]


def coin(tokens: float, one: Point, other: Point) -> list[float]:
    """What a coin gets, problem by problem, that asks one of two models so often that it takes this
    many tokens on average; between the two at most."""
    (a, low), (b, high) = sorted((one, other), key=lambda point: point[0])
    share = 0.0 if a == b else min(1.0, max(0.0, (tokens - a) / (b - a)))
    return [(1 - share) * x + share * y for x, y in zip(low, high, strict=True)]


def within(tokens: float, points: Sequence[Point]) -> list[float]:
    """The best that one of these models, or a coin between two of them, gets with at most so many
    tokens. One of them may be silence, which costs no token and is never right. By its means this
    is the upper hull of the points and (0, 0): the front of what they can do together."""
    known = [(0.0, [0.0] * len(points[0][1])), *points]
    below = [p for p in known if p[0] <= tokens]
    beyond = [p for p in known if p[0] > tokens]
    mixed = [coin(tokens, a, b) for a in below for b in beyond]
    return max([list(p[1]) for p in below] + mixed, key=fmean)
