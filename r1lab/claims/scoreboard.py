"""Every claim beside its verdict, as records, as text and in one line."""

import textwrap
from collections import Counter
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path

from r1lab import experiments
from r1lab.claims import ledger
from r1lab.claims.ledger import Bar, Claim
from r1lab.claims.verdicts import WORDS, Verdict, judge, on_paper, reaches
from r1lab.claims.worked_out import WORKED_OUT
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.recorded import RECORDED, of_arm

WIDTH = 96


def recompute(claim: Claim, folder: Path = RECORDED, preset: str | None = None) -> Verdict:
    """The verdict from the runs in a folder, as they are now, or from disclosed figures. preset: of
    the runs, by default the one that each arm is recorded with."""
    if claim.id in WORKED_OUT:
        return on_paper(claim, WORKED_OUT[claim.id](claim.values))
    if not claim.experiment:
        return judge(claim, ())
    experiment = experiments.named(claim.experiment)

    @cache
    def arms(name: str) -> list[Run]:
        return of_arm(*experiments.arm(name, experiment), folder, preset)

    if missing := [name for name in claim.arms if not arms(name)]:
        return judge(claim, (), f"not recorded yet: {', '.join(missing)}")
    return judge(claim, experiment.evidence[claim.id](arms))


def arms(claim: Claim) -> list[tuple[Experiment, Arm]]:
    """The arms whose runs decide a claim, each with its experiment."""
    return [experiments.arm(name, experiments.named(claim.experiment)) for name in claim.arms]


def record(claim: Claim, verdict: Verdict) -> dict:
    """A claim with its verdict, ready for JSON. effect, ci95, n (values a seed) and seeds are those
    of the criterion's first condition, `conditions` has all; None where nothing was run. on_paper:
    it was worked out from disclosed figures, so there is an effect, but no n, seeds and interval.
    """
    shown = [
        _condition(bar, one.estimate, one.met, one.missed)
        | {"ci95": [one.low, one.high], "n": one.n, "by_seed": list(one.by_seed)}
        for bar, one in zip(claim.bars, verdict.found, strict=False)
    ]
    for bar, value in zip(claim.bars, verdict.on_paper, strict=False):
        met = reaches(bar, value)
        shown.append(
            _condition(bar, value, met, not met) | {"ci95": None, "n": None, "by_seed": None}
        )
    first = shown[0] if shown else {}
    return {
        "id": claim.id, "statement": claim.statement, "source": claim.source,
        "section": claim.section, "minute": claim.minute, "lesson": claim.lesson,
        "verdict": verdict.letter, "effect": first.get("effect"), "ci95": first.get("ci95"),
        "n": first.get("n"), "seeds": len(first["by_seed"]) if verdict.found else None,
        "on_paper": bool(verdict.on_paper), "when": claim.when or None,
        "predicted": claim.predicted, "numbers": claim.numbers, "criterion": claim.criterion,
        "every_seed": claim.every_seed, "reason": verdict.reason,
        "conditions": shown,
    }  # fmt: skip


def _condition(bar: Bar, effect: float, met: bool, missed: bool) -> dict:
    return asdict(bar) | {"effect": effect, "met": met, "missed": missed}


def seen(one: dict) -> str:
    """The number of a condition and its interval; none where it was worked out and not run."""
    if one["ci95"] is None:
        return f"{one['effect']:.3g}, worked out"
    low, high = one["ci95"]
    return f"{one['effect']:.3g} [{low:.3g}, {high:.3g}]"


def tested(row: dict) -> bool:
    """Whether runs of several seeds put the claim of a record to the test."""
    return row["verdict"] in ("R", "N", "I") and not row["on_paper"] and row["seeds"] > 1


def deciding(row: dict) -> dict | None:
    """The condition that a record's verdict hangs on: the first that is missed, else the first that
    is not met, else the first; None where nothing was run."""
    shown = row["conditions"]
    missed = [one for one in shown if one["missed"]]
    return next(iter([*missed, *(one for one in shown if not one["met"]), *shown]), None)


def judged(folder: Path = RECORDED) -> list[tuple[Claim, Verdict]]:
    """All claims with their verdicts, in the order of the ledger."""
    return [(claim, recompute(claim, folder)) for claim in ledger.load()]


def every(folder: Path = RECORDED) -> list[dict]:
    """All claims as records."""
    return [record(*pair) for pair in judged(folder)]


def summary(rows: list[dict]) -> str:
    """The scoreboard in one sentence."""
    count = Counter(row["verdict"] for row in rows)
    said = ", ".join(f"{count[letter]} {word}" for letter, word in WORDS.items())
    worked = sum(row["on_paper"] for row in rows)
    paper = f" Of these {worked} are worked out from disclosed figures." if worked else ""
    return f"{len(rows)} claims: {said}.{paper}"


def text(rows: list[dict]) -> str:
    """Rows for the terminal: a block a claim, then the summary of these."""
    return "\n\n".join([*map(block, rows), textwrap.fill(summary(rows), WIDTH)])


def block(row: dict) -> str:
    """A claim and its verdict as text."""
    fill = partial(textwrap.fill, width=WIDTH, initial_indent="    ", subsequent_indent="    ")
    where = f"{row['source']}, {row['section']}"
    lines = [f"{row['id']}  {WORDS[row['verdict']].upper()}  lesson {row['lesson']}  {where}"]
    lines.append(fill(row["statement"]))
    if row["criterion"]:
        when = f", {row['when']} the runs" if row["when"] else ""
        when = ", when the figures were known" if row["on_paper"] else when
        lines.append(fill(f"Asked{when}: {row['criterion']}"))
    for one in row["conditions"]:
        if row["on_paper"]:
            lines.append(fill(f"Worked out: {one['effect']:.3g}, {one['metric']}"))
            continue
        seeds = ", ".join(f"{value:.3g}" for value in one["by_seed"])
        n = f"; n = {one['n']} a seed" if one["n"] > 1 else ""
        lines.append(fill(f"Seen: {seen(one)}, {one['metric']}; seed by seed {seeds}{n}"))
    if row["verdict"] not in ("R", "N", "I"):
        lines.append(fill(row["reason"]))
    return "\n".join(lines)
