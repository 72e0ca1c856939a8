"""Aha detectors: does a completion try again, check, doubt, and does it help.

Two kinds of evidence (claims Z-04, Z-05): words, which a model can learn to say without
meaning them, and structure, which it cannot fake: candidates worked out and given up, sums
and comparisons that are true or not. Both are read from the thoughts alone, in the tiny
world's text and in a language model's, in English and in Chinese.

A reader of free text guesses. This one would rather miss an equation than call a right
one wrong: what it cannot read for sure (variables, decimals, powers) it leaves out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from r1lab.verify import Unreadable, read_expression, verify

R1_WORDS = (
    "wait",
    "mistake",
    "however",
    "but",
    "retry",
    "error",
    "verify",
    "wrong",
    "evaluate",
    "check",
)
WORDS = {  # reflection: the ten that R1 was measured by (v2, appendix C.2), "try", the same in Chinese
    "wait": ("wait", "try", "retry", "等等", "等一下", "试试", "再试", "重试", "试一试"),
    "check": ("check", "verify", "检查", "验证", "核对"),
    "doubt": ("mistake", "however", "but", "error", "wrong", "evaluate",
              "错误", "错了", "不对", "但是", "可是", "然而", "不过", "评估"),
}  # fmt: skip
GROUP = {word: group for group, words in WORDS.items() for word in words}
VERDICTS = {"yes": True, "对": True, "no": False, "不对": False}  # of a comparison: `V vs T no`
REJECTIONS = {  # behind an attempt these say that it is wrong; only some are reflection words
    "no", "nope", "not", "isn't", "doesn't", "didn't", "can't", "cannot", "wrong", "incorrect", "mistake", "error",
    "too big", "too small", "too large", "too low", "too high", "too much", "too far", "≠",
    "不对", "不行", "不是", "不等于", "不正确", "错误", "错了", "太大", "太小", "太多", "太少", "不够",
}  # fmt: skip
HAN = "㐀-鿿"
CHINESE = sorted((w for w in {*GROUP, *VERDICTS, *REJECTIONS} if re.match(f"[{HAN}]", w)), key=len)[
    ::-1
]

PLAIN = [(re.compile(pattern, re.M), plain) for pattern, plain in (
    (r"\*\*", " "), (r"[×·∙]|\\times\b|\\cdot\b", "*"), (r"÷|\\div\b", "/"), ("[−–]", "-"), ("’", "'"),
    (r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", ""),  # 3,402
    (r"(?<=[0-9)]) ?[xX] ?(?=[0-9(])", "*"),  # 3 x 7
    (r"(?<=[0-9)])(?=\()", "*"),  # 3(4+5)
    (r"^[ \t]{0,9}[-*•][ \t]", ""),  # an item of a list
)]  # fmt: skip
LETTERS = "a-zß-öø-ɏ"
TOKEN = re.compile(
    rf"""(?P<formula>(?:[-+*/=(][ \t]{{0,3}}){{0,8}}[0-9](?:[0-9]|\.(?=[0-9])|[ \t]{{0,3}}[-+*/=()]|[ \t]{{1,3}}(?=[0-9]))*)
    |(?P<versus>vs\.?[ ]?(?P<other>-?[0-9]{{1,9}})(?![0-9])[ ]?(?P<verdict>(?:yes|no)(?![{LETTERS}])|不?对)?)
    |(?P<stop>[.!?。！？\n])
    |(?P<word>too[ ](?:big|small|large|low|high|much|far)\b|[{LETTERS}_][{LETTERS}0-9_]*(?:'[{LETTERS}]+)?|≠)
    |(?P<chinese>{"|".join(CHINESE)}|[{HAN}])
    |(?P<other_sign></?[a-z]{{1,20}}>|\\[a-z]+|\S)""",
    re.X | re.I,
)  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """What one completion's thoughts show."""

    words: int  # reflection words
    waits: int  # of them: wait, try, retry
    checks: int  # of them: check, verify
    tries: int  # distinct attempts
    attempts: int
    rejected: int  # attempts called wrong
    rejected_wrong: int  # of them: those that are wrong
    first_right: bool | None  # the first attempt reached the target; None: no attempt
    revision: (
        str  # from there to the answer: "wrong to right", ...; "none" with less than two attempts
    )
    yes: int  # verdicts of a comparison `V vs T`
    no: int
    false_yes: int
    false_no: int
    equations: int
    wrong_equations: int


def thoughts(completion: str) -> str:
    """The text up to `</think>`, or up to `<answer>` where that tag is missing."""
    end = "</think>" if "</think>" in completion else "<answer>"
    return completion.split(end, 1)[0].split("<think>", 1)[-1]


def trace(task: str, numbers: Sequence[int], target: int, completion: str) -> Trace:
    """Read one completion.

    An attempt is a run of equations up to the end of a sentence, a verdict or a word that
    reflects or rejects; its value is its last right-hand side. Two attempts are the same
    when their equations are, whatever the order of equations, summands and factors. A word
    problem (gsm8k) has no attempts: there an equation is a step, and few steps reach the target.
    """
    n: Counter = Counter()
    attempts: list[dict] = []
    running, shown = False, None  # the last attempt still grows; the value just before this token
    for kind, content in _tokens(thoughts(completion)):
        if kind == "formula":
            equations, shown = _equations(content)
            n["equations"] += len(equations)
            n["wrong"] += sum(not true for _, true in equations)
            if equations:
                if not running:
                    attempts.append({"forms": set(), "value": None, "rejected": False})
                attempts[-1]["forms"] |= {form for form, _ in equations}
                attempts[-1]["value"], running = shown, True
            continue
        if kind == "versus":
            if content["verdict"] and shown is not None:
                said, other = VERDICTS[content["verdict"].lower()], int(content["other"])
                n[said] += 1
                n["false", said] += said != (shown == other)
                if (
                    attempts and not said
                ):  # against an earlier result that misses the target: that one goes
                    earlier = [a for a in attempts[:-1] if a["value"] == other != target]
                    (earlier or attempts)[-1]["rejected"] = True
            running = running and not content["verdict"]
        elif kind in ("word", "chinese"):
            n[GROUP.get(content)] += 1
            if content in REJECTIONS and attempts:
                attempts[-1]["rejected"] = True
            running = running and content not in GROUP and content not in REJECTIONS
        elif kind == "stop":
            running = False
        shown = None
    if task == "gsm8k":
        attempts = []
    first = attempts[0]["value"] == target if attempts else None
    right = verify(task, numbers, target, completion).correct
    name = {True: "right", False: "wrong"}
    return Trace(
        words=n["wait"] + n["check"] + n["doubt"], waits=n["wait"], checks=n["check"],
        tries=len({frozenset(a["forms"]) for a in attempts}), attempts=len(attempts),
        rejected=sum(a["rejected"] for a in attempts),
        rejected_wrong=sum(a["rejected"] and a["value"] != target for a in attempts),
        first_right=first, revision=f"{name[first]} to {name[right]}" if len(attempts) > 1 else "none",
        yes=n[True], no=n[False], false_yes=n["false", True], false_no=n["false", False],
        equations=n["equations"], wrong_equations=n["wrong"],
    )  # fmt: skip


def _tokens(text: str) -> Iterator[tuple[str, object]]:
    """(kind, content) of each token; a word in lower case, "versus" as its match. A formula
    that goes on from something unreadable (`x + 3 = 5`, `2^3 + 1 = 9`) begins with "?"."""
    for pattern, plain in PLAIN:
        text = pattern.sub(plain, text)
    kind, end = "", 0
    for match in TOKEN.finditer(text):
        kind_before, glued, kind, content = (
            kind,
            match.start() == end,
            match.lastgroup,
            match[0].lower(),
        )
        if kind != "formula":
            yield kind, match if kind == "versus" else content
        else:
            glued = glued and (kind_before == "word" or end > 0 and text[end - 1] in "^_{}.")
            sign = content[0] == "-" and (kind_before == "word" or content[1] in " \t")
            unclear = "?" if glued or sign else ""
            for piece in re.split(
                r"(?<=[0-9)])[ \t]+(?=[0-9(])", unclear + content
            ):  # 1) 3+7=10 10*2=20
                yield kind, piece
        end = match.end()


def _equations(formula: str) -> tuple[list[tuple[tuple, bool]], Fraction | None]:
    """(form, true or not) of each equation in `a = b = c`, and the value of the last side.
    Both sides must be readable, and at least one an operation. Equal forms: the same numbers
    and operators on the left, in whatever order, with the same values."""
    sides = [side.strip() for side in re.split("=+", formula.rstrip("+-*/(= \t"))]
    read = [_side(side) for side in sides]
    found = []
    for (left, tokens), (right, others) in zip(read, read[1:], strict=False):
        if left is not None and right is not None and len(tokens) + len(others) > 2:
            found.append(((tokens, left, right), left == right))
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


def of(asked: Sequence, texts: Sequence[str], verdicts: Sequence, lengths: Sequence[int]) -> dict:
    """`summarise` over completions: their problems, texts, verdicts and lengths in tokens."""
    traces = [trace(p.task, p.numbers, p.target, t) for p, t in zip(asked, texts, strict=True)]
    return summarise(traces, lengths, [v.correct for v in verdicts])


def summarise(
    traces: Sequence[Trace], lengths: Sequence[int], correct: Sequence
) -> dict[str, float | None]:
    """Plain numbers over completions; None where there is nothing to count. lengths: in tokens.

    Means of a completion: words (of reflection), waits, tries (distinct), attempts, length,
    length_right, length_wrong. words_per_1000: in 1,000 tokens. Shares of completions:
    reflects (a wait, try or check), rejects (gives up an attempt that is wrong before it
    answers), wrong_to_right (of those whose first attempt was wrong). Shares of what was
    stated: equation_errors, false_yes, false_no.
    """
    rows = list(zip(traces, lengths, correct, strict=True))
    n = len(rows)
    lengths_right = [length for _, length, right in rows if right]
    wrong_first = [t for t in traces if t.first_right is False]
    total = Counter()
    for t in traces:
        total.update({name: value for name, value in vars(t).items() if isinstance(value, int)})
    return {
        "reflects": _share(sum(t.waits + t.checks > 0 for t in traces), n),
        **{name: _share(total[name], n) for name in ("words", "waits", "tries", "attempts")},
        "words_per_1000": _share(1000 * total["words"], sum(lengths)),
        "rejects": _share(sum(t.rejected_wrong > 0 for t in traces), n),
        "wrong_to_right": _share(sum(t.revision == "wrong to right" for t in wrong_first), len(wrong_first)),
        "length": _share(sum(lengths), n),
        "length_right": _share(sum(lengths_right), len(lengths_right)),
        "length_wrong": _share(sum(lengths) - sum(lengths_right), n - len(lengths_right)),
        "equation_errors": _share(total["wrong_equations"], total["equations"]),
        "false_yes": _share(total["false_yes"], total["yes"]),
        "false_no": _share(total["false_no"], total["no"]),
    }  # fmt: skip


def _share(part: float, whole: int) -> float | None:
    return float(part / whole) if whole else None


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
    for kind, content in _tokens(thoughts(completion)):
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
