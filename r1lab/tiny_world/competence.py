"""How well a base does what it can: each habit begun by force, and the line of chance.

A share of habits says what a base does; whether reinforcement learning will strengthen a habit
depends on how often it is right once it is begun.
"""

import math
import random
from itertools import combinations, count, islice

import numpy as np

from r1lab import evaluate, habits, stats
from r1lab.tasks import Problem
from r1lab.tasks.countdown import LARGEST_VALUE, random_steps
from r1lab.tiny_world import habits as ways
from r1lab.tiny_world.words import WORDS

BY_SIZE = {3: ("at random", "in order", "backwards"), 4: ("at random", "sub-goal")}


def begun(
    model, tokenizer, problems: list[Problem], how: evaluate.Sampling
) -> dict[str, evaluate.Answers]:
    """For each habit that problems of this size know: answers that begin with it by force."""
    rng = random.Random(f"begun-{how.seed}")
    found = {}
    for habit in BY_SIZE[len(problems[0].numbers)]:
        first = [beginning(rng, problem, habit) for problem in problems]
        found[habit] = evaluate.answer(model, tokenizer, problems, how, first)
    return found


def by_habit(model, tokenizer, problems: list[Problem], how: evaluate.Sampling) -> dict[str, dict]:
    """For each of these habits: how the answers end that begin with it."""
    found = {}
    for habit, answers in begun(model, tokenizer, problems, how).items():
        read = [habits.read(*one) for one in zip(answers.repeated(), answers.texts, strict=True)]
        found[habit] = evaluate.measure(answers) | {
            "kept": sum(r.name == habit for r in read) / len(read),
            "wrong_sums": _share(read, "wrong_sums", "sums"),
            "false_verdicts": _share(read, "false_verdicts", "verdicts"),
        }
    return found


def _share(read: list, part: str, whole: str) -> float | None:
    of = sum(getattr(r, whole) for r in read)
    return sum(getattr(r, part) for r in read) / of if of else None


def beginning(rng: random.Random, problem: Problem, habit: str) -> str:
    """Thoughts up to where only this habit goes on."""

    def say(word: str) -> str:
        return WORDS["en"][word]

    if habit == "at random":
        while True:
            one = ways.guess(rng, problem)
            if one.value != one.wanted:
                return f"<think>{one.text} vs {problem.target}{say('no')}{say('wait')}"
    numbers = [(n, str(n)) for n in problem.numbers]
    if habit == "sub-goal":  # any first step: the text leaves some out
        text, _ = rng.choice(ways.combined(*rng.sample(numbers, 2)))
        return f"<think>{text}{say('so')}"
    if habit == "in order":
        text, end = next(ways.in_order(numbers, problem.target, say)).text, say("then")
    else:
        text, end = next(ways.backwards(rng, problem, say)).text, say("so")
    return "<think>" + text[: text.index(end) + len(end)]


def forecast(shares: dict[str, float], right: dict[str, float]) -> str | None:
    """The habit that first passes guessing when each share grows as its answers are paid: at the
    rate of its own share of right answers minus the mean: the replicator equation, a simple
    stand-in for GRPO, whose own step moves a rare habit less. None where guessing stays in front.

    shares: of a base's answers, by habit. right: of the answers of each habit, those right.
    """
    held = {habit: share for habit, share in shares.items() if share > 0}
    for _ in range(10_000):
        first = max(held, key=held.__getitem__)
        if first != "guess":
            return first
        mean = sum(held[habit] * right[habit] for habit in held) / sum(held.values())
        held = {h: share * math.exp(0.01 * (right[h] - mean)) for h, share in held.items()}
    return None


def chance(problems: list[Problem], most: int, ks) -> dict[str, float]:
    """pass@k of `most` random guesses a problem: what a base that has learned nothing but the
    rules would reach."""
    rng = random.Random("chance")
    right = []
    for problem in problems:
        drawn = (random_steps(rng, problem.numbers) for _ in count())
        values = [steps[-1].result for steps, _ in islice(filter(None, drawn), most)]
        right.append(values.count(problem.target))
    curve = stats.pass_curve(np.array(right), most, ks)
    return {str(k): float(v) for k, v in zip(ks, curve, strict=True)}


def solutions(problem: Problem) -> int:
    """In how many ways steps like those of `random_steps` reach the target."""

    def ways(numbers: list[int]) -> int:
        if len(numbers) == 1:
            return numbers[0] == problem.target
        found = 0
        for i, j in combinations(range(len(numbers)), 2):
            a, b = sorted((numbers[i], numbers[j]), reverse=True)
            rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
            results = [a + b, a - b, a * b] + ([a // b] if a % b == 0 else [])
            found += sum(ways([*rest, r]) for r in results if 0 < r <= LARGEST_VALUE)
        return found

    return ways(list(problem.numbers))
