"""From a claim's tables to its verdict.

Reproduced: of every condition the 95 % interval lies above "no effect" and the estimate reaches
what was asked. Not reproduced: of one condition the whole interval lies below what was asked, or
every seed does where each must reach it. Inconclusive: anything else, and always with one seed.

What is worked out from disclosed figures has no seeds and no interval: a value reaches what was
asked, or it does not (`on_paper`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from r1lab import stats
from r1lab.claims.ledger import Bar, Claim
from r1lab.running.evidence import Table, mean

WORDS = {
    "R": "reproduced", "N": "not reproduced", "I": "inconclusive", "X": "cannot be tested here",
    "void": "void", "open": "no run yet",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What came out for one condition. by_seed: the estimate of each training seed. n: values a
    seed, 1 where a seed has only one number. met, missed: both False where it is undecided."""

    estimate: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    n: int
    met: bool = False
    missed: bool = False


@dataclass(frozen=True)
class Verdict:
    """letter: a key of WORDS. found: for each condition; none where there is no evidence. reason:
    one sentence. on_paper: values that were worked out in the place of runs, one a condition."""

    letter: str
    found: tuple[Found, ...]
    reason: str
    on_paper: tuple[float, ...] = ()


def judge(claim: Claim, tables: Sequence[Table], missing: str = "") -> Verdict:
    """The verdict on a claim. tables: one for each of its conditions, or none where no run is
    recorded; then `missing` may say which. A claim that is void or cannot be tested stays so,
    whatever its stand-in shows."""
    if tables and len(tables) != len(claim.bars):
        raise ValueError(f"{claim.id} has {len(claim.bars)} conditions, not {len(tables)}")
    seeds = min(map(len, tables), default=0)
    return decide(claim, tuple(map(_found, claim.bars, tables)) if seeds else (), missing)


def decide(claim: Claim, numbers: Sequence[Found], missing: str = "") -> Verdict:
    """The verdict on a claim from numbers that are there already, held to its bars as they are."""
    pairs = list(zip(claim.bars, numbers, strict=False))
    found = tuple(_held(claim.every_seed, bar, one) for bar, one in pairs)
    if claim.why:
        return Verdict("void" if claim.void else "X", found, claim.why)
    if not found:
        planned = f"planned: {claim.planned}" if claim.planned else "no run decides it yet"
        return Verdict("open", (), missing or planned)
    if min(len(one.by_seed) for one in found) == 1:
        return Verdict("I", found, "one seed decides nothing")
    if all(one.met for one in found):
        return Verdict("R", found, "every condition is met")
    pairs = list(zip(claim.bars, found, strict=True))
    if missed := [_said(bar, one) for bar, one in pairs if one.missed]:
        return Verdict("N", found, "missed: " + "; ".join(missed))
    open_ones = [_said(bar, one) for bar, one in pairs if not one.met]
    return Verdict("I", found, "neither met nor missed: " + "; ".join(open_ones))


def on_paper(claim: Claim, values: Sequence[float]) -> Verdict:
    """The verdict on a claim that disclosed figures decide. values: one for each condition."""
    bars = list(zip(claim.bars, values, strict=True))
    missed = [(bar, value) for bar, value in bars if not reaches(bar, value)]
    said = "; ".join(f"{bar.metric}: {bar.asked:g} asked, {value:.3g}" for bar, value in missed)
    reason = f"missed: {said}" if missed else "every condition is met"
    return Verdict("N" if missed else "R", (), reason, tuple(values))


def reaches(bar: Bar, value: float) -> bool:
    """Whether a value without an interval is what was asked."""
    return value >= bar.asked and value > bar.none


def _said(bar: Bar, found: Found) -> str:
    reached = sum(value >= bar.asked for value in found.by_seed)
    return (
        f"{bar.metric}: {bar.asked:g} asked, {found.estimate:.3g} "
        f"[{found.low:.3g}, {found.high:.3g}] seen, "
        f"{reached} of {len(found.by_seed)} seeds reach it"
    )


def _found(bar: Bar, table: Table) -> Found:
    estimate, low, high = interval(table, bar)
    by_seed = tuple(float(mean(values)) for values in table)
    return Found(float(estimate), float(low), float(high), by_seed, len(table[0]))


def _held(every_seed: bool, bar: Bar, found: Found) -> Found:
    """The same numbers, held to a bar."""
    each = min(found.by_seed) >= bar.asked or not every_seed
    none = every_seed and max(found.by_seed) < bar.asked
    met = found.estimate >= bar.asked and found.low > bar.none and each
    return replace(found, met=met, missed=found.high < bar.asked or none)


def interval(table: Table, bar: Bar) -> stats.Interval:
    """Over seeds and problems, inside what the metric can be. Where all answers lie at one
    end of that (0 of n in every seed), the end of Wilson's interval for the same count."""
    estimate, low, high = stats.seeds_interval(table)
    if low == high and estimate in (bar.least, bar.most) and len(table[0]) > 1:
        share = stats.wilson(0, sum(map(len, table)))[1] * (bar.most - bar.least)
        return estimate, max(bar.least, low - share), min(bar.most, high + share)
    return estimate, max(bar.least, low), min(bar.most, high)
