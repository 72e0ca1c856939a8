"""GRPO's remaining choices: a reference set anew, one sign of the advantages, an optimizer that
begins anew, what a problem pulls, a critic's price, rates."""

from dataclasses import replace

import evidence_02
import pytest
import torch
from helpers import fresh, prepared, share_of_digits

from r1lab import critic, experiments, grpo, models, policy, records, rewards, tasks
from r1lab.claims import ledger
from r1lab.claims.verdicts import judge
from r1lab.experiments import critic_cost, difficulty, ranks
from r1lab.experiments.rewards import turns
from r1lab.running import settings
from r1lab.running.settings import Options

POOL = tasks.problems("countdown", 40, seed=3)
DIGITS = ([share_of_digits], [1.0])
CONFIG = grpo.Config(
    steps=6, prompts=4, group=6, max_new=24, lr=1e-2, micro_tokens=4096, seed=5, beta=0.1,
    reference_every=3,
)  # fmt: skip
CLAIMS = {claim.id: claim for claim in ledger.load()}


@pytest.mark.parametrize("name", evidence_02.THREE_WAYS)
def test_a_verdict_comes_out_in_three_ways(name):
    read = experiments.named(CLAIMS[name].experiment).evidence[name]
    found = [judge(CLAIMS[name], read(arms)).letter for arms in evidence_02.THREE_WAYS[name]]
    assert found == ["R", "N", "I"]


# -- a reference set anew ---------------------------------------------------------------


def test_a_reference_set_anew_is_the_policy_of_that_step():
    """The KL is 0 at steps 1 and 4, where the policy has just become the reference, and nowhere
    else; to a fixed one it never is, since this learner has left its base."""
    for every, zero in ((3, [1, 4]), (0, [])):
        config = replace(CONFIG, reference_every=every)
        seen = grpo.train(fresh(lr=config.lr), POOL, DIGITS, config)
        assert [roll.step for roll in seen if roll.report["kl"] < 1e-9] == zero


def test_the_reference_is_what_it_was_when_it_was_set():
    model = prepared()
    then = {name: p.detach().clone() for name, p in models.trainable(model).items()}
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        before = model(input_ids=ids).logits
        models.refer(model, then)
        for p in models.trainable(model).values():
            p.add_(0.05)
        moved = model(input_ids=ids).logits
        with models.reference(model):
            assert torch.equal(model(input_ids=ids).logits, before)
        assert torch.equal(model(input_ids=ids).logits, moved)
    assert not torch.allclose(moved, before, atol=1e-3)
    assert models.trainable(model).keys() == then.keys()


@pytest.mark.parametrize("stop", [2, 3, 4])
@pytest.mark.parametrize(
    "priced", [{}, {"gae": 0.95, "kl_in_reward": True}], ids=["loss", "reward"]
)
def test_a_run_that_was_stopped_goes_on_with_its_reference(stop, priced):
    def learner(**more):
        return critic.beside(fresh(**more), CONFIG.lr) if priced else fresh(**more)

    def lines(learner, start, steps):
        config = replace(CONFIG, steps=steps, **priced)
        return [roll.report for roll in grpo.train(learner, POOL, DIGITS, config, start)]

    whole = lines(learner(), 0, 6)
    stopped, other = learner(), learner(seed=9)
    first = lines(stopped, 0, stop)
    policy.restore(other, policy.state(stopped))
    assert first + lines(other, stop, 6) == whole


@pytest.mark.parametrize("wrong", [{"reference_every": -1}, {"beta": 0.0}])
def test_a_reference_that_nobody_asks_is_refused(wrong):
    with pytest.raises(ValueError, match="reference"):
        replace(CONFIG, **wrong)


def test_a_reference_set_anew_needs_lora():
    with pytest.raises(ValueError, match="LoRA"):
        models.refer(prepared(rank=0), {})


# -- answers of one sign, and an optimizer that begins anew ------------------------------


@pytest.mark.parametrize("loss", [{"loss": "grpo"}, {"loss": "kimi", "scale": "none", "tau": 0.1}])
def test_better_and_worse_answers_pull_together_like_all(loss):
    """Before the first update every ratio is 1, and the gradient is linear in the advantages."""
    free = replace(CONFIG, beta=0.0, reference_every=0, max_grad_norm=1e9, **loss)
    found = {}
    for kind in ("all", "better", "worse"):
        config = replace(free, learn_from=kind)
        learner = fresh(lr=0.0)
        kept = []
        learner.optimizer.step = lambda kept=kept, learner=learner: kept.extend(
            p.grad.clone().flatten() for p in models.trainable(learner.model).values()
        )
        grpo.update(learner, grpo.rollout(learner, POOL[:4], DIGITS, config, step=1), config)
        found[kind] = torch.cat(kept)
    assert found["better"].norm() > 0 and found["worse"].norm() > 0
    assert torch.allclose(found["better"] + found["worse"], found["all"], atol=1e-6)
    assert not torch.allclose(found["better"], found["all"], atol=1e-3)


def test_an_unknown_choice_of_answers_is_refused():
    with pytest.raises(ValueError, match="better, worse"):
        replace(CONFIG, learn_from="best")


@pytest.mark.parametrize("anew", [True, False])
def test_a_fresh_optimizer_knows_nothing_of_the_rollout_before(anew):
    """Its second step is that of a learner that has the same weights and never made a first."""
    config = replace(CONFIG, beta=0.0, reference_every=0, fresh_optimizer=anew)
    old, new = fresh(lr=config.lr), fresh(lr=config.lr)
    grpo.update(old, grpo.rollout(old, POOL[:4], DIGITS, config, step=1), config)
    weights = {k: t for k, t in policy.state(old).items() if k.startswith("weight/")}
    policy.restore(new, weights)
    for learner in (old, new):
        grpo.update(learner, grpo.rollout(learner, POOL[4:8], DIGITS, config, step=2), config)
    pairs = zip(*(models.trainable(one.model).values() for one in (old, new)), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs) == anew


@pytest.mark.parametrize(("then", "now"), [(False, "kimi"), (True, "better-only")])
def test_a_run_of_before_says_what_it_learnt_from(then, now):
    new = settings.plan(experiments.named("kimi"), Options(now, "cpu")).record
    (stage,) = new["stages"]
    stage = {k: v for k, v in stage.items() if k not in ("learn_from", "fresh_optimizer")}
    old = new | {"version": 9, "stages": [stage | {"only_better": then}]}
    assert records.configs.upgraded(old) == new


# -- what a problem pulls ---------------------------------------------------------------


def test_a_problem_pulls_with_the_gradient_of_its_own_step(monkeypatch):
    """Both norms are those of `grpo.update`'s gradient on this group alone."""
    rewards_of = ([share_of_digits], [1.0])
    monkeypatch.setattr(rewards, "reward_set", lambda name: rewards_of)
    config = grpo.Config(prompts=1, group=6, max_new=24, seed=5, max_grad_norm=1e9)
    learner = fresh(lr=0.0)
    found = difficulty.pull(learner, POOL[0], config, step=3)
    for got, scale in zip(found, ("none", "group"), strict=True):
        scaled = replace(config, scale=scale)
        roll = grpo.rollout(learner, POOL[:1], rewards_of, scaled, step=3)
        assert got == pytest.approx(grpo.update(learner, roll, scaled)["grad_norm"], rel=1e-4)


def test_a_group_that_is_all_wrong_pulls_nothing():
    config = grpo.Config(prompts=1, group=4, max_new=8, seed=5)
    assert difficulty.pull(fresh(), POOL[0], config, step=1) == (0.0, 0.0)


def test_shares_by_hand():
    """Norms 1, 2 and 3 of a hard, a middle and an easy problem: four of six."""
    found = {"rates": [0.1, 0.5, 0.95], "plain": [1.0, 2.0, 3.0], "divided": [4.0, 2.0, 2.0]}
    assert difficulty.share(found, "plain") == pytest.approx(4 / 6)
    assert difficulty.share(found, "divided") == pytest.approx(6 / 8)
    assert [difficulty.kind(rate) for rate in (0.0, 0.1, 0.11, 0.89, 0.9)] == [
        "hard", "hard", "middle", "middle", "easy",
    ]  # fmt: skip


def test_half_of_the_problems_have_each_size_and_none_is_asked_twice():
    found = difficulty.mixed(12, 64, seed=1)
    assert [len(p.numbers) for p in found] == [3] * 6 + [4] * 6 and len(set(found)) == 12


# -- a critic's price -------------------------------------------------------------------


def test_a_critic_holds_as_much_again_and_its_head():
    """All weights: four numbers for each that learns, and 33 more learn with a critic of width 32.
    LoRA: what does not learn counts once."""
    learner = fresh(rank=0)
    count = sum(p.numel() for p in learner.model.parameters())
    both = critic_cost._both(learner)
    assert critic_cost.held(both["grpo"]) * 2**20 == 16 * count
    assert critic_cost.held(both["ppo"]) * 2**20 == 16 * (2 * count + 33)
    thin = fresh(rank=4)
    learns = sum(p.numel() for p in models.trainable(thin.model).values())
    assert critic_cost.held(thin) * 2**20 == pytest.approx(4 * (count + 4 * learns))


def test_at_a_rate_of_0_both_ways_sample_the_same():
    both = critic_cost._both(fresh(lr=0.0))
    seen = []
    for step in (1, 2):
        texts = []
        for way, learner in both.items():
            more = critic_cost.WAYS[way]
            config = grpo.Config(prompts=2, group=4, max_new=16, updates=2, lr=0.0, **more)
            roll = grpo.rollout(learner, POOL[:2], DIGITS, config, step)
            grpo.update(learner, roll, config)
            texts.append(roll.texts)
        seen.append(texts)
    assert all(one == other for one, other in seen) and seen[0] != seen[1]


# -- rates, and where a curve turns -------------------------------------------------------


def test_a_seed_has_no_say_in_its_own_rate():
    """The first rate is better in training by one seed alone: for that seed the others choose the
    second, for the others it tips the mean."""
    trained = [(1.0, 0.1), (0.4, 0.5), (0.4, 0.5)]
    runs = [tuple(evidence_02.ended(0, 0.5, share) for share in pair) for pair in trained]
    assert [ranks.best(runs, seed) for seed in range(3)] == [1, 0, 0]


def test_turns_by_hand():
    """Shortest at step 2; right 40 of 60 well-formed ones, more than half, first at step 3."""
    assert turns([9, 5, 7, 8], [0, 20, 40, 50], [50, 60, 60, 60]) == (2, 3)
    assert turns([5, 5, 5], [0, 0, 0], [90, 90, 90]) == (1, 4)  # never: one more than all
    assert turns([5, 4], [0, 10], [0, 5]) == (2, 2)  # right without its form counts as well
