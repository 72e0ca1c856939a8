"""What came out of a run: `summary.json`, in numbers and in words."""

import platform
import sys
from dataclasses import asdict
from datetime import date

import torch

from r1lab import records, stats
from r1lab.running.journal import Journal
from r1lab.running.progress import compared
from r1lab.running.settings import Plan


def summarise(plan: Plan, record: records.Run, journal: Journal) -> dict:
    """The content of summary.json, but for what memory and time were predicted and taken.

    gain: paired by problem, with its bootstrap interval, where something was trained; seconds: of
    the training steps, without measurements; update_tokens: that went forward and back.
    """
    sampled = (*record.metrics, *journal.about.values())
    found = {
        "experiment": plan.experiment.name, "preset": plan.preset.name, "engine": plan.engine,
        "base": plan.preset.model, "lora_rank": plan.preset.lora_rank, "seed": plan.seed,
        "recipe": plan.record["recipe"], "steps": plan.steps,
        "seconds": round(sum(t["seconds"] for t in record.timing), 1),
        "sampled_tokens": sum(m.get("tokens", 0) for m in sampled),
        "update_tokens": sum(m.get("update_tokens", 0) for m in record.metrics),
        "evaluation": {k: round(v, 1) for k, v in journal.evaluation.items()},
        "alarms": [asdict(alarm) for alarm in journal.alarms], "material": {},
    }  # fmt: skip
    measured = journal.measured
    if len(measured) == 1:
        return found | {"measured": measured[0]} | made_by(plan)
    before, after = measured[0], measured[-1]
    found |= {"before": before, "after": after, "n": after["n"]}
    found |= {"gain": gain(before, after)} if "right" in before else {}
    if len(measured) > 2:
        names = [leg.stage.name for leg in plan.legs]
        pairs = zip(names, measured[1:], strict=True)
        found["stages"] = [{"name": name} | part for name, part in pairs]
    rewards = [leg.reward for leg in plan.legs if leg.reward]
    if rewards:
        found["reward"] = rewards[-1]
    return found | made_by(plan)


def made_by(plan: Plan) -> dict:
    """When, where and with which command."""
    cuda = plan.preset.device == "cuda"
    threads = f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    return {
        "date": date.today().isoformat(),
        "machine": torch.cuda.get_device_name() if cuda else threads,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "command": "python -m r1lab " + " ".join(sys.argv[1:]),
    }


def gain(before: dict, after: dict) -> dict:
    """Accuracy won, by paired problems, with its 95 % interval over problems."""
    mean, low, high = stats.mean_interval(differences({"before": before, "after": after}))
    return {"accuracy": mean, "ci95": [round(low, 4), round(high, 4)]}


def differences(summary: dict) -> list[int]:
    """Per held-out problem of a run: 1 newly right, 0 as before, -1 newly wrong."""
    pairs = zip(summary["before"]["right"], summary["after"]["right"], strict=True)
    return [int(after) - int(before) for before, after in pairs]


def report(summary: dict) -> str:
    """A run's result in a few lines for the terminal."""
    if "measured" in summary:
        return row("measured", summary["measured"])
    stages = summary.get("stages", [{"name": "trained"} | summary["after"]])
    lines = [row("base", summary["before"]), *(row(part["name"], part) for part in stages)]
    if "gain" in summary:
        low, high = summary["gain"]["ci95"]
        lines.append(
            f"gain     {100 * summary['gain']['accuracy']:+.1f} points [{100 * low:+.1f}, "
            f"{100 * high:+.1f}], n = {summary['n']} held-out problems, {summary['steps']} steps "
            f"in {summary['seconds'] / 60:.1f} min"
        )
    return "\n".join([*lines, *compared(summary)])


def row(name: str, part: dict) -> str:
    """What was measured, in a line: accuracy and reflection, or else the numbers there are."""
    if "accuracy" not in part:
        numbers = {k: v for k, v in part.items() if isinstance(v, int | float)}
        return f"{name:8} " + "   ".join(f"{k} {v:.4g}" for k, v in numbers.items())
    low, high = part["ci95"]
    return (
        f"{name:8} right {100 * part['accuracy']:5.1f} %  [{100 * low:.1f}, {100 * high:.1f}]   "
        f"{part['length']:6.1f} tokens   reflects in {100 * part['reflects']:.1f} % of answers"
    )
