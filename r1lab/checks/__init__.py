"""Exercise checks: `check("02.1", thing)` says not done, right, or which mistake it looks like.

An exercise is a right answer, the inputs to try it on, and its likely mistakes, each a small
function that makes the mistake. Where the learner's answer is not right but agrees with a
mistake on every input, the message names it. A test runs each mistake and each folded
solution of the notebooks through `check`.

Predictions and experiments are values, not functions; for them an input is nothing and a
mistake is a wrong value.
"""

import importlib
import pkgutil

import torch
from torch import Tensor

from r1lab.checks.exercise import Exercise

EXERCISES: dict[str, Exercise] = {}  # of every lesson that has a file here
for _lesson in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    if _lesson.startswith("lesson_"):
        EXERCISES |= importlib.import_module(f"{__name__}.{_lesson}").EXERCISES


def check(number: str, thing) -> None:
    """Print one line, or raise AssertionError with the likely mistake.

    thing: the learner's function, or value. None and `...`, as the answer or as what the
    function returns, mean "not done yet" and are never an error.
    """
    if number not in EXERCISES:
        raise ValueError(f"no exercise {number!r}: choose one of {', '.join(EXERCISES)}")
    exercise = EXERCISES[number]
    answer = (lambda *_: thing) if exercise.given else thing
    results = []
    for case in exercise.cases:
        result = answer(*case) if callable(answer) else answer
        if _empty(result):
            print(f"{number} not done yet. {exercise.lesson}")
            return
        results.append(result)
    wanted = [exercise.right(*case) for case in exercise.cases]
    if all(_same(a, b, exercise.tolerance) for a, b in zip(results, wanted, strict=True)):
        print(f"{number} right. {exercise.tried}")
        return
    near = exercise.tolerance if exercise.near is None else exercise.near
    for mistake, message in exercise.mistakes:
        slips = [mistake(*case) for case in exercise.cases]
        if all(_same(a, b, near) for a, b in zip(results, slips, strict=True)):
            raise AssertionError(f"{number}: {message}")
    raise AssertionError(f"{number}: {_difference(exercise, results, wanted)}")


def _empty(result) -> bool:
    """Nothing, `...`, or a table with a place left open."""
    if isinstance(result, dict):
        return any(_empty(value) for value in result.values())
    return result is None or result is ...


def _same(a, b, tolerance: float) -> bool:
    if isinstance(b, dict):
        return (
            isinstance(a, dict)
            and a.keys() == b.keys()
            and all(_same(a[k], b[k], tolerance) for k in b)
        )
    if isinstance(b, str):
        return isinstance(a, str) and a.strip().lower() == b
    try:
        a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (a, b))
    except (TypeError, ValueError, RuntimeError):
        return False
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=tolerance, equal_nan=True)


def _difference(exercise: Exercise, results, wanted) -> str:
    if exercise.given:
        return "not that. Go back to the cell or the line above it and work it out once more."
    for case, got, want in zip(exercise.cases, results, wanted, strict=True):
        if not _same(got, want, exercise.tolerance):
            inputs = ", ".join(_words(x) for x in case)
            shape = ""
            if isinstance(got, Tensor) and got.shape != want.shape:
                shape = f" (shape {tuple(got.shape)} where {tuple(want.shape)} belongs)"
            return f"for ({inputs}) you give {_words(got)}{shape} and the answer is {_words(want)}."
    raise RuntimeError("no difference to name")


def _words(x) -> str:
    if isinstance(x, Tensor):
        return str(_rounded(x.tolist()))
    return f"{x:.3g}" if isinstance(x, float) else str(x)


def _rounded(x):
    """A number, or lists of them inside each other, to three places."""
    return [_rounded(v) for v in x] if isinstance(x, list) else round(x, 3)
