"""In half precision the sampler plays the policy that learns, not nearly its base."""

import pytest
import torch
from helpers import digits_written

from r1lab import grpo, models, policy, tasks
from r1lab.sampler import Sampler, sampling

POOL = tasks.problems("countdown", 4, seed=1)
CONFIG = grpo.Config(prompts=4, group=8, max_new=32, micro_tokens=8192)
AGREE = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}  # nats, the largest gap


def fresh(dtype):
    model, tokenizer = models.load("rich", dtype)
    return policy.learner(models.prepare(model, 16), tokenizer, 1e-5)


def scored(model, roll, monkeypatch) -> torch.Tensor:
    """(N, T) what the sampler thinks of completions that are given: its choice is forced."""
    tokens = iter(roll.completions.ids.T)

    def forced(logits, *_):
        token = next(tokens)
        return token, logits.float().log_softmax(-1).gather(1, token[:, None])[:, 0]

    width = roll.completions.ids.shape[1]
    with monkeypatch.context() as patch:
        patch.setattr(sampling, "choose", forced)
        done = Sampler(model).sample(roll.sampled.prompts, CONFIG.group, width, -1, None)
    return done.logps


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


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_what_the_policy_learnt_in_small_steps_reaches_the_sampler(dtype, monkeypatch):
    """Each step is far below half a step of the weights' grid: folded into them it would be lost in
    the sampler alone. The slope of the sampler's change on the learner's own, over all tokens; both
    lose a little in rounding their activations, and alike."""
    learner = fresh(dtype)
    roll = grpo.rollout(learner, POOL, ([digits_written], [1.0]), CONFIG, 1)
    rows = list(range(len(roll.texts)))

    def both():
        with torch.no_grad():
            learnt, mask = policy.logps(learner.model, roll.batch, rows)
        return learnt[mask], scored(learner.model, roll, monkeypatch)[mask]

    before = both()
    for _ in range(15):
        grpo.update(learner, roll, CONFIG)
    learnt, sampled = (b - a for a, b in zip(before, both(), strict=True))
    share = float((learnt * sampled).sum() / (learnt * learnt).sum())
    assert 0.8 < share < 1.2
