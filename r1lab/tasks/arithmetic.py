"""Multiplication and addition of two numbers: one right answer, and no free check.

Only where there is no free check does a majority vote mean anything. Multiplication is one of
the two tasks of TinyZero; addition is for the smallest real language model.
"""

import random

from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import in_tags_or_last_number, read_integer
from r1lab.tasks.task import Task

TINY = {
    "en": "User: compute {a}*{b}.\nAssistant: ",
    "zh": "用户：计算 {a}*{b}。\n助手：",
}


def draw_multiplication(rng: random.Random, digits: int = 1) -> Problem:
    """A two-digit number times a number of one digit (3-9) or of two digits (11-99)."""
    a = rng.randint(11, 99)
    b = rng.randint(3, 9) if digits == 1 else rng.randint(11, 99)
    return Problem("multiplication", (a, b), a * b)


def _draw_addition(rng: random.Random, digits: int) -> Problem:
    a = rng.randint(10, 99)
    b = rng.randint(10, 99)
    return Problem("addition", (a, b), a + b)


def _question(problem: Problem, sign: str) -> str:
    a, b = problem.numbers
    return f"What is {a} {sign} {b}? Give only the number as the answer."


def _short(problem: Problem, sign: str) -> str:
    return f" {sign} ".join(map(str, problem.numbers))


def _tiny(problem: Problem, language: str) -> str:
    a, b = problem.numbers
    return TINY[language].format(a=a, b=b)


def _judge(problem: Problem, answer: str) -> str:
    return "correct" if read_integer(answer) == problem.target else "wrong value"


MULTIPLICATION = Task(
    name="multiplication",
    draw=draw_multiplication,
    sizes=(2, 1),  # digits of the second factor
    question=lambda problem: _question(problem, "*"),
    short=lambda problem: _short(problem, "x"),
    judge=_judge,
    tiny=_tiny,
    attempts=True,
)
ADDITION = Task(
    name="addition",
    draw=_draw_addition,
    sizes=(2,),  # digits of both
    question=lambda problem: _question(problem, "+"),
    short=lambda problem: _short(problem, "+"),
    judge=_judge,
    find=in_tags_or_last_number,
    attempts=True,
)
