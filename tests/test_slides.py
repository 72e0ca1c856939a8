"""The decks: valid Marp, enough and not too much on a slide, every number from the evidence, and in
a browser nothing that overflows, asks another machine, or cannot be read."""

import importlib.util
import json
import re
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
from browsing import CONTRAST
from fontTools.ttLib import TTFont
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.text import Text

ROOT = Path(__file__).resolve().parent.parent
SLIDES = ROOT / "slides"
sys.path.insert(0, str(SLIDES))
_spec = importlib.util.spec_from_file_location("deck_build", SLIDES / "build.py")
build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(build)
fields, page = build.fields, build.page

DECKS = build.decks()
BY_NAME = {"argvalues": DECKS, "ids": [deck.stem for deck in DECKS]}
RUNS = ROOT / "data" / "runs"
NAMED = re.compile(  # names that hold a digit, and places in a report or in the course
    r"\b(R1(-\w+)?|o1|o3|s1|k1\.5|V3|GPT-4o|AIME 2024|MATH-500|Qwen2\.5[\w.-]*|SmolLM2-135M|judge-(85|96)"
    r"|[A-Z]{1,2}-\d\d|91|v[12]|k[123]|95\N{NO-BREAK SPACE}?\ ?% interval|pass@\w+|std\(\w+\)"
    r"|([Ff]igures?|[Tt]ables?|[Ss]ections?|[Ll]essons?|[Ee]xercises?|[Nn]otebooks?|[Vv]ersions?|[Aa]ppendix"
    r"|[Pp]arts?|[Ss]eed|[Ss]tep|[Ee]quations?|[Qq]uestion)( |\ )[A-C]?[\d.]+(( and |, | to )[\d.]+)*"
    r"|(January|September) 20\d\d|arXiv [\d.]+)"
)
IN_WORDS = "(two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|twenty|fifty|hundred)"
COUNTED = re.compile(rf"\b(\w+fold|{IN_WORDS} (of|in|out of) (a )?{IN_WORDS})\b")
filled = cache(build.filled)  # a deck's text with its numbers


def text_of(deck):
    return deck.read_text("utf-8")


def slides_of(deck):
    return page.read(text_of(deck))[1]


def without_notes(deck):
    return [slide.text for slide in slides_of(deck)]


@pytest.mark.parametrize("deck", **BY_NAME)
def test_a_deck_tells_a_teacher_all_that_is_to_be_said(deck):
    lessons = [path.stem for path in (ROOT / "notebooks" / "src").glob("[0-9]*.py")]
    slides = slides_of(deck)
    assert deck.stem in lessons, "no lesson of that name"
    assert 12 <= len(slides) <= 20
    assert slides[0].kind == "lead" and slides[-1].kind == "stays"
    assert any("$$" in slide.text for slide in slides), "no equation"
    for number, slide in enumerate(slides, start=1):
        where = f"slide {number}"
        assert 1 <= slide.minutes <= 5, where
        assert re.search(r"^Say: ", slide.notes, re.M), where
        assert re.search(r"^Ask: .*\?", slide.notes, re.M), where
        assert re.search(r"^Listen for: ", slide.notes, re.M), where
        assert slide.text.startswith("# "), where


@pytest.mark.parametrize("deck", **BY_NAME)
def test_a_slide_holds_few_words(deck):
    for number, text in enumerate(without_notes(deck), start=1):
        said = re.sub(
            r"^# .*$|```.*?```|\$\$.*?\$\$|!\[.*?\]\(.*?\)|\{\{.*?\}\}",
            " ",
            text,
            flags=re.M | re.S,
        )
        most = 55 if "|:--" in text else 36
        assert len(re.findall(r"\w+", said)) <= most, f"slide {number}"


@pytest.mark.parametrize("deck", **BY_NAME)
def test_no_number_is_typed_in(deck):
    text = re.sub(r"\A---.*?^---$", "", text_of(deck), flags=re.M | re.S)
    text = re.sub(r"^\d+(\.5)? min$|^\d\. ", "", text, flags=re.M)  # of the notes; of a list
    text = re.sub(
        r"\{\{.*?\}\}|\$\$.*?\$\$|\$.*?\$|```.*?```|`.*?`|^rests on: .*$",
        " ",
        text,
        flags=re.M | re.S,
    )
    left = NAMED.sub(" ", text.replace("figure/", ""))
    assert not re.findall(r"[^\n]{0,40}\d[^\n]{0,20}", left)
    assert not COUNTED.findall(left.lower())


@pytest.mark.parametrize("deck", **BY_NAME)
def test_every_verdict_that_is_shown_holds_its_slides_words(deck):
    for number, part in enumerate(re.split(r"^---$", text_of(deck), flags=re.M)):
        shown = set(re.findall(r"\{\{ claim (\S+) \}\}", part))
        assert shown <= {name for name, _ in fields.RESTS.findall(part)}, f"slide {number - 1}"


def test_the_teachers_page_holds_every_deck_and_its_minutes():
    readme = (SLIDES / "README.md").read_text("utf-8")
    ran = json.loads((ROOT / "notebooks" / "src" / "built.json").read_text())
    rows = re.findall(
        r"^\| \[(\d\d)\]\(built/(\w+)\.html\) \|.*?\| (\d+) \| (\d+) \| ([\d.]+) \|", readme, re.M
    )
    for number, name, talk, lesson, run in rows:
        deck = SLIDES / f"{name}.md"
        assert name.startswith(number) and float(talk) == sum(
            slide.minutes for slide in slides_of(deck)
        ), name
        source = (ROOT / "notebooks" / "src" / f"{name}.py").read_text("utf-8")
        assert f"**Time** {lesson} min" in source and ran[name]["minutes"] == float(run), name
    assert [name for _, name, *_ in rows] == [deck.stem for deck in DECKS]
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (SLIDES / target).exists(), target
    for exercise in re.findall(r"\b(\d\d\.\d)\b", readme):
        assert f"### Exercise {exercise} " in "".join(
            p.read_text("utf-8") for p in (ROOT / "notebooks" / "src").glob("[0-9]*.py")
        )


# ---- fields ----


def some_runs(folder, leave_out):
    """The recorded runs but for some."""
    for run in RUNS.iterdir():
        if run.is_dir() and not leave_out(run.name):
            (folder / run.name).symlink_to(run)
    return folder


HELD = "{{ runs zero/rule after.accuracy .3% }}"


def test_a_number_is_the_mean_over_the_recorded_seeds(tmp_path):
    found = [json.loads((RUNS / f"zero-rule-s{s}" / "summary.json").read_text()) for s in range(5)]
    right = [sum(map(int, one["after"]["right"])) / len(one["after"]["right"]) for one in found]
    assert (
        fields.fill(HELD, fields.evidence({})) == f"{100 * sum(right) / 5:.3f}\N{NO-BREAK SPACE}%"
    )
    fewer = fields.evidence({}, some_runs(tmp_path, "zero-rule-s0".__eq__))
    assert fields.fill(HELD, fewer) == f"{100 * sum(right[1:]) / 4:.3f}\N{NO-BREAK SPACE}%"


def test_without_its_runs_a_deck_is_not_made(tmp_path):
    place = some_runs(tmp_path, lambda name: name.startswith("habits-restless"))
    deck = next(deck for deck in DECKS if deck.stem.startswith("04"))
    with pytest.raises(ValueError, match="slide 10: no run of habits/restless is recorded"):
        build.html(deck, place)


def test_words_do_not_outlive_their_verdict(tmp_path):
    fields.verdicts("rests on: Z-12 not reproduced")
    with pytest.raises(ValueError, match="Z-12 reproduced, which is 'not reproduced'"):
        fields.verdicts("rests on: Z-12 reproduced")
    place = some_runs(tmp_path, lambda name: name.startswith("habits-parts"))
    with pytest.raises(ValueError, match="'no run yet'"):
        fields.verdicts("rests on: Z-12 not reproduced", place)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{{ claim T-01 2 .0f asked }}", "40"),
        ("{{ claim Z-05 }}", "inconclusive"),
        ("{{ set zero/rule steps }}", "85"),
        ("{{ report O1-03 aime_2024_cons_at_64_percent }}", "83"),
        ("{{ paper r1_zero_length first .0f }}", "550"),
        ("{{ own half +.1f }}", "−0.5"),
        ("{{ own nothing .0f }}", "0"),
        ("{{ own words }}", "a text"),
    ],
)  # fmt: skip
def test_a_field_becomes_what_stands_there(written, shown):
    own = {"half": lambda runs: -0.5, "nothing": lambda runs: -0.0, "words": lambda runs: "a text"}
    assert fields.fill(f"x {written} y", fields.evidence(own)) == f"x {shown} y"


@pytest.mark.parametrize(
    "written",
    [
        "own lost .0f", "runs zero/rule after.lost .0%", "runs zero/lost after.accuracy .0%",
        "runs lost/rule after.accuracy .0%", "claim Q-99", "claim Z-01 9 .0f", "claim Z-01 0 .0f",
        "claim Z-01 x .0f", "paper lost first .0f", "set zero/rule stages", "set zero/rule lost", "report O1-03 lost",
        "runs zero/rule after.accuracy __import__('os')", "51 %", "", "runs zero/rule seconds 99999d",
    ],
)  # fmt: skip
def test_a_field_that_is_none_is_an_error_in_one_sentence(written):
    with pytest.raises(ValueError) as problem:
        fields.fill(f"{{{{ {written} }}}}", fields.evidence({}))
    assert "\n" not in str(problem.value)


# ---- pages ----


def test_mathematics_says_what_it_means_without_a_brace_glyph():
    found = page.mathml(r"\underbrace{A_i}_{\text{better?}}")
    assert 'class="below"' in found and "⏟" not in found and "aria-label" in found


def test_what_is_no_deck_is_refused():
    for source in (
        "# no front matter",
        "---\ntitle: x\n---\n# no marp",
        "---\nmarp: true\n---\n# x",
    ):
        with pytest.raises(ValueError, match="marp"):
            page.read(source)
    with pytest.raises(ValueError, match="slide 1: there is no figure"):
        page.page(
            {"title": "x"},
            page.read("---\nmarp: true\ntitle: x\n---\n![a](figure/b.svg)")[1],
            {},
            "",
        )


@pytest.mark.parametrize("deck", **BY_NAME)
def test_the_letters_of_every_figure_can_be_read_from_the_last_row(deck):
    text, drawn, runs = filled(deck)
    slides = page.read(text)[1]
    assert "{{" not in text
    with rc_context(build.letters()):
        for name, draw in drawn.items():
            (slide,) = (s for s in slides if f"figure/{name}.svg" in s.text)
            wide, high = (720, 500) if "split" in slide.kind else (1152, 530)
            figure = draw(runs)
            figure.draw_without_rendering()
            inches = figure.get_size_inches()
            pixels = min(wide / inches[0], high / inches[1]) / 72
            said = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
            for words in said:
                assert words.get_fontsize() * pixels >= 17, f"{name}: {words.get_text()!r} is small"
                contrast = (1.05) / (luminance(to_rgb(words.get_color())) + 0.05)
                assert contrast >= 4.4 or contrast == 1, f"{name}: {words.get_text()!r} is pale"


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("deck", **BY_NAME)
def test_the_built_page_is_small_and_made_from_what_stands_here(deck):
    built = build.BUILT / f"{deck.stem}.html"
    again = f"python slides/build.py {deck.stem[:2]}"
    assert built.exists() and built.stat().st_size < 1_000_000, again
    code = deck.with_suffix(".py").read_text("utf-8")
    stamp = build.stamp(filled(deck)[0] + code)
    assert f'name="made-from" content="{stamp}"' in built.read_text("utf-8"), again


@pytest.mark.parametrize("deck", **BY_NAME)
def test_every_letter_is_in_the_fonts_that_the_page_carries(deck):
    fonts = [TTFont(SLIDES / "fonts" / f"{name}.woff") for name in page.FONTS.values()]
    known = {chr(code) for font in fonts for code in font.getBestCmap()}
    assert set(filled(deck)[0]) - known <= {"\n"}


# ---- in a browser ----


LOOK = """() => {
    const slide = document.querySelector("section.now"), box = slide.getBoundingClientRect(), wrong = [];
    const head = slide.querySelector("h1"), end = slide.querySelector("footer").getBoundingClientRect().top;
    CONTRAST
    for (const one of slide.querySelectorAll("*")) {
        if (one.closest("aside, footer")) continue;
        const at = one.getBoundingClientRect(), name = `${one.tagName} ${one.textContent.slice(0, 30)}`;
        if (!at.width) continue;
        if (one.closest(".rest, .text") && head && at.top < head.getBoundingClientRect().bottom - 2) wrong.push(`over the heading: ${name}`);
        if (at.bottom > end + 1 || at.right > box.right - 40 || at.left < box.left + 20) wrong.push(`overflows: ${name}`);
        if (one.scrollWidth > one.clientWidth + 2 && one.clientWidth && !one.closest("math")) wrong.push(`too wide: ${name}`);
        if (one.tagName === "IMG") {
            if (!one.naturalWidth) wrong.push("a picture does not load");
            if (one.alt.split(" ").length < 5) wrong.push(`no claim as alt text: ${one.alt}`);
            if (at.height < 250) wrong.push(`a small picture: ${one.alt}`);
        }
        if (![...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        if (contrast(one) < 4.5) wrong.push(`pale: ${name}`);
        if (parseFloat(getComputedStyle(one).fontSize) < 20) wrong.push(`small: ${name}`);
    }
    return wrong;
}""".replace("CONTRAST", CONTRAST)


@pytest.fixture(scope="module")
def opened(browser):
    """A deck's page at 16:9, what it asked for and what it complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})

    def open_deck(deck):
        tab, asked, said = context.new_page(), [], []
        tab.set_default_timeout(120_000)
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto((build.BUILT / f"{deck.stem}.html").as_uri())
        return tab, asked, said

    yield open_deck
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("deck", **BY_NAME)
def test_every_slide_can_be_seen_and_read(deck, opened):
    tab, asked, said = opened(deck)
    for number in range(len(slides_of(deck))):
        assert tab.evaluate("location.hash") == f"#{number + 1}"
        assert not tab.evaluate(LOOK), f"slide {number + 1}"
        tab.keyboard.press("ArrowRight")
    own = (build.BUILT / f"{deck.stem}.html").as_uri()
    assert not [url for url in asked if not url.startswith((own, "data:"))] and not said
    loaded = tab.evaluate(
        "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    )
    assert "Text" in loaded
    tab.close()


@pytest.mark.slow
def test_the_presenter_sees_notes_time_and_what_comes_next(opened):
    tab, _, said = opened(DECKS[-1])
    slides = slides_of(DECKS[-1])
    tab.keyboard.press("PageDown")
    with tab.expect_popup() as popup:
        tab.keyboard.press("p")
    view = popup.value
    view.keyboard.press("ArrowRight")  # steers from the presenter's window, too
    assert tab.evaluate("location.hash") == "#3"
    assert "Ask:" in view.locator(".told").inner_text()
    heads = [view.locator(f"{part} h1").inner_text() for part in (".here", ".next")]
    assert heads == [slide.text.partition("\n")[0].removeprefix("# ") for slide in slides[2:4]]
    minutes = sum(slide.minutes for slide in slides[:2])
    assert f"minute {minutes:g} to" in " ".join(view.locator(".time").inner_text().split())
    tab.keyboard.press("o")
    assert tab.locator("section:visible").count() == len(slides)
    tab.locator("section").nth(4).click()
    assert tab.evaluate("location.hash") == "#5" and tab.locator("section:visible").count() == 1
    assert not said
    tab.close()


@pytest.mark.slow
def test_a_page_prints_a_slide_a_sheet(browser, tmp_path):
    built = shutil.copy(build.BUILT / f"{DECKS[-1].stem}.html", tmp_path / "deck.html")
    sheets = re.findall(rb"/Type\s*/Page\b", build.pdf(Path(built)).read_bytes())
    assert len(sheets) == len(slides_of(DECKS[-1]))
