"""Recorded runs, found by what stands in their `config.json`."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from r1lab import habits, models, records, stats
from r1lab.machine import presets
from r1lab.records import Run
from r1lab.running.arms import same
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.settings import Options, plan, settled
from r1lab.running.summary import differences

RECORDED = models.DATA / "runs"


def of_arm(
    experiment: Experiment, arm: Arm, folder: Path = RECORDED, preset: str | None = None
) -> list[Run]:
    """The finished runs of an arm in a folder of runs, in the order of their seeds. preset: that of
    runs made on this machine; by default the one the arm is recorded with."""
    if preset:
        wanted = plan(experiment, Options(arm.name, preset)).record
    else:
        usual = presets.named(arm.settings.get("preset", "cpu"))
        wanted = settled(experiment, Options(arm.name), usual).record
    there = [path.parent for path in folder.glob("*/summary.json")]
    found = [path for path in there if same(_config(path), wanted)]
    return sorted(map(records.load_run, found), key=lambda run: run.config["seed"])


def _config(path: Path) -> dict:
    """A run's config, read again only where its file has changed: the ledger asks for hundreds."""
    return _read(path, (path / "config.json").stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _read(path: Path, _changed: int) -> dict:
    return records.load_config(path)


def table(experiments: list[Experiment], folder: Path = RECORDED) -> str:
    """The recorded runs as a Markdown table, a row an arm that answers problems; intervals over
    seeds and problems."""
    rows = [
        "| arm | seeds | n | right | gain, points [95 %] | smallest, largest | other size, right "
        "| tokens | reflects | most frequent habit | minutes |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for experiment in experiments:
        for arm in experiment.arms:
            found = [run.summary for run in of_arm(experiment, arm, folder)]
            if found and "right" in _end(found[0]):  # a clock has no answers to judge
                rows.append(_row(arm.label, found))
    return "\n".join(rows)


def _row(label: str, found: list[dict]) -> str:
    trained = "gain" in found[0]
    minutes = sum(summary["seconds"] for summary in found) / len(found) / 60
    problems = len(_end(found[0])["right"])
    cells = [label, str(len(found)), str(problems), _over(found, _right), *_gain(found)]
    cells += [_over(found, read) for read in (_other, _tokens, _reflects, _habit)]
    return f"| {' | '.join(cells)} | {f'{minutes:.1f}' if trained else ''} |"


def _end(summary: dict) -> dict:
    """What was measured at last."""
    return summary["measured"] if "measured" in summary else summary["after"]


def _gain(found: list[dict]) -> list[str]:
    """The mean gain with its interval, and its range over seeds; empty where nothing is trained."""
    if "gain" not in found[0]:
        return ["", ""]
    gains = [differences(summary) for summary in found]
    interval = stats.seeds_interval(gains) if len(found) > 1 else stats.mean_interval(gains[0])
    mean, low, high = (100 * x for x in interval)
    single = [100 * summary["gain"]["accuracy"] for summary in found]
    return [f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]", f"{min(single):+.1f}, {max(single):+.1f}"]


def _over(found: list[dict], read: Callable[[list[dict]], str]) -> str:
    """What `read` makes of a part of all seeds: before → after, or measured alone."""
    parts = ["measured"] if "measured" in found[0] else ["before", "after"]
    said = [read([summary[part] for summary in found]) for part in parts]
    return " → ".join(said) if any(said) else ""


def _mean(parts: list[dict], key: str) -> float:
    return sum(part[key] for part in parts) / len(parts)


def _right(parts: list[dict]) -> str:
    return f"{100 * _mean(parts, 'accuracy'):.1f} %"


def _other(parts: list[dict]) -> str:
    return _right([part["other"] for part in parts]) if "other" in parts[0] else ""


def _tokens(parts: list[dict]) -> str:
    return f"{_mean(parts, 'length'):.0f}"


def _reflects(parts: list[dict]) -> str:
    return f"{100 * _mean(parts, 'reflects'):.1f} %"


def _habit(parts: list[dict]) -> str:
    """The habit of the largest share of answers."""
    if habits.key("guess") not in parts[0]:
        return ""
    shares = {name: _mean(parts, habits.key(name)) for name in habits.NAMES}
    most = max(shares, key=shares.__getitem__)
    return f"{most} {100 * shares[most]:.0f} %"
