"""Lesson 01's experiments make what their evidence reads; the call on a card; the budget slider."""

import json
import random
import re

import evidence_01
import numpy as np
import pytest
import torch
from browsing import INJECTED, drawn, opened, shown
from helpers import on_a_card

from r1lab import experiments, models, records, tasks, widgets
from r1lab.evaluate import Sampling
from r1lab.experiments import choices, test_time_compute, train_time
from r1lab.records import Run
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.widgets import budget

SMALL = {"eval_problems": 6, "max_new": 64}
TRAINS = {"prompts": 2, "group": 4, "train_problems": 8}


def quiet(_):
    pass


def made(name, arm, folder, **settings):
    run(experiments.named(name), Options(arm, settings=settings), folder, watch=quiet)
    return records.load_run(folder)


@pytest.mark.parametrize("arm", ["trained", "base", "think-on"])
def test_budgets_are_measured_and_their_evidence_reads_them(arm, tmp_path):
    found = made("budgets", arm, tmp_path / "run", samples=2, waits=1, **SMALL)
    measured = found.summary["measured"]
    tokens = [point["tokens"] for point in measured["budgets"]]
    assert [p["budget"] for p in measured["budgets"]] == list(test_time_compute.BUDGETS)
    assert tokens == sorted(tokens) and tokens[0] <= 8 and tokens[-1] <= 64
    assert measured["waits"][0]["tokens"] >= measured["natural"]["tokens"]
    assert all(len(p["right"]) == 6 for p in (*measured["budgets"], measured["natural"]))
    assert -1 <= test_time_compute.harder_longer(found) <= 1
    assert len(test_time_compute.worth(found)) == 6
    assert set(measured["repeats"]) == {"0.0", "0.6"} and 0 <= measured["thoughts"]["own"] <= 1
    assert measured["right"] == "".join(str(int(c)) for c in measured["right"])


def test_harder_is_told_from_the_other_half():
    """The first half's pass rate against the second's length, and the other way round."""

    def of(rates, lengths):
        halves = [{"right": r, "length": n} for r, n in zip(rates, lengths, strict=True)]
        return test_time_compute.harder_longer(
            Run({}, [], [], [], {"measured": {"halves": halves}})
        )

    up, down = [0.0, 0.5, 1.0], [300.0, 200.0, 100.0]
    assert of((up, up), (down, down)) == pytest.approx(1.0)
    assert of((up, up[::-1]), (down, down)) == pytest.approx(0.0)
    assert of((up, up), (down, [100.0, None, 50.0])) == pytest.approx(0.5)  # too few: no rank


@pytest.mark.slow
def test_many_answers_are_chosen_from_on_the_way_and_at_the_end(tmp_path):
    found = made("choices", "products", tmp_path / "run", samples=4, learn_on=8, steps=8,
                 **SMALL | {"max_new": 48}, **TRAINS)  # fmt: skip
    for when in ("before", "after"):
        one = found.summary[when]["chosen"]
        assert {*one} == {"any", "vote", "scorer", "likelihood", "weighted"}
        for way in one:
            for k, values in one[way].items():
                assert len(values) == 6 and all(
                    0 <= v <= p + 0.08 for v, p in zip(values, one["any"][k], strict=True)
                )
    assert [m["step"] for m in found.metrics if "vote" in m] == list(range(1, 9))
    assert [m["step"] for m in choices.middle(found)] == [2, 3, 4, 5, 6]
    assert choices.afford(found) in (1, 2, 4) and choices.sizes(64)[-2:] == [50, 64]


def test_on_countdown_a_scorer_chooses_and_nobody_votes(tmp_path):
    found = made("choices", "countdown", tmp_path / "run", samples=4, learn_on=8, **SMALL)
    assert set(found.summary["measured"]["chosen"]) == {"any", "scorer", "likelihood"}
    assert "hard" not in found.summary["measured"]


def test_a_vote_loses_on_hard_problems_chosen_by_other_answers():
    hard = {"first": [0.4, 0.9, 0.1], "one": [0.3, 0.8, 0.2], "vote": [0.0, 1.0, 0.5]}
    assert choices.lost(Run({}, [], [], [], {"after": {"hard": hard}})) == pytest.approx(0.0)
    hard["vote"][2] = 0.0
    assert choices.lost(Run({}, [], [], [], {"after": {"hard": hard}})) == pytest.approx(25.0)


def test_the_base_may_spend_at_least_as_many_tokens():
    def ratio(before, after):
        summary = {"before": {"tokens": before}, "after": {"tokens": after}}
        return choices.afford(Run({"samples": 64}, [], [], [], summary))

    assert [ratio(30, n) for n in (20, 30, 31, 60, 70, 5000)] == [1, 1, 2, 2, 4, 64]


def test_what_is_measured_on_the_way_stands_in_the_line_of_its_step(tmp_path):
    """Resumed after a stop, it is the same to the last digit; a measurement is no training."""
    settings = SMALL | TRAINS | {"steps": 6, "max_new": 24}
    whole = made("checkpoints", "rule", tmp_path / "whole", **settings)
    assert train_time.milestones(6) == [2, 3, 4, 5, 6]
    seen = [m["step"] for m in whole.metrics if "held_out" in m]
    assert seen == [2, 3, 4, 5, 6]
    assert [m["step"] for m in whole.metrics if "greedy" in m] == [2, 3, 4, 5, 6]
    last = whole.metrics[-1]
    assert all(len(last[key]) == 6 for key in ("held_out", "greedy", "cool"))

    class Stop(Exception):
        pass

    def stop(now):
        if now.step == 3:
            raise Stop

    chosen = Options("rule", settings=settings)
    with pytest.raises(Stop):
        run(experiments.named("checkpoints"), chosen, tmp_path / "again", watch=stop)
    run(experiments.named("checkpoints"), chosen, tmp_path / "again", resume=True, watch=quiet)
    assert records.load_run(tmp_path / "again").metrics == whole.metrics
    cost, accuracy = train_time.by_cost(whole)
    assert len(cost) == len(accuracy) == 5 and (np.diff(cost) > 0).all()


def test_milestones_are_evenly_spaced_in_log_steps():
    steps = train_time.milestones(60)
    assert steps[0] == 2 and steps[-1] == 60 and len(steps) == train_time.POINTS
    factors = np.array(steps[1:]) / steps[:-1]
    assert factors.max() / factors.min() < 1.3


def test_the_call_on_a_card_with_the_true_architecture_at_toy_width(tmp_path, monkeypatch):
    """`run budgets` as the lesson's part on the GPU calls it: preset t4, R1's template."""
    on_a_card(monkeypatch, tmp_path / "model", "t4", task="countdown")
    options = Options("base", "t4", settings={"max_new": 24, "eval_problems": 4, "samples": 2})
    summary = run(experiments.named("budgets"), options, tmp_path / "run", watch=quiet)
    assert summary["preset"] == "t4" and summary["measured"]["n"] == 4


# ---- the slider ----


def faces(monkeypatch, data) -> dict:
    return shown(monkeypatch, budget, lambda: widgets.budget_slider(data))


ROWS = [
    {"problem": "a", "tokens": ["<think>", "3", "+"], "ended": True,
     "answers": [["7", False], ["8", True]]},
    {"problem": "b", "tokens": ["x"] * 40, "ended": False, "answers": [["7", False]] * 2},
]  # fmt: skip
DATA = {"budgets": [2, 32], "rows": ROWS}


def test_the_curve_of_the_slider_by_hand():
    assert budget.curve(DATA) == ([2.0, 17.5], [0.0, 50.0])


def test_live_answers_become_the_sliders_rows():
    model, tokenizer = models.load("rich")
    asked = tasks.problems("countdown", 3, 951, "train", 4)
    data = budget.gather(model, tokenizer, asked, Sampling("tiny", 60, 3), (4, 16))
    assert [row["problem"] for row in data["rows"]] == [tasks.short(p) for p in asked]
    assert all(len(row["answers"]) == 2 and row["tokens"][0] == "<think>" for row in data["rows"])
    json.dumps(data)


def test_the_slider_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    found = faces(monkeypatch, DATA)
    html = found["text/html"]
    assert 'src="data:image/png;base64,iVBOR' in html and "<script>" in html
    assert not re.search(r"https?:|//cdn|import ", html)
    assert "50.0 % right" in found["text/plain"]


@pytest.mark.slow
def test_the_script_draws_pythons_curve_and_hostile_text_stays_text(browser, monkeypatch, tmp_path):
    rng, budgets = random.Random(0), [8, 16, 32, 64]
    rows = [{"problem": INJECTED, "tokens": [INJECTED] * rng.randrange(3, 90), "ended": i % 2 == 0,
             "answers": [[INJECTED, rng.random() < 0.5] for _ in budgets]} for i in range(9)]  # fmt: skip
    data = {"budgets": budgets, "rows": rows}
    page, _ = opened(browser, faces(monkeypatch, data)["text/html"], tmp_path / "page.html")
    found = page.evaluate("document.querySelector('.r1lab-budget').curve()")
    tokens, right = budget.curve(data)
    assert [p["tokens"] for p in found] == pytest.approx(tokens)
    assert [p["right"] for p in found] == pytest.approx(right)
    assert INJECTED in page.inner_text(".r1lab-budget")
    assert page.evaluate("window.hacked === undefined && !document.querySelector('img')")

    before = drawn(page, ".now")
    assert len(before) == 1 and not drawn(page, ".ghost")
    page.evaluate(
        "() => { const s = document.querySelector('input'); s.value = 0;"
        "s.dispatchEvent(new Event('input')); }"
    )
    assert drawn(page, ".now") != before and len(drawn(page, ".ghost")) == 1
    assert "At most 8 tokens" in page.inner_text(".r1lab-budget b")


def test_fake_runs_hold_what_real_ones_hold():
    """The evidence of `test_claims` stands on runs that look like recorded ones."""
    one = evidence_01.budgets(0.1, 0.6)[0].summary["measured"]
    assert {"natural", "budgets", "halves", "repeats"} <= set(one)
    assert torch.tensor(one["natural"]["right"]).mean() == pytest.approx(0.6)
