"""Whether a reader can follow: language, form, summary; the rewards and worked examples made of it."""

import pytest

from r1lab import habits, readability, rewards, tasks
from r1lab.tasks import Problem
from r1lab.tiny_world import traces
from r1lab.verify import verify

PROBLEM = Problem("countdown", (3, 5, 11), 26)
WHOLE = (
    "<think>5+3=8; 11+8=19 vs 26 no; 11-8=3 vs 26 no; 11*8=88 vs 26 no; 5-3=2; 11+2=13 vs 26 no; "
    "11-2=9 vs 26 no; 11*2=22 vs 26 no; 5*3=15; 15+11=26 vs 26 yes. Then 5*3=15, 15+11=26"
    "</think><answer>(5*3)+11</answer>"
)
ENGLISH, CHINESE = (tasks.tiny_prompt(PROBLEM, language) for language in ("en", "zh"))
MIXED = WHOLE.replace("vs 26 no; 11-8", "vs 26 不对；11-8")


@pytest.mark.parametrize(
    ("prompt", "text", "expected"),
    [
        (ENGLISH, WHOLE, True),
        (CHINESE, WHOLE, False),  # the prompt's language, not just one
        (ENGLISH, MIXED, False),
        (ENGLISH, WHOLE.replace("</think>", ""), False),
        (ENGLISH, WHOLE.replace("<think>", "<think>5+3=8; 11+8=19 vs 26 no; Wait, "), False),
        (CHINESE, "<think>5+3=8, 11+8=19</think><answer>(5+3)+11</answer>", True),  # no words
        (ENGLISH, "", False),
    ],
)
def test_who_can_be_followed(prompt, text, expected):
    assert readability.readable(PROBLEM, prompt, text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WHOLE, True),
        (WHOLE.replace(" Then 5*3=15, 15+11=26", ""), False),
        (WHOLE.replace("</think>", "Wait, </think>"), False),  # the summary ends the thoughts
        (WHOLE.replace("yes. Then ", "对。那么 "), True),
        ("<think></think><answer>Then 5*3=15</answer>", False),
    ],
)
def test_a_summary_stands_behind_a_yes_at_the_end(text, expected):
    assert readability.summed_up(text) is expected


def paid(name, prompts, texts):
    functions, weights = rewards.reward_set(name)
    n = len(texts)
    columns = {"task": ["countdown"] * n, "numbers": [[3, 5, 11]] * n, "target": [26] * n}
    return rewards.score(functions, weights, prompts=prompts, completions=texts, **columns)


def test_the_language_is_paid_by_its_share_and_silence_is_not():
    """Seven verdicts and Then are eight words; in MIXED one of them is Chinese."""
    silent = "<think></think><answer>(5*3)+11</answer>"
    _, parts = paid("watched", [ENGLISH, ENGLISH, CHINESE, ENGLISH], [WHOLE, MIXED, MIXED, silent])
    assert parts["language"] == pytest.approx([1.0, 7 / 8, 1 / 8, 0.0])
    assert parts["readable"] == [1.0, 0.0, 0.0, 0.0]


def test_what_is_only_watched_changes_no_reward():
    prompts, texts = [ENGLISH, CHINESE, ENGLISH], [WHOLE, WHOLE, ""]
    assert paid("watched", prompts, texts)[0] == pytest.approx([1.1, 1.1, 0.0])
    assert paid("language", prompts, texts)[0] == pytest.approx([2.1, 1.1, 0.0])
    assert paid("mixed", prompts, texts)[0] == pytest.approx([2.1, 1.1, 0.0])


def test_prompts_in_both_languages_are_about_half_each_and_of_the_problem_alone():
    problems = tasks.problems("countdown", 400, 0, "train", 3)
    asked = [tasks.prompt(p, "tiny-both") for p in problems]
    for problem, prompt in zip(problems, asked, strict=True):
        assert prompt == tasks.tiny_prompt(problem, readability.asked_in(prompt))
    share = sum(readability.asked_in(prompt) == "zh" for prompt in asked) / 400
    assert 0.4 < share < 0.6  # five standard deviations are 0.125
    turned = Problem("countdown", problems[0].numbers[::-1], problems[0].target)
    assert readability.asked_in(tasks.prompt(turned, "tiny-both")) == readability.asked_in(asked[0])


def test_examples_before_the_question_are_right_and_never_asked():
    problem = Problem("addition", (20, 30), 50)
    plain, shown = (tasks.prompt(problem, name) for name in ("smollm2", "smollm2-3"))
    assert shown.endswith(plain[plain.index("<|im_start|>user") :])
    turns = shown.split("<|im_start|>assistant\n")
    assert len(turns) == 5
    for question, answer in zip(turns, turns[1:-1], strict=False):
        a, b = (int(part) for part in question.partition("What is ")[2].split("?")[0].split(" + "))
        assert answer.startswith(f"{a + b}<|im_end|>")
        assert tasks.split_of(Problem("addition", (a, b), a + b)) == "train"


@pytest.mark.parametrize("template", ["tiny", "tiny-zh", "r1"])
def test_worked_examples_are_right_in_order_in_one_language_and_sum_up(template):
    for group in traces.examples(60, 7, "right", template):
        problem = Problem("countdown", tuple(group["numbers"]), group["target"])
        (text,) = group["completions"]
        habit = habits.read(problem, text)
        assert verify(problem, text).correct and tasks.split_of(problem) == "train"
        assert group["prompt"] == tasks.prompt(problem, template)
        assert readability.readable(problem, group["prompt"], text) and readability.summed_up(text)
        assert habit.name == "in order" and habit.tries > 1
        assert habit.wrong_sums == habit.false_verdicts == habit.repeated == 0


def test_twins_of_an_example_lack_one_thing():
    """Wrong ones say nothing false, search on the same problems and answer wrong; empty ones are
    right without a thought."""
    kinds = {kind: traces.examples(60, 7, kind) for kind in traces.KINDS}
    for right, wrong, empty in zip(*kinds.values(), strict=True):
        problem = Problem("countdown", tuple(right["numbers"]), right["target"])
        assert right["prompt"] == wrong["prompt"] == empty["prompt"]
        texts = [group["completions"][0] for group in (right, wrong, empty)]
        seen = [habits.read(problem, text) for text in texts]
        assert [verify(problem, text).correct for text in texts] == [True, False, True]
        assert [group["rewards"]["accuracy"][0] for group in (right, wrong, empty)] == [1, 0, 1]
        assert seen[1].tries == seen[0].tries - 1 and seen[1].wrong_sums == 0
        assert seen[1].false_verdicts == 0 and seen[2].sums == 0


def test_there_are_as_many_examples_as_asked_and_no_problem_twice():
    found = traces.examples(2000, 0)
    assert len({(*sorted(g["numbers"]), g["target"]) for g in found}) == 2000
    assert traces.examples(50, 0) != traces.examples(50, 1)
    with pytest.raises(ValueError, match="right, wrong, empty"):
        traces.examples(5, 0, "long")
    for group in traces.products(20, 0):
        problem = Problem("multiplication", tuple(group["numbers"]), group["target"])
        assert verify(problem, group["completions"][0]).correct
        assert tasks.split_of(problem) == "train"
