"""The previous text of the tiny world, of which bases are still there: nothing of the test split
leaks into a prompt, and what it says is true. Texts are read back with regular expressions, so
that none of the functions that wrote them is asked whether they are right."""

import itertools
import re

import pytest
from helpers import OPERATE, posed

from r1lab.tasks import Problem, problems, split_of
from r1lab.tiny_world.first import (
    EOS,
    PAD,
    POOR,
    RICH,
    UNK,
    VOCABULARY,
    WORDS,
    Knobs,
    texts,
    tokenizer,
)
from r1lab.verify import is_formatted, verify

N = 4000  # texts read by each test
KINDS = [("countdown", 3), ("countdown", 4), ("multiplication", 1), ("multiplication", 2)]
STATEMENT = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")
VERDICT = r" vs (\d+)( yes\.| no\.| 对。| 不对。)"
COMPARISON = re.compile(r"=(\d+)" + VERDICT)
AGAIN = re.compile(" Wait, | Try |等等，|试试 ")
CHECK = re.compile(" Check: |检查：")
SLIPS = Knobs(drill=0.0, multiplication=1.0, decompose=1.0, recheck=1.0, slips=1.0)
SEARCHES = Knobs(drill=0.0, multiplication=0.0, backtrack=1.0, verify=0.0, malformed=0.0)


def take(n, seed, knobs=RICH):
    return list(itertools.islice(texts(seed, knobs), n))


@pytest.fixture(scope="module")
def rich():
    return take(N, seed=1)


@pytest.fixture(scope="module")
def poor():
    return take(N, seed=1, knobs=POOR)


def read(text):
    """The problem a text is about (None: a drill) and what is written below the prompt."""
    problem, body = posed(text)
    return problem, body.removesuffix(EOS)


# ---- the text ----


def test_texts_are_the_same_for_the_same_seed_and_others_for_another():
    assert take(50, seed=1) == take(50, seed=1)
    assert not set(take(50, seed=1)) & set(take(50, seed=2))


@pytest.mark.parametrize("knobs", [RICH, POOR], ids=["rich", "poor"])
def test_no_text_poses_a_problem_of_the_test_split(knobs):
    asked = [read(text)[0] for text in take(N, seed=2, knobs=knobs)]
    assert sum(p is not None for p in asked) > N / 2
    assert {split_of(p) for p in asked if p} == {"train"}
    for task, size in KINDS:
        hidden = {p.key for p in problems(task, 40, seed=0, split="test", size=size)}
        assert not hidden & {p.key for p in asked if p}


def test_what_has_no_prompt_is_a_drill_of_one_statement_a_line(rich, poor):
    for text in rich + poor:
        problem, body = read(text)
        assert text.count(EOS) == 1 and text.endswith(EOS)
        if problem is None:
            for line in body.split("\n"):
                assert re.fullmatch(STATEMENT.pattern + f"(?:{VERDICT})?", line), line


def untrue(body):
    """Places and statements of `body` whose arithmetic is wrong."""
    return [m for m in STATEMENT.finditer(body) if OPERATE[m[2]](int(m[1]), int(m[3])) != int(m[4])]


def test_every_equals_sign_belongs_to_a_statement(rich, poor):
    for text in rich + poor:
        assert len(STATEMENT.findall(text)) == text.count("="), text


def test_every_statement_is_true_but_for_slips_that_a_check_finds(rich):
    slips = 0
    for text in rich + take(1000, seed=3, knobs=SLIPS):
        problem, body = read(text)
        for wrong in untrue(body):
            slips += 1
            assert problem.task == "multiplication"
            check = CHECK.search(body)
            assert wrong.end() == check.start(), text  # the slip is the last word before the check
            found = re.search(
                f"={problem.target} vs {wrong[4]}( no\\.| 不对。)", body[check.end() :]
            )
            assert found, text
            assert STATEMENT.findall(body)[-1][3] == str(problem.target)  # and it is put right
        assert len(untrue(body)) <= 1
    assert slips > 500


def test_every_statement_of_the_poor_texts_is_true(poor):
    assert not [text for text in poor if untrue(text)]


def test_every_comparison_says_yes_where_the_sides_are_equal_and_no_elsewhere(rich):
    verdicts = []
    for text in rich:
        compared = COMPARISON.findall(text)
        assert len(compared) == text.count(" vs "), text  # each stands directly behind its value
        for left, right, word in compared:
            assert (left == right) == (word in (" yes.", " 对。")), text
            verdicts.append(left == right)
        problem, body = read(text)
        if problem and problem.task == "countdown":
            assert {right for _, right, _ in compared} <= {str(problem.target)}, text
    assert len(verdicts) > N / 4 and 0.05 < sum(verdicts) / len(verdicts) < 0.6


def test_a_check_compares_with_the_result_that_stands_before_it():
    for text in take(1000, seed=1, knobs=SLIPS):
        claimed, checked = CHECK.split(read(text)[1], maxsplit=1)
        assert f" vs {STATEMENT.findall(claimed)[-1][3]} " in checked, text


@pytest.mark.parametrize("knobs", [RICH, POOR], ids=["rich", "poor"])
def test_answers_use_the_numbers_and_products_are_right(knobs):
    reasons = set()
    for text in take(N, seed=4, knobs=knobs):
        problem, body = read(text)
        if problem and is_formatted(body):
            reason = verify(problem, body).reason
            reasons.add((problem.task, reason))
    assert reasons == {
        ("countdown", "correct"),
        ("countdown", "wrong value"),
        ("multiplication", "correct"),
    }


def tries(body):
    thoughts = body.removeprefix("<think>").split("</think>")[0]
    return AGAIN.split(thoughts)


def test_a_search_stops_at_its_first_success():
    for text in take(1000, seed=5, knobs=SEARCHES):
        words = [word in (" yes.", " 对。") for _, _, word in COMPARISON.findall(text)]
        assert words and not any(words[:-1]), text


def test_a_search_answers_with_its_last_try():
    for text in take(1000, seed=5, knobs=SEARCHES):
        problem, body = read(text)
        last = int(STATEMENT.findall(tries(body)[-1])[-1][3])
        reached = Problem("countdown", problem.numbers, last)
        assert verify(reached, body).reason == "correct", text


def test_the_poor_texts_have_no_word_of_reflection_and_no_comparison(poor):
    words = {word.strip(" ，。：,.:") for language in WORDS.values() for word in language.values()}
    assert len(words) == 10
    for text in poor:
        assert not [word for word in words | {" vs ", "Wait", "Check"} if word in text], text


def test_the_rich_texts_have_every_word(rich):
    joined = "".join(rich)
    assert all(word in joined for language in WORDS.values() for word in language.values())


def share(hits):
    hits = list(hits)
    return sum(hits) / len(hits)


def test_the_shares_of_the_text_are_those_of_the_knobs(rich):
    # n = 4000 texts, about 2700 of them countdown: three sd are below 0.03
    parsed = [read(text) for text in rich]
    assert abs(share(p is None for p, _ in parsed) - RICH.drill) < 0.03
    asked = [(p, body) for p, body in parsed if p]
    assert (
        abs(
            share(p is not None and p.task == "multiplication" for p, _ in parsed)
            - RICH.multiplication
        )
        < 0.03
    )
    assert abs(share(not is_formatted(body) for _, body in asked) - RICH.malformed) < 0.03
    assert (
        abs(share(text.startswith("用户") for text in rich if read(text)[0]) - RICH.chinese) < 0.03
    )
    countdown = [(p, body) for p, body in asked if p.task == "countdown"]
    assert abs(share(len(p.numbers) == 4 for p, _ in countdown) - RICH.four) < 0.04
    assert abs(share(" vs " in body for _, body in countdown) - RICH.backtrack - RICH.verify) < 0.03
    again = share(AGAIN.search(body) is not None for _, body in countdown)
    assert (
        0.5 * RICH.backtrack < again <= RICH.backtrack + 0.03
    )  # the rest succeeds or gives up at once


def test_poor_and_rich_pose_the_same_kinds_of_problems(rich, poor):
    for task in ("countdown", "multiplication"):
        shares = [
            share(p is not None and p.task == task for p, _ in map(read, ts)) for ts in (rich, poor)
        ]
        assert abs(shares[0] - shares[1]) < 0.04


# ---- the tokenizer ----


def test_every_text_comes_back_from_the_tokenizer_unchanged(rich, poor):
    built = tokenizer()
    unknown = built.token_to_id(UNK)
    for text in rich + poor:
        ids = built.encode(text).ids
        assert built.decode(ids, skip_special_tokens=False) == text
        assert unknown not in ids and ids[-1] == built.token_to_id(EOS)


def test_digits_words_and_tags_are_one_token_each():
    tokens = tokenizer().encode("6*20=120 vs 22 no. Wait, (<think>检查：</answer>" + EOS).tokens
    assert tokens == [
        *"6*20=120",
        " vs ",
        "2",
        "2",
        " no.",
        " Wait, ",
        "(",
        "<think>",
        "检查：",
        "</answer>",
        EOS,
    ]


def test_the_vocabulary_names_each_token_once_and_what_it_lacks_is_unknown():
    built = tokenizer()
    assert len(set(VOCABULARY)) == len(VOCABULARY) == built.get_vocab_size()
    assert [built.token_to_id(token) for token in (PAD, EOS, UNK)] == [0, 1, 2]
    assert built.encode("1é2").tokens == ["1", UNK, "2"]
