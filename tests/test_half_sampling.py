"""In half precision the sampler plays the policy that learns, not nearly its base."""

import pytest
import torch
from helpers import digits_written

from r1lab import grpo, models, policy, tasks
from r1lab.sampler import weights

pytestmark = pytest.mark.slow

POOL = tasks.problems("countdown", 4, seed=1)
CONFIG = grpo.Config(prompts=4, group=8, max_new=32, micro_tokens=8192)
AGREE = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}  # nats, the largest gap


def fresh(dtype):
    model, tokenizer = models.load("rich", dtype)
    return policy.learner(models.prepare(model, 16), tokenizer, 1e-5)


@pytest.mark.parametrize("dtype", AGREE, ids=str)
def test_sampler_and_trainer_agree_on_what_was_sampled(dtype):
    learner = fresh(dtype)
    for name, p in learner.model.named_parameters():
        if "lora_B" in name:  # an adapter that has left its start
            p.data.normal_(0, 0.02, generator=torch.Generator().manual_seed(len(name)))
    roll = grpo.rollout(learner, POOL, ([digits_written], [1.0]), CONFIG, 1)
    logps, mask = policy.logps(learner.model, roll.batch, list(range(len(roll.texts))))
    gap = (logps - roll.completions.logps)[mask].abs()
    assert float(gap.max()) < AGREE[dtype] and float(gap.mean()) < AGREE[dtype] / 5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_what_a_layer_learnt_in_small_steps_reaches_the_sampler(dtype):
    """Two steps of a rate like `gpu24`'s, far below half a step of the weights' grid: folded into
    them 95 % of it would be lost in bfloat16. The slope of the change of the sampler's layers on
    that of the trainer's, on the same random inputs."""
    learner = fresh(dtype)
    roll = grpo.rollout(learner, POOL, ([digits_written], [1.0]), CONFIG, 1)
    layer = models.plain(learner.model).model.layers[0]
    x = torch.randn(4096, 128, generator=torch.Generator().manual_seed(0)).to(dtype)
    parts = (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj)

    @torch.no_grad()
    def outputs():
        copied = weights.copied(learner.model).layers[0]
        with models.precision(learner.model):
            trained = torch.cat([part(x) for part in parts], -1), layer.self_attn.o_proj(x)
        return [y.float() for y in (copied.qkv(x), copied.out(x), *trained)]

    before = outputs()
    for _ in range(2):
        grpo.update(learner, roll, CONFIG)
    qkv, out, *trained = (b - a for a, b in zip(before, outputs(), strict=True))
    for sampled, learnt in zip((qkv, out), trained, strict=True):
        assert float(learnt.abs().max()) > 0
        assert 0.9 < float((learnt * sampled).sum() / learnt.square().sum()) < 1.1
