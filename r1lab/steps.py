"""A completion cut into steps, and whether each was a good one (DeepSeek-R1, 4.2).

The report's first objection to a judge of steps is that a step is hard to define, its second that
it is hard to say whether one is right. Countdown has neither problem: a step is a sum, `13-5=8`,
and it is good where the target can still be reached with the numbers that are left, which can be
worked out. The answer is the last step. What this cannot read is no step: steps back from the
target (`22-7=15 so`) use a number that is not there, so they count as bad ones.

The text is hostile input: nothing is evaluated, and the work on it is bounded.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

from r1lab.tasks.problem import Problem
from r1lab.verify import verify

MOST = 4  # numbers of a problem; the search for a way grows with their factorial
SUM = re.compile(
    r"(?<![0-9.=*/+-])([0-9]{1,6}) ?([-+*/]) ?([0-9]{1,6}) ?= ?([0-9]{1,6})(?![0-9.]|[ ]?[-+*/=])"
)
Numbers = tuple[Fraction, ...]


@dataclass(frozen=True)
class Step:
    """One step. end: characters of the completion up to and with it. left: the numbers that are
    left behind it, sorted; () where it broke a rule, and behind the answer. good: whether the
    target can still be reached; of the answer whether it is right. fresh: whether it stands on a
    good state for the first time: no other step before it led there."""

    end: int
    left: Numbers
    good: bool
    fresh: bool = True


def read(problem: Problem, text: str) -> list[Step]:
    """The steps of a completion, sums in its thoughts and then the answer, in their order.

    A sum goes on from the latest state that has both its numbers: behind `13-5=8; 8*4=32 no;` a
    `8+4=12` goes on from 13-5=8 again. Raises ValueError for another task than Countdown and for
    more than `MOST` numbers, never for a completion.
    """
    if problem.task != "countdown" or len(problem.numbers) > MOST:
        raise ValueError(f"steps are read in Countdown of up to {MOST} numbers alone")
    path = [_sorted(problem.numbers)]  # states, each one sum behind the one before
    seen = {path[0]}
    found = []
    for match in SUM.finditer(text, 0, _thoughts_end(text)):
        left = _behind(match, path)
        good = bool(left) and reachable(left, problem.target)
        found.append(Step(match.end(), left, good, left not in seen))
        seen.add(left)
    verdict = verify(problem, text)
    if verdict.answer is not None:
        found.append(Step(text.find("</answer>") + len("</answer>"), (), verdict.correct))
    return found


def _thoughts_end(text: str) -> int:
    ends = [at for tag in ("</think>", "<answer>") if (at := text.find(tag)) >= 0]
    return ends[0] if ends else len(text)


def _behind(match: re.Match, path: list[Numbers]) -> Numbers:
    """The numbers left behind a sum, and `path` up to there; () and the path as it was for a sum
    that is wrong or has a number that is nowhere."""
    a, op, b, result = match.groups()
    a, b, result = Fraction(int(a)), Fraction(int(b)), Fraction(int(result))
    used = Counter((a, b))
    for depth in range(len(path) - 1, -1, -1):
        free = Counter(path[depth])
        if used <= free and (a, b, op, result) in _true(a, b, op):
            del path[depth + 1 :]
            path.append(_sorted([*(free - used).elements(), result]))
            return path[-1]
    return ()


def _true(a: Fraction, b: Fraction, op: str) -> Iterator[tuple]:
    for sign, value in results(a, b):
        if sign == op:
            yield a, b, op, value


def results(a: Fraction, b: Fraction) -> list[tuple[str, Fraction]]:
    """What `a op b` gives for each sign, without a division by zero."""
    found = [("+", a + b), ("-", a - b), ("*", a * b)]
    return found + ([("/", a / b)] if b else [])


def reachable(numbers: Sequence[Fraction | int], target: int) -> bool:
    """Whether the target can be reached with all of these numbers and + - * /, fractions on the way
    allowed. Raises ValueError for none and for more than `MOST`."""
    if not 1 <= len(numbers) <= MOST:
        raise ValueError(f"from 1 to {MOST} numbers can be worked through, not {len(numbers)}")
    return _reachable(_sorted(numbers), Fraction(target))


@lru_cache(maxsize=200_000)
def _reachable(numbers: Numbers, target: Fraction) -> bool:
    if len(numbers) == 1:
        return numbers[0] == target
    return any(_reachable(left, target) for left in after(numbers))


def after(numbers: Numbers) -> set[Numbers]:
    """All states that one sum of two of the numbers leads to."""
    found = set()
    for i, j in combinations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        for a, b in ((numbers[i], numbers[j]), (numbers[j], numbers[i])):
            found |= {_sorted([*rest, value]) for _, value in results(a, b)}
    return found


def _sorted(numbers: Sequence) -> Numbers:
    return tuple(sorted(map(Fraction, numbers)))
