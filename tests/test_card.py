"""On an NVIDIA card only, skipped elsewhere: random weights of the true shapes, one step under the
limit of a T4 and of a card of 24 GB, predicted beside taken; the captured decode step; resuming."""

import math
from dataclasses import replace

import pytest
import torch

from r1lab import critic, grpo, models, policy, preflight, tasks
from r1lab.machine import memory, presets
from r1lab.rollouts import Rollout, Sampled
from r1lab.sampler import Completions, Sampler
from r1lab.speed import footprint
from r1lab.tiny_world import pretrain

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")


@pytest.mark.parametrize(
    ("model", "gib", "max_new", "micro_tokens"),
    [
        ("Qwen/Qwen2.5-0.5B", 14.6, 256, 4096),
        ("Qwen/Qwen2.5-1.5B", 14.6, 512, 2048),
        ("Qwen/Qwen2.5-3B", 23.5, 512, 2048),
    ],
)
def test_a_step_fits_the_card_and_takes_what_was_predicted(model, gib, max_new, micro_tokens):
    total = torch.cuda.get_device_properties(0).total_memory / memory.GIB
    if total < gib:
        pytest.skip(f"this card has {total:.0f} GiB")
    preset = replace(presets.named("t4"), model=model, max_new=max_new, micro_tokens=micro_tokens,
                     dtype=presets.half(torch.cuda.get_device_capability()))  # fmt: skip
    memory.free()
    torch.cuda.set_per_process_memory_fraction(gib / total)
    try:
        row = footprint.row(preset)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    parts = row["weights"], 0, row["sampling"][0], row["learning"][0]
    assert preflight.Need(*parts).peak * 0.95 < row["process"] < preflight.Need(*parts).wanted


def test_the_captured_step_gives_the_greedy_text_of_generate():
    model, tokenizer = models.load("rich", torch.float32, "cuda")
    prompts = tokenizer(
        ["User: reach 24 from 4, 6, 1.\nAssistant: ", "User: reach 7 from 3, 4, 2.\nAssistant: "]
    )["input_ids"]
    ours = Sampler(model).sample(prompts, 2, 64, tokenizer.eos_token_id, None, temperature=0)
    for row, prompt in enumerate(p for p in prompts for _ in range(2)):
        ids = torch.tensor([prompt], device="cuda")
        theirs = model.generate(ids, max_new_tokens=64, do_sample=False)[0, len(prompt) :]
        length = int(ours.lengths[row])
        assert ours.ids[row, :length].tolist() == theirs[:length].tolist()


def test_a_base_is_made_on_the_card_and_read_on_the_cpu(tmp_path):
    recipe = replace(
        pretrain.RECIPES["small"], width=48, layers=2, heads=2, inner=64, batch=4200, tokens=500_000
    )
    made = pretrain.pretrain("small", recipe, tmp_path / "base", compiled=False, device="cuda")
    assert made["device"] == torch.cuda.get_device_name()
    assert made["loss"][-1]["loss"] < made["loss"][0]["loss"] - 0.5
    model, _ = models.load(str(tmp_path / "base"))
    assert model.device.type == "cpu"


def test_a_critic_learns_on_the_card():
    model, tokenizer = models.load("rich", torch.float32, "cuda")
    config = grpo.Config(
        steps=2, prompts=2, group=4, max_new=16, gae=0.95, beta=0.1, kl_in_reward=True
    )
    learner = critic.beside(policy.learner(models.prepare(model, 4), tokenizer, 1e-3), 1e-3)
    paid = [lambda completions, **_: [float(len(text) % 3) for text in completions]], [1.0]
    for roll in grpo.train(learner, tasks.problems("countdown", 8), paid, config):
        assert math.isfinite(roll.report["loss"]) and math.isfinite(roll.report["critic_error"])


def test_a_resumed_run_learns_on_from_where_it_stopped():
    def fresh():
        torch.manual_seed(0)
        model = models.prepare(models.load("rich", torch.float32, "cuda")[0], 4)
        return policy.learner(model, None, 1e-3)

    learner = fresh()
    ids = torch.ones(2, 3, dtype=torch.long)
    whole = torch.ones(2, dtype=torch.bool)
    done = Completions(ids, torch.ones(2, 3), torch.tensor([3, 3]), whole)
    sampled = Sampled([[5, 6, 7]], done, ["", ""])
    advantages = torch.tensor([[1.0, -1.0]])
    roll = Rollout(1, [None], sampled, [], {}, torch.zeros(1, 2), advantages)
    config = grpo.Config(prompts=1, group=2, max_new=3)
    grpo.update(learner, roll, config)
    saved = policy.state(learner)
    grpo.update(learner, roll, config)
    again = fresh()
    policy.restore(again, saved)
    grpo.update(again, roll, config)
    weights = (models.trainable(x.model).values() for x in (learner, again))
    for a, b in zip(*weights, strict=True):
        torch.testing.assert_close(a, b)
