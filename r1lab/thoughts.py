"""The thoughts of a completion as tokens: words, equations, comparisons.

In the tiny world's text and in a language model's, in English and in Chinese. A reader of free
text guesses. This one would rather miss an equation than call a right one wrong: what it cannot
read for sure (variables, decimals, powers) it leaves out. Its work is bounded: the text is
hostile input.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from r1lab.tasks.reading import Unreadable, read_expression

R1_WORDS = (  # those that R1 was measured by (v2, appendix C.2)
    "wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check",
)  # fmt: skip
WORDS = {  # reflection: these ten, "try", and the same in Chinese
    "wait": ("wait", "try", "retry", "等等", "等一下", "试试", "再试", "重试", "试一试"),
    "check": ("check", "verify", "检查", "验证", "核对"),
    "doubt": ("mistake", "however", "but", "error", "wrong", "evaluate",
              "错误", "错了", "不对", "但是", "可是", "然而", "不过", "评估"),
}  # fmt: skip
GROUP = {word: group for group, words in WORDS.items() for word in words}
VERDICTS = {"yes": True, "对": True, "no": False, "不对": False}  # of a comparison: `V vs T no`
SO = {"so", "所以"}  # behind a step back from the target: `22-7=15 so 3*5=15 vs 15 yes`
REJECTIONS = {  # behind an attempt these say that it is wrong; only some are reflection words
    "no", "nope", "not", "isn't", "doesn't", "didn't", "can't", "cannot", "wrong", "incorrect",
    "mistake", "error", "≠",
    "too big", "too small", "too large", "too low", "too high", "too much", "too far",
    "不对", "不行", "不是", "不等于", "不正确", "错误", "错了",
    "太大", "太小", "太多", "太少", "不够",
}  # fmt: skip
HAN = "㐀-鿿"
LISTED = {*GROUP, *VERDICTS, *SO, *REJECTIONS}
CHINESE = sorted((w for w in LISTED if re.match(f"[{HAN}]", w)), key=len, reverse=True)

PLAIN = [(re.compile(pattern, re.M), plain) for pattern, plain in (
    (r"\*\*", " "), (r"[×·∙]|\\times\b|\\cdot\b", "*"), (r"÷|\\div\b", "/"),
    ("[−–]", "-"), ("’", "'"),
    (r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", ""),  # 3,402
    (r"(?<=[0-9)]) ?[xX] ?(?=[0-9(])", "*"),  # 3 x 7
    (r"(?<=[0-9)])(?=\()", "*"),  # 3(4+5)
    (r"^[ \t]{0,9}[-*•][ \t]", ""),  # an item of a list
)]  # fmt: skip
LETTERS = "a-zß-öø-ɏ"
TOKEN = re.compile(
    rf"""(?P<formula>(?:[-+*/=(][ \t]{{0,3}}){{0,8}}
        [0-9](?:[0-9]|\.(?=[0-9])|[ \t]{{0,3}}[-+*/=()]|[ \t]{{1,3}}(?=[0-9]))*)
    |(?P<versus>vs\.?[ ]?(?P<other>-?[0-9]{{1,9}})(?![0-9])[ ]?
        (?P<verdict>(?a:yes|no)(?![{LETTERS}])|不?对)?)
    |(?P<stop>[.!?。！？\n])
    |(?P<word>too[ ](?:big|small|large|low|high|much|far)\b
        |[{LETTERS}_][{LETTERS}0-9_]*(?:'[{LETTERS}]+)?|≠)
    |(?P<chinese>{"|".join(CHINESE)}|[{HAN}])
    |(?P<other_sign></?[a-z]{{1,20}}>|\\[a-z]+|\S)""",
    re.X | re.I,
)  # fmt: skip
BESIDE = re.compile(r"(?<=[0-9)])[ \t]+(?=[0-9(])")  # between two: `1) 3+7=10 10*2=20`


def thoughts(completion: str) -> str:
    """The text up to `</think>`, or up to `<answer>` where that tag is missing."""
    end = "</think>" if "</think>" in completion else "<answer>"
    return completion.split(end, 1)[0].split("<think>", 1)[-1]


def tokens(text: str) -> Iterator[tuple[str, object]]:
    """(kind, content) of each token; a word in lower case, "versus" as its match. A formula
    that goes on from something unreadable (`x + 3 = 5`, `2^3 + 1 = 9`) begins with "?"."""
    for pattern, plain in PLAIN:
        text = pattern.sub(plain, text)
    kind, end = "", 0
    for match in TOKEN.finditer(text):
        after_word = kind == "word"
        glued = match.start() == end  # to what stands before it
        kind = match.lastgroup
        content = match[0].lower()
        if kind != "formula":
            yield kind, match if kind == "versus" else content
        else:
            glued = glued and (after_word or end > 0 and text[end - 1] in "^_{}.")
            sign = content[0] == "-" and (after_word or content[1] in " \t")
            unclear = "?" if glued or sign else ""
            for piece in BESIDE.split(unclear + content):
                yield kind, piece
        end = match.end()


def equations(formula: str) -> tuple[list[tuple[tuple, bool]], Fraction | None]:
    """(form, true or not) of each equation in `a = b = c`, and the value of the last side.
    Both sides must be readable, and at least one an operation. Equal forms: the same numbers
    and operators on the left, in whatever order, with the same values."""
    sides = [side.strip() for side in re.split("=+", formula.rstrip("+-*/(= \t"))]
    read = [_side(side) for side in sides]
    found = []
    for (left, ours), (right, others) in zip(read, read[1:], strict=False):
        if left is not None and right is not None and len(ours) + len(others) > 2:
            found.append(((ours, left, right), left == right))
    return found, read[-1][0]


@lru_cache(maxsize=50_000)
def _side(text: str) -> tuple[Fraction | None, tuple[str, ...]]:
    """The value of one side, None where it cannot be read, and its tokens in sorted order."""
    extra = text.count("(") - text.count(")")  # the pair of `(3+7=10)` stands on two sides
    if extra > 0 and text.startswith("(" * extra):
        text = text[extra:]
    elif extra < 0 and text.endswith(")" * -extra):
        text = text[:extra]
    try:
        value = read_expression(text)[0]
    except Unreadable:
        return None, ()
    return value, tuple(sorted(re.findall("[0-9]+|[-+*/]", text.lstrip("-"))))
