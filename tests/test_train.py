"""The engine on TRL: it learns, it reports what happened, and it does what the trainer from scratch does."""

import functools
import math
import warnings
from dataclasses import replace

import pytest
import torch
from conftest import tiny_model

from r1lab import grpo, losses, models, rewards, tasks, trl_engine
from r1lab.grpo import Config
from r1lab.tiny_world import pretrain

TOKENIZER = pretrain.wrap_tokenizer()
POOL = tasks.problems("countdown", 40, seed=3)
CONFIG = Config(steps=4, prompts=4, group=6, max_new=16, lr=1e-2, micro_tokens=300, seed=5)
DIGITS = set(TOKENIZER.convert_tokens_to_ids(list("0123456789")))
FIELDS = (
    "step",
    "problems",
    "texts",
    "lengths",
    "ended",
    "parts",
    "rewards",
    "advantages",
    "report",
)


def share_of_digits(completion_ids, **_):
    """A reward that a random model can climb: the share of tokens that are digits."""
    return [sum(token in DIGITS for token in ids) / len(ids) for ids in completion_ids]


def short(completions, **_):
    """1 or 0 by the length of the text: many groups have no variance."""
    return [float(len(text) < 4) for text in completions]


DIGITS_ONLY = ([share_of_digits], [1.0])
TWO_REWARDS = ([short, share_of_digits], [1.0, 0.1])


def fresh(rank=4, seed=0):
    """A random model ready to train; with LoRA, one whose B is not zero, so it has left its base."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT asks the model by an old name
        model = models.prepare(tiny_model(vocabulary=len(TOKENIZER)), rank, seed)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.05)
    return model


def run(model, folder, config=CONFIG, reward_set=DIGITS_ONLY, optimizer=None, start=0, record=None):
    """Trains; one dict a step, with the names of `record`'s arguments."""
    seen = []

    def keep(*fields):
        seen.append(dict(zip(FIELDS, fields, strict=True)))
        if record:
            record(*fields)

    optimizer = optimizer or grpo.make_optimizer(model, config)
    trl_engine.grpo(model, TOKENIZER, POOL, reward_set, config, keep, folder, optimizer, start)
    return seen


def copies(model, learn: bool):
    return {k: p.detach().clone() for k, p in model.named_parameters() if p.requires_grad == learn}


@pytest.mark.parametrize("rank", [4, 0], ids=["lora", "all weights"])
def test_it_learns_and_leaves_the_base_alone(rank, tmp_path):
    model = fresh(rank)
    frozen, learning = copies(model, False), copies(model, True)
    config = replace(CONFIG, steps=16, group=8, micro_tokens=4000, lr=2e-2 if rank else 4e-3)
    found = [float(s["rewards"].mean()) for s in run(model, tmp_path, config)]
    assert sum(found[-3:]) / 3 > sum(found[:3]) / 3 + (0.06 if rank else 0.3)
    after = dict(model.named_parameters())
    assert all(torch.equal(p, after[k]) for k, p in frozen.items())
    assert not any(torch.equal(p, after[k]) for k, p in learning.items())
    assert copies(model, True).keys() == learning.keys()


def test_the_record_holds_together(tmp_path):
    model = fresh()
    seen = run(model, tmp_path, reward_set=TWO_REWARDS)
    assert [s["step"] for s in seen] == [1, 2, 3, 4]
    for s in seen:
        assert s["problems"] == grpo.draw(POOL, CONFIG, s["step"])
        n = CONFIG.prompts * CONFIG.group
        assert [len(s[k]) for k in ("texts", "lengths", "ended")] == [n, n, n]
        assert list(s["parts"]) == ["short", "share_of_digits"]
        for text, length, ended in zip(s["texts"], s["lengths"], s["ended"], strict=True):
            assert ended or length == CONFIG.max_new, (
                "only the end token or the cap ends a completion"
            )
            assert len(TOKENIZER(text)["input_ids"]) <= length - ended
        weighted = [a + 0.1 * b for a, b in zip(*s["parts"].values(), strict=True)]
        torch.testing.assert_close(
            s["rewards"], torch.tensor(weighted).view(CONFIG.prompts, CONFIG.group)
        )
        ours = losses.group_advantages(s["rewards"], CONFIG.scale)
        torch.testing.assert_close(s["advantages"], ours, atol=1e-3, rtol=1e-3)
        assert set(s["report"]) == {"loss", "kl", "clipped", "grad_norm", "entropy"}
        assert all(math.isfinite(v) for v in s["report"].values())
    assert any(s["ended"] != [True] * n and s["ended"] != [False] * n for s in seen)


def test_texts_belong_to_their_problems(tmp_path):
    """Group by group: every reward function sees the problem of its completion."""
    asked = []

    def listen(prompts, completions, task, numbers, target, trainer_state, **_):
        asked.append((prompts, task, numbers, target, trainer_state.global_step))
        return [float(i) for i in range(len(completions))]

    seen = run(fresh(), tmp_path, reward_set=([listen], [1.0]), start=2)
    for s, (prompts, task, numbers, target, step) in zip(seen, asked, strict=True):
        problems = [p for p in s["problems"] for _ in range(CONFIG.group)]
        assert prompts == [tasks.prompt(p, CONFIG.template) for p in problems]
        assert list(zip(task, map(tuple, numbers), target, strict=True)) == [
            (p.task, p.numbers, p.target) for p in problems
        ]
        assert step == s["step"] - 1
        assert s["rewards"].flatten().tolist() == list(range(len(problems)))
    assert [s["step"] for s in seen] == [3, 4]


@pytest.mark.parametrize(
    "settings", [{"beta": 0.1}, {"updates": 2}], ids=["with KL", "two updates"]
)
def test_a_resumed_run_is_the_uninterrupted_run(settings, tmp_path):
    config = replace(CONFIG, **settings)
    reward_set = ([rewards.coin(1), share_of_digits], [1.0, 1.0])  # the coin depends on the step
    saved = {}

    def save(step, *_):
        saved[step] = grpo.state(model, optimizer)

    model = fresh()
    optimizer = grpo.make_optimizer(model, config)
    whole = run(model, tmp_path, config, reward_set, optimizer, record=save)
    last = grpo.state(model, optimizer)

    model = fresh()
    with torch.no_grad():  # other weights: everything must come from the saved state
        for p in models.trainable(model).values():
            p.add_(1.0)
    optimizer = grpo.make_optimizer(model, config)
    grpo.restore(model, optimizer, saved[2])
    rest = run(model, tmp_path, config, reward_set, optimizer, start=2)
    assert len(whole) == 4 and len(rest) == 2
    for one, other in zip(whole[2:], rest, strict=True):
        assert all(torch.equal(one[k], other[k]) for k in ("rewards", "advantages"))
        assert all(one[k] == other[k] for k in FIELDS if k not in ("rewards", "advantages"))
    again = grpo.state(model, optimizer)
    assert all(torch.equal(last[k], again[k]) for k in last.keys() | again.keys())


def replay(monkeypatch, roll):
    """TRL samples nothing and gets the completions of our rollout."""
    done, group = roll.completions, len(roll.texts) // len(roll.problems)
    ids = [row[:n] for row, n in zip(done.ids.tolist(), done.lengths.tolist(), strict=True)]

    def given(prompts, trainer):
        return {
            "prompt_ids": [p for p in roll.prompt_ids for _ in range(group)],
            "completion_ids": ids,
            "logprobs": None,
        }

    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    monkeypatch.setattr(
        trl_engine, "GRPOTrainer", functools.partial(trl_engine.GRPOTrainer, rollout_func=given)
    )


def compare_engines(monkeypatch, folder, config, rank=4):
    """One rollout, one step of plain gradient descent by each engine: the weights move alike."""
    config = replace(config, steps=1, max_grad_norm=1e9)
    ours, theirs = fresh(rank), fresh(rank)
    optimizers = [torch.optim.SGD(models.trainable(m).values(), lr=1.0) for m in (ours, theirs)]
    before = copies(ours, True)
    roll = grpo.rollout(ours, TOKENIZER, grpo.draw(POOL, config, 1), TWO_REWARDS, config, 1)
    report = grpo.update(ours, optimizers[0], roll, config)
    replay(monkeypatch, roll)
    (seen,) = run(theirs, folder, config, TWO_REWARDS, optimizers[1])
    assert seen["texts"] == roll.texts and seen["lengths"] == roll.completions.lengths.tolist()
    assert seen["ended"] == roll.completions.ended.tolist() and seen["parts"] == roll.parts
    assert torch.equal(seen["rewards"], roll.rewards)
    torch.testing.assert_close(seen["advantages"], roll.advantages, atol=1e-3, rtol=1e-3)
    assert seen["report"]["loss"] == pytest.approx(report["loss"], abs=1e-5)
    assert seen["report"]["grad_norm"] == pytest.approx(report["grad_norm"], rel=1e-3)
    assert seen["report"]["entropy"] == pytest.approx(
        report["entropy"], rel=0.1
    )  # exact there, sampled here
    for name, weight in models.trainable(ours).items():
        moved, found = weight - before[name], models.trainable(theirs)[name] - before[name]
        torch.testing.assert_close(
            found, moved, atol=1e-3 * float(moved.detach().abs().max()) + 1e-7, rtol=0
        )
    return report, seen["report"]


@pytest.mark.parametrize("kind", trl_engine.LOSSES)
@pytest.mark.parametrize("beta", [0.0, 0.5], ids=["no KL", "KL"])
def test_both_engines_make_the_same_update_of_one_rollout(kind, beta, monkeypatch, tmp_path):
    micro_tokens = 4000 if kind == "bnpo" else 300
    config = replace(
        CONFIG,
        loss=kind,
        beta=beta,
        scale="none" if kind == "dr_grpo" else "group",
        micro_tokens=micro_tokens,
    )
    ours, theirs = compare_engines(monkeypatch, tmp_path, config)
    assert (ours["kl"] > 0) == (theirs["kl"] > 0) == bool(beta)


def test_both_engines_make_the_same_update_of_all_weights_at_another_temperature(
    monkeypatch, tmp_path
):
    compare_engines(monkeypatch, tmp_path, replace(CONFIG, scale="batch", temperature=0.7), rank=0)


def test_micro_batches_do_not_change_the_run(tmp_path):
    one = run(fresh(), tmp_path, replace(CONFIG, steps=2, micro_tokens=10**6))
    many = run(fresh(), tmp_path, replace(CONFIG, steps=2, micro_tokens=1))
    for a, b in zip(one, many, strict=True):
        assert a["texts"] == b["texts"]
        assert a["report"]["grad_norm"] == pytest.approx(b["report"]["grad_norm"], rel=1e-3)


@pytest.mark.parametrize("value", [0.1, 0.7, 1.1])
def test_equal_rewards_teach_nothing(value, tmp_path):
    def same(completions, **_):
        return [value] * len(completions)

    model = fresh()
    before = copies(model, True)
    (seen,) = run(model, tmp_path, replace(CONFIG, steps=1, group=8), ([same], [1.0]))
    assert not seen["advantages"].any() and seen["report"]["grad_norm"] == 0
    assert all(torch.equal(p, before[k]) for k, p in models.trainable(model).items())


@pytest.mark.parametrize("kind", ["grpo", "dr_grpo", "gspo"])
def test_both_engines_make_the_same_two_updates_of_one_rollout(kind, monkeypatch, tmp_path):
    """Where TRL leaves the groups together: it shuffles completions before it parts them."""
    monkeypatch.setattr("trl.trainer.grpo_trainer.shuffle_sequence_dict", lambda batch: batch)
    config = replace(CONFIG, loss=kind, updates=2, scale="none", clip_low=0.02, clip_high=0.04)
    ours, theirs = compare_engines(monkeypatch, tmp_path, config)
    assert ours["clipped"] > 0 and theirs["clipped"] > 0


@pytest.mark.parametrize(
    ("low", "high", "clips"), [(0.01, 1e6, True), (0.999, 0.01, True), (0.999, 1e6, False)]
)
def test_several_updates_a_rollout_are_clipped_on_either_side(low, high, clips, tmp_path):
    config = replace(CONFIG, updates=4, steps=2, lr=2e-2, clip_low=low, clip_high=high)
    seen = run(fresh(), tmp_path, config)
    assert [s["step"] for s in seen] == [1, 2]
    assert any(s["report"]["clipped"] > 0 for s in seen) == clips


def test_the_model_comes_back_as_it_went_in(tmp_path):
    model = fresh().eval()
    run(model, tmp_path, replace(CONFIG, steps=1, beta=0.1))
    assert not model.training and list(model.peft_config) == ["default"]
    assert "forward" not in vars(model) and "forward" not in vars(model.get_base_model())


def test_it_is_silent_and_writes_only_into_its_folder(tmp_path, monkeypatch, capfd):
    home, folder = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    model = fresh()
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        run(model, folder, replace(CONFIG, steps=1, beta=0.1))
    assert capfd.readouterr() == ("", "")
    assert not list(home.iterdir())
    assert [p.name for p in folder.rglob("*")] == ["trl"]


def test_an_error_while_recording_ends_the_run(tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    model = fresh()
    with pytest.raises(KeyboardInterrupt):
        run(model, tmp_path, record=stop)
    assert "forward" not in vars(model.get_base_model())


def test_nothing_is_left_to_do(tmp_path):
    assert run(fresh(), tmp_path, start=CONFIG.steps) == []


@pytest.mark.parametrize(
    ("change", "rank", "sentence"),
    [
        ({"loss": "printed"}, 4, "no loss 'printed'"),
        ({"loss": "bnpo"}, 4, "set micro_tokens to"),
        ({"beta": 0.1}, 0, "needs LoRA"),
        ({"max_new": 250}, 4, "lower max_new"),
    ],
)
def test_what_trl_cannot_do_is_said_before_it_starts(change, rank, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        run(fresh(rank), tmp_path, replace(CONFIG, **change))


def test_half_precision_weights_learn_only_through_lora(tmp_path):
    with pytest.raises(ValueError, match="float16 weights"):
        trl_engine.settings(fresh(0).half(), CONFIG, tmp_path, 40)


@pytest.mark.parametrize(
    ("dtype", "device", "capability", "mixed"),
    [
        (torch.float32, "cuda", (9, 0), (False, False)),
        (torch.bfloat16, "cuda", (8, 0), (True, False)),
        (torch.bfloat16, "cuda", (7, 5), (False, False)),
        (torch.float16, "cuda", (7, 5), (False, True)),
        (torch.bfloat16, "cpu", None, (False, False)),
    ],
)
def test_the_precision_is_the_models(dtype, device, capability, mixed, tmp_path, monkeypatch):
    """Only what is handed to TRL: no card is needed."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(trl_engine, "GRPOConfig", lambda **given: given)
    model = fresh().to(dtype)
    for p in models.trainable(model).values():
        p.data = p.data.float()
    monkeypatch.setattr(type(model.get_base_model()), "device", torch.device(device))
    given = trl_engine.settings(model, CONFIG, tmp_path, 40)
    assert (given["bf16"], given["fp16"]) == mixed
    assert given["use_cpu"] == (device == "cpu")


@pytest.mark.parametrize(
    ("completions", "tokens", "rows"), [(24, 300, 6), (24, 10**6, 24), (24, 1, 1), (7, 250, 1)]
)
def test_a_micro_batch_is_the_largest_divisor_that_fits(completions, tokens, rows):
    assert trl_engine.micro_rows(completions, 50, tokens) == rows
