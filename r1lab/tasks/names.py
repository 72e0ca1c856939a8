"""The tasks there are, by name: the built-in ones, and the user's own by the path of a file; and
the split that a problem belongs to for good."""

import json
import operator
import zlib
from dataclasses import replace
from functools import cache, wraps

from r1lab import userfile
from r1lab.tasks.arithmetic import ADDITION, MULTIPLICATION
from r1lab.tasks.countdown import COUNTDOWN
from r1lab.tasks.effort import EFFORT
from r1lab.tasks.equality import EQUALITY
from r1lab.tasks.gsm8k import GSM8K
from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import Found, Unreadable
from r1lab.tasks.task import Task

EVERY = (COUNTDOWN, EFFORT, EQUALITY, MULTIPLICATION, ADDITION, GSM8K)
BUILT_IN = {task.name: task for task in EVERY}
GIVES = {  # what the functions of a task must return
    "draw": Problem, "data_set": list, "question": str, "short": str, "tiny": str,
    "find": Found, "judge": str, "apart": list,
}  # fmt: skip


def named(name: str) -> Task:
    """A built-in task, or `TASK` in the user's file where the name ends in `.py`.

    A file is loaded once, so that no edit changes the judge in the middle of a run;
    `tasks.problems`, which a run begins with, loads it anew. Raises ValueError for another name,
    and for a file that is missing, cannot be imported or has no TASK. Where a function of that
    task raises or returns what it must not, there is a ValueError too, which names the file.
    """
    if name.endswith(".py"):
        return _from_file(name)
    if name not in BUILT_IN:
        raise ValueError(
            f"unknown task {name!r}: choose one of {', '.join(BUILT_IN)}, "
            "or give the path of a file that ends in .py"
        )
    return BUILT_IN[name]


def reloaded(name: str) -> Task:
    """As `named`, the user's file loaded anew: it may have been edited since the last run."""
    _from_file.cache_clear()
    return named(name)


def split_of(problem: Problem) -> str:
    """`test` where one of the names that its task keeps apart belongs to a fixed tenth of all
    names, else `train`. Not for a data set, which comes split."""
    names = named(problem.task).apart(problem)
    return "test" if any(zlib.crc32(name.encode()) % 10 == 0 for name in names) else "train"


def fingerprint(name: str) -> str | None:
    """The sha256 of the user's file; None for a built-in task."""
    return userfile.fingerprint(name) if name.endswith(".py") else None


@cache
def _from_file(path: str) -> Task:
    task = getattr(userfile.load(path), "TASK", None)
    if not isinstance(task, Task):
        raise ValueError(f"{path} has no TASK: write TASK = Task(...), see r1lab/tasks/task.py")
    given = {part: getattr(task, part) for part in GIVES}
    guarded = {part: _guarded(path, part, f) for part, f in given.items() if f is not None}
    if task.draw:
        guarded["draw"] = lambda rng, size, draw=guarded["draw"]: _as_read(path, draw(rng, size))
    else:
        every = guarded["data_set"]
        guarded["data_set"] = lambda split: [_as_read(path, p) for p in every(split)]
    return replace(task, **guarded)


def _guarded(path: str, part: str, function):
    """The user's function; but for a judge's Unreadable, what is wrong with it is a ValueError."""
    expected = Unreadable if part == "judge" else ()

    @wraps(function)
    def call(*arguments):
        try:
            given = function(*arguments)
        except expected:
            raise
        except Exception as error:  # whatever the user's code raises
            raise ValueError(f"{path}: {part} raises {userfile.told(error)}") from error
        if not isinstance(given, GIVES[part]):
            wanted, got = GIVES[part].__name__, type(given).__name__
            raise ValueError(f"{path}: {part} must return a {wanted}, not a {got}")
        return given

    return call


def _as_read(path: str, problem: Problem) -> Problem:
    """The problem as it will be read back from records, under the name it is found by."""
    try:
        numbers = tuple(map(operator.index, problem.numbers))
        target = json.loads(json.dumps(problem.target))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: a problem needs integers as numbers and a target that JSON can hold "
            f"({userfile.told(error)})"
        ) from error
    return replace(problem, task=path, numbers=numbers, target=target)
