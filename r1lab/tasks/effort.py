"""Countdown with a wish for effort before the question: low, medium or high (OpenAI o3-mini).

The wish is a mark in front of the prompt, empty lines in the tiny world. What it means, only the
reward says (`rewards.effort_price`): tokens have a price, and the price depends on the mark.
"""

import random
from dataclasses import replace

from r1lab.tasks.countdown import COUNTDOWN
from r1lab.tasks.problem import Problem
from r1lab.tasks.task import Task

MARKS = {"low": "\n\n", "medium": "\n", "high": ""}  # effort -> what stands before the prompt


def with_effort(problem: Problem, effort: str) -> Problem:
    """A Countdown problem with that wish; also one that had another. Raises KeyError for another
    word."""
    MARKS[effort]
    numbers = ", ".join(map(str, problem.numbers))
    question = f"{effort}: reach {problem.target} from {numbers}"
    return replace(problem, task="effort", question=question)


def effort_of(question: str) -> str:
    """The wish in a question."""
    return question.partition(":")[0]


def _draw(rng: random.Random, size: int) -> Problem:
    return with_effort(COUNTDOWN.draw(rng, size), rng.choice(list(MARKS)))


EFFORT = Task(
    name="effort",
    draw=_draw,
    sizes=COUNTDOWN.sizes,
    question=lambda p: f"Effort: {effort_of(p.question)}. {COUNTDOWN.question(p)}",
    short=lambda problem: problem.question,
    judge=COUNTDOWN.judge,
    tiny=lambda p, language: MARKS[effort_of(p.question)] + COUNTDOWN.tiny(p, language),
    attempts=True,
    apart=COUNTDOWN.apart,
)
