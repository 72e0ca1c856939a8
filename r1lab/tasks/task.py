"""What a task is: the few functions that draw, word and judge its problems."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import Found, in_tags


@dataclass(frozen=True)
class Task:
    """A kind of problem. A new one is one file that holds a `TASK`; `arithmetic` shows how.

    Problems come from `draw` or from `data_set`, exactly one of them. What `draw` gives is split
    by a hash (`split_of`), a data set comes split. The judge gives "correct" or another
    of `verify.REASONS` and raises Unreadable for what is no answer. The answer it is given is a
    model's: hostile, of any length. It must go through a reader of `reading` or one as careful.
    """

    name: str  # stands in messages; of a built-in task what `tasks.named` finds it by
    question: Callable[[Problem], str]  # in plain words, and what to give as the answer
    judge: Callable[[Problem, str], str]  # (problem, text of the answer) -> reason
    draw: Callable[[random.Random, int | None], Problem] | None = None  # one of a size
    sizes: tuple[int, ...] = ()  # what `draw` takes, the default first; (): it is given None
    data_set: Callable[[str], list[Problem]] | None = None  # all of "train" or of "test"
    find: Callable[[str], Found] = in_tags  # where in a completion the answer stands
    short: Callable[[Problem], str] | None = None  # in a line; None: the question
    tiny: Callable[[Problem, str], str] | None = None  # the tiny world's prompt, "en" or "zh"
    attempts: bool = False  # whether an equation in the thoughts is a try at the target
    apart: Callable[[Problem], list[str]] = lambda problem: [problem.key]  # see `split_of`

    def __post_init__(self):
        if (self.draw is None) == (self.data_set is None):
            raise ValueError(f"task {self.name!r} needs either draw or data_set")
