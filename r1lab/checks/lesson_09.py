"""Exercises of lesson 09: Kimi's length reward and its pairs, what a weight is worth, a length
reward that cannot be gamed by giving up, and a point above the front."""

from functools import cache

import numpy as np
import torch

from r1lab import experiments, front, losses, tasks
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.length import LONGER, length_pairs, length_rewards, shortest_right
from r1lab.tasks import Problem
from r1lab.tiny_world.competence import solutions

ASKED, HALF = 5.0, 50.0  # points above the front, and percent right, of a route
GROUPS = (  # tokens, and whether right
    ([100, 200, 300, 400, 500], [True, True, False, False, True]),
    ([40, 400, 220], [False, False, False]),
    ([30, 150, 160, 400], [False, True, True, False]),
    ([70, 70, 70], [True, False, True]),
    ([10, 15, 14, 9, 11, 30], [True, True, True, False, False, True]),
)


def _shares(lengths, among=None) -> list[float]:
    """From 0.5 at the shortest to -0.5 at the longest of `among`, or of all."""
    low, high = min(among or lengths), max(among or lengths)
    return [0.5 - (n - low) / (high - low) if high > low else 0.0 for n in lengths]


def _of_right(lengths, right) -> list[float]:
    """`_shares` among the right ones; 0 where there is none."""
    own = [n for n, ok in zip(lengths, right, strict=True) if ok]
    return _shares(lengths, own or [0])


def _among_right(lengths, right) -> list[float]:
    shares = _of_right(lengths, right)
    return [s if ok else min(0.0, s) for s, ok in zip(shares, right, strict=True)]


def _inside(lengths, right) -> list[float]:
    shares = _of_right(lengths, right)
    return [s if ok else 0.0 for s, ok in zip(shares, right, strict=True)]


def _worse(lengths, right, far, short=False) -> list[tuple[int, int]]:
    """Pairs by another rule: `far` times as long for (right, wrong) ones; short: any wrong one."""
    best = shortest_right(lengths, right)
    if best is None:
        return []

    def rejected(i: int) -> bool:
        if short and not right[i]:
            return True
        return lengths[i] >= far[not right[i]] * lengths[best] and lengths[i] > lengths[best]

    return [(best, i) for i in range(len(lengths)) if i != best and rejected(i)]


def _strict(lengths, right) -> list[tuple[int, int]]:
    pairs = length_pairs(lengths, right)
    return [(a, b) for a, b in pairs if not right[b] or lengths[b] > LONGER * lengths[a]]


def _any_shortest(lengths, right) -> list[tuple[int, int]]:
    best = min(range(len(lengths)), key=lengths.__getitem__)
    return [(best, b) for _, b in length_pairs(lengths, right) if b != best]


def _sorted(answer, lengths, right):
    """What is compared: the pairs in whatever order they come."""
    found = answer(lengths, right)
    return found if found in (None, ...) else sorted(map(tuple, found))


def factor(scale: str) -> float:
    """By how much the advantage of the shortest of four right answers grows when the weight of the
    length goes from 0.1 to 1."""
    paid = torch.tensor([length_rewards([60, 90, 120, 200], [True] * 4)])
    small, large = (losses.group_advantages(1.1 + w * paid, scale)[0, 0] for w in (0.1, 1.0))
    return float(large / small)


def _sums(reward, lengths, right) -> list[float]:
    """What each of a group earns in all: 1.0 for a right answer, and the reward for its length."""
    paid = [float(value) for value in reward(list(lengths), list(right))]
    if len(paid) != len(lengths) or not np.isfinite(paid).all():
        raise ValueError(f"one finite number for each of {len(lengths)} answers, please")
    return [ok + value for ok, value in zip(right, paid, strict=True)]


def _not_gamed(reward) -> tuple[float, str]:
    """How many of seven demands a length reward meets."""
    if reward([30, 60], [True, False]) in (None, ...):
        return float("nan"), ""

    def pay(lengths, right: str) -> list[float]:
        return _sums(reward, lengths, [digit == "1" for digit in right])

    right = pay([100, 200, 300], "111")
    plain, brief = pay([150, 160], "11"), pay([150, 160, 30], "110")
    endless, lonely = pay([150, 160, 600], "110"), pay([40] * 7 + [590], "00000001")
    hard = pay([500, 600, 600, 600, 40, 40, 40, 40], "10000000")
    lost = pay([40, 400], "00")
    demands = {
        "of right answers a shorter one earns more": right[0] > right[1] > right[2],
        "answers of one length earn the same, and nothing breaks": len(set(pay([70] * 3, "111")))
        == 1,
        "a right answer earns more in all than any wrong one of its group": min(brief[:2])
        > brief[2]
        and min(endless[:2]) > endless[2],
        "where all are wrong, it pays nothing to be brief": lost[0] <= lost[1],
        "a wrong answer in the group changes nothing for the right ones": plain
        == brief[:2]
        == endless[:2],
        "the only right one of eight, however long, is at least 0.75 above the others": lonely[7]
        - max(lonely[:7])
        >= 0.75,
        "on a hard problem four searches, one of them right, earn more than four that give up": sum(
            hard[:4]
        )
        > sum(hard[4:]),
    }
    missed = [words for words, met in demands.items() if not met]
    said = f"{len(demands) - len(missed)} of {len(demands)} demands are met"
    return float(len(demands) - len(missed)), f"{said}." if not missed else (
        f"{said}; this one is not: {missed[0]}."
    )


@cache
def rows() -> tuple[tuple[Problem, dict[str, tuple[float, float]]], ...]:
    """Each held-out problem of the recorded runs with what each model makes of it: its share of
    right answers over the seeds, percent, and its mean tokens."""
    paths = experiments.recorded("long2short", "merge")
    found = {"short": [], "long": []}
    for run in paths:
        path = run.summary["measured"]["path"]
        found["short"].append(path[0])
        found["long"].append(path[-1])
    for way in ("shortest", "dpo", "rl"):
        found[way] = [run.summary["after"] for run in experiments.recorded("long2short", way)]
    n = len(found["long"][0]["right"])
    table = {}
    for name, parts in found.items():
        right = np.mean([[100.0 * int(d) for d in part["right"]] for part in parts], 0)
        table[name] = right, np.mean([part["lengths"] for part in parts], 0)
    problems = tasks.problems("countdown", n, 0, "test", 3)
    return tuple(
        (p, {name: (float(a[i]), float(b[i])) for name, (a, b) in table.items()})
        for i, p in enumerate(problems)
    )


def seen() -> list[tuple[Problem, dict[str, tuple[float, float]]]]:
    """Every second one of `rows`, to look at. The others judge."""
    return list(rows()[::2])


def height(route, judged) -> tuple[float, float, float]:
    """Right in percent, mean tokens, and points above the front of the models, of a route that
    names a model for each problem."""
    names = list(judged[0][1])
    taken = []
    for problem, known in judged:
        name = route(problem)
        if name not in known:
            raise ValueError(f"{name!r} is no model: name one of {', '.join(names)}")
        taken.append(known[name])
    right, tokens = np.mean(taken, 0)
    table = {name: [known[name] for _, known in judged] for name in names}
    points = [(np.mean([t for _, t in c]), [r for r, _ in c]) for c in table.values()]
    best = front.within(float(tokens), points)
    return float(right), float(tokens), float(right - np.mean(best))


def _above(route) -> tuple[float, str]:
    """Points above the front on the problems that the reader has not seen; 0 at most where fewer
    than `HALF` are right."""
    if route(Problem("countdown", (3, 5, 7), 22)) in (None, ...):
        return float("nan"), ""
    judged = list(rows()[1::2])
    right, tokens, above = height(route, judged)
    said = (
        f"{right:.1f} % right with {tokens:.0f} tokens on {len(judged)} problems that you have not "
        f"seen, {above:+.1f} points against the front; {ASKED:g} points and {HALF:g} % are asked."
    )
    return (above if right >= HALF else min(0.0, above)), said


def _by_ways(problem: Problem) -> str:
    return "short" if solutions(problem) == 1 else "shortest"


EXERCISES = {
    "09.1": Exercise(
        right=length_rewards,
        cases=GROUPS,
        tried="Tried on groups with right and wrong answers, all wrong ones, and equal lengths.",
        lesson="The lesson goes on with r1lab.length.length_rewards.",
        mistakes=(
            (
                lambda lengths, right: _shares(lengths),
                "a wrong answer earns at most 0, however short it is.",
            ),
            (
                lambda lengths, right: [min(0.0, s) for s in _shares(lengths)],
                "right answers may earn more than 0: the min is for wrong ones alone.",
            ),
            (
                lambda lengths, right: [
                    s if ok else 0.0 for s, ok in zip(_shares(lengths), right, strict=True)
                ],
                "a long wrong answer loses: min(0, lambda), not 0.",
            ),
            (
                lambda lengths, right: [-v for v in length_rewards(lengths, right)],
                "the sign is turned: the shortest earns 0.5.",
            ),
            (
                _among_right,
                "you compare with the right ones alone; Kimi's shortest and longest are of the "
                "whole group.",
            ),
            (
                lambda lengths, right: [2 * v for v in length_rewards(lengths, right)],
                "from 1 to -1: it goes from 0.5 to -0.5.",
            ),
        ),
    ),
    "09.2": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
    "09.3": Exercise(
        right=length_pairs,
        run=_sorted,
        cases=GROUPS,
        tried="Tried on five groups; lengths at exactly 1.5 times are pairs.",
        lesson="The lesson goes on with r1lab.length.length_pairs.",
        mistakes=(
            (
                lambda lengths, right: _worse(lengths, right, (1.0, 1.0)),
                "a right one is rejected only from 1.5 times the shortest on.",
            ),
            (_strict, "at exactly 1.5 times a right one is a pair already."),
            (
                lambda lengths, right: _worse(lengths, right, (LONGER, LONGER)),
                "a wrong one is rejected when it is longer at all, not from 1.5 times on.",
            ),
            (
                lambda lengths, right: _worse(lengths, right, (LONGER, 1.0), short=True),
                "a wrong one that is shorter is no example of being too long: leave it out.",
            ),
            (_any_shortest, "the preferred one is the shortest right one, not the shortest."),
        ),
    ),
    "09.4": Open(
        measure=_not_gamed,
        enough=7.0,
        example=_inside,
        lesson="Return a number for each answer of a group.",
    ),
    "09.5": Open(
        measure=_above,
        enough=ASKED,
        example=_by_ways,
        lesson="Return the name of a model for a problem. It is a hard one: leave it for later.",
    ),
    "09.6": Exercise(
        right=lambda: factor("group"),
        cases=((),),
        tolerance=0.02,
        near=0.02,
        given=True,
        tried="Where all are right, the divisor takes the weight away again.",
        lesson="Divide the second advantage of the shortest by the first.",
        mistakes=(
            (lambda: 10.0, "that is without the division: set scale to group."),
            (lambda: 0.1, "upside down, and without the division."),
        ),
    ),
}
