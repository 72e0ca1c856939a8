"""The clock of partial rollouts: by hand, against the trainer's own buffer, and in the browser."""

import random

import pytest
from browsing import opened, shown

from r1lab import widgets
from r1lab.widgets import pieces

HAND = [[2, 6], [3, 1], [4, 4]]  # groups of two, one group an update, pieces of four


def test_the_schedule_by_hand():
    """As in test_partial: round one writes 2, 4, 3 and 1 and the second group is learnt from; round
    two 2 more, 4 and 4, then the first group; the third waits and is one update old by then."""
    found = pieces.schedule(HAND, 3, 4)
    assert found["segments"] == [
        [0, 0, 2, 0], [1, 0, 4, 0], [2, 0, 3, 0], [3, 0, 1, 0],
        [1, 4, 2, 1], [4, 4, 4, 1], [5, 4, 4, 1],
    ]  # fmt: skip
    assert (found["times"], found["steps"]) == ([4, 8, 8], 8)
    assert found["learns"] == {2: 0, 3: 0, 0: 1, 1: 1, 4: 2, 5: 2}
    assert found["old"] == (6 + 8) / 20


def test_whole_rollouts_wait_for_the_longest_of_each_update():
    found = pieces.schedule(HAND, 3, 6, 1)
    assert (found["steps"], found["old"]) == (6 + 3 + 4, 0)
    assert pieces.state(HAND, 3)["whole"] == 13
    assert pieces.state(HAND, 3)["many"] == 6 + 4  # two groups at once, then the one that is left
    assert pieces.whole(HAND, 3, 3) == 6


def test_every_token_is_written_once_and_in_order():
    rng = random.Random(0)
    groups = [[rng.randrange(1, 90) for _ in range(4)] for _ in range(12)]
    for piece in (7, 30, 90):
        found = pieces.schedule(groups, 4, piece)
        written = {}
        for row, at, tokens, _ in found["segments"]:
            assert 0 < tokens <= piece and at >= written.get(row, (0, 0))[1]
            written[row] = (written.get(row, (0, 0))[0] + tokens, at + tokens)
        flat = [n for group in groups for n in group]
        assert [written[row][0] for row in range(48)] == flat
        assert sorted(found["learns"].values()) == [u for u in range(4) for _ in range(12)]


def faces(monkeypatch, lengths, updates) -> dict:
    return shown(monkeypatch, pieces, lambda: widgets.rollout_clock(lengths, updates))


def test_it_is_html_with_a_picture_and_text_where_no_script_runs(monkeypatch):
    found = faces(monkeypatch, HAND, 3)
    assert 'src="data:image/png;base64,iVBOR' in found["text/html"]
    said = "6 completions, 3 updates; whole: 13 steps, 10 with 2 updates' completions at once"
    assert said in found["text/plain"]
    assert "http" not in found["text/html"] and "import " not in found["text/html"]


@pytest.mark.slow
def test_the_script_makes_pythons_schedule_and_moves(browser, monkeypatch, tmp_path):
    rng = random.Random(1)
    groups = [[rng.randrange(1, 200) for _ in range(4)] for _ in range(18)]
    html = faces(monkeypatch, groups, 6)["text/html"]
    page, _ = opened(browser, html, tmp_path / "page.html")
    for piece in pieces.PIECES:
        found = page.evaluate(f"document.querySelector('.r1lab-pieces').schedule({piece})")
        wanted = pieces.schedule(groups, 6, piece)
        assert found["segments"] == wanted["segments"] and found["times"] == wanted["times"]
        assert found["old"] == pytest.approx(wanted["old"]) and found["steps"] == wanted["steps"]
        assert found["learns"] == {str(k): v for k, v in wanted["learns"].items()}
    before = page.inner_text(".r1lab-pieces b")
    many = pieces.state(groups, 6)["many"]
    assert f"as many at once: {many})" in before
    assert f"twice as many at once: {many}" in page.text_content(".r1lab-pieces svg")
    assert not page.evaluate("!!document.querySelector('.ghost')")
    page.focus("input[aria-label='tokens a piece']")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text(".r1lab-pieces b") != before
    assert page.evaluate("!!document.querySelector('.ghost')")
