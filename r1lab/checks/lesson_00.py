"""Exercises of lesson 00: the judge's first rule, how sure a share is, many tries, a problem that
training did not reach."""

import math
import re
from functools import cache

from r1lab import evaluate, models, tasks, verify
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.machine import environment
from r1lab.tasks.countdown import LARGEST_NUMBER, TARGETS


def _used(answer: str) -> list[int]:
    return [int(n) for n in re.findall("[0-9]+", answer)]


def _each_once(answer, numbers):
    return sorted(_used(answer)) == sorted(numbers)


def _half(k, n, z=1.96):
    return 100 * z * math.sqrt(k / n * (1 - k / n) / n)


@cache
def _trained():
    return models.load_trained(models.DATA / "runs" / "habits-rule-s0" / "trained", "rich")


def _unsolved(problem) -> tuple[float, str]:
    """The share of tries in which the lesson's trained model fails on a problem that can be solved;
    not a number where `problem` gives nothing yet."""
    made = problem()
    if made in (None, ...):
        return math.nan, ""
    if not isinstance(made, (tuple, list)) or len(made) != 3:
        return 0.0, "give three things: the three numbers, the target, and your expression."
    numbers, target, expression = made
    drawn = [n for n in numbers if isinstance(n, int) and 0 < n <= LARGEST_NUMBER]
    if len(numbers) != 3 or len(drawn) != 3 or target not in TARGETS:
        return 0.0, "take three whole numbers from 1 to 15 and a target from 10 to 99."
    asked = tasks.Problem("countdown", tuple(drawn), target)
    verdict = verify.verify(asked, f"<answer>{expression}</answer>")
    if not verdict.correct:
        return 0.0, f"your expression proves nothing: {verdict.reason}."
    tries = 4 if environment.fast() else 16
    found = evaluate.answer(*_trained(), [asked], evaluate.Sampling("tiny", 600, 0, tries))
    right = int(found.correct.sum())
    return 1 - right / tries, f"the trained model is right in {right} of {tries} tries."


EXERCISES = {
    "00.1": Exercise(
        right=_each_once,
        cases=(
            ("(13+5)+2", [13, 5, 2]),
            ("2+5+13", [13, 5, 2]),
            ("13+5", [13, 5, 2]),
            ("13+5+2+2", [13, 5, 2]),
            ("13+5+3", [13, 5, 2]),
            ("13+5+2-1", [13, 5, 2]),
            ("15*2", [5, 1, 2]),
            ("3*4", [3, 4, 3]),
            ("3*4*4", [3, 4, 3]),
            ("(3+4)*3", [3, 4, 3]),
            ("(10-5)/1", [5, 1, 10]),
        ),
        tried=(
            "Tried: another order, a number left out, used twice or made up, 5 inside 15, a 3 "
            "given twice."
        ),
        lesson="The lesson goes on with r1lab.verify.",
        mistakes=(
            (
                lambda a, n: set(_used(a)) == set(n),
                "a set forgets how often: 13+5+2+2 uses the 2 twice and passes. Compare sorted "
                "lists.",
            ),
            (
                lambda a, n: all(str(x) in a for x in n),
                "you look for each number in the text, and 5 stands inside 15. Cut the text into "
                "numbers first: "
                're.findall("[0-9]+", answer).',
            ),
            (
                lambda a, n: _used(a) == n,
                "the order counts in yours: 2+5+13 is as good as 13+5+2. Sort both.",
            ),
            (
                lambda a, n: set(_used(a)) <= set(n),
                "nothing made up, but 13+5 leaves out the 2, and numbers may repeat. Each one "
                "exactly once: compare sorted lists.",
            ),
            (
                lambda a, n: all(_used(a).count(x) <= n.count(x) for x in _used(a)),
                "at most once, where the rule says exactly once: 13+5 leaves out the 2.",
            ),
            (
                lambda a, n: all(x in _used(a) for x in n),
                "all are used, but so may others be: 13+5+2-1 passes. Compare sorted lists.",
            ),
            (
                lambda a, n: len(_used(a)) == len(n),
                "you count the numbers and do not look which they are: 13+5+3 passes.",
            ),
            (
                lambda a, n: sorted(re.findall("[0-9]", a)) == sorted("".join(map(str, n))),
                "you compare digits: 15*2 passes for 5, 1 and 2. A number may have two digits: "
                "[0-9]+ with a plus.",
            ),
            (
                lambda a, n: sorted(re.findall("[0-9]+", a)) == sorted(n),
                "always False: you compare texts with numbers. Make them int first.",
            ),
        ),
    ),
    "00.2": Exercise(
        right=_half,
        cases=((50, 100), (200, 400), (10, 100), (168, 256), (8, 8)),
        tolerance=0.01,
        tried=(
            "Tried: 50 of 100 (9.8 points), 200 of 400 (4.9), 10 of 100 (5.9), 168 of 256 (5.8), "
            "8 of 8 (0)."
        ),
        lesson="The lesson goes on with r1lab.stats.wilson.",
        mistakes=(
            (
                lambda k, n: _half(k, n) / 100,
                "right as a share; the card asks for points, 100 times as much.",
            ),
            (
                lambda k, n: _half(k, n, 1),
                "that is one standard error, which covers about 68 of 100. For 95 take 1.96 of "
                "them.",
            ),
            (
                lambda k, n: 2 * _half(k, n),
                "that is the whole width. The half width goes to each side.",
            ),
            (
                lambda k, n: 196 * math.sqrt(k / n * (1 - k / n)),
                "the n under the root is missing: this is the spread of single answers, not of "
                "their share.",
            ),
            (lambda k, n: 196 * k / n * (1 - k / n) / n, "the square root is missing."),
            (
                lambda k, n: 196 * math.sqrt(k / n * (1 - k / n)) / n,
                "n belongs under the root: four times as many answers halve the width.",
            ),
            (
                lambda k, n: 196 * math.sqrt(k / n / n),
                "the factor 1 - p is missing: 90 right of 100 are as sure as 10.",
            ),
        ),
    ),
    "00.3": Guess("percent", "The last figure draws it beside what was measured."),
    "00.4": Exercise(
        right=lambda: {"one": 12.5, "eight": 71.1},  # the lesson's `solved`, in percent
        cases=((),),
        tolerance=5.0,
        near=1.0,
        tried="About 12 % with one try, about 71 % with eight: the same model, asked more often.",
        lesson="Fill in the two numbers; the figure below draws them.",
        given=True,
        mistakes=(
            (lambda: {"one": 71.1, "eight": 12.5}, "the two have changed places."),
            (
                lambda: {"one": 0.125, "eight": 0.711},
                "right, but as shares: the card asks for percent.",
            ),
            (
                lambda: {"one": 12.5, "eight": 12.6},
                "the second is no more than one try: hand 8 to solved. A problem counts as solved "
                "when any of its tries is right.",
            ),
            (
                lambda: {"one": 12.5, "eight": 100.0},
                "you multiplied by 8. Measure it: a problem is solved once at most.",
            ),
        ),
    ),
    "00.5": Open(
        measure=_unsolved,
        enough=1.0,
        example=lambda: ([14, 15, 10], 21, "14*15/10"),
        lesson="It is the hard one: leave it for later if you like.",
    ),
}
