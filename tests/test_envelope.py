"""The back of an envelope: the script computes what `cost` computes, the drawing chains."""

import random
import re
import sys

import pytest
from browsing import drawn, opened, shown

from r1lab import cost, drawings, plots, widgets

env = sys.modules["r1lab.widgets.envelope"]  # the package has a function of that name
GUEST = {"steps": 10_000, "answers": 1_000, "tokens": 10_000, "price": 2.2}
TRUTH = {"steps": 10_400, "answers": 512, "tokens": 6_400, "price": 6.0}


def faces(monkeypatch) -> dict:
    return shown(monkeypatch, env, lambda: widgets.envelope(GUEST, TRUTH))


def test_it_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    found = faces(monkeypatch)
    assert 'src="data:image/png;base64,iVBOR' in found["text/html"]
    assert not re.search(r"https?:|//cdn|import ", found["text/html"])
    assert "220,000 dollars, 204,472 reported" in found["text/plain"]
    assert "answers a step × 1.95" in found["text/plain"]


def test_the_chain_of_errors_begins_where_the_one_before_it_ends():
    """2, then 3, then a sixth: from 1 to 2 to 6 and back to 1; all together nothing."""
    _, axis = plots.canvas()
    drawings.factors(axis, {"a": 2.0, "b": 3.0, "c": 1 / 6}, "all")
    bars = [tuple(line.get_xdata()) for line in axis.lines if line.get_linewidth() == 14]
    wanted = [(1, 2), (2, 6), (6, 1), (1, 1)]
    assert bars == [pytest.approx(pair) for pair in wanted]
    assert [text.get_text() for text in axis.texts] == ["× 2.00", "× 3.00", "× 0.17", "× 1.00"]
    assert axis.get_xscale() == "log"


@pytest.mark.slow
def test_the_script_computes_what_cost_computes_and_keeps_its_axes(browser, monkeypatch, tmp_path):
    """In Chromium, from a file: a dragged slider and a button redraw, the ghost stays behind."""
    ask = "x => document.querySelector('.r1lab-envelope').numbers(x)"
    draw = random.Random(0)
    page, _ = opened(browser, faces(monkeypatch)["text/html"], tmp_path / "page.html")
    for _ in range(20):
        given = {key: 10 ** draw.uniform(0, 4) for key in GUEST}
        found = page.evaluate(ask, given)
        errors = cost.factors(given, TRUTH)
        assert found["errors"] == pytest.approx(list(errors.values()))
        assert found["dollars"] == pytest.approx(env.price(given))
        assert found["whole"] == pytest.approx(env.price(given) / env.price(TRUTH))

    ticks, bars = drawn(page, ".tick"), drawn(page, ".now")
    assert len(bars) == 5 and not drawn(page, ".ghost")
    assert "220,000 dollars" in page.inner_text(".total")
    page.evaluate(
        "() => { const s = document.querySelector('[data-key=steps]'); s.value = 3;"
        "s.dispatchEvent(new Event('input')); }"
    )
    assert "22,000 dollars" in page.inner_text(".total")
    assert (
        drawn(page, ".now") != bars
        and len(drawn(page, ".ghost")) == 5
        and drawn(page, ".tick") == ticks
    )
    page.click("[data-set='disclosed']")
    assert "34.1 billion tokens" in page.inner_text(".claim")
