"""The task of judges: its labels by another way, its splits, its twins; and the judge with a head."""

import random
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import pytest
import torch
from evidence_08 import gap
from helpers import tiny_model

from r1lab import experiments, models, records, tasks
from r1lab.claims import ledger
from r1lab.claims.verdicts import judge
from r1lab.critic import Critic
from r1lab.experiments import judging
from r1lab.records import Run
from r1lab.running.arms import same
from r1lab.running.run import run
from r1lab.running.settings import Options, plan
from r1lab.tasks import equality
from r1lab.tasks.reading import read_expression
from r1lab.verify import verify

MANY = tasks.problems("equality", 1500, 7, "train")
TINY = SimpleNamespace(template="tiny")
K09 = next(claim for claim in ledger.load() if claim.id == "K-09")


def exact(text):
    """The value of an expression by the verifier of Countdown, in fractions."""
    return read_expression(text)[0]


def test_a_label_is_true_by_the_other_reader():
    for problem in MANY:
        left, right = map(exact, equality.sides(problem))
        assert (left == right) == (problem.target == "yes")
        assert 0 < left <= 199 and left.denominator == 1


def test_one_side_alone_says_nothing():
    """Whatever is seen of one side, about half of the pairs are equal."""
    seen = {
        "all": lambda left, right: True,
        "large left": lambda left, right: exact(left) > 60,
        "large right": lambda left, right: exact(right) > 60,
        "a product": lambda left, right: "*" in right,
        "a bare number": lambda left, right: right.isdigit(),
        "three on the right": lambda left, right: "(" in right,
    }
    for name, look in seen.items():
        marks = [p.target == "yes" for p in MANY if look(*equality.sides(p))]
        error = 0.5 / len(marks) ** 0.5
        assert abs(sum(marks) / len(marks) - 0.5) < 4 * error, name


def test_no_kept_expression_is_learnt_from():
    """Every held-out pair has a side that stands, in whatever order, in no pair of train."""
    known = {equality.canonical(s) for p in MANY for s in equality.sides(p)}
    for problem in tasks.problems("equality", 200, 0, "test"):
        assert {equality.canonical(s) for s in equality.sides(problem)} - known


def test_forms_by_hand():
    form = equality.canonical
    assert form("(2*3)+4") == form("4+(3*2)") == form("4+(2*3)")
    assert form("(2*3)+4") != form("(2+3)*4") and form("(9-3)-2") != form("9-(3-2)")


def test_steps_by_hand():
    assert equality.worked("(13-5)*4") == ["13-5=8", "8*4=32"]
    assert equality.worked("60/(4+(2*3))") == ["2*3=6", "4+6=10", "60/10=6"]
    assert equality.worked("17") == [] and equality.value("17") == 17
    for text in ("7-9", "9/2", "4/(3-3)", "1+2+3", "100*2", "200-1", "(3+4", "", "3+"):
        with pytest.raises(ValueError):
            equality.worked(text)


def test_twins_differ_in_one_thing_and_in_value():
    rng = random.Random(0)
    found = {equality.twin(rng, "(8/4)*2") for _ in range(600)}
    assert {"8/(4*2)", "(8-4)*2", "(8/4)+2", "(8/4)*3", "(8/4)*1"} - found == {"(8/4)+2"}
    assert "(9/4)*2" not in found  # no whole number
    for problem in MANY[:200]:
        for side in equality.sides(problem):
            assert exact(equality.twin(rng, side)) != exact(side)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_side_is_grown_from_its_value(size):
    rng = random.Random(1)
    for value in (1, 2, 47, 96, 199):
        text = equality.grown(rng, value, size)
        found, used = read_expression(text)
        assert found == value and len(used) == size


def test_what_a_verdict_is():
    problem = tasks.Problem("equality", (8, 4, 32), "yes", "8*4 vs 32")
    said = {"yes": "correct", " yes.": "correct", "no": "wrong value", "no.": "wrong value"}
    said |= {"Yes": "unreadable", "yes no": "unreadable", "": "unreadable", "32": "unreadable"}
    for text, reason in said.items():
        assert verify(problem, f"<answer>{text}</answer>").reason == reason
    assert verify(problem, "8*4=32 vs 32 yes.").reason == "no answer"
    assert tasks.prompt(problem, "plain") == "Are 8*4 and 32 equal? Answer yes or no.\n"


@pytest.mark.parametrize("thoughts", [judging.reasoned, lambda problem: ""])
def test_what_is_taught_is_right_and_in_the_words_of_the_base(thoughts):
    lines, about = judging.taught(thoughts)(None, None, MANY[:200], TINY)
    tokenizer = models.tokenizer("rich")
    for problem, line in zip(MANY[:200], lines, strict=True):
        assert line["rewards"] == {"accuracy": [1.0], "taught": [1.0]}
        asked = line["task"], tuple(line["numbers"]), line["target"], line["question"]
        assert tasks.Problem(*asked) == problem
        ids = tokenizer(line["prompt"] + line["completions"][0])["input_ids"]
        assert tokenizer.unk_token_id not in ids and len(ids) < 80
    assert about["answers"] == 200


def test_the_reasoning_by_hand():
    equal = tasks.Problem("equality", (13, 5, 4, 40, 8), "yes", "(13-5)*4 vs 40-8")
    assert judging.reasoned(equal) == "40-8=32; 13-5=8; 8*4=32 vs 32 yes."
    other = tasks.Problem("equality", (8, 4, 33), "no", "8*4 vs 33")
    assert judging.reasoned(other) == "8*4=32 vs 33 no. "


def test_a_score_is_read_at_the_end_of_the_question():
    """By a forward pass of one question, without padding; among longer ones nothing changes."""
    model = tiny_model(vocabulary=400)
    with torch.no_grad():
        critic = Critic(model)
        critic.head.weight.normal_()
    tokenizer, some = models.tokenizer("rich"), MANY[:5]
    found = judging.scores(critic, judging.questions(tokenizer, some, "tiny"))
    for problem, score in zip(some, found, strict=True):
        ids = torch.tensor([tokenizer(tasks.prompt(problem, "tiny"))["input_ids"]])
        last = critic.body.model(input_ids=ids).last_hidden_state[0, -1]
        torch.testing.assert_close(score, critic.head(last)[0])


def test_accuracy_by_the_steps_of_a_pair(monkeypatch):
    posed = ("1+1 vs 2", "(1+1)*2 vs 1+3", "2+2 vs 4")
    asked = [tasks.Problem("equality", (), "yes", question) for question in posed]
    monkeypatch.setattr(tasks, "problems", lambda *given: asked)
    config = {"task": "equality", "eval_problems": 3, "size": 3}
    measured = {"right": "110", "reasons": {"correct": 2, "no answer": 1}}
    one = Run(config, [], [], [], {"measured": measured, "update_tokens": 7})
    assert judging.by_steps(one) == {1: (50.0, 2), 3: (100.0, 1)}
    assert (judging.unread(one), judging.spent(one)) == (1, 7)
    measured["update_tokens"] = 5  # of a head
    assert judging.spent(one) == 5


def test_the_arms_are_told_apart_by_their_records():
    judges = experiments.named("judging")
    made = [plan(judges, Options(arm.name)).record for arm in judges.arms]  # as recorded
    assert not any(same(one, other) for one, other in combinations(made, 2))


def test_a_small_lead_decides_nothing():
    read = experiments.named("judging").evidence["K-09"]
    rows = [[9.0], [-1.0], [6.0], [-2.0], [3.0]]
    assert judge(K09, [rows]).letter == "I"
    assert [judge(K09, read(arms)).letter for arms in gap("reasons", "head")] == ["R", "N"]


@pytest.mark.slow
def test_both_kinds_of_judge_run(tmp_path):
    """Small: what is taught is kept; a head is measured; both are compared problem by problem."""
    small = {"steps": 3, "prompts": 4, "eval_problems": 24, "train_problems": 32}
    found = {}
    for arm in ("reasons", "head-long"):
        options = Options(arm, "cpu", 7, small)
        run(experiments.named("judging"), options, tmp_path / arm, watch=lambda now: None)
        found[arm] = records.load_run(tmp_path / arm)
    taught, head = found["reasons"], found["head-long"].summary["measured"]
    assert len(taught.samples) == taught.summary["material"]["reasons"]["pairs"] == 32
    assert taught.summary["before"]["accuracy"] == 0.0  # the base does not know the question
    assert len(head["losses"]) == 9 and head["losses"][0] == pytest.approx(0.693, abs=1e-3)
    read = experiments.named("judging").evidence["K-09"]
    (table,) = read(lambda arm: [found["head-long" if arm == "head" else arm]])
    assert len(table) == 1 and len(table[0]) == 24 and set(table[0]) <= {-100.0, 0.0, 100.0}


@pytest.mark.slow
def test_a_head_learns_what_can_be_seen(monkeypatch):
    """The same head and rate, with another label: whether there is a bracket in the question."""
    shown = [replace(p, target="yes" if "(" in p.question else "no") for p in MANY[:1000]]
    monkeypatch.setattr(tasks, "problems", lambda *given: shown[:960])
    small = {"steps": 60, "train_problems": 960}
    settled = plan(experiments.named("judging"), Options("head", "cpu", 7, small))
    found = judging.scored(*models.load("rich"), shown[960:], settled)
    assert found["accuracy"] > 0.9 and found["losses"][-1] < 0.3
