"""What ships: small, complete, without a path of the machine that made it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from r1lab import experiments, models, plots, records, tasks, verify
from r1lab.tiny_world import cards

DATA = Path(__file__).resolve().parent.parent / "data"
RUNS = sorted(p.parent for p in (DATA / "runs").glob("*/config.json"))
# Adapters that ship: seed 0's of each experiment's first arm, to load and to train further, and all
# stages of the lineage; of the first five seeds what other runs load, to start from it, to ask it,
# to be taught by it. `run` makes the others again.
LOADED = {
    "habits-rule": ("trained",), "zero-rule": ("trained",), "judge-rule": ("trained",),
    "delay-delay-16": ("trained",), "distillation-rl": ("trained", "trained-rl"),
    "distillation-from-large": ("trained-large",),
}  # fmt: skip
STAGES = ("trained-dev1", "trained-dev2", "trained-dev3")


def test_weights_are_small_together():
    assert sum(p.stat().st_size for p in (DATA / "models").rglob("*.safetensors")) < 40_000_000


def test_no_text_file_holds_a_path_of_a_machine():
    for path in DATA.rglob("*"):
        if path.suffix in (".json", ".jsonl", ".md"):
            found = re.search(
                r"(?<![\w.])/(home|root|tmp|work|usr|Users)/", path.read_text(encoding="utf-8")
            )
            assert not found, f"{path}: {found}"


def test_the_papers_curves_name_their_source():
    papers = json.loads((DATA / "papers.json").read_text())
    for name, record in papers.items():
        assert "Figure" in record["source"] and record["how"], name
        x, y, _ = plots.paper_curve(name)
        assert len(x) >= 7 and (np.diff(x) > 0).all() and (y > 0).all()


@pytest.mark.parametrize("folder", RUNS, ids=lambda p: p.name)
def test_a_recorded_run_is_complete_and_consistent(folder):
    run = records.load_run(folder)
    steps = sum(stage["steps"] for stage in run.config["stages"])
    assert [m["step"] for m in run.metrics] == list(range(1, steps + 1))
    assert folder.name.endswith(f"-s{run.config['seed']}")
    for part in ("before", "after") if steps else ("measured",):
        if "right" not in run.summary[part] or "counts" in run.summary[part]:
            continue  # it measures something else than answers, or problems of its own
        right = run.summary[part]["right"]
        n = run.summary[part]["n"]
        assert len(right) == n == run.config["eval_problems"]
        assert run.summary[part]["accuracy"] == right.count("1") / len(right)
    if run.config["experiment"] in ("zero", "habits"):
        assert run.summary["sampled_tokens"] == sum(m["tokens"] for m in run.metrics)
    arm, seed = folder.name.rsplit("-s", 1)
    kept = set(LOADED.get(arm, ())) if int(seed) < 5 else set()
    name = run.config["experiment"]
    first = arm == f"{name}-{experiments.named(name).arms[0].name}"
    # of SmolLM2 none: its adapters have 10 MB each
    if steps and seed == "0" and run.config["preset"] == "cpu" and (first or arm == "cold-lineage"):
        kept |= {"trained", *(STAGES if arm == "cold-lineage" else ())}
    assert {path.name for path in folder.glob("trained*")} == kept
    drawn = (folder / "figure.png").is_file()
    assert drawn or seed != "0" or run.config["preset"] == "smol"  # to look at
    assert seed == "0" or not drawn  # the others can be drawn


def test_what_a_recorded_run_started_from_or_asked_ships_with_it():
    for config in map(records.load_config, RUNS):
        asked, seed = config.get("of", ""), config["seed"]
        if asked and "{seed}" not in asked:
            asked += f"-s{seed % 5}/{config.get('last', 'trained')}"
        named = {stage["name"] for stage in config["stages"]} | {"", "base"}
        for where in {asked, *(stage["start"] for stage in config["stages"])} - named:
            assert (models.of_run(where, seed) / "adapter_config.json").is_file(), where


@pytest.mark.parametrize("folder", RUNS, ids=lambda p: p.name)
def test_recorded_rewards_are_what_the_verifier_says_today(folder):
    for sample in records.read_jsonl(folder / "samples.jsonl"):
        question = sample.get("question", "")
        if sample["task"] == "equality" and not question:  # earlier records: in the prompt alone
            question = re.search("compute (.*)[.]\n", sample["prompt"])[1]
        given = tuple(sample["numbers"]), sample["target"], question
        problem = tasks.Problem(sample["task"], *given)
        assert tasks.split_of(problem) == "train"
        taught = sample.get("stage") == "untidy"  # right or wrong: its 1.0 says that it was taught
        if "accuracy" in sample["rewards"] and not taught:
            verdicts = [verify.verify(problem, t) for t in sample["completions"]]
            assert sample["rewards"]["accuracy"] == [float(v.correct) for v in verdicts]


@pytest.mark.parametrize(
    "folder", [p for p in RUNS if p.name.startswith("zero")][:1], ids=lambda p: p.name
)
def test_the_figure_of_a_run_says_what_it_shows(folder, tmp_path):
    run = records.load_run(folder)
    figure = plots.self_evolution(run.metrics, run.summary)
    assert len(figure.axes) == 6
    for axis in figure.axes:
        assert axis.get_title(loc="left") and axis.get_xlabel() and axis.get_ylabel()
    assert f"n = {run.summary['n']}" in figure.axes[-1].get_xlabel()
    plots.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name", [n for n in models.TINY if (DATA / "models" / n / "report.json").is_file()]
)
def test_a_card_belongs_to_its_weights(name):
    folder = DATA / "models" / name
    report = json.loads((folder / "report.json").read_text())
    model, _ = models.load(name)
    assert report["name"] == name and report["parameters"] == model.num_parameters()
    assert (folder / "README.md").read_text(encoding="utf-8") == cards.card(report)
    for curves in (report["pass_at_k"], report["chance"]):
        for curve in curves.values():
            passed = [curve[k] for k in sorted(curve, key=int)]
            assert passed == sorted(passed)
    for size in ("3", "4"):
        by_habit = report["strata"][f"countdown, {size} numbers"]["by_habit"]
        assert sum(one["n"] for one in by_habit.values()) == 512


def test_the_real_model_was_asked_in_every_template():
    found = json.loads((DATA / "smollm2.json").read_text())
    assert set(found["templates"]) == {"smollm2", "r1", "plain"}
    for part in found["templates"].values():
        assert part["n"] == 320 and part["ci95"][0] <= part["accuracy"] <= part["ci95"][1]
        assert sum(part["reasons"].values()) == part["n"]
