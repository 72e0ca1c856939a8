r"""gsm8k: word problems of grade school, for a real model on a graphics card (Cobbe et al. 2021).

7,473 to train on and 1,319 to test with; they come from the hub, with the split of their
authors. A base model has met such answers with units and in LaTeX. So they are read by a
library, math-verify, and it sees only what cannot cost it much: one number, no operation.
"""

import logging
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import accumulate

from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import (
    Found,
    Unreadable,
    check_length,
    has_tags,
    in_tags,
    last_number,
)
from r1lab.tasks.task import Task

DATA_SET = {
    "path": "openai/gsm8k",
    "name": "main",
    "revision": "e53f048856ff4f594e959d75785d2c2d37b678ee",
}
# The answer is the last line of the solution. All 8,792 rows have this form; 93 have commas.
ANSWER = re.compile(r"\n#### (-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+))\s*$")
BOX = r"\boxed{"  # base models of the Qwen family put their answer there
FRACTION = r"\\frac\{[0-9]+\}\{[0-9]+\}"
NUMBER = re.compile(FRACTION + r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?")
# 25% is a quarter to math-verify, and 25 to the problems
PER_CENT = r"\\?%|[Pp]er ?cent(?:age)?|[Pp]ct"
# the LaTeX that may stand in a number's text
LATEX = re.compile(FRACTION + r"|\\(?:boxed|text|[$%(),])")


def every(split: str) -> list[Problem]:
    """All word problems of a split, "train" or "test", in the order of the data set.

    Read from the hub once, then from its cache. Raises ValueError where neither can be
    reached, and for a row whose answer is not an integer behind `####`.
    """
    from datasets import load_dataset  # a second to import, and only this task needs it

    try:
        rows = load_dataset(**DATA_SET, split=split)
    except OSError as error:  # offline, no such repository or revision, no place to write
        raise ValueError(
            f"the problems of gsm8k cannot be loaded ({error}): connect once without "
            "HF_HUB_OFFLINE, later they are read from the cache"
        ) from error
    return [_problem(**row) for row in rows]


def _problem(question: str, answer: str) -> Problem:
    found = ANSWER.search(answer)
    if not found:
        raise ValueError(
            f"a row of gsm8k has no integer behind ####, its solution ends in {answer[-40:]!r}"
        )
    return Problem("gsm8k", (), int(found[1].replace(",", "")), question.strip())


def find(completion: str) -> Found:
    r"""The only answer block; where there are no answer tags at all, what the last `\boxed{...}`
    holds if there is one, and else the last number."""
    if has_tags(completion):
        return in_tags(completion)
    return _last_boxed(completion) if BOX in completion else last_number(completion)


def _last_boxed(completion: str) -> Found:
    text = completion[completion.rfind(BOX) + len(BOX) :]
    depths = accumulate(((c == "{") - (c == "}") for c in text), initial=1)
    end = next((i for i, depth in enumerate(depths) if depth == 0), None)
    return Found(text[: end - 1]) if end else Found(None, "no answer")


def read_number(text: str) -> Fraction:
    r"""The exact value of the one number in `text`, as the library math-verify reads it: `18`,
    `$18`, `18.00`, `1,024`, `-7`, `18 dollars`, `\frac{36}{2}`, `\boxed{18}`. Per cent are counted
    as they are written: `25%` is 25.

    Words beside the number are not read. Raises Unreadable for no number or more than one, for an
    operation, and for what math-verify takes for no number. Raises ValueError without math-verify.
    """
    parse, to_rational = _math_verify()
    check_length(text)
    strange = re.search(r"[^A-Za-z0-9 \t\r\n$%.,:;='\"{}-]", LATEX.sub("", text))
    if strange:  # operations, powers and factorials, which can grow without end, are among them
        raise Unreadable(
            f"has {strange[0]!a}: only a number in ASCII, words and a little LaTeX are read"
        )
    if len(NUMBER.findall(text)) != 1:
        raise Unreadable("does not have just one number")
    if re.search(r"-(?!\\frac|[0-9A-Za-z])", text):
        raise Unreadable("has a sign without a number")  # math-verify reads `- 7` as 7
    text = re.sub(PER_CENT + r"|\\(?=\$)", "", text)  # math-verify cannot read \$18
    # No timeout, which only the main thread can have: what is left here cannot take long.
    found = parse(text, parsing_timeout=None, fallback_mode="no_fallback")
    if not found or not (found[0].is_Rational or found[0].is_Float):
        raise Unreadable("is not one number to math-verify")
    return Fraction(to_rational(found[0]))


@cache
def _math_verify() -> tuple[Callable, Callable]:
    """math-verify's parser and sympy's exact fraction: slow to import, and needed here alone."""
    try:
        from math_verify import parse
        from sympy import Rational
    except ImportError as error:
        raise ValueError(
            f"gsm8k's answers are read by math-verify, which is missing ({error}): "
            "pip install math-verify"
        ) from error
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns of a parse without timeout
    return parse, Rational


def _judge(problem: Problem, answer: str) -> str:
    return "correct" if read_number(answer) == problem.target else "wrong value"


GSM8K = Task(
    name="gsm8k",
    data_set=every,
    question=lambda problem: f"{problem.question} Give only the number as the answer.",
    short=lambda problem: problem.question,
    find=find,
    judge=_judge,  # no attempts: an equation is a step, and few steps reach the target
)
