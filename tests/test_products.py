"""The packed product: equal to the plain one, chosen by size, and left out where it does not pay."""

from dataclasses import replace

import pytest
import torch
from helpers import tiny_model

from r1lab import models, preflight, tasks
from r1lab.machine import presets
from r1lab.sampler import Sampler, products, weights
from r1lab.sampler.products import FEW, packed, pays, product

LAID = pytest.mark.skipif(
    not pays("cpu", torch.float32), reason="weights are not packed on this processor"
)
SUMS = torch.finfo(torch.float32).eps  # both precisions add up in float32


def exact(x, weight, bias):
    """(the product in float64, the sum of its absolute terms where that is largest)."""
    x, weight = x.double(), weight.double()
    found = x @ weight.T + (bias.double() if bias is not None else 0)
    return found, float((x.abs() @ weight.abs().T).max())


@LAID
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_a_packed_product_is_the_product(dtype, bias):
    """Beside exact sums of the same numbers, for one row and for many: rounded once."""
    torch.manual_seed(0)
    weight, b = torch.randn(96, 72).to(dtype), torch.randn(96).to(dtype) if bias else None
    for rows in (1, 5, 300):
        x = torch.randn(rows, 72).to(dtype)
        wanted, terms = exact(x, weight, b)
        found = product(x, packed(weight), b)
        assert found.dtype == dtype and found.shape == (rows, 96)
        close = {"atol": 4 * SUMS * terms, "rtol": torch.finfo(dtype).eps}
        torch.testing.assert_close(found.double(), wanted, **close)


@LAID
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_layer_adds_its_product_with_bias_and_lora_apart(dtype):
    torch.manual_seed(0)
    W, b, A, B = (torch.randn(*n).to(dtype) for n in ((250, 100), (250,), (4, 100), (4, 250)))
    x, to = torch.randn(64, 100).to(dtype), torch.randn(64, 250).to(dtype)
    there = x.clone(), to.clone()
    layer = weights._laid_out(W, b, A, B)
    assert layer.chosen(64).is_mkldnn
    wanted = to.double() + exact(x, W, b)[0] + x.double() @ A.double().T @ B.double()
    found = layer.added(to, x).double()
    close = float((found - wanted).abs().max()) / float(wanted.abs().max())
    assert close < 8 * torch.finfo(dtype).eps
    assert torch.equal(x, there[0]) and torch.equal(to, there[1])


@LAID
def test_few_rows_take_the_plain_weight_and_a_large_one_is_kept_once():
    small, large = torch.randn(250, 100), torch.randn(2000, 500)
    one, other = weights._laid_out(small), weights._laid_out(large)
    assert one.chosen(39) is one.few is small and one.chosen(40) is one.many
    assert large.numel() == FEW and other.chosen(1) is other.few is other.many


@pytest.mark.parametrize(
    ("device", "dtype"), [("cpu", torch.float16), ("cuda", torch.float32), ("cuda", torch.bfloat16)]
)
def test_only_a_processor_packs(device, dtype, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert not pays(device, dtype)


def test_without_the_operators_or_the_instructions_the_weight_stays_as_it_is(monkeypatch):
    weight = torch.randn(8, 8)
    with monkeypatch.context() as patch:
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
        assert packed(weight) is weight
    monkeypatch.setattr(products, "OPERATORS", ("no_such_operator",))
    assert packed(weight) is weight


@LAID
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_completions_are_those_of_plain_weights(dtype, monkeypatch):
    """`rich` with LoRA that was moved, enough rows for every product: the chances that plain
    weights give to the tokens that packed ones drew, and the model's own weights untouched."""
    model, tokenizer = models.load("rich", dtype)
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
        w = sampler.weights
        used = [x for y in w.layers for x in (y.qkv, y.out, y.gate_up, y.down)] + [w.head]
        kinds = {x.chosen(len(prompts)).is_mkldnn for x in used}
        return sampler.sample(prompts, 1, 24, tokenizer.eos_token_id, None, 0.0), kinds

    found, kinds = greedy()
    with monkeypatch.context() as patch:
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
        plain, none = greedy()
    assert (kinds, none) == ({True}, {False})
    same = (found.ids == plain.ids).all(1)  # where two tokens are alike, rounding decides
    assert float(same.float().mean()) > (0.99 if dtype == torch.float32 else 0.7)
    atol = 1e-4 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(found.logps[same], plain.logps[same], atol=atol, rtol=0)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


@LAID
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_copy_of_a_large_model_is_counted_as_it_is_laid_out(dtype):
    """At the widths of SmolLM2, where gate and up are each small and together large."""
    preset = replace(presets.named("smol"), dtype=dtype, max_new=1, prompts=1, group=1)
    preset = replace(preset, eval_problems=1)
    shape = models.random("smollm2", getattr(torch, dtype), "meta")
    layer = shape.model.layers[0]
    a, m = layer.self_attn, layer.mlp
    parts = (a.q_proj, a.k_proj, a.v_proj), (a.o_proj,), (m.gate_proj, m.up_proj), (m.down_proj,)
    numbers = shape.get_output_embeddings().weight.numel()
    folds = dtype == "float32"
    for some in parts:
        size = sum(part.weight.numel() for part in some)
        twice = size < FEW and (folds or len(some) > 1)
        numbers += len(shape.model.layers) * size * (2 if twice else 1)
    counted = numbers * getattr(torch, dtype).itemsize / 2**30
    found = preflight.need(preset, 8, "grpo").sampling
    assert counted < found < 1.15 * counted


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_linear_layer_of_a_copied_model_is_the_models(dtype):
    """Whatever this processor does, through the whole of `copied`."""
    torch.manual_seed(0)
    model = tiny_model().to(dtype)
    layer, x = model.model.layers[0].mlp.down_proj, torch.randn(900, 64).to(dtype)
    x = x[:, : layer.in_features]
    found = weights.copied(model).layers[0].down(x)
    wanted, terms = exact(x, layer.weight, None)
    close = {"atol": 4 * SUMS * terms, "rtol": torch.finfo(dtype).eps}
    torch.testing.assert_close(found.double(), wanted, **close)
