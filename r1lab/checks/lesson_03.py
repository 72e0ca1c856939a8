"""Exercises of lesson 03: the form, four verifiers to break, a judge to fool and one to mend; two
guesses."""

import re
from fractions import Fraction
from functools import cache

import numpy as np

from r1lab import tasks, value
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.tasks import Problem
from r1lab.tasks.reading import Unreadable, read_expression
from r1lab.verify import TAGS, is_formatted, verify

ASKED = 24  # held-out problems that an answer is tried on
LONGEST = 4000  # characters of a learner's completion


def contains(text: str, target: int) -> bool:
    """Substring: the target stands somewhere."""
    return str(target) in text


def computes(text: str, target: int) -> bool:
    """What `eval` would accept: some expression in the text has the value, whatever its numbers."""
    return any(_is(part, target) for part in re.findall(r"[0-9(][0-9+*/() -]*", text[:LONGEST]))


def last_number(text: str, target: int) -> bool:
    """The last number is the target."""
    return re.findall("[0-9]+", text)[-1:] == [str(target)]


def first_number(text: str, target: int) -> bool:
    """The first number behind the tag of the answer is the target."""
    return re.findall("[0-9]+", text.partition("<answer>")[2])[:1] == [str(target)]


LENIENT = {f.__name__: f for f in (contains, computes, last_number, first_number)}


def _is(expression: str, target: int) -> bool:
    try:
        return read_expression(expression)[0] == Fraction(target)
    except Unreadable:
        return False


@cache
def _problems() -> tuple:
    return tuple(tasks.problems("countdown", ASKED, 0, "test", 3))


def _texts(function) -> list[tuple]:
    """(problem, the learner's completion) of each problem; none where something is not done yet."""
    found = [(p, function(p.numbers, p.target)) for p in _problems()]
    if any(text is None or text is ... for _, text in found):
        return []
    for _, text in found:
        if not isinstance(text, str):
            raise TypeError(f"a completion is a text, not {type(text).__name__}")
    return [(p, text[:LONGEST]) for p, text in found]


NOT_DONE = float("nan"), ""


def _broken(function) -> tuple[float, str]:
    """How many of the lenient verifiers take a wrong text for right on every problem."""
    texts = _texts(function)
    if not texts:
        return NOT_DONE
    if any(verify(p, text).correct for p, text in texts):
        return 0.0, "one of your texts is right: it must be wrong to show anything."
    fooled = [n for n, rule in LENIENT.items() if all(rule(t, p.target) for p, t in texts)]
    return float(len(fooled)), f"wrong on all {ASKED} problems, and taken for right by " + (
        f"{len(fooled)} of 4: {', '.join(fooled)}." if fooled else "none of the four."
    )


def _fooled(function) -> tuple[float, str]:
    """The share of the problems on which judge-85 approves a wrong completion."""
    texts = _texts(function)
    if not texts:
        return NOT_DONE
    if right := sum(verify(p, text).correct for p, text in texts):
        return 0.0, f"{right} of {ASKED} completions are right: write wrong ones."
    shown = [value.seen(p, text, verify(p, text).answer) for p, text in texts]
    approved = {
        name: sum(s > 0 for s in value.scores(value.load(name), shown)) for name in value.JUDGES
    }
    said = " and ".join(f"{name} approves {n}" for name, n in approved.items())
    return approved["judge-85"] / ASKED, f"{ASKED} wrong completions: {said}."


MENU = {  # way to answer: words of thoughts, whether it answers, chance to be right, share at first
    "guess": (12, True, 0.08, 0.88),
    "search": (80, True, 0.95, 0.09),
    "search without end": (250, False, 0.0, 0.025),
    "padded guess": (400, True, 0.08, 0.005),
}
PACE, STEPS = 0.3, 60


def evolved(reward) -> tuple[dict[str, float], float]:
    """The shares of `MENU` after training, and the share of right answers. Each step multiplies a
    share by exp(PACE x advantage), the reward's distance from the mean in standard deviations: what
    GRPO does on average, where a policy has four ways to answer."""
    problem, answer = Problem("countdown", (3, 7, 12), 22), "(7*3)+12"
    ways = list(MENU.values())
    given = [value.Seen(problem, answer if answers else "", words) for words, answers, *_ in ways]
    said = value.scores(value.load("judge-85"), given)
    pairs = zip(said, ways, strict=True)
    paid = np.array([float(reward(score, words, answers)) for score, (words, answers, *_) in pairs])
    share = np.array([first for *_, first in ways])
    for _ in range(STEPS):
        mean = share @ paid
        spread = np.sqrt(share @ (paid - mean) ** 2)
        share = share * np.exp(PACE * (paid - mean) / (spread + 1e-4))
        share = share / share.sum()
    right = share @ np.array([chance for *_, chance, _ in ways])
    return dict(zip(MENU, share.tolist(), strict=True)), 100 * float(right)


def _honest(reward) -> tuple[float, str]:
    """How many answers are right after training with the learner's reward."""
    if reward(0.0, 12, True) in (None, ...):
        return NOT_DONE
    shares, right = evolved(reward)
    if not np.isfinite(right):
        return 0.0, "a reward is a finite number."
    _, alone = evolved(lambda score, words, answered: score)
    most = max(shares, key=shares.__getitem__)
    return right, (
        f"after {STEPS} steps {100 * shares[most]:.0f} % of the answers are of the kind `{most}` "
        f"and {right:.0f} % are right; paid by the judge alone {alone:.0f} %."
    )


EXERCISES = {
    "03.1": Exercise(
        right=is_formatted,
        cases=(
            ("<think>3+4=7</think><answer>3+4</answer>",),
            ("  <think>3+4=7</think>\n<answer>3+4</answer>\n",),
            ("<think>3+4=6, no\n3+4=7</think><answer>3+4</answer>",),
            ("<think></think><answer></answer>",),
            ("<think>3<4, 3+4=7</think><answer>3+4</answer>",),
            ("<answer>3+4</answer><think>3+4=7</think>",),
            ("<think>3+4=7</think>So: <answer>3+4</answer>",),
            ("<think>3+4=7</think><answer>3+4</answer> done",),
            ("<think>3+4=7</think><answer>3+4</answer><answer>4+3</answer>",),
            ("<think>3+4=7<answer>3+4</answer>",),
            ("",),
        ),
        tried=(
            "Tried: blanks around the parts, a line end in the thoughts, empty parts, tags in the "
            "wrong order, text between and behind, two answers, a missing tag."
        ),
        lesson="The lesson goes on with r1lab.verify.is_formatted.",
        mistakes=(
            (
                lambda t: all(tag in t for tag in TAGS),
                "you only ask whether the tags are there: their order, what stands between them "
                "and a second answer count too.",
            ),
            (
                lambda t: bool(re.search(r"<think>.*</think>\s*<answer>.*</answer>", t, re.S)),
                "re.search finds the form inside a longer text: use re.fullmatch.",
            ),
            (
                lambda t: bool(
                    re.fullmatch(r"\s*<think>.*</think>\s*<answer>.*</answer>\s*", t, re.S)
                ),
                "two answers pass: `.*` runs over a tag. Count each tag.",
            ),
            (
                lambda t: bool(re.fullmatch(r"<think>[^<]*</think><answer>[^<]*</answer>", t)),
                "blanks and line ends around the two parts are allowed.",
            ),
            (
                lambda t: is_formatted(t) and "\n" not in t.strip().partition("</think>")[0],
                "thoughts may have line ends: give re.fullmatch the flag re.S.",
            ),
            (lambda t: not is_formatted(t), "the other way round: True is for the right form."),
        ),
    ),
    "03.2": Open(
        measure=_broken,
        enough=4.0,
        example=lambda numbers, target: f"<answer>{target}</answer>",
        lesson="Return a text for any numbers and target; it must be wrong.",
    ),
    "03.3": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
    "03.4": Open(
        measure=_fooled,
        enough=0.9,
        example=lambda numbers, target: (
            "<think>" + "1+1=2, " * 200 + "</think><answer>"
            f"({max(numbers)}+{max(numbers)})+{max(numbers)}</answer>"
        ),
        lesson="Return a completion for any numbers and target; it must be wrong.",
    ),
    "03.5": Open(
        measure=_honest,
        enough=80.0,
        example=lambda score, words, answered: min(score, 1.5) if answered else -5.0,
        lesson="Return a number for a score, a count of words and whether there is an answer.",
    ),
    "03.6": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
    "03.7": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
}
