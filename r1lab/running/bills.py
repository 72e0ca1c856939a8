"""What a recorded run cost in counted operations (`r1lab.cost`): its student, and apart from it the
teacher that wrote what it was taught."""

import numpy as np

from r1lab import cost, models, plots
from r1lab.cost import Work
from r1lab.records import Run

PROMPT = 14  # tokens of a prompt of the tiny world


def steps(run: Run) -> list[float]:
    """Operations of each step: sampled, forward and back."""
    of = cost.shape(models.config_of(run.summary["base"]))
    learns = "lora" if run.config["lora_rank"] else "full"
    return [cost.operations(of, _work(line, run), learns) for line in run.metrics]


def student(run: Run, until: str = "") -> float:
    """Operations of all steps up to the end of a stage, by default of the last one."""
    names = [one["name"] for one in run.config["stages"]]
    kept = names[: names.index(until) + 1] if until else names
    rows = zip(run.metrics, steps(run), strict=True)
    return sum(bill for line, bill in rows if _stage(line, run)["name"] in kept)


def asking(run: Run, base: str) -> float:
    """Operations of teachers of that base to write what a run was taught; 0 for a program's. What
    was asked counts, right or wrong."""
    of = cost.shape(models.config_of(base))
    asked = [one for one in run.summary["material"].values() if one["tokens"]]
    works = [(one["tokens"], PROMPT + one["tokens"] / one["answers"] / 2) for one in asked]
    return sum(cost.sampling(of, Work(tokens, 0, context)) for tokens, context in works)


def curve(runs: list[Run], unit: float, width: int = 9) -> list[list[float]]:
    """[bill, percent right] of reinforcement learning, the mean over seeds, from the base on: right
    answers while training, the mean of `width` steps. The bill is in units."""
    spent = np.mean([np.cumsum(steps(run)) for run in runs], 0) / unit
    right = np.mean([[line["accuracy"] for line in run.metrics] for run in runs], 0)
    start = np.mean([run.summary["before"]["accuracy"] for run in runs])
    points = zip([0.0, *spent], [start, *plots.smooth(right, width)[0]], strict=True)
    return [[float(bill), 100 * float(share)] for bill, share in points]


def row(name: str, pairs: list[tuple[Run, Run]], unit: float) -> dict:
    """What one stage of imitation cost and brought, means over seeds, for the ledger of prices.

    pairs: (run whose first stage it is, the run that trained its teacher) of one seed; where a
    program wrote the traces, the teacher is free whatever run stands there.
    """
    first = pairs[0][0].config["stages"][0]["name"]
    ends = [(run.summary.get("stages") or [run.summary["after"]])[0] for run, _ in pairs]
    asked = [asking(run, teacher.summary["base"]) for run, teacher in pairs]
    trained = [student(teacher) for _, teacher in pairs] if any(asked) else [0.0]
    bills = {"student": [student(run, first) for run, _ in pairs], "training": trained}
    bills["asking"] = asked
    right = 100 * float(np.mean([end["accuracy"] for end in ends]))
    means = {key: float(np.mean(values)) / unit for key, values in bills.items()}
    return {"name": name, "right": right} | means


def _stage(line: dict, run: Run) -> dict:
    stages = run.config["stages"]
    return next(s for s in stages if s["name"] == line.get("stage", stages[0]["name"]))


def _work(line: dict, run: Run) -> Work:
    """Of a step; imitation samples nothing, and its rows are as long as they are in the mean."""
    if "tokens" in line:
        return cost.of_run([line], PROMPT)
    rows = _stage(line, run)["prompts"]
    return Work(0, line["update_tokens"], line["update_tokens"] / rows / 2)
