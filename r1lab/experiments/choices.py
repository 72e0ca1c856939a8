"""`run choices`: many answers to one question, and who may choose (OpenAI o1, AIME and IOI).

On multiplication nobody can check an answer for free, so a vote means something; one model learns
it here by reinforcement, and a vote of 16 is taken on the way (DeepSeek-R1, Figure 2). On Countdown
every expression can be checked against the target, and different ones are right: no vote, but a
learned scorer may choose. Beside each choice stands a random one, which is one sample.
"""

import numpy as np
import torch

from r1lab import evaluate, plots, scorer, search, stats, tasks
from r1lab.evaluate import Answers, Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, mean, minus, part
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import numbers
from r1lab.running.settings import Plan

FIFTY = 50  # submissions a problem at the informatics olympiad
ON_THE_WAY = 16  # answers that vote at a checkpoint
CHECKPOINTS = 8  # evenly spaced over the training
LEARNS_FROM = 8  # answers a problem that the scorer learns from


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """`samples` answers a problem; for each problem how often each way to choose is right."""
    how = _sampling(plan, 10_000, plan.own["samples"])
    found = evaluate.answer(model, tokenizer, problems, how)
    n = min(plan.own["learn_on"], plan.preset.train_problems)
    taught = tasks.problems(plan.preset.task, n, 0, "train", plan.preset.size or None)
    given = evaluate.answer(model, tokenizer, taught, _sampling(plan, 40_000, LEARNS_FROM))
    score = scorer.fit(
        scorer.features(model, tokenizer, given, how.template),
        torch.tensor(given.correct.flatten()), plan.seed,
    )  # fmt: skip
    known = scorer.features(model, tokenizer, found, how.template)
    scores = {"scorer": score(known), "likelihood": known[:, scorer.MEAN_LOGP]}
    return (
        numbers(search.some(found, 0, 1))
        | {
            "tokens": float(np.mean(found.lengths)),
            "chosen": chosen(found, {k: v.view(found.correct.shape) for k, v in scores.items()}),
        }
        | ({"hard": hard(found)} if _votes(found) else {})
    )


def _sampling(plan: Plan, seed: int, samples: int) -> Sampling:
    return Sampling(plan.preset.template, plan.preset.max_new, seed + plan.seed, samples)


def sizes(most: int) -> list[int]:
    """1, 2, 4, ... up to `most`, and fifty where there are as many."""
    return sorted({k for k in (*(2**i for i in range(most.bit_length())), FIFTY) if k <= most})


def chosen(found: Answers, scores: dict) -> dict[str, dict[str, list[float]]]:
    """Way to choose -> k -> for each problem how often the choice from k answers is right. "any":
    one of k is right, what a free check would find (pass@k). "weighted": a vote of all answers in
    which the scorer gives the weights. No votes on Countdown, see `search.ballots`."""
    right, K = found.correct, found.per_problem
    ways = {"any": {k: [stats.pass_at_k(K, int(c), k) for c in right.sum(1)] for k in sizes(K)}}
    for name, table in scores.items():
        rows = list(zip(right, table.tolist(), strict=True))
        ways[name] = {k: [search.best_of(*row, k) for row in rows] for k in sizes(K)}
    if _votes(found):
        ways["vote"] = {k: search.vote(found, k) for k in sizes(K)}
        rows = zip(found.problems, search.ballots(found), scores["scorer"].tolist(), strict=True)
        heavy = [search.weighted(votes, weights) == str(p.target) for p, votes, weights in rows]
        ways["weighted"] = {K: heavy}
    return {
        way: {str(k): [round(float(v), 4) for v in values] for k, values in at.items()}
        for way, at in ways.items()
    }


def _votes(found: Answers) -> bool:
    return found.problems[0].task != "countdown"


def hard(found: Answers) -> dict[str, list[float]]:
    """For each problem: the share of right ones among the first half of its answers; among the
    second half, whether one answer and whether the vote of all is right. O1-08 takes the problems
    by the first and judges the vote by the second."""
    half = found.per_problem // 2
    first, second = (search.some(found, at, at + half) for at in (0, half))
    return {
        "first": first.correct.mean(1).tolist(),
        "one": second.correct.mean(1).tolist(),
        "vote": search.vote(second, half),
    }


def along(model, tokenizer, problems: list, plan: Plan, step: int) -> dict:
    """At evenly spaced checkpoints: one answer and a vote of 16, for each problem."""
    every = max(1, plan.steps // CHECKPOINTS)
    if step % every:
        return {}
    found = evaluate.answer(model, tokenizer, problems, _sampling(plan, 50_000, ON_THE_WAY))
    one = [round(float(share), 4) for share in found.correct.mean(1)]
    return {"one": one, "vote": search.vote(found, ON_THE_WAY)}


def points(run: Run, way: str, k: int, when: str = "after") -> list[float]:
    """100 times how often a way to choose from k answers is right, for each problem."""
    return [100 * v for v in part(run, when)["chosen"][way][str(k)]]


def _samples(run: Run) -> int:
    return run.config["samples"]


def _vote(arms: Arms) -> list[Table]:  # O1-03
    runs, n = arms("products"), _samples
    gains = [minus(points(r, "vote", n(r)), points(r, "any", 1)) for r in runs]
    return [gains, [minus(points(r, "scorer", n(r)), points(r, "vote", n(r))) for r in runs]]


def _selection(arms: Arms) -> list[Table]:  # O1-04
    runs = arms("countdown")
    return [[minus(points(r, "scorer", FIFTY), points(r, "any", 1)) for r in runs]]


def lost(run: Run, when: str = "after") -> float:
    """Points that a vote loses on the problems of which less than half of other answers are right;
    0 where there is no such problem."""
    found = part(run, when)["hard"]
    rows = zip(found["first"], found["one"], found["vote"], strict=True)
    kept = [100 * (one - vote) for first, one, vote in rows if first < 0.5]
    return mean(kept) if kept else 0.0


def _hurts(arms: Arms) -> list[Table]:  # O1-08
    return [[[lost(run)] for run in arms("products")]]


def afford(run: Run) -> int:
    """Answers of the base that cost at least as many tokens as one of the trained model: rounded up
    to the next size that was voted with, so in favour of the base."""
    ratio = part(run, "after")["tokens"] / part(run, "before")["tokens"]
    return min((k for k in sizes(_samples(run)) if k >= ratio), default=_samples(run))


def _instead(arms: Arms) -> list[Table]:
    runs = arms("products")
    return [[minus(points(r, "any", 1), points(r, "vote", afford(r), "before")) for r in runs]]


def middle(run: Run) -> list[dict]:
    """The checkpoints in the middle half of the training."""
    seen, steps = [line for line in run.metrics if "vote" in line], len(run.metrics)
    return [line for line in seen if steps / 4 <= line["step"] <= 3 * steps / 4]


def _on_the_way(arms: Arms) -> list[Table]:  # Z-02
    rows = []
    for run in arms("products"):
        above = [minus(line["vote"], line["one"]) for line in middle(run)]
        rows.append([100 * value for value in np.mean(above, 0)])
    return [rows]


COLOURS = {"any": plots.GREY, "vote": plots.BLUE, "scorer": plots.ORANGE, "likelihood": plots.GREEN}
LABELS = {
    "any": "a free check (pass@k)", "vote": "majority vote", "scorer": "learned scorer",
    "likelihood": "likeliest answer",
}  # fmt: skip


def figure(run: Run):
    """How often the choice is right, over the number of answers, before and after training."""
    whens = ["measured"] if "measured" in run.summary else ["before", "after"]
    drawn, axes = plots.canvas(2, width=4.6, sharey=True)
    for axis, when in zip(axes, whens, strict=False):
        curves(axis, [run], when)
        axis.set_title("The base" if when != "after" else "Trained")
    axes[0].set_ylabel("right, %")
    axes[0].legend(fontsize=8)
    if len(whens) == 1:
        axes[1].set_visible(False)
    plots.write_below(drawn, f"n = {len(points(run, 'any', 1))} held-out problems.")
    plots.tidy(drawn)
    return drawn


def curves(axis, runs: list[Run], when: str) -> None:
    """Each way to choose over k, mean over runs and problems."""
    ks = sizes(_samples(runs[0]))
    for way in (w for w in COLOURS if w in part(runs[0], when)["chosen"]):
        rows = [[mean(points(run, way, k, when)) for k in ks] for run in runs]
        axis.plot(ks, np.mean(rows, 0), color=COLOURS[way], marker=".", label=LABELS[way])
    axis.set_xscale("log", base=2)
    axis.set(xlabel="answers a problem, k", ylim=(0, 103))


EXPERIMENTS = (
    Experiment(
        name="choices",
        lesson="01",
        section="o1, AIME 2024 and IOI 2024",
        about="vote, learned scorer and free check over many answers, on the way and at the end",
        arms=(
            Arm("products", "choices: products of two numbers, rule reward", (Stage("grpo"),),
                {"task": "multiplication", "size": 2, "max_new": 200, "train_problems": 2048}),
            Arm("countdown", "choices: four numbers, the base", (), {"size": 4, "max_new": 600}),
        ),
        measure=measure,
        figure=figure,
        evidence={
            "O1-03": _vote, "O1-04": _selection, "O1-08": _hurts, "R-08": _instead,
            "Z-02": _on_the_way,
        },
        minutes={"cpu": {"quick": 7}},
        on={"cpu": {"eval_problems": 128}},
        settings={"samples": 64, "learn_on": 512},
        along=along,
    ),
)  # fmt: skip
