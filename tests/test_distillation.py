"""Lesson 06: what is taught, what it costs, what many tries reach, and the ledger of prices."""

import json
import re

import pytest
from browsing import INJECTED, drawn, opened, shown
from helpers import tiny_model, words

from r1lab import evaluate, experiments, models, plots, tasks, widgets
from r1lab.evaluate import Answers
from r1lab.experiments import coverage, distillation
from r1lab.grpo import Config
from r1lab.machine import presets
from r1lab.records import Run
from r1lab.running import bills
from r1lab.running.arms import same
from r1lab.running.run import run
from r1lab.running.settings import Options, plan, settled
from r1lab.tiny_world import traces
from r1lab.tiny_world.competence import solutions
from r1lab.verify import verify
from r1lab.widgets import prices

POOL = tasks.problems("countdown", 40, 0, "train", 3)
TOKENIZER = words()


def answers(good: set[int], cut: set[int] = frozenset()) -> Answers:
    """What a teacher says to the pool: right to the problems `good`, wrong to others; the answers
    `cut` did not come to their end."""
    texts = []
    for i, problem in enumerate(POOL):
        right = traces.trace(problem, "empty")
        texts.append(right if i in good else "<think></think><answer>1</answer>")
    found = [verify(p, text) for p, text in zip(POOL, texts, strict=True)]
    ended = [i not in cut for i in range(len(POOL))]
    ids = TOKENIZER(texts, add_special_tokens=False)["input_ids"]
    lengths = [len(one) + 1 for one in ids]
    return Answers(POOL, 1, texts, lengths, ended, found)


USABLE = [i for i, p in enumerate(POOL) if traces.trace(p, "empty")]


@pytest.fixture
def teachers(monkeypatch):
    """Two teachers and a half trained one, by what they say."""
    large, small = set(USABLE[:12]), set(USABLE[4:16])
    said = {
        ("judge-rule", "rich"): answers(large, cut={USABLE[5]}),
        ("distillation-rl", "small"): answers(small),
        ("delay-delay-16", "rich"): answers(set(USABLE[:7])),
    }
    monkeypatch.setattr(
        distillation, "recorded", lambda name, seed, base, last="": ((name, base), None)
    )
    monkeypatch.setattr(distillation, "asked", lambda key, words, pool, config: said[key])
    return said


def problems_of(lines):
    return [tuple(line["numbers"]) for line in lines]


def test_two_teachers_teach_the_same_problems(teachers):
    config = Config(template="tiny")
    one, about = distillation.from_both(0)(None, TOKENIZER, POOL, config)
    other, _ = distillation.from_both(1)(None, TOKENIZER, POOL, config)
    wanted = [POOL[i].numbers for i in USABLE[4:12] if i != USABLE[5]]  # that one was cut
    assert problems_of(one) == problems_of(other) == wanted
    assert about == {
        "answers": 40,
        "right": 12,
        "tokens": sum(teachers[("judge-rule", "rich")].lengths),
    }
    assert all(line["rewards"]["accuracy"] == [1.0] for line in one)


def test_as_many_unfiltered_answers_as_there_are_right_ones(teachers):
    config = Config(template="tiny")
    good, _ = distillation.from_half(True)(None, TOKENIZER, POOL, config)
    every, _ = distillation.from_half(False)(None, TOKENIZER, POOL, config)
    assert len(good) == len(every) == 7
    assert problems_of(every) == [p.numbers for p in POOL[:7]]  # as they come
    assert all(line["rewards"]["accuracy"] == [1.0] for line in good)
    assert {line["rewards"]["taught"][0] for line in every} == {1.0}


def test_a_step_of_both_kinds_costs_what_it_costs_by_hand(monkeypatch):
    """Weights 100, attention 2 a pair. RL: 50 tokens sampled in answers of 10, 80 learned from:
    context 14 + 5. Imitation: 60 tokens in 3 rows, context 10."""
    monkeypatch.setattr(bills.models, "config_of", lambda name: None)
    monkeypatch.setattr(bills.cost, "shape", lambda config: bills.cost.Shape(100, 2))
    stages = [{"name": "taught", "prompts": 3}, {"name": "rl", "prompts": 8}]
    lines = [
        {"stage": "taught", "update_tokens": 60},
        {"stage": "rl", "tokens": 50, "length": 10, "update_tokens": 80},
    ]
    material = {"taught": {"answers": 4, "right": 2, "tokens": 40}, "rl": {"tokens": 0}}
    made = Run(
        {"stages": stages, "lora_rank": 8}, lines, [], [], {"base": "x", "material": material}
    )
    taught = 60 * (2 * 200 + 3 * 2 * 10)
    rl = 50 * (200 + 2 * 19) + 80 * (400 + 3 * 2 * 19)
    assert bills.steps(made) == [taught, rl]
    assert bills.student(made, "taught") == taught and bills.student(made) == taught + rl
    assert bills.asking(made, "y") == 40 * (200 + 2 * (14 + 5))

    alone = {"base": "x", "before": {"accuracy": 0.1}}
    learned = Run(made.config, [lines[1] | {"accuracy": 0.5}], [], [], alone)
    start, end = bills.curve([learned], 1000, width=1)
    assert start == [0.0, pytest.approx(10.0)] and end == [rl / 1000, pytest.approx(50.0)]
    ends = {"stages": [{"accuracy": 0.7}, {"accuracy": 0.8}], "base": "x", "material": material}
    taught_run = Run(made.config, lines, [], [], ends)
    teacher = Run({"stages": stages[1:], "lora_rank": 8}, [lines[1]], [], [], {"base": "y"})
    found = bills.row("a", [(taught_run, teacher)], 1.0)
    assert found == {
        "name": "a",
        "right": 70.0,
        "student": taught,
        "training": rl,
        "asking": 9520.0,
    }
    free = Run(made.config, lines, [], [], ends | {"material": {"taught": {"tokens": 0}}})
    assert bills.row("a", [(free, teacher)], 1.0)["training"] == 0


def test_the_students_reinforcement_is_that_of_the_larger_base():
    """So that only the size differs: T-02, Z-10 and the teacher's part in D-06."""
    small = plan(experiments.named("distillation"), Options("rl", "cpu", 0))
    large = plan(experiments.named("judge"), Options("rule", "cpu", 0))
    assert small.legs[0].config == large.legs[0].config
    assert small.legs[0].reward == large.legs[0].reward == "rule"
    kept = ("size", "also", "template", "max_new", "eval_problems", "train_problems", "lora_rank")
    assert {small.record[k] == large.record[k] for k in kept} == {True}
    assert (small.preset.model, large.preset.model) == ("small", "rich")


def test_arms_that_differ_in_what_is_taught_alone_have_records_that_differ():
    one = experiments.named("distillation")
    records = [plan(one, Options(arm.name, "cpu", 0)).record for arm in one.arms]
    assert not [1 for i, a in enumerate(records) for b in records[:i] if same(a, b)]


def test_hard_problems_have_few_ways_and_each_seed_its_own():
    for size, n in ((4, 6), (3, 8)):
        seen = [coverage.hard(size, n, seed) for seed in range(3)]
        flat = [p for part in seen for p in part]
        assert len(set(flat)) == 3 * n
        assert {solutions(p) <= coverage.WAYS[size] for p in flat} == {True}
        assert coverage.hard(size, n, 5) == seen[0]
    assert coverage.sizes(32) == [1, 2, 4, 8, 16, 32]


def test_the_line_of_chance_rises_whatever_the_order_of_a_record():
    line = {"1": 0.1, "16": 0.6, "2": 0.2, "32": 0.8, "4": 0.3, "8": 0.4}  # sorted as words
    found = Run({"seed": 0}, [], [], [], {"measured": {"pass": {"3": line}, "chance": {"3": line}}})
    figure, axis = plots.canvas()
    coverage.line_of_chance(axis, [found], 3)
    drawn = axis.lines[0].get_ydata().tolist()
    assert drawn == pytest.approx([10, 20, 30, 40, 60, 80])


def test_many_tries_are_measured_beside_chance(tmp_path):
    settings = {"base": "rich", "samples": 8, "samples_three": 4, "hard_4": 3, "hard_3": 3}
    settings |= {"max_new": 48}
    found = run(experiments.named("coverage"), Options("base", "cpu", 0, settings), tmp_path / "r")
    part = found["measured"]
    assert set(part["pass"]["4"]) == {"1", "2", "4", "8"} and set(part["pass"]["3"]) == {
        "1",
        "2",
        "4",
    }
    for size, samples in (("4", 8), ("3", 4)):
        curve = list(part["pass"][size].values())
        assert curve == sorted(curve)
        assert curve[0] == pytest.approx(sum(part["counts"][size]) / samples / 3)
        line = [part["chance"][size][str(k)] for k in coverage.sizes(samples)]
        assert line == sorted(line)
        assert 0 <= part["chance"][size]["1"] < part["chance"][size][str(samples)] <= 1


@pytest.mark.slow
def test_the_call_on_a_card_with_the_true_architecture_at_toy_width(tmp_path, monkeypatch):
    """The teacher of the hub is the toy too, and what it says is said for it: the toy solves
    nothing."""
    monkeypatch.setenv("R1LAB_FAST", "1")
    built = tiny_model("qwen2", vocabulary=len(words()))
    built.config.max_position_embeddings = 2048
    built.save_pretrained(tmp_path / "toy")
    words().save_pretrained(tmp_path / "toy")
    monkeypatch.setattr(distillation, "HUB", str(tmp_path / "toy"))
    monkeypatch.setattr(distillation, "ASKED", 30)
    loaded, load, sampled = [], models.load, evaluate.answer

    def noted(name, *more):
        loaded.append(str(name))
        return load(name, *more)

    def answered(model, tokenizer, problems, how, *more, **named):
        if len(problems) != 30:
            return sampled(model, tokenizer, problems, how, *more, **named)
        texts = [traces.trace(p) or "no" for p in problems]
        ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
        verdicts = [verify(p, text) for p, text in zip(problems, texts, strict=True)]
        return Answers(problems, 1, texts, [len(i) + 1 for i in ids], [True] * 30, verdicts)

    monkeypatch.setattr(models, "load", noted)
    monkeypatch.setattr(evaluate, "answer", answered)
    settings = {"base": str(tmp_path / "toy"), "template": "r1", "task": "countdown", "size": 3}
    settings |= {"max_new": 24, "eval_problems": 4, "train_problems": 60}
    settings |= {"hub.steps": 2, "rl.steps": 2, "hub.lr": 1e-4}
    found = run(
        experiments.named("distillation"), Options("from-hub", None, 0, settings), tmp_path / "run"
    )
    assert loaded.count(str(tmp_path / "toy")) >= 2  # student and teacher
    assert [one["name"] for one in found["stages"]] == ["hub", "rl"]
    assert found["material"]["hub"]["answers"] == 30 and found["material"]["hub"]["pairs"] > 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["stages"][0]["lr"] == 1e-4


def test_on_a_card_imitation_has_a_rate_of_its_own():
    options = Options("from-hub", "t4", 0, {"hub.lr": 1e-4})
    made = settled(experiments.named("distillation"), options, presets.named("t4"))
    assert made.preset.model == "Qwen/Qwen2.5-0.5B" and made.preset.task == "gsm8k"
    assert [leg.config.lr for leg in made.legs] == [1e-4, 2e-5]
    assert models.PINNED[distillation.HUB]


# ---- the ledger of prices ----

CURVE = [[0, 10.0], [0.5, 20.0], [1.0, 40.0], [4.0, 70.0]]
ROWS = [
    {"name": "large", "right": 60.0, "student": 1.0, "training": 2.0, "asking": 0.5},
    {"name": "program", "right": 65.0, "student": 0.4, "training": 0, "asking": 0},
]
DATA = {"curve": CURVE, "rows": ROWS, "unit": "units"}


def test_bills_and_winners_by_hand():
    assert prices.bill(ROWS[0], 0, 1) == 1.0
    assert prices.bill(ROWS[0], 1, 1) == 3.5 and prices.bill(ROWS[0], 2, 4) == 3.0
    assert prices.bought(CURVE, 0.4) == (10.0, False)
    assert prices.bought(CURVE, 1.0) == (40.0, False) and prices.bought(CURVE, 4.1) == (70.0, True)
    assert "the taught one, by 20.0" in prices.said(DATA, 0, 1)[0]
    assert "(its longest run). Ahead: reinforcement learning, by 10.0" in prices.said(DATA, 2, 1)[0]


def faces(monkeypatch, data) -> dict:
    return shown(monkeypatch, prices, lambda: widgets.price_ledger(data))


def test_the_ledger_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    found = faces(monkeypatch, DATA)
    assert 'src="data:image/png;base64,iVBOR' in found["text/html"]
    assert not re.search(r"https?:|//cdn|import ", found["text/html"])
    assert "by 20.0 points" in found["text/plain"]


@pytest.mark.slow
def test_the_script_counts_as_python_and_hostile_text_stays_text(browser, monkeypatch, tmp_path):
    data = DATA | {"rows": [ROWS[0] | {"name": INJECTED}, ROWS[1]]}
    page, _ = opened(browser, faces(monkeypatch, data)["text/html"], tmp_path / "page.html")
    assert INJECTED in page.inner_text(".r1lab-prices")
    assert page.evaluate("window.hacked === undefined && !document.querySelector('img')")
    assert len(drawn(page, ".now")) == 2 and not drawn(page, ".ghost")
    for i, price in enumerate(prices.PRICES):
        for j, shared in enumerate(prices.SHARED):
            page.evaluate(
                "([a, b]) => document.querySelectorAll('.r1lab-prices input').forEach((s, k) => {"
                "s.value = [a, b][k]; s.dispatchEvent(new Event('input')); })",
                [i, j],
            )
            for row, one in zip(
                data["rows"],
                page.evaluate("document.querySelector('.r1lab-prices').now()"),
                strict=True,
            ):
                spent = prices.bill(row, price, shared)
                assert one["spent"] == pytest.approx(spent)
                assert (one["right"], one["beyond"]) == prices.bought(CURVE, spent)
    assert len(drawn(page, ".ghost")) == 2
    labels = page.evaluate("[...document.querySelectorAll('input')].map(e => e.ariaLabel)")
    assert labels == ["price of the teacher's work", "students that share the teacher"]
