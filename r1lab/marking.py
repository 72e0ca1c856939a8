"""A product marked as a question with four choices, and whether its steps lead to it (Kimi k1.5,
2.1: prompts that can be guessed are taken out).

The tiny base has never read a list of choices, so it is shown none: its answer ticks the nearest of
four numbers. Such a question can be guessed, since one tick in four is right whatever was thought.
"""

import random
import re

from r1lab.steps import SUM
from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import Unreadable, read_integer
from r1lab.thoughts import thoughts

CHOICES = 4
APART = 10  # neighbouring choices differ by the target's part in so many


def offered(problem: Problem) -> list[int]:
    """The choices in their order, evenly apart; the right one is any of them, the same for the same
    problem. Raises ValueError for another task than multiplication."""
    if problem.task != "multiplication":
        raise ValueError(f"four choices are made for products, not for {problem.task}")
    apart = max(1, round(problem.target / APART))
    place = random.Random(f"choices-{problem.key}").randrange(CHOICES)
    return [problem.target + (i - place) * apart for i in range(CHOICES)]


def ticked(problem: Problem, answer: str | None) -> bool:
    """Whether the choice nearest to the answer is the right one. Between two of them, and where
    there is no number, it is not."""
    try:
        said = read_integer(answer or "")
    except Unreadable:
        return False
    away = sorted((abs(choice - said), choice != problem.target) for choice in offered(problem))
    (nearest, wrong), (second, _) = away[:2]
    return nearest < second and not wrong


def worked_out(problem: Problem, text: str) -> bool:
    """Whether the thoughts lead to the target by true steps: a product by one digit (with zeros
    behind it) that is the target, or a sum of two results of such products."""
    parts = set()
    for a, op, b, said in SUM.findall(thoughts(text)):
        if op == "*" and re.fullmatch("[1-9]0*", b) and int(a) * int(b) == int(said):
            parts.add(int(said))
        whole = op == "+" and {int(a), int(b)} <= parts and int(a) + int(b) == int(said)
        if int(said) == problem.target and (whole or int(said) in parts):
            return True
    return False
