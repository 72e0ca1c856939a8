"""A completion, each token coloured by how far training moved the choice made there (lesson 04)."""

import html

from IPython.display import display

from r1lab.microscope import Reading
from r1lab.widgets.live import BOX, NO_MATH

FULL = 2.0  # nats at which the colour is deepest; fixed, so that two pictures can be compared
SHOWN = 0.3  # nats from which the two probabilities stand below the token


def coloured(reading: Reading, caption: str) -> None:
    """Show one completion below the cell. Where the choice moved by at least 0.3 nats, the chance
    of the token in the base and in the trained policy stands below it."""
    words = " ".join(
        f"{piece!r} {100 * a:.0f} -> {100 * b:.0f} %"
        for piece, a, b, nats in _rows(reading)
        if nats >= SHOWN
    )
    display({"text/html": page(reading, caption), "text/plain": f"{caption} {words}"}, raw=True)


def page(reading: Reading, caption: str) -> str:
    """The same as HTML, which needs no kernel and no script."""
    body = "".join(_token(*row) for row in _rows(reading))
    small = f'<p style="margin:6px 0 0;font-size:85%">{html.escape(caption)}</p>'
    text = f'<div style="line-height:1.2">{body}</div>'
    return f'<div class="{NO_MATH}" style="{BOX}">{text}{small}</div>'


def _rows(reading: Reading):
    columns = (reading.base, reading.trained, reading.moved)
    return zip(reading.pieces, *(column.tolist() for column in columns), strict=True)


def _token(piece: str, base: float, trained: float, moved: float) -> str:
    deep = min(1.0, moved / FULL)
    said = f"{moved:.2f} nats moved; this token: {100 * base:.1f} % -> {100 * trained:.1f} %"
    below = f"{100 * base:.0f}→{100 * trained:.0f} %" if moved >= SHOWN else "&nbsp;"
    return (
        '<span style="display:inline-block;vertical-align:top;text-align:center" '
        f'title="{html.escape(said)}"><span style="white-space:pre;padding:1px 0;'
        f'background:rgba(230,159,0,{deep:.2f})">{html.escape(piece)}</span><br>'
        f'<small style="color:#555;font-size:70%">{below}</small></span>'
    )
