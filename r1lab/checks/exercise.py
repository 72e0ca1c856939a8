"""What an exercise is. Each lesson's file beside this one lists its own."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """`right` and the mistakes take the arguments of one of `cases`. `tried` and `lesson`
    finish the sentences "right. ..." and "not done yet. ..."."""

    right: Callable
    cases: tuple[tuple, ...]
    tried: str
    lesson: str
    mistakes: tuple[tuple[Callable, str], ...]
    tolerance: float = 1e-4
    given: bool = False  # a value to compare instead of a function to call
    near: float | None = None  # how near to a mistake a value must be; None: `tolerance`
