"""Exercises of lesson 07: the exact label of a step, what a sum of rewards makes, labels from
rollouts, a wrong path that the judge loves, a value by hand that beats the learned one."""

import operator
import random
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations

from r1lab import games, prm, steps, tasks, value
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.tasks import Problem

CASES = (
    ((8, 4), 32), ((8, 4), 2), ((4, 8), 2), ((8, 4), 3), ((3, 3), 0), ((14, 8, 4), 28),
    ((14, 8, 4), 29), ((4, 8, 14), 28), ((6, 4, 1), 12), ((1, 3, 7), 4), ((5,), 5), ((5,), 6),
    ((3, 8, 8), 3), ((8, 4, 14), 32), ((5, 2), 2), ((3, 5), 3), ((1, 5, 5), 1), ((8, 8, 3), 50),
)  # fmt: skip
ASKED, LIMIT = 24, 600  # problems; characters of a completion
SUMS = 12  # that a value by hand may work out for a state
STATES = 300


def _one_way(numbers, target) -> bool:
    """Forgets that a-b and b-a, a/b and b/a are two."""
    if len(numbers) == 1:
        return numbers[0] == target
    for i, j in combinations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        made = [v for _, v in steps.results(Fraction(numbers[i]), Fraction(numbers[j]))]
        if any(_one_way([*rest, v], target) for v in made):
            return True
    return False


def _in_a_row(numbers, target) -> bool:
    """Works from left to right only in the order given."""
    found = {Fraction(numbers[0])}
    for n in numbers[1:]:
        found = {v for a in found for _, v in steps.results(a, Fraction(n))}
    return target in found


def _some(numbers, target) -> bool:
    """Does not ask for all numbers."""
    sizes = range(1, len(numbers) + 1)
    return any(steps.reachable(some, target) for k in sizes for some in combinations(numbers, k))


def _whole(numbers, target) -> bool:
    """Divides with //."""
    if len(numbers) == 1:
        return numbers[0] == target
    for i, j in permutations(range(len(numbers)), 2):
        a, b = numbers[i], numbers[j]
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        for v in [a + b, a - b, a * b, *([a // b] if b else [])]:
            if _whole([*rest, v], target):
                return True
    return False


@cache
def _judge() -> prm.Judge:
    return prm.load("exact")


@cache
def _posed() -> tuple[Problem, ...]:
    return tuple(tasks.problems("countdown", ASKED, 7, "train", 3))


def _loved(build) -> tuple[float, str]:
    """By how much the judge overrates the steps of built completions: its mean probability,
    percent, less the share of steps that are good."""
    texts = [build(problem) for problem in _posed()]
    if any(text in (None, ...) for text in texts):
        return float("nan"), ""
    texts = [str(text)[:LIMIT] for text in texts]
    read = [steps.read(*pair) for pair in zip(_posed(), texts, strict=True)]
    if not all(read):
        return 0.0, "a completion has no step: write sums, such as <think>3+5=8."
    prompts = [tasks.prompt(problem, "tiny") for problem in _posed()]
    said = prm.scores(_judge(), prompts, texts, [[step.end for step in one] for one in read])
    liked = [sum(one) / len(one) for one in said]
    good = [sum(step.good for step in one) / len(one) for one in read]
    liked, good = (100 * sum(rows) / len(rows) for rows in (liked, good))
    return liked - good, (
        f"the judge gives your steps {liked:.0f} % on average, {good:.0f} % of them are good: "
        f"{liked - good:.0f} points too much (n = {ASKED} problems, {LIMIT} characters at most)."
    )


def _loop(problem: Problem) -> str:
    a, b, _ = problem.numbers
    goal = problem.target
    return "<think>" + f"{a}+{b}={goal} vs {goal} yes. Then " * 6


class Counted(int):
    """A whole number that counts what is worked out with it. `left`: how often that is allowed."""

    left = SUMS

    @property
    def numerator(self):  # what Fraction asks for
        raise ValueError("work with the numbers as they come: a Fraction of them is not counted")

    def __new__(cls, value):
        return super().__new__(cls, value)


def _counting(name: str):
    plain = getattr(operator, name)

    def work(self, other):
        return _spend(plain(int(self), int(other)))

    def turned(self, other):
        return _spend(plain(int(other), int(self)))

    return work, turned


def _spend(found):
    Counted.left -= 1
    if Counted.left < 0:
        raise ValueError(f"a state may have {SUMS} sums, products, differences and divisions")
    return Counted(found) if isinstance(found, int) else found


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    _here, _there = _counting(_name)
    setattr(Counted, f"__{_name}__", _here)
    setattr(Counted, f"__r{_name}__", _there)


@cache
def states() -> tuple[tuple[games.Sums, tuple[tuple[int, ...], int, bool]], ...]:
    """States behind first sums of problems of four numbers, each with its three numbers, the target
    and whether it can be reached; as many of both."""
    rng = random.Random("states-07")
    found: dict[bool, list] = {True: [], False: []}
    for problem in tasks.problems("countdown", 200, 7, "train", 4):
        moves = games.moves(games.start(problem))
        for state in rng.sample(moves, min(6, len(moves))):
            left = tuple(number for number, _ in state.values)
            mark = steps.reachable(left, problem.target)
            found[mark].append((state, (left, problem.target, mark)))
    half = STATES // 2
    return tuple(found[True][:half] + found[False][:half])


@cache
def learned_auc() -> float:
    """How often the learned judge tells a good one of two `states` from a bad one, percent."""
    posed = [state for state, _ in states()]
    prompts = [tasks.prompt(state.problem, "tiny") for state in posed]
    texts = [state.text for state in posed]
    said = prm.scores(_judge(), prompts, texts, [[len(text)] for text in texts])
    return 100 * value.auc([p for (p,) in said], [row[2] for _, row in states()])


def _told(judge) -> tuple[float, str]:
    """By how many points of AUC a value by hand beats the learned judge."""
    said = []
    for _, (left, target, _) in states():
        Counted.left = SUMS
        found = judge(tuple(map(Counted, left)), Counted(target))
        if found is None or found is ...:
            return float("nan"), ""
        said.append(float(found))
    ours = 100 * value.auc(said, [row[2] for _, row in states()])
    return ours - learned_auc(), (
        f"of a good and a bad state yours prefers the good one in {ours:.0f} %, the learned judge "
        f"in {learned_auc():.0f} % (n = {STATES} states)."
    )


def _by_hand(left, target) -> float:
    """Whether one of six expressions fits, else how near one of three comes."""
    a, b, c = sorted(left, reverse=True)
    product = a * b
    tried = [product + c, product - c, b * c + a, a * c + b, a + b + c]
    if target in tried:
        return 1
    return -min(abs(t - target) for t in (tried[0], tried[2], tried[4]))


EXERCISES = {
    "07.1": Exercise(
        right=steps.reachable,
        cases=CASES,
        tried="Tried on two and three numbers, in several orders, with fractions on the way.",
        lesson="The lesson goes on with r1lab.steps.reachable.",
        mistakes=(
            (
                _one_way,
                "a-b and b-a are two results, and so are a/b and b/a: try both orders.",
            ),
            (
                _in_a_row,
                "you work from left to right in one order: any two may come first.",
            ),
            (_some, "all numbers must be used: with (8, 4, 14) 32 is out of reach."),
            (_whole, "5 // 2 is 2: divide exactly, with Fraction(a) / b."),
            (
                lambda n, t: not steps.reachable(n, t),
                "upside down: True where it can be reached.",
            ),
        ),
    ),
    "07.2": Guess(
        unit="percent",
        lesson="Write a number of percent; the figure below has it as a mark.",
    ),
    "07.3": Exercise(
        right=lambda: 80.0,
        cases=((),),
        tolerance=12.0,
        near=0.3,
        given=True,
        tried="Labels from rollouts call these dead steps good: the base finds another way.",
        lesson="Write the percentage of continuations behind dead sums that end right.",
        mistakes=(
            (lambda: 20.0, "that is the share that ends wrong."),
            (lambda: 0.8, "write percent: 80 and not 0.8."),
            (lambda: 0.0, "that is the exact label; asked is what rollouts say."),
        ),
    ),
    "07.4": Open(
        measure=_loved,
        enough=40.0,
        example=_loop,
        lesson="Return a completion for a problem. It is hard: leave it for later if you like.",
    ),
    "07.5": Open(
        measure=_told,
        enough=5.0,
        example=_by_hand,
        lesson="Return a number for the numbers that are left and the target, the more the better.",
    ),
}
