"""Every listed mistake is caught by its own message, every folded solution passes, an empty answer is no error."""

import importlib.util
import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from r1lab import checks, losses
from r1lab.checks import letters
from r1lab.checks.exercise import Exercise, Guess, Open

SRC = Path(__file__).resolve().parent.parent / "notebooks" / "src"
OF = {
    kind: {n: e for n, e in checks.EXERCISES.items() if isinstance(e, kind)}
    for kind in (Exercise, Guess, Open)
}
MISTAKES = [(n, i) for n, e in OF[Exercise].items() for i in range(len(e.mistakes))]

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
def test_each_mistake_is_named_and_stops_nothing(number, i, capsys):
    exercise = checks.EXERCISES[number]
    function, message = exercise.mistakes[i]
    checks.check(number, answer(exercise, function))
    assert capsys.readouterr().out == f"{number} not right yet: {message}\n"


@pytest.mark.parametrize("number", OF[Exercise])
def test_the_right_answer_passes_and_says_what_was_tried(number, capsys):
    exercise = checks.EXERCISES[number]
    checks.check(number, answer(exercise, exercise.right))
    assert capsys.readouterr().out == f"{number} right. {exercise.tried}\n"


@pytest.mark.parametrize("number", checks.EXERCISES)
def test_an_empty_answer_is_no_error(number, capsys):
    exercise = checks.EXERCISES[number]
    called = isinstance(exercise, Open) or isinstance(exercise, Exercise) and not exercise.given
    inside = [lambda *_: None, lambda *_: ...] if called else []
    for empty in (None, ..., {"grpo": ...}, *inside):
        checks.check(number, empty)
        assert capsys.readouterr().out.startswith(f"{number} not done yet. ")


@pytest.mark.parametrize("number", OF[Exercise])
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
    made = {"advantages": losses.group_advantages, "token_loss": OF[Exercise]["02.3"].right}
    space = {"torch": torch, "math": math, "losses": losses, "checks": checks, **made}
    exec(code, space)
    exec(call, space)
    good = "kept: " if number in OF[Guess] else "right. "
    assert capsys.readouterr().out.startswith(f"{number} {good}")


def said(capsys, number, thing) -> str:
    checks.check(number, thing)
    return capsys.readouterr().out


def test_an_unlisted_mistake_shows_the_first_input_and_both_answers(capsys):
    words = said(capsys, "02.4", lambda p, q: torch.full_like(p, 7.0))
    assert "you give [7.0, 7.0, 7.0] and the answer is [0.193, 0.0, 1.614]." in words


def test_a_wrong_shape_is_named(capsys):
    assert "shape (1,) where (1, 16) belongs" in said(capsys, "02.1", lambda r: r.mean(1))


def test_an_error_in_the_learners_code_is_shown_with_its_line_and_stops_nothing(capsys):
    def mine(rewards):
        x = 1
        return x / 0

    assert said(capsys, "02.1", mine) == (
        "02.1 not right yet: your code stops, at `return x / 0`: ZeroDivisionError: division by zero\n"
    )


def test_a_guess_is_kept_and_never_judged(capsys):
    for value in (50, 0.66, torch.tensor(-3.0)):
        words = said(capsys, "02.2", value)
        assert words == f"02.2 kept: {float(value):g} percent. {OF[Guess]['02.2'].lesson}\n"
        assert checks.guess("02.2") == float(value)
    for none in (..., None, "many", [1, 2], math.nan):
        said(capsys, "02.2", none)
        assert checks.guess("02.2") is None
    with pytest.raises(ValueError, match="no prediction"):
        checks.guess("02.1")


def test_the_lesson_goes_on_with_what_is_right_else_with_the_courses(capsys):
    def theirs(r):
        return losses.group_advantages(r)

    assert checks.mine("02.1", theirs) is theirs
    assert capsys.readouterr().out == "02.1: your own theirs runs from here on.\n"
    for other in (lambda r: None, lambda r: r, lambda r: 1 / 0, ...):
        assert checks.mine("02.1", other) is losses.group_advantages
        assert capsys.readouterr().out == "02.1: the course's own version runs from here on.\n"
        assert checks.mine("02.1", other, ours=theirs) is theirs
        capsys.readouterr()


def test_a_problem_beyond_training_must_be_one_and_be_solvable(capsys):
    """What the model says to it is asked by the folded solution."""
    for made in (((14, 15, 10), 21), "14*15/10", 21):
        assert "give three things" in said(capsys, "00.5", lambda m=made: m)
    for made in (((14, 15), 21, ""), ((14, 15, 10.0), 21, ""), ((1, 2, 16), 19, "1+2+16")):
        assert "three whole numbers from 1 to 15" in said(capsys, "00.5", lambda m=made: m)
    for text, reason in (("14+15+10", "wrong value"), ("15+6", "wrong numbers")):
        made = (14, 15, 10), 21, text
        assert f"proves nothing: {reason}." in said(capsys, "00.5", lambda m=made: m)


def test_a_group_weight_is_measured_by_training(capsys):
    """GRPO's own divisor, worked out in lesson 02, ends at 14 %; the example passes 60 %."""
    assert letters.climb(lambda n, A: 1 / n) == pytest.approx((0.950, 0.137, 106), abs=1e-3)
    assert "and 13.7 % think first" in said(capsys, "02.8", lambda n, A: 1 / n)
    assert "too slow" in said(capsys, "02.8", lambda n, A: n**2)
    assert "a weight is a positive number" in said(capsys, "02.8", lambda n, A: -n)
    assert "02.8 right. 95 % right after" in said(capsys, "02.8", OF[Open]["02.8"].example)


def test_another_epsilon_is_also_right(capsys):
    def smaller(r):
        return (r - r.mean(1, keepdim=True)) / (r.std(1, keepdim=True) + 1e-6)

    checks.check("02.1", smaller)
    assert "02.1 right." in capsys.readouterr().out


def test_something_that_is_no_answer_is_wrong_but_no_crash(capsys):
    for number in (*OF[Exercise], *OF[Open]):
        for thing in ("many", [1, "x"], {"a": 1}, 3j):
            assert "not right yet: " in said(capsys, number, thing)


def test_an_unknown_number_says_which_there_are():
    with pytest.raises(ValueError, match="choose one of 00.1, 00.2"):
        checks.check("99.1", 1)


def test_an_answer_may_use_its_input_up(capsys):
    """The cases are the check's: 00.1 passes twice, and who sorts the lengths of 09.1 does not."""

    def rule(answer, numbers):
        for n in map(int, re.findall(r"\d+", answer)):
            if n not in numbers:
                return False
            numbers.remove(n)
        return not numbers

    def sorted_first(lengths, *rest):
        lengths.sort()
        return checks.EXERCISES["09.1"].right(lengths, *rest)

    for number, answer, begins in (("00.1", rule, "right."), ("09.1", sorted_first, "not right")):
        for _ in range(2):
            checks.check(number, answer)
            assert capsys.readouterr().out.startswith(f"{number} {begins}")


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        ("03.1", lambda text: re.fullmatch("<think>.*</think><answer>.*</answer>", text) and True,
         "you give None"),
        ("02.3", lambda r, a, e=0.2: -min(r * a, r.clamp(1 - e, 1 + e) * a), "your code stops"),
        ("07.5", lambda left, target: float(Fraction(left[0]) - target), "is not counted"),
        ("08.2", lambda r, tau: tau * math.log(sum(math.exp(x / tau) for x in r) / len(r)),
         "too large for a float"),
    ],
)  # fmt: skip
def test_a_likely_first_try_gets_words_that_help(number, answer, words, capsys):
    checks.check(number, answer)
    said = capsys.readouterr().out
    assert said.startswith(f"{number} not right yet") and words in said
