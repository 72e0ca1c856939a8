"""The merge slider of lesson 09: move alpha between two parents and see what the model says.

`gather` samples live: the same problems of each merged model. What moves is `merging.js`, in the
output itself, so the slider works without a kernel and in exported HTML too.
"""

import base64
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import evaluate, front, plots, tasks
from r1lab.evaluate import Sampling
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
WIDTH = 1200  # characters of an answer that are shown


def gather(merged, tokenizer, problems: list, how: Sampling, alphas) -> dict:
    """What the slider shows. merged(alpha) -> a model. Of each alpha mean tokens and percent right,
    and of each problem the answer, its tokens and whether it is right. how: one answer a problem.
    """
    steps = []
    for alpha in alphas:
        found = evaluate.answer(merged(alpha), tokenizer, problems, how)
        rows = zip(found.texts, found.lengths, found.verdicts, strict=True)
        answers = [[_cut(text), tokens, verdict.correct] for text, tokens, verdict in rows]
        tokens = sum(found.lengths) / len(problems)
        right = 100 * float(found.correct.mean())
        steps.append({"alpha": alpha, "tokens": tokens, "right": right, "answers": answers})
    return {"problems": [tasks.short(p) for p in problems], "steps": steps}


def _cut(text: str) -> str:
    half = WIDTH // 2
    return text if len(text) <= WIDTH else f"{text[:half]} … {text[-half:]}"


def chord(data: dict, tokens: float) -> float:
    """Percent right of the coin between the two ends at so many tokens; between them at most."""
    ends = [(data["steps"][end]["tokens"], [data["steps"][end]["right"]]) for end in (0, -1)]
    return front.coin(tokens, *ends)[0]


def draw(data: dict) -> Figure:
    """The still face: the whole path, and the chord of the coin."""
    figure, axis = plots.canvas(width=5.4)
    steps = data["steps"]
    axis.plot([s["tokens"] for s in steps], [s["right"] for s in steps], "o-", color=plots.BLUE)
    ends = [(steps[end]["tokens"], steps[end]["right"]) for end in (0, -1)]
    axis.plot(*zip(*ends, strict=True), "--", color=plots.GREY, label="a coin between the parents")
    for step in steps:
        axis.annotate(f"{step['alpha']:g}", (step["tokens"], step["right"]), (4, -11),
                      textcoords="offset points", fontsize=8)  # fmt: skip
    axis.legend(fontsize=8, loc="lower right")
    axis.set(title="How much of the long parent?", xlabel="mean tokens", ylabel="right, %")
    axis.set_ylim(0, 100)
    return figure


def in_words(data: dict) -> str:
    """The same as a table of text."""
    lines = [
        f"alpha {s['alpha']:5.3f}: {s['tokens']:6.1f} tokens, {s['right']:5.1f} % right, "
        f"a coin {chord(data, s['tokens']):5.1f} %"
        for s in data["steps"]
    ]
    return "\n".join([f"n = {len(data['problems'])} problems, one answer each", *lines])


def page(data: dict, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    slider in its place wherever scripts run. It asks for nothing outside. What the model wrote is
    text in an attribute, and the script writes it as text alone."""
    picture = f'<img src="data:image/png;base64,{still}" alt="accuracy against tokens over alpha">'
    return scripted("merging", data, picture, SCRIPT)


def merge_slider(data: dict) -> None:
    """Show the slider over what `gather` gives; it needs no kernel."""
    still = base64.b64encode(plots.png(draw(data))).decode()
    display({"text/html": page(data, still), "text/plain": in_words(data)}, raw=True)
