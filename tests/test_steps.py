"""Steps of a completion and their exact labels, against expressions written out one by one."""

import random
from contextlib import suppress
from fractions import Fraction
from itertools import permutations, product

import pytest

from r1lab import credit, evaluate, models, steps, tasks
from r1lab.tasks import Problem
from r1lab.tasks.reading import Unreadable, read_expression
from r1lab.tiny_world.competence import beginning
from r1lab.verify import verify

P = Problem("countdown", (14, 8, 4), 28)  # 14*8=112, 112/4=28


def values(numbers) -> set[Fraction]:
    """Of all expressions with these numbers, each written out and read by the verifier's reader."""
    shapes = {2: ["{}{}{}"], 3: ["({}{}{}){}{}", "{}{}({}{}{})"]}[len(numbers)]
    found = set()
    for order, shape in product(permutations(numbers), shapes):
        for signs in product("+-*/", repeat=len(numbers) - 1):
            parts = [str(order[0])]
            for sign, n in zip(signs, order[1:], strict=True):
                parts += [sign, str(n)]
            with suppress(Unreadable):  # a division by zero
                found.add(read_expression(shape.format(*parts))[0])
    return found


@pytest.mark.parametrize("numbers", [(3, 8), (5, 5), (3, 8, 8), (1, 5, 5), (14, 8, 4), (2, 2, 2)])
def test_what_can_be_reached_is_what_some_expression_gives(numbers):
    there = values(numbers)
    for target in range(-20, 130):
        assert steps.reachable(numbers, target) == (target in there)


def test_fractions_on_the_way_count():
    assert steps.reachable((3, 3, 7, 7), 24)  # (3 + 3/7) * 7
    assert not steps.reachable((1, 1, 1, 1), 24)
    assert steps.reachable((Fraction(1, 3), 3), 1)


def test_numbers_are_bounded():
    for numbers in ((), (1, 2, 3, 4, 5)):
        with pytest.raises(ValueError, match="from 1 to 4"):
            steps.reachable(numbers, 1)
    with pytest.raises(ValueError, match="Countdown"):
        steps.read(Problem("multiplication", (3, 4), 12), "3*4=12")
    with pytest.raises(ValueError, match="up to 4"):
        steps.read(Problem("countdown", (1, 2, 3, 4, 5), 12), "1+2=3")


def test_a_search_is_read_with_its_ways_back():
    text = (
        "<think>14+8=22; 22+4=26 vs 28 no; 22-4=18 vs 28 no; 14*8=112; 112/4=28 vs 28 yes. "
        "Then 14*8=112, 112/4=28</think><answer>(14*8)/4</answer>"
    )
    read = steps.read(P, text)
    assert [step.good for step in read] == [False, False, False, True, True, True, True, True]
    assert [step.fresh for step in read] == [True] * 5 + [False, False, True]
    lefts = [tuple(map(int, step.left)) for step in read]
    assert lefts == [(4, 22), (26,), (18,), (4, 112), (28,), (4, 112), (28,), ()]
    assert [text[step.end - 2 : step.end] for step in read[:3]] == ["22", "26", "18"]
    assert read[-1].end == len(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("<think>14*8=113, 113/4=28</think>", [False, False]),  # a wrong sum leads nowhere
        ("<think>14*9=126, 14*8=112</think>", [False, True]),  # a number that is not there
        ("<think>14*8=112, 112*8=896</think>", [True, False]),  # one that is used up
        ("<think>28*4=112 so 14*8=112</think>", [False, True]),  # back from the target
        ("<think>14/0=5</think>", [False]),
        ("<think>14*8=112=4*28, 1.5+2=3, x14*8=112</think>", [True]),  # no steps but the last
        ("<think></think><answer>(14*8)/4</answer>", [True]),
        ("<think></think><answer>14*8/5</answer>", [False]),
        ("<answer>14</answer> 14*8=112", [False]),  # no thoughts behind the answer
        ("", []),
    ],
)
def test_what_counts_as_a_step_and_as_good(text, good):
    assert [step.good for step in steps.read(P, text)] == good


def test_a_long_hostile_text_is_read_in_bounded_time():
    text = "<think>" + "14*8=112; " * 20_000 + "1" * 50_000 + "=" * 50_000
    read = steps.read(P, text)
    assert len(read) == 20_000 and sum(step.fresh for step in read) == 1


def test_the_label_of_a_first_sum_is_that_of_the_expressions_behind_it():
    """All first sums on some problems, against the expressions with what they leave."""
    for problem in tasks.problems("countdown", 6, 0, "train", 3):
        for i, j in permutations(range(3), 2):
            a, b, c = problem.numbers[i], problem.numbers[j], problem.numbers[3 - i - j]
            for sign, made in (("+", a + b), ("*", a * b), *([("-", a - b)] if a > b else [])):
                (step,) = steps.read(problem, f"<think>{a}{sign}{b}={made}")
                assert step.good == (problem.target in values((made, c)))


def test_exact_differences_add_up_to_the_outcome():
    """Whatever an answer does on its way, detours included: right 0, wrong -1."""
    model, tokenizer = models.load("rich")
    problems = tasks.problems("countdown", 24, 0, "train", 3)
    rng = random.Random(0)
    begun = [beginning(rng, p, "in order") if i % 2 else "" for i, p in enumerate(problems)]
    how = evaluate.Sampling("tiny", 160, 900)
    found = evaluate.answer(model, tokenizer, problems, how, begun)
    for problem, text in zip(problems, found.texts, strict=True):
        total = sum(change for _, change in credit.changes(problem, text))
        assert total == float(verify(problem, text).correct) - 1


def test_credit_lies_on_the_tokens_of_its_step():
    _, tokenizer = models.load("rich")
    text = "<think>14+8=22; 22+4=26 vs 28 no; 14*8=112, 112/4=28</think><answer>(14*8)/4</answer>"
    assert [change for _, change in credit.changes(P, text)] == [-1, 0, 1, 0, 0]
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    stops = credit.ends(tokenizer, [*ids, tokenizer.eos_token_id], text)
    assert stops[-1] == stops[-2] == len(text)  # the end token writes nothing
    assert text[: stops[5]] == "<think>14+8=22"


def test_an_answer_that_is_never_given_loses_what_was_left():
    assert credit.changes(P, "<think>14*8=112, ") == [(15, 0.0), (17, -1.0)]
    assert credit.changes(P, "") == [(0, -1.0)]
