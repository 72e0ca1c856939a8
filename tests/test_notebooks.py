"""Every lesson: the rules a reader can rely on, the same text as its source, and a fast run without network."""

import ast
import base64
import importlib.util
import io
import json
import re
import statistics
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "notebooks" / "src"
spec = importlib.util.spec_from_file_location("build", SRC / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

SOURCES = build.lessons()
FIELDS = ("**Question.**", "**You will be able to**", "**Before this**", "**Time**", "**Needs**")
ENDING = ("## What you can now do", "## What this leaves out", "## References")
OFFLINE = """import socket
def refuse(self, address):
    host = address[0] if isinstance(address, tuple) else "local"
    if host not in ("127.0.0.1", "::1", "localhost", "local"):
        raise OSError(f"a lesson tried to reach {host}")
socket.socket.connect = refuse
"""
A_CELL = 300  # seconds after which a cell hangs; what it takes stands in notebooks/built.json
every_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)


def notebook(source):
    return nbformat.read(build.target(source), as_version=4)


def code_cells(source):
    return [c for c in notebook(source).cells if c.cell_type == "code"]


def markdown_cells(source):
    return [c for c in notebook(source).cells if c.cell_type == "markdown"]


def prose(text: str) -> str:
    """Without fenced code, formulas, addresses and tags."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$|<[^>]*>", " ", text, flags=re.S)
    return re.sub(r"\]\([^)]*\)", "]", text)


def words(text: str) -> int:
    return len(re.findall(r"[A-Za-z0-9][\w'.-]*", prose(text)))


def test_there_are_lessons_and_every_notebook_has_a_source():
    assert SOURCES
    assert {p.name for p in (ROOT / "notebooks").glob("*.ipynb")} == {
        build.target(s).name for s in SOURCES
    }


@every_lesson
def test_a_lesson_says_what_its_source_says(source):
    assert build.differences(source) == []


@every_lesson
def test_it_opens_with_title_question_aims_time_and_needs(source):
    first = notebook(source).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(rf"# {source.stem[:2]} · \S", first.source)
    places = [first.source.find(field) for field in FIELDS]
    assert -1 not in places and places == sorted(places)
    assert "Podcast from minute" in first.source and "Paper" in first.source
    assert build.REPOSITORY in first.source and "not measured" not in first.source
    assert words(first.source) <= 150


@every_lesson
def test_its_second_cell_is_the_set_up_of_the_template(source):
    template = build.read(SRC / "TEMPLATE.py")
    setup, third = notebook(source).cells[1:3]
    assert setup.metadata == {"tags": ["setup"]}
    assert setup.source == template.cells[1].source
    assert third.cell_type == "code" and len(third.source.splitlines()) <= 10


def test_the_repositorys_address_has_one_place():
    """Changed there, badge and clone follow; no other file names it, but the built notebooks."""
    parts = ("r1lab", "tests", "notebooks/src", "data")
    files = [*ROOT.glob("*.*"), *(p for part in parts for p in (ROOT / part).rglob("*.*"))]
    texts = [p for p in files if p.suffix in (".py", ".md", ".toml", ".txt", ".json")]
    named = rf"github(\.com)?[/:]{build.REPOSITORY}"
    assert [p.name for p in texts if re.search(named, p.read_text(encoding="utf-8"))] == []
    old = build.REPOSITORY
    for source in SOURCES:
        badge, setup, *_ = (cell.source for cell in build.read(source, "someone/fork").cells)
        assert (
            f"research.google.com/github/someone/fork/blob/main/notebooks/{source.stem}.ipynb"
            in badge
        )
        assert 'address = "https://github.com/someone/fork"\n' in setup
        assert old not in badge + setup


@every_lesson
def test_no_text_waits_to_be_written(source):
    cells = [cell.source for cell in notebook(source).cells]
    assert not [found for text in cells for found in re.findall(r"@[A-Z]+@", text)]


@every_lesson
def test_it_ends_with_what_you_can_do_what_is_left_out_and_references(source):
    text = "\n".join(c.source for c in markdown_cells(source))
    places = [text.find(heading) for heading in ENDING]
    assert -1 not in places and places == sorted(places)
    assert not re.search(r"^####", text, re.M)


def more_exercises(source) -> int:
    """How many a lesson has beyond the usual four."""
    cards = "\n".join(cell.source for cell in markdown_cells(source))
    return max(0, len(re.findall(r"^### Exercise ", cards, re.M)) - 4)


def test_a_word_of_the_glossary_stands_in_italics_where_it_comes_first():
    """And in the lesson that the glossary names. Opening cells and references are not counted:
    they say what will come."""
    rows = re.findall(
        r"^\| ([^|]+) \| (\d\d) \| [^|]+ \|$",
        (ROOT / "notebooks/GLOSSARY.md").read_text("utf-8"),
        re.M,
    )
    assert len(rows) > 20
    texts = [
        (source.stem[:2], prose(cell.source.split("## References")[0]))
        for source in SOURCES
        for cell in markdown_cells(source)[1:]
    ]
    for word, lesson in rows:
        used = re.compile(rf"(?<![\w-]){re.escape(word)}s?(?![\w-])")
        where, text = next(one for one in texts if used.search(one[1]))
        assert where == lesson, f"{word}: first in {where}, {text[:60]}"
        assert re.search(rf"\*{re.escape(word)}s?\*", text), f"{word}: {text[:200]}"


@every_lesson
def test_code_cells_are_short(source):
    lengths = [len(c.source.splitlines()) for c in code_cells(source)]
    assert max(lengths) <= 30
    lengths = [
        len(re.findall(r"^.*\S", c.source, re.M)) for c in code_cells(source)
    ]  # blank ones apart
    assert statistics.median(lengths) <= 10
    assert sorted(lengths)[int(0.9 * len(lengths))] <= 22
    assert len(lengths) <= 45 + 2 * more_exercises(source)  # an exercise has two
    for cell in code_cells(source):
        ast.parse(cell.source)  # no magics: jupytext leaves those under an `if` as comments
        assert max(map(len, cell.source.splitlines())) <= 88, cell.id


@every_lesson
def test_text_is_an_hours_reading_in_small_pieces(source):
    counts = {c.id: words(c.source) for c in markdown_cells(source)}
    assert {i: n for i, n in counts.items() if n > 160} == {}
    assert 1500 <= sum(counts.values()) <= 3500 + 100 * more_exercises(source)
    assert not re.search(
        "[\U0001f300-\U0001faff\u2600-\u27bf]", "".join(c.source for c in markdown_cells(source))
    )


@every_lesson
def test_outputs_are_those_of_one_run_in_order(source):
    cells = code_cells(source)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    outputs = [o for c in cells for o in c.outputs]
    assert outputs and not [
        o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"
    ]
    assert any("image/png" in o.get("data", {}) for o in outputs)
    assert max(len(json.dumps(o)) for o in outputs) < 150_000
    assert "fast mode" not in json.dumps(outputs)


@every_lesson
def test_no_caption_runs_out_of_its_picture(source):
    for output in (o for c in code_cells(source) for o in c.outputs):
        if "image/png" in output.get("data", {}):
            picture = plt.imread(io.BytesIO(base64.b64decode(output.data["image/png"])))
            assert picture[-34:, -5:, :3].min() > 0.8  # the last line of text ends before the edge


@every_lesson
def test_the_file_is_clean_and_small(source):
    text = build.target(source).read_text(encoding="utf-8")
    there = notebook(source)
    assert len(text) < 800_000
    assert set(there.metadata) == {"kernelspec", "language_info"}
    assert build.WIDGET not in text
    assert not re.search(r"/home/|/work/|/root/|/Users/|/tmp/|[A-Z]:\\\\", text)
    assert all(set(c.metadata) <= {"tags"} for c in there.cells)
    assert [c.id for c in there.cells] == [
        f"{source.stem[:2]}-{i:03d}" for i in range(1, len(there.cells) + 1)
    ]


@every_lesson
def test_an_exercise_is_card_stub_check_and_folded_solution(source):
    cells = notebook(source).cells
    cards = [
        (i, m)
        for i, c in enumerate(cells)
        for m in [
            re.search(
                r"^### Exercise (\S+) · (\w+) · \d+ min · difficulty [1-5] of 5$", c.source, re.M
            )
        ]
        if m
    ]
    assert len(cards) == sum(
        c.source.count("### Exercise") for c in cells if c.cell_type == "markdown"
    )
    assert len(cards) >= 4 and {m[2] for _, m in cards} == {"code", "predict", "experiment"}
    for i, match in cards:
        stub, check, solution = cells[i + 1 : i + 4]
        assert stub.cell_type == check.cell_type == "code" and "..." in stub.source
        assert re.fullmatch(rf'checks\.check\("{match[1]}", \w+\)', check.source)
        assert solution.source.startswith(f"<details><summary>Solution {match[1]}</summary>\n\n")
        assert solution.source.endswith("\n\n</details>")
        assert "not done yet" in check.outputs[0].text


def answered(source, right: bool):
    """The lesson with every stub filled in: by its folded solution, or by nonsense."""
    lesson = build.read(source)
    for i, cell in enumerate(lesson.cells):
        card = re.search(r"^### Exercise (\S+) ·", cell.source, re.M)
        if card and cell.cell_type == "markdown":
            stub = lesson.cells[i + 1]
            code, _ = build.solutions(lesson)[card[1]]
            nonsense = stub.source.replace("...  # your code", "return 1 / 0").replace(
                "...", '"nonsense"'
            )
            # behind what else stands in the cell, such as what an experiment calls
            stub.source = f"{stub.source}\n\n{code}" if right else nonsense
    return lesson


@every_lesson
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.slow
def test_it_runs_in_fast_mode_without_network_whatever_a_reader_writes(source, right, monkeypatch):
    """Every folded solution passes its check, nonsense stops nothing. With nothing written it runs
    when it is built."""
    monkeypatch.setenv("R1LAB_FAST", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    lesson = answered(source, right)
    lesson.cells.insert(0, nbformat.v4.new_code_cell(OFFLINE))
    done = build.run(lesson, timeout=A_CELL)
    checks = [c for c in done.cells if c.source.startswith("checks.check(")]
    said = [re.sub(r"\s+", " ", "".join(o.get("text", "") for o in c.outputs)) for c in checks]
    good = r" (right\.|kept:)" if right else r" (not right yet:|a guess is one number)"
    assert all(re.search(good, words) for words in said), said
