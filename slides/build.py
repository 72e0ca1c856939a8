"""Make the decks: `python slides/build.py [04 ...] [--pdf] [--marp]`; without a number all of them.

`slides/NN_name.md` is a deck's text, in Marp's Markdown, `slides/NN_name.py` its figures and
numbers. Each becomes `slides/built/NN_name.html`: one file that asks nobody for anything. Every
number comes from the recorded runs when this runs, every figure is drawn from them. `--pdf` prints
it with Chromium; `--marp` writes the filled text and the figures beside it, for Marp's own tools.
"""

import argparse
import hashlib
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from matplotlib import font_manager, rc_context

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import fields  # noqa: E402
import page  # noqa: E402

from r1lab import plots  # noqa: E402
from r1lab.running.recorded import RECORDED  # noqa: E402

BUILT = HERE / "built"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
USED = re.compile(r"\(figure/(\w+)\.svg")


def decks() -> list[Path]:
    """The sources of all decks, in order."""
    return sorted(HERE.glob("[0-9][0-9]_*.md"))


def own(source: Path) -> tuple[dict[str, Callable], dict[str, Callable]]:
    """FIGURES and NUMBERS of the file beside a deck."""
    spec = importlib.util.spec_from_file_location(f"deck_{source.stem}", source.with_suffix(".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FIGURES, module.NUMBERS


def filled(source: Path, folder: Path = RECORDED) -> tuple[str, dict[str, Callable], fields.Runs]:
    """A deck's text with its numbers, the figures that it shows (not drawn yet), and its runs."""
    drawn, numbers = own(source)
    known = fields.evidence(numbers, folder)
    parts = []
    for number, part in enumerate(re.split(r"^---$", source.read_text("utf-8"), flags=re.M)):
        try:
            fields.verdicts(part, folder)
            parts.append(fields.fill(part, known))
        except ValueError as problem:
            raise ValueError(f"{source.name}, slide {number - 1}: {problem}") from problem
    text = "---".join(parts)
    shown = dict.fromkeys(USED.findall(text))
    if lost := [name for name in shown if name not in drawn]:
        raise ValueError(f"{source.name}: its file draws no figure {lost[0]!r}")
    return text, {name: drawn[name] for name in shown}, known.runs


@cache
def letters() -> dict:
    """matplotlib's settings for the decks' own font, and for the same bytes each time."""
    place = Path(tempfile.mkdtemp())
    for name in ("text", "text-bold"):
        font, path = TTFont(HERE / "fonts" / f"{name}.woff"), place / f"{name}.ttf"
        font.flavor = None
        font.save(path)
        weight = 700 if "bold" in name else 400
        entry = font_manager.FontEntry(fname=str(path), name="deck", style="normal", weight=weight)
        font_manager.fontManager.ttflist.append(entry)
    return {"font.family": ["deck", "DejaVu Sans"], "svg.hashsalt": "r1lab", "svg.fonttype": "path"}


def svg(draw: Callable, runs: fields.Runs) -> bytes:
    """A figure of a deck as SVG."""
    out = io.BytesIO()
    with rc_context(plots.STYLE | letters()):
        figure = draw(runs)
        plots.tidy(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def stamp(text: str) -> str:
    """A digest of a deck's filled text and of all that makes a page of it."""
    made = ("page.py", "figures.py", "deck.css", "deck.js")
    whole = text + "".join((HERE / name).read_text("utf-8") for name in made)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def html(source: Path, folder: Path = RECORDED) -> str:
    """A deck as one page. Raises ValueError in one sentence."""
    text, drawn, runs = filled(source, folder)
    about, slides = page.read(text)
    figures = {name: svg(draw, runs) for name, draw in drawn.items()}
    code = source.with_suffix(".py").read_text("utf-8")
    return page.page(about, slides, figures, stamp(text + code))


def pdf(built: Path) -> Path:
    """The page printed by Chromium, a slide a sheet. Raises ValueError where there is none."""
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        raise ValueError("--pdf needs Chromium: install one, on Debian `apt-get install chromium`")
    out = built.with_suffix(".pdf")
    flags = ["--headless", "--disable-gpu", "--no-sandbox", "--no-pdf-header-footer"]
    command = [chromium, *flags, f"--print-to-pdf={out}", built.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out


def marp(source: Path) -> Path:
    """The filled Markdown with its figures beside it, for Marp's own tools."""
    text, drawn, runs = filled(source)
    out = BUILT / "marp" / source.name
    (out.parent / "figure").mkdir(parents=True, exist_ok=True)
    for name, draw in drawn.items():
        (out.parent / "figure" / f"{source.stem}-{name}.svg").write_bytes(svg(draw, runs))
    out.write_text(USED.sub(rf"(figure/{source.stem}-\1.svg", text), encoding="utf-8")
    return out


def main() -> int:
    """What `python slides/build.py` does; 2 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("numbers", nargs="*", help="lessons, such as 04; none: all")
    parser.add_argument("--pdf", action="store_true", help="print them with Chromium, too")
    parser.add_argument("--marp", action="store_true", help="filled Markdown for Marp's tools")
    args = parser.parse_args()
    chosen = [d for d in decks() if not args.numbers or d.stem[:2] in args.numbers]
    if lost := [n for n in args.numbers if n not in {d.stem[:2] for d in decks()}]:
        print(f"there is no deck {lost[0]}", file=sys.stderr)
        return 2
    BUILT.mkdir(exist_ok=True)
    for source in chosen:
        try:
            out = BUILT / f"{source.stem}.html"
            out.write_text(html(source), encoding="utf-8")
            more = [pdf(out)] if args.pdf else []
            more += [marp(source)] if args.marp else []
        except ValueError as problem:
            print(problem, file=sys.stderr)
            return 2
        for path in (out, *more):
            print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
