"""A completion with its steps painted: what a judge says of each, and what is true (lesson 07)."""

import html
from collections.abc import Sequence

from IPython.display import display

from r1lab.steps import Step
from r1lab.widgets.live import BOX, NO_MATH

MARKS = {True: ("#0072B2", "good"), False: ("#E69F00", "dead")}


def painted(text: str, steps: Sequence[Step], said: Sequence[float], caption: str) -> None:
    """Show one completion below the cell. Each step is the darker the more the judge likes it, and
    underlined blue where the target can still be reached, orange where it cannot; below it stands
    the judge's percentage."""
    words = " ".join(
        f"{piece.strip()!r} judge {100 * p:.0f} % ({MARKS[step.good][1]})"
        for piece, step, p in _pieces(text, steps, said)
        if step
    )
    display({"text/html": page(text, steps, said, caption), "text/plain": f"{caption} {words}"},
            raw=True)  # fmt: skip


def page(text: str, steps: Sequence[Step], said: Sequence[float], caption: str) -> str:
    """The same as HTML, which needs no kernel and no script."""
    body = "".join(_piece(*row) for row in _pieces(text, steps, said))
    small = f'<p style="margin:6px 0 0;font-size:85%">{html.escape(caption)}</p>'
    return f'<div class="{NO_MATH}" style="{BOX}"><div>{body}</div>{small}</div>'


def _pieces(text: str, steps: Sequence[Step], said: Sequence[float]):
    """(text, step, what is said of it), and at the end what belongs to no step."""
    before = 0
    for step, p in zip(steps, said, strict=True):
        yield text[before : step.end], step, p
        before = step.end
    yield text[before:], None, 0.0


def _piece(piece: str, step: Step | None, p: float) -> str:
    if step is None:
        return f'<span style="white-space:pre-wrap">{html.escape(piece)}</span>'
    colour, name = MARKS[step.good]
    told = f"judge {100 * p:.0f} %, {name}"
    return (
        '<span style="display:inline-block;vertical-align:top;text-align:center" '
        f'title="{html.escape(told)}"><span style="white-space:pre-wrap;border-bottom:3px solid '
        f'{colour};background:rgba(0,114,178,{0.5 * p:.2f})">{html.escape(piece)}</span><br>'
        f'<small style="color:#555;font-size:70%">{100 * p:.0f}</small></span>'
    )
