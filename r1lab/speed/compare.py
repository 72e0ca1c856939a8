"""Two ways to do one thing, timed in turns: ratios, not speeds."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Row:
    """One comparison: medians of both sides in `unit`, the ratio peer / ours with its range over
    rounds."""

    what: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float


def side_by_side(
    what: str, peer: str, unit: str,
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int,
) -> Row:  # fmt: skip
    """ours and theirs: functions that do the work once and give its cost in `unit`. The sides take
    turns, each round gives one ratio, and the first call of both is not counted."""
    ours()  # it also pays for warming up
    theirs()
    costs = {ours: [], theirs: []}
    for i in range(rounds):
        for side in (ours, theirs) if i % 2 else (theirs, ours):
            costs[side].append(side())
    ratios = [b / a for a, b in zip(costs[ours], costs[theirs], strict=True)]
    middle = [statistics.median(costs[side]) for side in (ours, theirs)]
    return Row(what, peer, unit, *middle, statistics.median(ratios), min(ratios), max(ratios))


def table(rows: list[dict]) -> list[str]:
    """The rows, as they are recorded, in lines of Markdown."""
    lines = ["| what | ours | peer | | times faster [range] |", "|---|---|---|---|---|"]
    for r in (Row(**row) for row in rows):
        ours, theirs = (f"{x:,.0f}" if x >= 1000 else f"{x:.3g}" for x in (r.ours, r.theirs))
        lines.append(
            f"| {r.what} | {ours} {r.unit} | {r.peer} | {theirs} {r.unit} "
            f"| {r.ratio:.1f} [{r.low:.1f}, {r.high:.1f}] |"
        )
    return lines


def now() -> float:
    """Seconds of a clock, when all that a graphics card was given is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
