"""Recorded runs, found by what stands in their `config.json`."""

from pathlib import Path

from r1lab import models, records, stats
from r1lab.machine import presets
from r1lab.records import Run
from r1lab.running.arms import same
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.settings import Options, settled
from r1lab.running.summary import differences

RECORDED = models.DATA / "runs"


def of_arm(experiment: Experiment, arm: Arm, folder: Path = RECORDED) -> list[Run]:
    """The finished runs of an arm in a folder of runs, in the order of their seeds."""
    preset = presets.named(arm.settings.get("preset", "cpu"))
    wanted = settled(experiment, Options(arm.name), preset).record
    there = [path.parent for path in folder.glob("*/summary.json")]
    found = [path for path in there if same(records.load_config(path), wanted)]
    return sorted(map(records.load_run, found), key=lambda run: run.config["seed"])


def table(experiments: list[Experiment], folder: Path = RECORDED) -> str:
    """The recorded runs as a Markdown table, a row an arm; intervals over seeds and problems."""
    rows = [
        "| arm | seeds | right before | right after | gain, points [95 %] | smallest, largest gain "
        "| tokens | reflects | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for experiment in experiments:
        for arm in experiment.arms:
            found = [run.summary for run in of_arm(experiment, arm, folder)]
            if found and "gain" in found[0]:
                rows.append(_row(arm.label, found))
    return "\n".join(rows)


def _row(label: str, found: list[dict]) -> str:
    gains = [differences(summary) for summary in found]
    interval = stats.seeds_interval(gains) if len(found) > 1 else stats.mean_interval(gains[0])
    mean, low, high = (100 * x for x in interval)
    single = [100 * summary["gain"]["accuracy"] for summary in found]

    def average(part: str, key: str) -> float:
        return sum(summary[part][key] for summary in found) / len(found)

    right = [100 * average(part, "accuracy") for part in ("before", "after")]
    tokens = [average(part, "length") for part in ("before", "after")]
    reflects = [100 * average(part, "reflects") for part in ("before", "after")]
    minutes = sum(summary["seconds"] for summary in found) / len(found) / 60
    return (
        f"| {label} | {len(found)} | {right[0]:.1f} % | {right[1]:.1f} % "
        f"| {mean:+.1f} [{low:+.1f}, {high:+.1f}] | {min(single):+.1f}, {max(single):+.1f} "
        f"| {tokens[0]:.0f} → {tokens[1]:.0f} | {reflects[0]:.1f} → {reflects[1]:.1f} % "
        f"| {minutes:.1f} |"
    )
