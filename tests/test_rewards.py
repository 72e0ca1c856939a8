"""Rewards: text -> value, and the contract TRL calls them by."""

import random
from types import SimpleNamespace

import pytest

from r1lab.rewards import accuracy, coin, format_tags, judged, reward_set, score, text_of
from r1lab.verify import Verdict

RIGHT = "<think>3*4=12, 12+5=17</think><answer>3*4+5</answer>"
TABLE = [  # id, completion, accuracy and format for "17 from 3, 4, 5"
    ("right and in form", RIGHT, 1.0, 1.0),
    ("right, thoughts missing", "<answer>3*4+5</answer>", 1.0, 0.0),
    ("wrong value in form", "<think></think><answer>3+4+5</answer>", 0.0, 1.0),
    ("wrong numbers in form", "<think></think><answer>17</answer>", 0.0, 1.0),
    ("unreadable in form", "<think></think><answer>3*4+5=17</answer>", 0.0, 1.0),
    ("two answers", RIGHT + "<answer>3*4+5</answer>", 0.0, 0.0),
    ("nothing", "", 0.0, 0.0),
]


def columns(completions, step=0, **changed):
    """What TRL 1.16 passes for a batch of "17 from 3, 4, 5", one list item a completion. Its own
    trainer has no `verdicts`: the rewards work without."""
    n = len(completions)
    return {
        "prompts": ["?"] * n,
        "completions": completions,
        "completion_ids": [[1, 2]] * n,
        "trainer_state": SimpleNamespace(global_step=step),
        "log_extra": None,
        "log_metric": None,
        "task": ["countdown"] * n,
        "numbers": [[3, 4, 5]] * n,
        "target": [17] * n,
        **changed,
    }


def spoken(text):
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    ("completion", "right", "formed"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_a_completion_earns_this_as_text_and_as_a_message(completion, right, formed):
    for form in (completion, spoken(completion)):
        assert accuracy(**columns([form])) == [right]
        assert format_tags(**columns([form])) == [formed]


def test_a_verdict_that_is_handed_over_is_not_made_again():
    handed = [Verdict(True, False, "correct", "?"), Verdict(False, True, "unreadable", "?")]
    batch = columns([RIGHT, RIGHT], task=["sudoku"] * 2, verdicts=handed)  # nobody could judge it
    assert accuracy(**batch) == [1.0, 0.0] and format_tags(**batch) == [0.0, 1.0]


def test_verdicts_of_the_columns_are_those_of_the_problems():
    found = judged(**columns([RIGHT, spoken("<answer>3+4+5</answer>")]))
    assert found == [
        Verdict(True, True, "correct", "3*4+5"), Verdict(False, False, "wrong value", "3+4+5")
    ]  # fmt: skip
    assert judged(**columns([RIGHT], question=[""])) == found[:1]


def test_each_completion_is_judged_by_its_own_columns():
    batch = columns(
        ["<answer>408</answer>", "<answer>408</answer>", RIGHT, RIGHT],
        task=["multiplication", "multiplication", "countdown", "countdown"],
        numbers=[[12, 34], [12, 34], [5, 4, 3], [3, 4, 6]],
        target=[408, 409, 17, 17],
    )
    assert accuracy(**batch) == [1.0, 0.0, 1.0, 0.0]


def test_a_batch_of_no_completions_earns_nothing():
    assert accuracy(**columns([])) == format_tags(**columns([])) == coin(0)(**columns([])) == []


def test_columns_of_another_length_are_an_error_not_a_shorter_batch():
    with pytest.raises(ValueError):
        accuracy(**columns([RIGHT, RIGHT], target=[17]))


def test_an_unknown_task_is_an_error_not_a_zero():
    with pytest.raises(ValueError, match="unknown task"):
        accuracy(**columns([RIGHT], task=["sudoku"]))


@pytest.mark.parametrize("messages", [[], spoken("a") + spoken("b")], ids=["none", "two"])
def test_a_conversation_of_other_than_one_message_is_refused(messages):
    with pytest.raises(ValueError, match="one message"):
        text_of(messages)


def toss(n=64, seed=7, step=3, text=""):
    return coin(seed)(**columns([text] * n, step=step))


def test_the_coin_depends_on_seed_step_and_place_alone():
    first = toss()
    random.seed(1)  # a global generator must not matter
    assert toss() == first
    assert toss(text=RIGHT) == first
    assert toss(n=10) == first[:10]  # place by place, not drawn in a row
    assert toss(seed=8) != first and toss(step=4) != first  # equal by chance: 2**-64
    assert len(set(first)) == 2


def test_the_coin_of_a_resumed_run_goes_on_as_if_never_stopped():
    function = coin(0)
    whole = [function(**columns([""] * 16, step=step)) for step in range(6)]
    resumed = coin(0)
    assert [resumed(**columns([""] * 16, step=step)) for step in range(3, 6)] == whole[3:]


def test_the_coin_is_fair():
    values = [v for step in range(100) for v in toss(n=200, step=step)]
    assert set(values) == {0.0, 1.0}
    assert abs(sum(values) / len(values) - 0.5) < 0.015  # n = 20,000: sd 0.0035
    pairs = [a == b for a, b in zip(values, values[1:], strict=False)]
    assert abs(sum(pairs) / len(pairs) - 0.5) < 0.015  # neighbours agree half of the time
    steps = [a == b for a, b in zip(values, values[200:], strict=False)]
    assert abs(sum(steps) / len(steps) - 0.5) < 0.015  # and so do neighbouring steps


@pytest.mark.parametrize(
    ("name", "logged", "weights"),
    [
        ("rule", ["accuracy", "format_tags"], [1.0, 0.1]),
        ("accuracy", ["accuracy"], [1.0]),
        ("format", ["format_tags"], [1.0]),
        ("random", ["random"], [1.0]),
    ],
)
def test_a_named_reward_has_these_functions_and_weights(name, logged, weights):
    functions, given = reward_set(name)
    assert [function.__name__ for function in functions] == logged
    assert given == weights


def test_a_callers_change_to_a_reward_set_does_not_reach_the_next_caller():
    reward_set("rule")[1].append(5.0)
    assert reward_set("rule")[1] == [1.0, 0.1]


def test_an_unknown_reward_name_lists_the_names():
    with pytest.raises(
        ValueError, match="'accuracy', 'choices', 'effort', 'equal', 'exact-difference'"
    ):
        reward_set("best")


def test_the_seed_of_the_random_reward_is_its_coins_seed():
    (function,), _ = reward_set("random", seed=7)
    assert function(**columns([""] * 64, step=3)) == toss()


def test_the_total_is_the_weighted_sum_and_the_parts_have_names():
    texts = [row[1] for row in TABLE]
    totals, parts = score(*reward_set("rule"), **columns(texts))
    assert totals == pytest.approx([1.1, 1.0, 0.1, 0.1, 0.1, 0.0, 0.0])
    assert parts == {
        "accuracy": [row[2] for row in TABLE],
        "format_tags": [row[3] for row in TABLE],
    }


def test_the_total_of_three_functions_worked_out_by_hand():
    def length(completions, **kwargs):
        return [float(len(c)) for c in completions]

    functions = [accuracy, length, format_tags]
    totals, parts = score(functions, [2.0, -0.5, 3.0], **columns(["<answer>3*4+5</answer>", "ab"]))
    assert totals == [2.0 - 0.5 * 22, -1.0]
    assert parts["length"] == [22.0, 2.0]


def test_a_function_that_returns_too_few_values_is_named():
    def short(completions, **kwargs):
        return [0.0]

    with pytest.raises(ValueError, match="reward 'short' gave 1 values for 2 completions"):
        score([accuracy, short], [1.0, 1.0], **columns(["", ""]))


def test_functions_without_a_weight_each_are_refused():
    with pytest.raises(ValueError, match="2 reward functions need as many weights, not 1"):
        score([accuracy, format_tags], [1.0], **columns([""]))


def test_two_functions_of_one_name_do_not_hide_each_other():
    with pytest.raises(ValueError, match="two reward functions have one name"):
        score([coin(0), coin(1)], [1.0, 1.0], **columns([""]))
