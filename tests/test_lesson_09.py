"""Lesson 09: the ways run from a parent, the call of the part on a card, and the merge slider."""

import json
import re

import pytest
from browsing import INJECTED, drawn, opened, shown
from helpers import tiny_model, words

from r1lab import experiments, models, records, tasks, widgets
from r1lab.evaluate import Sampling
from r1lab.experiments import long2short
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.widgets import merging

SMALL = {"eval_problems": 4, "max_new": 40, "steps": 2}


def quiet(_):
    pass


def test_a_way_begins_at_its_parent_and_is_measured_under_the_parents_cap(tmp_path, monkeypatch):
    """`rl` from the recorded parent of seed 0: what is sampled in training is cut, what is measured
    is not; the parent's weights are where it starts."""
    settings = SMALL | {"grpo.max_new": 8, "prompts": 2, "train_problems": 16, "max_new": 90}
    seen, started = [], models.go_on
    monkeypatch.setattr(
        models, "go_on", lambda *given, **named: seen.append(given[1]) or started(*given, **named)
    )
    run(
        experiments.named("long2short"),
        Options("rl", None, 0, settings),
        tmp_path / "run",
        watch=quiet,
    )
    found = records.load_run(tmp_path / "run")
    assert [folder.parts[-2:] for folder in seen] == [("habits-rule-s0", "trained")]
    assert all(line["tokens"] <= 2 * 8 * 8 for line in found.metrics)
    assert max(found.summary["after"]["lengths"]) > 8
    assert {"reward_brevity", "reward_accuracy"} <= set(found.metrics[0])
    stage = found.config["stages"][0]
    assert (stage["start"], stage["scale"], stage["max_new"]) == (long2short.LONG, "none", 8)


def test_the_path_of_a_merge_is_measured_from_one_parent_to_the_other(tmp_path):
    run(experiments.named("long2short"), Options("merge", None, 0, {"eval_problems": 4, "max_new": 40}),
        tmp_path / "run", watch=quiet)  # fmt: skip
    found = records.load_run(tmp_path / "run")
    path = long2short.on_path(found)
    assert tuple(path) == long2short.ALPHAS
    assert all(len(right) == 4 and tokens <= 40 for tokens, right in path.values())
    whole = found.summary["measured"]["path"]
    assert all(len(step["lengths"]) == 4 for step in whole)
    assert sum(whole[-1]["lengths"]) / 4 == found.summary["measured"]["length"]


def test_the_call_on_a_card_with_the_true_architecture_at_toy_width(tmp_path, monkeypatch):
    """`run long2short --arm whole` as the lesson's part on the GPU calls it, with R1's template."""
    monkeypatch.setenv("R1LAB_FAST", "1")
    built = tiny_model("qwen2", vocabulary=len(words()))
    built.config.max_position_embeddings = 2048
    built.save_pretrained(tmp_path / "toy")
    words().save_pretrained(tmp_path / "toy")
    settings = SMALL | {"base": str(tmp_path / "toy"), "template": "r1", "short.max_new": 12}
    settings |= {"prompts": 2, "train_problems": 16}
    found = run(experiments.named("long2short"), Options("whole", None, 5, settings),
                tmp_path / "run", watch=quiet)  # fmt: skip
    assert [part["name"] for part in found["stages"]] == ["long", "short"]
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    rounds = [(s["reward"], s["max_new"], s["scale"]) for s in config["stages"]]
    assert rounds == [("rule", 40, "group"), (long2short.PAID, 12, "none")]


# ---- the slider ----


def faces(monkeypatch, data) -> dict:
    return shown(monkeypatch, merging, lambda: widgets.merge_slider(data))


STEPS = [
    {"alpha": 0.0, "tokens": 30.0, "right": 10.0, "answers": [["a", 20, False], ["b", 40, True]]},
    {"alpha": 0.5, "tokens": 80.0, "right": 50.0, "answers": [["c", 90, True], ["d", 70, False]]},
    {"alpha": 1.0, "tokens": 230.0, "right": 90.0, "answers": [["e", 60, True], ["f", 400, True]]},
]
DATA = {"problems": ["one", "two"], "steps": STEPS}


def test_the_coin_of_the_slider_by_hand():
    """At 80 of 30 to 230 tokens a quarter of the way: 30 %."""
    assert merging.chord(DATA, 80.0) == 30.0
    assert merging.chord(DATA, 1.0) == 10.0 and merging.chord(DATA, 999.0) == 90.0


def test_live_answers_become_the_sliders_steps():
    model, tokenizer = models.load("rich")
    asked = tasks.problems("countdown", 3, 951, "train", 3)
    data = merging.gather(
        lambda alpha: model, tokenizer, asked, Sampling("tiny", 40, 3), (0.0, 1.0)
    )
    assert data["problems"] == [tasks.short(p) for p in asked]
    first, last = data["steps"]
    assert first["answers"] == last["answers"] and len(first["answers"]) == 3  # one model, one seed
    assert first["tokens"] == pytest.approx(sum(n for _, n, _ in first["answers"]) / 3)
    json.dumps(data)


def test_the_slider_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    found = faces(monkeypatch, DATA)
    html = found["text/html"]
    assert 'src="data:image/png;base64,iVBOR' in html and "<script>" in html
    assert not re.search(r"https?:|//cdn|import ", html)
    assert "alpha 0.500:   80.0 tokens,  50.0 % right, a coin  30.0 %" in found["text/plain"]


@pytest.mark.slow
def test_the_script_flips_pythons_coin_and_hostile_text_stays_text(browser, monkeypatch, tmp_path):
    steps = [s | {"answers": [[INJECTED, 20, True]] * 2} for s in STEPS]
    data = {"problems": [INJECTED, "two"], "steps": steps}
    page, _ = opened(browser, faces(monkeypatch, data)["text/html"], tmp_path / "page.html")
    for tokens in (1, 30, 77, 230, 500):
        found = page.evaluate(f"document.querySelector('.r1lab-merging').chord({tokens})")
        assert found == pytest.approx(merging.chord(data, tokens))
    assert INJECTED in page.inner_text(".r1lab-merging")
    assert page.evaluate("window.hacked === undefined && !document.querySelector('img')")

    before = drawn(page, ".now")
    assert len(before) == 1 and not drawn(page, ".ghost")
    page.focus("input")
    page.keyboard.press("Home")
    assert drawn(page, ".now") != before and len(drawn(page, ".ghost")) == 1
    assert "alpha 0:" in page.inner_text(".r1lab-merging b")


def test_labels_are_read_aloud():
    script = merging.SCRIPT.read_text(encoding="utf-8")
    assert script.count("aria-label") >= 3 and "aria-valuetext" in script
