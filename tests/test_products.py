"""The packed product: equal to the plain one, chosen by size, and left out where it does not pay."""

import pytest
import torch

from r1lab import models, tasks
from r1lab.sampler import Sampler, weights
from r1lab.sampler.products import FEW, packed, pays, product

LAID = pytest.mark.skipif(
    not pays("cpu", torch.float32), reason="weights are not packed on this processor"
)
OLD = "AVX2"  # a capability at which nothing is packed


@LAID
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_a_packed_product_is_the_product(dtype, bias):
    """Beside exact sums (float64) of the same numbers, for one row and for many."""
    torch.manual_seed(0)
    weight, b = torch.randn(96, 72).to(dtype), torch.randn(96).to(dtype) if bias else None
    for rows in (1, 5, 300):
        x = torch.randn(rows, 72).to(dtype)
        wanted = x.double() @ weight.double().T + (b.double() if bias else 0)
        found = product(x, packed(weight), b)
        assert found.dtype == dtype and found.shape == (rows, 96)
        terms = float((x.double().abs() @ weight.double().abs().T).max())
        step = 4 * torch.finfo(dtype).eps * terms
        torch.testing.assert_close(found.double(), wanted, atol=step, rtol=0)


@LAID
def test_few_rows_take_the_plain_weight_and_a_large_one_is_kept_once():
    small, large = torch.randn(250, 100), torch.randn(2000, 500)
    one, other = weights._laid_out(small), weights._laid_out(large)
    assert one.chosen(39) is one.weight is small and one.chosen(40) is one.packed
    assert large.numel() == FEW and other.chosen(1) is other.weight is other.packed
    x = torch.randn(40, 100)
    added = one.added(torch.ones(40, 250), x)
    torch.testing.assert_close(added, x @ small.T + 1, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("device", "dtype"), [("cpu", torch.float16), ("cuda", torch.float32), ("cuda", torch.bfloat16)]
)
def test_only_a_processor_packs(device, dtype):
    assert not pays(device, dtype)


@LAID
def test_completions_are_those_of_plain_weights(monkeypatch):
    """Greedy ones of `rich` with LoRA that was moved, enough rows for every product: the same
    tokens, their log-probabilities to 1e-4, and the model's weights untouched."""
    model, tokenizer = models.load("rich")
    model = models.add_lora(model, 8)
    torch.manual_seed(1)
    for name, p in model.named_parameters():
        if "lora_B" in name:
            p.data.normal_(0, 0.02)
    before = {name: p.clone() for name, p in model.named_parameters()}
    asked = tasks.problems("countdown", 130, 0, "train", 3)
    prompts = tokenizer([tasks.tiny_prompt(p) for p in asked])["input_ids"]

    def greedy():
        sampler = Sampler(model)
        kinds = {x.packed is not None for y in sampler.weights.layers for x in (y.qkv, y.down)}
        return sampler.sample(prompts, 1, 40, tokenizer.eos_token_id, None, 0.0), kinds

    found, kinds = greedy()
    with monkeypatch.context() as patch:
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: OLD)
        plain, none = greedy()
    assert (kinds, none) == ({True}, {False})
    assert torch.equal(found.ids, plain.ids) and torch.equal(found.lengths, plain.lengths)
    torch.testing.assert_close(found.logps, plain.logps, atol=1e-4, rtol=0)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
