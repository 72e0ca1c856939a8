"""The aha detectors against traces counted by hand, the tiny world's true texts, and hostile text."""

import itertools
import re
from dataclasses import replace

import pytest
from helpers import HOSTILE, LONG, least_seconds

from r1lab import habits
from r1lab.readability import language_share
from r1lab.reflection import Trace, summarise, trace
from r1lab.tasks import Problem
from r1lab.thoughts import R1_WORDS, WORDS, thoughts
from r1lab.tiny_world.corpus import EOS, Knobs, texts
from r1lab.verify import Verdict, verify

NUMBERS, TARGET = (3, 7, 12), 22
RIGHT, WRONG = "<answer>3+7+12</answer>", "<answer>(3+7)*12</answer>"

# What the thoughts are, the answer, and what must be counted; what is not named must be 0 or "none".
TABLE = {
    "guess without a word": ("3+7=10, 10*12=120", WRONG, dict(
        tries=1, attempts=1, equations=2, first_right=False)),
    "guess that compares": ("3+7=10, 10+12=22 vs 22 yes.", RIGHT, dict(
        tries=1, attempts=1, equations=2, yes=1, first_right=True)),
    "search that finds": (
        "3+7=10, 10*12=120 vs 22 no. Wait, 12-7=5, 5+3=8 vs 22 no. Try 7+3=10, 12+10=22 vs 22 yes.", RIGHT, dict(
            words=2, waits=2, tries=3, attempts=3, rejected=2, rejected_wrong=2, equations=6, yes=1, no=2,
            first_right=False, revision="wrong to right")),
    "same attempt again": (
        "3+7=10, 10*12=120 vs 22 no. Wait, 7+3=10, 12*10=120 vs 22 no.", WRONG, dict(
            words=1, waits=1, tries=1, attempts=2, rejected=2, rejected_wrong=2, equations=4, no=2,
            first_right=False, revision="wrong to wrong")),
    "a difference the other way round is not the same": (
        "12-7=5 vs 22 no. Wait, 7-12=-5 vs 22 no.", WRONG, dict(
            words=1, waits=1, tries=2, attempts=2, rejected=2, rejected_wrong=2, equations=2, no=2,
            first_right=False, revision="wrong to wrong")),
    "right given up": (
        "3+7=10, 10+12=22 vs 22 no. Wait, 3+7=10, 10*12=120 vs 22 yes.", WRONG, dict(
            words=1, waits=1, tries=2, attempts=2, rejected=1, equations=4, yes=1, no=1, false_yes=1, false_no=1,
            first_right=True, revision="right to wrong")),
    "right confirmed": ("3+7=10, 10+12=22 Check: 12+7=19, 19+3=22 vs 22 yes.", RIGHT, dict(
        words=1, checks=1, tries=2, attempts=2, equations=4, yes=1, first_right=True, revision="right to right")),
    "false sum": ("3+7=11, 11*12=120", WRONG, dict(
        tries=1, attempts=1, equations=2, wrong_equations=2, first_right=False)),
    "exact division only": ("12/5=2, 12/3=4, 3/0=0, 7/2=7/2", WRONG, dict(
        tries=1, attempts=1, equations=3, wrong_equations=1, first_right=False)),
    "comparison without a verdict": ("3+7=10 vs 22, 10+12=22", RIGHT, dict(
        tries=1, attempts=1, equations=2, first_right=True)),
    "Chinese": ("3+7=10, 10*12=120 vs 22 不对。等等，12-7=5 vs 22 不对。试试 12+7=19, 19+3=22 vs 22 对。", RIGHT, dict(
        words=2, waits=2, tries=3, attempts=3, rejected=2, rejected_wrong=2, equations=5, yes=1, no=2,
        first_right=False, revision="wrong to right")),
    "both languages": ("3+7=10 vs 22 不对。 Wait, 12-7=5 vs 22 no.检查：12+7=19 vs 19 对。", WRONG, dict(
        words=2, waits=1, checks=1, tries=3, attempts=3, rejected=2, rejected_wrong=2, equations=3, yes=1, no=2,
        first_right=False, revision="wrong to wrong")),
    "prose": ("Let me try 3 + 7 = 10. Wait, that's wrong.", WRONG, dict(
        words=3, waits=2, tries=1, attempts=1, rejected=1, rejected_wrong=1, equations=1, first_right=False)),
    "prose that finds": (
        "First, 3 * 7 = 21, then 21 - 12 = 9, which is too small. However, (3 + 7) + 12 = 22. Let me verify: "
        "3 + 7 = 10 and 10 + 12 = 22.", RIGHT, dict(
            words=2, checks=1, tries=3, attempts=3, rejected=1, rejected_wrong=1, equations=5,
            first_right=False, revision="wrong to right")),
    "prose in Chinese": ("我们先算 3 × 7 = 21，21 - 12 = 9，太小。但是 3 + 7 + 12 = 22，验证一下，没问题。", RIGHT, dict(
        words=2, checks=1, tries=2, attempts=2, rejected=1, rejected_wrong=1, equations=3,
        first_right=False, revision="wrong to right")),
    "不对 that is no verdict counts like wrong": ("3+7=10，不对", WRONG, dict(
        words=1, tries=1, attempts=1, rejected=1, rejected_wrong=1, equations=1, first_right=False)),
    "all ten words": ("Wait mistake HOWEVER but Retry, error verify; wrong evaluate... check!", "", dict(
        words=10, waits=2, checks=2)),
    "words inside words": ("The waiter rebuts, checkers retrying; errors, verified, wrongly, tryst, wait_2", "", {}),
    "tags and signs": ("re-check. (wait) *but* “wrong”", "", dict(words=4, waits=1, checks=1)),
    "verdict words are not reflection": ("no. yes. 对。 No, yes", "", {}),
    "nothing to reject yet": ("No, that is wrong. 3+7=10", "", dict(
        words=1, tries=1, attempts=1, equations=1, first_right=False)),
    "a refusal against the target is of the last attempt, though an earlier one reached it": (
        "10+12=22 Check: 3+7=10 vs 22 no.", RIGHT, dict(
            words=1, checks=1, tries=2, attempts=2, rejected=1, rejected_wrong=1, equations=2, no=1,
            first_right=True, revision="right to right")),
    "a verdict ends an attempt": ("3+7=10 vs 22 no 12-7=5 vs 22 yes 12+7=19", WRONG, dict(
        tries=3, attempts=3, rejected=1, rejected_wrong=1, equations=3, no=1, yes=1, false_yes=1,
        first_right=False, revision="wrong to wrong")),
    "a rejection ends an attempt": ("3+7=10 not, 12-7=5", WRONG, dict(
        tries=2, attempts=2, rejected=1, rejected_wrong=1, equations=2, first_right=False, revision="wrong to wrong")),
    "a sentence ends an attempt, a comma does not": ("3+7=10, 12-7=5. 12+7=19! 12-3=9? 3*7=21。7-3=4\n3+3=6", WRONG, dict(
        tries=6, attempts=6, equations=7, first_right=False, revision="wrong to wrong")),
    "a comparison needs its value right before it": ("3+7=10, vs 22 no. 10 vs 22 nothing. vs 5 yes. 5 vs x no", "", dict(
        tries=1, attempts=1, rejected=1, rejected_wrong=1, equations=1, first_right=False)),
    "a step back and its sub-goal": (
        "22-7=15 so 12-3=9 vs 15 no; 12+3=15 vs 15 yes.", RIGHT, dict(
            tries=2, attempts=2, rejected=1, rejected_wrong=1, equations=3, yes=1, no=1,
            first_right=False, revision="wrong to right")),
    "a step back with the way there again is no attempt that is right": (
        "22-7=15, 15+7=22 so 12-3=9", WRONG, dict(
            tries=1, attempts=1, equations=3, first_right=False)),
    "the step from a sub-goal to the target closes an attempt": (
        "22-7=15 so 12-3=9 vs 15 no; 12+3=15 vs 15 yes. Then 15+7=22", RIGHT, dict(
            tries=2, attempts=2, rejected=1, rejected_wrong=1, equations=4, yes=1, no=1,
            first_right=False, revision="wrong to right")),
    "but it puts nothing right that was not": (
        "22-7=15 so 4*3=12 vs 15 yes. Then 15+7=22", WRONG, dict(
            tries=1, attempts=1, equations=3, yes=1, false_yes=1, first_right=False)),
    "one that is not from there begins another": (
        "22-7=15 so 12+3=15 vs 15 yes. Then 12+7=19", WRONG, dict(
            tries=2, attempts=2, equations=3, yes=1, first_right=True, revision="right to wrong")),
    "who reaches the sub-goal is right, who reaches the target instead is not": (
        "22-7=15，所以 12+3=15 vs 15 对。22+7=29 so 19+3=22 vs 29 no; 29*1=29 vs 29 不对；", RIGHT, dict(
            tries=3, attempts=3, rejected=2, rejected_wrong=1, equations=5, yes=1, no=2, false_no=1,
            first_right=True, revision="right to right")),
    "a sub-goal that an earlier try has reached is no earlier result": (
        "22-7=15 so 12+3=15 vs 15 yes. Wait, 22-12=10 so 7-3=4 vs 10 no; 7+3=10 vs 10 yes. "
        "22-7=15 so 12-3=9 vs 15 no; ", RIGHT, dict(
            words=1, waits=1, tries=4, attempts=4, rejected=2, rejected_wrong=2, equations=7, yes=2, no=2,
            first_right=True, revision="right to right")),
    "a sub-goal from a false step is never right, and no earlier result": (
        "22-7=14 so 11+3=14 vs 14 yes. 11-3=8 vs 14 no; ", WRONG, dict(
            tries=2, attempts=2, rejected=1, rejected_wrong=1, equations=3, wrong_equations=1, yes=1, no=1,
            first_right=False, revision="wrong to wrong")),
    "the target stays wanted behind a step back, even a false one to it": (
        "22-7=22 so 12+10=22 vs 22 yes. 19+3=22 vs 22 no.", RIGHT, dict(
            tries=2, attempts=2, rejected=1, equations=3, wrong_equations=1, yes=1, no=1, false_no=1,
            first_right=True, revision="right to right")),
    "steps said again behind a yes are no attempt": (
        "12+3=15; 15+7=22 vs 22 yes. Then 12+3=15, 15+7=22", RIGHT, dict(
            tries=1, attempts=1, equations=4, yes=1, first_right=True)),
    "others behind a yes are one, and so are the same behind a no": (
        "12+3=15; 15+7=22 vs 22 yes. Then 12+3=15, 15-7=8 vs 22 no. 12+3=15", RIGHT, dict(
            tries=3, attempts=3, rejected=1, rejected_wrong=1, equations=5, yes=1, no=1,
            first_right=True, revision="right to right")),
    "a comparison with what nobody wants is as true as it is written": (
        "22-7=15 so 12-3=9 vs 9 yes. 122-7=115 so 100+15=115 vs 115 yes. 12+3=15 vs 15 no; ", RIGHT, dict(
            tries=3, attempts=3, rejected=1, equations=5, yes=2, no=1, false_no=1,
            first_right=False, revision="wrong to right")),
    "yes and no without a comparison are words": (
        "3+7=10 no. 10+12=22 yes. 3+7=10 no other way. 12+7=19, no. 12-7=5\nNo. 3*7=21 对于 22", WRONG, dict(
            tries=5, attempts=6, rejected=4, rejected_wrong=4, equations=6,
            first_right=False, revision="wrong to wrong")),
    "empty": ("", RIGHT, {}),
}  # fmt: skip


def empty(**but):
    names = {name: 0 for name in Trace.__annotations__} | {"first_right": None, "revision": "none"}
    return Trace(**names | but)


def read(thinking, answer="", target=TARGET):
    return judged(Problem("countdown", NUMBERS, target), f"<think>{thinking}</think>{answer}")


def judged(problem, completion):
    return trace(problem, completion, verify(problem, completion))


@pytest.mark.parametrize("thinking, answer, expected", TABLE.values(), ids=TABLE.keys())
def test_counts_agree_with_those_by_hand(thinking, answer, expected):
    assert read(thinking, answer) == empty(**expected)


def test_a_multiplication_that_finds_its_slip_gives_up_the_first_result_not_the_check():
    completion = (
        "<think>56*9=514 Check: 56*8=448, 448+56=504 vs 514 no. Wait, 50*9=450, 6*9=54, 450+54=504</think>"
        "<answer>504</answer>"
    )
    got = judged(Problem("multiplication", (56, 9), 504), completion)
    assert got == empty(
        words=2, waits=1, checks=1, tries=3, attempts=3, rejected=1, rejected_wrong=1, first_right=False,
        revision="wrong to right", no=1, equations=6, wrong_equations=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "thinking, equations, wrong",
    [
        ("3 + 7 = 10 = 22", 1, 0),
        ("(3 + 4) * 2 = 7 * 2 = 14", 2, 0),
        ("3 + 7 = 10 * 12 = 120", 2, 1),
        ("so (3+7=10) holds", 1, 0),
        ("3*(7+12)-5 = 52", 1, 0),
        ("3*7+12=33", 1, 0),
        ("54 × 63 = 3,402", 1, 0),
        ("54 x 63 = 3402 and 3(4+5) = 27", 2, 0),
        (r"\(3 \times 7 = 21\), $12 \div 4 = 3$", 2, 0),
        ("**3+7=10**", 1, 0),
        ("- 3 + 7 = 10\n* 12 - 2 = 10\n1. 3 + 7 = 10\n2) 7 + 3 = 10", 4, 0),
        ("3 − 7 = −4, 3–7=–4, -3+5=2", 3, 0),
        ("3+7==10 => 10*2=20 -> 5+5=10", 3, 0),
        ("3+7=10 12-2=10", 2, 0),
        ("3 + 7 = 10 (too small), 3+7=10 - no", 2, 0),
        ("3+7=10.", 1, 0),
        ("x + 3 + 5 = 10, 2x + 3 = 10, x3+4=9, f(3)+2=9, x -3+5=9", 0, 0),
        ("3+7+(2=5+5, (3+7))=10, 3+((7=10", 1, 0),
        ("+ 3 + 5 = 8, * 3 + 5 = 8, = 3 + 5 = 8", 1, 0),
        ("2^3 + 1 = 9, 10**2 = 100", 0, 0),
        ("7.5 + 2 = 9.5, 10/3 = 3.33", 0, 0),
        ("3 + = 10, = 10, 3 = 3, 10 = , 5 = -5", 0, 0),
        ("1234567+1=1234568, 12345678901234567890+1=0", 0, 0),
        ("3 + 7 ≠ 22, 3 + 7 > 5", 0, 0),
    ],
)
def test_equations_are_read_where_they_are_clear_and_left_out_where_not(thinking, equations, wrong):
    got = read(thinking)
    assert (got.equations, got.wrong_equations) == (equations, wrong)


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("3+7=10, 10*12=120", "12 * 10 = 120, 7 + 3 = 10", True),
        ("(3+7)*12=120", "12*(7+3)=120", True),
        ("8-6=2", "8-2=6", False),
        ("8-2=6", "2-8=6", False),
        ("12/3=4", "12/4=3", False),
        ("3+7=10", "3+7=11", False),
        ("3+7=10", "3+7=10, 10+12=22", False),
        ("2*3=6", "2+3=5", False),
    ],
)
def test_attempts_are_the_same_up_to_order_and_blanks(one, other, same):
    assert read(f"{one}. Wait, {other}.").tries == (1 if same else 2)


@pytest.mark.parametrize(
    "completion, expected",
    [
        ("<think>a</think><answer>b</answer>", "a"),
        ("a</think><answer>b</answer>", "a"),
        ("<think>a<answer>b</answer>", "a"),
        ("a<answer>b", "a"),
        ("<think>a</think>b</answer>", "a"),
        (" Sure! <think>a", "a"),
        ("a", "a"),
        ("<think></think><answer>wait</answer>", ""),
        ("<think>wait</think>check</think>", "wait"),
    ],
)
def test_thoughts_end_at_the_first_closing_tag_there_is(completion, expected):
    assert thoughts(completion) == expected


def test_nothing_behind_the_thoughts_is_counted():
    assert read("", "<answer>wait 3+7=11 vs 22 yes. check</answer>") == empty()


def test_the_ten_words_of_the_paper_are_among_ours():
    assert len(R1_WORDS) == 10 and set(R1_WORDS) <= set(itertools.chain(*WORDS.values()))
    assert not {"no", "yes", "对"} & set(itertools.chain(*WORDS.values()))


# ---- the tiny world: what its texts say is true ----

PROMPT = re.compile(
    r"User: reach (\d+) from ([\d, ]+)\.\nAssistant: |用户：得到 (\d+) 用 ([\d, ]+)。\n助手："
    r"|User: compute (\d+)\*(\d+)\.\nAssistant: |用户：计算 (\d+)\*(\d+)。\n助手："
)
MANY = Knobs(
    check=0.2, at_random=0.15, in_order=0.2, backwards=0.15, at_random_four=0.25, sub_goal=0.25,
    recheck=0.7, slips=0.4, multiplication=0.3, mixed=0.3, chinese=0.4,
)  # fmt: skip


def world(n, seed, knobs=MANY):
    """(problem or None for a drill, completion)"""
    for text in itertools.islice(texts(seed, knobs), n):
        text = text.removesuffix(EOS)
        asked = PROMPT.match(text)
        if not asked:
            yield None, text
            continue
        first, second = (g for g in asked.groups() if g)
        if "*" in asked[0]:
            problem = Problem("multiplication", (int(first), int(second)), int(first) * int(second))
        else:
            problem = Problem("countdown", tuple(map(int, second.split(", "))), int(first))
        yield problem, text[asked.end() :]


def test_the_worlds_texts_hold_no_false_statement_but_the_slips_that_a_check_finds():
    slips = 0
    for problem, completion in world(1500, seed=3):
        p = problem or Problem("countdown", NUMBERS, TARGET)
        got = judged(p, completion)
        assert (got.false_yes, got.false_no) == (0, 0), completion
        assert got.equations == len(re.findall(r"\d[-+*/]\d+=", thoughts(completion)))
        if got.wrong_equations:
            slips += 1
            assert p.task == "multiplication" and got.wrong_equations == 1
            assert (got.checks, got.no, got.waits) == (1, 1, 1)
            assert (got.rejected, got.rejected_wrong) == (1, 1)
            assert got.first_right is False and got.revision in ("wrong to right", "wrong to wrong")
    assert slips > 30


def test_the_worlds_searches_never_try_twice_and_reject_all_but_what_fits():
    searched = guesses = repeated = 0
    for problem, completion in world(2000, seed=4):
        if problem is None or problem.task != "countdown":
            continue
        got = judged(problem, completion)
        verdicts = re.findall(r" vs \d+(?: (yes|no)[.;]|( 不?对)[。；])", completion)
        assert len(verdicts) == completion.count(" vs ")
        refusals = [v for v in verdicts if v in (("no", ""), ("", " 不对"))]
        assert (got.yes, got.no) == (len(verdicts) - len(refusals), len(refusals))
        assert got.rejected == got.rejected_wrong == len(refusals)
        assert got.attempts == max(1, len(verdicts)) or thoughts(completion) == ""
        if verdicts:
            assert got.first_right == (verdicts[0] not in refusals)
        again = re.findall("Wait, |Try |等等，|试试 ", completion)
        assert got.waits == got.words == len(again)
        habit = habits.read(problem, completion)
        assert habit.verdicts == len(verdicts) and habit.wrong_sums == habit.false_verdicts == 0
        # behind two first steps the same two steps may meet: 14*3=42 so 7-5=2, 7-5=2 so 14*3=42
        assert habit.repeated == 0 or habit.name in ("at random", "sub-goal")
        assert habit.name != "sub-goal" or habit.repeated <= 0.3 * habit.tries
        guesses += habit.tries * (habit.name == "at random")
        repeated += habit.repeated * (habit.name == "at random")
        searched += got.attempts > 2
    # independent steps may change places at random, and two guesses are taken for one where a
    # number equals a value on the way: 10/(12-2), (12-2)/10
    assert searched > 200 and guesses > 1000 and repeated < 0.01 * guesses


def test_what_the_world_says_of_its_language_is_what_is_measured():
    all_search = replace(
        MANY, check=0.0, at_random=0.4, in_order=0.3, backwards=0.3, at_random_four=0.5,
        sub_goal=0.5, mixed=0.0, drill=0.0,
    )  # fmt: skip
    for problem, completion in world(300, seed=5, knobs=all_search):
        share = language_share(completion, "zh")
        assert share in (0.0, 1.0, None)
        if share is not None and problem.task == "countdown":
            assert share == float("对" in completion)


# ---- hostile text ----


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_read_in_linear_time(text):
    def read(piece):
        got = judged(Problem("countdown", NUMBERS, TARGET), piece)
        share = language_share(piece, "en")
        assert got.wrong_equations <= got.equations and (share is None or 0 <= share <= 1)

    assert least_seconds(read, text) < 4 * least_seconds(read, text[: LONG // 2]) + 0.3


def test_a_letter_that_only_looks_like_a_verdict_is_none():
    """The long s lowers to s where case is ignored."""
    problem = Problem("countdown", (3, 4, 11), 23)
    for verdict in ("ye\u017f", "yes"):
        text = f"<think>3*4=12 vs 23 {verdict}</think><answer>1</answer>"
        assert habits.read(problem, text)
        assert trace(problem, text, verify(problem, text)).attempts


def test_numbers_too_long_to_read_make_no_equation():
    assert read("9" * 5000 + "+1=10").equations == 0
    assert read("9*" * 50 + "9=1").wrong_equations == 1
    assert read("9*" * 300 + "9=1").equations == 0


# ---- the summary ----


def test_the_summary_of_four_completions_by_hand():
    names = ("search that finds", "same attempt again", "guess that compares", "right given up")
    rows = [read(*TABLE[name][:2]) for name in names]
    assert summarise(rows, [40, 30, 10, 20], [1, 0, 1, 0]) == pytest.approx({
        "reflects": 3 / 4, "words": 4 / 4, "words_per_1000": 40.0, "waits": 4 / 4,
        "tries": (3 + 1 + 1 + 2) / 4, "attempts": (3 + 2 + 1 + 2) / 4,
        "rejects": 2 / 4,  # the last one rejects, but what it rejects is right
        "wrong_to_right": 1 / 2, "length": 25.0, "length_right": 25.0, "length_wrong": 25.0,
        "equation_errors": 0.0, "false_yes": 1 / 3, "false_no": 1 / 5,
    })  # fmt: skip


def test_a_check_alone_is_reflection_and_a_doubt_is_not():
    rows = [read("verify 3+7=10"), read("However, 3+7=10")]
    assert summarise(rows, [5, 5], [0, 0])["reflects"] == 0.5


def test_lengths_are_split_by_the_given_correctness():
    got = summarise([empty()] * 3, [10, 20, 60], [True, False, False])
    assert (got["length"], got["length_right"], got["length_wrong"]) == (30.0, 10.0, 40.0)


def test_what_nobody_did_has_no_share():
    got = summarise([empty()] * 2, [5, 7], [0, 0])
    for name in ("wrong_to_right", "length_right", "equation_errors", "false_yes", "false_no"):
        assert got[name] is None
    assert got["reflects"] == got["words"] == got["rejects"] == 0.0
    assert all(value is None for value in summarise([], [], []).values())


def test_lists_of_different_lengths_are_refused():
    for lengths, correct in (([1], [1, 0]), ([1, 2], [1]), ([1], [1])):
        with pytest.raises(ValueError):
            summarise([empty()] * 2, lengths, correct)


@pytest.mark.parametrize(("reason", "revision"), [("correct", "right"), ("no answer", "wrong")])
def test_a_trace_takes_the_verdict_that_it_is_given(reason, revision):
    verdict = Verdict(reason == "correct", True, reason, None)  # whatever the text says
    text = "<think>3+7=10. Wait, 12-7=5.</think><answer>?</answer>"
    seen = trace(Problem("countdown", NUMBERS, TARGET), text, verdict)
    assert seen.revision == f"wrong to {revision}"


def test_the_summary_is_told_by_its_caller_what_is_right():
    assert summarise([read("3+7=10", RIGHT)], [3], [0])["length_wrong"] == 3.0


# ---- languages ----


@pytest.mark.parametrize(
    "thinking, english",
    [
        ("3+7=10 vs 22 no. Wait, 12-7=5 vs 22 no.", 1.0),
        ("3+7=10 vs 22 不对。等等，12-7=5 vs 22 不对。", 0.0),
        ("3+7=10 vs 22 no. 等等，12-7=5 vs 22 不对。 Try 3+12=15", 0.5),
        ("Let me think. 等等", 0.75),
        ("等等 vs 等等", 0.0),
        ("I take 我们先算", 0.5),  # two English words; four other characters are two words
        ("3+7=10, x = 5, 10 vs 22", None),
        ("", None),
        ("Привет, мир", None),
        (r"\frac{3}{7} \boxed{10} x y", None),
    ],
)
def test_the_share_of_a_language(thinking, english):
    completion = f"<think>{thinking}</think><answer>words behind 不算</answer>"
    assert language_share(completion, "en") == english
    assert language_share(completion, "zh") == (None if english is None else 1 - english)


def test_another_language_is_refused():
    with pytest.raises(ValueError, match="choose en or zh"):
        language_share("a", "fr")
