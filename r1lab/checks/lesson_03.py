"""Exercises of lesson 03: the form, four verifiers to break, a judge to fool and one to mend."""

import random
import re
from fractions import Fraction
from functools import cache

from r1lab import tasks, value
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.tasks.countdown import random_steps
from r1lab.tasks.reading import Unreadable, read_expression
from r1lab.verify import is_formatted, verify

ASKED = 24  # held-out problems that an answer is tried on
LONGEST = 4000  # characters of a learner's completion
TAGS = ("<think>", "</think>", "<answer>", "</answer>")


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
    approved = {}
    for name in value.JUDGES:
        shown = [value.seen(p, text, verify(p, text).answer) for p, text in texts]
        approved[name] = sum(s > 0 for s in value.scores(value.load(name), shown))
    said = " and ".join(f"{name} approves {n}" for name, n in approved.items())
    return approved["judge-85"] / ASKED, f"{ASKED} wrong completions: {said}."


@cache
def _contested() -> tuple[list[tuple], list[bool]]:
    """(score of judge-85, words of thoughts) of right and wrong answers, and which are right. How
    long was thought before one says nothing here: it was drawn apart from it."""
    rng, seen, right = random.Random(3), [], []
    for problem in tasks.problems("countdown", 160, 1, "test", 3):
        for wanted in (True, False):
            drawn = None
            while not drawn or (drawn[0][-1].result == problem.target) != wanted:
                drawn = random_steps(rng, problem.numbers)
            words = rng.choice((0, 5, 12, 40, 120, 400))
            seen.append(value.Seen(problem, drawn[1], words))
            right.append(wanted)
    said = value.scores(value.load("judge-85"), seen)
    return [(score, one.words) for score, one in zip(said, seen, strict=True)], right


def _honest(reward) -> tuple[float, str]:
    """How often a right answer is paid more than a wrong one."""
    given, right = _contested()
    paid = [reward(score, words) for score, words in given]
    if any(p is None or p is ... for p in paid):
        return NOT_DONE

    def merit(values) -> float:
        good = [v for v, ok in zip(values, right, strict=True) if ok]
        bad = [v for v, ok in zip(values, right, strict=True) if not ok]
        wins = sum((a > b) + (a == b) / 2 for a in good for b in bad)
        return 100 * wins / (len(good) * len(bad))

    found, before = merit([float(p) for p in paid]), merit([score for score, _ in given])
    return found, (
        f"of pairs of a right and a wrong answer yours pays the right one more in {found:.0f} of "
        f"100, the judge alone in {before:.0f}; a coin would in 50."
    )


def _mended(score, words):
    return score - float(value.load("judge-85").length) * _log(words + 1)


def _log(x: float) -> float:
    from math import log

    return log(x)


EXERCISES = {
    "03.1": Exercise(
        right=is_formatted,
        cases=(
            ("<think>3+4=7</think><answer>3+4</answer>",),
            ("  <think>3+4=7</think>\n<answer>3+4</answer>\n",),
            ("<think></think><answer></answer>",),
            ("<answer>3+4</answer><think>3+4=7</think>",),
            ("<think>3+4=7</think>So: <answer>3+4</answer>",),
            ("<think>3+4=7</think><answer>3+4</answer> done",),
            ("<think>3+4=7</think><answer>3+4</answer><answer>4+3</answer>",),
            ("<think>3+4=7<answer>3+4</answer>",),
            ("",),
        ),
        tried=(
            "Tried: blanks around the parts, empty parts, tags in the wrong order, text between "
            "and behind, two answers, a missing tag."
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
                "two answers pass: `.*` runs over a tag. Count each tag, or forbid `<` inside.",
            ),
            (
                lambda t: bool(re.fullmatch(r"<think>[^<]*</think><answer>[^<]*</answer>", t)),
                "blanks and line ends around the two parts are allowed.",
            ),
            (lambda t: not is_formatted(t), "the other way round: True is for the right form."),
        ),
    ),
    "03.2": Open(
        measure=_broken,
        enough=4.0,
        example=lambda numbers, target: f"<think>{target}</think><answer>{target}</answer>{target}",
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
            f"({max(numbers)}+{min(numbers)})+{min(numbers)}</answer>"
        ),
        lesson="Return a completion for any numbers and target; it must be wrong.",
    ),
    "03.5": Open(
        measure=_honest,
        enough=75.0,
        example=_mended,
        lesson="Return a number for a score and a count of words.",
    ),
}
