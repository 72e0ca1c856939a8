"""A built notebook as the inside of a page: what its cells show, in their order.

Nothing is run. Text becomes HTML with mathematics as MathML, code is coloured, pictures become
files, and what a notebook kept as HTML stands as it is: the instruments that need no kernel live.
"""

import base64
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from page import reader as deck_reader
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

TITLE = re.compile(r"^# (?P<number>\d\d) · (?P<title>.+)$", re.M)
TIME = re.compile(
    r"^\*\*Time\*\* (?P<reading>\d+) min reading and doing; running: (?P<running>[\d.]+) min", re.M
)
KERNEL = {"reward_bench", "rollout_browser", "training_dashboard"}  # of r1lab.widgets
NEEDS = (
    '<p class="needs">In JupyterLab this instrument has something to move. '
    "Here stands what it showed when the notebook was last run.</p>"
)
Link = Callable[[str], str]  # an address in a text -> the address on the page
Keep = Callable[[str, bytes], str]  # a picture's name and bytes -> its address on the page


@dataclass(frozen=True)
class Lesson:
    """A notebook. number: "02"; reading, running: minutes, as its first cell says."""

    stem: str
    number: str
    title: str
    reading: str
    running: str
    cells: list[dict]


def read(path: Path) -> Lesson:
    """A built notebook. Raises ValueError where its first cell does not say what a lesson says."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        cell["source"] = "".join(cell["source"])
    named, timed = (found.search(cells[0]["source"]) for found in (TITLE, TIME))
    if not named or not timed:
        raise ValueError(f"{path.name}: its first cell names no number, title or time")
    return Lesson(path.stem, *named.groups(), *timed.groups(), cells)


def reader(link: Link) -> MarkdownIt:
    """Markdown to HTML as the decks read it, with addresses, anchors and coloured code. The `env`
    of a page goes through all its texts: env["parts"] collects its (anchor, heading)."""
    md = deck_reader({})
    md.options["highlight"] = lambda text, language, _: code(text, language or "text")

    def link_open(self, tokens, i, options, env):
        tokens[i].attrs["href"] = link(tokens[i].attrs["href"])
        return self.renderToken(tokens, i, options, env)

    def heading_open(self, tokens, i, options, env):
        anchor = slug(words := tokens[i + 1].content)
        parts = env.setdefault("parts", [])
        if tokens[i].tag == "h2":
            parts.append((anchor, words))
        tokens[i].attrs["id"] = anchor
        return self.renderToken(tokens, i, options, env)

    md.add_render_rule("link_open", link_open)
    md.add_render_rule("heading_open", heading_open)
    md.add_render_rule("table_open", lambda *_: '<div class="wide"><table>')
    md.add_render_rule("table_close", lambda *_: "</table></div>")
    return md


def slug(words: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")


def code(text: str, language: str = "python") -> str:
    """Code with its words coloured."""
    coloured = highlight(text, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    return f'<pre class="code"><code>{coloured}</code></pre>'


def inside(lesson: Lesson, md: MarkdownIt, keep: Keep, env: dict) -> str:
    """All cells of a lesson as HTML."""
    parts = []
    for cell in lesson.cells:
        if cell["cell_type"] == "markdown":
            parts.append(md.render(cell["source"], env))
            continue
        written = code(cell["source"])
        if "setup" in cell["metadata"].get("tags", ()):
            written = f"<details><summary>The set-up</summary>{written}</details>"
        parts.append(f'<div class="cell" id="{cell["id"]}">{written}{outputs(cell, keep)}</div>')
    return "\n".join(parts)


def outputs(cell: dict, keep: Keep) -> str:
    """What a cell printed and drew."""
    needs = NEEDS if cell["outputs"] and KERNEL & set(calls(cell["source"])) else ""
    shown = (
        output(one, f"{cell['id']}-{i}.png", keep) for i, one in enumerate(cell["outputs"], start=1)
    )
    return needs + "".join(shown)


def calls(source: str) -> list[str]:
    """The instruments that a cell calls."""
    return re.findall(r"\bwidgets\.(\w+)\(", source)


def output(one: dict, name: str, keep: Keep) -> str:
    """One output: the richest face that a page can show."""
    if one["output_type"] == "stream":
        return said("".join(one["text"]))
    faces = {kind: "".join(face) for kind, face in one["data"].items()}
    if "text/html" in faces:
        return f'<div class="instrument">{faces["text/html"]}</div>'
    if "image/png" in faces:
        picture = base64.b64decode(faces["image/png"])
        about = one["metadata"].get("image/png", {})
        alt = about.get("alt") or faces["text/plain"]
        wide, high = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
        shown = about.get("width", wide)  # a sharp picture has more pixels than it takes
        wide, high = shown, round(high * shown / wide)
        return (
            f'<figure><img src="{keep(name, picture)}" alt="{html.escape(alt)}" '
            f'width="{wide}" height="{high}" loading="lazy"></figure>'
        )
    return said(faces["text/plain"])


def said(text: str) -> str:
    """What was printed."""
    return f'<pre class="said">{html.escape(text)}</pre>'


def instrument(lesson: Lesson, name: str) -> str:
    """The HTML of one instrument of a lesson: the first output of a call of r1lab.widgets."""
    for cell in lesson.cells:
        if name in calls(cell["source"]):
            for one in cell["outputs"]:
                if "text/html" in one.get("data", {}):
                    return output(one, "", lambda *_: "")
    raise ValueError(f"lesson {lesson.number} shows no {name}")
