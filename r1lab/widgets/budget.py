"""The budget slider of lesson 01: move it and see thoughts, answer and accuracy.

`gather` samples live: thoughts once, then an answer behind them under every budget. What moves is
`budget.js`, in the output itself, so the slider works without a kernel and in exported HTML too.
"""

import base64
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from r1lab import evaluate, plots, search, tasks
from r1lab.evaluate import Sampling
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
BUDGETS = (8, 16, 32, 64, 128, 256, 512)
ROOM = 40  # tokens for an answer


def gather(model, tokenizer, problems: list, how: Sampling, budgets=BUDGETS) -> dict:
    """What the slider shows: of each problem its thoughts as tokens, whether they end by
    themselves, and under each budget the answer and whether it is right. how: one answer a problem.
    """
    found = evaluate.answer(model, tokenizer, problems, how)
    short = Sampling(how.template, ROOM, how.seed + 1)
    under = [search.within(model, tokenizer, found, budget, short) for budget in budgets]
    rows = []
    for i, (problem, text) in enumerate(zip(found.problems, found.texts, strict=True)):
        count, ended = search.thinks(tokenizer, text)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"][:count]
        verdicts = [one.verdicts[i] for one in under]
        answers = [[v.answer or "no answer", v.correct] for v in verdicts]
        tokens = [tokenizer.decode([token]) for token in ids]
        rows.append({
            "problem": tasks.short(problem), "tokens": tokens, "ended": ended, "answers": answers,
        })  # fmt: skip
    return {"budgets": list(budgets), "rows": rows}


def curve(data: dict) -> tuple[list[float], list[float]]:
    """Mean tokens of thought and share of right answers, percent, under each budget."""
    sizes = np.array([len(row["tokens"]) for row in data["rows"]])
    right = np.array([[right for _, right in row["answers"]] for row in data["rows"]])
    tokens = [float(np.minimum(sizes, budget).mean()) for budget in data["budgets"]]
    return tokens, (100 * right.mean(0)).tolist()


def draw(data: dict) -> Figure:
    """The still face: the whole curve."""
    tokens, share = curve(data)
    figure, axis = plots.canvas(width=5.4)
    axis.plot(tokens, share, color=plots.BLUE, marker="o")
    axis.set_xscale("log", base=2)
    axis.set(title="How long may it think?", ylabel="right, %", ylim=(0, 100))
    axis.set_xlabel("mean tokens of thought, log axis")
    return figure


def in_words(data: dict) -> str:
    """The same as a table of text."""
    tokens, share = curve(data)
    rows = zip(data["budgets"], tokens, share, strict=True)
    lines = [f"budget {b:4} tokens: {t:6.1f} used on average, {s:5.1f} % right" for b, t, s in rows]
    return "\n".join([f"n = {len(data['rows'])} problems, one answer each", *lines])


def page(data: dict, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    slider in its place wherever scripts run. It asks for nothing outside. What the model wrote is
    text in an attribute, and the script writes it as text alone."""
    picture = f'<img src="data:image/png;base64,{still}" alt="accuracy against tokens of thought">'
    return scripted("budget", data, picture, SCRIPT)


def budget_slider(data: dict) -> None:
    """Show the slider over what `gather` gives; it needs no kernel."""
    still = base64.b64encode(plots.png(draw(data))).decode()
    display({"text/html": page(data, still), "text/plain": in_words(data)}, raw=True)
