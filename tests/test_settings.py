"""From what a reader chooses to config.json: what wins, what is refused, what old runs are taken for."""

import json
from pathlib import Path

import pytest

from r1lab import experiments, records
from r1lab.machine import presets
from r1lab.records import configs
from r1lab.running import arms, settings
from r1lab.running.recorded import of_arm
from r1lab.running.settings import Options

RUNS = sorted((Path(__file__).resolve().parent.parent / "data" / "runs").glob("*/config.json"))
ZERO = experiments.named("zero")


def config(name="zero", arm=None, preset="cpu", **chosen):
    experiment = experiments.named(name)
    return settings.settled(
        experiment, Options(arm, preset, 4, chosen), presets.named(preset)
    ).record


def test_the_reader_wins_over_the_arm_and_the_arm_over_the_preset():
    assert config("habits")["stages"][0]["lr"] == 1e-3  # the preset's
    assert config()["stages"][0]["lr"] == 1.2e-3  # what the experiment wants there
    assert config(arm="slow")["stages"][0]["lr"] == pytest.approx(3e-4)
    assert config(arm="slow", lr=0.1)["stages"][0]["lr"] == 0.1
    assert (
        config(arm="slow")["stages"][0]["steps"],
        config(arm="slow", steps=7)["stages"][0]["steps"],
    ) == (255, 7)
    assert config(arm="full")["stages"][0]["lr"] == pytest.approx(1.2e-4)  # a tenth of LoRA's
    assert (
        config("dpo")["stages"][0]["lr"] == 1e-3 and config("dpo", lr=5.0)["stages"][0]["lr"] == 5.0
    )


def test_what_an_experiment_wants_on_a_preset_holds_there_alone():
    assert (config()["size"], config("sft")["size"]) == (4, 0)
    assert config(preset="smol")["size"] == 0 and config(size=3)["size"] == 3
    assert config(task="countdown") == config()
    other = config(task="multiplication")  # whose sizes are its own
    assert other["size"] == 0 and other["max_new"] == config()["max_new"]
    assert config("habits", also=4)["also"] == 4 != config("habits")["also"]


def test_a_setting_reaches_its_method_and_its_objective():
    stage = config(loss="dapo", beta=0.01, updates=4, group=16)["stages"][0]
    assert (stage["average"], stage["clip_high"], stage["beta"]) == ("step", 0.28, 0.01)
    assert (stage["updates"], stage["group"]) == (4, 16)
    assert config(loss="dapo", clip_high=0.2)["stages"][0]["clip_high"] == 0.2


def test_a_setting_of_one_stage_leaves_the_others_alone():
    found = config(**{"grpo.beta": 0.5})
    assert found["stages"][0]["beta"] == 0.5


@pytest.mark.parametrize(
    ("name", "chosen", "words"),
    [
        ("zero", {"betta": 1}, "no setting 'betta': choose one of .*beta"),
        ("zero", {"sft.lr": 1.0}, "no setting 'sft.lr'"),
        ("sft", {"reward": "rule"}, "no setting 'reward'"),
        ("sft", {"updates": 2}, "no setting 'updates'"),
        ("zero", {"engine": "vllm"}, "choose one of own, trl"),
        ("zero", {"recipe": "fast"}, "choose one of quick, slow"),
        ("zero", {"reward": "luck"}, "unknown reward 'luck'"),
        ("zero", {"task": "chess"}, "chess"),
        ("zero", {"loss": "ppo"}, "ppo"),
        ("dpo", {"lora_rank": 0}, "DPO needs LoRA"),
        ("zero", {"group": 1}, "at least 2 completions"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(name, chosen, words):
    with pytest.raises(ValueError, match=words) as error:
        config(name, **chosen)
    assert "\n" not in str(error.value)


def test_set_reads_each_value_as_its_setting_wants_it():
    pairs = ["beta=0.01", "updates=4", "loss=dr_grpo", "tau=0.5", "grpo.lr=1e-3", "base=poor"]
    assert settings.parse(pairs, ZERO) == {
        "beta": 0.01, "updates": 4, "loss": "dr_grpo", "tau": 0.5, "grpo.lr": 1e-3, "base": "poor",
    }  # fmt: skip
    for bad, words in (
        ("updates=many", "whole number"), ("beta", "KEY=VALUE"), ("lr=nan", "a number"), ("updates=1.5", "whole"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            settings.parse([bad], ZERO)


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.parent.name)
def test_every_recorded_run_belongs_to_one_arm(path):
    """Found by what stands in config.json: the folder's name plays no part."""
    found = records.load_config(path.parent)
    homes = [
        (experiment.name, arm.name)
        for experiment in experiments.every()
        for arm in experiment.arms
        if arms.same(found, config(experiment.name, arm.name, arm.settings.get("preset", "cpu")))
    ]
    assert len(homes) == 1


def test_runs_are_found_whatever_their_folders_are_called(tmp_path):
    for i, seed in enumerate((3, 0)):
        folder = tmp_path / f"any{i}"
        folder.mkdir()
        records.write_json(folder / "config.json", config() | {"seed": seed})
        (folder / "summary.json").write_text("{}")
    (tmp_path / "unfinished").mkdir()
    records.write_json(tmp_path / "unfinished" / "config.json", config() | {"seed": 1})
    assert [r.config["seed"] for r in of_arm(ZERO, ZERO.arm("rule"), tmp_path)] == [0, 3]
    assert of_arm(ZERO, ZERO.arm("random"), tmp_path) == []


def test_memory_and_seed_are_no_difference_between_arms():
    other = json.loads(json.dumps(config() | {"seed": 9, "revision": "abc"}))
    other["stages"][0] |= {"seed": 9, "micro_tokens": 17}
    assert arms.same(config(), other)
    other["stages"][0]["lr"] = 1.0
    assert not arms.same(config(), other)


def test_the_name_of_a_run_says_what_differs():
    assert arms.run_name(ZERO, Options(seed=3)) == "zero-rule-s3"
    chosen = Options("random", "smol", 1, {"loss": "dapo", "base": "a/b"})
    assert arms.run_name(ZERO, chosen) == "zero-smol-random-base-a-b-loss-dapo-s1"


def test_an_older_config_is_read_as_the_newest_version_writes_it():
    """Version 2 knew the usual size of a task's problems alone, version 3 no second one."""
    new = config("sft")
    old = {k: v for k, v in new.items() if k not in ("size", "also")} | {"version": 2}
    assert configs.upgraded(old) == new and configs.upgraded(new) == new
    assert arms.same(configs.upgraded(old), new)
    assert not arms.same(configs.upgraded(old), config("sft", size=4))
    third = config("zero") | {"version": 3}
    del third["also"], third["think_on"]
    assert configs.upgraded(third) == config("zero") and config("zero")["size"] == 4


def test_in_fast_mode_an_arms_own_sizes_give_way_and_the_readers_do_not(monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    small = settings.plan(ZERO, Options(None, "cpu")).record
    assert (small["size"], small["max_new"], small["stages"][0]["steps"]) == (4, 96, 4)
    long = Options("parts-long", "cpu")
    assert settings.plan(experiments.named("habits"), long).record["stages"][0]["steps"] == 4
    chosen = settings.plan(ZERO, Options(None, "cpu", 0, {"steps": 7})).record
    assert chosen["stages"][0]["steps"] == 7
    monkeypatch.delenv("R1LAB_FAST")
    assert settings.plan(experiments.named("habits"), long).record["stages"][0]["steps"] == 300
