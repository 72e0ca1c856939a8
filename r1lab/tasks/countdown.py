"""Countdown: reach a target with three or four numbers, `+ - * /`, every number exactly once.

A solution is easy to check and hard to find. One of the two tasks of TinyZero.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import read_expression
from r1lab.tasks.task import Task

LARGEST_NUMBER = 15  # numbers are 1..15
TARGETS = range(10, 100)
LARGEST_VALUE = 199  # the largest intermediate value in the tiny world's text
TINY = {
    "en": "User: reach {target} from {numbers}.\nAssistant: ",
    "zh": "用户：得到 {target} 用 {numbers}。\n助手：",
}


@dataclass(frozen=True)
class Step:
    """One operation on two integers with an integer result: `a op b = result`."""

    a: int
    op: str
    b: int
    result: int

    def __str__(self) -> str:
        return f"{self.a}{self.op}{self.b}={self.result}"


def random_steps(rng: random.Random, numbers: Sequence[int]) -> tuple[list[Step], str] | None:
    """Combine two of `numbers` at random until one value is left.

    Returns the steps and the expression they amount to, or None where chance led
    nowhere. Like a careful pupil it keeps to positive integers up to `LARGEST_VALUE`
    and writes the larger number first; the judge is wider than this.
    """
    pool = [(n, str(n)) for n in numbers]
    steps = []
    while len(pool) > 1:
        i, j = rng.sample(range(len(pool)), 2)
        (a, left), (b, right) = pool[i], pool[j]
        if a < b:
            a, left, b, right = b, right, a, left
        results = {"+": a + b, "-": a - b, "*": a * b}
        if a % b == 0:
            results["/"] = a // b
        op = rng.choice(list(results))
        result = results[op]
        if not 0 < result <= LARGEST_VALUE:
            return None
        steps.append(Step(a, op, b, result))
        left = left if left.isdigit() else f"({left})"
        right = right if right.isdigit() else f"({right})"
        pool = [x for k, x in enumerate(pool) if k not in (i, j)]
        pool.append((result, f"{left}{op}{right}"))
    return steps, pool[0][1]


def draw_with_solution(rng: random.Random, size: int = 3) -> tuple[Problem, list[Step], str]:
    """A problem that can be solved, with one of its solutions: steps and expression."""
    while True:
        numbers = tuple(rng.randint(1, LARGEST_NUMBER) for _ in range(size))
        drawn = random_steps(rng, numbers)
        if drawn and drawn[0][-1].result in TARGETS:
            steps, expression = drawn
            return Problem("countdown", numbers, steps[-1].result), steps, expression


def _question(problem: Problem) -> str:
    return (
        f"Using the numbers {listed(problem)}, write an expression that equals {problem.target}. "
        "You may use + - * / and parentheses, and must use every number exactly once. "
        "Give only the expression as the answer."
    )


def _tiny(problem: Problem, language: str) -> str:
    return TINY[language].format(target=problem.target, numbers=listed(problem))


def listed(problem: Problem) -> str:
    """Its numbers as a prompt has them."""
    return ", ".join(map(str, problem.numbers))


def _apart(problem: Problem) -> list[str]:
    """Every three of its numbers. So all problems on the same three are of one split, and those
    three stand together in no problem of the other: neither posed, nor on the way to something."""
    threes = combinations(sorted(problem.numbers), 3)
    return [f"countdown:{a},{b},{c}" for a, b, c in threes]


def _judge(problem: Problem, answer: str) -> str:
    """The answer is an expression with each number exactly once that equals the target."""
    value, used = read_expression(answer)
    if sorted(used) != sorted(problem.numbers):
        return "wrong numbers"
    return "correct" if value == problem.target else "wrong value"


COUNTDOWN = Task(
    name="countdown",
    draw=lambda rng, size: draw_with_solution(rng, size)[0],
    sizes=(3, 4),  # numbers
    question=_question,
    short=lambda problem: f"reach {problem.target} from {listed(problem)}",
    judge=_judge,
    tiny=_tiny,
    attempts=True,
    apart=_apart,
)
