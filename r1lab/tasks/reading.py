"""Readers of what a model wrote: where the answer stands, and what it says.

Training searches for every hole in this file, and a completion is hostile input: it is never
run, the work on it is bounded, a wanted number is never looked for inside a longer text, and
what cannot be read is refused.

Left out on purpose: `x`, `×`, `÷`, decimals, `expression = value`, LaTeX. One way to write an
answer makes one way to be wrong; the prompt asks for it, and learning to obey is part of the
task. (gsm8k's answers, which a base model has met with units and in LaTeX, are read in gsm8k.)
"""

import ast
import operator
import re
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

LONGEST = 200  # characters of an answer; four numbers need about 30
DEEPEST = 16  # parentheses inside each other; more would cost the parser, not help a pupil
DIGITS = 6  # of one number
BLANK = " \t\r\n"  # ASCII only: str.strip() alone would also take away U+3000 and others
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Unreadable(ValueError):
    """This text is not an answer; the message says why, without repeating the text."""


class Found(NamedTuple):
    """The text of an answer; or None and why there is none: "no answer" or "several answers"."""

    text: str | None
    reason: str = ""


def in_tags(completion: str) -> Found:
    """The text of the only answer block.

    "no answer": no opened and closed block. "several answers": a block, and either tag more
    than once. Which block counts is not for the judge to guess, and a completion that
    offers several answers must not earn by their number.
    """
    start = completion.find("<answer>")
    end = completion.find("</answer>", start)
    if start < 0 or end < 0:
        return Found(None, "no answer")
    if completion.count("<answer>") > 1 or completion.count("</answer>") > 1:
        return Found(None, "several answers")
    return Found(completion[start + len("<answer>") : end])


def has_tags(completion: str) -> bool:
    """Whether an answer tag stands in the completion, opened or closed."""
    return "<answer>" in completion or "</answer>" in completion


def last_number(completion: str) -> Found:
    """The last number of a text without tags, with what belongs to it (`1,024`, `3.5`, `-7`).
    Whether it can be read is for the reader to say."""
    found = re.findall(r"-?[0-9][0-9.,]*", completion)
    return Found(found[-1].rstrip(".,")) if found else Found(None, "no answer")


def in_tags_or_last_number(completion: str) -> Found:
    """The only answer block; where there are no answer tags at all, the last number."""
    return in_tags(completion) if has_tags(completion) else last_number(completion)


def check_length(text: str) -> None:
    """Raises Unreadable for more than LONGEST characters, and for blanks alone."""
    if len(text) > LONGEST:
        raise Unreadable(f"is longer than {LONGEST} characters")
    if not text.strip(BLANK):
        raise Unreadable("is empty")


def check_number(number: str) -> None:
    """Raises Unreadable for more than DIGITS digits, and for a leading zero."""
    if len(number) > DIGITS:
        raise Unreadable(f"has a number of more than {DIGITS} digits")
    if number[0] == "0" and number != "0":
        raise Unreadable("has a number with a leading zero")


def read_integer(text: str) -> int:
    """The number that `text` is, outer blanks ignored. Raises Unreadable for all else: a
    sign, a separator (`1,024`), a leading zero, a second number, a word, an expression."""
    check_length(text)
    number = text.strip(BLANK)
    if not re.fullmatch("[0-9]+", number):
        raise Unreadable("is not just one number in ASCII digits")
    check_number(number)
    return int(number)


def read_expression(text: str) -> tuple[Fraction, list[int]]:
    """The exact value of an arithmetic expression, and its numbers from left to right.

    Read are numbers in ASCII digits, `+ - * /`, parentheses, blanks and line ends. A sign
    is allowed (`-3` uses the number 3): it reaches no positive target that is out of reach
    without it. Raises Unreadable for all else, division by zero included.
    """
    check_length(text)
    strange = re.search(r"[^0-9+\-*/() \t\r\n]", text)
    if strange:
        raise Unreadable(
            f"has the character {strange[0]!a}: only ASCII digits, + - * / and ( ) are read"
        )
    numbers = re.findall("[0-9]+", text)
    for number in numbers:
        check_number(number)
    if max(accumulate((c == "(") - (c == ")") for c in text)) > DEEPEST:
        raise Unreadable(f"has more than {DEEPEST} parentheses inside each other")
    try:
        tree = ast.parse(re.sub(f"[{BLANK}]", " ", text).strip(), mode="eval")
    except SyntaxError as error:  # the only error left: length, depth and characters are checked
        raise Unreadable("is not an arithmetic expression") from error
    return _value(tree.body), [int(number) for number in numbers]


def _value(node: ast.expr) -> Fraction:
    """At most LONGEST calls deep, since every level costs a character."""
    if isinstance(node, ast.Constant):  # digits only, so an int
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Div) and right == 0:
            raise Unreadable("divides by zero")
        return OPERATIONS[type(node.op)](left, right)
    raise Unreadable("has an operation that is not one of + - * /")  # 2**3, 7//2, +3, 3(4), ()
