"""Half precision: the gradient of a frozen float16 or bfloat16 base with LoRA is the float32 one, but for rounding."""

from dataclasses import replace

import pytest
import torch
from test_memory import digits

from r1lab import grpo, models, tasks
from r1lab.preflight import memory

CONFIG = grpo.Config(prompts=6, group=8, max_new=96, micro_tokens=4096)
POOL = tasks.problems("countdown", 6, seed=1)


def cast(model, dtype):
    for p in model.parameters():
        if not p.requires_grad:
            p.data = p.data.to(dtype)
    return model


@pytest.fixture(scope="module")
def given():
    """A LoRA model that has left its base, completions with advantages, and their exact gradient."""
    model, tokenizer = models.load("rich")
    model = models.prepare(model, 8)
    torch.manual_seed(0)
    for name, p in model.named_parameters():
        if "lora_B" in name:
            p.data.normal_(0, 0.01)
    roll = grpo.rollout(model, tokenizer, POOL, ([digits], [1.0]), CONFIG, 1)
    return model, roll, gradient(model, roll)


def gradient(model, roll, scale=1.0) -> torch.Tensor:
    grpo.gradients(model, roll, torch.arange(len(roll.texts)), CONFIG, "cpu", scale)
    return torch.cat([p.grad.flatten() for p in models.trainable(model).values()])


def error(found, exact) -> float:
    return float((found - exact).norm() / exact.norm())


def test_float16_needs_a_loss_scale_and_then_is_better_than_bfloat16(given):
    model, roll, exact = given
    cast(model, torch.float16)
    plain, *scaled = (error(gradient(model, roll, s), exact) for s in (1.0, *grpo.SCALES[:3]))
    coarse = error(gradient(cast(model, torch.bfloat16), roll), exact)
    cast(model, torch.float32)
    assert max(scaled) < 0.025 < coarse < 0.08
    assert plain > 2 * max(scaled)


def test_an_overflow_takes_the_next_smaller_scale_and_the_same_step(given, monkeypatch):
    model, roll, _ = given
    cast(model, torch.float16)
    found = []
    for scales in ((2.0**14,), (2.0**60, 2.0**14)):
        monkeypatch.setattr(grpo, "SCALES", scales)
        kept = torch.optim.SGD(models.trainable(model).values(), lr=0.0)
        found.append(grpo.update(model, kept, roll, CONFIG))
    cast(model, torch.float32)
    assert found[0] == found[1] and 0 < found[0]["grad_norm"] < 10


def test_an_update_in_half_precision_learns_in_float32(given):
    model, roll, _ = given
    cast(model, torch.float16)
    before = {k: p.detach().clone() for k, p in models.trainable(model).items()}
    grpo.update(model, grpo.make_optimizer(model, replace(CONFIG, lr=1e-6)), roll, CONFIG)
    after = models.trainable(model)
    assert all(p.dtype == torch.float32 for p in after.values())
    assert any(not torch.equal(p, before[k]) for k, p in after.items())
    assert all(
        float((p - before[k]).abs().max()) < 2e-6 for k, p in after.items()
    )  # float16 cannot hold these
    for k, p in after.items():
        p.data.copy_(before[k])
    cast(model, torch.float32)


def test_no_layer_copies_its_input_to_float32(given):
    """Half the bytes a number make half the memory; with PEFT's copies it would be some three quarters."""
    model, roll, _ = given
    taken = []
    for dtype in (torch.float32, torch.bfloat16):
        cast(model, dtype)
        with memory.Tracked() as seen:
            gradient(model, roll)
        taken.append(seen.peak)
    cast(model, torch.float32)
    assert taken[1] < 0.62 * taken[0]


def test_all_weights_do_not_learn_in_half_precision():
    with pytest.raises(ValueError, match="in float32 only.*--lora-rank"):
        models.prepare(models.load("rich", torch.bfloat16)[0], 0)


def test_the_state_lies_in_main_memory_and_goes_back_where_the_weights_are():
    """The device "meta" stands for a card: copies to it work, and tell where they went."""
    model, _ = models.load("rich")
    model = models.prepare(model, 4)
    optimizer = grpo.make_optimizer(model, CONFIG)
    for p in models.trainable(model).values():
        p.grad = torch.ones_like(p)
    optimizer.step()
    saved = grpo.state(model, optimizer)
    assert all(t.device.type == "cpu" for t in saved.values())
    card = models.load("rich")[0].to("meta")
    card = models.prepare(card, 4)
    optimizer = grpo.make_optimizer(card, CONFIG)
    grpo.restore(card, optimizer, saved)
    for p in models.trainable(card).values():
        kept = optimizer.state[p]
        assert kept["exp_avg"].device == kept["exp_avg_sq"].device == p.device
        assert kept["step"].device.type == "cpu"  # AdamW counts there
