"""GRPO through TRL: it learns, gives whole rollouts, and does what the loop from scratch does."""

import functools
import json
import math
import warnings
from dataclasses import replace

import pytest
import torch
from helpers import (
    PRECISIONS,
    copies,
    fresh,
    of_precision,
    plain_descent,
    prepared,
    seen,
    share_of_digits,
    short,
    words,
)

from r1lab import curriculum, grpo, losses, models, policy, rewards, tasks, trl_engine
from r1lab.grpo import Config
from r1lab.trl_engine import Place, common, online
from r1lab.verify import verify

pytestmark = pytest.mark.slow

TOKENIZER = words()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = Config(steps=4, prompts=4, group=6, max_new=16, lr=1e-2, micro_tokens=300, seed=5)
DIGITS_ONLY = ([share_of_digits], [1.0])
TWO_REWARDS = ([short, share_of_digits], [1.0, 0.1])


def run(learner, place, config=CONFIG, reward_set=DIGITS_ONLY, record=None):
    """Trains; the rollout of each step. place: a Place or a folder."""

    def train(place, keep):
        trl_engine.grpo(learner, POOL, reward_set, config, keep, place)

    return seen(train, place, record)


def drawn(config, step):
    return curriculum.uniform(POOL, config.prompts, config.seed, step)


def again(model, roll, temperature=1.0):
    """The log-probabilities of a rollout's tokens, one completion at a time, in plain torch."""
    rows = []
    for prompt, ids, n in zip(roll.batch.prompts, roll.batch.ids, roll.batch.lengths, strict=True):
        logits = model(torch.cat([torch.tensor(prompt), ids[:n]])[None]).logits[0]
        logps = (logits[len(prompt) - 1 : -1] / temperature).log_softmax(-1)
        rows.append(logps.gather(1, ids[:n, None])[:, 0])
    return rows


@pytest.mark.parametrize("rank", [4, 0], ids=["lora", "all weights"])
def test_it_learns_and_leaves_the_base_alone(rank, tmp_path):
    """LoRA moves a base, which is no random model: there it has next to nothing to hold on to."""
    base = models.prepare(models.load("rich")[0], rank)
    learner = policy.learner(base, TOKENIZER, 2e-2) if rank else fresh(0, lr=4e-3)
    frozen, learning = copies(learner.model, False), copies(learner.model, True)
    config = replace(CONFIG, steps=16 if rank else 24, group=8, micro_tokens=4000)
    found = [float(s.rewards.mean()) for s in run(learner, tmp_path, config)]
    assert sum(found[-3:]) / 3 > sum(found[:3]) / 3 + (0.2 if rank else 0.3)
    after = dict(learner.model.named_parameters())
    assert all(torch.equal(p, after[k]) for k, p in frozen.items())
    assert not any(torch.equal(p, after[k]) for k, p in learning.items())
    assert copies(learner.model, True).keys() == learning.keys()


def test_the_rollout_holds_together(tmp_path):
    seen = run(fresh(), tmp_path, reward_set=TWO_REWARDS)
    own = next(grpo.train(fresh(), POOL, TWO_REWARDS, CONFIG))
    assert [s.step for s in seen] == [1, 2, 3, 4]
    n = CONFIG.prompts * CONFIG.group
    for s in seen:
        assert s.problems == drawn(CONFIG, s.step)
        done = s.completions
        assert len(s.texts) == len(s.verdicts) == len(done.ids) == n
        assert list(s.parts) == ["short", "share_of_digits"]
        ends = done.ids == TOKENIZER.eos_token_id
        for i, (text, length, ended) in enumerate(
            zip(s.texts, done.lengths.tolist(), done.ended.tolist(), strict=True)
        ):
            assert ended or length == CONFIG.max_new, (
                "only the end token or the cap ends a completion"
            )
            assert TOKENIZER.decode(done.ids[i, : length - ended], skip_special_tokens=True) == text
            assert ends[i].nonzero().flatten().tolist() == ([length - 1] if ended else [])
            assert not done.ids[i, length:].any() and not done.logps[i, length:].any()
        weighted = [a + 0.1 * b for a, b in zip(*s.parts.values(), strict=True)]
        torch.testing.assert_close(
            s.rewards, torch.tensor(weighted).view(CONFIG.prompts, CONFIG.group)
        )
        ours = losses.group_advantages(s.rewards, CONFIG.scale)
        torch.testing.assert_close(s.advantages, ours, atol=1e-3, rtol=1e-3)
        assert set(s.report) == set(own.report) == {
            "loss", "kl", "clipped", "grad_norm", "entropy", "logp_gap", "update_tokens",
            "skipped_groups",
        }  # fmt: skip
        assert all(math.isfinite(v) for v in s.report.values())
        prompts = [len(TOKENIZER(tasks.prompt(p, "tiny"))["input_ids"]) for p in s.problems]
        tokens = CONFIG.group * sum(prompts) + int(done.lengths.sum())
        assert s.report["update_tokens"] == tokens and s.report["skipped_groups"] == 0
        assert s.line().keys() == own.line().keys() and s.group().keys() == own.group().keys()
        json.dumps([s.line(), s.group()])
    assert any(s.completions.ended.any() and not s.completions.ended.all() for s in seen)


def test_texts_belong_to_their_problems(tmp_path):
    """Group by group: TRL asked this prompt, and every reward function sees the problem of its
    completion and the one verdict on it."""
    asked = []

    def listen(**columns):
        asked.append(columns)
        return [float(i) for i in range(len(columns["completions"]))]

    seen = run(fresh(), Place(tmp_path, 2), reward_set=([listen], [1.0]))
    assert [s.step for s in seen] == [3, 4]
    for s, columns in zip(seen, asked, strict=True):
        texts = [tasks.prompt(p, CONFIG.template) for p in s.problems]
        assert TOKENIZER(texts)["input_ids"] == s.sampled.prompts
        problems = [p for p in s.problems for _ in range(CONFIG.group)]
        assert columns["prompts"] == [tasks.prompt(p, CONFIG.template) for p in problems]
        about = zip(columns["task"], columns["numbers"], columns["target"], strict=True)
        assert [(t, tuple(n), x) for t, n, x in about] == [
            (p.task, p.numbers, p.target) for p in problems
        ]
        lengths = s.completions.lengths.tolist()
        ids = [row[:n] for row, n in zip(s.completions.ids.tolist(), lengths, strict=True)]
        assert columns["completion_ids"] == ids and columns["completions"] == s.texts
        assert columns["trainer_state"].global_step == s.step - 1
        assert columns["verdicts"] is s.verdicts
        assert s.verdicts == [verify(p, t) for p, t in zip(problems, s.texts, strict=True)]
        assert s.rewards.flatten().tolist() == list(range(len(problems)))


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("micro_tokens", [10**6, 300, 1])
def test_the_log_probabilities_are_those_the_tokens_were_sampled_with(
    temperature, micro_tokens, tmp_path
):
    config = replace(CONFIG, steps=1, temperature=temperature, micro_tokens=micro_tokens)
    model = prepared()
    (roll,) = run(fresh(), tmp_path, config)
    assert roll.completions.ended.any() and not roll.completions.ended.all()
    with torch.no_grad():
        rows = again(model, roll, temperature)
    for found, wanted in zip(roll.completions.logps, rows, strict=True):
        torch.testing.assert_close(found[: len(wanted)], wanted, atol=1e-4, rtol=0)
    assert 0 <= roll.report["logp_gap"] < 1e-5


def test_the_gap_is_that_of_the_first_update_alone(tmp_path):
    """The later ones are made by a policy that has left the sampler far behind."""
    learner = fresh(lr=5e-2)
    (roll,) = run(learner, tmp_path, replace(CONFIG, steps=1, updates=2))
    assert 0 <= roll.report["logp_gap"] < 1e-5
    with torch.no_grad():
        moved = torch.cat(again(learner.model, roll)) - roll.completions.logps[roll.batch.mask]
    assert moved.abs().mean() > 1e-2


@pytest.mark.parametrize(
    "settings", [{"beta": 0.1}, {"updates": 2}], ids=["with KL", "two updates"]
)
def test_a_resumed_run_is_the_uninterrupted_run(settings, tmp_path):
    config = replace(CONFIG, **settings)
    reward_set = ([rewards.coin(1), share_of_digits], [1.0, 1.0])  # the coin depends on the step
    saved = {}

    def save(roll):
        saved[roll.step] = policy.state(learner)

    learner = fresh()
    whole = run(learner, tmp_path, config, reward_set, record=save)
    last = policy.state(learner)

    learner = fresh()
    with torch.no_grad():  # other weights: everything must come from the saved state
        for p in models.trainable(learner.model).values():
            p.add_(1.0)
    policy.restore(learner, saved[2])
    rest = run(learner, Place(tmp_path, 2), config, reward_set)
    assert len(whole) == 4 and len(rest) == 2
    for one, other in zip(whole[2:], rest, strict=True):
        for name in ("rewards", "advantages"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        for name in ("ids", "logps", "lengths", "ended"):
            assert torch.equal(getattr(one.completions, name), getattr(other.completions, name))
        for name in ("step", "problems", "texts", "verdicts", "parts", "report"):
            assert getattr(one, name) == getattr(other, name)
    resumed = policy.state(learner)
    assert all(torch.equal(last[k], resumed[k]) for k in last.keys() | resumed.keys())


def replay(monkeypatch, roll):
    """TRL samples nothing and gets the completions of our rollout."""
    done = roll.completions
    lengths = done.lengths.tolist()
    ids, logps = (
        [row[:n] for row, n in zip(values.tolist(), lengths, strict=True)]
        for values in (done.ids, done.logps)
    )

    def given(prompts, trainer):
        assert TOKENIZER(prompts)["input_ids"] == roll.batch.prompts
        return {"prompt_ids": roll.batch.prompts, "completion_ids": ids, "logprobs": logps}

    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    monkeypatch.setattr(online, "Trainer", functools.partial(online.Trainer, rollout_func=given))


def compare_engines(monkeypatch, folder, config, learners, change=lambda roll: roll):
    """One rollout, one step of plain gradient descent by each engine: the weights move alike."""
    config = replace(config, steps=1, max_grad_norm=1e9)
    ours, theirs = learners
    before = copies(ours.model, True)
    roll = change(grpo.rollout(ours, drawn(config, 1), TWO_REWARDS, config, 1))
    report = grpo.update(ours, roll, config)
    replay(monkeypatch, roll)
    (seen,) = run(theirs, folder, config, TWO_REWARDS)
    assert seen.texts == roll.texts and seen.sampled.prompts == roll.sampled.prompts
    for name in ("ids", "logps", "lengths", "ended"):
        assert torch.equal(getattr(seen.completions, name), getattr(roll.completions, name))
    assert seen.verdicts == roll.verdicts and seen.parts == roll.parts
    assert torch.equal(seen.rewards, roll.rewards)
    torch.testing.assert_close(seen.advantages, roll.advantages, atol=1e-3, rtol=1e-3)
    assert seen.report["loss"] == pytest.approx(report["loss"], abs=1e-5)
    assert seen.report["grad_norm"] == pytest.approx(report["grad_norm"], rel=1e-3)
    # exact there, sampled here
    assert seen.report["entropy"] == pytest.approx(report["entropy"], rel=0.1)
    moved = {k: p - before[k] for k, p in copies(ours.model, True).items()}
    assert max(p.abs().max() for p in moved.values()) > 1e-3, "nothing to compare"
    for name, p in copies(theirs.model, True).items():
        torch.testing.assert_close(
            p - before[name], moved[name], atol=1e-3 * float(moved[name].abs().max()) + 1e-7, rtol=0
        )
    return report, seen.report


PUBLISHED = [name for name in losses.PUBLISHED if name not in ("printed", "kimi")]


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.parametrize("beta", [0.0, 0.5], ids=["no KL", "KL"])
def test_both_engines_make_the_same_update_of_one_rollout(kind, beta, monkeypatch, tmp_path):
    micro_tokens = 4000 if kind == "bnpo" else 300
    scale = "none" if kind == "dr_grpo" else "group"
    config = replace(CONFIG, loss=kind, beta=beta, scale=scale, micro_tokens=micro_tokens)
    learners = plain_descent(), plain_descent()
    ours, theirs = compare_engines(monkeypatch, tmp_path, config, learners)
    assert (ours["kl"] > 0) == (theirs["kl"] > 0) == bool(beta)


@pytest.mark.parametrize("ratio", online.RATIOS)
@pytest.mark.parametrize("average", online.AVERAGES)
def test_both_engines_make_the_same_two_updates_of_every_objective(
    ratio, average, monkeypatch, tmp_path
):
    """The second has ratios other than 1, some of them clipped. TRL leaves the groups together:
    it shuffles completions before it parts them. The average over a step's tokens has one update,
    because TRL divides several by the mean number of their tokens."""
    monkeypatch.setattr("trl.trainer.grpo_trainer.shuffle_sequence_dict", lambda batch: batch)
    objective = {"ratio": ratio, "average": average, "clip_low": 0.02, "clip_high": 0.04}
    micro_tokens = 4000 if average == "micro" else 300
    updates = 1 if average == "step" else 2
    config = replace(
        CONFIG, **objective, updates=updates, beta=0.1, scale="none", micro_tokens=micro_tokens
    )
    learners = plain_descent(), plain_descent()
    ours, theirs = compare_engines(monkeypatch, tmp_path, config, learners)
    assert (ours["clipped"] > 0) == (theirs["clipped"] > 0) == (updates > 1)


def test_both_engines_make_the_same_update_of_all_weights_at_another_temperature(
    monkeypatch, tmp_path
):
    config = replace(CONFIG, scale="batch", temperature=0.7)
    compare_engines(monkeypatch, tmp_path, config, (plain_descent(0), plain_descent(0)))


def test_both_engines_find_the_gap_of_a_sampler_that_is_another_policy(monkeypatch, tmp_path):
    """By one nat at every third token, and half a nat at the others."""

    def far(roll):
        done = roll.completions
        away = torch.where(torch.arange(done.ids.numel()).view(done.ids.shape) % 3 == 0, 1.0, -0.5)
        done = replace(done, logps=(done.logps + away) * done.mask)
        wanted.append(float(away[done.mask].abs().mean()))
        return replace(roll, sampled=replace(roll.sampled, completions=done))

    wanted = []
    config = replace(CONFIG, beta=0.1)  # then our engine leaves out no group
    learners = plain_descent(), plain_descent()
    for report in compare_engines(monkeypatch, tmp_path, config, learners, far):
        assert report["logp_gap"] == pytest.approx(wanted[0], abs=1e-5)


def test_micro_batches_do_not_change_the_run(tmp_path):
    one = run(fresh(), tmp_path, replace(CONFIG, steps=2, micro_tokens=10**6))
    many = run(fresh(), tmp_path, replace(CONFIG, steps=2, micro_tokens=1))
    for a, b in zip(one, many, strict=True):
        assert a.texts == b.texts
        assert a.report["grad_norm"] == pytest.approx(b.report["grad_norm"], rel=1e-3)


@pytest.mark.parametrize("value", [0.1, 0.7, 1.1])
def test_equal_rewards_teach_nothing(value, tmp_path):
    def same(completions, **_):
        return [value] * len(completions)

    learner = fresh()
    before = copies(learner.model, True)
    (seen,) = run(learner, tmp_path, replace(CONFIG, steps=1, group=8), ([same], [1.0]))
    assert not seen.advantages.any() and seen.report["grad_norm"] == 0
    assert all(torch.equal(p, before[k]) for k, p in models.trainable(learner.model).items())


@pytest.mark.parametrize(
    ("low", "high", "clips"), [(0.01, 1e6, True), (0.999, 0.01, True), (0.999, 1e6, False)]
)
def test_several_updates_a_rollout_are_clipped_on_either_side(low, high, clips, tmp_path):
    config = replace(CONFIG, updates=4, steps=2, clip_low=low, clip_high=high)
    seen = run(fresh(lr=2e-2), tmp_path, config)
    assert [s.step for s in seen] == [1, 2]
    assert any(s.report["clipped"] > 0 for s in seen) == clips


def test_the_model_comes_back_as_it_went_in(tmp_path):
    learner = fresh()
    model = learner.model.eval()
    run(learner, tmp_path, replace(CONFIG, steps=1, beta=0.1))
    assert not model.training and list(model.peft_config) == ["default"]
    for part in (model, model.get_base_model()):
        assert not {"forward", "generate"} & vars(part).keys()


def test_it_is_silent_and_writes_only_into_its_folder(tmp_path, monkeypatch, capfd):
    home, folder = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    learner = fresh()
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        run(learner, folder, replace(CONFIG, steps=1, beta=0.1))
    assert capfd.readouterr() == ("", "")
    assert not list(home.iterdir())
    assert [p.name for p in folder.rglob("*")] == ["trl"]


def test_an_error_while_recording_ends_the_run(tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    learner = fresh()
    with pytest.raises(KeyboardInterrupt):
        run(learner, tmp_path, record=stop)
    assert "forward" not in vars(learner.model.get_base_model())


def test_nothing_is_left_to_do(tmp_path):
    assert run(fresh(), Place(tmp_path, CONFIG.steps)) == []


@pytest.mark.parametrize(
    ("change", "rank", "sentence"),
    [
        ({"loss": "printed"}, 4, "no loss 'printed'"),
        ({"loss": "kimi"}, 4, "no loss 'kimi'"),
        ({"ratio": "sequence"}, 4, "no loss 'grpo' with ratio sequence"),
        ({"truncate": 2.0}, 4, "no truncate"),
        ({"fresh_optimizer": True}, 4, "leave fresh_optimizer out"),
        ({"learn_from": "worse"}, 4, "leave baseline, learn_from"),
        ({"loss": "bnpo"}, 4, "set micro_tokens to"),
        ({"beta": 0.1}, 0, "needs LoRA"),
        ({"beta": 0.1, "reference_every": 3}, 4, "leave reference_every out"),
        ({"max_new": 250}, 4, "lower max_new"),
    ],
)
def test_what_trl_cannot_do_is_said_before_it_starts(change, rank, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        run(fresh(rank), tmp_path, replace(CONFIG, **change))


def test_half_precision_weights_learn_only_through_lora(tmp_path):
    with pytest.raises(ValueError, match="float16 weights"):
        online.settings(prepared(0).half(), CONFIG, 40, Place(tmp_path))


@pytest.mark.parametrize(("dtype", "device", "capability", "mixed"), PRECISIONS)
def test_the_precision_is_the_models(dtype, device, capability, mixed, tmp_path, monkeypatch):
    """Only what is handed to TRL: no card is needed."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(online, "GRPOConfig", lambda **given: given)
    model = of_precision(dtype, device, monkeypatch)
    given = online.settings(model, CONFIG, 40, Place(tmp_path))
    assert (given["bf16"], given["fp16"]) == mixed
    assert given["use_cpu"] == (device == "cpu")


@pytest.mark.parametrize(
    ("completions", "tokens", "rows"), [(24, 300, 6), (24, 10**6, 24), (24, 1, 1), (7, 250, 1)]
)
def test_a_micro_batch_is_the_largest_divisor_that_fits(completions, tokens, rows):
    assert common.micro_rows(completions, 50, tokens) == rows
