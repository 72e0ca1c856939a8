"""A cheat as it grows (lesson 03): one problem, asked again at several steps of a training.

A slider over the steps, plain JavaScript in the output; the still face shows the first and the last
step side by side.
"""

import html
import json
import textwrap

from IPython.display import display

from r1lab.widgets.live import LOOK

WIDTH = 700  # characters of a completion that are shown


def moment(step: int, text: str, words: str) -> dict:
    """What is shown of one step: the completion, cut in its middle, and what was said of it."""
    half = WIDTH // 2
    cut = text if len(text) <= WIDTH else f"{text[:half]} … {text[-half:]}"
    return {"step": step, "text": html.escape(cut), "words": html.escape(words)}


def page(question: str, moments: list[dict]) -> str:
    """HTML with a slider over the moments; without scripts it shows the first and the last."""
    both = "".join(
        f'<td style="width:50%;vertical-align:top;text-align:left;padding-right:12px">'
        f"<b>step {m['step']}</b>: {m['words']}<br><code>{m['text']}</code></td>"
        for m in (moments[0], moments[-1])
    )
    data = json.dumps(moments).replace("</", "<\\/")
    return f"""<div style="{LOOK}"><b>{html.escape(question)}</b>
<div><input type="range" min="0" max="{len(moments) - 1}" value="0" style="width:60%"></div>
<div><table style="width:100%"><tr>{both}</tr></table></div>
<script>(() => {{
const box = document.currentScript.parentElement, data = {data};
const [, slide, view] = box.children;
slide.firstElementChild.oninput = (event) => {{
const m = data[event.target.value];
view.innerHTML = "<b>step " + m.step + "</b>: " + m.words + "<br><code>" + m.text + "</code>";
}};
}})();</script></div>"""


def growth(question: str, moments: list[dict]) -> None:
    """Show a completion to one question at each of several steps (`moment`)."""
    lines = [
        textwrap.fill(f"step {m['step']}: {m['words']}. {html.unescape(m['text'])}", 100)
        for m in (moments[0], moments[-1])
    ]
    faces = {"text/html": page(question, moments), "text/plain": "\n".join(lines)}
    display(faces, raw=True)
