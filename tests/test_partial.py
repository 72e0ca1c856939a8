"""Partial rollouts: what is written in pieces is what the policies of those steps would write, each
group is learnt from once and in order, and a stop in between loses no piece."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from helpers import fresh, share_of_digits

from r1lab import curriculum, experiments, grpo, partial, policy, records, tasks
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.sampler import Completions

POOL = tasks.problems("countdown", 12, seed=3)
CONFIG = grpo.Config(
    steps=6, prompts=3, group=4, max_new=24, piece=8, lr=2e-2, seed=5, loss="kimi", scale="none"
)
DIGITS = [share_of_digits], [1.0]


def numbered(number):
    return POOL[number % len(POOL)]


class Script:
    """In the place of the sampler: completion k of a prompt has a length that a plan says, and its
    tokens count what was written so far, so that a lost or doubled piece shows."""

    plan: dict = {}
    calls: list = []

    def __init__(self, model):
        pass

    def sample(self, prompts, group, most, stop, generator, temperature):
        rows, seen = [], Counter()
        for prompt in prompts:
            asked = tuple(t for t in prompt if t < 1000)
            so_far = len(prompt) - len(asked)
            place = (asked, seen[asked, so_far])
            seen[asked, so_far] += 1
            rows.append((so_far, place))
        lengths = [min(most, Script.plan[i] - so_far) for i, (so_far, _) in enumerate(rows)]
        ended = [so_far + n == Script.plan[i] for i, ((so_far, _), n) in
                 enumerate(zip(rows, lengths, strict=True))]  # fmt: skip
        ids = torch.zeros(len(rows), max(lengths), dtype=torch.long)
        for row, ((so_far, _), n) in enumerate(zip(rows, lengths, strict=True)):
            ids[row, :n] = torch.arange(1000 + so_far, 1000 + so_far + n)
        Script.calls.append((len(rows), lengths))
        lengths = torch.tensor(lengths)
        return Completions(ids, -ids.float(), lengths, torch.tensor(ended))


def test_the_buffer_by_hand(monkeypatch):
    """One prompt an update, groups of two, pieces of 4 of at most 8. Two groups are under way: the
    first wants 2 and 6 tokens, the second 3 and 1. Round one writes 2, 4, 3 and 1 and finishes the
    second, which is learnt from; round two begins a third, of 4 and 4, and ends the first."""
    monkeypatch.setattr(partial, "Sampler", Script)
    config = replace(CONFIG, prompts=1, group=2, max_new=8, piece=4)
    learner = fresh()
    monkeypatch.setattr(learner.tokenizer.__class__, "batch_decode", lambda self, rows, **_: rows)
    Script.calls = []
    Script.plan = {0: 2, 1: 6, 2: 3, 3: 1}
    problems, sampled, counts = partial.sample(learner, numbered, config, 1)
    assert problems == [POOL[1]] and sampled.completions.lengths.tolist() == [3, 1]
    assert counts == {"tokens": 10, "turns": 1, "decode_steps": 4, "old_tokens": 0.0}
    Script.plan = {0: 6, 1: 4, 2: 4}
    problems, sampled, counts = partial.sample(learner, numbered, config, 2)
    assert problems == [POOL[0]]
    assert sampled.completions.ids.tolist() == [
        [1000, 1001, 0, 0, 0, 0], [1000, 1001, 1002, 1003, 1004, 1005],
    ]  # fmt: skip
    assert counts == {"tokens": 10, "turns": 1, "decode_steps": 4, "old_tokens": 6 / 8}
    assert [n for n, _ in Script.calls] == [4, 3]
    held = learner.memory
    assert held["number"].tolist() == [2] and held["ended"].tolist() == [[True, True]]


def test_the_log_probabilities_are_those_of_the_policy_while_it_stands_still():
    """Asked again of the model itself, over prompt and whole completion."""
    learner = fresh()
    problems, sampled, _ = partial.sample(learner, numbered, CONFIG, 1)
    done = sampled.completions
    prompts = [ids for ids in sampled.prompts for _ in range(CONFIG.group)]
    batch = policy.Batch(prompts, done.ids, done.lengths)
    with torch.no_grad():
        found, mask = policy.logps(learner.model, batch, list(range(len(prompts))))
    assert torch.equal(mask, done.mask) and int(done.lengths.max()) > CONFIG.piece
    torch.testing.assert_close(found, done.logps * done.mask, atol=2e-4, rtol=1e-3)
    assert problems == [numbered(i) for i in range(3)]


def test_each_group_is_learnt_from_once():
    """The toy never stops early, so groups are done in their order: those of `uniform`."""
    rolls = list(grpo.train(fresh(), POOL, DIGITS, CONFIG))
    found = [problem for roll in rolls for problem in roll.problems]
    wanted = [curriculum.uniform(POOL, 1, CONFIG.seed, i + 1)[0] for i in range(len(found) + 6)]
    counts = Counter(map(str, wanted))
    assert all(n <= counts[str(p)] for p, n in Counter(found).items() for p in [p])
    assert all(roll.report["decode_steps"] % 8 == 0 for roll in rolls)
    assert rolls[0].report["old_tokens"] == 0 and max(r.report["old_tokens"] for r in rolls) > 0
    assert rolls[1].report["stale"] > 0 and "logp_gap" not in rolls[1].report


def test_a_piece_as_long_as_the_cap_is_no_piece():
    config = replace(CONFIG, piece=100)
    for roll in grpo.train(fresh(), POOL, DIGITS, config):
        assert roll.report["turns"] == 1 and roll.report["decode_steps"] <= 24


@pytest.mark.parametrize("stop", [1, 2, 5])
def test_the_buffer_is_part_of_the_state(stop):
    def told(roll):
        return roll.step, roll.problems, roll.texts, roll.rewards.tolist(), roll.report

    whole = [told(roll) for roll in grpo.train(fresh(), POOL, DIGITS, CONFIG)]
    halved, first = fresh(), []
    for roll in grpo.train(halved, POOL, DIGITS, CONFIG):
        first.append(told(roll))
        if roll.step == stop:
            saved = policy.state(halved)
            break
    other = fresh(seed=9)
    list(grpo.train(other, POOL, DIGITS, replace(CONFIG, steps=1)))
    policy.restore(other, saved)
    rest = [told(roll) for roll in grpo.train(other, POOL, DIGITS, CONFIG, stop)]
    assert first + rest == whole
    empty = fresh(seed=9)
    policy.restore(empty, {k: t for k, t in saved.items() if not k.startswith("memory:")})
    lost = [told(roll) for roll in grpo.train(empty, POOL, DIGITS, CONFIG, stop)]
    assert first + lost != whole, "the buffer was not needed, so the test could not fail"


@pytest.mark.parametrize(
    ("ids", "round_"),
    [
        ([1, 2, 3, 4] * 3, True),
        ([9, 9] + [1, 2, 3, 4] * 3, True),
        ([1, 2, 3, 4] * 2 + [1, 2, 3, 5], False),
        ([1, 2, 3] * 3, False),  # a run of three tokens: numbers may well repeat
        ([7] * 12, True),
        ([1, 2, 3, 4] * 2, False),
        ([], False),
    ],
)
def test_a_completion_goes_round(ids, round_):
    assert partial.loops(ids) is round_


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["partial", "failures", "curriculum", "dynamic"])
def test_a_run_is_stopped_and_goes_on_with_its_buffer_and_its_history(tmp_path, arm):
    """The same lines and the same weights."""
    small = {"steps": 4, "prompts": 4, "group": 4, "max_new": 48, "eval_problems": 8}
    small |= {"piece": 16} if arm == "partial" else {}
    chosen = Options(arm, "cpu", 3, small | {"train_problems": 12})
    kimi = experiments.named("kimi")

    class Stop(Exception):
        pass

    def stop(now):
        if now.step == 3:
            raise Stop

    run(kimi, chosen, tmp_path / "whole", watch=lambda now: None)
    with pytest.raises(Stop):
        run(kimi, chosen, tmp_path / "cut", watch=stop)
    run(kimi, chosen, tmp_path / "cut", resume=True, watch=lambda now: None)
    for name in ("metrics.jsonl", "samples.jsonl", "trained/adapter_model.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert records.load_run(tmp_path / "cut").metrics[-1]["step"] == 4
