"""Every listed mistake is caught by its own message, every folded solution passes, an empty answer is no error."""

import importlib.util
import math
import re
from pathlib import Path

import pytest
import torch

from r1lab import checks, losses

SRC = Path(__file__).resolve().parent.parent / "notebooks" / "src"
MISTAKES = [(n, i) for n, e in checks.EXERCISES.items() for i in range(len(e.mistakes))]

pytest.importorskip("jupytext")
spec = importlib.util.spec_from_file_location("build", SRC / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
KINDS = {
    number: kind
    for source in build.lessons()
    for number, kind in re.findall(
        r"^# ### Exercise (\S+) · (\w+) ·", source.read_text("utf-8"), re.M
    )
}
SOLUTIONS = {
    number: (code, call)
    for source in build.lessons()
    for number, (code, call) in build.solutions(build.read(source)).items()
}


def answer(exercise, function):
    """What a learner would hand in: a function, or for a prediction its value."""
    return function() if exercise.given else function


@pytest.mark.parametrize(("number", "i"), MISTAKES, ids=lambda x: str(x))
def test_each_mistake_is_named(number, i):
    exercise = checks.EXERCISES[number]
    function, message = exercise.mistakes[i]
    with pytest.raises(AssertionError, match=re.escape(message)):
        checks.check(number, answer(exercise, function))


@pytest.mark.parametrize("number", checks.EXERCISES)
def test_the_right_answer_passes_and_says_what_was_tried(number, capsys):
    exercise = checks.EXERCISES[number]
    checks.check(number, answer(exercise, exercise.right))
    assert capsys.readouterr().out == f"{number} right. {exercise.tried}\n"


@pytest.mark.parametrize("number", checks.EXERCISES)
def test_an_empty_answer_is_no_error(number, capsys):
    inside = [] if checks.EXERCISES[number].given else [lambda *_: None, lambda *_: ...]
    for empty in (None, ..., {"grpo": ...}, *inside):
        checks.check(number, empty)
        assert capsys.readouterr().out.startswith(f"{number} not done yet. ")


@pytest.mark.parametrize("number", checks.EXERCISES)
def test_no_two_messages_are_the_same_and_each_is_a_sentence(number):
    messages = [message for _, message in checks.EXERCISES[number].mistakes]
    assert len(set(messages)) == len(messages)
    assert all(m[-1] in ".)?" and len(m) < 200 for m in messages)


def test_every_exercise_has_a_folded_solution_and_every_solution_a_check():
    assert set(SOLUTIONS) == set(checks.EXERCISES)


ALONE = [n for n in SOLUTIONS if KINDS[n] != "experiment"]


@pytest.mark.parametrize("number", ALONE)
def test_folded_solutions_pass(number, capsys):
    """Experiments need their lesson; `test_notebooks` runs theirs in it."""
    code, call = SOLUTIONS[number]
    space = {"torch": torch, "math": math, "losses": losses, "checks": checks}
    exec(code, space)
    exec(call, space)
    assert capsys.readouterr().out.startswith(f"{number} right. ")


def test_an_unlisted_mistake_shows_the_first_input_and_both_answers():
    with pytest.raises(
        AssertionError, match=r"02.3: for \(1.5, 1.0\) you give 7.0 and the answer is -1.2"
    ):
        checks.check("02.3", lambda ratio, advantage: torch.tensor(7.0))


def test_a_wrong_shape_is_named():
    with pytest.raises(AssertionError, match=r"shape \(1,\) where \(1, 16\) belongs"):
        checks.check("02.1", lambda r: r.mean(1))


def test_an_error_in_the_learners_code_is_the_learners_to_see():
    with pytest.raises(ZeroDivisionError):
        checks.check("02.1", lambda r: 1 / 0)


def test_another_epsilon_is_also_right(capsys):
    def smaller(r):
        return (r - r.mean(1, keepdim=True)) / (r.std(1, keepdim=True) + 1e-6)

    checks.check("02.1", smaller)
    assert "02.1 right." in capsys.readouterr().out


def test_something_that_is_no_answer_is_wrong_but_no_crash():
    for thing in ("many", [1, "x"], {"a": 1}, 3j):
        with pytest.raises(AssertionError, match="02.2: "):
            checks.check("02.2", thing)
    with pytest.raises(AssertionError, match="02.6: "):
        checks.check("02.6", {"grpo": 0.1, "dapo": 0.2})


def test_an_unknown_number_says_which_there_are():
    with pytest.raises(ValueError, match="choose one of 00.1, 00.2"):
        checks.check("99.1", 1)
