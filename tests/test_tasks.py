"""The problems: those of the test split stay there, all can be solved, and a prompt says them."""

import itertools
import random
from collections import Counter
from fractions import Fraction

import pytest
from helpers import OPERATE, posed

from r1lab.tasks import Problem, problems, prompt, split_of, tiny_prompt
from r1lab.tasks.arithmetic import draw_multiplication
from r1lab.tasks.countdown import (
    LARGEST_NUMBER,
    LARGEST_VALUE,
    TARGETS,
    draw_with_solution,
    random_steps,
)
from r1lab.verify import verify

KINDS = [("countdown", 3), ("countdown", 4), ("multiplication", 1), ("multiplication", 2)]


def solvable(numbers, target):
    """Whether any order of operations on exact fractions reaches `target`."""
    if len(numbers) == 1:
        return numbers[0] == target
    for i, j in itertools.permutations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        a, b = numbers[i], numbers[j]
        results = [a + b, a - b, a * b] + ([a / b] if b else [])
        if any(solvable([*rest, result], target) for result in results):
            return True
    return False


# ---- problems ----


@pytest.mark.parametrize(("task", "size"), KINDS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_problems_are_the_same_for_the_same_arguments_and_distinct(task, size, split):
    drawn = problems(task, 40, seed=3, split=split, size=size)
    random.seed(5)
    assert problems(task, 40, seed=3, split=split, size=size) == drawn
    assert problems(task, 20, seed=3, split=split, size=size) == drawn[:20]
    assert problems(task, 40, seed=4, split=split, size=size) != drawn
    assert len({(tuple(sorted(p.numbers)), p.target) for p in drawn}) == 40
    assert {split_of(p) for p in drawn} == {split}


@pytest.mark.parametrize(("task", "size"), KINDS)
def test_no_two_seeds_mix_the_splits(task, size):
    train = {p.key for seed in range(20) for p in problems(task, 40, seed, "train", size)}
    test = {p.key for seed in range(20) for p in problems(task, 40, seed, "test", size)}
    assert train and test and not train & test


def test_the_order_of_the_numbers_does_not_change_the_split():
    for problem in problems("countdown", 200, seed=0, size=4) + problems(
        "multiplication", 200, seed=0, size=1
    ):
        for order in itertools.permutations(problem.numbers):
            assert split_of(Problem(problem.task, order, problem.target)) == "train"


def test_about_a_tenth_of_all_problems_are_kept_for_the_test():
    rng = random.Random(0)
    keys = {p.key: split_of(p) for p in (draw_with_solution(rng)[0] for _ in range(5000))}
    share = sum(split == "test" for split in keys.values()) / len(keys)
    assert len(keys) > 3000 and 0.07 < share < 0.13


def test_the_split_is_fixed_for_good():
    # written down here: a changed hash or key would move test problems into the training
    numbers = [split_of(Problem("countdown", (1, 2, n), 10 + n)) for n in range(1, 16)]
    assert [n for n, split in enumerate(numbers, 1) if split == "test"] == [1, 5, 11]
    numbers = [split_of(Problem("multiplication", (12, n), 12 * n)) for n in range(1, 31)]
    assert [n for n, split in enumerate(numbers, 1) if split == "test"] == [11, 21]


def test_three_numbers_of_countdown_are_of_one_split_whatever_the_target_and_beside_a_fourth():
    kept, four = 0, Counter()
    for threes in itertools.combinations_with_replacement(range(1, LARGEST_NUMBER + 1), 3):
        split = {split_of(Problem("countdown", threes, target)) for target in (10, 37, 99)}
        assert len(split) == 1
        kept += split == {"test"}
    for numbers in itertools.combinations_with_replacement(range(1, LARGEST_NUMBER + 1), 4):
        threes = {
            split_of(Problem("countdown", three, 22))
            for three in itertools.combinations(numbers, 3)
        }
        split = split_of(Problem("countdown", numbers, 22))
        assert split == ("test" if "test" in threes else "train")
        four[split] += 1
    assert 0.07 < kept / 680 < 0.13 and 0.2 < four["test"] / four.total() < 0.4


@pytest.mark.parametrize("size", [3, 4])
def test_the_drawn_solution_is_a_solution(size):
    rng = random.Random(0)
    for _ in range(1000):
        problem, steps, expression = draw_with_solution(rng, size)
        assert len(problem.numbers) == size and len(steps) == size - 1
        assert all(1 <= n <= LARGEST_NUMBER for n in problem.numbers) and problem.target in TARGETS
        verdict = verify(problem, f"<answer>{expression}</answer>")
        assert verdict.reason == "correct", (problem, expression)


@pytest.mark.parametrize(("size", "n"), [(3, 60), (4, 12)])
@pytest.mark.parametrize("split", ["train", "test"])
def test_countdown_problems_can_be_solved_by_trying_everything(size, n, split):
    for problem in problems("countdown", n, seed=1, split=split, size=size):
        assert solvable([Fraction(x) for x in problem.numbers], problem.target), problem


def test_random_steps_use_each_number_and_each_result_once_and_add_up():
    rng, led_nowhere = random.Random(0), 0
    for _ in range(2000):
        numbers = [rng.randint(1, 15) for _ in range(rng.choice([3, 4]))]
        found = random_steps(rng, numbers)
        if found is None:
            led_nowhere += 1
            continue
        steps, expression = found
        pool = sorted(numbers)
        for step in steps:
            assert (
                OPERATE[step.op](step.a, step.b) == step.result and 0 < step.result <= LARGEST_VALUE
            )
            assert str(step) == f"{step.a}{step.op}{step.b}={step.result}" and step.a >= step.b
            pool.remove(step.a)
            pool.remove(step.b)
            pool.append(step.result)
        assert pool == [steps[-1].result]
        problem = Problem("countdown", tuple(numbers), pool[0])
        verdict = verify(problem, f"<answer>{expression}</answer>")
        assert verdict.reason == "correct", (numbers, expression)
    assert 0 < led_nowhere < 1900


@pytest.mark.parametrize(("digits", "second"), [(1, range(3, 10)), (2, range(11, 100))])
def test_multiplications_have_factors_of_the_promised_size(digits, second):
    rng = random.Random(0)
    for _ in range(500):
        problem = draw_multiplication(rng, digits)
        a, b = problem.numbers
        assert a in range(11, 100) and b in second and problem.target == sum(a for _ in range(b))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"task": "sudoku"}, "unknown task 'sudoku'", id="task"),
        pytest.param({"size": 5}, r"sizes \(3, 4\), not 5", id="size of countdown"),
        pytest.param(
            {"task": "multiplication", "size": 3},
            r"sizes \(2, 1\), not 3",
            id="size of multiplication",
        ),
        pytest.param({"split": "all"}, "unknown split 'all'", id="split"),
        pytest.param(
            {"task": "multiplication", "size": 1, "split": "test", "n": 600},
            "fewer than 600",
            id="more than there are",
        ),
    ],
)
def test_problems_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        problems(**{"task": "countdown", "n": 1, "seed": 0, **arguments})


# ---- prompts ----


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("task", "size"), KINDS)
def test_a_tiny_prompt_says_the_whole_problem_and_nothing_else(task, size, language):
    for problem in problems(task, 30, seed=0, size=size):
        assert posed(tiny_prompt(problem, language)) == (problem, "")


def test_r1_prompts_have_the_template_and_the_question():
    countdown = prompt(Problem("countdown", (3, 4, 5), 17), "r1")
    assert countdown.startswith("A conversation between User and Assistant.")
    assert "<think> reasoning process here </think> <answer> answer here </answer>" in countdown
    assert "numbers 3, 4, 5, write an expression that equals 17." in countdown
    product = prompt(Problem("multiplication", (12, 34), 408), "r1")
    assert "What is 12 * 34?" in product and "408" not in product
    assert all(p.endswith(" Assistant:") and "{" not in p for p in (countdown, product))
