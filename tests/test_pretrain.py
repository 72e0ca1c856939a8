"""Pre-training, small: the batches hold every text once, and the loss falls."""

from dataclasses import replace

import pytest
import torch

from r1lab.tiny_world import corpus, first, pretrain, words
from r1lab.tiny_world.pretrain import RECIPES, batches, new_model, wrap_tokenizer

pytestmark = pytest.mark.slow

TOKENIZER = wrap_tokenizer()


@pytest.mark.parametrize(
    ("name", "world", "real_share"), [("rich", first, 0.8), ("habits/rich", corpus, 0.75)]
)
def test_a_step_holds_whole_texts_and_little_padding(name, world, real_share):
    recipe = replace(RECIPES[name], batch=4000)
    tokenizer = wrap_tokenizer(first if world is first else words)
    stream = world.texts(recipe.seed, recipe.knobs)
    steps = [next(it) for it in [batches(recipe, tokenizer)] for _ in range(16)]
    rows = [
        [t for t in row.tolist() if t != tokenizer.pad_token_id]
        for step in steps
        for ids, _ in step
        for row in ids
    ]
    expected = [tokenizer(next(stream))["input_ids"] for _ in rows]
    assert sorted(rows) == sorted(expected)  # the first texts of the world, each once
    real = sum(size for step in steps for _, size in step)
    assert real == sum(map(len, rows))
    assert real > real_share * sum(ids.numel() for step in steps for ids, _ in step)


def test_the_float32_attention_is_plain_attention():
    model = new_model(RECIPES["small"], TOKENIZER)
    ids = torch.randint(3, len(TOKENIZER), (2, 20))
    expected = model(input_ids=ids).logits
    model.set_attn_implementation("float32_causal")
    torch.testing.assert_close(
        model(input_ids=ids, use_cache=False).logits, expected, atol=1e-5, rtol=1e-4
    )


def test_pretraining_learns_and_saves(tmp_path):
    tiny = replace(
        RECIPES["small"], width=48, layers=2, heads=2, inner=64, batch=2000, tokens=300_000
    )
    record = pretrain.pretrain("small", tiny, tmp_path / "small", compiled=False)
    assert record["loss"][-1]["loss"] < 0.8 * record["loss"][0]["loss"]
    assert record["tokens"] >= tiny.tokens
    assert {p.name for p in (tmp_path / "small").iterdir()} >= {
        "model.safetensors",
        "tokenizer.json",
        "pretraining.json",
    }
