"""The judge: is an answer right, and if not, why not.

R1-Zero has no reward model; rules alone decide what is reinforced (DeepSeek-R1, 2.2.2).
So training searches for every hole in this file, and a completion is hostile input: it is
never run, the work on it is bounded, a wanted number is never looked for inside a longer
text, and an answer that cannot be read is counted under its own reason.

Left out on purpose: `x`, `×`, `÷`, decimals, `expression = value`, LaTeX. One way to
write an answer makes one way to be wrong; the prompt asks for it, and learning to obey
is part of the task. Only the answers to gsm8k's word problems, which a base model has met
with units and in LaTeX, are read by a library, math-verify, and it sees only what cannot
cost it much: one number, no operation.
"""

import ast
import logging
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import accumulate

REASONS = ("correct", "no answer", "several answers", "unreadable", "wrong numbers", "wrong value")
LONGEST = 200  # characters of an answer; four numbers need about 30
DEEPEST = 16  # parentheses inside each other; more would cost the parser, not help a pupil
DIGITS = 6  # of one number
BLANK = " \t\r\n"  # ASCII only: str.strip() alone would also take away U+3000 and others
BOX = r"\boxed{"  # base models of the Qwen family put their answer there
FRACTION = r"\\frac\{[0-9]+\}\{[0-9]+\}"
NUMBER = re.compile(FRACTION + r"|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?")
PER_CENT = (
    r"\\?%|[Pp]er ?cent(?:age)?|[Pp]ct"  # 25% is a quarter to math-verify, and 25 to the problems
)
LATEX = re.compile(
    FRACTION + r"|\\(?:boxed|text|[$%(),])"
)  # the LaTeX that may stand in a number's text
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Unreadable(ValueError):
    """This text is not an answer; the message says why, without repeating the text."""


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one completion. `reason` is one of `REASONS`. `answer` is the
    text that was judged (`verify` says which), None where there is none. For the words behind
    "unreadable", call `read_expression`, `read_integer` or (gsm8k) `read_number` on it."""

    correct: bool
    formatted: bool
    reason: str
    answer: str | None


def read_expression(text: str) -> tuple[Fraction, list[int]]:
    """The exact value of an arithmetic expression, and its numbers from left to right.

    Read are numbers in ASCII digits, `+ - * /`, parentheses, blanks and line ends. A sign
    is allowed (`-3` uses the number 3): it reaches no positive target that is out of reach
    without it. Raises Unreadable for all else, division by zero included.
    """
    _check_length(text)
    strange = re.search(r"[^0-9+\-*/() \t\r\n]", text)
    if strange:
        raise Unreadable(
            f"has the character {strange[0]!a}: only ASCII digits, + - * / and ( ) are read"
        )
    numbers = re.findall("[0-9]+", text)
    for number in numbers:
        _check_number(number)
    if max(accumulate((c == "(") - (c == ")") for c in text)) > DEEPEST:
        raise Unreadable(f"has more than {DEEPEST} parentheses inside each other")
    try:
        tree = ast.parse(re.sub(f"[{BLANK}]", " ", text).strip(), mode="eval")
    except SyntaxError as error:  # the only error left: length, depth and characters are checked
        raise Unreadable("is not an arithmetic expression") from error
    return _value(tree.body), [int(number) for number in numbers]


def read_integer(text: str) -> int:
    """The number that `text` is, outer blanks ignored. Raises Unreadable for all else: a
    sign, a separator (`1,024`), a leading zero, a second number, a word, an expression."""
    _check_length(text)
    number = text.strip(BLANK)
    if not re.fullmatch("[0-9]+", number):
        raise Unreadable("is not just one number in ASCII digits")
    _check_number(number)
    return int(number)


def read_number(text: str) -> Fraction:
    r"""The exact value of the one number in `text`, as the library math-verify reads it: `18`,
    `$18`, `18.00`, `1,024`, `-7`, `18 dollars`, `\frac{36}{2}`, `\boxed{18}`. Per cent are counted
    as they are written: `25%` is 25.

    Words beside the number are not read. Raises Unreadable for no number or more than one, for an
    operation, and for what math-verify takes for no number. Raises ValueError without math-verify.
    """
    parse, to_rational = _math_verify()
    _check_length(text)
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
    # Without its timeout, which only the main thread can have: what is left here cannot take long.
    found = parse(text, parsing_timeout=None, fallback_mode="no_fallback")
    if not found or not (found[0].is_Rational or found[0].is_Float):
        raise Unreadable("is not one number to math-verify")
    return Fraction(to_rational(found[0]))


@cache
def _math_verify() -> tuple[Callable, Callable]:
    """math-verify's parser and sympy's exact fraction: slow to import, and only gsm8k needs them."""
    try:
        from math_verify import parse
        from sympy import Rational
    except ImportError as error:
        raise ValueError(
            f"gsm8k's answers are read by math-verify, which is missing ({error}): pip install math-verify"
        ) from error
    logging.getLogger("math_verify").setLevel(
        logging.ERROR
    )  # it warns of every parse without its timeout
    return parse, Rational


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise Unreadable(f"is longer than {LONGEST} characters")
    if not text.strip(BLANK):
        raise Unreadable("is empty")


def _check_number(number: str) -> None:
    if len(number) > DIGITS:
        raise Unreadable(f"has a number of more than {DIGITS} digits")
    if number[0] == "0" and number != "0":
        raise Unreadable("has a number with a leading zero")


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


def find_answer(completion: str) -> tuple[str | None, str]:
    """The text of the only answer block and "", or None and the reason.

    "no answer": no opened and closed block. "several answers": a block, and either tag more
    than once. Which block counts is not for the judge to guess, and a completion that
    offers several answers must not earn by their number.
    """
    start = completion.find("<answer>")
    end = completion.find("</answer>", start)
    if start < 0 or end < 0:
        return None, "no answer"
    if completion.count("<answer>") > 1 or completion.count("</answer>") > 1:
        return None, "several answers"
    return completion[start + len("<answer>") : end], ""


def last_number(completion: str) -> tuple[str | None, str]:
    """The last number of a text without tags, with what belongs to it (`1,024`, `3.5`, `-7`), and
    "", or None and "no answer". Whether it can be read is for the reader to say."""
    found = re.findall(r"-?[0-9][0-9.,]*", completion)
    return (found[-1].rstrip(".,"), "") if found else (None, "no answer")


def last_boxed(completion: str) -> tuple[str | None, str]:
    r"""What stands in the last `\boxed{...}`, and "", or None and "no answer" where it is not closed."""
    text = completion[completion.rfind(BOX) + len(BOX) :]
    depths = accumulate(((c == "{") - (c == "}") for c in text), initial=1)
    end = next((i for i, depth in enumerate(depths) if depth == 0), None)
    return (text[: end - 1], "") if end else (None, "no answer")


def is_formatted(completion: str) -> bool:
    """Whether all of the completion is `<think>…</think>` and then `<answer>…</answer>`, each
    tag once, with blanks at most around them: R1-Zero's format reward (DeepSeek-R1, 2.2.2).
    What stands inside the tags is not judged. The end token must already be cut off."""
    text = completion.strip(BLANK)
    if any(text.count(tag) != 1 for tag in ("<think>", "</think>", "<answer>", "</answer>")):
        return False
    thoughts, _, rest = text.partition("</think>")
    rest = rest.lstrip(BLANK)
    return (
        thoughts.startswith("<think>")
        and rest.startswith("<answer>")
        and rest.endswith("</answer>")
    )


def verify(task: str, numbers: Sequence[int], target: int, completion: str) -> Verdict:
    r"""Judge one completion.

    "countdown": the answer is an expression that uses each of `numbers` exactly once and
    equals `target` exactly. "multiplication", "addition" and "gsm8k": it is the number
    `target`; `numbers` is not needed. gsm8k's number may be written in all the ways that
    `read_number` reads.

    The answer stands in the only answer block. For "addition" and "gsm8k" there need be no
    answer tags: without any, the last number of the completion is the answer, or what its last
    `\boxed{...}` holds, if gsm8k's has one.

    Raises ValueError for another task, and for gsm8k without math-verify; never for a completion.
    """
    if task not in ("countdown", "multiplication", "addition", "gsm8k"):
        raise ValueError(
            f"unknown task {task!r}: choose countdown, multiplication, addition or gsm8k"
        )
    answer, reason = find_answer(completion)
    if (
        task in ("addition", "gsm8k")
        and "<answer>" not in completion
        and "</answer>" not in completion
    ):
        boxed = task == "gsm8k" and BOX in completion
        answer, reason = last_boxed(completion) if boxed else last_number(completion)
    if answer is not None:
        reason = _judge(task, numbers, target, answer)
    return Verdict(reason == "correct", is_formatted(completion), reason, answer)


def _judge(task: str, numbers: Sequence[int], target: int, answer: str) -> str:
    try:
        if task == "countdown":
            value, used = read_expression(answer)
            if sorted(used) != sorted(numbers):
                return "wrong numbers"
        else:
            value = read_number(answer) if task == "gsm8k" else read_integer(answer)
    except Unreadable:
        return "unreadable"
    return "correct" if value == target else "wrong value"
