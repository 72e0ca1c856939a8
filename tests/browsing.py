"""Instruments and pages in tests: what is displayed, opened in Chromium, and read there."""

INJECTED = "</script><img src=x onerror=window.hacked=1>'\"&amp;<b>"
CONTRAST = """
    const parts = (color) => color.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, i) => a * c + (1 - a) * under[i]);
    const behind = (one) => one ? over(parts(getComputedStyle(one).backgroundColor),
        behind(one.parentElement)) : [255, 255, 255];
    const shade = (rgb) => rgb.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 :
        ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (one) => {  // of its text against what lies behind it, as WCAG has it
        const under = behind(one), text = over(parts(getComputedStyle(one).color), under);
        const [a, b] = [shade(text), shade(under)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
"""  # JavaScript


def shown(monkeypatch, module, call) -> dict:
    """The faces that `call` displays from a module of `r1lab.widgets`."""
    given = []
    monkeypatch.setattr(module, "display", lambda faces, **_: given.append(faces))
    call()
    return given[0]


def opened(browser, text, place):
    """HTML as a page of its own, from the file `place`: the page, and a list of all it asks for."""
    place.write_text(f"<meta charset='utf-8'>{text}", encoding="utf-8")
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(place.as_uri())
    return page, asked


def drawn(page, what: str) -> list[str]:
    """The HTML of each element that a CSS selector finds."""
    return page.evaluate(f"[...document.querySelectorAll('{what}')].map(e => e.outerHTML)")
