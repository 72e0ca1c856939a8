"""The ledger: what the reports claim, and what each claim is held to (`data/claims.json`)."""

import json
from dataclasses import dataclass

from r1lab.models import DATA

PATH = DATA / "claims.json"
OWN = {  # what a reader's own row need not say
    "source": "own", "section": "made in lesson 11", "minute": None, "lesson": "11",
    "numbers": {}, "run": None, "predicted": "", "committed": "before",
}  # fmt: skip


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
    numbers: dict
    predicted: str
    when: str  # the criterion was committed "before" the runs, "after" them, or "": nothing to run
    void: bool
    why: str

    @property
    def values(self) -> dict[str, float]:
        """`numbers` without their marks: name -> value."""
        return {name: number["value"] for name, number in self.numbers.items()}


def load() -> list[Claim]:
    """All claims, in the order of the ledger."""
    found = json.loads(PATH.read_text(encoding="utf-8"))
    return [_claim(one, found["sources"]) for one in found["claims"]]


def numbers(id: str) -> dict[str, float]:
    """What one claim states and what is disclosed about it: name -> value. Raises KeyError where
    there is no such claim."""
    return {claim.id: claim for claim in load()}[id].values


def discrepancies() -> list[dict]:
    """Where the reports disagree with themselves or with each other: id, about, values (what,
    value and the title of its source), what we do."""
    found = json.loads(PATH.read_text(encoding="utf-8"))
    titles = {key: source["title"] for key, source in found["sources"].items()}
    return [
        one | {"values": [v | {"source": titles[v["source"]]} for v in one["values"]]}
        for one in found["discrepancies"]
    ]


def said(discrepancy: dict) -> str:
    """The values of one of `discrepancies` in a line, each with its source."""
    return "; ".join(f"{v['what']}: {v['value']} ({v['source']})" for v in discrepancy["values"])


def own(row: dict) -> Claim:
    """A reader's row of the ledger as a claim. It needs id, statement, metric and criterion, the
    last with text, none, asked, least, most and every_seed. Raises ValueError in one sentence for
    what is missing, and for a criterion with a fault (`faults`)."""
    wanted = {"id", "statement", "metric", "criterion"}
    if missing := wanted - set(row):
        raise ValueError(f"the row lacks {', '.join(sorted(missing))}")
    if missing := {"text", "none", "asked", "least", "most"} - set(row["criterion"]):
        raise ValueError(f"the criterion lacks {', '.join(sorted(missing))}")
    if found := [fault for bar in _bars(row) for fault in faults(bar)]:
        raise ValueError(found[0])
    return _claim(OWN | row, {"own": {"title": "a claim of one's own"}})


def faults(bar: Bar) -> list[str]:
    """Why a bar decides nothing, in sentences; empty where it can be met and can be missed."""
    found = []
    if bar.asked <= bar.least:
        found.append("it cannot fail: no more is asked than the least that can come out")
    if bar.asked > bar.most:
        found.append("it cannot be met: more is asked than the most that can come out")
    if not bar.least <= bar.none <= bar.most:
        found.append("`none`, no effect, lies outside of what can come out")
    if bar.none > bar.asked:
        found.append("no effect at all would reach what is asked: `none` lies above `asked`")
    return found


def _bars(one: dict) -> tuple[Bar, ...]:
    criterion = one["criterion"] or {}
    rows = [{"metric": one["metric"]} | criterion, *criterion.get("also", [])] if criterion else []
    return tuple(Bar(*(row[k] for k in Bar.__dataclass_fields__)) for row in rows)


def _claim(one: dict, sources: dict) -> Claim:
    criterion, run = one["criterion"] or {}, one["run"] or {}
    return Claim(
        id=one["id"], statement=one["statement"], source=sources[one["source"]]["title"],
        section=one["section"], minute=one["minute"], lesson=one["lesson"],
        criterion=criterion.get("text", ""),
        bars=_bars(one),
        every_seed=criterion.get("every_seed", False),
        experiment=run.get("experiment", ""), arms=tuple(run.get("arms", ())),
        planned=run.get("planned", ""), numbers=one["numbers"], predicted=one["predicted"],
        when=one["committed"] or "", void="void" in one,
        why=one.get("void") or one.get("untestable") or "",
    )  # fmt: skip
