"""Make the course as pages: `python slides/site.py [OUT]`; without a folder, build/site.

Static pages that ask nobody for anything, from what is there: the built notebooks, the decks, the
ledger. They work from a folder on a disk and from any address, such as GitHub Pages. Nothing of a
lesson runs again; the scoreboard is counted anew from the recorded runs.
"""

import argparse
import html
import os
import re
import shutil
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import lesson_page  # noqa: E402
import page  # noqa: E402

from r1lab.claims import scoreboard  # noqa: E402
from r1lab.widgets import board  # noqa: E402

ROOT = HERE.parent
NOTEBOOKS = ROOT / "notebooks"
OUT = ROOT / "build" / "site"
TEXTS = {"teacher": HERE / "README.md", "words": NOTEBOOKS / "GLOSSARY.md"}
MENU = {"index.html": "r1lab", "index.html#lessons": "Lessons", "scoreboard.html": "Scoreboard",
        "words.html": "Words", "teacher.html": "For the teacher"}  # fmt: skip
COLAB = re.compile(r"https://colab\.research\.google\.com/github/([\w.-]+/[\w.-]+/blob/[\w.-]+)/")
FIRST_STEP = """<script>
document.querySelector(".instrument input").dispatchEvent(new Event("input"));
</script>"""  # else the last step stands beside the first, before anyone has guessed
ROW = re.compile(  # of the map in lesson 00
    r"^\| \[?(?P<number>\d\d) \w+\b[^|]* \| [^|]* \| [^|]* \| (?P<question>[^|]*) \|$",
    re.M,
)


@cache
def lessons() -> list[lesson_page.Lesson]:
    """All built notebooks, in order."""
    return [lesson_page.read(path) for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]


@cache
def decks() -> dict[str, Path]:
    """Name -> built deck."""
    return {path.stem: path for path in sorted((HERE / "built").glob("*.html"))}


@cache
def places() -> dict[Path, str]:
    """A file of the repository -> its page."""
    found = {NOTEBOOKS / f"{one.stem}.ipynb": f"{one.stem}.html" for one in lessons()}
    found |= {path: f"decks/{path.name}" for path in decks().values()}
    found |= {path: f"{name}.html" for name, path in TEXTS.items()}
    return found | {HERE / "built": "index.html#lessons"}


@cache
def repository() -> str:
    """Where the repository's files can be read: the place that the notebooks' Colab links name."""
    return f"https://github.com/{COLAB.search(lessons()[0].cells[0]['source'])[1]}"


def link(address: str, folder: Path) -> str:
    """An address in a text of a folder -> the address on a page: another page, or the repository.
    Raises ValueError where it leads to nothing."""
    if re.match(r"https?:|mailto:|#", address) or address.partition("#")[0] in MENU:
        return address
    name, mark, anchor = address.partition("#")
    path = Path(os.path.normpath(folder / name))
    if not path.exists() or not path.is_relative_to(ROOT):
        raise ValueError(f"a link leads to {address}, which is not there")
    outside = f"{repository()}/{path.relative_to(ROOT).as_posix()}"
    return places().get(path, outside) + mark + anchor


def frame(title: str, content: str, kind: str = "") -> str:
    """A whole page. kind: the class of its main part."""
    menu = "".join(f'<a href="{to}">{words}</a>' for to, words in MENU.items())
    home = repository().partition("/blob/")[0]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="site.css"></head><body>
<header><nav aria-label="course">{menu}</nav></header>
<main class="{kind}">{content}</main>
<footer><a href="{home}">The repository</a> · Apache 2.0; <a href="fonts-LICENSE.txt">the fonts'
licence</a></footer></body></html>
"""


def of_text(path: Path) -> str:
    """A Markdown file of the repository as the inside of a page."""
    md = lesson_page.reader(partial(link, folder=path.parent))
    return f"<article>{md.render(path.read_text(encoding='utf-8'), {})}</article>"


def of_lesson(at: int, keep: lesson_page.Keep) -> str:
    """A lesson's page. at: its place among the lessons."""
    lesson, env = lessons()[at], {}
    md = lesson_page.reader(partial(link, folder=NOTEBOOKS))
    inside = lesson_page.inside(lesson, md, keep, env)
    parts = "".join(f'<li><a href="#{to}">{md.renderInline(w)}</a></li>' for to, w in env["parts"])
    ways = [f'<a href="{repository()}/notebooks/{lesson.stem}.ipynb">the notebook itself</a>']
    if lesson.stem in decks():
        ways.append(f'<a href="decks/{lesson.stem}.html">its slides</a>')
    said = f"What the notebook showed when it was last run. Beside this page: {', '.join(ways)}."
    return (
        f'<details class="contents"><summary>Parts of this lesson</summary><ul>{parts}</ul>'
        f"</details><article><p class='ways'>{said}</p>{inside}{pager(at)}</article>"
        '<script>document.querySelector(".contents").open = innerWidth >= 1200</script>'
    )


def pager(at: int) -> str:
    """Links to the lesson before and the one after."""
    before = lessons()[at - 1] if at else None
    after = lessons()[at + 1] if at + 1 < len(lessons()) else None
    made = [
        f'<a rel="{rel}" href="{one.stem}.html">{words} {one.number} · {html.escape(one.title)}</a>'
        for rel, words, one in (("prev", "←", before), ("next", "→", after))
        if one
    ]
    return f'<nav class="pager" aria-label="lessons">{"".join(made)}</nav>'


def course_map() -> str:
    """The lessons in lesson 00's order with their question and minutes. Raises ValueError where a
    lesson has no row there."""
    text = "\n".join(cell["source"] for cell in lessons()[0].cells)
    asked = {found["number"]: found["question"] for found in ROW.finditer(text)}
    rows = []
    for one in lessons():
        if one.number not in asked:
            raise ValueError(f"the map in lesson 00 has no row of lesson {one.number}")
        deck = f'<a href="decks/{one.stem}.html">slides {one.number}</a>'
        cells = [
            f'<td><a href="{one.stem}.html">{one.number} · {html.escape(one.title)}</a></td>',
            f"<td>{html.escape(asked[one.number])}</td>",
            f'<td class="time" data-of="reading">{one.reading} min</td>',
            f'<td class="time" data-of="running">{one.running} min</td>',
            f"<td>{deck if one.stem in decks() else ''}</td>",
        ]
        rows.append("".join(cells))
    head = "".join(f"<th>{word}</th>" for word in ("lesson", "question", "reading", "running", ""))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table class="map"><tr>{head}</tr>{body}</table></div>'


def index(rows: list[dict]) -> str:
    """The first page. rows: of the scoreboard."""
    shown = next(one for one in lessons() if one.number == "03")
    parts = {
        "live": lesson_page.instrument(shown, "growth") + FIRST_STEP,
        "map": course_map(),
        "claims": f'<p class="claims">{html.escape(scoreboard.summary(rows))}</p>',
    }
    return re.sub(r"<!-- (\w+) -->", lambda found: parts[found[1]], of_text(HERE / "index.md"))


def board_page(rows: list[dict]) -> str:
    """Every claim with its verdict."""
    said = (
        "A verdict follows from a criterion that was written before the runs, and from the "
        "recorded runs. A row opens by a click and says what was asked, what was seen and in how "
        'many seeds. <a href="11_scoreboard.html">Lesson 11</a> takes the rule apart.'
    )
    return (
        f"<article><h1>The scoreboard</h1><p>{said}</p>"
        f'<div class="instrument whole">{board.page(rows)}</div></article>'
    )


def style() -> str:
    """The style sheet with the decks' fonts inside: a browser lets a page from a disk read no font
    file."""
    faces = [line for line in page.style().splitlines() if line.startswith("@font-face")]
    return "\n".join([*faces, (HERE / "site.css").read_text(encoding="utf-8")])


def build(out: Path, say: Callable[[str], None] = print) -> None:
    """Write the site. Raises ValueError in one sentence."""
    for folder in ("figures", "decks"):
        (out / folder).mkdir(parents=True, exist_ok=True)

    def keep(name: str, picture: bytes) -> str:
        (out / "figures" / name).write_bytes(picture)
        return f"figures/{name}"

    rows = scoreboard.every()
    pages = {"index": frame("r1lab", index(rows)),
             "scoreboard": frame("The scoreboard", board_page(rows))}  # fmt: skip
    for name, path in TEXTS.items():
        pages[name] = frame(MENU[f"{name}.html"], of_text(path))
    for at, one in enumerate(lessons()):
        title = f"{one.number} · {one.title}"
        pages[one.stem] = frame(title, of_lesson(at, keep), "lesson")
    for name, text in pages.items():
        (out / f"{name}.html").write_text(text, encoding="utf-8")
    for deck in decks().values():
        shutil.copy(deck, out / "decks")
    shutil.copy(HERE / "fonts" / "LICENSE", out / "fonts-LICENSE.txt")
    (out / "site.css").write_text(style(), encoding="utf-8")
    (out / ".nojekyll").touch()  # GitHub Pages shows the files as they are
    say(f"{len(pages)} pages: {out / 'index.html'}")


def main() -> int:
    """What `python slides/site.py` does; 2 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", nargs="?", type=Path, default=OUT, help="a folder")
    try:
        build(parser.parse_args().out)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
