"""`run templates`: the words around a question change, and nothing else; and what is read off."""

import json

import numpy as np
import pytest
from helpers import one_line

from r1lab import experiments, tasks
from r1lab.experiments import templates
from r1lab.records import Run
from r1lab.running import settings
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.verify import verify

TEMPLATES = experiments.named("templates")
SUM = Problem("addition", (37, 48), 85)


def small(toy, arm, seed, folder):
    chosen = {"base": str(toy), "steps": 2, "max_new": 8, "eval_problems": 12}
    return run(TEMPLATES, Options(arm, None, seed, chosen), folder)


@pytest.mark.slow
@pytest.mark.parametrize("arm", templates.NAMES)
def test_before_training_every_seed_has_the_same_answers(arm, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    one, other = (small(toy, arm, seed, tmp_path / str(seed)) for seed in (5, 6))
    kept = ("right", "length", "reasons", "truncated")
    assert [one["before"][key] for key in kept] == [other["before"][key] for key in kept]
    config = json.loads((tmp_path / "5" / "config.json").read_text())
    (stage,) = config["stages"]
    assert (stage["template"], stage["temperature"], config["task"]) == (arm, 0.6, "addition")
    logs = [(tmp_path / str(seed) / "metrics.jsonl").read_text() for seed in (5, 6)]
    assert logs[0] != logs[1], "what is trained on is sampled, by the seed"


def test_the_arms_differ_in_the_template_alone():
    plans = [settings.plan(TEMPLATES, Options(arm)).record for arm in templates.NAMES]
    for plan in plans:
        for part in (plan, *plan["stages"]):
            part.pop("template")
    assert plans[0] == plans[1] == plans[2] and plans[0]["preset"] == "smol"


def test_a_tiny_base_is_not_asked_in_words_it_has_never_read(capsys, tmp_path):
    asked = "run", "templates", "--preset", "cpu", "--out", tmp_path / "x"
    said = one_line(capsys, *asked)
    assert "its own world" in said and "template qa" in said and "--preset smol" in said
    assert not (tmp_path / "x").exists()


def test_every_template_holds_the_question_and_stops_where_the_answer_begins():
    question = "What is 37 + 48? Give only the number as the answer."
    ends = {"qa": "\nAnswer:", "smollm2": "<|im_start|>assistant\n", "r1": " Assistant:"}
    for template in templates.NAMES:
        prompt = tasks.prompt(SUM, template)
        assert prompt.count(question) == 1 and prompt.endswith(ends[template])
    assert tasks.prompt(SUM, "qa") == f"Question: {question}\nAnswer:"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (" 37 + 48 = 85", True),
        ("37 + 48 = 85.\n\nUser", True),
        ("85\n\nQuestion: What is 12", False),  # went on asking: the last number counts
        ("To find 37 + 48, we need to add 4", False),  # cut before the sum
        ("<think>85</think>", True),  # tags of thoughts alone are text
        ("<think>37 + 48</think> <answer>85", False),  # an answer tag was opened, and never closed
    ],
)
def test_the_same_verifier_reads_what_follows_every_template(text, right):
    assert verify(SUM, text).correct == right


def answered(**digits):
    """Runs of two seeds a template. digits: "before seed 0/after ..." of its answers."""
    runs = {}
    for name, text in digits.items():
        pairs = [part.split("/") for part in text.split()]
        runs[name] = [
            Run({"seed": i}, [], [], [], {"before": {"right": a}, "after": {"right": b}})
            for i, (a, b) in enumerate(pairs)
        ]
    return runs.__getitem__


def test_best_and_worst_are_chosen_once_for_all_seeds():
    """By hand. Before: qa 3 of 4 and 2 of 4, chat 0 and 1, R1 1 and 3. So qa (5) against chat (1),
    also with seed 1, where R1 was ahead. After: R1 7, chat 6, qa 5 of 8."""
    arms = answered(
        qa="1110/1100 1010/1110", smollm2="0000/1101 0100/1011", r1="1000/1111 1110/0111"
    )
    before = templates.apart(templates.scores(arms, "before"))
    assert before.tolist() == [[100, 100, 100, 0], [100, -100, 100, 0]]
    spread, best = TEMPLATES.evidence["TP-01"](arms)
    assert np.mean(spread) == -50 and np.mean(best) == 62.5
    after, first, won = TEMPLATES.evidence["TP-02"](arms)
    assert np.mean(after) == -25 and np.mean(first) == 50 and np.mean(won) == 62.5


def test_a_seed_that_one_template_lacks_is_left_out():
    arms = answered(qa="1100/1100 1100/1100", smollm2="1000/1000", r1="1000/1000 1000/1000")
    assert templates.scores(arms, "before").shape == (3, 1, 4)
