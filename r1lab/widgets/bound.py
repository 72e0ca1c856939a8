"""The bound slider of lesson 11: ask more or less of every claim at once, see the verdicts change.

The verdicts at each place are worked out here, by the ledger's own rule; `bound.js`, in the output
itself, shows them without a kernel and in exported HTML too.
"""

import base64
from collections.abc import Sequence
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import plots
from r1lab.claims import bounds
from r1lab.claims.ledger import Claim
from r1lab.claims.verdicts import WORDS, Verdict
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
LOOK = "background:#fff;color:#222;font:13px sans-serif;padding:8px;max-width:860px"
ORDER = "RIN"  # from below
TICKS = {0: "no effect", 1: "as committed", 2: "the most possible"}


def counts(letters: dict[str, str]) -> dict[str, list[int]]:
    """How many claims are R, I and N at each place. letters: of `bounds.letters`."""
    columns = list(zip(*letters.values(), strict=True))
    return {letter: [column.count(letter) for column in columns] for letter in ORDER}


def draw(letters: dict[str, str]) -> Figure:
    """The still face: all places side by side."""
    found = counts(letters)
    figure, axis = plots.canvas(width=7, height=3.0)
    colours = [plots.VERDICTS[letter] for letter in ORDER]
    axis.stackplot(bounds.PLACES, *found.values(), colors=colours, alpha=0.85,
                   labels=[WORDS[letter] for letter in ORDER])  # fmt: skip
    axis.axvline(1, color="black", linewidth=1)
    axis.set_xticks(list(TICKS), list(TICKS.values()))
    axis.set(title="The more is asked, the less is reproduced", ylabel="claims", xlim=(0, 2))
    axis.legend(fontsize=8, loc="lower left", frameon=True, framealpha=0.9)
    plots.tidy(figure)
    return figure


def in_words(letters: dict[str, str]) -> str:
    """The same as a table of text, at five places."""
    found = counts(letters)
    lines = ["asked (0: no effect, 1: as committed, 2: the most possible)"]
    for place in (0, 0.5, 1, 1.5, 2):
        i = bounds.PLACES.index(place)
        said = ", ".join(f"{found[letter][i]} {WORDS[letter]}" for letter in "RNI")
        lines.append(f"{place:3}: {said}")
    return "\n".join(lines)


def page(letters: dict[str, str], statements: dict[str, str], still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    slider in its place wherever scripts run."""
    state = {
        "letters": letters, "statements": statements, "words": {k: WORDS[k] for k in ORDER},
        "colours": {k: plots.VERDICTS[k] for k in ORDER}, "ticks": list(TICKS.values()),
    }  # fmt: skip
    picture = f'<img src="data:image/png;base64,{still}" alt="verdicts against the bound">'
    return scripted("bound", state, picture, SCRIPT, LOOK)


def bound_slider(pairs: Sequence[tuple[Claim, Verdict]]) -> None:
    """Show how many claims would be reproduced if more or less had been asked. pairs: of
    `scoreboard.judged`, of which at least one is R, N or I."""
    letters = bounds.letters(pairs)
    statements = {claim.id: claim.statement for claim, _ in pairs if claim.id in letters}
    still = base64.b64encode(plots.png(draw(letters))).decode()
    faces = {"text/html": page(letters, statements, still), "text/plain": in_words(letters)}
    display(faces, raw=True)
