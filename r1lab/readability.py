"""What a text is to its reader: in one language or mixed, in its form, without going round in
circles (DeepSeek-R1, 2.3.1 and 2.3.2; the drawback of R1-Zero, 2.2.4).
"""

import re
from collections import Counter

from r1lab import habits
from r1lab.tasks.problem import Problem
from r1lab.thoughts import CHINESE, HAN, LETTERS, thoughts, tokens
from r1lab.verify import is_formatted

SUMMARY = r"(?:yes\.|对。) ?(?:Then |那么 )[0-9+*/=, -]{1,60}$"


def asked_in(prompt: str) -> str:
    """The language of a prompt: "zh" where it has a Chinese character, else "en"."""
    return "zh" if re.search(f"[{HAN}]", prompt) else "en"


def language_share(completion: str, language: str) -> float | None:
    """Share of the thinking words that are of `language`, "en" or "zh": the reward against
    mixed languages (DeepSeek-R1 v2, eq. 7). None where the thoughts have no word.

    Only words of the two languages count. Chinese has no blanks: a word of the lists above
    is one word, two other characters are one. `vs` is in both languages, a single letter
    is a variable.
    """
    if language not in ("en", "zh"):
        raise ValueError(f"unknown language {language!r}: choose en or zh")
    count = Counter()
    for kind, content in tokens(thoughts(completion)):
        word = (content["verdict"] or "").lower() if kind == "versus" else content
        if kind == "chinese" or re.match(f"[{HAN}]", word):
            count["zh"] += 1 if word in CHINESE else 0.5
        elif (
            kind in ("word", "versus")
            and re.fullmatch(f"[ai]|[{LETTERS}' ]{{2,}}", word)
            and word != "vs"
        ):
            count["en"] += 1
    return count[language] / total if (total := sum(count.values())) else None


def readable(problem: Problem, prompt: str, text: str) -> bool:
    """Whether a reader of the prompt can follow: all four tags, no word of the other language in
    the thoughts, no try written twice. Says nothing of whether it is right; and a bare guess,
    which has no words, passes."""
    habit = habits.read(problem, text)
    once = habit is None or habit.repeated == 0
    return is_formatted(text) and once and language_share(text, asked_in(prompt)) in (None, 1.0)


def summed_up(text: str) -> bool:
    """Whether the thoughts end in a summary: behind a yes the steps that led there, said again."""
    return bool(re.search(SUMMARY, thoughts(text)))
