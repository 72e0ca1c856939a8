"""One problem, asked again: at several steps of a training (lesson 03, a cheat as it grows), or of
each model of a line (lesson 05).

A slider over them, plain JavaScript in the output; the still face shows the first and the last
step side by side.
"""

import html
import json
import textwrap

from IPython.display import display

from r1lab.widgets.live import LOOK

WIDTH = 700  # characters of a completion that are shown


def moment(step: int | str, text: str, words: str) -> dict:
    """What is shown of one step, or of a model by its name: the completion, cut in its middle, and
    what was said of it."""
    half = WIDTH // 2
    cut = text if len(text) <= WIDTH else f"{text[:half]} … {text[-half:]}"
    name = step if isinstance(step, str) else f"step {step}"
    return {"name": html.escape(name), "text": html.escape(cut), "words": html.escape(words)}


def page(question: str, moments: list[dict]) -> str:
    """HTML with a slider over the moments; without scripts it shows the first and the last."""
    both = "".join(
        f'<td style="width:50%;vertical-align:top;text-align:left;padding-right:12px">'
        f"<b>{m['name']}</b>: {m['words']}<br><code>{m['text']}</code></td>"
        for m in (moments[0], moments[-1])
    )
    data = json.dumps(moments).replace("</", "<\\/")
    return f"""<div style="{LOOK}"><b>{html.escape(question)}</b>
<div><input type="range" min="0" max="{len(moments) - 1}" value="0" style="width:60%"
aria-label="whose completion is shown" aria-valuetext="{moments[0]["name"]}"></div>
<div><table style="width:100%"><tr>{both}</tr></table></div>
<script>(() => {{
const box = document.currentScript.parentElement, data = {data};
const [, slide, view] = box.children;
slide.firstElementChild.oninput = (event) => {{
const m = data[event.target.value];
view.innerHTML = "<b>" + m.name + "</b>: " + m.words + "<br><code>" + m.text + "</code>";
event.target.setAttribute("aria-valuetext", view.firstElementChild.textContent);
}};
}})();</script></div>"""


def growth(question: str, moments: list[dict]) -> None:
    """Show a completion to one question at each of several steps (`moment`)."""
    lines = [
        textwrap.fill(f"{m['name']}: {m['words']}. {html.unescape(m['text'])}", 100)
        for m in (moments[0], moments[-1])
    ]
    faces = {"text/html": page(question, moments), "text/plain": "\n".join(lines)}
    display(faces, raw=True)
