"""Exercises of lesson 04: a reader of reflection, the share a jump explains, a prediction, a cap, a
reward that makes another way of thinking win."""

import math
import re
from functools import cache

import torch

from r1lab import evaluate, habits, models, tasks
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.machine import environment
from r1lab.tiny_world import competence

WORD = re.compile(r"\b(wait|try|check)\b", re.I)


def _reflects(text):
    return bool(WORD.search(text.split("</think>")[0]))


def _spread(part):
    return ((part - part.mean()) ** 2).sum()


def _explained(curve):
    least = min(_spread(curve[:i]) + _spread(curve[i:]) for i in range(1, len(curve)))
    return float(1 - least / _spread(curve))


def _of_means(curve):
    """Means in the place of sums: every part weighs the same."""
    mean = lambda part: ((part - part.mean()) ** 2).mean()  # noqa: E731
    least = min(mean(curve[:i]) + mean(curve[i:]) for i in range(1, len(curve)))
    return float(1 - least / mean(curve))


def _in_the_middle(curve):
    i = len(curve) // 2
    return float(1 - (_spread(curve[:i]) + _spread(curve[i:])) / _spread(curve))


def _worst(curve):
    most = max(_spread(curve[:i]) + _spread(curve[i:]) for i in range(1, len(curve)))
    return float(1 - most / _spread(curve))


def _curve(*values) -> tuple[torch.Tensor]:
    return (torch.tensor(values, dtype=torch.float64),)


@cache
def _written() -> tuple[dict[str, float], dict[str, list[tuple[str, bool]]]]:
    """Of `rich` on problems of the train split: the share of each habit, and answers of each (text,
    right); of the three that search, answers that begin so by force."""
    model, tokenizer = models.load("rich")
    few = environment.fast()
    asked = tasks.problems("countdown", 64 if few else 256, 0, "train")
    free = evaluate.answer(model, tokenizer, asked, evaluate.Sampling("tiny", 300, 0, 4))
    found: dict[str, list] = {}
    for problem, text, verdict in zip(free.repeated(), free.texts, free.verdicts, strict=True):
        found.setdefault(habits.read(problem, text).name, []).append((text, verdict.correct))
    shares = {name: len(answers) / len(free.texts) for name, answers in found.items()}
    how = evaluate.Sampling("tiny", 600, 1)
    begun = competence.begun(model, tokenizer, asked[: 32 if few else 128], how)
    for name, answers in begun.items():
        right = (verdict.correct for verdict in answers.verdicts)
        found[name] = list(zip(answers.texts, right, strict=True))
    return shares, found


def _chosen(reward) -> tuple[float, str]:
    """1 if the forecast says that under `reward` trying at random wins and it keeps its limits; not
    a number where it gives nothing yet."""
    if reward("<think>13+5=18</think><answer>13+5</answer>", False) in (None, ...):
        return math.nan, ""
    shares, written = _written()
    paid = {
        name: [(float(reward(text, right)), right) for text, right in answers]
        for name, answers in written.items()
    }
    every = [one for answers in paid.values() for one in answers]
    lowest = min((pay for pay, right in every if right), default=1.0)
    highest = max((pay for pay, right in every if not right), default=0.0)
    if not all(0 <= pay <= 1 for pay, _ in every):
        return 0.0, "a reward lies between 0 and 1."
    if highest > lowest:
        return 0.0, f"a wrong answer earns {highest:.2f} and a right one {lowest:.2f}."
    mean = {name: sum(pay for pay, _ in answers) / len(answers) for name, answers in paid.items()}
    first = competence.forecast(shares, mean)
    named = ("guess", "at random", "in order")
    pays = ", ".join(f"{name} {mean[name]:.2f}" for name in named)
    passes = f"{first} passes guessing first" if first else "nothing passes guessing"
    return float(first == "at random"), f"{passes}. Mean pay: {pays}."


IN_FIGURE = Guess(
    unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
)
EXERCISES = {
    "04.1": Exercise(
        right=_reflects,
        cases=(
            ("<think>7*6=42 vs 13 no. Wait, 7-6=1</think><answer>13*(7-6)</answer>",),
            ("<think>7*6=42. Try 7-6=1, 13*1=13",),
            ("<think>3+4=7. check: yes</think><answer>3+4</answer>",),
            ("<think>3+4=7. Wait, check: yes</think><answer>3+4</answer>",),
            ("<think>3+4=7</think><answer>3+4</answer>",),
            ("<think>the waiter awaits the country's checkers</think><answer>7</answer>",),
            ("<think>3+4=7</think><answer>Wait</answer>",),
            ("<think>3+4=7</think>Try again<answer>3+4</answer>",),
            ("",),
        ),
        tried=(
            "Tried: each word, small letters, a thought cut by the cap, waiters and checkers, a "
            "word in the answer."
        ),
        lesson="The lesson goes on without it.",
        mistakes=(
            (
                lambda t: any(
                    w in t.split("</think>")[0].lower() for w in ("wait", "try", "check")
                ),
                "you find parts of words: the waiter and the country's checkers do not reflect. "
                "Use \\b, the edge of a word.",
            ),
            (
                lambda t: bool(WORD.search(t)),
                "you read on behind </think>: a word in the answer is no thought.",
            ),
            (
                lambda t: bool(re.search(r"\b(Wait|Try|Check)\b", t.split("</think>")[0])),
                "small letters are missed: compare in lower case, or with re.I.",
            ),
            (
                lambda t: bool(re.search(r"\b(wait|try|check)\b", t.split("</think>")[0])),
                "capital letters are missed: compare in lower case, or with re.I.",
            ),
            (
                lambda t: bool(re.search(r"\bwait\b", t.split("</think>")[0], re.I)),
                "only Wait is found. Try and Check count too.",
            ),
            (
                lambda t: "</think>" in t and _reflects(t),
                "thoughts that the cap has cut have no </think>, and still count.",
            ),
            (
                lambda t: not _reflects(t),
                "the other way round: True is for answers that do reflect.",
            ),
        ),
    ),
    "04.2": Exercise(
        right=_explained,
        cases=(
            _curve(*range(40)),
            _curve(0, 0, 0, 1, 1, 1, 1, 1, 1, 1),
            _curve(0.1, 0.12, 0.1, 0.3, 0.6, 0.9, 0.9, 0.88),
            _curve(5, 0, 0, 0, 0, 0, 0, 1),
            _curve(1, 0, 0, 0, 0, 0, 0, 5),
        ),
        tried="Tried: a straight line (0.75), a clean step (1.00), an S, a step at the very edge.",
        lesson="The lesson goes on without it.",
        mistakes=(
            (
                _of_means,
                "you average inside each part. Then a part of two steps weighs as much as one of "
                "38: add up the squares.",
            ),
            (_in_the_middle, "only the middle is tried. Try every split and keep the best."),
            (_worst, "you keep the worst split. The best one leaves the smallest sum."),
            (lambda c: 1 - _explained(c), "this is the share that is left over. Take it from 1."),
            (
                lambda c: _explained(c) * float(_spread(c)),
                "not yet a share: divide by the sum without a split.",
            ),
        ),
    ),
    "04.3": IN_FIGURE,
    "04.4": Exercise(
        right=lambda: 1.55,
        cases=((),),
        tolerance=0.2,
        near=0.05,
        tried=(
            "About 1.5 times as many waits from the very same policy, and more right answers: the "
            "cap was in the way."
        ),
        lesson="Run wait_count for both caps; the folded solution has the number.",
        given=True,
        mistakes=(
            (lambda: 1.0, "no change: did you call wait_count with the same cap twice?"),
            (
                lambda: 2.0,
                "that is the factor between the caps. Answers that end earlier do not use the "
                "room.",
            ),
            (lambda: 1 / 1.55, "upside down: divide the count at 900 by the count at 450."),
            (
                lambda: 1.28,
                "this is the factor of right answers, the second number. Waits are the first, [0].",
            ),
        ),
    ),
    "04.5": Open(
        measure=_chosen,
        enough=1.0,
        example=lambda text, right: right * (0.2 if re.search("[;；]", text) else 1.0),
        lesson="It is the hard one: leave it for later if you like.",
    ),
    "04.6": IN_FIGURE,
    "04.7": IN_FIGURE,
}
