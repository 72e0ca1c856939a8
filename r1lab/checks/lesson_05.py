"""Exercises of lesson 05: whose language, what examples do, fifty that teach more, a reward for the
language that cannot be gamed, what is forgotten."""

import random
import re
from functools import cache

from r1lab import evaluate, models, policy, sft, tasks
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.readability import language_share
from r1lab.tasks import Problem
from r1lab.tiny_world import traces
from r1lab.verify import verify

HAN = "[\u4e00-\u9fff]+"
THOUGHTS = (
    "13-5=8; 8*4=32 vs 27 no; 8+4=12 vs 27 no; 13+5=18 vs 27 yes. Then 13+5=18",
    "13-5=8; 8*4=32 vs 27 不对；8+4=12 vs 27 对。那么 8+4=12",
    "13-5=8; 8*4=32 vs 27 不对；8+4=12 vs 27 no; 13+5=18 vs 27 yes. Wait, 13-4=9",
    "13-5=8; 8*4=32 vs 27 不对；等等，8+4=12 vs 27 不对；试试 13+5=18 vs 27 no; ",
    "13-5=8, 8*4=32",
    "x-5=8, so 不对",
    "",
    "13-5=8 vs 27 No; Wait, 8+4=12 vs 27 不对；",
)


def _share(thoughts: str, language: str) -> float | None:
    return language_share(f"<think>{thoughts}</think>", language)


def _said(answer, thoughts: str, language: str) -> float | str | None:
    """What is compared: None is an answer where there is no word, and none where there are some."""
    found = answer(thoughts, language)
    return "none" if found is None and _share(thoughts, language) is None else found


def _counted(thoughts: str, language: str, english: str, chinese: str) -> float | None:
    counts = {"en": len(re.findall(english, thoughts)), "zh": len(re.findall(chinese, thoughts))}
    total = sum(counts.values())
    return counts[language] / total if total else None


COLLECTED = {"right": 150, "wrong": 150, "empty": 200}  # `traces.KINDS` among the 500 examples
BUDGET, BATCH, RATE = 3000, 5, 3e-3
ASKED = 96  # train problems that are in no example


@cache
def collected() -> tuple[tuple[Problem, str], ...]:
    """500 examples as one might collect them, (problem, completion), the same for everybody: right
    searches, searches that end wrong, and right answers without thoughts, in random order."""
    found = []
    for seed, (kind, n) in enumerate(COLLECTED.items()):
        for group in traces.examples(n, seed, kind):
            problem = Problem(group["task"], tuple(group["numbers"]), group["target"])
            found.append((problem, group["completions"][0]))
    return tuple(random.Random(0).sample(found, len(found)))


def after(order: list[int]) -> tuple[float, int]:
    """Percent right of `ASKED` problems once the base was taught these examples in that order, five
    a step, until `BUDGET` tokens are used up; and how many it was taught."""
    model, tokenizer = models.load("rich")
    learner = policy.learner(models.prepare(model, 8, 0), tokenizer, RATE)
    config = sft.Config(prompts=BATCH, max_new=256, lr=RATE)
    chosen = [collected()[i] for i in order]
    ids = sft.tokens(learner, [(tasks.tiny_prompt(p), text) for p, text in chosen], config.max_new)
    used = taught = 0
    while taught + BATCH <= len(ids):
        batch = ids[taught : taught + BATCH]
        used += sum(len(part) for example in batch for part in example)
        if used > BUDGET:
            break
        sft.update(learner, batch, config)
        taught += BATCH
    asked = tasks.problems("countdown", ASKED, 1, "train", 3)
    found = evaluate.answer(learner.model, tokenizer, asked, evaluate.Sampling("tiny", 256, 1))
    return 100 * float(found.correct.mean()), taught


@cache
def as_they_come() -> tuple[float, int]:
    """`after` all 500 in the order they came, for the same tokens."""
    return after(list(range(len(collected()))))


def _picked(pick) -> tuple[float, str]:
    """By how many points fifty picked examples teach more than the 500 at equal tokens."""
    chosen = pick(list(collected()))
    if chosen is None or chosen is ...:
        return float("nan"), ""
    chosen, n = [int(i) for i in chosen], len(collected())
    if len(set(chosen)) != 50 or len(chosen) != 50 or not all(0 <= i < n for i in chosen):
        return 0.0, f"return fifty different places in the list, from 0 to {n - 1}."
    ours, taught = after(chosen)
    theirs, others = as_they_come()
    return ours - theirs, (
        f"{taught} of yours fit into {BUDGET} tokens, and then {ours:.0f} % are right; of the 500 "
        f"as they come {others} fit, and {theirs:.0f} % are right (n = {ASKED})."
    )


def _fifty(examples) -> list[int]:
    return [i for i, (p, text) in enumerate(examples) if verify(p, text).correct and "; " in text][
        :50
    ]


def _gamed(reward) -> tuple[float, str]:
    """How many of seven demands a language reward meets."""
    if reward(True, 12, 0) in (None, ...):
        return float("nan"), ""

    def pay(right: bool, own: int, other: int) -> float:
        return float(reward(right, own, other))

    def mean(share: float, own: int, other: int) -> float:  # of answers right so often
        return share * pay(True, own, other) + (1 - share) * pay(False, own, other)

    demands = {
        "a right search in its own language earns more than a mixed one": (
            pay(True, 12, 0) > pay(True, 6, 6)
        ),
        "a mixed one earns more than one in the other language": pay(True, 6, 6) > pay(True, 0, 12),
        "a wrong answer never earns more than a right one with the same words": all(
            pay(False, *words) <= pay(True, *words) for words in ((12, 0), (6, 6), (0, 12), (0, 0))
        ),
        "silent guesses, 8 of 100 right, earn less than searches in the other language, 86 right": (
            mean(0.08, 0, 0) < mean(0.86, 0, 12)
        ),
        "nor do guesses behind a single word of the own language earn more": (
            mean(0.08, 1, 0) < mean(0.86, 0, 12)
        ),
        "a silent lucky guess earns no more than a search in its own language": (
            pay(True, 0, 0) <= pay(True, 12, 0)
        ),
        "fifty idle words of the own language do not make up for six of the other": (
            pay(True, 56, 6) <= pay(True, 6, 6)
        ),
    }
    missed = [words for words, met in demands.items() if not met]
    said = f"{len(demands) - len(missed)} of {len(demands)} demands are met"
    return float(len(demands) - len(missed)), f"{said}." if not missed else (
        f"{said}; this one is not: {missed[0]}."
    )


EXERCISES = {
    "05.1": Exercise(
        right=_share,
        run=_said,
        cases=tuple((text, language) for text in THOUGHTS for language in ("en", "zh")),
        tried="Tried on thoughts in one language, mixed ones, and thoughts without a word.",
        lesson="The lesson goes on with r1lab.readability.language_share.",
        mistakes=(
            (
                lambda t, s: _share(t, s) or 0.0,
                "thoughts without a word have no share: return None for them, not 0.",
            ),
            (
                lambda t, s: 1.0 if _share(t, s) is None else _share(t, s),
                "thoughts without a word have no share: return None for them, not 1.",
            ),
            (
                lambda t, s: _counted(t, s, "[A-Za-z]{2,}", HAN),
                "`vs` stands in both languages: leave it out.",
            ),
            (
                lambda t, s: _counted(t, s, "(?!vs)[A-Za-z]{2,}", HAN.removesuffix("+")),
                "you count Chinese characters: 不对 is one word. A row of characters is a word.",
            ),
            (
                lambda t, s: _counted(t, s, r"\b(?!vs)[a-z]{2,}\b", HAN),
                "words in capitals are words: Wait, Then.",
            ),
            (
                lambda t, s: _share(t, {"en": "zh", "zh": "en"}[s]),
                "that is the share of the other language.",
            ),
        ),
    ),
    "05.2": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
    "05.3": Open(
        measure=_picked,
        enough=15.0,
        example=_fifty,
        lesson="Return fifty places in the list. It is a hard one: leave it for later if you like.",
    ),
    "05.4": Open(
        measure=_gamed,
        enough=7.0,
        example=lambda right, own, other: (1 + max(0.0, 1 - other / 12)) if right else 0.0,
        lesson="Return a number for right or wrong and two counts of words.",
    ),
    "05.5": Exercise(
        right=lambda: 1.5,
        cases=((),),
        tolerance=0.12,
        near=0.03,
        given=True,
        tried="The base has forgotten a part of what it had read, and nobody taught it to.",
        lesson="Divide the loss of dev1 on plain Chinese texts by that of the base.",
        mistakes=(
            (lambda: 1 / 1.5, "upside down: dev1 divided by the base."),
            (lambda: 0.5, "that is by how much it grew: divide, do not subtract 1."),
            (lambda: 1.09, "that is the model taught fifty examples: load dev1, taught 500."),
        ),
    ),
}
