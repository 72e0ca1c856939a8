"""Lesson 11 and the report: all that they say follows from the evidence; power, luck and moved
bounds are what simulations of whole studies give."""

import html
import importlib.util
import json
import random
import re
import shlex
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from browsing import opened
from helpers import tiny_model, words

from r1lab import checks, experiments, plots, stats, widgets
from r1lab.__main__ import main
from r1lab.claims import again, bounds, ledger, luck, report, reruns, scoreboard
from r1lab.claims.ledger import Bar
from r1lab.claims.verdicts import WORDS, judge
from r1lab.machine import presets
from r1lab.running import arguments, queue
from r1lab.running.recorded import RECORDED
from r1lab.running.run import run
from r1lab.widgets import board, bound

ROOT = Path(__file__).resolve().parent.parent
JUDGED = scoreboard.judged()
ROWS = [scoreboard.record(*pair) for pair in JUDGED]
PUT = [row for row in ROWS if row["verdict"] in ("R", "N", "I") and not row["on_paper"]]


def claim(*bars, every_seed=False):
    """A claim of its own with these bars: (none, asked, least, most)."""
    first, *rest = [dict(zip(("none", "asked", "least", "most"), bar, strict=True)) for bar in bars]
    also = [{"metric": "another"} | one for one in rest]
    criterion = first | {"text": "enough", "every_seed": every_seed, "also": also}
    return ledger.own({"id": "MY-01", "statement": "s", "metric": "m", "criterion": criterion})


def studies(effect, spread, seeds, n=4000):
    """Intervals of n studies with normal seeds: means and lower ends, by the package's own way."""
    rng = random.Random(seeds)
    drawn = [[[rng.gauss(effect, spread)] for _ in range(seeds)] for _ in range(n)]
    found = np.array([stats.seeds_interval(table) for table in drawn])
    return found[:, 0], found[:, 1]


# ---- power and luck ----


@pytest.mark.parametrize(
    ("effect", "spread", "seeds", "asked"),
    [(5, 4, 5, 0), (5, 4, 2, 0), (10, 8, 3, 12), (1, 4, 10, 0), (0, 1, 5, 0.5)],
)
def test_power_is_the_share_of_simulated_studies_that_see_the_effect(effect, spread, seeds, asked):
    means, lows = studies(effect, spread, seeds)
    share = np.mean((lows > 0) & (means >= asked))
    error = 4 * np.sqrt(share * (1 - share) / len(means)) + 1e-3
    assert stats.power(effect, spread, seeds, asked) == pytest.approx(share, abs=error)


def test_without_effect_an_interval_lies_above_zero_in_one_of_forty_studies():
    for seeds in (2, 3, 5, 40):
        assert stats.power(0, 3.0, seeds) == pytest.approx(0.025, abs=2e-4)


def test_power_knows_no_unit_and_grows_with_seeds_and_effect():
    assert stats.power(5, 4, 5, 2) == pytest.approx(stats.power(0.5, 0.4, 5, 0.2))
    by_seeds = [stats.power(5, 4, n) for n in range(2, 20)]
    by_effect = [stats.power(d, 4, 5) for d in range(10)]
    assert by_seeds == sorted(by_seeds) and by_effect == sorted(by_effect)
    assert stats.power(5, 4, 400, asked=5) == pytest.approx(0.5)  # the mean is above or below


def test_the_seeds_needed_are_the_fewest():
    n = stats.seeds_needed(5, 4)
    assert stats.power(5, 4, n - 1) < 0.8 <= stats.power(5, 4, n)
    assert stats.seeds_needed(0.1, 4, most=50) is None


def test_luck_bounds_how_often_a_claim_passes_where_nothing_is_true():
    """The ledger's own rule on 3,000 studies whose truth is no effect, in both conditions."""
    mine = claim((0, 1, -50, 50), (-5, -4, -50, 50))
    rng = random.Random(0)
    spreads, none = (3.0, 2.0), (0, -5)

    def tables():
        pairs = zip(none, spreads, strict=True)
        return [[[rng.gauss(at, wide)] for _ in range(5)] for at, wide in pairs]

    alone = [0, 0]
    both = 0
    for _ in range(3000):
        found = tables()
        both += judge(mine, found).letter == "R"
        for i, one in enumerate(found):
            single = replace(mine, bars=mine.bars[i : i + 1])
            alone[i] += judge(single, [one]).letter == "R"
    conditions = [
        {"none": bar.none, "asked": bar.asked, "by_seed": [-wide, -wide, 0.0, wide, wide]}
        for bar, wide in zip(mine.bars, spreads, strict=True)
    ]
    limits = [luck.alone({"conditions": [one]}) for one in conditions]
    for share, limit in zip(alone, limits, strict=True):
        assert share / 3000 == pytest.approx(limit, abs=0.01)
    assert both / 3000 <= luck.alone({"conditions": conditions}) == min(limits) <= 0.025


def test_seeds_that_are_all_alike_have_at_most_the_intervals_luck():
    row = {"conditions": [{"by_seed": [1.0] * 5, "none": 0, "asked": 1}]}
    assert luck.alone(row) == 0.025


def test_a_rerun_agrees_far_from_the_bound_and_by_halves_at_it():
    mine = claim((0, 5, -50, 50))
    far = judge(mine, [[[19.0], [20.0], [21.0], [20.0], [20.0]]])
    near = judge(mine, [[[4.0], [5.0], [6.0], [5.0], [5.0]]])
    assert (far.letter, near.letter) == ("R", "R")
    assert luck.again(mine, far) == 1.0
    assert 0.35 < luck.again(mine, near, draws=400) < 0.65


# ---- bounds that move ----


def test_bars_move_from_no_effect_over_what_was_asked_to_the_most():
    bar = Bar("m", 10, 20, 0, 100)
    asked = [bounds.moved(bar, place).asked for place in (0, 0.5, 1, 1.5, 2)]
    assert asked == [10, 15, 20, 60, 100]
    assert bounds.moved(Bar("alike", -5, -5, -100, 100), 0.3).asked == -5


def test_at_the_committed_place_stand_the_verdicts_and_a_reproduced_claim_comes_never_back():
    letters = bounds.letters(JUDGED)
    assert {id: row[bounds.PLACES.index(1)] for id, row in letters.items()} == {
        row["id"]: row["verdict"] for row in PUT
    }
    for row in letters.values():
        assert re.fullmatch("R*[IN]*", row), row


def test_a_verdict_at_another_bound_is_the_one_that_this_bound_would_have_given():
    mine = claim((0, 10, -20, 60), every_seed=True)
    table = [[12.0], [11.0], [13.0], [12.0], [14.0]]
    (row,) = bounds.letters([(mine, judge(mine, [table]))]).values()
    for place, letter in zip(bounds.PLACES, row, strict=True):
        asked = bounds.moved(mine.bars[0], place).asked
        assert judge(claim((0, asked, -20, 60), every_seed=True), [table]).letter == letter


# ---- a claim of one's own ----


def test_every_criterion_of_the_ledger_can_be_met_and_missed():
    assert [f for one in ledger.load() for bar in one.bars for f in ledger.faults(bar)] == []


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        ((-100, -100, -100, 100), "cannot fail"),
        ((0, 120, -100, 100), "cannot be met"),
        ((-200, 0, -100, 100), "outside of what can come out"),
        ((50, 10, -100, 100), "above `asked`"),
    ],
)
def test_a_faulty_criterion_is_refused_in_a_sentence(bar, words):
    with pytest.raises(ValueError, match=words):
        claim(bar)


def test_a_row_that_lacks_something_is_refused():
    with pytest.raises(ValueError, match="lacks criterion, metric"):
        ledger.own({"id": "MY-01", "statement": "s"})


EXAMPLE = checks.EXERCISES["11.6"].example


def other(**changes):
    """The example with another criterion."""

    def made():
        row, table = EXAMPLE()
        return row | {"criterion": row["criterion"] | changes}, table

    return made


def made_of(table):
    return lambda: (EXAMPLE()[0], table)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            EXAMPLE,
            r"right\. it can be met and be missed\. Where nothing was learned: not reproduced",
        ),
        (other(asked=-100, none=-100), "it cannot fail"),
        (other(asked=101), "it cannot be met"),
        (other(most=30), r"came out, and you say that it lies in \[-100, 30\]"),
        (other(none=-10, asked=-10), "where nothing was learned it comes out reproduced"),
        (made_of(lambda rule, random: [[1.0]]), "a table has a row a seed: 5 seeds, 1 rows"),
        (made_of(lambda rule, random: None), "your code stops"),
    ],
)
def test_the_check_of_an_own_claim_names_what_is_wrong(answer, words, capsys):
    checks.check("11.6", answer)
    assert re.search(words, capsys.readouterr().out)


def test_an_own_claim_becomes_a_row_of_the_table():
    row, table = EXAMPLE()
    runs = [experiments.recorded("habits", arm) for arm in ("rule", "random")]
    mine = ledger.own(row)
    record = scoreboard.record(mine, judge(mine, [table(*runs)]))
    assert record["verdict"] == "R" and record["seeds"] == 5 and record["n"] == 512
    assert board.page([record, *ROWS]).count("<details") == len(ROWS) + 1


# ---- the table and the slider ----


def test_every_claim_is_a_row_that_opens_and_says_why():
    for row in ROWS:
        text = html.unescape(board.row(row))
        assert row["statement"] in text and WORDS[row["verdict"]] in text
        assert all(one["metric"] in text for one in row["conditions"])
        if row["verdict"] == "open":
            assert f"No run yet; {row['reason']}" in text


def test_the_condition_shown_is_the_one_that_decides():
    parts = [{"met": True, "missed": False}, {"met": False, "missed": False},
             {"met": False, "missed": True}]  # fmt: skip
    shown = [scoreboard.deciding({"conditions": parts[:n]}) for n in range(4)]
    assert shown == [None, parts[0], parts[1], parts[2]]


def test_what_a_reader_writes_cannot_become_markup():
    mine = claim((0, 1, -2, 2))
    nasty = replace(mine, statement="<script>alert(1)</script>", criterion="<img src=x>")
    page = board.row(scoreboard.record(nasty, judge(nasty, [[[1.0], [2.0]]])))
    assert "<script>" not in page and "<img" not in page


def test_a_table_of_all_claims_fits_a_notebook_when_all_have_runs():
    """As if each claim had been run, with the two conditions that claims have at most on average."""
    conditions = [one for row in PUT for one in row["conditions"]]
    full = [
        row if row["verdict"] not in ("open",)
        else row | {"verdict": "N", "seeds": 5, "reason": "missed: something",
                    "conditions": conditions[:1] * 2, "ci95": [0, 1]}
        for row in ROWS
    ]  # fmt: skip
    assert len(json.dumps(board.page(full))) < 148_000


@pytest.mark.slow
def test_the_filters_leave_what_they_say(browser, tmp_path):
    page, asked = opened(browser, board.page(ROWS), tmp_path / "board.html")

    def shown():
        return page.evaluate(
            "[...document.querySelectorAll('.rows details')].filter(r => r.offsetParent)"
            ".map(r => r.querySelector('b').textContent)"
        )

    assert shown() == [row["id"] for row in ROWS]
    for letter in {row["verdict"] for row in ROWS}:
        page.click(f"[data-pick='{letter}']")
        assert shown() == [row["id"] for row in ROWS if row["verdict"] == letter]
    page.select_option("select", "04")
    page.click("[data-pick='']")
    of_it = [row["id"] for row in ROWS if row["lesson"] == "04"]
    assert shown() == of_it
    assert page.inner_text(".shown") == f"{len(of_it)} of {len(ROWS)} shown"
    page.fill("input", "  AHA moment ")
    assert shown() == [
        row["id"] for row in ROWS
        if row["lesson"] == "04" and "aha moment" in html.unescape(board.row(row)).lower()
    ]  # fmt: skip
    row = page.locator(".rows details:visible").first
    row.locator("summary").click()
    assert row.locator("p").first.is_visible()
    assert all(url.startswith("file:") for url in asked)


@pytest.mark.slow
def test_the_slider_shows_the_verdicts_of_its_place(browser, tmp_path):
    letters = bounds.letters(JUDGED)
    page, asked = opened(browser, bound.page(letters, dict.fromkeys(letters, ""), ""),
                         tmp_path / "bound.html")  # fmt: skip
    for place in (0, 7, 20, 33, 40):
        page.evaluate(
            "v => { const s = document.querySelector('input'); s.value = v;"
            "s.dispatchEvent(new Event('input')); }", place)  # fmt: skip
        said = page.inner_text(".claim")
        for letter, counts in bound.counts(letters).items():
            assert f"{counts[place]} {WORDS[letter]}" in said
        chips = page.locator(".chip").all_inner_texts()
        assert [chip.split()[-1] for chip in chips] == [row[place] for row in letters.values()]
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_the_sliders_still_faces_say_the_same(monkeypatch):
    shown = []
    monkeypatch.setattr(bound, "display", lambda data, **options: shown.append(data))
    widgets.bound_slider(JUDGED)
    count = {letter: sum(row["verdict"] == letter for row in PUT) for letter in "RNI"}
    words_ = ", ".join(f"{count[letter]} {WORDS[letter]}" for letter in "RNI")
    assert f"  1: {words_}" in shown[0]["text/plain"]
    assert "data:image/png;base64," in shown[0]["text/html"]


def test_a_ruler_puts_every_mark_where_its_value_is():
    from r1lab.claims import rulers

    one = {"least": -20, "most": 80, "none": 0, "asked": 5, "by_seed": [10.0, 20.0],
           "effect": 15.0, "ci95": [5.0, 25.0], "met": True, "missed": False}  # fmt: skip
    figure, axis = plots.canvas()
    rulers.draw(axis, [("MY-01", one)])
    xs = [list(map(float, line.get_xdata())) for line in axis.lines]
    assert xs == [[0, 1], [0.2, 0.2], [0.25, 0.25], [0.25, 0.45], [0.3, 0.4]]
    assert axis.lines[3].get_color() == plots.VERDICTS["R"]


# ---- the report, and that all follows from the evidence ----


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    place = tmp_path_factory.mktemp("evidence") / "runs"
    shutil.copytree(RECORDED, place, ignore=shutil.ignore_patterns("*.safetensors", "*.png"))
    return place


def lesson_says(folder, monkeypatch) -> str:
    """What the lesson's own first cells print from the runs in a folder."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "src" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    lesson = build.read(ROOT / "notebooks" / "src" / "11_scoreboard.py")
    (cell,) = (c.source for c in lesson.cells if "scoreboard.judged()" in c.source)
    shown = []
    with monkeypatch.context() as patched:
        patched.setattr(scoreboard, "judged", partial(scoreboard.judged, folder))
        patched.setattr(board, "display", lambda data, **options: shown.append(data["text/plain"]))
        exec(cell, {"scoreboard": scoreboard, "widgets": widgets})
    return shown[0]


def readme_says() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"<!-- table: claims -->\n(.*?)\n<!-- end table -->", text, re.S)[1]


def test_a_record_that_goes_or_changes_changes_lesson_report_and_summary_alike(
    copy, tmp_path, monkeypatch
):
    def both():
        said = lesson_says(copy, monkeypatch)
        pages = [html.unescape(p.read_text("utf-8")) for p in report.write(tmp_path, copy)]
        assert all(said in page for page in pages)
        return said, re.search(r"mark, \*\*(\w{12})\*\*", pages[0])[1]

    first, mark = both()
    assert first == readme_says()  # what `test_readme` holds the README to
    path = copy / "zero-smol-quick-rule-s0" / "summary.json"
    found = json.loads(path.read_text("utf-8"))
    after = found["after"]
    after["right"] = "0" * len(after["right"])  # one seed of three has learned nothing
    path.write_text(json.dumps(found), encoding="utf-8")
    changed, changed_mark = both()
    for folder in copy.glob("zero-smol*"):
        shutil.rmtree(folder)
    gone, gone_mark = both()
    assert len({first, changed, gone}) == len({mark, changed_mark, gone_mark}) == 3


def test_the_report_holds_every_claim_and_asks_for_nothing_outside(tmp_path, capsys):
    assert main(["claims", "--report", str(tmp_path / "page")]) == 0
    text, page = (
        Path(line).read_text(encoding="utf-8") for line in capsys.readouterr().out.split()
    )
    for row in ROWS:
        assert f"**{row['id']}** " in text and f"<b>{row['id']}</b>" in page
        assert all(one["metric"] in text for one in row["conditions"])
    assert all(f"**{one['id']}** " in text for one in ledger.discrepancies())
    lessons = {row["lesson"] for row in PUT}
    pictures = {path.name for path in (tmp_path / "page").glob("*.png")}
    second = {"again.png"} if reruns.counted(reruns.every()) else set()
    assert pictures == {f"lesson-{n}.png" for n in lessons} | second
    assert set(re.findall(r"\]\(([^)]+)\)", text)) == pictures
    assert not re.search(r"(src|href)=['\"](?!data:)|<script|@import|url\(", page)
    assert page.count('<img alt="Lesson') == len(lessons)


def test_a_table_of_markdown_has_as_many_cells_in_each_row():
    blocks = report.page(ROWS, [], reruns.every())
    for one in blocks:
        assert len({len(row) for row in one.rows}) <= 1
    lines = [line for line in report.markdown(blocks).splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in lines)


def test_the_readmes_commands_are_those_of_the_command_line():
    """Each line of the README that calls the package is one that it understands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Commands\n\n```bash\n(.*?)```", text, re.S)[1]
    lines = [re.sub(r"\[[^]]*\]|#.*", "", line) for line in block.splitlines()]
    calls = [shlex.split(line.removeprefix("python -m r1lab")) for line in lines]
    parsed = [arguments.parser().parse_args(call) for call in calls]
    assert {"run", "claims"} <= {one.command for one in parsed}
    assert any(one.command == "claims" and one.report for one in parsed)
    assert any(one.command == "claims" and one.run for one in parsed)


# ---- on a card ----


def test_a_preset_that_this_machine_has_not_is_refused_before_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    place = tmp_path / "runs"
    assert main(["claims", "--run", "T-01", "--preset", "gpu24", "--out", str(place)]) == 2
    assert "needs an NVIDIA card" in capsys.readouterr().err and not place.exists()


@pytest.mark.slow
def test_the_part_on_your_gpu_runs_on_qwens_architecture(tmp_path, monkeypatch):
    """The lesson's call, `claims --run T-01 --preset gpu24`, with toy weights on a CPU."""
    toy = tmp_path / "toy"
    built = tiny_model("qwen2", vocabulary=len(words()))
    built.config.max_position_embeddings = 2048
    built.save_pretrained(toy)
    words().save_pretrained(toy)
    monkeypatch.setenv("R1LAB_FAST", "1")
    small = replace(
        presets.named("gpu24"), model=str(toy), device="cpu", dtype="float32", steps=1, prompts=2,
        group=2, max_new=16, eval_problems=4, train_problems=16, lora_rank=2,
    )  # fmt: skip
    monkeypatch.setattr(presets, "pick", lambda name="auto": {"gpu24": small}[name])

    def here(name, todo, workers, say):
        for folder, options in todo:
            run(experiments.named(name), options, folder, watch=lambda _: None)
        return []

    monkeypatch.setattr(queue, "work", here)
    said = []
    again.run(again.named("T-01"), [5, 6], tmp_path / "runs", said.append, "gpu24")
    names = {path.name for path in (tmp_path / "runs").iterdir()}
    assert names == {"zero-gpu24-rule-s5", "zero-gpu24-rule-s6"}
    (mine,) = (text for text in said if text.startswith("here:"))
    assert "NO RUN YET" not in mine and mine.count("n = 4 a seed") == 1
