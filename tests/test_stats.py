"""Intervals and sample scores against enumeration and simulation, never against their own
formula."""

import itertools
from collections import Counter
from math import comb

import numpy as np
import pytest

from r1lab.stats import (
    maj_at_k,
    majority,
    mean_interval,
    pass_at_k,
    pass_curve,
    seeds_interval,
    shared_wilson,
    student_t,
    wilson,
)

# ---- Wilson ----


def coverage(n, p):
    """The exact chance that the interval of a binomial count holds p."""
    chances = (comb(n, x) * p**x * (1 - p) ** (n - x) for x in range(n + 1))
    return sum(c for x, c in enumerate(chances) if wilson(x, n)[0] <= p <= wilson(x, n)[1])


def test_wilson_holds_the_true_share_about_95_times_in_100_whatever_the_share():
    for n in (10, 50, 200):
        held = [coverage(n, p) for p in np.linspace(0.02, 0.98, 49)]
        assert abs(np.mean(held) - 0.95) < 0.015
        assert min(held) > 0.83  # the known dips near 0 and 1


def test_wilson_ends_are_the_shares_that_lie_1_96_standard_errors_from_what_was_seen():
    for x, n in ((1, 7), (30, 100), (499, 512)):
        for end in wilson(x, n):
            assert (x / n - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / n, rel=1e-5)


def test_wilson_gives_the_published_values():
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=5e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I


def test_wilson_stays_between_0_and_1_and_is_symmetric():
    assert wilson(0, 100)[0] == pytest.approx(0, abs=1e-12) and wilson(0, 100)[1] == pytest.approx(
        0.037, abs=5e-4
    )
    assert wilson(3, 20) == pytest.approx(tuple(1 - end for end in reversed(wilson(17, 20))))
    assert wilson(0, 0) == (0.0, 1.0)
    assert all(0 <= end <= 1 for n in range(1, 30) for x in range(n + 1) for end in wilson(x, n))


def test_answers_to_one_problem_count_as_many_only_where_they_differ():
    """One answer a problem: Wilson's. All of a problem alike: Wilson's over problems. Right and
    wrong alike in each problem: as if all were independent."""
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2, (40, 1))
    assert shared_wilson(one) == wilson(int(one.sum()), 40)
    assert shared_wilson(np.repeat(one, 8, 1)) == pytest.approx(
        wilson(int(one.sum()), 40), abs=0.01
    )
    assert shared_wilson(np.tile([[1, 0]], (40, 4))) == pytest.approx(wilson(20, 40))
    assert shared_wilson(np.ones((40, 8))) == pytest.approx(wilson(40, 40))


@pytest.mark.parametrize(("problems", "answers"), [(40, 8), (64, 16)])
def test_the_interval_holds_the_share_where_problems_differ(problems, answers):
    rng = np.random.default_rng(1)
    hit = 0
    for _ in range(400):
        rates = rng.beta(0.5, 0.5, problems)  # most problems are nearly always right or wrong
        low, high = shared_wilson(rng.random((problems, answers)) < rates[:, None])
        hit += low <= 0.5 <= high
    assert 0.92 <= hit / 400 <= 0.98  # taken as independent: 0.5 to 0.6


def test_a_higher_level_gives_a_wider_interval():
    (low, high), (lower, higher) = wilson(30, 100), wilson(30, 100, level=0.99)
    assert lower < low < high < higher


@pytest.mark.parametrize("successes, n", [(-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match="cannot be"):
        wilson(successes, n)


# ---- bootstrap of one list ----


def test_the_bootstrap_of_two_values_is_their_binomial():
    mean, low, high = mean_interval([0, 1] * 50, resamples=40_000)  # 100 fair coins: 40 to 60 heads
    assert (mean, low, high) == (0.5, 0.4, 0.6)


@pytest.mark.slow
def test_the_bootstrap_interval_holds_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(1)
    trials = 400  # standard error of the share: 0.011
    for draw, truth in ((lambda: rng.random(100) < 0.3, 0.3), (lambda: rng.normal(2, 3, 100), 2)):
        held = sum(
            low <= truth <= high
            for _, low, high in (mean_interval(draw(), resamples=500) for _ in range(trials))
        )
        assert 0.91 < held / trials < 0.98


def test_pairing_takes_the_difficulty_of_the_problems_out():
    rng = np.random.default_rng(2)
    difficulty = rng.random(300)
    before, after = difficulty, difficulty + 0.05 + 0.01 * rng.normal(size=300)
    _, low, high = mean_interval(after - before)
    assert 0.04 < low < high < 0.06
    width = sum(high - low for _, low, high in (mean_interval(before), mean_interval(after)))
    assert high - low < width / 10


def test_the_same_seed_gives_the_same_interval_and_another_seed_a_like_one():
    values = np.random.default_rng(3).random(200)
    assert mean_interval(values, seed=4) == mean_interval(values, seed=4)
    assert mean_interval(values, seed=4) != mean_interval(values, seed=5)
    assert mean_interval(values, seed=4) == pytest.approx(mean_interval(values, seed=5), abs=0.01)


def test_equal_values_give_an_interval_of_no_width():
    assert mean_interval([0.25] * 40) == (0.25, 0.25, 0.25)
    assert mean_interval([3]) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]], [1.0, float("nan")], [float("inf")]])
def test_an_interval_of_nothing_finite_is_refused(values):
    with pytest.raises(ValueError, match="at least one finite value"):
        mean_interval(values)


# ---- over seeds and problems ----


def studies(rng, trials, S, seed_sd, problem_sd, P=128):
    """Of right and wrong answers whose chance differs by seed and by problem; 0.5 on average."""
    for _ in range(trials):
        chance = 0.5 + rng.normal(0, seed_sd, (S, 1)) + problem_sd * rng.choice([-1, 1], P)
        yield (rng.random((S, P)) < chance).astype(float)


@pytest.mark.parametrize("S", [2, 3, 5])
@pytest.mark.parametrize("seed_sd, problem_sd", [(0, 0.4), (0.02, 0.4), (0.05, 0.3), (0.15, 0.0)])
def test_the_interval_over_seeds_holds_the_truth_as_often_as_it_says(S, seed_sd, problem_sd):
    """Whether seeds or problems differ more. Seeds alone, problems alone or all answers as if they
    were independent would be too sure in one case or the other."""
    rng = np.random.default_rng(4)
    trials = 400  # standard error of the share: 0.011
    held = [
        low <= 0.5 <= high
        for _, low, high in map(seeds_interval, studies(rng, trials, S, seed_sd, problem_sd))
    ]
    assert np.mean(held) > 0.93 - 0.011


def test_the_interval_is_not_wider_than_the_problems_ask_for_where_seeds_are_alike():
    rng = np.random.default_rng(5)
    widths = [high - low for _, low, high in map(seeds_interval, studies(rng, 200, 5, 0, 0.4))]
    exact = 2 * 1.96 * (0.16 / 128 + 0.09 / (5 * 128)) ** 0.5  # of the mean that was simulated
    assert np.mean(widths) == pytest.approx(exact, rel=0.05)


def test_seeds_that_differ_make_the_interval_wider_than_pooling_them():
    rng = np.random.default_rng(6)
    level = np.array([0.1, 0.3, 0.5, 0.7, 0.9])[:, None]
    values = (rng.random((5, 200)) < level).astype(float)
    _, low, high = mean_interval(values.ravel())
    mean, lower, higher = seeds_interval(values)
    assert mean == pytest.approx(values.mean())
    assert higher - lower > 4 * (high - low)


def test_identical_seeds_do_not_make_shared_problems_more_certain():
    values = (np.random.default_rng(7).random(200) < 0.4).astype(float)
    _, low, high = mean_interval(values)
    _, lower, higher = seeds_interval([values] * 5)
    assert higher - lower == pytest.approx(high - low, rel=0.1)


def test_one_seed_is_the_bootstrap_over_its_problems():
    values = (np.random.default_rng(8).random(200) < 0.4).astype(float)
    assert seeds_interval([values]) == mean_interval(values)


def test_seeds_without_other_noise_are_students_case():
    """Student 1908: two values, 12.71 standard errors; three, 4.303."""
    got = seeds_interval([[0.2] * 9, [0.4] * 9])
    assert got == pytest.approx((0.3, 0.3 - 1.2706, 0.3 + 1.2706), abs=1e-4)
    got = seeds_interval([[0.2], [0.4], [0.9]])
    half = 4.3027 * np.std([0.2, 0.4, 0.9], ddof=1) / 3**0.5
    assert got == pytest.approx((0.5, 0.5 - half, 0.5 + half), abs=1e-4)
    assert seeds_interval([[0.25] * 4] * 3) == (0.25, 0.25, 0.25)


def test_the_order_of_seeds_and_of_problems_says_nothing():
    values = np.random.default_rng(9).random((4, 50))
    other = values[[2, 0, 3, 1]][:, ::-1]
    assert seeds_interval(other) == pytest.approx(seeds_interval(values), abs=1e-12)


def test_no_seed_and_unequal_lists_are_refused():
    with pytest.raises(ValueError, match="no seed"):
        seeds_interval([])
    with pytest.raises(ValueError, match="different numbers of problems"):
        seeds_interval([[1.0] * 10, [0.0] * 90])


# ---- pass@k ----


def test_pass_at_k_is_the_share_of_all_subsets_that_hold_a_right_sample():
    for n in range(1, 8):
        for c in range(n + 1):
            right = [True] * c + [False] * (n - c)
            for k in range(1, n + 1):
                subsets = list(itertools.combinations(right, k))
                assert pass_at_k(n, c, k) == pytest.approx(
                    sum(map(any, subsets)) / len(subsets), abs=1e-15
                )


def test_pass_at_k_is_exact_where_binomials_leave_the_range_of_floats():
    assert pass_at_k(4096, 1, 2048) == 0.5  # one right sample, half of all drawn
    assert pass_at_k(100_000, 1, 1) == 1e-5
    assert pass_at_k(1000, 500, 501) == 1.0
    tiny = 1 - pass_at_k(2000, 1000, 40)
    assert 0 < tiny < 1e-11


def test_pass_at_1_is_the_share_of_right_samples_and_it_grows_with_k():
    assert pass_at_k(64, 16, 1) == 0.25
    curve = pass_curve([1, 5, 0], 64, [1, 4, 16, 64])
    assert (
        curve == sorted(curve)
        and curve[0] == pytest.approx(6 / 3 / 64)
        and curve[-1] == pytest.approx(2 / 3)
    )


def test_pass_at_k_estimates_without_bias_what_k_fresh_samples_would_do():
    p, n, k = 0.2, 6, 3
    expected = sum(
        comb(n, c) * p**c * (1 - p) ** (n - c) * pass_at_k(n, c, k) for c in range(n + 1)
    )
    assert expected == pytest.approx(1 - (1 - p) ** k, abs=1e-12)


def test_the_pass_curve_is_the_mean_over_problems():
    counts = np.array([0, 3, 3, 8, 1])
    assert pass_curve(counts, 8, [2]) == pytest.approx(
        [np.mean([pass_at_k(8, int(c), 2) for c in counts])]
    )


@pytest.mark.parametrize("n, c, k", [(4, 2, 5), (4, 2, 0), (4, 5, 2), (4, -1, 2)])
def test_pass_at_k_refuses_what_cannot_be(n, c, k):
    with pytest.raises(ValueError):
        pass_at_k(n, c, k)
    with pytest.raises(ValueError):
        pass_curve([c], n, [k])


def test_a_pass_curve_needs_a_problem():
    with pytest.raises(ValueError, match="no problem"):
        pass_curve([], 4, [1])


# ---- majority ----


@pytest.mark.parametrize(
    "answers, winner",
    [
        (["5", "7", "5"], "5"),
        ([None, None, None, "7"], "7"),
        ([None, None], None),
        ([], None),
        ([3, 3.0, 4], 3),
    ],
    ids=[
        "most frequent",
        "unread answers have no vote",
        "nobody could be read",
        "nobody",
        "equal is equal",
    ],
)
def test_the_majority(answers, winner):
    assert majority(answers) == winner


def test_a_tie_is_broken_evenly_and_by_the_seed():
    won = Counter(majority(["a", "b", "c", "a", "b", "c", "d"], seed) for seed in range(3000))
    assert set(won) == {"a", "b", "c"} and all(900 < count < 1100 for count in won.values())
    assert majority(["a", "b"], 5) == majority(["a", "b"], 5)


def expected_majority(answers, right, k):
    """Over all subsets, a tie of m counting 1/m."""
    subsets = list(itertools.combinations(answers, k))
    total = 0.0
    for subset in subsets:
        votes = Counter(a for a in subset if a is not None)
        best = [a for a in votes if votes[a] == max(votes.values())]
        total += (right in best) / len(best) if best else 0
    return total / len(subsets)


@pytest.mark.parametrize(
    "answers", ["rrwxyz", "rrrwwwwx", "rrw----", "wwx-r", "rrrr", "wxyz", "--"]
)
def test_majority_of_k_agrees_with_all_subsets(answers):
    answers = [None if a == "-" else a for a in answers]
    for k in range(1, len(answers) + 1):
        draws = 4000  # standard error at most 0.008
        assert maj_at_k(answers, "r", k, draws=draws) == pytest.approx(
            expected_majority(answers, "r", k), abs=0.03
        )
    n = len(answers)
    assert maj_at_k(answers, "r", n, draws=1) == pytest.approx(expected_majority(answers, "r", n))


def test_voting_helps_a_frequent_right_answer_and_hurts_a_rare_one():
    often, seldom = ["r"] * 28 + list("abcdefghij") * 3 + ["w"] * 6, ["r"] * 20 + ["w"] * 44
    assert maj_at_k(often, "r", 1) < maj_at_k(often, "r", 8) < maj_at_k(often, "r", 64) == 1.0
    assert maj_at_k(seldom, "r", 1) > maj_at_k(seldom, "r", 8) > maj_at_k(seldom, "r", 64) == 0.0


def test_majority_of_k_is_repeatable_and_needs_k_answers():
    answers = ["r", "w", "w", "r", "x"]
    assert maj_at_k(answers, "r", 3, seed=1) == maj_at_k(answers, "r", 3, seed=1)
    for k in (0, 6):
        with pytest.raises(ValueError, match="answers"):
            maj_at_k(answers, "r", k)


@pytest.mark.parametrize(
    ("df", "printed"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042), (5000, 1.960)]
)
def test_student_t_is_that_of_the_printed_tables(df, printed):
    assert student_t(df) == pytest.approx(printed, abs=6e-4)
    if df == 4:
        assert student_t(df, 0.99) == pytest.approx(4.604, abs=1e-3)
