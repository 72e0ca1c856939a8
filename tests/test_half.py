"""Half precision: the gradient of a frozen float16 or bfloat16 base with LoRA is the float32 one, but for rounding."""

from dataclasses import replace

import pytest
import torch
from helpers import digits_written

from r1lab import grpo, losses, models, policy, tasks
from r1lab.machine import memory

pytestmark = pytest.mark.slow

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
    learns = policy.learner(model, tokenizer, CONFIG.lr)
    roll = grpo.rollout(learns, POOL, ([digits_written], [1.0]), CONFIG, 1)
    return model, roll, gradient(model, roll)


def gradient(model, roll, scale=1.0) -> torch.Tensor:
    rows = range(len(roll.texts))
    micros = list(policy.micro_batches(roll.batch, rows, CONFIG.micro_tokens))
    advantages = roll.advantages.flatten()

    def loss_of(micro, logps, mask):
        return losses.policy_loss(logps, logps, advantages[micro], mask, divisor=len(rows)), {}

    policy.gradients(model, roll.batch, micros, loss_of, scale=scale)
    return torch.cat([p.grad.flatten() for p in models.trainable(model).values()])


def error(found, exact) -> float:
    return float((found - exact).norm() / exact.norm())


def test_float16_needs_a_loss_scale_and_then_is_better_than_bfloat16(given):
    model, roll, exact = given
    cast(model, torch.float16)
    plain, *scaled = (error(gradient(model, roll, s), exact) for s in (1.0, *policy.SCALES[:3]))
    coarse = error(gradient(cast(model, torch.bfloat16), roll), exact)
    cast(model, torch.float32)
    assert max(scaled) < 0.025 < coarse < 0.08
    assert plain > 2 * max(scaled)


class Kept(torch.optim.SGD):
    """An optimizer that does not move and keeps the gradients."""

    def zero_grad(self, set_to_none=True):
        self.seen = torch.cat([p.grad.flatten() for g in self.param_groups for p in g["params"]])


def test_an_overflow_takes_a_smaller_scale_and_the_same_gradient(given):
    """Advantages a million times as large overflow with the first scale; but for that factor the
    gradient is the same."""
    model, roll, exact = given
    cast(model, torch.float16)
    kept = Kept(models.trainable(model).values(), lr=0.0)
    learns = policy.Learner(model, None, kept)
    large = replace(roll, advantages=roll.advantages * 1e6)
    grpo.update(learns, large, replace(CONFIG, max_grad_norm=1e30))
    overflowing = gradient(model, large, policy.SCALES[0])
    cast(model, torch.float32)
    assert not overflowing.isfinite().all(), "the test needs an overflow"
    assert error(kept.seen / 1e6, exact) < 0.025


def test_an_update_in_half_precision_learns_in_float32(given):
    model, roll, _ = given
    cast(model, torch.float16)
    before = {k: p.detach().clone() for k, p in models.trainable(model).items()}
    grpo.update(policy.learner(model, None, 1e-6), roll, CONFIG)
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
    learns = policy.learner(model, None, CONFIG.lr)
    for p in models.trainable(model).values():
        p.grad = torch.ones_like(p)
    learns.optimizer.step()
    saved = policy.state(learns)
    assert all(t.device.type == "cpu" for t in saved.values())
    card = models.load("rich")[0].to("meta")
    card = models.prepare(card, 4)
    moved = policy.learner(card, None, CONFIG.lr)
    policy.restore(moved, saved)
    for p in models.trainable(card).values():
        kept = moved.optimizer.state[p]
        assert kept["exp_avg"].device == kept["exp_avg_sq"].device == p.device
        assert kept["step"].device.type == "cpu"  # AdamW counts there
