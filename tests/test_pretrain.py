"""Pre-training, small: the batches hold every text once, and the loss falls."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from r1lab.records.files import RunError
from r1lab.tiny_world import corpus, pretrain
from r1lab.tiny_world.pretrain import RECIPES, batches, new_model, wrap_tokenizer

pytestmark = pytest.mark.slow

TOKENIZER = wrap_tokenizer()


@pytest.mark.parametrize("name", ["rich", "poor"])
def test_a_step_holds_whole_texts_and_little_padding(name):
    recipe = replace(RECIPES[name], batch=4000)
    stream = corpus.texts(recipe.seed, recipe.knobs)
    steps = [next(it) for it in [batches(recipe, TOKENIZER)] for _ in range(16)]
    rows = [
        [t for t in row.tolist() if t != TOKENIZER.pad_token_id]
        for step in steps
        for ids, _ in step
        for row in ids
    ]
    expected = [TOKENIZER(next(stream))["input_ids"] for _ in rows]
    assert sorted(rows) == sorted(expected)  # the first texts of the world, each once
    real = sum(size for step in steps for _, size in step)
    assert real == sum(map(len, rows))
    assert real > 0.85 * sum(ids.numel() for step in steps for ids, _ in step)


def test_the_float32_attention_is_plain_attention():
    model = new_model(RECIPES["small"], TOKENIZER)
    ids = torch.randint(3, len(TOKENIZER), (2, 20))
    expected = model(input_ids=ids).logits
    model.set_attn_implementation("float32_causal")
    torch.testing.assert_close(
        model(input_ids=ids, use_cache=False).logits, expected, atol=1e-5, rtol=1e-4
    )


def stop_after(steps: int, monkeypatch) -> None:
    def stopped(recipe, tokenizer):
        yield from islice(batches(recipe, tokenizer), steps)
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain, "batches", stopped)


def test_pretraining_learns_saves_and_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    tiny = replace(
        RECIPES["small"], width=48, layers=2, heads=2, inner=64, batch=4200, tokens=500_000
    )
    record = pretrain.pretrain("small", tiny, tmp_path / "small", compiled=False)
    stop_after(70, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain("small", tiny, tmp_path / "again", compiled=False, every=30)
    assert [p.name for p in tmp_path.iterdir() if "again" in p.name] == ["again.unfinished"]
    monkeypatch.undo()
    with pytest.raises(RunError, match="another recipe: delete it"):
        pretrain.pretrain("small", replace(tiny, seed=1), tmp_path / "again")
    again = pretrain.pretrain("small", tiny, tmp_path / "again", compiled=False)
    assert again | {"seconds": 0} == record | {"seconds": 0}
    assert not (tmp_path / "again.unfinished").exists()
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("small", "again")]
    assert weights[0] == weights[1]  # as many threads, the same processor: the same bytes
    assert record["loss"][-1]["loss"] < 0.8 * record["loss"][0]["loss"]
    assert record["tokens"] >= tiny.tokens
    assert {p.name for p in (tmp_path / "small").iterdir()} >= {
        "model.safetensors",
        "tokenizer.json",
        "pretraining.json",
    }
