"""A deck: Marp's Markdown to one HTML page that asks nobody for anything.

Marp's own program needs Node and, for its pictures and fonts, files beside the page. This is the
part of it that the decks use: front matter, `---` between slides, `<!-- ... -->` as speaker notes,
`<!-- _class: NAME -->`, mathematics between dollars. The sources open in Marp's tools, too
(`build.py --marp` fills them in for that).
"""

import base64
import html
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import yaml
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

HERE = Path(__file__).resolve().parent
COMMENT = re.compile(r"<!--(.*?)-->", re.S)
CLASS = re.compile(r"_class:\s*([\w ]+)")
MINUTES = re.compile(r"^(\d+(?:\.5)?) min\b", re.M)
FIGURE = re.compile(r"(?:<p>)?(<figure.*?</figure>)(?:</p>)?", re.S)
FONTS = {  # family, weight -> file
    ("Text", 400): "text", ("Text", 600): "text-bold", ("Code", 400): "code", ("Han", 400): "han",
    ("Maths", 400): "math",
}  # fmt: skip
BRACES = {"⏟": "below", "⏞": "above"}  # a line in their place: browsers draw wide braces badly


@dataclass(frozen=True)
class Slide:
    """text: Markdown without its comments. notes: for the speaker. kind: its class, or ""."""

    text: str
    notes: str
    kind: str

    @property
    def minutes(self) -> float:
        """How long it takes, by the first line of its notes; 0 where that says nothing."""
        found = MINUTES.search(self.notes)
        return float(found[1]) if found else 0.0


def read(source: str) -> tuple[dict, list[Slide]]:
    """Front matter and slides of a deck. Raises ValueError where it is no Marp deck."""
    _, front, body = (*source.split("---\n", 2), "", "")[:3]
    about = yaml.safe_load(front) or {}
    if not isinstance(about, dict) or not about.get("marp") or not about.get("title"):
        raise ValueError("its front matter sets no `marp: true` and `title`")
    return about, [_slide(part) for part in re.split(r"^---$", body, flags=re.M)]


def _slide(part: str) -> Slide:
    comments = [one.strip() for one in COMMENT.findall(part)]
    kinds = [found[1] for one in comments if (found := CLASS.fullmatch(one))]
    notes = "\n\n".join(one for one in comments if not CLASS.fullmatch(one))
    return Slide(COMMENT.sub("", part).strip(), notes, " ".join(kinds))


def mathml(tex: str, display: str = "inline") -> str:
    """TeX as MathML; a brace becomes a line above or below what it holds."""
    tree = ET.fromstring(convert(tex, display=display))
    for node in tree.iter():
        tag, parts = node.tag.rpartition("}")[2], list(node)
        if tag in ("munder", "mover") and len(parts) == 2 and parts[1].text in BRACES:
            node.tag = node.tag.replace(tag, "mrow")
            node.set("class", BRACES[parts[1].text])
            node.remove(parts[1])
    ET.register_namespace("", "http://www.w3.org/1998/Math/MathML")
    text = ET.tostring(tree, encoding="unicode")
    return text.replace("<math", f'<math aria-label="{html.escape(tex)}"', 1)


def reader(figures: dict[str, bytes]) -> MarkdownIt:
    """Markdown to HTML. figures: name -> SVG, for `![claim](figure/NAME.svg "caption")`."""
    md = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)

    def image(tokens, i, options, env):
        src = tokens[i].attrs["src"]
        name = src.removeprefix("figure/").removesuffix(".svg")
        if src != f"figure/{name}.svg" or name not in figures:
            raise ValueError(f"there is no figure {src!r}: its deck's file has {list(figures)}")
        data = base64.b64encode(figures[name]).decode()
        claim, caption = html.escape(tokens[i].content), tokens[i].attrs.get("title", "")
        below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
        picture = f'<img alt="{claim}" src="data:image/svg+xml;base64,{data}">'
        return f"<figure>{picture}{below}</figure>"

    md.add_render_rule("image", lambda self, *a: image(*a[:4]))
    md.add_render_rule("math_inline", lambda self, t, i, *_: mathml(t[i].content))
    md.add_render_rule(
        "math_block",
        lambda self, t, i, *_: f'<div class="equation">{mathml(t[i].content, "block")}</div>\n',
    )
    return md


def body(slide: Slide, md: MarkdownIt) -> str:
    """A slide's HTML: its heading, then the rest; on a `split` one the figures stand beside it."""
    text = FIGURE.sub(r"\1", md.render(slide.text))
    head, figures = re.match(r"\s*(<h1>.*?</h1>)?", text, re.S)[0], FIGURE.findall(text)
    if "split" not in slide.kind:
        return f'{head}<div class="rest{"" if figures else " words"}">{text[len(head) :]}</div>'
    rest = FIGURE.sub("", text[len(head) :])
    return f'{head}<div class="text">{rest}</div><div class="rest">{"".join(figures)}</div>'


def page(about: dict, slides: list[Slide], figures: dict[str, bytes], stamp: str) -> str:
    """The whole deck. stamp: what it was made from, for the test that it is not stale."""
    md, parts, minute = reader(figures), [], 0.0
    for number, slide in enumerate(slides, start=1):
        try:
            inside = body(slide, md)
        except ValueError as problem:
            raise ValueError(f"slide {number}: {problem}") from problem
        notes = md.render(slide.notes)
        parts.append(
            f'<section class="{slide.kind}" data-from="{minute:g}" data-minutes="'
            f'{slide.minutes:g}" aria-label="slide {number} of {len(slides)}">{inside}'
            f"<footer><span>{html.escape(about['title'])}</span><span>{number}</span></footer>"
            f'<aside hidden lang="en">{notes}</aside></section>'
        )
        minute += slide.minutes
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<meta name="made-from" content="{stamp}"><link rel="icon" href="data:,">'
        f"<title>{html.escape(about['title'])}</title><style>{style()}</style></head>"
    )
    script = (HERE / "deck.js").read_text(encoding="utf-8")
    return f"{head}<body><main>{''.join(parts)}</main><script>{script}</script></body></html>\n"


def style() -> str:
    """The style sheet with its fonts inside."""
    faces = []
    for (family, weight), name in FONTS.items():
        data = base64.b64encode((HERE / "fonts" / f"{name}.woff").read_bytes()).decode()
        where = f"src:url(data:font/woff;base64,{data})"
        faces.append(f"@font-face{{font-family:{family};font-weight:{weight};{where}}}")
    return "\n".join([*faces, (HERE / "deck.css").read_text(encoding="utf-8")])
