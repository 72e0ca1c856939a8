"""The judge against an oracle of another kind, and against hostile text.

The oracle builds an expression as a tree, so it knows value and numbers before there is any
text; for text that was broken afterwards, a recursive-descent parser in integer pairs says
what must come out. Neither uses `ast` or `Fraction`.
"""

import random
import sys
import warnings
from collections import Counter
from fractions import Fraction

import pytest

from r1lab.tasks import Problem, problems, prompt
from r1lab.tasks.reading import (
    DEEPEST,
    LONGEST,
    Unreadable,
    in_tags,
    read_expression,
    read_integer,
)
from r1lab.verify import REASONS, Verdict, is_formatted, verify

# ---- the oracle: a value is a pair (numerator, denominator), None a division by zero ----


def combine(op, left, right):
    if left is None or right is None:
        return None
    (a, b), (c, d) = left, right
    if op == "/":
        return None if c == 0 else (a * d, b * c)
    return {"+": (a * d + c * b, b * d), "-": (a * d - c * b, b * d), "*": (a * c, b * d)}[op]


def random_tree(rng, numbers):
    """A tree (op, left, right), ("sign", child) or a number, over `numbers` in any order."""
    if rng.random() < 0.06:
        return ("sign", random_tree(rng, numbers))
    if len(numbers) == 1:
        return numbers[0]
    cut = rng.randrange(1, len(numbers))
    return rng.choice("+-*/"), random_tree(rng, numbers[:cut]), random_tree(rng, numbers[cut:])


def value_of_tree(tree):
    if isinstance(tree, int):
        return tree, 1
    if tree[0] == "sign":
        return combine("-", (0, 1), value_of_tree(tree[1]))
    return combine(tree[0], value_of_tree(tree[1]), value_of_tree(tree[2]))


def render(rng, tree, loosest=0):
    """The tree as text: parentheses where they are needed and sometimes where not, random
    blanks. `loosest` is the weakest binding that may stand here bare."""
    gap = rng.choice(["", "", "", "", " ", "\n", "\t  "])
    if isinstance(tree, int):
        text, binding = str(tree), 4
    elif tree[0] == "sign":
        text, binding = "-" + gap + render(rng, tree[1], 3), 3
    else:
        binding = 1 if tree[0] in "+-" else 2
        text = render(rng, tree[1], binding) + gap + tree[0] + render(rng, tree[2], binding + 1)
    if binding < loosest or rng.random() < 0.05:
        text = "(" + text + gap + ")"
    return gap + text


class Broken(Exception):
    pass


def parse(text):
    """Value and numbers of `text` by recursive descent; raises Broken if it is no expression."""
    tokens, at = [], 0
    while at < len(text):
        end = at + 1
        if text[at] in "0123456789":
            while end < len(text) and text[end] in "0123456789":
                end += 1
            if end - at > 6 or (text[at] == "0" and end - at > 1):
                raise Broken
        elif text[at] not in "+-*/() \t\r\n":
            raise Broken
        tokens += [text[at:end]] if text[at] not in " \t\r\n" else []
        at = end
    tokens.append("end")
    used = []

    def chain(ops, part):
        value = part()
        while tokens[0] in ops:
            op = tokens.pop(0)
            value = combine(op, value, part())
        return value

    def term():
        return chain(("*", "/"), factor)

    def factor():
        token = tokens.pop(0)
        if token == "-":
            return combine("-", (0, 1), factor())
        if token == "(":
            value = chain(("+", "-"), term)
            if tokens.pop(0) != ")":
                raise Broken
            return value
        if not token.isdigit():
            raise Broken
        used.append(int(token))
        return used[-1], 1

    value = chain(("+", "-"), term)
    if tokens != ["end"]:
        raise Broken
    return value, used


def expected_reason(answer, numbers, target):
    try:
        value, used = parse(answer)
    except Broken:
        return "unreadable"
    if value is None:
        return "unreadable"
    if Counter(used) != Counter(numbers):
        return "wrong numbers"
    return "correct" if value[0] == target * value[1] else "wrong value"


def broken(rng, text):
    """`text` with one to three characters dropped, doubled, swapped, replaced or put in."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(text) + 1)
        new = rng.choice([*"0123456789+-*/() ", *"=.,_%xe３×\0", "//", "**", "()", ") ("])
        text = rng.choice(
            [
                text[:at] + text[at + 1 :],
                text[:at] + text[at : at + 1] * 2 + text[at + 1 :],
                text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
                text[:at] + new + text[at + 1 :],
                text[:at] + new + text[at:],
            ]
        )
    return text


@pytest.mark.parametrize("seed", range(4))
def test_verdicts_agree_with_the_oracle_on_25000_generated_answers(seed):
    rng, seen = random.Random(seed), Counter()
    for _ in range(25_000):
        largest = rng.choice([3, 15])  # small numbers divide by zero more often
        numbers = [rng.randint(1, largest) for _ in range(rng.choice([3, 3, 4]))]
        used = rng.sample(numbers, len(numbers))
        kind = rng.choice(["intact", "intact", "off by one", "other numbers", "broken", "broken"])
        if kind == "other numbers":
            place = rng.randrange(len(used))
            used[place : place + 1] = rng.choice(
                [[], [used[place]] * 2, [used[place] + 1], [rng.randint(1, 15)]]
            )
        tree = random_tree(rng, used)
        answer, value = render(rng, tree), value_of_tree(tree)
        assert parse(answer) == (value, used), answer  # the two oracles agree
        target = rng.randint(10, 99)
        if value is not None and value[0] % value[1] == 0 and rng.random() < 0.9:
            target = value[0] // value[1] + (kind == "off by one")
        if kind == "broken":
            answer = broken(rng, answer)
        reason = expected_reason(answer, numbers, target)
        problem = Problem("countdown", tuple(numbers), target)
        verdict = verify(problem, f"<think>?</think><answer>{answer}</answer>")
        assert verdict == Verdict(reason == "correct", True, reason, answer), (numbers, target)
        seen[kind, reason] += 1
    assert min(seen["intact", reason] for reason in ("correct", "wrong value", "unreadable")) > 50
    assert min(seen["broken", reason] for reason in REASONS if "answer" not in reason) > 50
    assert seen["off by one", "correct"] < 100 < seen["off by one", "wrong value"]
    assert seen["other numbers", "wrong numbers"] > 1000


def test_no_string_of_legal_characters_raises_anything_but_unreadable():
    rng = random.Random(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Python warns of `3(4)` where it compiles it
        for _ in range(5000):
            text = "".join(rng.choices("0123+-*/() \n", k=rng.randint(1, LONGEST)))
            try:
                expected = parse(text)
            except Broken:
                expected = None, None
            try:
                value, used = read_expression(text)
                assert (value, used) == (Fraction(*expected[0]), expected[1])
            except Unreadable:
                assert expected[0] is None, text


# ---- values ----


@pytest.mark.parametrize(
    ("text", "value", "numbers"),
    [
        pytest.param("7", Fraction(7), [7], id="a number alone"),
        pytest.param("0", Fraction(0), [0], id="zero is no leading zero"),
        pytest.param("10-4-3", Fraction(3), [10, 4, 3], id="minus binds to the left"),
        pytest.param("12/3/2", Fraction(2), [12, 3, 2], id="division binds to the left"),
        pytest.param("2+3*4", Fraction(14), [2, 3, 4], id="times before plus"),
        pytest.param("(2+3)*4", Fraction(20), [2, 3, 4], id="parentheses first"),
        pytest.param("1/3*3", Fraction(1), [1, 3, 3], id="no rounding on the way"),
        pytest.param("8/(3-8/3)", Fraction(24), [8, 3, 8, 3], id="a fraction on the way"),
        pytest.param("2--3*-(4)", Fraction(-10), [2, 3, 4], id="signs use the number behind them"),
        pytest.param(" \t3 +\r\n 4\n", Fraction(7), [3, 4], id="blanks and line ends"),
        pytest.param(
            "999999*999999", Fraction(999998000001), [999999, 999999], id="largest numbers"
        ),
    ],
)
def test_an_expression_has_this_value_and_these_numbers(text, value, numbers):
    assert read_expression(text) == (value, numbers)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param(" \n\t ", "empty", id="blanks only"),
        pytest.param("99**98**97", "not one of", id="tower of powers"),
        pytest.param("2**3", "not one of", id="power"),
        pytest.param("7//2", "not one of", id="floor division"),
        pytest.param("+3", "not one of", id="plus sign"),
        pytest.param("3(4)", "not one of", id="call"),
        pytest.param("()", "not one of", id="empty parentheses"),
        pytest.param("7%2", "'%'", id="remainder"),
        pytest.param("1_0", "'_'", id="underscore"),
        pytest.param("1.5", "'.'", id="decimal"),
        pytest.param("1e3", "'e'", id="exponent"),
        pytest.param("0x10", "'x'", id="hexadecimal"),
        pytest.param("True", "'T'", id="bool"),
        pytest.param("__import__('os')", "'_'", id="import"),
        pytest.param("1<2", "'<'", id="comparison"),
        pytest.param("3+4=7", "'='", id="equation"),
        pytest.param("3,4", "','", id="tuple"),
        pytest.param("3#4", "'#'", id="comment"),
        pytest.param("３+4", "'\\uff13'", id="fullwidth digit"),
        pytest.param("٣+4", "'\\u0663'", id="arabic digit"),
        pytest.param("3²", "'\\xb2'", id="superscript"),
        pytest.param("3×4", "'\\xd7'", id="times sign"),
        pytest.param("3÷4", "'\\xf7'", id="division sign"),
        pytest.param("3−4", "'\\u2212'", id="unicode minus"),
        pytest.param("3\xa0+4", "'\\xa0'", id="no-break space"),
        pytest.param("3\u3000", "'\\u3000'", id="ideographic space outside"),
        pytest.param("3\x0c+4", "'\\x0c'", id="form feed"),
        pytest.param("3\0", "'\\x00'", id="NUL"),
        pytest.param("3\ud800", "'\\ud800'", id="lone surrogate"),
        pytest.param("03+4", "leading zero", id="leading zero"),
        pytest.param("00", "leading zero", id="two zeros, which Python reads"),
        pytest.param("1000000", "6 digits", id="seven digits"),
        pytest.param("1 2", "not an arithmetic", id="two numbers"),
        pytest.param("1\n2", "not an arithmetic", id="two lines"),
        pytest.param("3 * * 4", "not an arithmetic", id="power with a blank"),
        pytest.param("3+", "not an arithmetic", id="nothing behind plus"),
        pytest.param(")3(", "not an arithmetic", id="parentheses the wrong way round"),
        pytest.param("(3", "not an arithmetic", id="parenthesis not closed"),
        pytest.param("1/0", "divides by zero", id="division by zero"),
        pytest.param("5/(3-3)", "divides by zero", id="division by a zero result"),
        pytest.param("0*(1/0)", "divides by zero", id="division by zero times zero"),
        pytest.param("(" * 10_000 + "1" + ")" * 10_000, "longer than 200", id="10,000 parentheses"),
        pytest.param("-" * 1_000_000 + "1", "longer than 200", id="a million signs"),
        pytest.param("9" * 1_000_000, "longer than 200", id="a million digits"),
        pytest.param(" " * 1_000_000, "longer than 200", id="a million blanks"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_reason(text, why):
    with pytest.raises(Unreadable) as refusal:
        read_expression(text)
    assert why in str(refusal.value)
    assert len(str(refusal.value)) < 100  # a message never carries the text into a log


def test_depth_is_read_up_to_the_limit_and_not_beyond():
    def nested(depth):
        return "(" * depth + "1" + ")" * depth

    assert read_expression(nested(DEEPEST)) == (1, [1])
    with pytest.raises(Unreadable, match="inside each other"):
        read_expression(nested(DEEPEST + 1))
    assert read_expression("+".join(["(1)"] * 50))[0] == 50  # many, but not inside each other


def test_the_longest_answers_need_no_deep_stack():
    frames, frame = 0, sys._getframe()
    while frame := frame.f_back:
        frames += 1
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(frames + 2 * LONGEST)
    try:
        assert read_expression("1+" * (LONGEST // 2 - 1) + "1")[0] == LONGEST // 2
        assert read_expression("-" * (LONGEST - 1) + "1")[0] == -1
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("text", ["12", "12 ", "\n12\r\n", "\t12"])
def test_a_number_may_have_blanks_around_it(text):
    assert read_integer(text) == 12


@pytest.mark.parametrize(
    "text",
    ["", " ", "-12", "+12", "012", "1,024", "1_024", "1 024", "12.0", "1e2", "3*4", "(12)", "１２", "²", "12\0", "twelve", "x12", "12 12", "1234567", "12\u3000", "9" * 1_000_000],
    ids=ascii,
)  # fmt: skip
def test_what_is_not_just_one_number_is_refused(text):
    with pytest.raises(Unreadable):
        read_integer(text)


# ---- completions ----

POSED = Problem("countdown", (3, 4, 5), 17)
ECHO = prompt(POSED, "r1") + " <think>3*4=12</think> "
COMPLETIONS = [  # id, completion, reason of verify(POSED, ...), formatted
    ("correct", "<think>12+5</think><answer>3*4+5</answer>", "correct", True),
    ("correct, other order", "<think></think><answer>5 + 4 * 3</answer>", "correct", True),
    ("blank at the end of the answer", "<think>?</think><answer>3*4+5 </answer>", "correct", True),
    ("newline inside the answer", "<think>?</think><answer>\n3*4\n+5\n</answer>", "correct", True),
    ("blanks around and between", " \n<think>?</think>\r\n <answer>3*4+5</answer>\n\n", "correct", True),
    ("no thoughts at all", "<answer>3*4+5</answer>", "correct", False),
    ("thoughts not closed", "<think>?<answer>3*4+5</answer>", "correct", False),
    ("thoughts after the answer", "<answer>3*4+5</answer><think>?</think>", "correct", False),
    ("answer inside the thoughts", "<think><answer>3*4+5</answer></think>", "correct", False),
    ("thoughts twice", "<think>?</think><think>?</think><answer>3*4+5</answer>", "correct", False),
    ("thoughts inside thoughts", "<think><think>?</think></think><answer>3*4+5</answer>", "correct", False),
    ("thoughts closed before they begin", "</think><think><answer>3*4+5</answer>", "correct", False),
    ("word between the blocks", "<think>?</think>so<answer>3*4+5</answer>", "correct", False),
    ("word before", "So: <think>?</think><answer>3*4+5</answer>", "correct", False),
    ("word after", "<think>?</think><answer>3*4+5</answer>.", "correct", False),
    ("end token left on", "<think>?</think><answer>3*4+5</answer><eos>", "correct", False),
    ("ideographic space after", "<think>?</think><answer>3*4+5</answer>\u3000", "correct", False),
    ("NUL after", "<think>?</think><answer>3*4+5</answer>\0", "correct", False),
    ("tags in capitals", "<THINK>?</THINK><ANSWER>3*4+5</ANSWER>", "no answer", False),
    ("blank inside a tag", "<think>?</think>< answer>3*4+5</answer>", "no answer", False),
    ("empty completion", "", "no answer", False),
    ("bare expression", "3*4+5", "no answer", False),
    ("answer not closed", "<think>?</think><answer>3*4+5", "no answer", False),
    ("answer not opened", "<think>?</think>3*4+5</answer>", "no answer", False),
    ("answer closed before it begins", "<think>?</think></answer>3*4+5<answer>", "no answer", False),
    ("NUL bytes", "\0" * 100, "no answer", False),
    ("lone surrogates", "\ud800<think>\udfff", "no answer", False),
    ("two answers", "<think>?</think><answer>3*4+5</answer><answer>3</answer>", "several answers", False),
    ("the same answer twice", "<answer>3*4+5</answer><answer>3*4+5</answer>", "several answers", False),
    ("answer in an answer", "<think>?</think><answer><answer>3*4+5</answer></answer>", "several answers", False),
    ("answer opened twice", "<think>?</think><answer>3<answer>3*4+5</answer>", "several answers", False),
    ("answer closed twice", "<think>?</think><answer>3*4+5</answer></answer>", "several answers", False),
    ("template repeated, then an answer", ECHO + "<answer>3*4+5</answer>", "several answers", False),
    ("template repeated, no answer", ECHO, "several answers", False),
    ("empty answer", "<think>?</think><answer></answer>", "unreadable", True),
    ("template's own words", "<think>?</think> <answer> answer here </answer>", "unreadable", True),
    ("thoughts inside the answer", "<think>?</think><answer><b>3*4+5</b></answer>", "unreadable", True),
    ("equation", "<think>?</think><answer>3*4+5=17</answer>", "unreadable", True),
    ("words around", "<think>?</think><answer>It is 3*4+5</answer>", "unreadable", True),
    ("division by zero", "<think>?</think><answer>5/(4-4)</answer>", "unreadable", True),
    ("zero division with the right numbers", "<think>?</think><answer>3/(4-4)*5</answer>", "unreadable", True),
    ("code", "<think>?</think><answer>__import__('os').abort()</answer>", "unreadable", True),
    ("tower of powers", "<think>?</think><answer>99**98**97</answer>", "unreadable", True),
    ("concatenation", "<think>?</think><answer>3 4 5</answer>", "unreadable", True),
    ("lone surrogate in the answer", "<think>?</think><answer>3*4+5\ud800</answer>", "unreadable", True),
    ("million characters", "<think>?</think><answer>" + "3*4+5+" * 200_000 + "</answer>", "unreadable", True),
    ("10,000 parentheses", f"<think>?</think><answer>{'(' * 10_000}3*4+5{')' * 10_000}</answer>", "unreadable", True),
    ("the target alone", "<think>?</think><answer>17</answer>", "wrong numbers", True),
    ("number missing", "<think>?</think><answer>3*4</answer>", "wrong numbers", True),
    ("number twice", "<think>?</think><answer>3*4+5+5-5</answer>", "wrong numbers", True),
    ("number twice, right count", "<think>?</think><answer>5+4*3*3/3</answer>", "wrong numbers", True),
    ("free zero", "<think>?</think><answer>3*4+5+0</answer>", "wrong numbers", True),
    ("digits glued", "<think>?</think><answer>34-5</answer>", "wrong numbers", True),
    ("wrong value", "<think>?</think><answer>3+4+5</answer>", "wrong value", True),
    ("sign flips the target", "<think>?</think><answer>-(3*4+5)</answer>", "wrong value", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("completion", "reason", "formatted"),
    [pytest.param(*row[1:], id=row[0]) for row in COMPLETIONS],
)
def test_a_completion_gets_this_verdict(completion, reason, formatted):
    verdict = verify(POSED, completion)
    assert (verdict.reason, verdict.formatted) == (reason, formatted)
    assert verdict.correct == (reason == "correct")
    assert (verdict.answer is None) == (reason in ("no answer", "several answers"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param("408", "correct", id="the product"),
        pytest.param(" 408\n", "correct", id="blanks around it"),
        pytest.param("409", "wrong value", id="one too many"),
        pytest.param("4080", "wrong value", id="the product is only its beginning"),
        pytest.param("12*34", "unreadable", id="the question is no answer"),
        pytest.param("12*34=408", "unreadable", id="equation"),
        pytest.param("-408", "unreadable", id="sign"),
        pytest.param("0408", "unreadable", id="leading zero"),
        pytest.param("4,08", "unreadable", id="separator"),
        pytest.param("408.0", "unreadable", id="decimal"),
        pytest.param("408 or 409", "unreadable", id="two at once"),
        pytest.param("４０８", "unreadable", id="fullwidth digits"),
        pytest.param("9" * 1_000_000, "unreadable", id="a million digits"),
    ],
)
def test_a_product_gets_this_verdict(answer, reason):
    product = Problem("multiplication", (12, 34), 408)
    verdict = verify(product, f"<think></think><answer>{answer}</answer>")
    assert verdict == Verdict(reason == "correct", True, reason, answer)


def test_a_number_given_twice_must_be_used_twice():
    reasons = [
        verify(Problem("countdown", numbers, 10), "<answer>5+5</answer>").reason
        for numbers in ((5, 5), (5,), (5, 5, 5))
    ]
    assert reasons == ["correct", "wrong numbers", "wrong numbers"]


def test_a_value_next_to_the_target_is_wrong_however_near():
    problem = Problem("countdown", (3, 999999, 999999, 1), 3)
    near = "3+1/999999/999999"  # 1e-12 above 3: floats with a tolerance would pass it
    assert verify(problem, f"<answer>{near}</answer>").reason == "wrong value"


@pytest.mark.parametrize("completion", ["", "<answer>1</answer>"])
def test_an_unknown_task_is_the_callers_error_whatever_the_completion(completion):
    with pytest.raises(ValueError, match="unknown task 'sudoku'") as error:
        verify(Problem("sudoku", (1,), 1), completion)
    assert not isinstance(error.value, Unreadable)


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        ("<answer>", "no answer"),
        ("</answer>", "no answer"),
        ("<answer></answer>", "several answers"),
        ("<think>", "no answer"),
        ("<answer", "no answer"),
        ("</think> ", "no answer"),
    ],
)
def test_a_million_tags_are_read_in_one_pass(piece, reason):
    # work that grows with the square of 1e6 tags would take hours, not fail an assertion
    completion = piece * 1_000_000
    assert in_tags(completion) == (None, reason)
    assert not is_formatted(completion)


def test_a_verdict_is_equal_for_equal_input_and_has_a_known_reason():
    for _, completion, _, _ in COMPLETIONS:
        first, second = (verify(POSED, completion) for _ in range(2))
        assert first == second and first.reason in REASONS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("85", "correct"), ("37 + 48 = 85.", "correct"), ("The sum is 85!\n", "correct"), ("85 or 86", "wrong value"),
        ("", "no answer"), ("eighty-five", "no answer"), ("85.5", "unreadable"), ("185", "wrong value"),
        ("8 5", "wrong value"), ("-85", "unreadable"), ("085", "unreadable"), ("8,5", "unreadable"),
        ("85" * 200, "unreadable"), (" ".join(map(str, range(200))), "wrong value"), ("８５", "no answer"),
        ("<answer>85</answer>", "correct"), ("<answer>85</answer> or 12", "correct"), ("<answer>85", "no answer"),
        ("<answer>85</answer><answer>85</answer>", "several answers"), ("85</answer>", "no answer"),
    ],
)  # fmt: skip
def test_a_sum_needs_no_tags_and_its_last_number_counts(text, reason):
    assert verify(Problem("addition", (37, 48), 85), text).reason == reason


def test_sums_are_two_digits_each_and_never_in_both_splits():
    train = problems("addition", 2048, seed=0)
    test = problems("addition", 320, seed=0, split="test")
    assert all(10 <= n <= 99 for p in train for n in p.numbers) and all(
        sum(p.numbers) == p.target for p in train
    )
    assert not {p.key for p in train} & {p.key for p in test}
    assert prompt(train[0], "smollm2").count("<|im_start|>") == 3
    with pytest.raises(ValueError, match="the tiny world has no addition"):
        prompt(train[0], "tiny")
