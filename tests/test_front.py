"""Mixtures of models: the chord and the hull, exactly."""

from fractions import Fraction as F

import numpy as np
import pytest

from r1lab import front


def test_a_coin_between_two_models_lies_on_their_chord():
    """Exact: at 100 of 50 to 250 tokens the long one is asked once in four times."""
    short, long = (50.0, [0.0, 0.0, 100.0, 0.0]), (250.0, [100.0, 100.0, 100.0, 0.0])
    assert front.coin(100.0, short, long) == [25.0, 25.0, 100.0, 0.0]
    assert front.coin(100.0, long, short) == [25.0, 25.0, 100.0, 0.0]
    assert front.coin(20.0, short, long) == short[1]  # it cannot get below the short one
    assert front.coin(900.0, short, long) == long[1]
    assert front.coin(50.0, short, short) == short[1]


def hull(tokens, points):
    """The upper concave hull of (0, 0) and the points, worked out by its definition, exactly: the
    largest mean of weights that sum to 1 and cost at most so much, over all pairs on a fine grid of
    weights that holds every corner."""
    best = F(0)
    points = [(F(0), F(0)), *points]
    for a, x in points:
        for b, y in points:
            for share in {F(0), F(1), *([(tokens - a) / (b - a)] if a != b else [])}:
                if 0 <= share <= 1 and a + share * (b - a) <= tokens:
                    best = max(best, x + share * (y - x))
    return best


def test_the_best_without_a_way_is_the_hull_of_the_others():
    rng = np.random.default_rng(3)
    for _ in range(50):
        values = [[100.0 * d for d in row] for row in rng.integers(0, 2, (4, 5)).tolist()]
        costs = rng.permutation(range(1, 40))[:4].tolist()
        points = [(float(c), v) for c, v in zip(costs, values, strict=True)]
        exact = [(F(c), F(round(sum(v)), 5)) for c, v in zip(costs, values, strict=True)]
        tokens = int(rng.integers(0, 45))
        found = front.within(float(tokens), points)
        assert np.mean(found) == pytest.approx(float(hull(F(tokens), exact)))


def test_giving_up_is_no_way_to_be_short():
    """A model that says nothing is right nowhere, and nobody has to be above silence."""
    points = [(30.0, [100.0, 0.0]), (200.0, [100.0, 100.0])]
    assert front.within(0.0, points) == [0.0, 0.0]
    assert front.within(15.0, points) == [50.0, 0.0]
