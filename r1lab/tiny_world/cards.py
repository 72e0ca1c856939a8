"""The reports of the tiny bases in words and tables: a card for each, a row for each."""

import json
from dataclasses import asdict
from pathlib import Path

from r1lab import habits
from r1lab.tiny_world.corpus import RICH


def card(report: dict) -> str:
    """A base's card in Markdown: what it read, what it does, how well it does what it can."""
    made, name = report["pretraining"], report["name"]
    recipe = made["recipe"]
    knobs = recipe["knobs"]
    other = {k: v for k, v in knobs.items() if v != asdict(RICH)[k]}
    shown = {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in other.items()}
    said = ", ".join(f"`{k}={v}`" for k, v in shown.items()) or "none"
    return f"""# {name}

A base of the tiny world with {report["parameters"]:,} weights ({recipe["layers"]} layers, width
{recipe["width"]}) that has read {made["tokens"] / 1e6:.0f} million tokens, seed {recipe["seed"]}.
The text comes from `r1lab/tiny_world/corpus.py`; knobs that differ from `rich`: {said}.
No held-out problem of Countdown is posed in it or worked out on the way. The base is made again by
`python -m r1lab pretrain {name}` and measured by `python -m r1lab report {name}`. Temperature 1.

## What it does

{_does(report["strata"])}

## How well it does what it can

Each habit begun by force, {next(iter(report["begun"]["3"].values()))["n"]} held-out problems.

{_begun(report["begun"])}

If each share grows as its answers are paid, this passes guessing first: with three numbers
{report["forecast"]["3"] or "nothing"}, with four {report["forecast"]["4"] or "nothing"}.

## pass@k, beside guesses that know only the rules

{_passed(report)}

Weights, text and numbers: Apache-2.0. Made for teaching; it can do nothing but these two tasks.
"""


def _does(strata: dict) -> str:
    names = [n for n in habits.NAMES if any(s.get(habits.key(n)) for s in strata.values())]
    rows = [["problems", "n", "right [95 %]", "tokens", "wrong sums", "untrue yes / no", *names]]
    for stratum, found in strata.items():
        low, high = (100 * x for x in found["ci95"])
        right = f"{100 * found['accuracy']:.1f} % [{low:.1f}, {high:.1f}]"
        shares = [_percent(found.get(habits.key(n)), 0) for n in names]
        untrue = f"{_percent(found['false_yes'])} / {_percent(found['false_no'])}"
        sums = _percent(found["equation_errors"])
        rows.append([stratum, found["n"], right, f"{found['length']:.0f}", sums, untrue, *shares])
    return _table(rows)


def _begun(begun: dict) -> str:
    rows = [["numbers", "habit", "right", "tokens", "kept", "wrong sums", "false verdicts"]]
    for size, found in begun.items():
        for name, one in found.items():
            shares = [one["accuracy"], one["kept"], one["wrong_sums"], one["false_verdicts"]]
            right, kept, sums, verdicts = map(_percent, shares)
            rows.append([size, name, right, f"{one['length']:.0f}", kept, sums, verdicts])
    return _table(rows)


def _passed(report: dict) -> str:
    curves = report["pass_at_k"]
    ks = sorted(next(iter(curves.values())), key=int)
    rows = [["numbers", "", *ks]]
    for size in curves:
        for what, curve in (("base", curves[size]), ("chance", report["chance"][size])):
            rows.append([size, what, *(_percent(curve[k], 0) for k in ks)])
    return _table(rows)


def _percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"


def _table(rows: list[list]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def table(folder: Path) -> str:
    """The reports of all bases in `folder` as a Markdown table, the smallest first."""
    paths = sorted(folder.glob("*/report.json"))
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    rows = [[
        "base", "parameters", "right: 3 numbers", "4 numbers", "x 2 digits", "wrong sums",
        "in order, begun", "at random", "backwards", "4: at random", "sub-goal",
        "pass@1 / 16 / 256, 4 numbers", "chance",
    ]]  # fmt: skip
    rows += map(_row, sorted(reports, key=lambda report: report["parameters"]))
    return _table(rows)


def _row(report: dict) -> list[str]:
    strata, begun = report["strata"], report["begun"]
    asked = ("countdown, 3 numbers", "countdown, 4 numbers", "multiplication by 2 digits")
    right = [_percent(strata[name]["accuracy"]) for name in asked]
    ways = (("3", "in order"), ("3", "at random"), ("3", "backwards"), ("4", "at random"),
            ("4", "sub-goal"))  # fmt: skip
    can = [_percent(begun[size][name]["accuracy"], 0) for size, name in ways]
    curves = (report["pass_at_k"]["4"], report["chance"]["4"])
    passed = [" / ".join(f"{100 * c[k]:.0f}" for k in ("1", "16", "256")) + " %" for c in curves]
    name = f"[{report['name']}](data/models/{report['name']}/README.md)"
    size = f"{report['parameters'] / 1e6:.2f} M"
    return [name, size, *right, _percent(strata[asked[0]]["equation_errors"], 2), *can, *passed]
