"""The ledger: what the reports claim, and what each claim is held to (`data/claims.json`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from r1lab.models import DATA

PATH = DATA / "claims.json"


@dataclass(frozen=True)
class Bar:
    """One condition of a criterion: the 95 % interval of `metric` lies above `none`, where there is
    no effect, and the estimate reaches `asked`. It cannot leave [`least`, `most`]."""

    metric: str
    none: float
    asked: float
    least: float
    most: float


@dataclass(frozen=True)
class Claim:
    """A claim in our words. bars: none where it has no criterion. every_seed: each training seed
    must reach what is asked. experiment, arms: the runs that decide it, "" and none where there is
    no such experiment (yet). why: it is void, or cannot be tested here. numbers: what it states and
    what is disclosed about it, by name."""

    id: str
    statement: str
    source: str
    section: str
    minute: str | None
    lesson: str
    criterion: str
    bars: tuple[Bar, ...]
    every_seed: bool
    experiment: str
    arms: tuple[str, ...]
    planned: str
    predicted: str
    when: str  # the criterion was committed "before" the runs, "after" them, or "": nothing to run
    void: bool
    why: str
    numbers: Mapping[str, float]


def load() -> list[Claim]:
    """All claims, in the order of the ledger."""
    found = json.loads(PATH.read_text(encoding="utf-8"))
    return [_claim(one, found["sources"]) for one in found["claims"]]


def numbers(id: str) -> Mapping[str, float]:
    """The numbers of one claim. Raises KeyError where there is no such claim."""
    return {claim.id: claim.numbers for claim in load()}[id]


def _claim(one: dict, sources: dict) -> Claim:
    criterion, run = one["criterion"] or {}, one["run"] or {}
    also = criterion.get("also", [])
    rows = [{"metric": one["metric"]} | criterion, *also] if criterion else []
    return Claim(
        id=one["id"], statement=one["statement"], source=sources[one["source"]]["title"],
        section=one["section"], minute=one["minute"], lesson=one["lesson"],
        criterion=criterion.get("text", ""),
        bars=tuple(Bar(*(row[k] for k in Bar.__dataclass_fields__)) for row in rows),
        every_seed=criterion.get("every_seed", False),
        experiment=run.get("experiment", ""), arms=tuple(run.get("arms", ())),
        planned=run.get("planned", ""), predicted=one["predicted"],
        when=one["committed"] or "", void="void" in one,
        why=one.get("void") or one.get("untestable") or "",
        numbers={name: number["value"] for name, number in one["numbers"].items()},
    )  # fmt: skip
