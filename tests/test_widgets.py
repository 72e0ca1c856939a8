"""The playground: what is drawn are the numbers worked out by hand, and a moved control changes them."""

import math
from fractions import Fraction

import pytest
import torch
from matplotlib.figure import Figure

from r1lab import plots, widgets
from r1lab.widgets import live
from r1lab.widgets import playground as pg

pytest.importorskip("ipywidgets")


def playground(**start):
    return pg.AdvantagePlayground(**start)


def close(got, wanted, tolerance=1e-6):
    return bool((got - torch.tensor([float(x) for x in wanted], dtype=torch.float64)).abs().max() < tolerance)


def click(board, *right):
    """Exactly these completions (counted from 1) are right."""
    for i, toggle in enumerate(board.toggles, start=1):
        toggle.value = i in right


def test_two_right_of_eight_by_hand():
    """mean 1/4; sum of squares 2*(3/4)^2 + 6*(1/4)^2 = 3/2; n-1 form: std = sqrt(3/14)."""
    board = playground()
    std = math.sqrt(3 / 14) + 1e-4
    wanted = [0.75 / std if i in (0, 3) else -0.25 / std for i in range(8)]
    assert close(board.numbers()["advantage"], wanted)
    assert close(board.numbers()["whole"], [a / 8 for a in wanted])  # GRPO: 1/G each, whatever the length
    lengths = (20, 20, 40, 60, 60, 80, 120, 200)
    assert close(board.numbers()["token"], [a / 8 / n for a, n in zip(wanted, lengths, strict=True)])


def test_clicking_one_more_right_answer_changes_the_advantages():
    """Four right of eight: mean 1/2, std = sqrt(8/4/7)."""
    board = playground()
    click(board, 1, 2, 3, 4)
    half = 0.5 / (math.sqrt(2 / 7) + 1e-4)
    assert close(board.numbers()["advantage"], [half] * 4 + [-half] * 4)
    assert board.toggles[0].description == "1: right" and board.toggles[7].description == "8: wrong"


def test_dr_grpo_gives_every_token_of_a_right_answer_the_same():
    board = playground()
    board.choice.value = "Dr. GRPO"
    each = Fraction(1, 8 * pg.CAP)
    assert close(
        board.numbers()["token"],
        [each * (Fraction(3, 4) if i in (0, 3) else Fraction(-1, 4)) for i in range(8)],
    )


def test_dapo_divides_by_the_tokens_of_the_group_and_a_slider_changes_them():
    board = playground()
    click(board, 1)
    board.choice.value = "DAPO"
    for slider in board.sliders:
        slider.value = 50
    winner = (7 / 8) / (math.sqrt(1 / 8) + 1e-4)  # n-1 form: variance 7/8 / 7
    assert close(board.numbers()["token"][:1], [winner / 400])
    board.sliders[7].value = 150
    assert close(board.numbers()["token"][:1], [winner / 500])
    assert close(board.numbers()["whole"][:1], [50 * winner / 500])


@pytest.mark.parametrize("form", pg.FORMS)
def test_equal_rewards_push_nothing(form):
    board = playground(form=form)
    for right in ((), range(1, 9)):
        click(board, *right)
        assert all((v == 0).all() for v in board.numbers().values())
        assert "teaches nothing" in texts(board.figure())


def texts(figure: Figure) -> str:
    return "\n".join(t.get_text() for axis in figure.axes for t in axis.texts)


def test_the_picture_shows_the_numbers_and_follows_every_control():
    board = playground()
    winner, loser = 0.75 / (math.sqrt(3 / 14) + 1e-4), -0.25 / (math.sqrt(3 / 14) + 1e-4)
    drawn = texts(board.figure())
    assert f"{winner:+.2f}" in drawn and f"{loser:+.2f}" in drawn
    assert f"{1000 * winner / 8 / 20:+.2f}" in drawn
    seen = [bytes(board.picture.value)]
    for change in (
        lambda: setattr(board.toggles[4], "value", True),
        lambda: setattr(board.sliders[0], "value", 200),
        lambda: setattr(board.choice, "value", "DAPO"),
    ):
        change()
        now = bytes(board.picture.value)
        assert now not in seen and now.startswith(b"\x89PNG")
        seen.append(now)


def test_the_output_has_a_picture_beside_the_widget(monkeypatch):
    shown = []
    monkeypatch.setattr(pg, "display", lambda data, **options: shown.append((data, options)))
    widgets.advantage_playground()
    ((data, options),) = shown
    assert data["image/png"].startswith("iVBOR") and data["text/plain"]
    assert data[live.WIDGET]["model_id"] and options["raw"]


def test_without_ipywidgets_the_picture_is_drawn(monkeypatch):
    import builtins

    there = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "ipywidgets":
            raise ImportError(name)
        return there(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    shown = []
    monkeypatch.setattr(pg, "display", lambda data, **options: shown.append(data))
    widgets.advantage_playground()
    assert "image/png" in shown[0] and live.WIDGET not in shown[0]


def test_a_figure_is_shown_with_its_caption():
    figure, axes = plots.canvas(2)
    assert len(axes) == 2
    single, axis = plots.canvas()
    assert axis.figure is single and plots.png(single).startswith(b"\x89PNG")


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
    assert shown[0][0]["text/plain"] == "n = 2" and shown[0][1]["metadata"]["image/png"]["alt"] == "n = 2"
