"""PPO: advantages with a learned value, and a critic that learns beside the policy."""

from dataclasses import replace

import pytest
import torch
from helpers import copies, fresh, share_of_digits

from r1lab import critic, experiments, grpo, losses, models, policy, records, tasks
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.trl_engine import online

POOL = tasks.problems("countdown", 40, seed=3)
DIGITS = ([share_of_digits], [1.0])
CONFIG = grpo.Config(
    steps=30, prompts=4, group=6, max_new=24, lr=1e-2, micro_tokens=4096, seed=5, gae=0.95, updates=2
)  # fmt: skip


def learner(config=CONFIG):
    return critic.beside(fresh(lr=config.lr), config.lr)


def rolled(config=CONFIG, learns=None):
    learns = learns or learner(config)
    return learns, grpo.rollout(learns, POOL[: config.prompts], DIGITS, config, step=1)


# -- advantages -------------------------------------------------------------------------


def test_three_tokens_by_hand():
    """Values 0.2, 0.5, 0.4 and a reward of 1 at the end: surprises 0.3, -0.1, 0.6."""
    values = torch.tensor([[0.2, 0.5, 0.4]])
    rewards, mask = torch.tensor([[0.0, 0.0, 1.0]]), torch.ones(1, 3)
    for lam, wanted in ((0.0, [0.3, -0.1, 0.6]), (0.5, [0.4, 0.2, 0.6]), (1.0, [0.8, 0.5, 0.6])):
        got = losses.gae(rewards, values, mask, lam)
        assert got[0].tolist() == pytest.approx(wanted, abs=1e-6)


def test_a_mixture_of_returns_over_all_horizons():
    """The definition before it is summed up: (1 - lam) sum of lam^(n-1) * (n-step return - V),
    the whole return with what weight is left."""
    torch.manual_seed(0)
    T, lam = 7, 0.8
    rewards, values = torch.randn(T, dtype=torch.float64), torch.randn(T, dtype=torch.float64)
    got = losses.gae(rewards[None], values[None], torch.ones(1, T), lam)[0]
    for t in range(T):
        after = [*values[t + 1 :].tolist(), 0.0]
        steps = [rewards[t : t + n].sum() + after[n - 1] for n in range(1, T - t + 1)]
        weights = [(1 - lam) * lam ** (n - 1) for n in range(1, T - t)] + [lam ** (T - t - 1)]
        mixed = sum(w * s for w, s in zip(weights, steps, strict=True))
        assert float(got[t]) == pytest.approx(float(mixed - values[t]), abs=1e-12)


def test_what_stands_in_the_padding_is_not_read():
    torch.manual_seed(1)
    rewards, values = torch.randn(2, 6), torch.randn(2, 6)
    mask = torch.arange(6) < torch.tensor([[6], [3]])
    whole = losses.gae(rewards, values, mask, 0.9)
    alone = losses.gae(rewards[1:, :3], values[1:, :3], mask[1:, :3], 0.9)
    assert torch.allclose(whole[1, :3], alone[0]) and (whole[1, 3:] == 0).all()
    white = losses.whitened(whole, mask)
    assert float(white[mask].mean()) == pytest.approx(0, abs=1e-6) and (white[~mask] == 0).all()
    assert float(white[mask].std()) == pytest.approx(1, abs=1e-5)


# -- the critic -------------------------------------------------------------------------


def test_a_fresh_critic_expects_nothing_so_all_tokens_share_the_reward():
    """Values of 0 and lambda 1: each token's advantage is its completion's reward, before they are
    whitened; and that is what the critic should have said."""
    learns, roll = rolled(replace(CONFIG, gae=1.0))
    each, wanted = roll.per_token
    mask = roll.completions.mask
    expected = roll.rewards.flatten()[:, None].expand(mask.shape)[mask]
    assert torch.allclose(wanted[mask], expected) and (wanted[~mask] == 0).all()
    order = torch.corrcoef(torch.stack([each[mask], expected]))[0, 1]
    assert float(order) == pytest.approx(1, abs=1e-5)
    first = roll.advantages.flatten()[0]
    assert float(first) == pytest.approx(float(each[0][mask[0]].mean()), abs=1e-5)


def test_the_price_of_kl_is_paid_where_it_arises():
    config = replace(CONFIG, gae=0.0, beta=0.5, kl_in_reward=True)
    learns, roll = rolled(config)
    batch, mask = roll.batch, roll.completions.mask
    with torch.no_grad(), models.reference(learns.model):
        ref, _ = policy.logps(learns.model, batch, list(range(len(roll.texts))))
    with torch.no_grad():
        now, _ = policy.logps(learns.model, batch, list(range(len(roll.texts))))
    paid = -0.5 * (now - ref)
    paid[torch.arange(len(mask)), mask.sum(1) - 1] += roll.rewards.flatten()
    # values are 0 and lambda is 0: what is earned at a token is all there is
    assert torch.allclose(roll.per_token[1][mask], paid[mask], atol=1e-4)
    report = grpo.update(learns, roll, config)
    assert report["kl"] > 0


def test_the_critic_comes_closer_to_what_it_should_say_and_leaves_the_policy_alone():
    learns, roll = rolled()
    policy_before = copies(learns.model, learn=True)
    misses = [
        critic.learn(learns, roll.batch, list(range(len(roll.texts))), roll.per_token[1], CONFIG)
        for _ in range(40)
    ]
    assert misses[-1] < 0.5 * misses[0]
    after = copies(learns.model, learn=True)
    assert all(torch.equal(after[k], policy_before[k]) for k in after)


def test_micro_batches_do_not_change_the_critics_step():
    moved = []
    for tokens in (4096, 80):
        learns, roll = rolled()
        rows = list(range(len(roll.texts)))
        config = replace(CONFIG, micro_tokens=tokens)
        critic.learn(learns, roll.batch, rows, roll.per_token[1], config)
        moved.append(copies(learns.critic.model, learn=True))
    for name, whole in moved[0].items():
        assert torch.allclose(whole, moved[1][name], atol=1e-5), name


def test_ppo_learns_what_pays():
    """All weights of a random model: from 44 % such numbers to nothing else, and the critic knows."""
    learns = critic.beside(fresh(rank=0, lr=CONFIG.lr), CONFIG.lr)
    seen = list(grpo.train(learns, POOL, DIGITS, CONFIG))
    assert float(seen[0].rewards.mean()) < 0.5 and float(seen[-1].rewards.mean()) > 0.95
    assert seen[-1].report["critic_error"] < 0.05


def test_state_and_restore_hold_the_critic_too():
    config = replace(CONFIG, steps=4)
    whole, halves = learner(config), learner(config)
    for _ in grpo.train(whole, POOL, DIGITS, config):
        pass
    for roll in grpo.train(halves, POOL, DIGITS, config):
        if roll.step == 2:
            saved = policy.state(halves)
            break
    later = learner(config)
    policy.restore(later, saved)
    for _ in grpo.train(later, POOL, DIGITS, config, start=2):
        pass
    ends = policy.state(whole), policy.state(later)
    assert ends[0].keys() == ends[1].keys()
    assert any(name.startswith("critic:weight/head") for name in ends[0])
    assert all(torch.equal(ends[0][k], ends[1][k]) for k in ends[0])


@pytest.mark.parametrize(
    ("settings", "words_of_it"),
    [
        ({"gae": 1.5}, "between 0 and 1"),
        ({"kl_in_reward": True}, "needs gae and a beta"),
        ({"gae": 0.9, "learn_from": "better"}, "completions"),
        ({"gae": 0.9, "loss": "kimi", "scale": "none"}, "completions"),
        ({"credit": "reachable", "draw": "dynamic"}, "one advantage an answer"),
        ({"baseline": "batch"}, "set scale to none or batch"),
        ({"baseline": "none"}, "set scale to none or batch"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(settings, words_of_it):
    with pytest.raises(ValueError, match=words_of_it):
        grpo.Config(**settings)


def test_half_precision_and_trl_have_no_critic(tmp_path):
    half = fresh()
    half.model.half()
    with pytest.raises(ValueError, match="float32"):
        critic.beside(half, 1e-3)
    with pytest.raises(ValueError, match="gae"):
        online.settings(fresh().model, CONFIG, 64, records.Place(tmp_path))


@pytest.mark.slow
def test_a_run_with_a_critic_is_killed_and_goes_on(tmp_path):
    """The same lines and the same weights, the critic's included."""
    small = {"steps": 4, "prompts": 4, "group": 4, "max_new": 48, "eval_problems": 8, "gae": 1.0}
    chosen = Options("rule", "cpu", 3, small)
    zero = experiments.named("habits")

    class Stop(Exception):
        pass

    def stop(now):
        if now.step == 2:
            raise Stop

    run(zero, chosen, tmp_path / "whole", watch=lambda now: None)
    with pytest.raises(Stop):
        run(zero, chosen, tmp_path / "cut", watch=stop)
    run(zero, chosen, tmp_path / "cut", resume=True, watch=lambda now: None)
    for name in ("metrics.jsonl", "trained/adapter_model.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    line = records.load_run(tmp_path / "whole").metrics[-1]
    assert line["critic_error"] > 0
