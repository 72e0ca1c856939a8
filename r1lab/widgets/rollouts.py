"""The rollout browser: what a policy wrote during training, step by step, tries and checks in
colour (lessons 00, 04)."""

import html
import re
import textwrap

from IPython.display import display

from r1lab import experiments, reflection, tasks, thoughts
from r1lab.plots import BLUE, GREEN, GREY
from r1lab.tasks.reading import Unreadable, read_expression
from r1lab.verify import verify
from r1lab.widgets.live import BOX, NO_MATH, with_widget

RED = "#C04A00"  # Okabe and Ito's vermilion, darkened until it can be read as text
WORDS = "|".join(sorted(map(re.escape, thoughts.GROUP), key=len, reverse=True))
PIECE = re.compile(
    rf"""<answer>(?P<answer>.*?)(?:</answer>|$)
    |(?P<tag></?(?:think|answer)>)
    |(?P<sum>[0-9(][-+*/0-9() ]{{0,60}}={{1}}[ ]?-?[0-9]{{1,9}}(?![0-9]))
    |vs[ ]-?[0-9]{{1,9}}[ ]?(?:(?P<yes>yes|对)|(?P<no>no|不对))
    |(?P<word>(?<![a-z])(?:{WORDS})(?![a-z]))""",
    re.X | re.I | re.S,
)
LOOKS = {  # kind -> (element, style): never by colour alone
    "tag": ("span", f"color:{GREY}"),
    "sum": ("span", f"color:{BLUE}"),
    "slip": ("s", f"color:{BLUE}"),
    "word": ("b", "background:#FFF1C9;color:#222"),
    "no": ("i", f"color:{RED}"),
    "yes": ("b", f"color:{GREEN}"),
    "answer": ("u", "color:#222;background:#E8E8E8"),
    "": ("span", "color:#222"),
}
LEGEND = (
    ("sum", "a try"), ("slip", "a wrong sum"), ("no", "vs T no"), ("yes", "vs T yes"),
    ("word", "Wait"), ("answer", "the answer"),
)  # fmt: skip


def pieces(completion: str) -> list[tuple[str, str]]:
    """A completion cut into (kind, text), nothing lost: "sum", "slip" (a sum that is wrong),
    "yes" and "no" (a comparison's verdict), "word" (of reflection), "answer", "tag", ""."""
    found, end = [], 0
    for match in PIECE.finditer(completion):
        found.append(("", completion[end : match.start()]))
        kind, end = match.lastgroup, match.end()
        if kind == "answer":
            close = match.group().removeprefix("<answer>").removeprefix(match["answer"])
            found += [("tag", "<answer>"), ("answer", match["answer"]), ("tag", close)]
        else:
            found.append(
                ("slip" if kind == "sum" and not _true(match["sum"]) else kind, match.group())
            )
    found.append(("", completion[end:]))
    return [(kind, text) for kind, text in found if text]


def _true(equation: str) -> bool:
    left, right = equation.split("=")
    try:
        return read_expression(left)[0] == int(right)
    except Unreadable:
        return True  # nobody can say that it is wrong


def marked(completion: str) -> str:
    """A completion as HTML, its pieces marked."""
    return "".join(_mark(kind, text) for kind, text in pieces(completion))


def _mark(kind: str, text: str) -> str:
    element, style = LOOKS[kind]
    return f'<{element} style="{style}">{html.escape(text)}</{element}>'


def problem_of(group: dict) -> tasks.Problem:
    """The problem of a group; groups recorded before there were word problems lack the question."""
    return tasks.Problem(
        group["task"], tuple(group["numbers"]), group["target"], group.get("question", "")
    )


def page(group: dict, pick: int) -> str:
    """HTML of one completion of a group (a line of `samples.jsonl`), and of the group's rewards.
    pick: which completion, from 0."""
    text = group["completions"][pick]
    problem = problem_of(group)
    verdict = verify(problem, text)
    seen = reflection.trace(problem, text, verdict)
    asked = html.escape(tasks.short(problem))
    counts = f"tries: {seen.attempts}, different: {seen.tries}, words of reflection: {seen.words}"
    legend = " &nbsp; ".join(_mark(*item) for item in LEGEND)
    return (
        f'<div class="{NO_MATH}" style="{BOX}"><b>Step {group["step"]}</b>: {asked}<br>'
        f"Completion {pick + 1} of {len(group['completions'])}: <b>{verdict.reason}</b>; {counts}."
        f'<p style="margin:6px 0">{marked(text)}</p>{rewards_table(group, pick)}'
        f'<p style="margin:6px 0 0;font-size:85%">{legend}</p></div>'
    )


def rewards_table(group: dict, pick: int) -> str:
    """The rewards of a group, function by function, their total, and the advantages."""
    rows = {**group["rewards"], "advantage": group["advantages"]}
    cell = "<t{0} style='text-align:right;padding:1px 7px;{1}'>{2}</t{0}>"
    places = range(len(group["completions"]))
    shade = ["background:#E0EEF7" if i == pick else "" for i in places]
    head = "".join(cell.format("h", shade[i], i + 1) for i in places)
    body = ""
    for name, values in rows.items():
        form = "+.2f" if name == "advantage" else ".1f"
        numbers = "".join(cell.format("d", shade[i], format(values[i], form)) for i in places)
        named = f"<td style='text-align:left;padding-right:10px'>{name.replace('_', ' ')}</td>"
        body += f"<tr>{named}{numbers}</tr>"
    style = "font-size:85%;color:#222;border-collapse:collapse"
    return f"<table style='{style}'><tr><th></th>{head}</tr>{body}</table>"


class RolloutBrowser:
    """Choose an arm, a step, a problem and a completion. `arms`: name -> runs; of each its `probe`,
    one problem through all kept steps, or where it has none its `samples`, another problem at each.
    `box` is the widget, or None without ipywidgets."""

    def __init__(self, arms: dict[str, list]):
        kept = {arm: [run.probe or run.samples for run in found] for arm, found in arms.items()}
        self.arms = {arm: [groups for groups in runs if groups] for arm, runs in kept.items()}
        self.arms = {arm: runs for arm, runs in self.arms.items() if runs}
        if not self.arms:
            raise ValueError("no run with samples: train one first, or leave the argument away")
        self.arm = next(iter(self.arms))
        self.at = self.problem = self.pick = 0
        self.box = None
        try:
            import ipywidgets
        except ImportError:
            return
        self._make(ipywidgets)

    def group(self) -> dict:
        """The group that is shown."""
        groups = self.arms[self.arm][self.problem]
        return groups[min(self.at, len(groups) - 1)]

    def page(self) -> str:
        return page(self.group(), min(self.pick, len(self.group()["completions"]) - 1))

    def still(self) -> str:
        """For pages without a kernel: what is shown; of one problem through all steps the first
        and the last, side by side."""
        groups = self.arms[self.arm][self.problem]
        first, last = groups[0], groups[-1]
        if first is last or problem_of(first) != problem_of(last):
            return self.page()
        pages = "".join(
            f'<div style="flex:1 1 320px">{page(group, 0)}</div>' for group in (first, last)
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{pages}</div>'

    def _make(self, w) -> None:
        wide = w.Layout(width="320px")
        options = {"continuous_update": False, "readout": False, "layout": wide}
        self.choices = {
            "arm": w.Dropdown(options=list(self.arms), description="run", layout=wide),
            "at": w.IntSlider(description="step", min=0, **options),
            "problem": w.Dropdown(description="problem", layout=wide),
            "pick": w.IntSlider(description="completion", min=0, **options),
        }
        self.view = w.HTML()
        row = w.Layout(flex_flow="row wrap")
        c = self.choices
        pairs = (c["arm"], c["problem"]), (c["at"], c["pick"])
        self.box = w.VBox([*(w.HBox(pair, layout=row) for pair in pairs), self.view])
        self.filling = False
        self._fill()
        for control in self.choices.values():
            control.observe(self._changed, names="value")

    def _fill(self) -> None:
        """Set what can be chosen to what the arm and the step hold, then draw."""
        c = self.choices
        found = self.arms[self.arm]
        c["at"].max = len(found[self.problem]) - 1
        names = []
        for i, groups in enumerate(found):
            group = groups[min(self.at, len(groups) - 1)]
            names.append(
                (textwrap.shorten(tasks.short(problem_of(group)), 48, placeholder=" …"), i)
            )
        c["problem"].options = names  # chooses the first
        c["problem"].value = self.problem
        c["pick"].max = len(self.group()["completions"]) - 1
        self.view.value = self.page()

    def _changed(self, change) -> None:
        if self.filling or change.owner.value is None:
            return
        self.filling = True
        self.arm, self.at, self.pick = (self.choices[k].value for k in ("arm", "at", "pick"))
        self.problem = min(self.choices["problem"].value, len(self.arms[self.arm]) - 1)
        self._fill()
        self.filling = False


def rollout_browser(arms: dict[str, list] | None = None) -> None:
    """Show what was written during training. arms: name -> runs (`records.load_run`), such as your
    own, with one problem through all steps if it had a probe; default the recorded runs, where
    every seed and step drew another problem."""
    if arms is None:
        habits = experiments.named("habits")
        chosen = [habits.arm(name) for name in ("rule", "random", "format", "parts")]
        found = {arm.label: experiments.recorded("habits", arm.name) for arm in chosen}
        arms = {label: runs for label, runs in found.items() if runs}
    browser = RolloutBrowser(arms)
    group = browser.group()
    words = f"Step {group['step']}, first completion: {group['completions'][0]}"
    display(with_widget({"text/html": browser.still(), "text/plain": words}, browser.box), raw=True)
