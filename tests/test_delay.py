"""Rewards that come late: whose completions an update learns from, what it does with them, and that
a stop in between loses none."""

from dataclasses import replace

import pytest
import torch
from helpers import share_of_digits, tiny_model

from r1lab import curriculum, experiments, grpo, models, policy, records, rollouts, tasks
from r1lab.running import settings
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tiny_world import pretrain

TOKENIZER = pretrain.wrap_tokenizer()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = grpo.Config(steps=6, prompts=4, group=6, max_new=24, lr=2e-2, seed=5)
DIGITS = [share_of_digits], [1.0]


def learner(seed=0, rank=4, lr=CONFIG.lr):
    model = models.prepare(tiny_model(vocabulary=len(TOKENIZER)), rank, seed)
    return policy.learner(model, TOKENIZER, lr)


def told(roll):
    return roll.step, roll.texts, roll.rewards.tolist(), roll.report


@pytest.mark.parametrize("delay", [0, 1, 3, 100])
def test_an_update_learns_from_what_the_policy_wrote_so_many_updates_before(delay):
    """Asked again: a policy that is put back to each of the states it has been in."""
    learns, again = learner(), learner(seed=9)
    config = replace(CONFIG, delay=delay)
    states, seen = [policy.state(learns)], []
    for roll in grpo.train(learns, POOL, DIGITS, config):
        seen.append(roll)
        states.append(policy.state(learns))
    written = []
    for step, roll in enumerate(seen, 1):
        bare = states[max(0, step - 1 - delay)]
        policy.restore(again, {k: t for k, t in bare.items() if not k.startswith("waiting:")})
        problems = curriculum.uniform(POOL, config.prompts, config.seed, step)
        found = rollouts.sample(again, problems, config, step)
        assert (roll.step, roll.problems, roll.texts) == (step, problems, found.texts)
        assert torch.equal(roll.completions.logps, found.completions.logps)
        written.append(found.texts)
    assert not learns.waiting, "more was sampled than learnt from"
    moved = rollouts.sample(learns, seen[-1].problems, config, 6)
    assert moved.texts != written[-1], "nothing was learnt, so the test could not fail"


def test_the_first_update_is_that_of_rewards_at_once():
    """Nothing has moved yet. The ratio is 1 then, but for the rounding of the sampler."""
    ends = []
    for delay in (0, 3):
        learns = learner()
        roll = next(grpo.train(learns, POOL, DIGITS, replace(CONFIG, delay=delay)))
        ends.append((roll, policy.state(learns)))
    (one, now), (late, then) = ends
    assert one.texts == late.texts and late.report["stale"] < 1e-4
    assert late.report["grad_norm"] == pytest.approx(one.report["grad_norm"], rel=1e-3)
    assert one.report["logp_gap"] < 1e-4 and "logp_gap" not in late.report
    assert sorted(then.keys() - now.keys())[0] == "waiting:2/ended"


class Kept(torch.optim.SGD):
    """An optimizer that does not move and keeps the gradients for the test to see."""

    def zero_grad(self, set_to_none=True):
        self.seen = [p.grad.clone() for g in self.param_groups for p in g["params"]]


def each_token(model, roll, row):
    """(T,) log-probabilities of a completion's tokens, from all logits of the model."""
    prompt = roll.sampled.prompts[row // roll.group_size]
    written = roll.completions.ids[row, : roll.completions.lengths[row]].tolist()
    logits = model(input_ids=torch.tensor([prompt + written])).logits[0, len(prompt) - 1 : -1]
    return logits.log_softmax(-1).gather(1, torch.tensor(written)[:, None])[:, 0]


def test_a_stale_token_counts_by_its_ratio_until_the_clip_takes_it():
    """Worked out token by token without the surrogate: A times the ratio times the gradient of the
    log-probability, and nothing where the clip holds."""
    config = replace(CONFIG, delay=1, steps=2, max_grad_norm=1e9)
    _, late = grpo.train(learner(), POOL, DIGITS, config)  # written by the base, too
    base, once = learner().model, learner()
    next(grpo.train(once, POOL, DIGITS, config))
    model = once.model  # where the second update starts
    advantages = late.advantages.flatten()
    model.zero_grad()
    ratios, taken, gaps = [], 0, []
    for row in range(len(advantages)):
        now = each_token(model, late, row)
        with torch.no_grad():
            ratio = (now - each_token(base, late, row)).exp()
        a = float(advantages[row])
        free = ratio <= 1.2 if a > 0 else ratio >= 0.8
        taken += int((~free).sum()) if a else 0
        gaps += ratio.log().abs().tolist() if a else []
        ratios += ratio.tolist()
        (-a * (ratio * free * now).sum() / (len(now) * len(advantages))).backward()
    assert min(ratios) < 0.95 and max(ratios) > 1.05 and taken
    wanted = [p.grad.clone() for p in models.trainable(model).values()]
    kept = Kept(models.trainable(model).values(), lr=0.0)
    report = grpo.update(policy.Learner(model, TOKENIZER, kept), late, config)
    for expected, found in zip(wanted, kept.seen, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=2e-3)
    assert report["clipped"] * int(late.completions.lengths.sum()) == pytest.approx(taken)
    assert report["stale"] == pytest.approx(sum(gaps) / len(gaps), rel=1e-3)
    assert report["stale"] == pytest.approx(late.report["stale"], rel=1e-3)


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_what_waits_is_part_of_the_state(stop):
    config = replace(CONFIG, delay=2)
    whole = [told(roll) for roll in grpo.train(learner(), POOL, DIGITS, config)]
    halved, first = learner(), []
    for roll in grpo.train(halved, POOL, DIGITS, config):
        first.append(told(roll))
        if roll.step == stop:
            saved = policy.state(halved)
            break
    other = learner(seed=9)
    list(grpo.train(other, POOL, DIGITS, replace(config, steps=1, delay=0)))
    other.waiting[99] = halved.waiting.get(stop + 1)  # of another run: the state replaces it
    policy.restore(other, saved)
    rest = [told(roll) for roll in grpo.train(other, POOL, DIGITS, config, stop)]
    assert first + rest == whole and not other.waiting


def test_it_learns_from_late_rewards():
    config = replace(CONFIG, steps=40, group=8, delay=4, lr=1e-3)
    learns = learner(rank=0, lr=config.lr)
    paid = [float(roll.rewards.mean()) for roll in grpo.train(learns, POOL, DIGITS, config)]
    assert sum(paid[-3:]) / 3 > sum(paid[:3]) / 3 + 0.1


def test_rewards_cannot_come_early():
    with pytest.raises(ValueError, match="not -1"):
        replace(CONFIG, delay=-1)
    judge = experiments.named("judge")
    with pytest.raises(ValueError, match="not -2"):
        settings.plan(judge, Options("rule", "cpu", 0, settings.parse(["delay=-2"], judge)))
    chosen = settings.plan(judge, Options("rule", "cpu", 0, settings.parse(["delay=4"], judge)))
    assert chosen.legs[0].config.delay == chosen.record["stages"][0]["delay"] == 4


def test_the_arms_differ_from_rewards_at_once_in_the_delay_alone():
    late = experiments.named("delay")
    plans = [settings.plan(experiments.named("judge"), Options("rule", "cpu"))]
    plans += [settings.plan(late, Options(arm.name, "cpu")) for arm in late.arms]
    configs = [plan.legs[0].config for plan in plans]
    assert [config.delay for config in configs] == [0, 1, 4, 16]
    assert {replace(config, delay=0) for config in configs} == {configs[0]}
    assert len({(p.preset, p.legs[0].reward) for p in plans}) == 1


def test_a_run_that_could_not_be_late_reads_as_one_that_was_not():
    new = settings.plan(experiments.named("form"), Options("untidy", "cpu")).record
    stages = [{k: v for k, v in stage.items() if k != "delay"} for stage in new["stages"]]
    old = new | {"version": 5, "stages": stages}
    assert records.configs.upgraded(old) == new
    assert [stage.get("delay") for stage in new["stages"]] == [None, 0]


def test_trl_refuses_late_rewards(tmp_path):
    from r1lab.trl_engine import online

    with pytest.raises(ValueError, match="no late rewards"):
        online.settings(learner().model, replace(CONFIG, delay=2), 64, records.Place(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 4])
def test_a_run_with_late_rewards_is_stopped_and_goes_on(tmp_path, step):
    """The same lines and the same weights; step 4 of 5 is behind the last one that is sampled."""
    small = {"steps": 5, "prompts": 4, "group": 4, "max_new": 48, "eval_problems": 8}
    chosen = Options("delay-1", "cpu", 3, small | {"delay": 2})
    late = experiments.named("delay")

    class Stop(Exception):
        pass

    def stop(now):
        if now.step == step:
            raise Stop

    run(late, chosen, tmp_path / "whole", watch=lambda now: None)
    with pytest.raises(Stop):
        run(late, chosen, tmp_path / "cut", watch=stop)
    run(late, chosen, tmp_path / "cut", resume=True, watch=lambda now: None)
    for name in ("metrics.jsonl", "samples.jsonl", "trained/adapter_model.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert records.load_run(tmp_path / "cut").metrics[-1]["stale"] > 0
