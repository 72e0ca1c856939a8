"""One output with two faces: the widget where there is a kernel, else something still."""

import html
import json
from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"
# Else Jupyter sets what stands between two prices as a formula.
NO_MATH = "mathjax_ignore tex2jax_ignore"
LOOK = "background:#fff;color:#000;font:13px sans-serif;padding:8px;overflow-x:auto"
BOX = (
    "background:#FFF;color:#222;border:1px solid #CCC;padding:8px 12px;max-width:860px;"
    "line-height:1.6"
)


def with_widget(faces: dict[str, str], box) -> dict:
    """The data of an output, to be displayed raw: `faces`, a still picture or text, and the
    widget `box` if there is one. A page shows the richest face it can."""
    if box is None:
        return faces
    return faces | {WIDGET: {"version_major": 2, "version_minor": 0, "model_id": box.model_id}}


def scripted(name: str, state: dict, still: str, script: Path, look: str = LOOK) -> str:
    """An instrument that needs no kernel, as HTML: a box r1lab-`name` with `still` in it, and the
    script that reads `state` and puts the live thing in its place wherever scripts run. It asks for
    nothing outside, and what a model wrote stays text."""
    data = html.escape(json.dumps(state, ensure_ascii=False), quote=False).replace("'", "&#39;")
    # in single quotes: the state is full of double ones, each of which would be six letters
    box = f'<div class="r1lab-{name}" data-state=\'{data}\' style="{look}">{still}</div>'
    return f"{box}\n<script>{script.read_text(encoding='utf-8')}</script>"
