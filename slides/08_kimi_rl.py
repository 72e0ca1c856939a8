"""Figures and numbers of deck 08, all from recorded runs, the package's formulas and the ledger."""

from functools import cache

import fields
import numpy as np
import torch
from figures import BLUE, GREEN, GREY, INK, ORANGE, canvas, ends, marks, say

from r1lab import curriculum, losses, models, pupil
from r1lab.claims import rulers
from r1lab.experiments import kimi_rl
from r1lab.running.evidence import alike
from r1lab.widgets import pieces

PINK = "#A8508A"
TAU = losses.PUBLISHED["kimi"].tau
GROUP = (1.0, 0.0, 0.0, 0.0)  # one right answer of four: the example by hand
NEAR = 0.3  # tau of the drawing of the pull
HALF = 40  # percent right, about half of what all end with
ARMS = {
    "grpo": "GRPO", "kimi": "Kimi's update", "better-only": "better answers only",
    "curriculum": "hard ones later", "partial": "in pieces", "failures": "failures first",
    "dynamic": "mixed groups only", "length-late": "price later", "length": "price on length",
    "exact": "exact normaliser",
}  # fmt: skip
NAMES = {  # of the ledger's claims, for its table
    "K-04": "the update", "K-05": "the mean", "K-15": "wrong answers",
    "K-01": "middle difficulty", "K-02": "nothing to guess", "K-10": "hard ones later",
    "K-11": "failures first", "X-07": "mixed groups only", "G-10": "groups of 16",
    "K-07": "length price", "K-08": "later price", "K-18": "rollouts in pieces",
    "K-13": "longer and better", "K-14": "small but longer", "Z-06": "a longer cap",
    "K-09": "reasoning judge", "K-12": "test cases by a model", "K-19": "one cluster for both",
    "K-20": "level with o1",
}  # fmt: skip


def span(values, form: str = "{:.1f} to {:.1f}"):
    """The smallest and the largest of what `values` gives."""
    return lambda runs: form.format(min(values(runs)), max(values(runs)))


def halfway(arm: str):
    """The steps at which the seeds of an arm come to `HALF` percent."""
    return lambda runs: [kimi_rl.reached(run, HALF) for run in runs(f"kimi/{arm}")]


def sooner(other: str):
    """In how many seeds Kimi's update comes to `HALF` percent for fewer tokens than another."""

    def tokens(run) -> float:
        steps, costs, _ = zip(*kimi_rl.curve(run), strict=True)
        return np.interp(kimi_rl.reached(run, HALF), steps, costs)

    return lambda runs: sum(tokens(a) < tokens(b) for a, b in alike(runs("kimi/kimi"), runs(other)))


def beside(runs, shown: dict[str, tuple[str, str]]):
    """The lesson's figure of some arms. shown: arm -> name and colour."""
    found = {arm: runs(f"kimi/{arm}") for arm in shown}
    figure = kimi_rl.compare(found, shown, "held_out")
    figure.set_size_inches(8.0, 3.6)
    left, right = figure.axes
    left.set(title=f"first {kimi_rl.WATCHED} held-out problems", ylabel="right, %", ylim=(0, 100))
    left.legend(fontsize=12)
    right.set(title=f"in the end, all {kimi_rl.HELD_OUT}", ylabel="")
    return figure


def tilt(runs):
    figure, axes = canvas(4, height=3.1, width=7.4, sharey=True)
    reward = torch.tensor(GROUP)
    for axis, tau in zip(axes, (None, 10, 1, TAU), strict=True):
        grown = torch.exp(reward / tau) if tau else torch.ones(4)
        share = (100 * grown / grown.sum()).tolist()
        axis.bar(range(4), share, color=[BLUE, *[GREY] * 3], alpha=0.6)
        say(axis, 0, share[0] + 5, f"{share[0]:.0f} %", BLUE, ha="center", fontsize=13)
        axis.set(title=f"tau {tau:g}" if tau else "old policy", ylim=(0, 112), xticks=[])
    axes[0].set_ylabel("probability, %")
    axes[1].set_xlabel("four answers, the blue one right", loc="left")
    return figure


def push(now: float, loss: losses.Objective) -> float:
    """What stands before the slope of the log-probability of a right answer of one token, half of
    whose group is right, when its log-ratio is `now`; upwards."""
    moved = torch.tensor([[now]], requires_grad=True)
    given = torch.tensor([0.5]), torch.ones(1, 1), loss
    losses.policy_loss(moved, torch.zeros(1, 1), *given).backward()
    return -float(moved.grad)


def pull(runs):
    figure, axis = canvas(height=3.3, width=7.0)
    at = np.linspace(-1, 3, 201)
    for name, loss, colour, place in (
        ("GRPO: beyond the clip, nothing", losses.PUBLISHED["grpo"], GREY, (0.25, -0.08)),
        ("Kimi: less and less, then back", losses.chosen("kimi", tau=NEAR), BLUE, (0.7, 0.42)),
    ):
        axis.plot(at, [push(float(x), loss) for x in at], color=colour, linewidth=2.5)
        say(axis, *place, name, colour, fontsize=12)
    axis.axhline(0, color="black", linewidth=1)
    axis.plot([0.5 / NEAR] * 2, [0, 0.3], ":", color=BLUE)
    axis.set(xlabel="log-ratio: how much likelier than when it was sampled", ylabel="push")
    return figure


def update(runs):
    return beside(runs, {"kimi": ("Kimi", BLUE), "grpo": ("GRPO", GREY)})


def taken(group, tau: float) -> float:
    """What the exact normaliser takes from each reward of a group."""
    rewards = torch.tensor([group], dtype=torch.float64)
    left = losses.group_advantages(rewards, "none", baseline="normaliser", tau=tau)
    return float((rewards - left)[0, 0])


def exact(runs):
    return beside(runs, {"kimi": ("mean", BLUE), "exact": ("exact", PINK)})


def wrong(runs):
    return beside(runs, {"kimi": ("all answers", BLUE), "better-only": ("better only", ORANGE)})


def weights(runs):
    figure, axis = canvas(height=3.2, width=6.8)
    history = torch.tensor([[8, right] for right in range(9)])
    for how, colour, words, place in (
        ("failures", ORANGE, "Kimi: 1 − s", (0.4, 1.03)),
        ("balanced", BLUE, "spread: s (1 − s)", (5.6, 0.98)),
    ):
        found = np.array(curriculum.weights(how, history))
        axis.plot(range(9), found / found.max(), "o-", color=colour, linewidth=2)
        say(axis, *place, words, colour, fontsize=12)
    for at, words in ((0, "never\nsolved"), (8, "always\nsolved")):
        say(axis, at, 0.43, words, "black", va="bottom", ha="center", fontsize=11)
    axis.set(xlabel="right, of the eight answers of the last visit", ylim=(-0.05, 1.12))
    axis.set_ylabel("weight, its largest is 1")
    return figure


DRAWS = {"uniform": (pupil.uniform, GREY, "all alike")}
DRAWS |= {
    how: (lambda history, how=how: curriculum.weights(how, history), colour, words)
    for how, colour, words in (("failures", ORANGE, "failures"), ("balanced", BLUE, "spread"))
}


@cache
def lessons(how: str) -> list[tuple[list[int], list[float]]]:
    """Tokens and mean success of each pupil under a draw."""
    return [pupil.study(DRAWS[how][0], seed) for seed in pupil.PUPILS]


def pupils(runs):
    figure, axis = canvas(height=3.2, width=6.8)
    for how, (_, colour, words) in DRAWS.items():
        at = np.linspace(0, pupil.BUDGET, 14)
        rows = [np.interp(at, *one) for one in lessons(how)]
        for row in rows:
            axis.plot(at / 1000, row, color=colour, linewidth=0.6, alpha=0.5)
        axis.plot(at / 1000, np.mean(rows, 0), color=colour, linewidth=3)
        say(axis, 255, learnt(how)(runs), words, colour, fontsize=12)
    axis.set(xlabel="thousand tokens", ylabel="mean success, %", ylim=(0, 60), xlim=(0, 300))
    return figure


def learnt(how: str):
    """What pupils can do in the end under a draw, mean."""
    return lambda runs: np.mean([curve[-1] for _, curve in lessons(how)])


def draws(runs):
    figure, axis = canvas(height=2.6, width=8.4)
    shown = {"X-07": "mixed groups\nonly: steps, %", "K-11": "failures first:\nsteps, %",
             "K-10": "hard ones later:\npoints"}  # fmt: skip
    found = fields.of_lesson("08")
    rulers.draw(axis, [(words, found[name]["conditions"][0]) for name, words in shown.items()])
    for words in axis.texts:
        words.set(fontsize=12)
    axis.tick_params(labelsize=12)
    return figure


def price(runs):
    figure, axes = canvas(3, height=3.5, width=8.8)
    half = {arm: [100 * r.summary["stages"][0]["accuracy"] for r in runs(f"kimi/{arm}")]
            for arm in ("length-late", "length")}  # fmt: skip
    marks(axes[0], [("none\nso far", half["length-late"], BLUE),
                    ("from the\nstart", half["length"], ORANGE)])  # fmt: skip
    three = (("kimi", "none", BLUE), ("length-late", "later", GREEN),
             ("length", "start", ORANGE))  # fmt: skip
    for axis, *number in ((axes[1], "accuracy", 100), (axes[2], "length", 1)):
        marks(axis, [(name, ends(runs, f"kimi/{arm}", *number), colour)
                     for arm, name, colour in three])  # fmt: skip
    axes[0].set(title="half-way: right, %", ylim=(0, 100))
    axes[1].set(title="in the end: right, %", ylim=(0, 100))
    axes[2].set(title="in the end: tokens", ylim=(0, 180))
    return figure


def clock(runs):
    known, groups = models.loading.tokenizer("rich"), []
    for sample in runs("kimi/kimi")[0].samples[:8]:
        groups.append([len(known(text)["input_ids"]) for text in sample["completions"][:4]])
    figure = pieces.draw(pieces.state(groups, 4))
    figure.set_size_inches(7.6, 3.4)
    return figure


def partial(runs):
    figure, axes = canvas(2, height=3.4, width=7.2)
    arms = ("kimi", "whole", GREY), ("partial", "in pieces", BLUE)
    steps = [(name, [1000 * kimi_rl.useful(r) for r in runs(f"kimi/{arm}")], colour)
             for arm, name, colour in arms]  # fmt: skip
    both = [1000 * kimi_rl.twice_as_many(r) for r in runs("kimi/kimi")]
    marks(axes[0], [*steps, ("whole,\ntwice as\nmany", both, GREY)])
    marks(axes[1], [(name, ends(runs, f"kimi/{arm}"), colour) for arm, name, colour in arms])
    axes[0].set(title="decoding steps for 1,000 tokens", ylim=(0, 55))
    axes[1].set(title="in the end: right, %", ylim=(0, 100))
    return figure


def seeds(runs):
    figure, axis = canvas(height=4.1, width=7.8)
    rows = sorted(ARMS, key=lambda arm: -np.mean(ends(runs, f"kimi/{arm}")))
    own = ends(runs, "kimi/kimi")
    axis.axvspan(min(own), max(own), color=BLUE, alpha=0.15, linewidth=0)
    for y, arm in enumerate(rows):
        values, colour = ends(runs, f"kimi/{arm}"), BLUE if arm == "kimi" else INK[GREY]
        axis.plot(values, [y] * len(values), "o", color=colour, alpha=0.5, markersize=5)
        axis.plot(np.mean(values), y, "|", color=colour, markersize=16, markeredgewidth=3)
    base = np.mean(ends(runs, "kimi/kimi", when="before"))
    axis.axvline(base, color="black", linestyle="--", linewidth=1)
    say(axis, base - 1, 4, "base", "black", ha="right", fontsize=12)
    axis.set_yticks(range(len(rows)), [ARMS[arm] for arm in rows], fontsize=11.5)
    axis.set(xlim=(-1, 85), ylim=(len(rows) - 0.5, -0.5), xlabel="right, held out, %")
    axis.grid(axis="y", visible=False)
    return figure


def inside(runs) -> int:
    """How many other recipes' means lie between the seeds of Kimi's update."""
    own = ends(runs, "kimi/kimi")
    means = [np.mean(ends(runs, f"kimi/{arm}")) for arm in ARMS if arm != "kimi"]
    return sum(min(own) <= value <= max(own) for value in means)


def broken(runs) -> int:
    """How many seeds of the exact normaliser end below half of what the mean's worst one has."""
    return sum(value < min(ends(runs, "kimi/kimi")) / 2 for value in ends(runs, "kimi/exact"))


def silent(runs) -> list[float]:
    """Percent of the groups that are all right or all wrong, a seed each."""
    return [100 * np.mean([line["zero_variance"] for line in r.metrics]) for r in runs("kimi/kimi")]


def old(runs) -> float:
    """Percent of the tokens learnt from that an older policy wrote."""
    each = [np.mean([line["old_tokens"] for line in run.metrics]) for run in runs("kimi/partial")]
    return 100 * np.mean(each)


FIGURES = {
    "tilt": tilt, "pull": pull, "update": update, "exact": exact,
    "wrong": wrong, "weights": weights, "pupils": pupils, "draws": draws, "price": price,
    "clock": clock, "partial": partial, "seeds": seeds,
}  # fmt: skip
NUMBERS = {
    "tau": lambda _: TAU, "turn": lambda _: 0.5 / NEAR, "near": lambda _: NEAR,
    "mean": lambda _: np.mean(GROUP), "normaliser": lambda _: taken(GROUP, TAU),
    "mean_right": lambda _: 1 - np.mean(GROUP), "mean_wrong": lambda _: -np.mean(GROUP),
    "exact_right": lambda _: 1 - taken(GROUP, TAU), "exact_wrong": lambda _: -taken(GROUP, TAU),
    "half": lambda _: HALF, "kimi_half": span(halfway("kimi")), "grpo_half": span(halfway("grpo")),
    "better_half": span(halfway("better-only")), "grpo_sooner": sooner("kimi/grpo"),
    "better_sooner": sooner("kimi/better-only"), "broken": broken,
    "seeds": lambda runs: len(runs("kimi/exact")),
    "exact_ends": lambda runs: ", ".join(f"{value:.0f}" for value in ends(runs, "kimi/exact")),
    "uniform": learnt("uniform"), "failures": learnt("failures"), "balanced": learnt("balanced"),
    "silent": span(silent, "{:.0f} to {:.0f}"), "old": old, "inside": inside,
    "others": lambda _: len(ARMS) - 1,
    "verdicts": lambda _: fields.by_verdict("08", NAMES),
}  # fmt: skip
