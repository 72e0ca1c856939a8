"""Worked examples for a cold start: verified, readable, in one language (DeepSeek-R1, 2.3.1).

R1's came from a model, and people chose and mended them. Here a program writes them, so they are
right by construction; the verifier looks at them all the same. Each searches in order, rejects at
least one try and sums up. Two twins take one thing from them: `wrong` leaves out the try that fits
and the summary, so every sentence is true and the answer is not; `empty` leaves out the thoughts.
"""

import random

from r1lab import tasks
from r1lab.tasks import Problem
from r1lab.tiny_world import corpus, habits
from r1lab.tiny_world.words import WORDS
from r1lab.verify import verify

KINDS = ("right", "wrong", "empty")
LONGEST = 320  # characters of the thoughts, to fit the cap


def trace(problem: Problem, kind: str = "right", language: str = "en") -> str | None:
    """The completion of one worked example on three numbers; None where the first try fits, or the
    thoughts are longer than `LONGEST`. kind: of `KINDS`."""
    words = WORDS[language]
    numbers = [(n, str(n)) for n in problem.numbers]
    thoughts, failed = "", None
    for one in habits.in_order(numbers, problem.target, words.__getitem__):
        if one.value == one.wanted:
            break
        thoughts += f"{one.text} vs {one.wanted}{words['next']}"
        failed = one
    if failed is None:
        return None
    whole = f"{thoughts}{one.text} vs {one.wanted}{words['yes']}{words['hence']}{one.close}"
    if len(whole) > LONGEST:
        return None
    given = {"right": (whole, one), "wrong": (thoughts, failed), "empty": ("", one)}
    said, last = given[kind]
    return corpus.frame(random.Random(0), 0.0, said, last.answer)


def examples(n: int, seed: int, kind: str = "right", template: str = "tiny") -> list[dict]:
    """n worked examples on train problems, none twice, as groups of samples.jsonl; the same
    problems for each kind. template: of the prompts; "tiny-zh" has its thoughts in Chinese, every
    other one in English. Raises ValueError for a kind that is not of `KINDS`."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
    posed = tasks.problems("countdown", 2 * n + 20, 5_000 + seed, "train", 3)
    language = "zh" if template == "tiny-zh" else "en"
    found = [(p, text) for p in posed if (text := trace(p, kind, language))][:n]
    return [group(p, text, tasks.prompt(p, template)) for p, text in found]


def products(n: int, seed: int, template: str = "tiny-both") -> list[dict]:
    """n multiplications in parts, right, as groups of samples.jsonl: the other task, so that it is
    not forgotten. "tiny-both" poses every second one in Chinese."""
    found, turns = [], ("tiny", "tiny-zh") if template == "tiny-both" else (template,)
    for i, p in enumerate(tasks.problems("multiplication", n, 5_000 + seed, "train", 2)):
        text = corpus.frame(random.Random(0), 0.0, corpus.parts(*p.numbers), str(p.target))
        found.append(group(p, text, tasks.prompt(p, turns[i % len(turns)])))
    return found


def sum_in_parts(problem: Problem) -> str:
    """A sum of two numbers of two digits as it is worked out in the head, for a language model:
    "37 + 48 = 70 + 15 = 85", first the tens and the ones."""
    a, b = problem.numbers
    tens, ones = 10 * (a // 10 + b // 10), a % 10 + b % 10
    return f"{a} + {b} = {tens} + {ones} = {problem.target}"


def group(problem: Problem, text: str, prompt: str) -> dict:
    """One example as a group of samples.jsonl. taught: that SFT learns it; the verifier's word
    stands beside it."""
    return {
        "step": 0, "task": problem.task, "numbers": list(problem.numbers),
        "target": problem.target, "question": problem.question, "prompt": prompt,
        "completions": [text],
        "rewards": {"accuracy": [float(verify(problem, text).correct)], "taught": [1.0]},
    }  # fmt: skip
