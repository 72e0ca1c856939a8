"""The benchmark compares fairly and says what it found; no speed is asserted."""

import json
from pathlib import Path

import pytest
import torch
from helpers import tiny_model

from r1lab import models
from r1lab.speed import bench, compare, decoding, growth

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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_products_alone_are_a_part_of_a_step(dtype):
    model = models.add_lora(tiny_model().to(dtype), 4)
    found = growth.floor(model, [[5, 6, 7]], 128, 1)  # a step is a difference: not of few tokens
    assert found["products_ms"] > 0 and found["step_ms"] > 0
    assert found["share"] == pytest.approx(found["products_ms"] / found["step_ms"])


def test_the_table_holds_every_recorded_row():
    found = json.loads(RECORDED.read_text(encoding="utf-8"))
    text = bench.table(found)
    assert all(row["what"] in text and row["peer"] in text for row in found["rows"])
    assert found["machine"] in text and text.count("\n* ") == 3
