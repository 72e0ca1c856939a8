"""Figures and numbers of deck 07, all from recorded runs, the package's formulas and the ledger."""

from statistics import fmean

import fields
from figures import BLUE, GREEN, GREY, INK, ORANGE, canvas, curves, ends, lines, marks, say

from r1lab import branches, credit, prm, tree
from r1lab.experiments import prm_and_mcts, tree_search
from r1lab.running.evidence import part
from r1lab.tasks import Problem

PINK = "#A8508A"
P = Problem("countdown", (14, 8, 4), 28)
DETOUR = (
    "<think>14+8=22; 22+4=26 vs 28 no; 14*8=112; 112/4=28 vs 28 yes. </think>"
    "<answer>(14*8)/4</answer>"
)
GUESS, SEARCH = (0.6, 0.7, 0.9), (0.1, 0.1, 0.6, 0.9, 0.9)  # what a judge says: by hand
PAID = {  # arm -> name, colour
    "judge/rule": ("the end", BLUE), "process/difference": ("difference", GREEN),
    "process/min": ("worst step", PINK), "process/exact-min": ("worst step,\nexact", PINK),
    "process/sum": ("sum", ORANGE), "process/exact-sum": ("sum,\nexact", ORANGE),
}  # fmt: skip
PLACES = ("first", "second", "third or later", "answer")
SIXTEEN = str(prm_and_mcts.SIXTEEN)
MOST = tree_search.SIMULATIONS
NAMES = {  # of the ledger's claims, for its table
    "F-01": "rewards for steps are cheated", "F-02": "judges choose but do not train",
    "F-03": "a tree over tokens is too wide", "F-04": "one tree helps and rounds do not",
    "K-06": "values punish detours", "S-01": "the plainest recipe is enough",
}  # fmt: skip


def label(runs):
    figure, axis = canvas(width=7.6, height=3.6)
    branches.draw(axis, P)
    for words in axis.texts:
        words.set(fontsize=11, color=INK.get(words.get_color(), words.get_color()))
    return figure


def auc(runs, judge: str, place: str) -> list[float]:
    """How often a judge of steps prefers a good step to a bad one, at a place, a seed each."""
    found = [part(run, "after")["judges"] for run in runs("rerank/base")]
    return [one[judge][place]["auc"] for one in found]


def judges(runs):
    figure, axis = canvas(width=6.8, height=3.2)
    for judge, colour, words, height in (
        ("exact", BLUE, "taught what is true", 0.9),
        ("rollouts", ORANGE, "taught by rollouts", 0.44),
    ):
        rows = [auc(runs, judge, place) for place in PLACES]
        for x, values in enumerate(rows):
            axis.plot([x] * len(values), values, "o", color=colour, alpha=0.4, markersize=5)
        axis.plot(range(len(rows)), [fmean(row) for row in rows], color=colour, linewidth=2)
        say(axis, 1.5, height, words, colour, fontsize=13, ha="center")
    axis.axhline(0.5, color="black", linestyle="--", linewidth=1)
    say(axis, -0.35, 0.475, "a coin", "black", fontsize=12)
    axis.set_xticks(range(len(PLACES)), PLACES, fontsize=12)
    axis.set(xlabel="place of the step", ylabel="good before bad", ylim=(0.4, 1), xlim=(-0.4, 3.3))
    return figure


def choosing(runs):
    figure, axis = canvas(width=7.4, height=3.6)
    prm_and_mcts.curves(axis, runs("rerank/base"))
    axis.legend(fontsize=11, loc="upper left", labelspacing=0.3)
    axis.set(ylim=(0, 80))
    axis.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    return figure


def best_of(way: str):
    """Percent right of the best of sixteen, mean over seeds."""

    def found(runs) -> float:
        each = [part(run, "after")["chosen"][way][SIXTEEN] for run in runs("rerank/base")]
        return 100 * fmean(map(fmean, each))

    return found


def trained(runs):
    figure, axis = canvas(width=7.6, height=3.3)
    base = ends(runs, "judge/rule", when="before")
    rows = [(name, ends(runs, arm), colour) for arm, (name, colour) in PAID.items()]
    marks(axis, [("base", base, GREY), *rows])
    axis.set(ylim=(-4, 100), ylabel="right, held out, %")
    return figure


def hack(runs):
    figure, axes = canvas(2, width=7.6, height=3.3)
    for arm, colour, words, at in (
        ("sum", ORANGE, "learned judge", (37, 1)), ("exact-sum", BLUE, "exact judge", (10, 17)),
    ):  # fmt: skip
        for axis, key, factor in ((axes[0], "reward_process", 1), (axes[1], "accuracy", 100)):
            rows = curves(runs(f"process/{arm}"), key, factor)
            lines(axis, range(1, len(rows[0]) + 1), rows, colour)
        say(axes[0], *at, words, colour, fontsize=13)
    axes[0].set(title="paid for an answer's steps", xlabel="RL step", ylim=(0, None))
    axes[1].set(title="right, %", xlabel="RL step", ylim=(0, 100))
    return figure


def written(arm: str, most: int):
    """The beginning of what an arm writes in its last step that was kept: of the first completions
    of all seeds, the one that says yes most often in it."""

    def text(runs) -> str:
        said = [run.samples[-1]["completions"][0] for run in runs(f"process/{arm}")]
        shown = max((text[:most] for text in said), key=lambda text: text.count("yes"))
        return shown if shown in said else shown + " ..."

    return text


def values(runs):
    figure, axes = canvas(2, width=7.0, height=3.2)
    arms = ("judge/rule", "one for all", GREY), ("process/values", "exact values", BLUE)
    marks(axes[0], [(name, ends(runs, arm), colour) for arm, name, colour in arms])
    marks(axes[1], [(name, ends(runs, arm, "tries", 1), colour) for arm, name, colour in arms])
    axes[0].set(title="right, held out, %", ylim=(0, 100))
    axes[1].set(title="tries an answer", ylim=(0, 12))
    return figure


def trees(runs):
    figure, axis = canvas(width=7.4, height=3.6)
    tree_search.tree_curves(axis, runs("tree/base"))
    axis.legend(fontsize=11, loc="upper left", labelspacing=0.3)
    axis.set_xticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    return figure


def solved(way: str):
    """Percent of the problems that a search solves within `MOST` simulations, mean over seeds."""
    return lambda runs: fmean(fmean(tree_search.solved(r, way, MOST)) for r in runs("tree/base"))


def promise(value: float, parent: float, prior: float, visits: int, explore: float = 1.0) -> float:
    """What a child promises whose parent, worth `parent`, was visited nine times."""
    above = tree.Node(None, visits=9, total=9 * parent)
    child = tree.Node(None, prior=prior, visits=visits, total=visits * value)
    return tree.upper_bound(above, child, explore)


def rounds(runs):
    figure, axis = canvas(width=6.8, height=3.3)
    alone, tree_, eight = [], [], []
    for run in runs("rounds/search"):
        found = [run.summary["before"], *run.summary["stages"]]
        alone.append([100 * one["accuracy"] for one in found])
        tree_.append([share(one["tree"]) for one in found])
        eight.append([share(one["eight"]) for one in found])
    for rows, colour, words, at in (
        (eight, GREY, "eight samples, free check", (0.95, 62)),
        (tree_, BLUE, "tree of eight", (0.5, 27)), (alone, GREEN, "one sample", (0.5, 5)),
    ):  # fmt: skip
        lines(axis, range(len(rows[0])), rows, colour)
        say(axis, *at, words, colour, fontsize=13)
    grpo = fmean(ends(runs, "judge/rule"))
    axis.axhline(grpo, color="black", linestyle="--", linewidth=1)
    say(axis, 1.6, grpo + 5, "GRPO, the same budget", "black", fontsize=13)
    axis.set(xlabel="rounds of search and imitation", ylabel="right, %")
    axis.set(ylim=(0, 100), xlim=(0, 4.1))
    axis.set_xticks(range(5))
    return figure


def share(digits: str) -> float:
    return 100 * digits.count("1") / len(digits)


def at_round(key: str, which: int):
    """A share after a round, 0 before the first, mean over seeds."""

    def found(runs) -> float:
        each = [[run.summary["before"], *run.summary["stages"]] for run in runs("rounds/search")]
        return fmean(share(one[which][key]) for one in each)

    return found


def form(name: str, each: tuple[float, ...]):
    return lambda _: prm.paid(name, each)


def mean_of(arm: str, key: str, factor: float = 1):
    return lambda runs: fmean(ends(runs, arm, key, factor))


def listed(runs) -> str:
    """What the difference's seeds end with."""
    return ", ".join(f"{value:.0f}" for value in sorted(ends(runs, "process/difference")))


def credited(_) -> str:
    """The credit of each step of `DETOUR`, as cells of a table."""
    found = [fields.shown(change, "+.0f") for _, change in credit.changes(P, DETOUR)]
    return " | ".join("0" if cell == "+0" else cell for cell in found)


ROWS = branches.rows(P)
FIGURES = {
    "label": label, "judges": judges, "choosing": choosing, "trained": trained, "hack": hack,
    "values": values, "trees": trees, "rounds": rounds,
}  # fmt: skip
NUMBERS = {
    "sums": lambda _: len(ROWS), "good": lambda _: sum(good for _, good, _ in ROWS),
    **{f"guess_{name}": form(name, GUESS) for name in prm.FORMS},
    **{f"search_{name}": form(name, SEARCH) for name in prm.FORMS},
    "first_auc": lambda runs: fmean(auc(runs, "exact", "first")),
    "all_auc": lambda runs: fmean(auc(runs, "exact", "all")),
    "rollouts_auc": lambda runs: fmean(auc(runs, "rollouts", "all")),
    "by_chance": best_of("chance"), "by_last": best_of("exact last"), "by_any": best_of("any"),
    "by_end": best_of("outcome"), "by_product": best_of("exact product"),
    "outcome": mean_of("judge/rule", "accuracy", 100),
    "steps": mean_of("process/exact-sum", "steps"),
    "sum": mean_of("process/sum", "accuracy", 100),
    "exact_sum": mean_of("process/exact-sum", "accuracy", 100), "difference_ends": listed,
    "repeated": written("exact-sum", 175),
    "nothing": written("min", 80),
    "credit": credited,
    "rule_tries": mean_of("judge/rule", "tries"), "value_tries": mean_of("process/values", "tries"),
    "value_right": mean_of("process/values", "accuracy", 100),
    "visited": lambda _: promise(0.5, 0.4, 0.2, 2), "unvisited": lambda _: promise(0, 0.4, 0.5, 0),
    **{name: solved(way) for name, way in {"sum_tree": "sums", "token_tree": "tokens",
       "asked_again": "samples", "depth": "first", "exact_tree": "sums-exact",
       "blind": "sums-alike"}.items()},
    "before_tree": at_round("tree", 0), "after_tree": at_round("tree", -1),
    "before_eight": at_round("eight", 0), "after_eight": at_round("eight", -1),
    "before_one": at_round("right", 0), "after_one": at_round("right", -1),
    "round_gain": lambda _: -fields.of_lesson("07")["F-04"]["conditions"][0]["effect"],
    "most": lambda _: MOST, "eight": lambda _: tree_search.EIGHT,
    "verdicts": lambda _: fields.by_verdict("07", NAMES),
}  # fmt: skip
