"""`run tree`: tree search at the time of answering, over sums and over tokens. `run rounds`: a
model that is taught what its tree finds, four times over (DeepSeek-R1, 4.2).

Nothing is trained in `tree`; its seeds are those of sampling and of random orders, on one base. The
four rounds of `rounds` have as many simulations as `judge/rule` has answers.
"""

import random
from collections.abc import Callable, Sequence
from statistics import fmean

from matplotlib.figure import Figure

from r1lab import curriculum, evaluate, games, grpo, plots, prm, tasks, tree
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, mean, minus, part
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.running.settings import Plan
from r1lab.tiny_world import traces

SHORT = {"size": 3, "steps": 60, "prompts": 8, "max_new": 256, "lr": 1.5e-3}  # of `judge/rule`
THREE = (0, 1, 2)  # seeds
SIMULATIONS = 64  # of each tree (F-03)
TOKENS = 256  # simulations that the tree over tokens may go on to; 64 may hold no whole answer
EIGHT = 8  # simulations of each tree that a model learns from, and answers in its control
ASKED = 120  # problems of a round; four rounds of 8 simulations are the 3,840 of `judge/rule`


def grown(model, tokenizer, problems: list, plan: Plan) -> dict:
    """For each problem the simulations after which each search has found a right answer, None where
    it has not, and the tokens that a model has read for it.

    sums, tokens: a tree over each, the same base and head. sums-alike: over sums, all of them
    alike likely and worth the same, which knows nothing. sums-exact: with the judge of steps.
    first: depth first, sums in random order. samples: one answer after another."""
    template, most = plan.preset.template, SIMULATIONS
    outcome, exact = prm.load("outcome"), prm.load("exact")
    starts = [games.start(problem) for problem in problems]
    found = {
        "sums": tree.search(starts, games.over_sums(outcome, model, template), most),
        "sums-exact": tree.search(starts, games.over_sums(exact, model, template), most),
        "sums-alike": tree.search(starts, games.blind(plan.seed), most),
        "tokens": tree.search(
            list(map(games.Tokens, problems)),
            games.over_tokens(outcome, plan.preset.max_new, template), TOKENS,
        ),
    }  # fmt: skip
    kept = {name: _kept(trees) for name, trees in found.items()}
    kept["first"] = _first(starts, plan.seed)
    kept["samples"] = _samples(model, tokenizer, problems, plan)
    return {"found": kept, "n": len(problems)}


def _kept(trees: list[tree.Search]) -> dict:
    after = [one.after if one.won else None for one in trees]
    return {"after": after, "tokens": [one.tokens for one in trees]}


def _first(starts: list[games.Sums], seed: int) -> dict:
    rng = random.Random(f"depth-first-{seed}")

    def shuffled(state):
        found = games.next_of(state)
        return found if isinstance(found, bool) else rng.sample(found, len(found))

    after = [tree.depth_first(start, shuffled, TOKENS) for start in starts]
    return {"after": after, "tokens": [0] * len(after)}


def _samples(model, tokenizer, problems: list, plan: Plan) -> dict:
    preset = plan.preset
    how = evaluate.Sampling(preset.template, preset.max_new, 30_000 + plan.seed, SIMULATIONS)
    found = evaluate.answer(model, tokenizer, problems, how)
    after, tokens = [], []
    for i, row in enumerate(found.correct.tolist()):
        hit = row.index(True) + 1 if True in row else None
        lengths = found.lengths[i * SIMULATIONS : (i + 1) * SIMULATIONS]
        after.append(hit)
        tokens.append(sum(lengths[: hit or SIMULATIONS]))
    return {"after": after, "tokens": tokens}


def solved(run: Run, way: str, within: int) -> list[float]:
    """100 for each problem that a search had solved within so many simulations, else 0."""
    after = part(run, "after")["found"][way]["after"]
    return [100.0 * (n is not None and n <= within) for n in after]


SEARCHES = {  # search -> name in a figure, colour
    "sums-exact": ("tree over sums, judge of steps", plots.GREEN),
    "sums": ("tree over sums", plots.BLUE), "tokens": ("tree over tokens", plots.ORANGE),
    "samples": ("answers, one after another", "#CC79A7"), "first": ("depth first", plots.GREY),
    "sums-alike": ("tree that knows nothing", "black"),
}  # fmt: skip


def tree_curves(axis, runs: Sequence[Run]) -> None:
    """The share of problems solved over the number of simulations, mean over runs."""
    at = [2**i for i in range(9)]
    for way, (name, colour) in SEARCHES.items():
        most = TOKENS if way in ("tokens", "first") else SIMULATIONS
        inside = [n for n in at if n <= most]
        rows = [[mean(solved(run, way, n)) for n in inside] for run in runs]
        axis.plot(inside, [fmean(c) for c in zip(*rows, strict=True)], color=colour, label=name)
    axis.set_xscale("log", base=2)
    axis.set(xlabel="simulations, states or answers", ylabel="solved, %", ylim=(0, 100))


def tree_figure(run: Run) -> Figure:
    """Solved problems over simulations."""
    drawn, axis = plots.canvas(height=3.6, width=6.0)
    tree_curves(axis, [run])
    axis.legend(fontsize=8)
    plots.tidy(drawn)
    return drawn


def searched(turn: int) -> Callable:
    """Material of round `turn`, from 1: what a tree of the model, as it is, finds on problems that
    no round before has asked."""

    def material(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
        asked = curriculum.uniform(pool, ASKED, config.seed, turn)
        expand = games.over_sums(prm.load("outcome"), model, config.template)
        found = tree.search([games.start(problem) for problem in asked], expand, EIGHT)
        lines = [
            traces.group(p, one.won[-1].completion, tasks.prompt(p, config.template))
            for p, one in zip(asked, found, strict=True)
            if one.won
        ]
        tokens = sum(one.tokens for one in found)
        return lines, {"answers": len(asked), "right": len(lines), "tokens": tokens}

    return material


def with_tree(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems, one sample each; and of some of them a digit each for what a tree of eight
    simulations finds, and for what eight samples hold."""
    some, template = problems[: plan.own["trees"]], plan.preset.template
    expand = games.over_sums(prm.load("outcome"), model, template)
    found = tree.search([games.start(problem) for problem in some], expand, EIGHT)
    how = evaluate.Sampling(template, plan.preset.max_new, 30_000 + plan.seed, EIGHT)
    eight = evaluate.answer(model, tokenizer, some, how).correct.any(1)
    return held_out(model, tokenizer, problems, plan) | {
        "tree": "".join(str(int(bool(one.won))) for one in found),
        "eight": "".join(str(int(any_)) for any_ in eight),
    }


def round_curves(axis, runs: Sequence[Run]) -> None:
    """Accuracy after each round, of one sample and of a tree, a line a seed."""
    for i, run in enumerate(runs):
        names = ("one sample", f"tree, {EIGHT} simulations") if i == 0 else (None, None)
        alone = [100 * one["accuracy"] for one in rounds_of(run)]
        axis.plot(alone, color=plots.BLUE, marker=".", label=names[0])
        axis.plot(shares(run, "tree"), color=plots.GREEN, marker=".", label=names[1])
    axis.set(xlabel="rounds", ylabel="right, %", ylim=(0, 102))
    plots.whole_steps(axis)


def shares(run: Run, key: str) -> list[float]:
    """Before and after each round, percent of the problems that have been given both: found by a
    "tree", right in any of "eight" samples."""
    return [100 * one[key].count("1") / len(one[key]) for one in rounds_of(run)]


def rounds_of(run: Run) -> list[dict]:
    """What was measured before the first round and after each."""
    return [run.summary["before"], *run.summary["stages"]]


def rounds_figure(run: Run) -> Figure:
    """Accuracy after each round, alone and with the tree."""
    drawn, axis = plots.canvas(height=3.4)
    round_curves(axis, [run])
    axis.legend(fontsize=8)
    plots.tidy(drawn)
    return drawn


def _sums_ahead(arms: Arms) -> list[Table]:  # F-03
    ways = ("sums", "tokens")
    return [[minus(*(solved(run, way, SIMULATIONS) for way in ways)) for run in arms("base")]]


def _rounds(arms: Arms) -> list[Table]:  # F-04
    later, first = [], []
    for run in arms("search"):
        ends = [100 * stage["accuracy"] for stage in run.summary["stages"]]
        later.append([-max(b - a for a, b in zip(ends, ends[1:], strict=False))])
        before = run.summary["before"]
        pairs = zip(before["tree"], before["right"], strict=False)  # of the problems with a tree
        first.append([100.0 * (int(a) - int(b)) for a, b in pairs])
    return [later, first]


TREE = Experiment(
    name="tree",
    lesson="07",
    section="DeepSeek-R1 4.2",
    about="tree search over sums and over tokens, with a learned value",
    arms=(Arm("base", "tree: four numbers, the base", seeds=THREE),),
    measure=grown,
    figure=tree_figure,
    minutes={"cpu": {"quick": 4}},
    on={"cpu": {"size": 4, "max_new": 96, "eval_problems": 48}},
    evidence={"F-03": _sums_ahead},
)
ROUNDS = Experiment(
    name="rounds",
    lesson="07",
    section="DeepSeek-R1 4.2",
    about="four rounds of learning from what one's own tree search finds",
    arms=(
        Arm("search", "three numbers: four rounds of tree search and imitation",
            tuple(Stage("sft", f"round-{n}", material=searched(n),
                        settings={"steps": 12, "prompts": 16}) for n in (1, 2, 3, 4)), seeds=THREE),
    ),
    measure=with_tree,
    figure=rounds_figure,
    minutes={"cpu": {"quick": 3}},
    on={"cpu": SHORT},
    settings={"trees": 128},
    evidence={"F-04": _rounds},
)  # fmt: skip
EXPERIMENTS = (TREE, ROUNDS)
