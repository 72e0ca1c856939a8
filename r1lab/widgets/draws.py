"""The draw of lesson 08: set what a problem weighs by its success rate, and see a pupil learn.

What moves is `draws.js`, in the output itself: it computes `r1lab.pupil.expected` again, so it
works without a kernel and in exported HTML too.
"""

import base64
import math
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import plots, pupil
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
PRESETS = {
    "uniform": [1.0] * 6,
    "1 - s": [1 - s for s in pupil.HANDLES],
    "s (1 - s)": [4 * s * (1 - s) for s in pupil.HANDLES],
}


def state(seed: int = 0) -> dict:
    """What the instrument starts from: one pupil's problems, None for an impossible one, the
    numbers of its world, and the named draws."""
    hard = [None if d == math.inf else round(d, 4) for d in pupil.difficulties(seed)]
    names = ("GROUP", "ASKED", "BUDGET", "RATE")
    world = {name.lower(): getattr(pupil, name) for name in names}
    return {"hard": hard, "world": world, "presets": PRESETS}


def learnt(state: dict, handles: list[float]) -> tuple[list[float], list[float]]:
    """Tokens and mean success of that pupil under a draw."""
    return pupil.expected(handles, [math.inf if d is None else d for d in state["hard"]])


def draw(state: dict) -> Figure:
    """The still face: the named draws beside each other."""
    figure, axis = plots.canvas(width=5.4)
    colours = (plots.GREY, plots.ORANGE, plots.BLUE)
    for (name, handles), colour in zip(state["presets"].items(), colours, strict=True):
        tokens, curve = learnt(state, handles)
        axis.plot([t / 1000 for t in tokens], curve, color=colour, label=name)
    axis.set(title="What does a weight by success rate teach?", ylabel="mean success, %")
    axis.set(xlabel="thousand tokens", ylim=(0, 75))
    axis.legend()
    return figure


def in_words(state: dict) -> str:
    """The same as text."""
    ends = {name: learnt(state, handles)[1][-1] for name, handles in state["presets"].items()}
    return "\n".join(f"{name:10} {end:5.1f} % in the end" for name, end in ends.items())


def page(state: dict, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    sliders in its place wherever scripts run."""
    picture = f'<img src="data:image/png;base64,{still}" alt="success against tokens by draw">'
    return scripted("draws", state, picture, SCRIPT)


def own_draw() -> None:
    """Show the sliders; they need no kernel."""
    shown = state()
    still = base64.b64encode(plots.png(draw(shown))).decode()
    display({"text/html": page(shown, still), "text/plain": in_words(shown)}, raw=True)
