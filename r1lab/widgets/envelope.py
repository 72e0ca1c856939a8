"""The back of an envelope (lesson 10): four sliders, what they make together, and which factor is
how far off.

What moves is `envelope.js`, in the output itself; its numbers are those of `cost`, which a test
compares. The still face is the same chain drawn once.
"""

import base64
from collections.abc import Mapping
from math import prod
from pathlib import Path

from IPython.display import display

from r1lab import cost, drawings, plots
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
FACTORS = {  # key -> (words, least, most) of its slider
    "steps": ("steps", 100, 1e5),
    "answers": ("answers a step", 8, 1e4),
    "tokens": ("tokens an answer", 100, 1e5),
    "price": ("dollars a million tokens", 0.1, 100),
}


def price(factors: Mapping[str, float]) -> float:
    """Dollars of an estimate with the keys of `FACTORS`."""
    tokens = prod(factors[key] for key in ("steps", "answers", "tokens"))
    return cost.dollars(tokens, factors["price"])


def drawn(estimate: Mapping[str, float], disclosed: Mapping[str, float]):
    """The chain of errors of an estimate."""
    figure, axis = plots.canvas(width=6.0, height=2.8)
    named = {FACTORS[k][0]: v for k, v in cost.factors(estimate, disclosed).items()}
    drawings.factors(axis, named, "dollars")
    axis.set(
        title="Three times the tokens, a third of the price",
        xlabel="estimate divided by what was disclosed",
    )
    plots.tidy(figure)
    return figure


def words(estimate: Mapping[str, float], disclosed: Mapping[str, float]) -> str:
    """The estimate as a line of text."""
    errors = cost.factors(estimate, disclosed)
    said = ", ".join(f"{FACTORS[key][0]} × {value:.2f}" for key, value in errors.items())
    return f"{price(estimate):,.0f} dollars, {price(disclosed):,.0f} reported: {said}"


def page(estimate: Mapping[str, float], disclosed: Mapping[str, float]) -> str:
    """The instrument as HTML: the still picture, and the script that puts sliders in its place
    wherever scripts run. It asks for nothing outside."""
    state = {"estimate": dict(estimate), "disclosed": dict(disclosed), "factors": FACTORS}
    still = base64.b64encode(plots.png(drawn(estimate, disclosed))).decode()
    said = words(estimate, disclosed)
    picture = f'<img src="data:image/png;base64,{still}" alt="{said}" style="max-width:100%">'
    return scripted("envelope", state, picture, SCRIPT)


def envelope(estimate: Mapping[str, float], disclosed: Mapping[str, float]) -> None:
    """Show the envelope; it needs no kernel, and lives in exported HTML too.

    estimate, disclosed: numbers with the keys of `FACTORS`.
    """
    faces = {"text/html": page(estimate, disclosed), "text/plain": words(estimate, disclosed)}
    display(faces, raw=True)
