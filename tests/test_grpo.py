"""The trainer from scratch: its gradient, its invariances, and that it really learns."""

from dataclasses import replace

import pytest
import torch
from helpers import tiny_model

from r1lab import grpo, losses, models, tasks
from r1lab.grpo import Config
from r1lab.tiny_world import pretrain

TOKENIZER = pretrain.wrap_tokenizer()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = Config(steps=4, prompts=4, group=6, max_new=24, lr=1e-2, micro_tokens=4096, seed=5)


DIGITS = set(TOKENIZER.convert_tokens_to_ids(list("0123456789")))


def share_of_digits(completion_ids, **_):
    """A reward that a random model can climb: the share of tokens that are digits."""
    return [sum(token in DIGITS for token in ids) / len(ids) for ids in completion_ids]


def shallow(completions, **_):
    """1 or 0 by the number of 7s: many groups have no variance."""
    return [float(text.count("7") >= 2) for text in completions]


def lora(seed=0):
    return models.prepare(tiny_model(vocabulary=len(TOKENIZER)), 4, seed)


def gradients(model):
    return {k: p.grad.clone() for k, p in models.trainable(model).items()}


class Kept(torch.optim.SGD):
    """An optimizer that does not move and keeps the gradients for the test to see."""

    def zero_grad(self, set_to_none=True):
        self.seen = [p.grad.clone() for g in self.param_groups for p in g["params"]]


def step_gradient(config, reward=share_of_digits):
    model = lora()
    roll = grpo.rollout(model, TOKENIZER, POOL[: config.prompts], ([reward], [1.0]), config, step=1)
    optimizer = Kept(models.trainable(model).values(), lr=0.0)
    report = grpo.update(model, optimizer, roll, replace(config, max_grad_norm=1e9))
    return model, roll, report, optimizer.seen


@pytest.mark.parametrize("kind", ["grpo", "dr_grpo", "dapo"])
def test_micro_batches_add_up_to_the_whole_batch(kind):
    config = replace(CONFIG, loss=kind)
    *_, one_report, one = step_gradient(replace(config, micro_tokens=10**6))
    *_, many_report, many = step_gradient(replace(config, micro_tokens=80))
    assert one_report["loss"] == pytest.approx(many_report["loss"], abs=1e-6)
    for a, b in zip(one, many, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ["grpo", "dr_grpo", "dapo"])
def test_the_gradient_is_reinforce_row_by_row_without_padding_or_skipping(kind):
    """Worked out the long way: every completion alone, zero-advantage groups included."""
    config = replace(CONFIG, loss=kind)
    model, roll, _, seen = step_gradient(config, shallow)
    flat = roll.advantages.flatten()
    assert (flat == 0).any() and (flat != 0).any(), "the test needs groups with and without signal"
    lengths = roll.completions.lengths
    weight = {
        "grpo": 1 / (len(flat) * lengths),
        "dapo": torch.full((len(flat),), 1 / float(lengths.sum())),
        "dr_grpo": torch.full((len(flat),), 1 / (len(flat) * config.max_new)),
    }[kind]
    model.zero_grad()
    for row in range(len(flat)):
        prompt = roll.prompt_ids[row // config.group]
        completion = roll.completions.ids[row, : lengths[row]].tolist()
        logits = model(input_ids=torch.tensor([prompt + completion])).logits[
            0, len(prompt) - 1 : -1
        ]
        logp = logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None]).sum()
        (-flat[row] * weight[row] * logp).backward()
    for expected, found in zip(gradients(model).values(), seen, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-3)


def test_the_trainers_log_probabilities_are_the_samplers():
    model, roll, *_ = step_gradient(CONFIG)
    rows = list(range(len(roll.texts)))
    logps, mask = grpo._logps(model, roll, rows, CONFIG, "cpu")
    torch.testing.assert_close(logps[mask], roll.completions.logps[mask], atol=1e-4, rtol=0)


def test_the_kl_term_is_zero_at_the_start_and_pulls_back_later():
    model = lora()
    config = replace(CONFIG, beta=0.1)
    optimizer = grpo.make_optimizer(model, config)
    kls = [
        report["kl"]
        for *_, report in grpo.train(
            model, TOKENIZER, POOL, ([share_of_digits], [1.0]), config, optimizer
        )
    ]
    assert kls[0] == pytest.approx(0.0, abs=1e-7)
    assert kls[-1] > 1e-4


def test_several_updates_a_rollout_leave_the_ratio_of_one():
    model = lora()
    config = replace(CONFIG, updates=4, steps=3, lr=5e-2, clip_low=0.05, clip_high=0.05)
    optimizer = grpo.make_optimizer(model, config)
    clipped = [
        r["clipped"]
        for *_, r in grpo.train(
            model, TOKENIZER, POOL, ([share_of_digits], [1.0]), config, optimizer
        )
    ]
    assert max(clipped) > 0


@pytest.mark.parametrize("rank", [4, 0], ids=["lora", "all weights"])
def test_it_learns(rank):
    model = models.prepare(tiny_model(vocabulary=len(TOKENIZER)), rank)
    frozen = {k: p.clone() for k, p in model.named_parameters() if not p.requires_grad}
    config = replace(CONFIG, steps=40, group=8, lr=2e-2 if rank else 1e-3)
    optimizer = grpo.make_optimizer(model, config)
    rewards = [
        float(r.rewards.mean())
        for _, r, _ in grpo.train(
            model, TOKENIZER, POOL, ([share_of_digits], [1.0]), config, optimizer
        )
    ]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.1
    assert all(torch.equal(p, dict(model.named_parameters())[k]) for k, p in frozen.items())


def test_a_resumed_run_is_the_uninterrupted_run():
    def run(model, optimizer, start, steps):
        config = replace(CONFIG, steps=steps)
        return [
            (step, roll.texts, roll.rewards.tolist(), report)
            for step, roll, report in grpo.train(
                model, TOKENIZER, POOL, ([shallow], [1.0]), config, optimizer, start
            )
        ]

    model = lora()
    optimizer = grpo.make_optimizer(model, CONFIG)
    whole = run(model, optimizer, 0, 6)
    model = lora()
    optimizer = grpo.make_optimizer(model, CONFIG)
    first = run(model, optimizer, 0, 3)
    saved = grpo.state(model, optimizer)
    model = lora(seed=9)  # another initial adapter: everything must come from the saved state
    optimizer = grpo.make_optimizer(model, CONFIG)
    grpo.restore(model, optimizer, saved)
    assert first + run(model, optimizer, 3, 6) == whole


def test_every_pass_over_the_pool_takes_each_problem_once():
    config = replace(CONFIG, prompts=8)
    drawn = [p.key for step in range(1, 11) for p in grpo.draw(POOL, config, step)]
    assert sorted(drawn[:40]) == sorted(p.key for p in POOL) == sorted(drawn[40:])
    assert drawn[:40] != drawn[40:]


def test_groups_without_variance_have_no_advantage():
    scores = torch.tensor([[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    assert losses.group_advantages(scores)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("wrong", [{"group": 1}, {"updates": 3}, {"updates": 0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError):
        replace(CONFIG, **wrong)


def test_a_kl_term_without_lora_is_refused_in_one_sentence():
    model = models.prepare(tiny_model(vocabulary=len(TOKENIZER)), 0)
    config = replace(CONFIG, beta=0.1)
    loop = grpo.train(
        model,
        TOKENIZER,
        POOL,
        ([share_of_digits], [1.0]),
        config,
        grpo.make_optimizer(model, config),
    )
    with pytest.raises(ValueError, match="needs LoRA"):
        next(loop)
