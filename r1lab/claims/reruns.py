"""The second check: a part of the verdicts once more, from runs with other seeds (`data/again`).

Which claims and which seeds stands there in `chosen.json`, written before these runs were made.
Nothing else is stored: both verdicts are worked out when they are asked for, by one criterion.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from r1lab import stats
from r1lab.claims import ledger, luck, scoreboard
from r1lab.claims.ledger import Claim
from r1lab.claims.verdicts import Verdict
from r1lab.models import DATA
from r1lab.running.recorded import RECORDED, of_arm

AGAIN = DATA / "again"
ASKED = 95  # percent of the verdicts that shall agree


@dataclass(frozen=True)
class Rerun:
    """A claim's verdict, `verdict`, and the same from other seeds. first, second: the two as
    records (`scoreboard.record`). missing: why it does not count (yet), "" where it does."""

    claim: Claim
    verdict: Verdict
    first: dict
    second: dict
    missing: str

    @property
    def letters(self) -> tuple[str, str]:
        """Both verdicts."""
        return self.first["verdict"], self.second["verdict"]

    @property
    def agree(self) -> bool:
        return self.first["verdict"] == self.second["verdict"]


def chosen(folder: Path = AGAIN) -> tuple[list[Claim], list[int]]:
    """The claims to run again, in their order there, and the seeds. Raises ValueError for an id
    that the ledger does not have."""
    found = json.loads((folder / "chosen.json").read_text(encoding="utf-8"))
    known = {claim.id: claim for claim in ledger.load()}
    if unknown := [id for id in found["claims"] if id not in known]:
        raise ValueError(f"{folder / 'chosen.json'}: there is no claim {', '.join(unknown)}")
    return [known[id] for id in found["claims"]], found["seeds"]


def every(folder: Path = RECORDED, again: Path = AGAIN) -> list[Rerun]:
    """All chosen claims with both verdicts. folder: of the first runs; again: of the second."""
    claims, seeds = chosen(again)
    found = []
    for claim in claims:
        verdicts = [scoreboard.recompute(claim, place) for place in (folder, again)]
        records = [scoreboard.record(claim, verdict) for verdict in verdicts]
        missing = _lacking(claim, set(seeds), folder, again)
        if not scoreboard.tested(records[0]):
            missing = "there is no first verdict"
        found.append(Rerun(claim, verdicts[0], *records, missing))
    return found


def _lacking(claim: Claim, seeds: set[int], folder: Path, again: Path) -> str:
    """What keeps a claim's second verdict from being one: seeds that are not there, not chosen, or
    among the first."""
    said = []
    for experiment, arm in scoreboard.arms(claim):
        first, second = (
            {run.config["seed"] for run in of_arm(experiment, arm, place)}
            for place in (folder, again)
        )
        if twice := first & seeds:
            said.append(f"{arm.name} had {_seeds(twice)} at first")
        if second != seeds:
            said.append(f"{arm.name} has {_seeds(second)}")
    return ", ".join(said)


def _seeds(found: set[int]) -> str:
    return f"seed {', '.join(map(str, sorted(found)))}" if found else "no seed"


def counted(rows: list[Rerun]) -> list[Rerun]:
    """Those with all their second runs."""
    return [row for row in rows if not row.missing]


def by_chance(rows: list[Rerun]) -> float:
    """How many of these would agree, on average, if the second verdicts were dealt out to the
    claims at random."""
    first, second = (Counter(row.letters[i] for row in rows) for i in (0, 1))
    return sum(first[letter] * second[letter] for letter in first) / len(rows)


def expected(rows: list[Rerun], draws: int = 100) -> float:
    """How many of these would agree, on average, if each truth were what the first seeds saw and
    nothing but seeds differed. Known before the second runs."""
    return sum(luck.again(row.claim, row.verdict, draws) for row in rows)


def sentence(rows: list[Rerun]) -> str:
    """What came out, in a line. rows: of `every`."""
    held = counted(rows)
    if held:
        k, n = sum(row.agree for row in held), len(held)
        low, high = (100 * end for end in stats.wilson(k, n))
        said = f"{k} of {n} verdicts agree ({100 * k / n:.0f} %, 95 % interval {low:.0f} to "
        said += f"{high:.0f} %; {ASKED} % asked, {by_chance(held):.1f} of {n} if shuffled)."
    else:
        said = "no claim has all its second runs."
    if differ := [f"{row.claim.id} {' → '.join(row.letters)}" for row in held if not row.agree]:
        said += f" They differ in {', '.join(differ)}."
    if left := [row.claim.id for row in rows if row.missing]:
        said += f" Not counted: {', '.join(left)}."
    return f"Run again with other seeds: {said}"


def shown(rows: list[Rerun]) -> list[tuple[str, dict, dict]]:
    """What `rulers.against` draws: of each claim that counts the condition that tells."""
    return [(f"{row.claim.id} {' → '.join(row.letters)}", *telling(row)) for row in counted(rows)]


def telling(row: Rerun) -> tuple[dict, dict]:
    """The condition to show, of the first seeds and of the second: where the verdicts differ one
    in which they do, else the one that the first verdict hangs on."""
    pairs = list(zip(row.first["conditions"], row.second["conditions"], strict=True))
    differ = [(a, b) for a, b in pairs if (a["met"], a["missed"]) != (b["met"], b["missed"])]
    if differ and not row.agree:
        return differ[0]
    return next(pair for pair in pairs if pair[0] is scoreboard.deciding(row.first))


def line(row: Rerun) -> str:
    """A claim's two verdicts and the numbers that tell, in a line, or why it does not count."""
    if row.missing:
        return f"{row.claim.id:6} not counted: {row.missing}"
    first, second = telling(row)
    seen = f"{scoreboard.seen(first)} → {scoreboard.seen(second)}; asked {first['asked']:g}"
    return f"{row.claim.id:6} {' → '.join(row.letters)} {' ' if row.agree else '*'} {seen}"


def why(row: Rerun, draws: int = 100) -> str:
    """What speaks for luck where two verdicts differ, and what against it."""
    first, second = telling(row)
    low, high = first["ci95"]
    bound = "holds" if low <= first["asked"] <= high else "does not hold"
    inside = "in" if low <= second["effect"] <= high else "outside of"
    share = 100 * luck.again(row.claim, row.verdict, draws)
    return (
        f"{row.claim.id}, {first['metric']}: the first interval {bound} the bound, and the second "
        f"estimate lies {inside} it. Of 100 re-runs {share:.0f} would agree if what the first "
        "seeds saw were the truth."
    )
