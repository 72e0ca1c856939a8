"""The benchmark compares fairly and says what it found; no speed is asserted."""

import json
from pathlib import Path

import pytest

from r1lab.speed import bench, compare, decoding

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).resolve().parent.parent / "data" / "bench.json"


def test_sides_take_turns_the_first_call_is_not_counted_and_each_round_has_its_ratio():
    calls, prices = [], {"ours": iter([9.0, 1.0, 2.0, 4.0]), "theirs": iter([9.0, 3.0, 4.0, 20.0])}

    def side(name):
        def work():
            calls.append(name)
            return next(prices[name])

        return work

    row = compare.side_by_side("what", "peer", "ms", side("ours"), side("theirs"), 3)
    assert calls == ["ours", "theirs", "theirs", "ours", "ours", "theirs", "theirs", "ours"]
    assert (row.ours, row.theirs) == (2.0, 4.0)
    assert (row.ratio, row.low, row.high) == (3.0, 2.0, 5.0)


@pytest.mark.parametrize("way", [decoding.sample_seconds, decoding.generate_seconds])
def test_both_ways_do_the_same_work(way):
    model, tokenizer = decoding.tiny()
    prompts = decoding.questions(tokenizer, 2)
    assert way(model, prompts, 3, 7)[1] == 2 * 3 * 7  # nobody may stop
    seconds, tokens = way(model, prompts, 4, 60, tokenizer.eos_token_id)
    assert seconds > 0 and 8 * 5 < tokens < 8 * 60  # some end by themselves


def test_the_table_holds_every_recorded_row():
    found = json.loads(RECORDED.read_text(encoding="utf-8"))
    text = bench.table(found)
    assert all(row["what"] in text and row["peer"] in text for row in found["rows"])
    assert found["machine"] in text and text.count("\n* ") == 3
