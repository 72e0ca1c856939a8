"""The table of claims (lesson 11), and where the reports disagree.

Every row is plain HTML that opens by a click, so it needs no script; `board.js`, in the output
itself, puts the filters above the rows wherever scripts run, without a kernel.
"""

import html
from collections import Counter
from pathlib import Path

from IPython.display import display

from r1lab.claims import ledger, scoreboard
from r1lab.claims.verdicts import WORDS
from r1lab.plots import VERDICTS
from r1lab.widgets.live import NO_MATH

SCRIPT = Path(__file__).with_suffix(".js")
STYLE = """<style>
.r1lab-board{background:#fff;color:#222;font:13px sans-serif;padding:8px;max-width:940px}
.r1lab-board details{border-top:1px solid #ddd;padding:3px 0}
.r1lab-board summary{display:grid;grid-template-columns:4em 9em 1fr 11em;gap:8px;cursor:pointer}
.r1lab-board i{font-style:normal;border-left:10px solid;padding-left:5px}
.r1lab-board u{text-decoration:none;color:#555}
.r1lab-board p{margin:3px 0 3px 4.5em;color:#333}
.r1lab-board .rows{max-height:560px;overflow-y:auto;border-bottom:1px solid #ddd}
.r1lab-board button,.r1lab-board select,.r1lab-board input{font:13px sans-serif;color:#000;
background:#fff;border:1px solid #999;border-radius:4px;padding:2px 7px;margin:0 4px 5px 0}
.r1lab-board button[aria-pressed=true]{background:#ddd}
</style>"""


def row(one: dict) -> str:
    """A claim (`scoreboard.record`) as HTML: a line with the condition that decides, and behind a
    click its criterion, what was seen of each condition and why the verdict is what it is."""
    said = html.escape
    seen = ""
    if held := scoreboard.deciding(one):
        seen = f"{scoreboard.seen(held)}, asked {held['asked']:g}"
    colour = VERDICTS[one["verdict"]]
    parts = [
        f'<details data-v="{one["verdict"]}" data-l="{said(one["lesson"])}">'
        f"<summary><b>{said(one['id'])}</b>"
        f'<i style="border-color:{colour}">{WORDS[one["verdict"]]}</i>'
        f"<span>{said(one['statement'])}</span><u>{seen}</u></summary>",
        f"<p>{said(one['source'])}, {said(one['section'])}; lesson {said(one['lesson'])}</p>",
    ]
    if one["criterion"]:
        when = f", {one['when']} the runs" if one["when"] else ""
        parts.append(f"<p>Asked{when}: {said(one['criterion'])}</p>")
    parts += [f"<p>{said(line)}</p>" for line in map(condition, one["conditions"])]
    return f"{''.join(parts)}<p>{said(reason(one))}</p></details>"


def condition(one: dict) -> str:
    """What was seen of one condition, in a line."""
    seeds = ", ".join(f"{value:.3g}" for value in one["by_seed"] or ())
    held = "met" if one["met"] else "missed" if one["missed"] else "neither met nor missed"
    return (
        f"{held}: {scoreboard.seen(one)}, asked {one['asked']:g}, no effect {one['none']:g}, "
        f"could be [{one['least']:g}, {one['most']:g}]; {f'seeds {seeds}' if seeds else 'no run'}: "
        f"{one['metric']}"
    )


def reason(one: dict) -> str:
    """Why the verdict is what it is; of N and I the conditions have said it."""
    if one["verdict"] == "open":
        return f"No run yet; {one['reason']}"
    if one["verdict"] in ("N", "I") and scoreboard.tested(one):
        return one["reason"].partition(":")[0] + "."
    return one["reason"]


def page(rows: list[dict]) -> str:
    """The table as HTML."""
    count = Counter(one["verdict"] for one in rows)
    words = "|".join(f"{letter}={word}" for letter, word in WORDS.items() if count[letter])
    return (
        f'{STYLE}<div class="r1lab-board {NO_MATH}" data-words="{html.escape(words)}">'
        f"<div>{html.escape(scoreboard.summary(rows))} Click a row to open it.</div>"
        f'<div class="rows">{"".join(map(row, rows))}</div></div>'
        f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
    )


def claims_table(rows: list[dict]) -> None:
    """Show claims with filters by verdict, lesson and words. rows: of `scoreboard.every`."""
    display({"text/html": page(rows), "text/plain": scoreboard.summary(rows)}, raw=True)


def discrepancies() -> None:
    """Show where the reports disagree with themselves or each other, each behind a click."""
    found = ledger.discrepancies()
    parts = []
    for one in found:
        parts.append(
            f"<details><summary style='display:list-item'>{html.escape(one['about'])}</summary>"
            f"<p>{html.escape(ledger.said(one))}</p>"
            f"<p>{html.escape(one['what we do'])}</p></details>"
        )
    shown = f'{STYLE}<div class="r1lab-board {NO_MATH}">{"".join(parts)}</div>'
    text = "\n".join(f"{one['id']}  {one['about']}" for one in found)
    display({"text/html": shown, "text/plain": text}, raw=True)
