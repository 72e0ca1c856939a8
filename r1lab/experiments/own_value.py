"""`run value`: a value that learns from its own trees, four rounds (DeepSeek-R1, 4.2).

AlphaZero's circle for the value alone: all sums are alike likely, so that nothing but the value
steers. The first value says one half everywhere; each round grows trees with the last one and
teaches the next whether a won end was found behind a state. No label is worked out, no answer of
the base is read.
"""

from collections.abc import Sequence
from statistics import fmean

import torch
from matplotlib.figure import Figure

from r1lab import curriculum, games, plots, prm, steps, tasks, tree, value
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.settings import Plan
from r1lab.tiny_world import step_judges

ROUNDS = 4
ASKED, GROWN = 96, 64  # problems a round; simulations of a tree that is learned from
MOST = 64  # simulations of a tree on held-out problems
EARLY = 8  # simulations within which a problem counts as solved soon
FITTED = 500  # steps of a head


def knows_nothing(judge: prm.Judge) -> prm.Judge:
    """A judge with the same base that says one half of every state."""
    head = prm.Head(len(judge.head.mean))
    with torch.no_grad():
        for weights in head.layers[-1].parameters():
            weights.zero_()
    return prm.Judge(judge.model, judge.tokenizer, head.eval())


def seen(root: tree.Node) -> list[tuple[games.Sums, float]]:
    """The states between sums that a tree has visited, the root apart, each with 1 where a won end
    lies behind it in this tree, else 0."""
    found = []

    def won(node: tree.Node) -> bool:
        if node.state.ended:
            return node.state.won and node.visits > 0
        good = any([won(child) for child in node.children or ()])
        if node.state.steps and node.visits:
            found.append((node.state, float(good)))
        return good

    won(root)
    return found


def known(judge: prm.Judge, states: Sequence[games.Sums], template: str) -> torch.Tensor:
    """(S, F) what the base knows at the end of each state's text."""
    texts = [(state.problem, state.text) for state in states]
    ends = [[len(text)] for _, text in texts]
    return step_judges.known_at(judge.model, judge.tokenizer, texts, ends, template)


def first_sums(problems: Sequence[tasks.Problem]) -> tuple[list[games.Sums], list[bool]]:
    """The states behind one sum of each problem, and whether the target can be reached there."""
    states = [state for p in problems for state in games.moves(games.start(p))]
    left = [(tuple(v for v, _ in state.values), state.problem.target) for state in states]
    return states, [steps.reachable(*one) for one in left]


def circle(model, tokenizer, problems: list, plan: Plan) -> dict:
    """After no round and after each: for every held-out problem the simulations until it was
    solved, None where it was not; and how well the value tells good first sums of them from dead
    ones (AUC). The same with values that were not learned here, as controls."""
    template, pool = plan.preset.template, tasks.problems("countdown", 2000, plan.seed, "train", 3)
    states, good = first_sums(problems[: plan.own["examined"]])
    at_first = known(prm.load("exact"), states, template)

    def examined(judge: prm.Judge) -> dict:
        expand = games.over_sums(judge, None, template)
        trees = tree.search([games.start(p) for p in problems], expand, MOST)
        after = [one.after if one.won else None for one in trees]
        with torch.no_grad():
            said = judge.head(at_first).tolist()
        return {"after": after, "auc": value.auc(said, good)}

    judge = knows_nothing(prm.load("outcome"))
    rounds, learned, marks = [examined(judge)], [], []
    for turn in range(1, ROUNDS + 1):
        asked = curriculum.uniform(pool, ASKED, plan.seed, turn)
        expand = games.over_sums(judge, None, template)
        trees = tree.search([games.start(p) for p in asked], expand, GROWN)
        fresh = [one for found in trees for one in seen(found.root)]
        learned.append(known(judge, [state for state, _ in fresh], template))
        marks += [mark for _, mark in fresh]
        head = prm.fit(torch.cat(learned), torch.tensor(marks), plan.seed, steps=FITTED)
        judge = prm.Judge(judge.model, judge.tokenizer, head)
        about = {"states": len(fresh), "won": fmean(bool(found.won) for found in trees)}
        rounds.append(examined(judge) | about)
    controls = {name: examined(prm.load(name)) for name in ("outcome", "exact")}
    return {"rounds": rounds, "controls": controls, "n": len(problems)}


def soon(found: dict, within: int = EARLY) -> list[float]:
    """100 for each problem that was solved within so many simulations, else 0."""
    return [100.0 * (n is not None and n <= within) for n in found["after"]]


def curves(axis, runs: Sequence[Run]) -> None:
    """The share solved soon over rounds, a line a seed, and the controls."""
    measured = [run.summary["measured"] for run in runs]
    for i, one in enumerate(measured):
        shares = [fmean(soon(found)) for found in one["rounds"]]
        axis.plot(shares, color=plots.BLUE, marker=".", label=None if i else "its own trees")
    shown = {"outcome": ("taught by the base's answers", plots.GREEN, "--"),
             "exact": ("taught exact labels", "black", ":")}  # fmt: skip
    for name, (words, colour, line) in shown.items():
        if measured:
            level = fmean(fmean(soon(one["controls"][name])) for one in measured)
            axis.axhline(level, color=colour, linestyle=line, label=words)
    axis.set(xlabel="rounds", ylabel=f"solved in {EARLY} simulations, %", ylim=(0, 100))
    plots.whole_steps(axis)


def figure(run: Run) -> Figure:
    """Problems solved soon after each round."""
    drawn, axis = plots.canvas(height=3.4)
    curves(axis, [run])
    axis.legend(fontsize=8)
    plots.tidy(drawn)
    return drawn


VALUE = Experiment(
    name="value",
    lesson="07",
    section="DeepSeek-R1 4.2",
    about="four rounds of a value that learns from the trees it has steered",
    arms=(Arm("own", "value: three numbers, from its own trees"),),
    measure=circle,
    figure=figure,
    minutes={"cpu": {"quick": 3}},
    on={"cpu": {"size": 3, "max_new": 256, "eval_problems": 128}},
    settings={"examined": 64},
)
EXPERIMENTS = (VALUE,)
