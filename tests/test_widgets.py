"""The instruments: what is drawn are the numbers worked out by hand, and a moved control changes them."""

import base64
import math
import random
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from browsing import drawn, opened, shown
from matplotlib.figure import Figure

from r1lab import drawings, experiments, plots, records, widgets
from r1lab.running.progress import Progress
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.widgets import dashboard, live, rollouts
from r1lab.widgets import playground as pg

pytest.importorskip("ipywidgets")


def close(got, wanted, tolerance=1e-6):
    wanted = torch.tensor([float(x) for x in wanted], dtype=torch.float64)
    return bool((got - wanted).abs().max() < tolerance)


def numbers(right=(1, 4), lengths=pg.LENGTHS, form="GRPO"):
    """Of a group in which exactly these completions (counted from 1) are right."""
    return pg.advantages_and_weights([int(i in right) for i in range(1, 9)], lengths, form)


def test_two_right_of_eight_by_hand():
    """mean 1/4; sum of squares 2*(3/4)^2 + 6*(1/4)^2 = 3/2; n-1 form: std = sqrt(3/14)."""
    found, std = numbers(), math.sqrt(3 / 14) + 1e-4
    wanted = [0.75 / std if i in (0, 3) else -0.25 / std for i in range(8)]
    assert close(found["advantage"], wanted)
    assert close(found["whole"], [a / 8 for a in wanted])  # GRPO: 1/G each, whatever the length
    lengths = (20, 20, 40, 60, 60, 80, 120, 200)
    assert close(found["token"], [a / 8 / n for a, n in zip(wanted, lengths, strict=True)])


def test_four_right_of_eight_by_hand():
    """Mean 1/2, std = sqrt(8/4/7)."""
    half = 0.5 / (math.sqrt(2 / 7) + 1e-4)
    assert close(numbers((1, 2, 3, 4))["advantage"], [half] * 4 + [-half] * 4)


def test_dr_grpo_gives_every_token_of_a_right_answer_the_same():
    each = Fraction(1, 8 * pg.CAP)
    parts = [Fraction(3, 4) if i in (0, 3) else Fraction(-1, 4) for i in range(8)]
    assert close(numbers(form="Dr. GRPO")["token"], [each * part for part in parts])


def test_dapo_divides_by_the_tokens_of_the_group():
    winner = (7 / 8) / (math.sqrt(1 / 8) + 1e-4)  # n-1 form: variance 7/8 / 7
    assert close(numbers((1,), [50] * 8, "DAPO")["token"][:1], [winner / 400])
    found = numbers((1,), [50] * 7 + [150], "DAPO")
    assert close(found["token"][:1], [winner / 500])
    assert close(found["whole"][:1], [50 * winner / 500])


@pytest.mark.parametrize("form", pg.FORMS)
def test_equal_rewards_push_nothing(form):
    for right in ((), range(1, 9)):
        assert all((v == 0).all() for v in numbers(right, form=form).values())
    assert "teaches nothing" in texts(pg.draw_playground([1] * 8, pg.LENGTHS, form))


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for axis in figure.axes for t in axis.texts)


def test_the_picture_shows_the_numbers():
    winner, loser = 0.75 / (math.sqrt(3 / 14) + 1e-4), -0.25 / (math.sqrt(3 / 14) + 1e-4)
    drawn = texts(pg.draw_playground(pg.REWARDS, pg.LENGTHS, "GRPO"))
    assert f"{winner:+.2f}" in drawn and f"{loser:+.2f}" in drawn
    assert f"{1000 * winner / 8 / 20:+.2f}" in drawn


def test_the_playground_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    shown = []
    monkeypatch.setattr(pg, "display", lambda data, **options: shown.append(data))
    widgets.advantage_playground()
    html, text = shown[0]["text/html"], shown[0]["text/plain"]
    assert 'src="data:image/png;base64,iVBOR' in html and "<script>" in html
    assert not re.search(r"https?:|//cdn|import ", html)
    assert "+1.62" in text and len(text.splitlines()) == 10


@pytest.mark.slow
def test_the_script_computes_what_losses_computes_and_keeps_its_axes(
    browser, monkeypatch, tmp_path
):
    """In Chromium, from a file: a click and a dragged slider redraw, the ghost stays behind."""
    html = shown(monkeypatch, pg, widgets.advantage_playground)["text/html"]
    page, asked = opened(browser, html, tmp_path / "page.html")
    ask = "x => document.querySelector('.r1lab-playground').numbers(...x)"
    draw = random.Random(0)
    for form in pg.FORMS:
        for right in (range(1, 9), *(draw.sample(range(1, 9), k) for k in (0, 1, 3, 7))):
            lengths = [draw.randrange(20, 201, 10) for _ in range(8)]
            rewards = [int(i in right) for i in range(1, 9)]
            found = page.evaluate(ask, [rewards, lengths, form])
            wanted = pg.advantages_and_weights(rewards, lengths, form)
            assert all(close(wanted[key], found[key], 1e-12) for key in wanted)

    ticks, bars = drawn(page, ".tick"), drawn(page, ".now")
    assert len(bars) == 24 and not drawn(page, ".ghost")
    page.click("[data-row='1']")
    assert (
        drawn(page, ".now") != bars
        and len(drawn(page, ".ghost")) == 24
        and drawn(page, ".tick") == ticks
    )
    ghosts = []
    for value in (30, 90, 150):  # one drag: the ghost stays where it began
        page.evaluate(
            "v => { const s = document.querySelector('[data-length]'); s.value = v;"
            "s.dispatchEvent(new Event('input')); }", value)  # fmt: skip
        ghosts.append(drawn(page, ".ghost"))
        assert page.inner_text("[data-tokens]") == f"{value} tokens"
    assert ghosts[0] == ghosts[1] == ghosts[2] and drawn(page, ".tick") == ticks
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_a_trees_branches_are_as_wide_as_they_are_likely():
    """y 1/2, n 1/8, t 3/8, and of those ty 1/4, tn 1/16, tt 1/16."""
    shares = {"y": 1 / 2, "n": 1 / 8, "ty": 1 / 4, "tn": 1 / 16, "tt": 1 / 16}
    _, axis = plots.canvas()
    drawings.tree(axis, shares, right={"n", "tn"})
    widths = []
    for branch in axis.collections:  # in the order they are drawn: y, n, t and what leaves t
        x, y = branch.get_paths()[0].vertices.T
        widths += [[np.ptp(y[np.isclose(x, end)]) for end in (x.min(), x.max())]]
    wanted = [1 / 2, 1 / 8, 3 / 8, 1 / 4, 1 / 16, 1 / 16]
    assert np.allclose(widths, np.array([wanted, wanted]).T)
    blue = [branch.get_facecolor()[0, 2] > 0.6 for branch in axis.collections]
    assert blue == [False, True, False, False, True, False]
    assert "tn  0.06  right" in texts(axis.figure)


def test_a_lineage_has_a_box_a_step_and_an_arrow_between_two():
    axis = Figure().subplots()
    rows = [("one", [("base", "given"), ("RL", "RL"), ("end", "")]), ("two", [("base", "given")])]
    drawings.lineage(axis, rows, {"given": "#DDDDDD", "RL": "#0072B2"})
    filled = [patch.get_facecolor()[3] > 0 for patch in axis.patches]
    assert filled == [True, True, False, True], "the third is a model, no step"
    assert (
        sum(text.arrow_patch is not None for text in axis.texts if hasattr(text, "arrow_patch"))
        == 2
    )
    lows, highs = zip(*(patch.get_bbox().intervalx for patch in axis.patches[:3]), strict=True)
    assert all(low > high for low, high in zip(lows[1:], highs, strict=False)), "none overlap"


def test_a_turn_of_the_loop_draws_each_completion_with_its_advantage():
    """Rewards 0.1, 1.1 and 0: mean 0.4, so the bars stand as -3 : 7 : -4."""
    axis = Figure().subplots()
    texts = ["<think>13+5=18</think><answer>13+5</answer>", "13+7", "1" * 90]
    drawings.loop(
        axis, "20 from\n13, 5, 7", texts, ["wrong value", "correct", "no answer"], [0.1, 1.1, 0]
    )
    widths = [bar.get_width() for bar in axis.patches]
    assert widths[1] > 0 and [w / widths[1] for w in widths] == pytest.approx([-3 / 7, 1, -4 / 7])
    words = {text.get_text() for text in axis.texts}
    assert {"20 from\n13, 5, 7", "13+5=18 13+5", "correct", "no answer", "1.1"} <= words
    assert max(map(len, words)) < 90, "a long completion is shortened"


def test_a_guess_is_a_mark_in_the_figure_and_no_guess_is_none():
    _, axis = plots.canvas()
    plots.mark_guess(axis, 5, None)
    assert not axis.lines and not axis.texts
    plots.mark_guess(axis, 5, 50)
    assert axis.lines[0].get_xydata().tolist() == [[5, 50]]
    assert axis.texts[0].get_text() == "your guess"


def test_an_arm_is_a_bar_of_its_mean_a_dot_a_seed_and_a_line_before():
    _, axis = plots.canvas()
    plots.seeds(axis, 2, [40, 60], plots.BLUE)
    assert axis.patches[0].get_height() == 50 and len(axis.lines) == 1
    assert axis.lines[0].get_xydata().tolist() == [[2, 40], [2, 60]]
    plots.seeds(axis, 3, [40], plots.BLUE, before=0)  # nothing before is a line, too
    assert axis.lines[-1].get_ydata().tolist() == [0, 0]


def test_a_figure_is_shown_with_its_caption():
    figure, axes = plots.canvas(2)
    assert len(axes) == 2
    single, axis = plots.canvas()
    assert axis.figure is single and plots.png(single).startswith(b"\x89PNG")


def test_a_band_over_few_seeds_covers_the_truth_in_95_of_100_cases():
    """Three to five standard normal values a point, 4000 points: standard error 0.35 points. With
    1.96 in the place of Student's t it would be 81 to 88."""
    for seeds in (3, 5):
        rows = np.random.default_rng(seeds).normal(size=(seeds, 4000))
        _, axis = plots.canvas()
        plots.band(axis, range(4000), rows, plots.BLUE)
        edge = axis.collections[0].get_paths()[0].vertices
        half = np.zeros(4000)  # the edge visits each point twice, above and below the mean
        at = edge[:, 0].astype(int)
        np.maximum.at(half, at, abs(edge[:, 1] - rows.mean(0)[at]))
        assert abs((half > abs(rows.mean(0))).mean() - 0.95) < 0.015


def test_a_smoothed_line_has_students_interval_too():
    """0, 1, 2: mean 1, standard error 1/sqrt(3), t(2) = 4.303."""
    mean, half = plots.smooth([0.0, 1.0, 2.0], width=3)
    assert mean.tolist() == [0.5, 1.0, 1.5]
    assert half[1] == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert plots.smooth([5.0])[1].tolist() == [0.0]


def test_show_puts_titles_left_and_says_what_n_is(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda data, **options: shown.append((data, options)))
    figure, axis = plots.canvas()
    axis.plot([0, 1], label="line")
    axis.set(title="A claim")
    axis.legend()
    plots.show(figure, "n = 2")
    assert axis.get_title(loc="left") == "A claim" and axis.get_title() == ""
    assert not axis.get_legend().get_frame_on()
    assert shown[0][0]["text/plain"] == "n = 2"
    about = shown[0][1]["metadata"]["image/png"]
    assert about["alt"] == "A claim. n = 2"
    axis.set_title("A question?", loc="left")
    assert plots.spoken(figure, "n = 2") == "A question? n = 2"
    picture = base64.b64decode(shown[0][0]["image/png"])
    wide = int.from_bytes(picture[16:20], "big")
    assert (
        about["width"] == 550 and wide == 825
    )  # 5 inches of 110, half as many again for sharpness


# -- The rollout browser -----------------------------------------------------------------

THOUGHTS = "<think>7*6=42, 42-13=28 vs 13 no. Wait, 7-6=1, 13*1=13 vs 13 yes.</think><answer>13*(7-6)</answer>"


def test_a_completion_is_cut_into_tries_checks_words_and_answer():
    assert [p for p in rollouts.pieces(THOUGHTS) if p[0]] == [
        ("tag", "<think>"), ("sum", "7*6=42"), ("slip", "42-13=28"), ("no", "vs 13 no"), ("word", "Wait"),
        ("sum", "7-6=1"), ("sum", "13*1=13"), ("yes", "vs 13 yes"), ("tag", "</think>"), ("tag", "<answer>"),
        ("answer", "13*(7-6)"), ("tag", "</answer>"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "<answer>", "<answer>1+2", "vs", "12=", "3+4 = 7.5", "等等，3*4=12 vs 9 不对。", "waiter", "9" * 5000, "(" * 5000],
)  # fmt: skip
def test_no_text_is_lost_in_cutting(text):
    assert "".join(part for _, part in rollouts.pieces(text)) == text


def test_every_recorded_completion_keeps_its_text():
    runs = experiments.recorded("habits", "rule")[:2]
    assert runs
    for run in runs:
        for text in (c for group in run.samples for c in group["completions"]):
            assert "".join(part for _, part in rollouts.pieces(text)) == text


def test_what_a_model_writes_cannot_become_markup():
    shown = rollouts.marked("<script>alert(1)</script><answer><img src=x></answer>")
    assert "<script" not in shown and "<img" not in shown and "&lt;img src=x&gt;" in shown


def a_run(step: int, *texts: str) -> records.Run:
    group = {
        "step": step, "task": "countdown", "numbers": [6, 7, 13], "target": 13, "completions": list(texts),
        "rewards": {"accuracy": [1.0] * len(texts), "total": [1.1] * len(texts)}, "advantages": [0.5] * len(texts),
    }  # fmt: skip
    return records.Run({}, [], [], [group, group | {"step": step + 1}], {})


def test_the_browser_follows_its_controls_and_survives_runs_of_another_size():
    browser = rollouts.RolloutBrowser(
        {"a": [a_run(1, THOUGHTS, "13"), a_run(5, "x", "y")], "b": [a_run(8, "z")]}
    )
    assert (
        "Completion 1 of 2: <b>correct</b>" in browser.view.value
        and "tries: 2" in browser.view.value
    )
    browser.choices["pick"].value = 1
    assert "Completion 2 of 2: <b>no answer</b>" in browser.view.value
    browser.choices["problem"].value = 1
    browser.choices["at"].value = 1
    assert "Step 6" in browser.view.value
    browser.choices["arm"].value = "b"
    assert "Step 9" in browser.view.value and "Completion 1 of 1" in browser.view.value
    assert browser.view.value == browser.page()


def test_one_problem_through_all_steps_is_shown_first_and_last_on_a_page_without_a_kernel():
    run = a_run(1, "13")
    probe = [
        group | {"step": step} for step, group in zip((0, 9, 60), run.samples * 2, strict=False)
    ]
    browser = rollouts.RolloutBrowser({"mine": [replace(run, probe=probe)]})
    still = browser.still()
    assert "Step 0<" in still and "Step 60<" in still and "Step 9<" not in still
    other = probe[-1] | {"target": 14}
    browser = rollouts.RolloutBrowser({"mine": [replace(run, probe=[*probe[:-1], other])]})
    assert browser.still() == browser.page(), "another problem is no comparison"


def test_the_browser_needs_something_to_show():
    with pytest.raises(ValueError, match="train one first"):
        rollouts.RolloutBrowser({"a": []})


def test_the_recorded_runs_are_shown_as_text_where_there_is_no_kernel(monkeypatch):
    shown = []
    monkeypatch.setattr(rollouts, "display", lambda data, **options: shown.append(data))
    widgets.rollout_browser()
    assert shown[0]["text/html"].startswith("<div") and shown[0][live.WIDGET]["model_id"]


# -- The training dashboard --------------------------------------------------------------


class Output:
    def __init__(self):
        self.faces = []

    def update(self, faces, **options):
        self.faces.append(faces)


@pytest.fixture
def output(monkeypatch):
    there = Output()
    monkeypatch.setenv("R1LAB_FAST", "1")
    monkeypatch.setattr(dashboard, "display", lambda faces, **options: there.update(faces) or there)
    return there


def metrics(folder):
    return (folder / "metrics.jsonl").read_bytes()


def board_of(folder, name="zero", probe=None):
    return dashboard.TrainingDashboard(experiments.named(name), Options(), folder, probe)


PROBE = Problem("countdown", (7, 12, 5), 24)


def test_a_step_that_comes_again_after_a_kill_is_shown(output, tmp_path):
    """A kill can leave a line of metrics whose checkpoint is missing: the run repeats that step."""
    board = board_of(tmp_path)
    board.output, board.first = output, 2
    board.watch(
        Progress(
            2, 4, line={"step": 2, "accuracy": 0.5, "length": 20.0, "reward": 0.5, "loss": 0.0}
        )
    )
    assert "Step 2 of 4" in board.words and [m["step"] for m in board.metrics] == [2]


@pytest.mark.slow
def test_a_run_stopped_by_the_button_goes_on_to_the_same_numbers(output, tmp_path):
    whole = board_of(tmp_path / "whole")
    summary = whole.run()
    assert summary["steps"] == len(whole.metrics) == 4 and "4 steps in" in whole.words

    board = board_of(tmp_path / "stopped", probe=PROBE)
    watch = board.watch

    def impatient(now):
        if now.step == 2:
            board.button.click()
        watch(now)

    board.watch = impatient
    with pytest.raises(dashboard.Stopped, match="after step 2 of 4. Run this cell again"):
        board.run()
    assert metrics(board.folder) == b"\n".join(metrics(whole.folder).split(b"\n")[:2]) + b"\n"
    again = board_of(tmp_path / "stopped", probe=PROBE)
    assert again.run()["after"] == summary["after"]
    assert metrics(again.folder) == metrics(whole.folder), "a probe changes no number"
    asked = records.load_run(again.folder).probe
    assert [group["step"] for group in asked] == [0, 1, 2, 3, 4]
    assert {(*group["numbers"], group["target"]) for group in asked} == {(7, 12, 5, 24)}
    assert "24 from" in again.sample.value or "reach 24" in again.sample.value
    assert not records.load_run(whole.folder).probe

    shown = again.picture.value
    again.slider.value = 1  # after the run: drawn at once
    assert again.picture.value != shown
    assert output.faces[-1]["image/png"] and "gain" in output.faces[-1]["text/plain"]
    done = board_of(tmp_path / "stopped")
    assert done.run() == again.run()  # a complete run is shown, not repeated


def test_the_kernels_own_stop_is_one_line_too(output, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(dashboard.run, "run", interrupted)
    with pytest.raises(dashboard.Stopped) as stopped:
        widgets.training_dashboard(tmp_path / "run")
    assert stopped.value._render_traceback_() == [
        "Stopped after step 0 of 4. Run this cell again to go on."
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shown"), [("sft", "Loss"), ("dpo", "Pairs the right way")])
def test_the_dashboard_takes_any_experiment(output, tmp_path, name, shown):
    board = board_of(tmp_path / "run", name)
    summary = board.run()
    assert summary["steps"] == 4 and "4 steps in" in board.words
    titles = [axis.get_title(loc="left") for axis in board.figure().axes]
    assert any(title.startswith(shown) for title in titles)
