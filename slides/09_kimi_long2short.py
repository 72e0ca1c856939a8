"""Figures and numbers of deck 09, all from recorded runs and Kimi's Figure 7."""

import numpy as np
import torch
from figures import BLUE, GREEN, GREY, ORANGE, bars, canvas, intervals, say

from r1lab import drawings, front, length, losses, models, stats
from r1lab.claims import ledger
from r1lab.experiments import long2short
from r1lab.running.evidence import minus, part

WAYS = {"shortest": ("shortest", ORANGE), "dpo": ("DPO", GREEN), "rl": ("RL", BLUE)}
WAYS |= {"first": ("first right", "#CC79A7")}  # the control of shortest
KINDS = {"none": "#DDDDDD", "SFT": "#F5D7A1", "DPO": "#CDE8C5", "RL": "#A9CCE3"}
LINES = [
    ("merging", [("long parent,\nshort parent", ""), ("average of\nweights", "none"),
                 ("short thinker", "")]),
    ("rejection", [("long parent", ""), ("eight answers: the\nshortest right", "SFT"),
                   ("short thinker", "")]),
    ("DPO", [("long parent", ""), ("shortest right\nbefore longer", "DPO"), ("short thinker", "")]),
    ("RL", [("long parent", ""), ("length reward,\nsmall cap", "RL"), ("short thinker", "")]),
]  # fmt: skip
KIMI = ledger.numbers("K-16")
PRINTED = {"rl": "RL", "dpo": "DPO", "merge_and_rejection": "merge and reject", "merge": "merge"}
BENCHES = {"AIME 2024": ("aime_2024_percent", "tokens"),
           "MATH-500": ("math_500_percent", "math_500_tokens")}  # fmt: skip


def printed(way: str, bench: str = "AIME 2024") -> front.Point:
    """Tokens and percent right in Kimi's Figure 7."""
    percent, tokens = BENCHES[bench]
    return KIMI[f"{way}_{tokens}"], [KIMI[f"{way}_{percent}"]]


def above(way: str, bench: str = "AIME 2024") -> float:
    """By how many points a way of Kimi's lies above the coin."""
    tokens, (right,) = printed(way, bench)
    return right - front.coin(tokens, printed("shortest", bench), printed("long", bench))[0]


def ways(runs):
    figure, axis = canvas(height=3.1, width=6.6)
    drawings.lineage(axis, LINES, KINDS)
    for words in axis.texts:
        words.set(fontsize=10, color="black")
    return figure


def kimi(runs):
    figure, axes = canvas(2, height=3.5, width=8.6)
    for axis, bench in zip(axes, BENCHES, strict=True):
        ends = [printed(name, bench) for name in ("shortest", "long")]
        axis.plot(*zip(*((t, r[0]) for t, r in ends), strict=True), "o--", color=GREY)
        for way, words in PRINTED.items():
            tokens, (right,) = printed(way, bench)
            colour = BLUE if above(way, bench) > 0 else ORANGE
            axis.plot(tokens, right, "o", color=colour)
            side, text = ("right", f"{words}  ") if way == "rl" else ("left", f"  {words}")
            say(axis, tokens, right, text, colour, fontsize=12, ha=side)
        axis.set(title=bench, xlabel="tokens", xmargin=0.12, ymargin=0.12)
    axes[0].set_ylabel("right, %")
    return figure


def parent(runs, end: int = -1) -> list[dict]:
    """What was measured of the long parent, a dict a seed; of another model on the path of merging
    at another place of `ALPHAS`, at 0 of the short parent."""
    return [part(run, "after")["path"][end] for run in runs("long2short/merge")]


def lengths(runs, right: str) -> list[int]:
    """Tokens of the long parents' answers that were right ("1") or wrong ("0"), all seeds."""
    return [n for one in parent(runs) for n, d in zip(one["lengths"], one["right"], strict=True)
            if d == right]  # fmt: skip


def lost(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    found = [lengths(runs, "1"), lengths(runs, "0")]
    axis.hist(found, bins=range(0, 621, 20), stacked=True, color=[BLUE, ORANGE])
    say(axis, 110, 0.85 * axis.get_ylim()[1], "right", BLUE, fontsize=13)
    say(axis, 500, 0.3 * axis.get_ylim()[1], "wrong", ORANGE, fontsize=13)
    axis.set(xlabel="tokens of an answer", ylabel="answers", xlim=(0, 625))
    return figure


def cut(runs):
    figure, axis = canvas(width=6.4, height=3.1)
    long2short.nothing(axis, runs("long2short/merge"))
    axis.lines[2].remove()  # the path of merging: it comes later
    axis.legend(fontsize=13)
    axis.set(xlabel="mean tokens", ylabel="right, %", ylim=(0, 100), xlim=(0, 170))
    return figure


def cut_short(at: int):
    """Cut off at a hundred tokens: mean tokens, percent right, or what a coin gets for them."""

    def found(runs) -> float:
        rows = []
        for pair in zip(parent(runs, SHORT), parent(runs), strict=True):
            tokens, right = long2short.cut_off(pair[1], 100)
            coin = front.coin(tokens, *(long2short.cut_off(one, 600) for one in pair))
            rows.append((tokens, np.mean(right), np.mean(coin)))
        return np.mean(rows, 0)[at]

    return found


def over_coin(runs) -> dict[float, stats.Interval]:
    """How far merged models lie above the coin, by their share of the long parent. Raises
    ValueError where one surely does not lie on it: the slide says that all do."""
    found, paths = {}, [long2short.on_path(run) for run in runs("long2short/merge")]
    for share in long2short.ALPHAS[1:-1]:
        table = [minus(p[share][1], front.coin(p[share][0], p[0], p[1])) for p in paths]
        found[share] = mean, low, high = stats.seeds_interval(table)
        if low > 0 or high < 0:
            raise ValueError(f"its words say that merging is like a coin, and {mean:+.1f} is not")
    return found


def merged(runs):
    figure, axes = canvas(3, height=3.8, width=9.2)
    long2short.nothing(axes[0], runs("long2short/merge"))
    axes[0].legend(fontsize=11)
    for share, (mean, low, high) in over_coin(runs).items():
        axes[1].plot([share, share], [low, high], color=BLUE, linewidth=5, alpha=0.5)
        axes[1].plot(share, mean, "o", color=BLUE, markersize=8)
    axes[1].axhline(0, color="black", linewidth=1)
    searches = [mean_of(end, "habit_in_order", 100)(runs) for end in range(LONG + 1)]
    axes[2].plot(long2short.ALPHAS, searches, "o-", color=BLUE)
    axes[0].set(xlabel="mean tokens", ylim=(0, 100), title="right, %")
    axes[1].set(
        xlabel="share of the long one",
        ylim=(-15, 15),
        yticks=(-10, 0, 10),
        title="points above the coin",
    )
    axes[2].set(xlabel="share of the long one", ylim=(0, 103), title="searches in order, %")
    return figure


def plane(runs):
    figure, axes = canvas(2, height=3.6, width=8.6)
    found = {name: runs(f"long2short/{way}") for way, (name, _) in WAYS.items()}
    for axis in axes:
        long2short.plane(axis, runs("long2short/merge"), found, dict(WAYS.values()))
        axis.set_xlabel("mean tokens")
        axis.get_legend().remove()
    axes[0].set(ylabel="right, %", ylim=(0, 100), title="all")
    axes[1].set(ylim=(80, 100), xlim=(120, 185), title="the upper end")
    axes[0].legend(fontsize=11, loc="lower right", labelspacing=0.2)
    return figure


def over(runs, way: str) -> list[stats.Interval]:
    """How far a way lies above the coin and above the cut: mean, low and high of each. Raises
    ValueError where that is not nothing: the slide says so."""
    found = long2short.beside(runs(f"long2short/{way}"), runs("long2short/merge"))
    coins = [long2short.above(run, short, long) for run, short, long, _ in found]
    cuts = [long2short.above_cut(run, whole) for run, *_, whole in found]
    both = [stats.seeds_interval(table) for table in (coins, cuts)]
    if any(low > 0 for _, low, _ in both):
        raise ValueError(f"its words say that {way} is above nothing, and it is: write it anew")
    return both


def heights(runs):
    figure, axes = canvas(2, height=3.7, width=8.6, sharex=True)
    for at, title in enumerate(("above the coin", "above the cut")):
        intervals(axes[at], [(name, *over(runs, way)[at]) for way, (name, _) in WAYS.items()])
        axes[at].set(title=title, xlabel="points")
        axes[at].tick_params(axis="y", labelsize=13)
    return figure


def taught(runs, arm: str) -> list[float]:
    """Mean tokens, the end included, of what a seed was taught."""
    known = models.loading.tokenizer("rich")
    texts = [[s["completions"][0] for s in run.samples] for run in runs(f"long2short/{arm}")]
    return [np.mean([len(known(text)["input_ids"]) + 1 for text in seed]) for seed in texts]


def luck(runs):
    figure, axis = canvas(width=6.8, height=3.1)
    axis.set_ylim(0, 165)
    rows = [("long parent\nwrites", [one["length_right"] for one in parent(runs)], GREY)]
    for way, words, colour in (("first", "first", GREY), ("shortest", "shortest", ORANGE)):
        after = [part(run, "after")["length_right"] for run in runs(f"long2short/{way}")]
        rows += [(f"taught the\n{words}", taught(runs, way), colour)]
        rows += [("then it\nwrites", after, colour)]
    bars(axis, rows, "")
    axis.set_ylabel("tokens of a right answer")
    return figure


def example(runs) -> tuple[str, ...]:
    """A problem, and two right answers of a long parent to it, a short one and a long one."""
    asked = {"numbers": [14, 10, 1], "target": 23}
    (found,) = (s for s in runs("long2short/dpo")[0].samples if s.items() >= asked.items())
    return found["prompt"].partition("\n")[0], found["completions"][0], found["completions"][2]


def mean_of(end: int, key: str, factor: float = 1.0):
    """A number of a model on the path of merging, mean over seeds."""
    return lambda runs: factor * float(np.mean([one[key] for one in parent(runs, end)]))


def wasted(runs) -> float:
    """Percent of the long parent's tokens that are in wrong answers."""
    right, wrong = (sum(lengths(runs, digit)) for digit in "10")
    return 100 * wrong / (right + wrong)


def advantage(weight: float, scale: str) -> float:
    """Of the shortest of four right answers."""
    paid = torch.tensor([length.length_rewards([60, 90, 120, 200], [True] * 4)])
    return float(losses.group_advantages(1.1 + weight * paid, scale)[0, 0])


def interval(way: str, at: int):
    return lambda runs: "{:+.1f} [{:+.1f}, {:+.1f}]".format(*over(runs, way)[at]).replace("-", "−")


HARD = length.length_rewards([500] + 3 * [600] + 4 * [40], [True] + 7 * [False])
SHORT, HALF, LONG = (long2short.ALPHAS.index(share) for share in (0.0, 0.5, 1.0))
FIGURES = {
    "ways": ways, "kimi": kimi, "lost": lost, "cut": cut, "merged": merged, "plane": plane,
    "heights": heights, "luck": luck,
}  # fmt: skip
NUMBERS = {
    "mix_tokens": lambda _: (printed("shortest")[0] + printed("long")[0]) / 2,
    "mix_right": lambda _: (printed("shortest")[1][0] + printed("long")[1][0]) / 2,
    "kimi_rl": lambda _: above("rl"), "kimi_dpo": lambda _: above("dpo"),
    "kimi_both": lambda _: above("merge_and_rejection"), "kimi_merge": lambda _: above("merge"),
    "short_right": mean_of(SHORT, "accuracy", 100), "short_tokens": mean_of(SHORT, "length"),
    "long_right": mean_of(LONG, "accuracy", 100), "long_tokens": mean_of(LONG, "length"),
    "half_right": mean_of(HALF, "accuracy", 100), "half": lambda runs: over_coin(runs)[0.5][0],
    "half_search": mean_of(HALF, "habit_in_order", 100), "wasted": wasted,
    "cut_tokens": cut_short(0), "cut_right": cut_short(1), "cut_coin": cut_short(2),
    "problem": lambda runs: example(runs)[0],
    "quick": lambda runs: example(runs)[1], "slow": lambda runs: example(runs)[2],
    "r1_small": lambda _: advantage(0.1, "group"), "r1_large": lambda _: advantage(1, "group"),
    "kimi_small": lambda _: advantage(0.1, "none"), "kimi_large": lambda _: advantage(1, "none"),
    "found": lambda _: HARD[0], "searched": lambda _: HARD[1], "gave_up": lambda _: HARD[-1],
    "search": lambda _: (1 + sum(HARD[:4])) / 4, "rl_coin": interval("rl", 0),
    "rl_cut": interval("rl", 1), "taught": lambda runs: np.mean(taught(runs, "shortest")),
    "taught_first": lambda runs: np.mean(taught(runs, "first")),
}  # fmt: skip
