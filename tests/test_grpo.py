"""The trainer from scratch: its gradient, its invariances, and that it really learns."""

from dataclasses import replace

import pytest
import torch
from helpers import share_of_digits, tiny_model

from r1lab import curriculum, grpo, losses, models, policy, tasks
from r1lab.grpo import Config
from r1lab.tiny_world import pretrain

TOKENIZER = pretrain.wrap_tokenizer()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = Config(steps=4, prompts=4, group=6, max_new=24, lr=1e-2, micro_tokens=4096, seed=5)


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


def learner(config, seed=0):
    return policy.learner(lora(seed), TOKENIZER, config.lr)


def train(learner, config, reward=share_of_digits, start=0):
    return grpo.train(learner, POOL, ([reward], [1.0]), config, start)


def step_gradient(config, reward=share_of_digits):
    model = lora()
    optimizer = Kept(models.trainable(model).values(), lr=0.0)
    learns = policy.Learner(model, TOKENIZER, optimizer)
    roll = grpo.rollout(learns, POOL[: config.prompts], ([reward], [1.0]), config, step=1)
    report = grpo.update(learns, roll, replace(config, max_grad_norm=1e9))
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
        prompt = roll.sampled.prompts[row // config.group]
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
    logps, mask = policy.logps(model, roll.batch, list(range(len(roll.texts))))
    torch.testing.assert_close(logps[mask], roll.completions.logps[mask], atol=1e-4, rtol=0)


def test_the_kl_term_is_zero_at_the_start_and_pulls_back_later():
    config = replace(CONFIG, beta=0.1)
    kls = [roll.report["kl"] for roll in train(learner(config), config)]
    assert kls[0] == pytest.approx(0.0, abs=1e-7)
    assert kls[-1] > 1e-4


def test_several_updates_a_rollout_leave_the_ratio_of_one():
    config = replace(CONFIG, updates=4, steps=3, lr=5e-2, clip_low=0.05, clip_high=0.05)
    assert max(roll.report["clipped"] for roll in train(learner(config), config)) > 0


@pytest.mark.parametrize("loss", ["grpo", "dapo", "gspo", "printed", "kimi"])
@pytest.mark.parametrize("updates", [1, 4])
@pytest.mark.slow
def test_nothing_that_is_logged_depends_on_the_micro_batches(loss, updates):
    """Clipping hard, with a KL term, so that all numbers are at work."""
    config = replace(CONFIG, loss=loss, updates=updates, lr=5e-2, beta=0.05, steps=1)
    if loss != "kimi":
        config = replace(config, clip_low=0.02, clip_high=0.02)
    found = []
    for micro_tokens in (10**6, 80):
        (roll,) = train(learner(config), replace(config, micro_tokens=micro_tokens))
        found.append(roll.report)
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, rel=2e-3, abs=1e-6), name
    assert updates == 1 or loss == "kimi" or found[0]["clipped"] > 0


def test_the_clipped_share_is_of_all_tokens_of_the_step():
    """Worked out from the policy before and after the first of two updates, row by row."""
    config = replace(CONFIG, updates=2, lr=5e-2, clip_low=0.02, clip_high=0.02, steps=1)
    learns = learner(config)
    roll = grpo.rollout(learns, POOL[:4], ([share_of_digits], [1.0]), config, step=1)
    half = len(roll.texts) // 2
    first = replace(
        roll, advantages=torch.cat([roll.advantages[:2], torch.zeros_like(roll.advantages[2:])])
    )
    before = policy.state(learns)
    grpo.update(learns, first, replace(config, updates=1))  # only the first half moves it
    moved = policy.frozen_logps(learns, roll.batch, config)
    fresh = learner(config)
    policy.restore(fresh, before)
    report = grpo.update(fresh, roll, config)
    done = roll.completions
    count = 0
    for row in range(half, 2 * half):
        advantage = float(roll.advantages.flatten()[row])
        for t in range(int(done.lengths[row])):
            ratio = float((moved[row, t] - done.logps[row, t]).exp())
            count += (ratio > 1.02 and advantage > 0) or (ratio < 0.98 and advantage < 0)
    assert count > 0
    # the halves' divisors differ from the whole step's by the same factor: Adam does not see it
    assert report["clipped"] == pytest.approx(count / int(done.lengths.sum()), abs=0.02)


def test_trainer_and_sampler_agree_and_it_is_logged():
    *_, report, _ = step_gradient(CONFIG)
    assert 0 <= report["logp_gap"] < 1e-4
    model, roll, *_ = step_gradient(CONFIG)
    done = roll.completions
    other = replace(done, logps=done.logps - 0.25 * done.mask)  # as if the sampler had been off
    moved = replace(roll, sampled=replace(roll.sampled, completions=other))
    learns = policy.Learner(model, TOKENIZER, Kept(models.trainable(model).values(), lr=0.0))
    assert grpo.update(learns, moved, CONFIG)["logp_gap"] == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize("updates", [1, 2])
def test_truncated_importance_sampling_weighs_each_token_up_to_the_bound(updates):
    """A sampler that was off by log 3 on half of the tokens: these count 3 times, or 2 if that is
    the most. Worked out row by row, without the surrogate: with a rate of 0 all ratios are 1."""
    config = replace(CONFIG, updates=updates, lr=0.0)
    model, roll, *_ = step_gradient(CONFIG)
    done = roll.completions
    off = torch.zeros(done.logps.shape).masked_fill(
        torch.arange(done.ids.shape[1]) % 2 == 0, 1.0986123
    )
    other = replace(done, logps=done.logps - off * done.mask)
    roll = replace(roll, sampled=replace(roll.sampled, completions=other))
    for most, weight in ((5.0, 3.0), (2.0, 2.0)):
        model.zero_grad()
        rows = list(range(len(roll.texts)))[-(len(roll.texts) // updates) :]  # the last update's
        logps, mask = policy.logps(model, roll.batch, rows)
        weights = torch.where(off[rows][:, : mask.shape[1]] > 0, weight, 1.0)
        gain = roll.advantages.flatten()[rows][:, None] * weights
        per_row = (gain * logps * mask).sum(1) / mask.sum(1)
        (-per_row.mean()).backward()
        wanted = gradients(model)
        kept = Kept(models.trainable(model).values(), lr=0.0)
        learns = policy.Learner(model, TOKENIZER, kept)
        grpo.update(learns, roll, replace(config, truncate=most, max_grad_norm=1e9))
        for expected, found in zip(wanted.values(), kept.seen, strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("rank", [4, 0], ids=["lora", "all weights"])
@pytest.mark.slow
def test_it_learns(rank):
    """LoRA moves a base, which is no random model: there it has next to nothing to hold on to."""
    start = models.load("rich")[0] if rank else tiny_model(vocabulary=len(TOKENIZER))
    model = models.prepare(start, rank)
    frozen = {k: p.clone() for k, p in model.named_parameters() if not p.requires_grad}
    config = replace(CONFIG, steps=30 if rank else 40, group=8, lr=5e-3 if rank else 1e-3)
    learns = policy.learner(model, TOKENIZER, config.lr)
    rewards = [float(roll.rewards.mean()) for roll in train(learns, config)]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.1
    assert all(torch.equal(p, dict(model.named_parameters())[k]) for k, p in frozen.items())


def test_a_resumed_run_is_the_uninterrupted_run():
    def run(learner, start, steps):
        config = replace(CONFIG, steps=steps)
        return [
            (roll.step, roll.texts, roll.rewards.tolist(), roll.report)
            for roll in train(learner, config, shallow, start)
        ]

    whole = run(learner(CONFIG), 0, 6)
    stopped = learner(CONFIG)
    first = run(stopped, 0, 3)
    saved = policy.state(stopped)
    other = learner(CONFIG, seed=9)  # another adapter: everything must come from the saved state
    policy.restore(other, saved)
    assert first + run(other, 3, 6) == whole


def test_every_pass_over_the_pool_takes_each_problem_once():
    drawn = [p.key for step in range(1, 11) for p in curriculum.uniform(POOL, 8, CONFIG.seed, step)]
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
    with pytest.raises(ValueError, match="needs LoRA"):
        next(train(policy.learner(model, TOKENIZER, config.lr), config))
