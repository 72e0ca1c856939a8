"""SFT and DPO through TRL: what goes through the model, and what TRL is told. What it shares with
ours stands in `test_tuning.py`."""

import warnings

import pytest
import torch
from helpers import PRECISIONS, fresh, of_precision, pairs, prepared, prompts, words

from r1lab import dpo, models, policy, sft, trl_engine
from r1lab.trl_engine import Place, offline

pytestmark = pytest.mark.slow

TOKENIZER = words()
END = TOKENIZER.eos_token_id
PROMPTS = prompts()
OWN = {"sft": sft, "dpo": dpo}
every_way = pytest.mark.parametrize("way", OWN)


def settings(way, **change):
    usual = {"steps": 1, "prompts": 6, "max_new": 16, "micro_tokens": 10**6, "seed": 5}
    return OWN[way].Config(**(usual | change))


def run(way, learner, folder, config, material=None):
    seen = []
    train = getattr(trl_engine, way)
    train(learner, material or pairs(way), config, seen.append, Place(folder))
    return seen


@every_way
@pytest.mark.parametrize("micro_tokens", [10**6, 1])
def test_the_tokens_are_the_samplers(way, micro_tokens, tmp_path, monkeypatch):
    """What goes through the model: the prompt as it is asked, the completion as it is written, its
    end token once, and labels on the completion alone."""
    seen = []
    trainer = offline.SFTTrainer if way == "sft" else offline.Preferences
    compute = trainer.compute_loss

    def spy(self, model, inputs, *rest, **more):
        seen.append({k: v.clone() for k, v in inputs.items()})
        return compute(self, model, inputs, *rest, **more)

    monkeypatch.setattr(trainer, "compute_loss", spy)
    run(way, fresh(), tmp_path, settings(way, micro_tokens=micro_tokens))
    found = []
    for batch in seen:
        for i, ids in enumerate(batch["input_ids"]):
            carries = (
                batch["completion_mask"][i].bool() if way == "dpo" else batch["labels"][i] != -100
            )
            assert way == "dpo" or torch.equal(batch["labels"][i][carries], ids[carries])
            real = ids[batch["attention_mask"][i].bool()].tolist()
            found.append((real[: len(real) - int(carries.sum())], ids[carries].tolist()))
    wanted = []
    for prompt, *texts in pairs(way):
        (asked,) = TOKENIZER([prompt])["input_ids"]
        wanted += [
            (asked, TOKENIZER(t, add_special_tokens=False)["input_ids"] + [END]) for t in texts
        ]
    assert sorted(found) == sorted(wanted)
    assert all(written.count(END) == 1 and written[-1] == END for _, written in found)


@every_way
def test_the_model_comes_back_as_it_went_in_and_nothing_is_said(way, tmp_path, monkeypatch, capfd):
    home, folder = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    learner = fresh()
    model = learner.model.eval()
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        run(way, learner, folder, settings(way))
    assert capfd.readouterr() == ("", "")
    assert not list(home.iterdir()) and [p.name for p in folder.rglob("*")] == ["trl"]
    assert not model.training and list(model.peft_config) == ["default"]
    assert "forward" not in vars(model) and "forward" not in vars(model.get_base_model())


def test_several_processes_and_float16_weights_are_refused(tmp_path, monkeypatch):
    half = policy.Learner(prepared(0).half(), TOKENIZER, None)
    with pytest.raises(ValueError, match="float16 weights"):
        run("sft", half, tmp_path, settings("sft"))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="one process"):
        run("sft", fresh(), tmp_path, settings("sft"))


@every_way
def test_the_gradient_is_cut_where_the_config_says(way, tmp_path):
    """Plain descent with a tiny limit moves the weights by just that limit."""
    model = prepared()
    learner = policy.Learner(
        model, TOKENIZER, torch.optim.SGD(models.trainable(model).values(), lr=1.0)
    )
    before = [p.detach().clone() for p in models.trainable(model).values()]
    (update,) = run(way, learner, tmp_path, settings(way, max_grad_norm=0.01))
    moved = [p - b for p, b in zip(models.trainable(model).values(), before, strict=True)]
    assert update.report["grad_norm"] > 0.1, "before it is cut"
    length = torch.cat([m.detach().flatten() for m in moved]).norm()
    assert float(length) == pytest.approx(0.01, rel=1e-3)


@every_way
@pytest.mark.parametrize(("dtype", "device", "capability", "mixed"), PRECISIONS)
def test_the_precision_is_the_models(way, dtype, device, capability, mixed, tmp_path, monkeypatch):
    """Only what is handed to TRL: no card is needed."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    handed = {}
    monkeypatch.setattr(offline, f"{way.upper()}Config", lambda **given: handed.update(given))
    monkeypatch.setattr(offline, "tune", lambda *_: None)
    model = of_precision(dtype, device, monkeypatch)
    run(way, policy.Learner(model, TOKENIZER, None), tmp_path, settings(way))
    assert (handed["bf16"], handed["fp16"]) == mixed and handed["use_cpu"] == (device == "cpu")
    assert handed["per_device_train_batch_size"] * handed["gradient_accumulation_steps"] == 6


def test_a_pair_of_dpo_takes_the_room_of_two(tmp_path, monkeypatch):
    rows = {}
    monkeypatch.setattr(
        offline,
        "tune",
        lambda kind, args, *_: rows.update({kind: args.per_device_train_batch_size}),
    )
    width = len(TOKENIZER(PROMPTS[0])["input_ids"]) + 2
    for way, pair in (("sft", (PROMPTS[0], "1")), ("dpo", (PROMPTS[0], "1", "2"))):
        config = settings(way, prompts=8, micro_tokens=4 * width)
        run(way, fresh(), tmp_path, config, [pair] * 8)
    assert rows == {offline.SFTTrainer: 4, offline.Preferences: 2}
