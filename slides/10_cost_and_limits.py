"""Figures and numbers of deck 10: the reports' figures from the ledger, times and tokens from
recorded runs."""

from itertools import product

import numpy as np
from figures import BLUE, GREY, ORANGE, bars, canvas, say

from r1lab import cost, drawings, models, preflight
from r1lab.claims import ledger

KWH, WATTS = 0.30, 15  # assumed, as in the lesson: dollars a kilowatt-hour, a laptop's draw
FACTORS = {
    "steps": "steps", "answers": "answers a step", "tokens": "tokens an answer",
    "price": "dollars a\nmillion tokens",
}  # fmt: skip
RUNS = {"zero": "zero/rule", "habits": "habits/rule", "smol": "zero/smol"}


def guess() -> dict[str, float]:
    """The guest's four factors."""
    n = ledger.numbers("C-01")
    keys = "steps", "answers_per_step", "tokens_per_answer", "dollars_per_million_tokens"
    return dict(zip(FACTORS, (n[key] for key in keys), strict=True))


def disclosed() -> dict[str, float]:
    """The same four as they were told or can be read, as in the lesson."""
    n, table = ledger.numbers("C-05"), ledger.numbers("C-04")
    tokens = sum(cost.r1_zero_tokens(n["steps"], n["answers_per_step"])) / 2
    paid = 1e3 * table["r1_zero_thousand_hours"] * table["dollars_per_hour"]
    each = tokens / n["steps"] / n["answers_per_step"]
    return dict(zip(FACTORS, (n["steps"], n["answers_per_step"], each, paid / tokens * 1e6),
                    strict=True))  # fmt: skip


def envelope(runs):
    figure, axis = canvas(height=2.5, width=8.0)
    n = ledger.numbers("C-01")
    for i, (key, value) in enumerate(guess().items()):
        box = {"boxstyle": "round,pad=0.5", "facecolor": "#DCEBF5", "edgecolor": BLUE}
        axis.text(i, 0.62, f"{value:,g}", ha="center", va="center", fontsize=20, bbox=box)
        axis.text(i, 0.25, FACTORS[key], ha="center", va="top", fontsize=12)
        if i:
            axis.text(i - 0.5, 0.62, "×", ha="center", va="center", fontsize=20)
    money = f"= {1e6 * n['cost_million_dollars']:,.0f} dollars"
    axis.text(1.5, -0.5, money, ha="center", fontsize=20, weight="bold")
    axis.set(xlim=(-0.5, 3.5), ylim=(-0.6, 1.0))
    axis.axis("off")
    return figure


def tokens(runs):
    n, said = ledger.numbers("C-05"), guess()
    step, low, high = cost.r1_zero_curve(n["steps"], n["answers_per_step"])
    figure, axis = canvas(width=6.4, height=3.1)
    axis.fill_between(step, low / 1e9, high / 1e9, color=BLUE, alpha=0.3)
    axis.plot(step[:-1], low[:-1] / 1e9, color=BLUE, linewidth=2.5)
    axis.plot(step, said["answers"] * said["tokens"] * step / 1e9, color=ORANGE, linewidth=2.5)
    say(axis, 5600, 78, "the envelope", ORANGE, fontsize=13, ha="right")
    say(axis, 8300, 8, "R1-Zero", BLUE, fontsize=13, ha="left")
    axis.set(xlabel="RL step", ylabel="billion tokens so far", ylim=(0, None), xlim=(0, 10_600))
    axis.set_xticks([0, 4000, 8000], ["0", "4,000", "8,000"])
    return figure


def errors(runs):
    figure, axis = canvas(width=6.8, height=3.2)
    found = cost.factors(guess(), disclosed())
    drawings.factors(axis, {FACTORS[key]: value for key, value in found.items()}, "dollars")
    for words in axis.texts:
        words.set_fontsize(12)
    axis.tick_params(axis="y", labelsize=12)
    axis.set_xlabel("estimate divided by what was disclosed")
    return figure


def lucky(runs):
    """Four factors, each three times too high or too low by a coin: how wrong is the product?"""
    figure, axis = canvas(width=6.0)
    wrong = [abs(sum(signs)) for signs in product((-1, 1), repeat=4)]
    kinds = {"exactly right": 0, "off by 9": 2, "off by 81": 4}
    for x, (power, colour) in enumerate(zip(kinds.values(), (BLUE, GREY, ORANGE), strict=True)):
        axis.bar(x, wrong.count(power), color=colour, width=0.62, alpha=0.55)
        axis.text(x, wrong.count(power) + 0.2, str(wrong.count(power)), ha="center", fontsize=13)
    axis.set_xticks(range(3), kinds, fontsize=13)
    axis.set(ylabel=f"of {len(wrong)} cases", ylim=(0, 9.5))
    axis.grid(axis="x", visible=False)
    return figure


def share(run) -> float:
    """Of a recorded clock's time, sampling, percent."""
    part = run.summary["measured"]
    return 100 * part["sampling"] / (part["sampling"] + part["learning"])


def clock(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    axis.set_ylim(0, 85)
    rows = []
    for arm, words, colour in (("base", "the base", GREY), ("trained", "after training", BLUE)):
        found = runs(f"clock/{arm}")
        long = np.mean([run.summary["measured"]["length"] for run in found])
        rows.append((f"{words},\n{long:.0f} tokens an answer", [share(r) for r in found], colour))
    bars(axis, rows)
    axis.axhline(60, color="black", linestyle=":", linewidth=1.2)
    axis.text(1.34, 61.5, "asked", fontsize=12, ha="left")
    axis.set(ylabel="sampling, % of a step's time", xlim=(-0.6, 1.75))
    return figure


def shape() -> cost.Shape:
    """What a token of the tiny model costs."""
    return cost.shape(models.config_of("rich"))


def ways(runs) -> dict[str, tuple[float, list[float], list[float]]]:
    """Trained, and think-on: percent right, operations of the training, of an answer, a seed."""
    of, found = shape(), {}
    for name, arm in {"trained": "zero/rule", "think-on": "zero/think-on"}.items():
        seeds = runs(arm)
        ends = [run.summary.get("after") or run.summary["measured"] for run in seeds]
        answer = [cost.sampling(of, cost.Work(e["length"], 0, 14 + e["length"] / 2)) for e in ends]
        paid = [cost.operations(of, cost.of_run(r.metrics)) if r.metrics else 0.0 for r in seeds]
        found[name] = (100 * np.mean([end["accuracy"] for end in ends]), paid, answer)
    return found


def crossings(runs) -> list[float]:
    """Thousand questions at which training has paid for itself: the mean, then seed by seed."""
    (_, paid, short), (_, _, long) = ways(runs).values()
    pairs = [(np.mean(paid), np.mean(long) - np.mean(short))]
    pairs += [(p, b - a) for p, a, b in zip(paid, short, long, strict=True)]
    return [p / saved / 1e3 for p, saved in pairs]


def pays(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    asked = np.geomspace(100, 1e7, 60)
    for (_, paid, answer), colour in zip(ways(runs).values(), (BLUE, ORANGE), strict=True):
        total = np.mean(paid) + asked * np.mean(answer)
        axis.plot(asked, total, color=colour, linewidth=2.5)
    axis.axvline(1e3 * crossings(runs)[0], color=GREY, linestyle=":")
    say(axis, 120, 6e14, "trained", BLUE, fontsize=13)
    say(axis, 2500, 1.2e12, "not trained, thinks on", ORANGE, fontsize=13)
    axis.set(xscale="log", yscale="log", xlabel="questions asked", ylabel="operations in all")
    axis.set_xticks([100, 1e4, 1e6], ["100", "10,000", "1 million"])
    return figure


def pace(runs) -> float:
    """Operations a second of the tiny model's recorded runs."""
    return np.mean([cost.operations(shape(), cost.of_run(run.metrics)) / run.summary["seconds"]
                    for run in runs("habits/rule")])  # fmt: skip


def forecast(runs) -> tuple[float, float]:
    """Minutes of SmolLM2's run, as counted from the tiny model's pace and as recorded."""
    of, found = cost.shape(models.config_of("smollm2")), runs("zero/smol")
    prompt = preflight.PROMPT["smollm2"]
    needs = [cost.operations(of, cost.of_run(run.metrics, prompt)) for run in found]
    return (np.mean(needs) / pace(runs) / 60,
            np.mean([run.summary["seconds"] for run in found]) / 60)  # fmt: skip


def counted(runs):
    figure, axis = canvas(width=6.0)
    axis.set_ylim(0, 1.25 * forecast(runs)[0])
    seeds = [run.summary["seconds"] / 60 for run in runs("zero/smol")]
    bars(axis, [("forecast from\nthe tiny model", [forecast(runs)[0]], GREY),
                ("recorded", seeds, BLUE)], " min")  # fmt: skip
    axis.set(ylabel="minutes", xlim=(-0.6, 1.6))
    return figure


def spent(name: str, part: str):
    """Of a recorded arm, a seed: thousand tokens sampled, minutes, or cents of electricity."""

    def found(runs) -> float:
        seconds = np.mean([run.summary["seconds"] for run in runs(RUNS[name])])
        return {
            "k": lambda: np.mean(
                [sum(m["tokens"] for m in run.metrics) for run in runs(RUNS[name])]) / 1e3,
            "minutes": lambda: seconds / 60,
            "cents": lambda: 100 * KWH * cost.watt_hours(seconds, WATTS) / 1e3,
        }[part]()  # fmt: skip

    return found


def of_cost(part: str):
    """Thousand dollars of a part of Table 7."""
    n = ledger.numbers("C-04")
    return lambda runs: n["dollars_per_hour"] * n[f"{part}_thousand_hours"]


FIGURES = {
    "envelope": envelope, "tokens": tokens, "errors": errors, "lucky": lucky, "clock": clock,
    "pays": pays, "counted": counted,
}  # fmt: skip
NUMBERS = {
    "guessed_k": lambda runs: 1e3 * ledger.numbers("C-01")["cost_million_dollars"],
    "zero": of_cost("r1_zero"), "data": of_cost("data"), "r1": of_cost("r1"),
    "price": lambda runs: disclosed()["price"], "tokens": lambda runs: disclosed()["tokens"],
    "product": lambda runs: ledger.numbers("C-04")["gpus"]
    * ledger.numbers("C-04")["r1_zero_wall_hours"],
    "weights": lambda runs: shape().weights / 1e6,
    "each": lambda runs: 2 * shape().weights / 1e6,
    "before": lambda runs: 500 * shape().pairs / 1e6,
    "even": lambda runs: crossings(runs)[0], "even_low": lambda runs: min(crossings(runs)[1:]),
    "even_high": lambda runs: max(crossings(runs)[1:]),
    "trained": lambda runs: ways(runs)["trained"][0],
    "thinks_on": lambda runs: ways(runs)["think-on"][0],
    "too_long": lambda runs: forecast(runs)[0] / forecast(runs)[1],
    "watts": lambda runs: WATTS, "kwh": lambda runs: KWH,
    **{f"{n}_{p}": spent(n, p) for n in RUNS for p in ("k", "minutes", "cents")},
}  # fmt: skip
