"""Are two expressions equal? A task for judges (Kimi k1.5, 2.3.5: is an answer the reference one?).

Sides are grown from a value: `32` becomes `8*4`, and that `(13-5)*4`. The right side is one of two
twins that differ by a swapped sign, a moved bracket or a number off by one, and so in value. One
coin says which twin stands there, another which of the two values the left side is grown from:
equal where the coins agree. So neither side alone says anything about the answer.
"""

import random
import re
from collections.abc import Callable
from fractions import Fraction

from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import BLANK, Unreadable, check_length
from r1lab.tasks.task import Task

VALUES = range(2, 100)  # that a side is grown from
LARGEST = 199  # of any number and result: one token of the tiny world
SMALL = range(1, 16)  # what is added, taken away, multiplied or divided by when a side grows
SIGNS = "+-*/"
SUM = re.compile(r"([0-9]+)([-+*/])([0-9]+)")
INNER = re.compile(rf"\({SUM.pattern}\)")
BRACKETS = (  # a bracket, and what to replace it with to move it
    (re.compile(r"\((\d+.)(\d+)\)(.\d+)"), r"\1(\2\3)"),
    (re.compile(r"(\d+.)\((\d+)(.\d+)\)"), r"(\1\2)\3"),
)
TINY = {
    "en": "User: compute {posed}.\nAssistant: ",
    "zh": "用户：计算 {posed}。\n助手：",
}


def worked(text: str) -> list[str]:
    """The steps of an expression, innermost first: `(13-5)*4` gives `13-5=8`, `8*4=32`; a number
    gives none.

    Raises ValueError for an expression that lacks a bracket, and where a step leaves the whole
    numbers from 1 to `LARGEST`.
    """
    steps = []
    while not text.isdigit():
        found = INNER.search(text) or SUM.fullmatch(text)
        if not found:
            raise ValueError(f"{text} is no expression with all its brackets")
        result = str(_result(*found.groups()))
        steps.append("".join(found.groups()) + "=" + result)
        text = text[: found.start()] + result + text[found.end() :]
    return steps


def _result(first: str, sign: str, second: str) -> int:
    a, b = int(first), int(second)
    found = Fraction(a, b or 1) if sign == "/" else {"+": a + b, "-": a - b, "*": a * b}[sign]
    if found.denominator > 1 or not all(0 < n <= LARGEST for n in (a, b, found)):
        raise ValueError(f"{a}{sign}{b} leaves the whole numbers from 1 to {LARGEST}")
    return int(found)


def value(text: str) -> int:
    """Of an expression or a number. Raises ValueError as `worked` does."""
    return int((worked(text) or [text])[-1].rpartition("=")[2])


def grown(rng: random.Random, value: int, size: int) -> str:
    """An expression of `size` numbers with that value; the number itself for one."""
    text = str(value)
    for _ in range(size - 1):
        text = _replaced(rng, text, "[0-9]+", lambda n: f"({_parted(rng, int(n))})")
    return text[1:-1] if size > 1 else text


def _parted(rng: random.Random, n: int) -> str:
    """n as a sum, a difference, a product or a quotient, each as likely where there is one."""
    ways = {
        "+": [(n - b, b) for b in SMALL if b < n],
        "-": [(n + b, b) for b in SMALL if n + b <= LARGEST],
        "*": [(n // b, b) for b in SMALL if 1 < b < n and n % b == 0],
        "/": [(n * b, b) for b in SMALL if b > 1 and n * b <= LARGEST],
    }
    sign = rng.choice([sign for sign in SIGNS if ways[sign]])
    a, b = rng.choice(ways[sign])
    if sign in "+*":
        a, b = max(a, b), min(a, b)
    return f"{a}{sign}{b}"


def twin(rng: random.Random, text: str) -> str:
    """An expression of another value that looks much the same."""
    while True:
        found = rng.choice(CHANGES)(rng, text)
        try:
            if value(found) != value(text):
                return found
        except ValueError:  # it leaves the numbers that are allowed
            continue


def _swapped(rng: random.Random, text: str) -> str:
    return _replaced(rng, text, "[-+*/]", lambda sign: rng.choice(SIGNS))


def _nudged(rng: random.Random, text: str) -> str:
    return _replaced(rng, text, "[0-9]+", lambda number: str(int(number) + rng.choice((-1, 1))))


def _moved(rng: random.Random, text: str) -> str:
    for bracket, moved in BRACKETS:
        if bracket.fullmatch(text):
            return bracket.sub(moved, text)
    return text


CHANGES = (_swapped, _nudged, _moved)


def _replaced(rng: random.Random, text: str, piece: str, by: Callable[[str], str]) -> str:
    """The text with one such piece of it replaced, where it has one."""
    spots = list(re.finditer(piece, text))
    if not spots:
        return text
    spot = rng.choice(spots)
    return text[: spot.start()] + by(spot[0]) + text[spot.end() :]


def sides(problem: Problem) -> list[str]:
    """The two expressions."""
    return problem.question.split(" vs ")


def _draw(rng: random.Random, size: int) -> Problem:
    right = grown(rng, rng.choice(VALUES), rng.randint(1, size))
    twins = [right, twin(rng, right)]
    agrees, stands = rng.random() < 0.5, rng.random() < 0.5
    wanted = value(twins[agrees == stands])
    left = grown(rng, wanted, rng.randint(2, size))
    posed = f"{left} vs {twins[stands]}"
    numbers = tuple(map(int, re.findall("[0-9]+", posed)))
    return Problem("equality", numbers, "yes" if agrees else "no", posed)


def _apart(problem: Problem) -> list[str]:
    """Each side by its steps, whatever stands first in a sum or product: what one split knows, no
    problem of the other has on either side."""
    return [f"equality:{canonical(side)}" for side in sides(problem) if not side.isdigit()]


def canonical(text: str) -> str:
    """The same for expressions that differ only in what stands first in a sum or product."""
    steps = (SUM.match(step).groups() for step in worked(text))
    return ";".join(sorted(
        sign.join(sorted((a, b)) if sign in "+*" else (a, b)) for a, sign, b in steps
    ))  # fmt: skip


def _judge(problem: Problem, answer: str) -> str:
    """The answer is `yes` or `no`, a full stop behind it allowed."""
    check_length(answer)
    said = answer.strip(BLANK).removesuffix(".")
    if said not in ("yes", "no"):
        raise Unreadable("is neither yes nor no")
    return "correct" if said == problem.target else "wrong value"


EQUALITY = Task(
    name="equality",
    draw=_draw,
    sizes=(3, 2),  # numbers of a side at most
    question=lambda p: "Are {} and {} equal? Answer yes or no.".format(*sides(p)),
    short=lambda problem: problem.question,
    judge=_judge,
    tiny=lambda problem, language: TINY[language].format(posed=problem.question),
    apart=_apart,
)
