"""Kimi k1.5's length reward: exact values, groups, and its place among the rewards."""

from fractions import Fraction as F

import pytest
from test_rewards import RIGHT, columns

from r1lab.length import in_groups, length_rewards
from r1lab.rewards import LENGTH_WEIGHTS, brevity, reward_set, score
from r1lab.verify import Verdict

ANSWERS = [  # id, lengths, right, what each earns by hand
    ("even steps", [100, 200, 300, 400, 500], "11001", [F(1, 2), F(1, 4), 0, F(-1, 4), F(-1, 2)]),
    ("a brief wrong one", [10, 20, 30], "011", [0, 0, F(-1, 2)]),
    ("a long wrong one", [10, 20, 30], "110", [F(1, 2), 0, F(-1, 2)]),
    ("all wrong", [1, 2, 3, 5], "0000", [0, 0, 0, F(-1, 2)]),
    ("thirds", [1, 2, 4], "111", [F(1, 2), F(1, 6), F(-1, 2)]),
    ("two", [7, 90], "11", [F(1, 2), F(-1, 2)]),
    ("all alike", [40, 40, 40], "101", [0, 0, 0]),
    ("alone", [12], "1", [0]),
    ("nobody", [], "", []),
]


@pytest.mark.parametrize(
    ("lengths", "right", "earned"), [pytest.param(*row[1:], id=row[0]) for row in ANSWERS]
)
def test_each_completion_earns_this(lengths, right, earned):
    found = length_rewards(lengths, [digit == "1" for digit in right])
    assert found == pytest.approx([float(value) for value in earned], abs=1e-15)


def test_a_thousand_times_the_tokens_earn_the_same():
    """Only places between the shortest and the longest count, no absolute price of a token."""
    right = [True, False, True, True]
    short, long = [3, 4, 9, 11], [13_000, 14_000, 19_000, 21_000]
    assert length_rewards(short, right) == pytest.approx(length_rewards(long, right))


def test_lengths_and_verdicts_must_be_as_many():
    with pytest.raises(ValueError, match="3 lengths and 2 verdicts"):
        length_rewards([1, 2, 3], [True, True])


def test_groups_are_compared_inside_and_may_lie_apart():
    names, lengths = list("abab"), [10, 500, 20, 900]
    assert in_groups(names, lengths, [True] * 4) == [0.5, 0.5, -0.5, -0.5]
    assert in_groups(["a"] * 4, lengths, [True] * 4) != in_groups(names, lengths, [True] * 4)


def batch(**changed):
    """Two problems, two completions each: 2 and 4 tokens, then 90 and 50."""
    tokens = [[1] * n for n in (2, 4, 90, 50)]
    asked = {"target": [17, 17, 18, 18], "numbers": [[3, 4, 5]] * 4}
    return columns([RIGHT, RIGHT, "?", "?"], completion_ids=tokens, **asked, **changed)


def test_the_reward_compares_the_tokens_of_one_problem():
    """With the columns alone, as in TRL, and with verdicts that our trainers hand over."""
    assert brevity(**batch()) == [0.5, -0.5, -0.5, 0.0]
    handed = [Verdict(right, True, "?", "?") for right in (False, True, True, True)]
    assert brevity(**batch(verdicts=handed)) == [0.0, -0.5, -0.5, 0.5]


@pytest.mark.parametrize("weight", LENGTH_WEIGHTS)
def test_a_reward_set_names_its_weight(weight):
    totals, parts = score(*reward_set(f"length-{weight:g}"), **batch())
    assert parts["brevity"] == [0.5, -0.5, -0.5, 0.0]
    ruled, _ = score(*reward_set("rule"), **batch())
    paid = [weight * value for value in parts["brevity"]]
    assert totals == pytest.approx([a + b for a, b in zip(ruled, paid, strict=True)])


def test_with_a_weight_up_to_one_a_right_answer_is_never_paid_less_than_a_wrong_one():
    """The longest right one against the best of the wrong: 1 - w/2 against at most 0 and the form,
    which both may have."""
    worst, best = length_rewards([500, 1], [True, False])
    assert worst == -0.5 and best == 0.0
    assert all(1.0 + w * worst >= 0.5 + w * best for w in LENGTH_WEIGHTS)
