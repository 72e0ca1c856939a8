"""What the verdicts would be if more or less had been asked: the bound of every criterion is moved
at once, the numbers stay."""

from collections.abc import Sequence
from dataclasses import replace

from r1lab.claims.ledger import Bar, Claim
from r1lab.claims.verdicts import Verdict, decide

PLACES = [round(0.05 * i, 2) for i in range(41)]  # 0: no effect is asked; 1: as committed; 2: most


def moved(bar: Bar, place: float) -> Bar:
    """The bar with another `asked`: 0 puts it where there is no effect, 1 where it was committed, 2
    at the most that could come out; straight in between."""
    if place <= 1:
        return replace(bar, asked=bar.none + place * (bar.asked - bar.none))
    return replace(bar, asked=bar.asked + (place - 1) * (bar.most - bar.asked))


def letters(
    pairs: Sequence[tuple[Claim, Verdict]], places: Sequence[float] = PLACES
) -> dict[str, str]:
    """Id -> the verdict's letter at each place, for every claim that runs make R, N or I today."""
    return {
        claim.id: "".join(
            decide(replace(claim, bars=tuple(moved(bar, p) for bar in claim.bars)), verdict.found)
            .letter
            for p in places
        )
        for claim, verdict in pairs
        if verdict.letter in ("R", "N", "I") and verdict.found
    }  # fmt: skip
