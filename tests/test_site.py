"""The course as pages: made by one command, whole, readable at two widths, and nothing is asked of
the network."""

import base64
import html
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsing import CONTRAST
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "slides"))

import lesson_page  # noqa: E402
from page import FONTS  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
OTHERS = ["index", "scoreboard", "teacher", "words"]
NAMES = [*OTHERS, *(path.stem for path in NOTEBOOKS)]
CLAIMS = json.loads((ROOT / "data" / "claims.json").read_text("utf-8"))["claims"]
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages, in a folder whose name has to be quoted in an address."""
    out = tmp_path_factory.mktemp("pages") / "a course"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, ROOT / "slides" / "site.py", out]
    done = subprocess.run(command, cwd=ROOT.parent, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(NAMES)} pages" in done.stdout
    return out


class Read(HTMLParser):
    """What a page links to, its anchors, and its words outside of scripts."""

    def __init__(self, text):
        super().__init__()
        self.links, self.sources, self.anchors, self.words, self.quiet = [], [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.quiet += tag in ("script", "style")
        self.links += [found["href"]] if tag == "a" else []
        self.sources += [found[key] for key in ("src", "srcset", "poster", "data") if key in found]
        self.sources += [found["href"]] if tag == "link" else []
        self.anchors += [found["id"]] if "id" in found else []

    def handle_endtag(self, tag):
        self.quiet -= tag in ("script", "style")

    def handle_data(self, data):
        if not self.quiet:
            self.words.append(data)


def page_of(site, name):
    return Read((site / f"{name}.html").read_text("utf-8"))


def squeezed(text):
    return "".join(text.split())


def cells_of(notebook):
    return json.loads(notebook.read_text("utf-8"))["cells"]


def outputs_of(notebook):
    return [one for cell in cells_of(notebook) for one in cell.get("outputs", ())]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_shows_all_that_the_cells_show(notebook, site):
    text = (site / f"{notebook.stem}.html").read_text("utf-8")
    words = squeezed("".join(Read(text).words))
    for cell in cells_of(notebook):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert squeezed(source) in words, cell["id"]
        for code in re.findall(r"```python\n(.*?)```", source, re.S):
            assert squeezed(code) in words, cell["id"]
        for bold in re.findall(r"\*\*([^*$`\[]+)\*\*", re.sub(r"(?s)```.*?```", "", source)):
            assert squeezed(bold) in words, cell["id"]
    for one in outputs_of(notebook):
        if one["output_type"] == "stream":
            assert squeezed("".join(one["text"])) in words
        elif "text/html" in one["data"]:
            assert "".join(one["data"]["text/html"]) in text
    pictures = [one for one in outputs_of(notebook) if "image/png" in one.get("data", {})]
    assert text.count('src="figures/') == len(pictures)
    assert text.count("<details") >= sum(
        "".join(cell["source"]).count("<details") for cell in cells_of(notebook)
    )


def test_every_formula_is_mathematics(site):
    formula = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.S)
    for notebook in NOTEBOOKS:
        asked = 0
        for cell in cells_of(notebook):
            if cell["cell_type"] == "markdown":
                source = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", "".join(cell["source"]))
                asked += len(formula.findall(source))
        text = (site / f"{notebook.stem}.html").read_text("utf-8")
        body = re.sub(r"(?s)<script.*?</script>|<pre.*?</pre>", "", text)
        assert body.count("<math") == body.count("</math>") == asked, notebook.stem
    assert "<math" in (site / "02_grpo_math.html").read_text("utf-8")


def test_links_lead_to_files_and_anchors(site):
    pages = {name: page_of(site, name) for name in NAMES}
    for name, found in pages.items():
        assert len(found.anchors) == len(set(found.anchors)), name
        for address in found.links:
            if re.match("https?:", address):
                assert ".ipynb" not in address or "github" in address, address
                continue
            file, _, anchor = address.partition("#")
            assert not file or (site / file).is_file(), f"{name}: {address}"
            stem = Path(file).stem if file else name
            if anchor and not file.startswith("decks/"):
                assert anchor in pages[stem].anchors, f"{name}: {address}"
        for source in found.sources:
            assert source.startswith("data:") or (site / source).is_file(), f"{name}: {source}"


def test_files_of_the_repository_are_where_the_notebooks_say(site):
    colab = re.search(
        r"colab\.research\.google\.com/github/(.+?/blob/.+?)/",
        "".join(cells_of(NOTEBOOKS[0])[0]["source"]),
    )[1]
    links = [link for name in NAMES for link in page_of(site, name).links]
    ours = [link for link in links if link.startswith(f"https://github.com/{colab}/")]
    assert len(ours) >= len(NOTEBOOKS)
    for link in ours:
        path = link.removeprefix(f"https://github.com/{colab}/").partition("#")[0]
        assert (ROOT / path).exists(), link


def test_the_first_page_leads_through_the_course(site):
    found = page_of(site, "index")
    words = " ".join("".join(found.words).split())
    assert f"{len(CLAIMS)} claims: " in words
    built = json.loads((ROOT / "notebooks" / "src" / "built.json").read_text())
    for notebook in NOTEBOOKS:
        assert f"{notebook.stem}.html" in found.links
        assert f"{built[notebook.stem]['minutes']:.1f} min" in words
    for deck in (ROOT / "slides" / "built").glob("*.html"):
        assert f"decks/{deck.name}" in found.links
    order = [path.stem for path in NOTEBOOKS]
    for before, after in zip(order, order[1:], strict=False):
        text = (site / f"{before}.html").read_text("utf-8")
        assert f'rel="next" href="{after}.html"' in text
        assert f'rel="prev" href="{before}.html"' in (site / f"{after}.html").read_text("utf-8")


def test_every_claim_stands_on_the_scoreboard(site):
    text = (site / "scoreboard.html").read_text("utf-8")
    assert text.count("<details data-v=") == len(CLAIMS)
    for claim in CLAIMS:
        assert f"<b>{html.escape(claim['id'])}</b>" in text


def test_an_instrument_says_whether_it_needs_a_kernel():
    folder = ROOT / "r1lab" / "widgets"
    imported = re.findall(
        r"from r1lab\.widgets\.(\w+) import (.+)", (folder / "__init__.py").read_text()
    )
    needing = {
        name
        for module, names in imported
        for name in names.split(", ")
        if "with_widget(" in (folder / f"{module}.py").read_text("utf-8")
    }
    assert needing == lesson_page.KERNEL


def test_what_is_no_lesson_is_refused(tmp_path):
    path = tmp_path / "00_x.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["# x"]}]}))
    with pytest.raises(ValueError, match="names no number, title or time"):
        lesson_page.read(path)


def test_what_was_printed_stays_text():
    one = {"output_type": "stream", "text": ["<script>alert(1)</script>"]}
    assert "<script" not in lesson_page.output(one, "", None)


def test_a_sharp_picture_takes_the_width_that_its_notebook_says():
    """A PNG's header alone: 60 by 30 pixels, shown 40 wide."""
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60).to_bytes(4, "big") + (30).to_bytes(4, "big")
    data = {"image/png": base64.b64encode(header).decode(), "text/plain": "n = 2"}
    for about, size in (({"width": 40}, (40, 20)), ({}, (60, 30))):
        one = {"output_type": "display_data", "data": data, "metadata": {"image/png": about}}
        page = lesson_page.output(one, "a", lambda name, picture: f"{name}.png")
        assert f'width="{size[0]}" height="{size[1]}"' in page


# ---- in a browser ----

LOOK = """async () => {
    const wrong = [], root = document.documentElement;
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    if (root.scrollWidth > innerWidth) {
        const wide = [...document.querySelectorAll("body *")].filter((one) =>
            one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80));
        wrong.push(`wider than the window: ${wide.slice(0, 3)}`);
    }
    CONTRAST
    for (const one of document.querySelectorAll("body *")) {
        if (one.closest("svg, script, style, option") || !one.getClientRects().length) continue;
        if (![...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        const name = `${one.tagName} ${one.className} ${one.textContent.slice(0, 30)}`;
        if (contrast(one) < 4.5) wrong.push(`pale: ${name}`);
        if (parseFloat(getComputedStyle(one).fontSize) < 9) wrong.push(`small: ${name}`);
    }
    for (const one of document.querySelectorAll("img")) {
        one.loading = "eager";
        if (!one.alt.trim()) wrong.push(`no words for ${one.src.slice(0, 80)}`);
        await one.decode().catch(() => wrong.push(`does not load: ${one.src.slice(0, 80)}`));
    }
    for (const one of document.querySelectorAll("math"))
        if (one.closest(".instrument") || !one.getBoundingClientRect().width) wrong.push("no formula");
    for (const one of document.querySelectorAll("[data-state]"))
        if (!one.querySelector("input, button") || one.querySelector("img")) wrong.push(`lifeless: ${one.className}`);
    return [...new Set(wrong)];
}""".replace("CONTRAST", CONTRAST)


@pytest.fixture(scope="module")
def opened(browser, site):
    """Open a page; what it asks for outside of the site is not sent, and counted."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    asked = []

    def outside(route):
        asked.append(route.request.url)
        route.abort()

    context.route(re.compile(r"^(?!file:|data:)"), outside)

    def open_page(name):
        tab, said = context.new_page(), []
        tab.set_default_timeout(120_000)
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto((site / f"{name}.html").as_uri())
        return tab, asked, said

    yield open_page
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_on_a_phone_and_on_a_projector(name, opened):
    tab, asked, said = opened(name)
    for width in (1366, 390):
        tab.set_viewport_size({"width": width, "height": 800})
        assert tab.evaluate(LOOK) == [], width
    loaded = "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    assert "Text" in tab.evaluate(loaded)
    assert not asked and not said
    tab.close()


@pytest.mark.slow
def test_the_slider_of_the_first_page_moves_without_a_kernel(opened):
    tab, _, said = opened("index")
    shown = [
        "".join(one["data"]["text/html"])
        for path in NOTEBOOKS
        if path.stem.startswith("03")
        for one in outputs_of(path)
        if "text/html" in one.get("data", {})
    ]
    (found,) = (re.search(r"data = (\[.*\]);", text) for text in shown if "m.words" in text)
    moments = json.loads(found[1])
    slider = tab.locator(".instrument input")
    assert f"{moments[-1]['name']}:" not in tab.locator(".instrument").inner_text()
    for key, moment in (("End", moments[-1]), ("Home", moments[0]), ("ArrowRight", moments[1])):
        slider.press(key)
        said_now = tab.locator(".instrument").inner_text()
        assert f"{moment['name']}: {html.unescape(moment['words'])}" in said_now
        assert squeezed(html.unescape(moment["text"])) in squeezed(said_now)
    assert moments[0]["text"] != moments[-1]["text"] and not said
    tab.close()


@pytest.mark.slow
def test_the_playground_and_the_filters_live(opened):
    tab, _, _ = opened("02_grpo_math")
    tab.locator(".r1lab-playground [data-row='1']").click()
    assert "GRPO: 3 of 8 right" in tab.locator(".r1lab-playground .claim").inner_text()
    tab.close()
    tab, _, said = opened("scoreboard")
    tab.select_option("select", "04")
    count = sum(claim["lesson"] == "04" for claim in CLAIMS)
    assert tab.locator(".rows details:visible").count() == count > 0
    assert not said
    tab.close()


@pytest.mark.slow
def test_a_solution_opens_by_a_click(opened):
    tab, _, _ = opened("02_grpo_math")
    solution = tab.locator("details", has=tab.locator("summary", has_text="Solution 02.1"))
    assert not solution.locator("pre").is_visible()
    solution.locator("summary").click()
    assert "rewards.mean(dim=1, keepdim=True)" in solution.locator("pre").inner_text()
    assert solution.locator("pre .k").count() > 0
    tab.close()


@pytest.mark.slow
def test_chinese_is_drawn_from_the_pages_own_font(site, opened):
    name = next(n for n in NAMES if HAN.search("".join(page_of(site, n).words)))
    tab, _, _ = opened(name)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tab.wait_for_function(
        "[...document.fonts].some(f => f.family === 'Han' && f.status === 'loaded')"
    )
    tab.close()


def test_every_letter_is_in_the_fonts_that_the_pages_carry(site):
    fonts = [TTFont(ROOT / "slides" / "fonts" / f"{name}.woff") for name in FONTS.values()]
    known = {chr(code) for font in fonts for code in font.getBestCmap()}
    for name in NAMES:
        assert set("".join(page_of(site, name).words)) - known <= {"\n"}, name
