"""A stage that goes on from another one is compared with where it started, in both engines.

The reference is worked out on a second model that holds the saved stage and nothing else.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import copies, pairs, plain_descent, prepared, share_of_digits, words

from r1lab import curriculum, dpo, grpo, losses, models, policy, sft, tasks, trl_engine
from r1lab.rollouts import Rollout
from r1lab.trl_engine import Place, online

pytestmark = pytest.mark.slow

POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = grpo.Config(
    steps=1, prompts=4, group=6, max_new=16, micro_tokens=300, seed=5, beta=0.5, max_grad_norm=1e9
)
PAIRS = dpo.Config(steps=4, prompts=4, max_new=16, micro_tokens=300, seed=5)
DIGITS_ONLY = ([share_of_digits], [1.0])


@pytest.fixture
def stage(tmp_path):
    """The folder of a stage that has learnt."""
    models.save_trained(prepared(), tmp_path / "stage", "tiny")
    return tmp_path / "stage"


def gone_on(stage, reference=True):
    """A model that starts from the stage."""
    model = prepared(seed=0)
    models.go_on(model, stage, "tiny", reference=reference)
    return model


def gone_further(stage):
    """One that has learnt since, so that it has left its start and its base alike."""
    model = gone_on(stage)
    torch.manual_seed(1)
    with torch.no_grad():
        for p in models.trainable(model).values():
            p.add_(torch.randn_like(p), alpha=0.02)
    return model


def summed(model, examples) -> torch.Tensor:
    """Log-probabilities of whole completions, (pairs, 2)."""
    batch = sft.batch_of(examples)
    with torch.no_grad():
        logps, mask = policy.logps(model, batch, list(range(2 * len(examples))))
    return (logps * mask).sum(1).view(-1, 2)


def dpo_run(engine, learner, place, record=lambda _: None):
    seen = []

    def keep(update):
        seen.append(update)
        record(update)

    if engine == "trl":
        trl_engine.dpo(learner, pairs("dpo"), PAIRS, keep, place)
    else:
        for update in dpo.train(learner, pairs("dpo"), PAIRS, place.start):
            keep(update)
    return seen


@pytest.mark.parametrize("engine", ["own", "trl"])
def test_dpo_compares_with_the_start_of_the_stage(engine, stage, tmp_path):
    learner = plain_descent(model=gone_further(stage))
    examples = curriculum.uniform(
        sft.tokens(learner, pairs("dpo"), 16), PAIRS.prompts, PAIRS.seed, 1
    )
    now = summed(learner.model, examples)
    start = summed(gone_on(stage, reference=False), examples)
    with learner.model.disable_adapter():
        base = summed(learner.model, examples)
    chosen, rejected = PAIRS.beta * (now - start).T
    assert ((now - base).T[0] * PAIRS.beta - chosen).abs().max() > 0.01, "else it tells nothing"
    report = dpo_run(engine, learner, Place(tmp_path))[0].report
    assert report["chosen"] == pytest.approx(float(chosen.mean()), abs=1e-5)
    assert report["rejected"] == pytest.approx(float(rejected.mean()), abs=1e-5)
    loss = -F.logsigmoid(chosen - rejected).mean()
    assert report["loss"] == pytest.approx(float(loss), abs=1e-5)


@pytest.mark.parametrize("engine", ["own", "trl"])
def test_the_start_is_the_reference_of_a_resumed_run_too(engine, stage, tmp_path):
    saved = {}

    def save(update):
        saved[update.step] = policy.state(learner)

    learner = policy.learner(gone_on(stage), words(), 1e-2)
    whole = dpo_run(engine, learner, Place(tmp_path), save)
    assert whole[0].report["chosen"] == pytest.approx(0.0, abs=1e-6), "it starts at its reference"
    assert whole[2].report["loss"] < whole[0].report["loss"]
    last = policy.state(learner)
    learner = policy.learner(gone_on(stage), words(), 1e-2)
    policy.restore(learner, saved[2])
    assert dpo_run(engine, learner, Place(tmp_path, 2)) == whole[2:]
    again = policy.state(learner)
    assert all(torch.equal(last[k], again[k]) for k in last.keys() | again.keys())


def replayed(monkeypatch, roll: Rollout, learner, folder) -> Rollout:
    """The rollout through TRL, which samples nothing."""
    done = roll.completions
    ids, logps = (
        [row[:n] for row, n in zip(values.tolist(), done.lengths.tolist(), strict=True)]
        for values in (done.ids, done.logps)
    )
    given = {"prompt_ids": roll.batch.prompts, "completion_ids": ids, "logprobs": logps}

    class Replay(online.Trainer):
        def __init__(self, **settings):
            super().__init__(**settings, rollout_func=lambda *_: given)

    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    monkeypatch.setattr(online, "Trainer", Replay)
    seen = []
    trl_engine.grpo(learner, POOL, DIGITS_ONLY, CONFIG, seen.append, Place(folder))
    return seen[0]


def test_both_engines_pull_back_to_the_start_of_the_stage(stage, monkeypatch, tmp_path):
    """The KL term of one rollout: its value by hand, and one update of both."""
    ours, theirs = (plain_descent(model=gone_further(stage)) for _ in range(2))
    problems = curriculum.uniform(POOL, CONFIG.prompts, CONFIG.seed, 1)
    roll = grpo.rollout(ours, problems, DIGITS_ONLY, CONFIG, 1)
    rows = list(range(len(roll.texts)))
    with torch.no_grad():
        now, mask = policy.logps(ours.model, roll.batch, rows)
        start, _ = policy.logps(gone_on(stage, reference=False), roll.batch, rows)
        with ours.model.disable_adapter():
            base, _ = policy.logps(ours.model, roll.batch, rows)
    kl, other = (float(losses.kl_k3(now, ref)[mask].mean()) for ref in (start, base))
    assert abs(kl - other) > 0.05 * kl, "else it tells nothing"
    before = copies(ours.model, True)
    report = grpo.update(ours, roll, CONFIG)
    seen = replayed(monkeypatch, roll, theirs, tmp_path)
    assert report["kl"] == pytest.approx(kl, rel=1e-3)
    assert seen.report["loss"] == pytest.approx(report["loss"], abs=1e-5)
    assert seen.report["grad_norm"] == pytest.approx(report["grad_norm"], rel=1e-3)
    after = copies(ours.model, True)
    for name, p in copies(theirs.model, True).items():
        moved = after[name] - before[name]
        torch.testing.assert_close(
            p - before[name], moved, atol=1e-3 * float(moved.abs().max()) + 1e-7, rtol=0
        )


@pytest.mark.parametrize("way", ["grpo", "sft", "dpo"])
def test_trl_gives_the_model_back_with_its_reference(way, stage, tmp_path):
    model = gone_on(stage)
    learner = policy.learner(model, words(), 1e-2)
    frozen, learning = copies(model, False), copies(model, True)
    assert any(".reference." in name for name in frozen)
    if way == "grpo":
        trl_engine.grpo(learner, POOL, DIGITS_ONLY, CONFIG, lambda _: None, Place(tmp_path))
    else:
        config = {"sft": sft, "dpo": dpo}[way].Config(steps=2, prompts=4, max_new=16)
        train = getattr(trl_engine, way)
        train(learner, pairs(way), config, lambda _: None, Place(tmp_path))
    assert list(model.peft_config) == ["default", "reference"] and model.active_adapter == "default"
    assert copies(model, True).keys() == learning.keys()
    after = copies(model, False)
    assert after.keys() == frozen.keys()
    assert all(torch.equal(p, frozen[name]) for name, p in after.items())
    assert not any(torch.equal(p, learning[name]) for name, p in copies(model, True).items())


def test_the_reference_keeps_its_own_scale(stage, tmp_path):
    """A merged stage's adapter is not scaled like one that is made here."""
    config = stage / "adapter_config.json"
    text = config.read_text()
    assert '"lora_alpha": 8' in text
    config.write_text(text.replace('"lora_alpha": 8', '"lora_alpha": 4'))
    reports = []
    for engine in ("own", "trl"):
        learner = plain_descent(model=gone_further(stage))
        config = replace(PAIRS, steps=1)
        keep = reports.append
        if engine == "own":
            keep(next(dpo.train(learner, pairs("dpo"), config)))
        else:
            trl_engine.dpo(learner, pairs("dpo"), config, keep, Place(tmp_path))
    ours, theirs = (each.report for each in reports)
    assert theirs["chosen"] == pytest.approx(ours["chosen"], abs=1e-5)
