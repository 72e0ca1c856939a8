"""What an exercise is. Each lesson's file beside this one lists its own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """One right answer. `right` and the mistakes take the arguments of one of `cases`; `tried` and
    `lesson` finish the sentences "right. ..." and "not done yet. ..."."""

    right: Callable
    cases: tuple[tuple, ...]
    tried: str
    lesson: str
    mistakes: tuple[tuple[Callable, str], ...]
    tolerance: float = 1e-4
    given: bool = False  # a value to compare instead of a function to call
    near: float | None = None  # how near to a mistake a value must be; None: `tolerance`
    run: Callable | None = None  # (answer, *case) -> what is compared; None: answer(*case)


@dataclass(frozen=True)
class Guess:
    """A prediction: one number, kept for the next figure, never right or wrong."""

    unit: str
    lesson: str  # finishes "not done yet. ..." and "kept: 50 percent. ..."


@dataclass(frozen=True)
class Open:
    """Many good answers: `measure` says what one is worth, `enough` what is asked for."""

    measure: Callable[[Callable], tuple[float, str]]  # merit, and the sentence that reports it
    enough: float
    example: Callable
    lesson: str
