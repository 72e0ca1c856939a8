"""The scoreboard as a page to cite, in Markdown and in HTML: `python -m r1lab claims --report`.

Every number in it is worked out from the ledger and the recorded runs when it is written.
"""

import base64
import hashlib
import html
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from r1lab import plots
from r1lab.claims import ledger, luck, reruns, rulers, scoreboard
from r1lab.claims.reruns import AGAIN, Rerun
from r1lab.claims.verdicts import WORDS
from r1lab.running.recorded import RECORDED

TITLE = "What o1, DeepSeek-R1 and Kimi k1.5 claim, and what came out here"
READ = (
    "**Reproduced**: of every condition the 95 % interval lies above no effect and the estimate "
    "reaches what was asked. **Not reproduced**: of one condition the whole interval lies below "
    "what was asked, or every seed does where each must reach it. **Inconclusive**: anything else, "
    "and always with one seed. **Cannot be tested here**: not at this scale. **Void**: the "
    "criterion could not have come out otherwise. **No run yet**: the run is planned.",
    "In the figures each condition is a ruler from the least to the most that its metric can be, "
    "so no scale was chosen after the results. Thin tick: no effect. Thick tick: what was asked. "
    "Dots: the training seeds. Line: the 95 % interval, blue where the condition is met, orange "
    "where it is missed, grey between. A plus marks a further condition of the same claim.",
)
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border-top:1px solid #ccc;padding:3px 10px "
    "3px 0;text-align:left;vertical-align:top;font-size:13px}img{max-width:100%}"
)


@dataclass(frozen=True)
class Block:
    """A part of the page. kind: "h1", "h2", "p", "table" (rows of cells, the first its head) or
    "figure" (a PNG, with text in its place and a name for its file). Text may hold **bold** words.
    """

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    png: bytes = b""
    name: str = ""


def write(place: Path, folder: Path = RECORDED, again: Path = AGAIN) -> list[Path]:
    """Write report.md with its figures and report.html, which holds them, into `place`; gives
    the two. folder: of the recorded runs; again: of those of the second check."""
    rows, second = scoreboard.every(folder), reruns.every(folder, again)
    summaries = [json.loads(p.read_text("utf-8")) for p in folder.glob("*/summary.json")]
    blocks = page(rows, summaries, second)
    place.mkdir(parents=True, exist_ok=True)
    for one in blocks:
        if one.png:
            (place / one.name).write_bytes(one.png)
    texts = {"report.md": markdown(blocks), "report.html": as_html(blocks)}
    for name, text in texts.items():
        (place / name).write_text(text, encoding="utf-8")
    return [place / name for name in texts]


def page(rows: list[dict], summaries: list[dict], second: list[Rerun]) -> list[Block]:
    """The report's parts. rows: of `scoreboard.every`; summaries: of the recorded runs; second: of
    `reruns.every`."""
    dates = [summary["date"] for summary in summaries if "date" in summary]
    made = f"{len(summaries)} recorded runs, the newest of {max(dates)}" if dates else "no run"
    cite = (
        f"Made by `python -m r1lab claims --report` from {made}. To cite it, name the course, "
        f"r1lab, that date and the evidence's mark, **{mark(rows, second)}**: the mark changes "
        "with any verdict or number below."
    )
    blocks = [Block("h1", TITLE), Block("p", f"**{scoreboard.summary(rows)}**"), Block("p", cite)]
    blocks += [Block("p", text) for text in READ]
    blocks += [Block("p", by_luck(rows)), Block("h2", "By lesson")]
    blocks.append(Block("table", rows=_counts(rows)))
    blocks += _again(second)
    for lesson in sorted({row["lesson"] for row in rows}):
        of_it = [row for row in rows if row["lesson"] == lesson]
        of_it.sort(key=_order)
        blocks.append(Block("h2", f"Lesson {lesson}"))
        if any(map(scoreboard.tested, of_it)):
            blocks.append(_figure(lesson, of_it))
        blocks.append(Block("table", rows=_table(of_it)))
    blocks += [Block("h2", "Where the reports disagree"), Block("table", rows=_discrepancies())]
    return blocks


def _order(row: dict) -> int:
    """What was put to the test comes first."""
    return list(WORDS).index(row["verdict"])


def mark(rows: list[dict], second: list[Rerun]) -> str:
    """Twelve digits that stand for all verdicts and numbers, to three places."""
    text = "\n".join([scoreboard.text(rows), *map(reruns.line, second)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def by_luck(rows: list[dict]) -> str:
    """How many would have been reproduced by chance, in a sentence."""
    held = list(filter(scoreboard.tested, rows))
    found = sum(row["verdict"] == "R" for row in held)
    expected = sum(map(luck.alone, held))
    return (
        "If every truth lay exactly at no effect and seeds differed as the recorded ones do, at "
        f"most {expected:.2f} of the {len(held)} claims that were put to the test would be "
        f"expected to come out reproduced; {found} did. The claims share runs, so luck, where it "
        "strikes, strikes several at once."
    )


def conditions(rows: list[dict]) -> list[tuple[str, dict]]:
    """What `rulers.draw` draws: every condition of the claims that runs put to the test."""
    return [
        (row["id"] + " +" * (i > 0), one)
        for row in rows
        if scoreboard.tested(row)
        for i, one in enumerate(row["conditions"])
    ]


def _again(second: list[Rerun]) -> list[Block]:
    """The second check: in a sentence, what luck alone would give, a figure and a table."""
    held = reruns.counted(second)
    blocks = [Block("h2", "Run again with other seeds"), Block("p", reruns.sentence(second))]
    if left := [f"{row.claim.id}, {row.missing}" for row in second if row.missing]:
        blocks.append(Block("p", f"What is missing: {'; '.join(left)}."))
    if not held:
        return blocks
    luck_alone = (
        f"If each truth were what the first seeds saw and nothing but seeds differed, "
        f"{reruns.expected(held):.1f} of these {len(held)} would agree. Which claims, and which "
        "seeds, was written down before these runs (`data/again/README.md`); the criteria are the "
        "same. In the figure the upper line of a pair is from the first seeds, the lower one from "
        "the others; the vertical line is what was asked."
    )
    shown = reruns.shown(second)
    figure, axis = plots.canvas(width=6.6, height=0.36 * len(shown) + 1.2)
    rulers.against(axis, shown)
    title = f"{sum(row.agree for row in held)} of {len(held)} verdicts come out again"
    axis.set_title(title)
    plots.tidy(figure)
    table = [("claim", "what is measured", "asked", "first seeds", "other seeds", "verdicts")]
    for row in held:
        for i, (a, b) in enumerate(zip(row.first["conditions"], row.second["conditions"],
                                       strict=True)):  # fmt: skip
            said = " → ".join(WORDS[letter] for letter in row.letters) if not i else ""
            name = f"**{row.claim.id}**" if not i else ""
            seen = scoreboard.seen(a), scoreboard.seen(b)
            table.append((name, a["metric"], f"{a['asked']:g}", *seen, said))
    blocks += [Block("p", luck_alone), Block("figure", title, png=plots.png(figure),
                                             name="again.png")]  # fmt: skip
    blocks += [Block("p", reruns.why(row)) for row in held if not row.agree]
    return [*blocks, Block("table", rows=tuple(table))]


def _figure(lesson: str, rows: list[dict]) -> Block:
    shown = conditions(rows)
    figure, axis = plots.canvas(width=6.6, height=0.27 * len(shown) + 0.9)
    rulers.draw(axis, shown)
    held = [row["verdict"] for row in rows if scoreboard.tested(row)]
    title = (
        f"Lesson {lesson}: {held.count('R')} of {len(held)} claims put to the test are reproduced"
    )
    axis.set_title(title)
    plots.tidy(figure)
    return Block("figure", title, png=plots.png(figure), name=f"lesson-{lesson}.png")


def _counts(rows: list[dict]) -> tuple[tuple[str, ...], ...]:
    """A row a lesson, a column a verdict."""
    table = [("lesson", *WORDS.values())]
    for lesson in sorted({row["lesson"] for row in rows}):
        count = Counter(row["verdict"] for row in rows if row["lesson"] == lesson)
        table.append((lesson, *(str(count[letter]) for letter in WORDS)))
    whole = Counter(row["verdict"] for row in rows)
    return (*table, ("all", *(str(whole[letter]) for letter in WORDS)))


def _table(rows: list[dict]) -> tuple[tuple[str, ...], ...]:
    table = [("claim", "what is claimed", "asked", "seen [95 %]", "verdict")]
    for row in rows:
        name = f"**{row['id']}** {row['source']}, {row['section']}"
        when = f" ({row['when']} the runs)" if row["when"] and row["conditions"] else ""
        why = "" if row["verdict"] in ("R", "N") else f": {row['reason']}"
        seen = "; ".join(map(_seen, row["conditions"]))
        verdict = f"**{WORDS[row['verdict']]}**{why}"
        table.append((name, row["statement"], f"{row['criterion']}{when}", seen, verdict))
    return tuple(table)


def _seen(one: dict) -> str:
    if one["ci95"] is None:
        return f"{one['effect']:.3g}, asked {one['asked']:g}, worked out: {one['metric']}"
    seeds = len(one["by_seed"])
    return f"{scoreboard.seen(one)}, asked {one['asked']:g}, {seeds} seeds: {one['metric']}"


def _discrepancies() -> tuple[tuple[str, ...], ...]:
    table = [("about", "values", "what the course does")]
    for one in ledger.discrepancies():
        table.append((f"**{one['id']}** {one['about']}", ledger.said(one), one["what we do"]))
    return tuple(table)


def markdown(blocks: list[Block]) -> str:
    """The page as Markdown; its figures lie beside it."""
    parts = []
    for one in blocks:
        if one.kind == "table":
            cells = [[text.replace("|", "\\|") for text in row] for row in one.rows]
            head, *lines = [f"| {' | '.join(row)} |" for row in cells]
            parts.append("\n".join([head, "|---" * len(cells[0]) + "|", *lines]))
        elif one.kind == "figure":
            parts.append(f"![{one.text}]({one.name})")
        else:
            parts.append({"h1": "# ", "h2": "## ", "p": ""}[one.kind] + one.text)
    return "\n\n".join(parts) + "\n"


def as_html(blocks: list[Block]) -> str:
    """The page as one HTML file that asks for nothing outside."""
    parts = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{TITLE}</title>"]
    parts.append(f"<style>{STYLE}</style>")
    for one in blocks:
        if one.kind == "table":
            parts.append(f"<table>{''.join(_line(*row) for row in enumerate(one.rows))}</table>")
        elif one.kind == "figure":
            data = base64.b64encode(one.png).decode()
            alt = html.escape(one.text)
            parts.append(f'<img alt="{alt}" src="data:image/png;base64,{data}">')
        else:
            parts.append(f"<{one.kind}>{_bold(one.text)}</{one.kind}>")
    return "\n".join([*parts, "</html>"]) + "\n"


def _line(number: int, row: tuple[str, ...]) -> str:
    cell = "td" if number else "th"
    return f"<tr>{''.join(f'<{cell}>{_bold(text)}</{cell}>' for text in row)}</tr>"


def _bold(text: str) -> str:
    """Escaped, with **words** in bold and `words` as code."""
    parts = html.escape(text).split("**")
    bold = "".join(f"<b>{part}</b>" if i % 2 else part for i, part in enumerate(parts))
    parts = bold.split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
