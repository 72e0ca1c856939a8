"""The ledger of claims: complete, and no criterion that could not come out both ways."""

import json
from pathlib import Path

import pytest

from r1lab import experiments

LEDGER = json.loads(
    (Path(__file__).resolve().parent.parent / "data/claims.json").read_text("utf-8")
)
CLAIMS, SOURCES = LEDGER["claims"], LEDGER["sources"]
FIELDS = {
    "id", "statement", "source", "section", "minute", "numbers", "tier", "lesson", "run", "metric",
    "criterion", "predicted", "committed",
}  # fmt: skip
RANGE = {"none", "asked", "least", "most"}
OUTCOMES = ("reproduced", "not reproduced")
MARKS = ("read", "digitised", "secondary", "derived")


def why_not(claim: dict) -> str | None:
    """Why a claim gets neither R nor N."""
    return claim.get("untestable") or claim.get("void")


def test_134_claims_18_discrepancies_each_once():
    for rows, n in ((CLAIMS, 134), (LEDGER["discrepancies"], 18)):
        assert len({row["id"] for row in rows}) == len(rows) == n
    assert len({claim["statement"] for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c["id"])
def test_a_claim_has_its_fields(claim):
    assert FIELDS <= set(claim) <= FIELDS | {"untestable", "void"}
    assert 20 < len(claim["statement"]) <= 300 and claim["section"]
    assert claim["source"] in SOURCES
    assert claim["lesson"] in {f"{n:02}" for n in range(12)}
    assert claim["tier"] in ("T0", "T1", "T2", "T3") or (claim["tier"] is None and why_not(claim))
    assert not {"untestable", "void"} <= set(claim)
    late = "void" in claim and claim["committed"]  # found out when its runs were there
    foreseen = OUTCOMES if late or not why_not(claim) else ("cannot be tested here",)
    assert claim["predicted"] in foreseen
    assert claim["metric"] and claim["criterion"] or not claim["criterion"] and why_not(claim)
    assert claim["committed"] in (
        ("before", "after") if claim["run"] and claim["criterion"] else (None,)
    )


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c["id"])
def test_a_number_says_how_it_was_read(claim):
    for name, number in claim["numbers"].items():
        assert number["mark"] in MARKS and isinstance(number["value"], (int, float)), name
        assert ("error" in number) == (number["mark"] == "digitised"), name
        assert number.get("source", claim["source"]) in SOURCES, name


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c["criterion"]], ids=lambda c: c["id"])
def test_a_criterion_can_be_met_and_can_be_missed(claim):
    criterion = claim["criterion"]
    assert RANGE | {"text", "every_seed"} <= set(criterion) and criterion["every_seed"] in (0, 1)
    for one in (criterion, *criterion.get("also", ())):
        assert set(one) >= RANGE | ({"metric"} if one is not criterion else set())
        assert one["least"] <= one["none"] <= one["asked"] <= one["most"]
        assert one["least"] < one["asked"]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c["id"])
def test_a_run_exists_or_is_planned(claim):
    run = claim["run"]
    if not run:
        assert claim["tier"] in (None, "T0") or why_not(claim)
    elif "planned" in run:
        assert run["planned"][0] in "ABCDEFGHIJKL"
    else:
        for name in run["arms"]:
            experiments.arm(name, experiments.named(run["experiment"]))
        assert run["arms"]


def test_sources_and_discrepancies_say_where():
    read = {source["read"] for source in SOURCES.values()}
    assert read == {"primary", "transcription", "secondary"}
    named = [claim["source"] for claim in CLAIMS]
    named += [n["source"] for claim in CLAIMS for n in claim["numbers"].values() if "source" in n]
    for one in LEDGER["discrepancies"]:
        assert one["about"] and one["what we do"] and one["values"]
        named += [value["source"] for value in one["values"]]
    assert set(named) == set(SOURCES)
