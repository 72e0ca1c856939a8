"""The pupil of lesson 08 and the instrument over it: exact numbers, and the script against Python."""

import math
import random

import pytest
import torch
from browsing import opened, shown

from r1lab import curriculum, pupil, widgets
from r1lab.widgets import draws


def test_a_pupil_by_hand():
    assert pupil.rates(0.0, [0.0, math.inf, math.log(3)]) == pytest.approx([0.5, 0.0, 0.25])
    assert [pupil.price(d) for d in (-1.0, 0.0, 4.0, math.inf)] == [40, 60, 140, 140]
    hard = pupil.difficulties(3)
    assert len(hard) == 60 and sum(d == math.inf for d in hard) == 15


def test_weights_lie_on_straight_lines():
    handles = [0.0, 1.0, 0.5, 0.5, 0.0, 1.0]
    for rate, wanted in ((0.0, 0.0), (0.1, 0.5), (0.2, 1.0), (0.3, 0.75), (0.9, 0.5), (1.0, 1.0)):
        assert pupil.between(rate, handles) == pytest.approx(wanted)


def test_one_expected_step_by_hand(monkeypatch):
    """Two problems of rate 1/2 and one impossible one, weights 1 and 3: shares 1/5, 1/5, 3/5. A
    step of four problems and eight answers costs 32 * (0.4 * 60 + 0.6 * 140) tokens and raises the
    ability by 0.06 * 4 * 0.4 * 1/4 * 7/8."""
    monkeypatch.setattr(pupil, "BUDGET", 3456)
    handles = [3.0, 0.0, 1.0, 1.0, 0.0, 0.0]  # at 0 % three, at 50 % one
    tokens, curve = pupil.expected(handles, [0.0, 0.0, math.inf])
    ability = 0.06 * 4 * 0.4 / 4 * 7 / 8
    assert tokens == [0, pytest.approx(3456)]
    assert curve == [pytest.approx(100 / 3), pytest.approx(200 / 3 / (1 + math.exp(-ability)))]


def test_the_expectation_is_what_many_pupils_come_to():
    """`study` with weights that know nothing, against `expected` with equal weights."""
    gaps = []
    for seed in range(12):
        tokens, curve = pupil.study(pupil.uniform, seed)
        _, wanted = pupil.expected([1.0] * 6, pupil.difficulties(seed))
        gaps.append(curve[-1] - wanted[-1])
    assert abs(sum(gaps) / 12) < 1.5 and max(map(abs, gaps)) > 0


def test_failures_ask_the_impossible_and_balanced_draws_do_not():
    def by(how):
        return pupil.taught(lambda history: curriculum.weights(how, history))

    plain = pupil.taught(pupil.uniform)
    assert by("failures") < plain - 3 and by("balanced") > plain + 3


@pytest.mark.parametrize("wrong", [[1.0] * 59, [-1.0] + [1.0] * 59, [math.nan] * 60])
def test_weights_that_are_none(wrong):
    with pytest.raises(ValueError, match="60 weights"):
        pupil.study(lambda history: wrong, 0)


def test_history_is_the_readers_to_spoil():
    """What a draw writes into its history changes nothing."""

    def spoils(history):
        history += 5
        return torch.ones(60)

    assert pupil.study(spoils, 1) == pupil.study(pupil.uniform, 1)


def test_it_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    found = shown(monkeypatch, draws, widgets.own_draw)
    assert 'src="data:image/png;base64,iVBOR' in found["text/html"]
    assert found["text/plain"].count("% in the end") == 3 and "http" not in found["text/html"]


@pytest.mark.slow
def test_the_script_teaches_the_pupil_as_python_does(browser, monkeypatch, tmp_path):
    html = shown(monkeypatch, draws, widgets.own_draw)["text/html"]
    page, _ = opened(browser, html, tmp_path / "page.html")
    rng, start = random.Random(0), draws.state()
    tried = [*draws.PRESETS.values(), [0.0] * 6, *([rng.random() for _ in range(6)] for _ in "abc")]
    for handles in tried:
        found = page.evaluate(f"document.querySelector('.r1lab-draws').expected({handles})")
        tokens, curve = draws.learnt(start, handles)
        assert found["tokens"] == pytest.approx(tokens)
        assert found["curve"] == pytest.approx(curve)
    before = page.inner_text(".r1lab-draws b")
    assert page.evaluate("document.querySelectorAll('.ghost').length") == 0
    page.focus("input[aria-label='weight at 0 % right']")
    page.keyboard.press("End")
    assert page.inner_text(".r1lab-draws b") != before
    assert page.evaluate("document.querySelectorAll('.ghost').length") == 1
    page.get_by_role("button", name="1 - s", exact=True).click()
    assert "behind uniform draws" in page.inner_text(".r1lab-draws b")
