"""Lesson 09's experiment: what each way learns from, where it starts, and the coin beside it."""

import pytest
import torch
from evidence_09 import roads

from r1lab import evaluate, experiments, models, tasks, verify
from r1lab.claims import ledger
from r1lab.claims.verdicts import judge
from r1lab.experiments import long2short
from r1lab.length import length_pairs, shortest_right
from r1lab.records import Run
from r1lab.running.methods import PAIRS
from r1lab.running.settings import Options, plan

ROWS = [  # id, lengths, right, the shortest right one, (preferred, rejected)
    ("1.5 times counts", [10, 15, 14], "111", 0, {(0, 1)}),
    ("a longer wrong one", [10, 11, 9], "100", 0, {(0, 1)}),
    ("as long is not longer", [10, 10], "10", 0, set()),
    ("a shorter wrong one is left alone", [40, 4, 70], "101", 0, {(0, 2)}),
    ("the first of two alike", [30, 20, 20, 45], "0111", 1, {(1, 0), (1, 3)}),
    ("nothing right", [3, 4], "00", None, set()),
    ("all right and alike", [7, 7, 7], "111", 0, set()),
]


@pytest.mark.parametrize(
    ("lengths", "right", "best", "pairs"), [pytest.param(*row[1:], id=row[0]) for row in ROWS]
)
def test_what_is_chosen_by_length(lengths, right, best, pairs):
    right = [digit == "1" for digit in right]
    assert shortest_right(lengths, right) == best
    found = length_pairs(lengths, right)
    assert set(found) == pairs and len(found) == len(pairs)


K16 = next(claim for claim in ledger.load() if claim.id == "K-16")


@pytest.mark.parametrize(
    ("letter", "changed"),
    [
        ("R", {}),
        ("N", {"rl": (150.0, 0.5)}),  # as the merged one
        ("N", {"rl": (245.0, 0.95)}),  # better, and hardly shorter
        ("N", {"rl": (20.0, 0.05)}),  # it gives up: a coin between silence and the base has 6.7 %
        ("N", {"rl": (150.0, 0.75), "dpo": (140.0, 0.76)}),  # another is as good
        ("N", {"rl": (200.0, 0.6)}),  # on the chord of the merged one and the long parent
        ("R", {"dpo": (30.0, 0.05)}),  # what the others waste is no help to them
    ],
)
def test_verdicts_of_the_four_ways(letter, changed):
    read = experiments.named("long2short").evidence["K-16"]
    assert judge(K16, read(roads(**changed))).letter == letter


@pytest.fixture
def eight(monkeypatch):
    """Three problems with eight answers each that were written here, and what is asked."""
    asked = tasks.problems("countdown", 3, 0, "train", 3)
    monkeypatch.setattr(long2short, "ASKED", 3)
    lengths = [[40, 60, 61, 80, 90, 95, 99, 600], [50] * 8, [600] * 8]
    right = ["11110100", "1" * 8, "0" * 8]
    flat = [n for row in lengths for n in row]
    verdicts = [verify.Verdict(d == "1", True, "?", "?") for row in right for d in row]
    texts = [f"text {i}" for i in range(24)]
    found = evaluate.Answers(asked, 8, texts, flat, [n < 600 for n in flat], verdicts)
    seen = []

    def answer(model, tokenizer, problems, how):
        seen.append(how)
        assert sorted(p.target for p in problems) == sorted(p.target for p in asked)
        return found

    monkeypatch.setattr(long2short.evaluate, "answer", answer)
    return asked, seen


def config(arm):
    (leg,) = plan(experiments.named("long2short"), Options(arm, "cpu", 3)).legs
    return leg.sampling


def test_what_the_ways_are_taught(eight):
    pool, seen = eight
    lines, about = long2short.shortest(None, None, pool, config("shortest"))
    assert [text for _, text in PAIRS["sft"](lines)] == ["text 0", "text 8"]
    assert about == {"answers": 24, "right": 13, "tokens": 1125 + 400 + 4800}
    assert seen[0].per_problem == 8 and seen[0].max_new == 600
    lines, _ = long2short.first(None, None, pool, config("first"))
    assert [text for _, text in PAIRS["sft"](lines)] == ["text 0", "text 8"]
    lines, _ = long2short.pairs(None, None, pool, config("dpo"))
    found = [pair[1:] for pair in PAIRS["dpo"](lines)]
    assert len(found) == 2 and {good for good, _ in found} == {"text 0"}
    assert {bad for _, bad in found} <= {f"text {i}" for i in (1, 2, 3, 4, 5, 6, 7)}


def test_groups_that_do_not_say_what_is_preferred_are_right_against_wrong():
    group = {"prompt": "?", "completions": ["a", "b"], "rewards": {"accuracy": [0.0, 1.0]}}
    assert PAIRS["dpo"]([group]) == [("?", "b", "a")]


def test_a_start_names_the_recorded_run_of_the_seed(tmp_path, monkeypatch):
    assert models.of_run("habits-rule-s{seed}", 3).parts[-2:] == (
        "habits-rule-s3",
        "trained",
    )
    own = tmp_path / "run" / "trained-first"
    own.mkdir(parents=True)
    assert models.of_run(str(own), 3) == own
    (tmp_path / "run" / "trained").mkdir()
    assert models.of_run(str(tmp_path / "run"), 3) == tmp_path / "run" / "trained"


def test_a_merged_model_is_the_base_plus_a_share_of_what_was_learnt():
    """At 0 the base, at 1 the long parent, and between them the weights themselves are averaged."""
    settled = plan(experiments.named("long2short"), Options("merge", "cpu", 0))
    base, _ = models.load("rich")
    long, _ = models.load_trained(models.of_run(long2short.LONG, 0), "rich")
    ids = torch.arange(5, 25).view(1, -1)
    with torch.no_grad():
        ends = [model(ids).logits for model in (base, long)]
        for alpha, end in ((0.0, ends[0]), (1.0, ends[1])):
            found = long2short.merged(long2short.LONG, alpha, settled)(ids).logits
            torch.testing.assert_close(found, end, atol=2e-4, rtol=1e-4)
    half = long2short.merged(long2short.LONG, 0.5, settled).merge_and_unload().state_dict()
    whole = long.merge_and_unload().state_dict()
    for name, weights in base.state_dict().items():
        torch.testing.assert_close(half[name], (weights + whole[name]) / 2, atol=1e-5, rtol=1e-4)


def test_the_long_parent_cut_off_keeps_what_was_short_and_right():
    long = {"right": "1101", "lengths": [10, 30, 5, 600]}
    assert long2short.cut_off(long, 20) == (13.75, [100.0, 0.0, 0.0, 0.0])  # 10, 20, 5, 20
    assert long2short.cut_off(long, 600) == (161.25, [100.0, 100.0, 0.0, 100.0])
    assert long2short.cut_off(long, 0) == (0.0, [0.0] * 4)


def test_a_way_is_held_against_the_cut_that_takes_as_many_tokens():
    """At 13.75 tokens the cut is at 20; the way was right on the second problem too."""
    long = {"right": "1101", "lengths": [10, 30, 5, 600]}
    run = Run({"seed": 0}, [], [], [], {"after": {"length": 13.75, "right": "1100"}})
    assert long2short.above_cut(run, long) == [0.0, 100.0, 0.0, 0.0]
    other = Run({"seed": 0}, [], [], [], {"measured": {"path": [
        {"alpha": 0.0, "length": 3.75, "right": "0000"},
        {"alpha": 1.0, "length": 23.75, "right": "1101"} | {"lengths": long["lengths"]},
    ]}})  # fmt: skip
    ((found, short, whole, answers),) = long2short.beside([run], [other])
    assert found is run and answers["lengths"] == long["lengths"]
    assert long2short.above(run, short, whole) == [50.0, 50.0, 0.0, -50.0]  # half of the way


def test_no_two_arms_have_one_record():
    """What a stage is taught is a function and no setting: its name tells two of them apart."""
    made = experiments.named("long2short")
    records = [plan(made, Options(arm.name, "cpu", 0)).record for arm in made.arms]
    assert all(records.count(one) == 1 for one in records)
