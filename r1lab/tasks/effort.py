"""Countdown with a wish for effort in the question: low, medium or high (OpenAI o3-mini).

The wish is a mark behind the numbers, line breaks in the tiny world. What it means, only the reward
says (`rewards.effort_price`): tokens have a price, and the price depends on the mark. (In front of
the prompt, far from where the answer begins, the mark was not learned in three trials.)
"""

import random
from dataclasses import replace

from r1lab.tasks.countdown import COUNTDOWN, TINY, listed
from r1lab.tasks.problem import Problem
from r1lab.tasks.task import Task

MARKS = {"low": "\n\n", "medium": "\n", "high": ""}  # effort -> what stands behind the numbers


def with_effort(problem: Problem, effort: str) -> Problem:
    """A Countdown problem with that wish; also one that had another. Raises KeyError for another
    word."""
    MARKS[effort]
    question = f"{effort}: reach {problem.target} from {listed(problem)}"
    return replace(problem, task="effort", question=question)


def effort_of(question: str) -> str:
    """The wish in a question."""
    return question.partition(":")[0]


def _tiny(problem: Problem, language: str) -> str:
    numbers = listed(problem) + MARKS[effort_of(problem.question)]
    return TINY[language].format(target=problem.target, numbers=numbers)


def _draw(rng: random.Random, size: int) -> Problem:
    return with_effort(COUNTDOWN.draw(rng, size), rng.choice(list(MARKS)))


EFFORT = Task(
    name="effort",
    draw=_draw,
    sizes=COUNTDOWN.sizes,
    question=lambda p: f"Effort: {effort_of(p.question)}. {COUNTDOWN.question(p)}",
    short=lambda problem: problem.question,
    judge=COUNTDOWN.judge,
    tiny=_tiny,
    attempts=True,
    apart=COUNTDOWN.apart,
)
