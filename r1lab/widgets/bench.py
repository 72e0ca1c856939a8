"""The reward bench of lesson 03: type a completion, see what each reward pays for it, and why.

The still face is the table for one completion; with a kernel a text box stands above it.
"""

import html
import textwrap

from IPython.display import display

from r1lab import rewards, tasks, value
from r1lab.tasks import Problem
from r1lab.tasks.reading import Unreadable, read_expression
from r1lab.verify import verify
from r1lab.widgets.live import LOOK, with_widget

CELL = "padding:2px 14px 2px 0;text-align:left;vertical-align:top"
LONGEST = 4000  # characters that are judged and shown


def components(problem: Problem, text: str) -> list[tuple[str, float, str]]:
    """(name, what it pays, why) of each reward for one completion of a Countdown problem."""
    text = text[:LONGEST]
    verdict = verify(problem, text)
    columns = {
        "completions": [text], "verdicts": [verdict], "task": [problem.task],
        "numbers": [list(problem.numbers)], "target": [problem.target],
    }  # fmt: skip
    names = ("accuracy", "format", "rule", "equal", *value.JUDGES)
    paid = {name: rewards.score(*rewards.reward_set(name), **columns)[0][0] for name in names}
    form = "thoughts, then an answer, each tag once" if verdict.formatted else "not in its form"
    why = {
        "accuracy": _reason(verdict), "format": form, "rule": "accuracy + 0.1 x format",
        "equal": "accuracy + format",
    }  # fmt: skip
    for name in value.JUDGES:
        why[name] = _looked(name, paid[name], problem, text, verdict.answer)
    return [(name, paid[name], why[name]) for name in names]


def _reason(verdict) -> str:
    """The verdict's reason, with the reader's words where the answer cannot be read."""
    if verdict.reason != "unreadable":
        return verdict.reason
    try:
        read_expression(verdict.answer)
    except Unreadable as error:
        return f"unreadable: it {error}"
    return verdict.reason


def _looked(name: str, score: float, problem: Problem, text: str, answer: str | None) -> str:
    word = "approved" if score > 0 else "refused"
    what = "no answer" if answer is None else "an answer"
    if value.load(name).length is None:
        return f"{word}; it saw {what}"
    return f"{word}; it saw {what} behind {value.seen(problem, text, answer).words} words"


def table(problem: Problem, text: str) -> str:
    """The rows of `components` as HTML."""
    rows = "".join(
        f'<tr><td style="{CELL}">{name}</td><td style="{CELL}"><b>{paid:+.2f}</b></td>'
        f'<td style="{CELL}">{html.escape(why)}</td></tr>'
        for name, paid, why in components(problem, text)
    )
    asked = html.escape(tasks.short(problem))
    given = html.escape(textwrap.shorten(text, 300, placeholder=" …"))
    return f'<div style="{LOOK}"><b>{asked}</b><br><code>{given}</code><table>{rows}</table></div>'


class RewardBench:
    """The text box and the table below it. `box` is the widget, or None without ipywidgets."""

    def __init__(self, problem: Problem, text: str):
        self.problem, self.box = problem, None
        try:
            import ipywidgets as w
        except ImportError:
            return
        self.given = w.Textarea(value=text, rows=3, layout=w.Layout(width="95%"))
        self.view = w.HTML(table(problem, text))
        self.given.observe(self._changed, names="value")
        self.box = w.VBox([self.given, self.view])

    def _changed(self, change) -> None:
        self.view.value = table(self.problem, change["new"])


def reward_bench(problem: Problem, text: str) -> None:
    """Show what each reward pays for a completion; with a kernel the text can be changed."""
    bench = RewardBench(problem, text)
    plain = "\n".join(f"{n:9} {paid:+6.2f}  {why}" for n, paid, why in components(problem, text))
    faces = {"text/html": table(problem, text), "text/plain": plain}
    display(with_widget(faces, bench.box), raw=True)
