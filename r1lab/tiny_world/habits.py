"""The habits of thinking in the tiny world: ways to look for a solution of Countdown.

A habit yields tries, one after the other, each up to where its value is judged. What a text
says is always true.

* `guess`: one random way to combine the numbers.
* `at_random`: guess after guess, no guess twice.
* `in_order`: three numbers, every way in a fixed order, the first step shared. It always finds,
  and then says its two steps together (`Then 13*2=26, 26-5=21`): a base of this size does not put
  an answer together from steps that stand far apart.
* `backwards`: from the target by one number and there again (`22-7=15, 15+7=22 so`), then the other
  two in order (`5*3=15 vs 15 yes. Then 15+7=22`). Without the way there, said twice, a base of
  this size finds 15 and then takes the wrong sign.
* `sub_goal`: two of four numbers together first (`14*3=42 so`), then the three values in order;
  each new step from them stands behind that first one again. Ends as `in_order` does.
"""

import random
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import NamedTuple

from r1lab.tasks.countdown import LARGEST_NUMBER, LARGEST_VALUE, random_steps
from r1lab.tasks.names import split_of
from r1lab.tasks.problem import Problem


class Try(NamedTuple):
    """text: what is written before the verdict. answer: the expression that it amounts to.
    value: what is compared with `wanted`. pause: behind it a search may be given up. close: what
    is said again where the search ends well: the step from `wanted` to the target, or all steps."""

    text: str
    answer: str
    value: int
    wanted: int
    pause: bool = True
    close: str = ""


def guess(rng: random.Random, problem: Problem) -> Try:
    """One random way to combine the numbers; not one whose last two steps alone would work out a
    problem of the test split (`7-6=1, 14*3=42, 42+1=43` that on 14, 3, 1)."""
    while True:
        drawn = random_steps(rng, problem.numbers)
        if not drawn or any(map(_kept, _left(problem.numbers, drawn[0]))):
            continue
        steps, answer = drawn
        text = ", ".join(map(str, steps))
        return Try(text, answer, steps[-1].result, problem.target)


def _left(numbers, steps) -> Iterator[tuple]:
    """The three values that are left of four numbers by each step from two of them."""
    if len(numbers) == 4:
        for step in steps:
            both, free = Counter((step.a, step.b)), Counter(numbers)
            if both <= free:
                yield *(free - both).elements(), step.result


def _kept(values: tuple) -> bool:
    """Whether three values are the numbers of problems of the test split."""
    small = max(values) <= LARGEST_NUMBER
    return small and split_of(Problem("countdown", values, 0)) == "test"


def at_random(rng: random.Random, problem: Problem, say) -> Iterator[Try]:
    """Guesses, none twice in whatever order of its steps, until no new one comes. say(word) gives
    a word of thinking."""
    seen = set()
    for _ in range(400):
        one = guess(rng, problem)
        *steps, last = one.text.split(", ")
        if (same := (*sorted(steps), last)) not in seen:
            again = _again(rng, say) if seen else ""
            seen.add(same)
            yield one._replace(text=again + one.text)


def in_order(numbers, target: int, say, before: str = "") -> Iterator[Try]:
    """Every way to combine three values, none twice; `numbers`: (value, expression) each. before:
    stands before every first step."""
    seen = set()
    for i, j in combinations(range(3), 2):
        third = numbers[3 - i - j]
        for first, x in combined(numbers[i], numbers[j]):
            if (first, third[0]) in seen:  # two numbers are equal
                continue
            seen.add((first, third[0]))
            begin = before + first + say("then")
            for second, (value, answer) in combined(x, third):
                both = f"{before}{first}, {second}"
                yield Try(begin + second, answer, value, target, pause=False, close=both)
                begin = ""


def backwards(rng: random.Random, problem: Problem, say) -> Iterator[Try]:
    """From the target by one of three numbers, in random order and none twice, then the other two;
    behind each step back a pause."""
    numbers = [(n, str(n)) for n in problem.numbers]
    found = [(i, *step) for i, (n, _) in enumerate(numbers) for step in _inverse(problem.target, n)]
    steps = list({text: (i, text, *step) for i, text, *step in found}.values())
    rng.shuffle(steps)
    again = ""
    for i, back, want, close, whole in steps:
        begin = f"{again}{back}, {close}{say('so')}"
        pairs = combined(*(numbers[:i] + numbers[i + 1 :]))
        for k, (text, (value, answer)) in enumerate(pairs, 1):
            last = k == len(pairs)
            yield Try(begin + text, whole(answer), value, want, last, close)
            begin = ""
        again = _again(rng, say)


def sub_goal(rng: random.Random, problem: Problem, say) -> Iterator[Try]:
    """Two of four numbers together first, in random order and none twice, then the three values in
    order; behind each first step a pause. Left out is one after which a problem of the test split
    would be worked out."""
    steps = {}
    for i, j in combinations(range(4), 2):
        both, rest = (problem.numbers[i], problem.numbers[j]), list(problem.numbers)
        rest.remove(both[0])
        rest.remove(both[1])
        for text, made in combined(*((n, str(n)) for n in both)):
            steps[text] = both, [made, *((n, str(n)) for n in rest)]
    steps = list(steps.items())
    rng.shuffle(steps)
    again = ""
    for first, (both, values) in steps:
        joined = [(*both, value) for _, (value, _) in combined(*values[1:])]
        if any(map(_kept, [tuple(n for n, _ in values), *joined])):
            continue
        before = f"{first}, "
        tries = list(in_order(values, problem.target, say, before))
        start = again + first + say("so") + tries[0].text.removeprefix(before)
        tries[0] = tries[0]._replace(text=start)
        yield from tries[:-1]
        yield tries[-1]._replace(pause=True)
        again = _again(rng, say)


def _again(rng: random.Random, say) -> str:
    return say("wait" if rng.random() < 0.7 else "try")


def combined(x: tuple[int, str], y: tuple[int, str]) -> list[tuple[str, tuple[int, str]]]:
    """Every step from two values to one, as text and as (value, expression)."""
    (a, left), (b, right) = sorted((x, y), key=lambda v: -v[0])
    results = {"+": a + b, "-": a - b, "*": a * b}
    if a % b == 0 and b > 1:  # by 1: the same as times 1
        results["/"] = a // b
    left, right = _bracketed(left), _bracketed(right)
    return [
        (f"{a}{op}{b}={value}", (value, f"{left}{op}{right}"))
        for op, value in results.items()
        if 0 < value <= LARGEST_VALUE
    ]


def _inverse(target: int, n: int) -> list[tuple]:
    """Steps from the target back by `n`: text, value that is then wanted, the step from there to
    the target, the whole expression."""
    t = target
    ways = [
        (f"{t}-{n}", t - n, "{e}+{n}"),
        (f"{t}+{n}", t + n, "{e}-{n}"),
        (f"{n}-{t}", n - t, "{n}-{e}"),
        (f"{t}/{n}", t // n if t % n == 0 and n > 1 else 0, "{e}*{n}"),
        (f"{t}*{n}", t * n if n > 1 else 0, "{e}/{n}"),
    ]
    return [
        (f"{text}={want}", want, f"{way.format(e=want, n=n)}={t}", partial(_whole, way, n))
        for text, want, way in ways
        if 0 < want <= LARGEST_VALUE
    ]


def _whole(way: str, n: int, expression: str) -> str:
    return way.format(e=_bracketed(expression), n=n)


def _bracketed(expression: str) -> str:
    return expression if expression.isdigit() else f"({expression})"
