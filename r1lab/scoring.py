"""What reward functions give a batch: called alike, checked, weighed."""

import math
import reprlib
from collections.abc import Callable
from numbers import Real

from r1lab import userfile

Reward = Callable[..., list[float]]  # in TRL's contract, see `rewards`


def score(
    functions: list[Reward], weights: list[float], **columns
) -> tuple[list[float], dict[str, list[float]]]:
    """The weighted total of each completion, and each function's values by its name.

    `columns` is what the functions are called with; `completions` must be among it. Raises
    ValueError where there is not one weight a function, where a function raises, and where it
    does not give one finite number a completion.
    """
    if len(functions) != len(weights):
        raise ValueError(
            f"{len(functions)} reward functions need as many weights, not {len(weights)}"
        )
    parts = {function.__name__: _values(function, columns) for function in functions}
    if len(parts) != len(functions):
        raise ValueError("two reward functions have one name: the log could not tell them apart")
    totals = [
        sum(w * v for w, v in zip(weights, row, strict=True))
        for row in zip(*parts.values(), strict=True)
    ]
    return totals, parts


def _values(function: Reward, columns: dict) -> list[float]:
    """What one reward function gives, as floats."""
    name = f"reward {function.__name__!r}"
    n = len(columns["completions"])
    try:
        given = function(**columns)
    except Exception as error:  # whatever the user's code raises
        raise ValueError(f"{name} raises {userfile.told(error)}") from error
    try:
        given = list(given)
    except Exception as error:
        raise ValueError(f"{name} gave {type(given).__name__}, not a list of numbers") from error
    if len(given) != n:
        raise ValueError(f"{name} gave {len(given)} values for {n} completions")
    values = [_number(value) for value in given]
    if None in values:
        place = values.index(None)
        what = reprlib.repr(given[place])
        raise ValueError(f"{name} gave {what} for completion {place + 1}, not a finite number")
    return values


def _number(value) -> float | None:
    """A number of Python, numpy or torch as a float; None for all else, infinities and NaN."""
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    try:
        found = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:  # an integer beyond the largest float
        return None
    return found if math.isfinite(found) else None
