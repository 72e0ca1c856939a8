"""Exercise checks: `check("02.1", thing)` says not done, right, or which mistake it looks like.

Nothing here raises for what a learner wrote: a wrong or missing answer never stops a lesson.
Three kinds. An `Exercise` is a right answer, the inputs to try it on, and its likely mistakes,
each a small function that makes the mistake. Where the learner's answer is not right but agrees
with a mistake on every input, the message names it. An `Open` task measures the answer. A
`Guess` is kept: `guess("02.2")` gives it to the figure, nobody judges it.

`mine("02.1", thing)` is what the lesson goes on with: the learner's own function where it is
right, else the course's. A test runs each mistake and each folded solution through `check`.
"""

import copy
import importlib
import math
import pkgutil
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from r1lab.checks.exercise import Exercise, Guess, Open

EXERCISES: dict[str, Exercise | Guess | Open] = {}  # of every lesson that has a file here
for _lesson in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    if _lesson.startswith("lesson_"):
        EXERCISES |= importlib.import_module(f"{__name__}.{_lesson}").EXERCISES

_GUESSES: dict[str, float] = {}  # of this session


def check(number: str, thing) -> None:
    """Print one line: not done yet, right, or the likely mistake.

    thing: the learner's function, or value. None and `...`, as the answer or as what the
    function returns, mean "not done yet". Raises ValueError for an unknown number alone.
    """
    _, words = _judged(number, thing)
    print(f"{number} {words}")


def guess(number: str) -> float | None:
    """The number a learner handed to `check` as a prediction in this session; None before that."""
    if not isinstance(_exercise(number), Guess):
        raise ValueError(f"exercise {number} is no prediction")
    return _GUESSES.get(number)


def mine(number: str, thing: Callable, ours: Callable | None = None) -> Callable:
    """`thing` if `check` finds it right, else `ours`, by default the exercise's right answer. Says
    in one line which of the two runs from here on."""
    exercise = _exercise(number)
    right, _ = _judged(number, thing)
    if right:
        print(f"{number}: your own {getattr(thing, '__name__', 'answer')} runs from here on.")
        return thing
    print(f"{number}: the course's own version runs from here on.")
    if ours is not None:
        return ours
    return exercise.example if isinstance(exercise, Open) else exercise.right


def _exercise(number: str) -> Exercise | Guess | Open:
    if number not in EXERCISES:
        raise ValueError(f"no exercise {number!r}: choose one of {', '.join(EXERCISES)}")
    return EXERCISES[number]


def _judged(number: str, thing) -> tuple[bool, str]:
    """(whether it is right, the words of the line)."""
    exercise = _exercise(number)
    if isinstance(exercise, Guess):
        return False, _kept(number, exercise, thing)
    if _empty(thing):
        return False, f"not done yet. {exercise.lesson}"
    try:
        judge = _measured if isinstance(exercise, Open) else _compared
        return judge(exercise, thing)
    except Exception as error:  # the learner's code may fail in any way
        return False, f"not right yet: {_failed(error, thing)}"


def _kept(number: str, exercise: Guess, thing) -> str:
    _GUESSES.pop(number, None)
    if _empty(thing):
        return f"not done yet. {exercise.lesson}"
    try:
        value = float(thing)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        return f"a guess is one number ({exercise.unit})."
    _GUESSES[number] = value
    return f"kept: {value:g} {exercise.unit}. {exercise.lesson}"


def _measured(exercise: Open, thing) -> tuple[bool, str]:
    merit, words = exercise.measure(thing)
    if math.isnan(merit):
        return False, f"not done yet. {exercise.lesson}"
    right = merit >= exercise.enough
    return right, f"{'right.' if right else 'not right yet:'} {words}"


def _compared(exercise: Exercise, thing) -> tuple[bool, str]:
    answer = (lambda *_: thing) if exercise.given else thing
    run = exercise.run or (lambda answer, *case: answer(*case) if callable(answer) else answer)
    given = []  # what the learner's function itself gives: None may be right for some inputs

    def seen(*inputs, **more):
        given.append(answer(*inputs, **more))
        return given[-1]

    watched = seen if callable(answer) else answer
    results = [run(watched, *copy.deepcopy(case)) for case in exercise.cases]
    if all(map(_empty, given)) and any(map(_empty, results)):
        return False, f"not done yet. {exercise.lesson}"

    def outcomes(other: Callable) -> list:
        return [run(other, *copy.deepcopy(case)) for case in exercise.cases]

    def agrees(others: list, tolerance: float) -> bool:
        return all(_same(a, b, tolerance) for a, b in zip(results, others, strict=True))

    wanted = outcomes(exercise.right)
    if agrees(wanted, exercise.tolerance):
        return True, f"right. {exercise.tried}"
    near = exercise.tolerance if exercise.near is None else exercise.near
    for mistake, message in exercise.mistakes:
        if agrees(outcomes(mistake), near):
            return False, f"not right yet: {message}"
    return False, f"not right yet: {_difference(exercise, results, wanted)}"


def _empty(result) -> bool:
    """Nothing, `...`, or a table with a place left open."""
    if isinstance(result, dict):
        return any(_empty(value) for value in result.values())
    return result is None or result is ...


def _failed(error: Exception, thing) -> str:
    """The error and the line of the learner's function it happened in."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = Path(__file__).resolve().parents[1] in Path(frames[-1].filename).resolve().parents
    if isinstance(error, ValueError) and ours:  # it says what to do
        return f"{error}."
    inside = [f for f in frames if f.name == getattr(thing, "__name__", "")]
    where = f", at `{inside[-1].line}`" if inside and inside[-1].line else ""
    return f"your code stops{where}: {type(error).__name__}: {error}"


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
            if isinstance(got, Tensor) and isinstance(want, Tensor) and got.shape != want.shape:
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
