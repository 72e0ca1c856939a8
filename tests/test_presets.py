"""The dial: what "auto" takes on which machine, and in which precision."""

from types import SimpleNamespace

import pytest
import torch

from r1lab import grpo, models, tasks
from r1lab.machine import presets


def card(monkeypatch, name, gib, capability):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)  # a T4 says so, too
    there = SimpleNamespace(name=name, total_memory=int(gib * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: there)


@pytest.mark.parametrize(
    ("name", "gib", "capability", "preset", "dtype"),
    [
        ("Tesla T4", 14.6, (7, 5), "t4", "float16"),
        ("RTX 3060", 11.8, (8, 6), "t4", "bfloat16"),
        ("RTX 4090", 23.6, (8, 9), "gpu24", "bfloat16"),
        ("Quadro RTX 6000", 23.5, (7, 5), "gpu24", "float16"),
        ("RTX 2060", 5.8, (7, 5), "cpu", "float32"),
    ],
)
def test_auto_reads_the_card_and_its_real_precision(
    monkeypatch, name, gib, capability, preset, dtype
):
    card(monkeypatch, name, gib, capability)
    picked, (_, why) = presets.pick("auto"), presets.choose()
    assert (picked.name, picked.dtype) == (preset, dtype)
    assert name in why and f"{gib:.0f} GiB" in why
    assert dtype in presets.words(picked) and (preset == "cpu" or name in presets.words(picked))


def test_without_a_card_auto_is_cpu_and_a_card_preset_says_what_to_do(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert presets.pick("auto").name == "cpu" and "no NVIDIA card" in presets.choose()[1]
    with pytest.raises(ValueError, match="take --preset cpu or smol, or on Colab"):
        presets.pick("t4")


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_preset_is_whole(name):
    """Its settings make a run, its model has a known shape or lies here, and a hub model is
    pinned."""
    preset = presets.named(name)
    grpo.Config(prompts=preset.prompts, group=preset.group, max_new=preset.max_new)
    config = models.config_of(preset.model)
    assert config.max_position_embeddings > preset.max_new
    if "/" in preset.model:
        assert len(models.commit(preset.model)) == 40
        assert preset.lr <= 5e-5  # the band that was reported to work for LoRA on a real base


@pytest.mark.parametrize(("name", "task"), [("cpu", None), ("gpu24", None), ("t4", "countdown")])
def test_a_preset_asks_for_no_more_problems_than_there_are(name, task):
    preset = presets.named(name)
    pool = tasks.problems(
        task or preset.task, preset.train_problems, 0, "train", preset.size or None
    )
    assert len(pool) == preset.train_problems
