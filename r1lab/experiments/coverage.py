"""`run coverage`: what a model reaches with many tries, before and after it learned (Yue and
others, arXiv 2504.13837; DeepSeek-R1, 4.1).

Nothing is trained. The models of `run distillation` answer problems that are hard for chance. Four
numbers that few ways lead from to the target: nobody was trained on four. Three numbers with a
single way: problems as those that were trained on, with fewer samples, since many random
expressions solve nearly all of them. Each seed asks problems of its own.
"""

from itertools import islice

import numpy as np
from matplotlib.figure import Figure

from r1lab import evaluate, models, plots, stats, tasks
from r1lab.evaluate import Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, part
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.measure import numbers
from r1lab.running.recorded import RECORDED
from r1lab.running.settings import Plan
from r1lab.search import some
from r1lab.tiny_world.competence import chance, solutions

SEEDS = 5  # recorded runs of a model
WAYS = {4: 3, 3: 1}  # numbers -> the most ways to a problem's target
DRAWS = 4096  # random expressions a problem, for the line of chance
LOOKED_AT = {4: 1024, 3: 512}  # held-out problems of which those are taken


def hard(size: int, n: int, seed: int) -> list:
    """n held-out problems to whose target few ways lead, other ones for each of `SEEDS` seeds."""
    posed = tasks.problems("countdown", LOOKED_AT[size], 0, "test", size)
    few = (p for p in posed if solutions(p) <= WAYS[size])
    first = seed % SEEDS * n
    return list(islice(few, first, first + n))


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """`right`: how many samples of each problem are right, by size; `pass`: mean pass@k; `chance`:
    the same of random expressions. Beside them what `held_out` gives of the first samples."""
    own = plan.own
    if own["of"]:
        folder = RECORDED / f"{own['of']}-s{plan.seed % SEEDS}" / own["last"]
        model, _ = models.load_trained(folder, plan.preset.model)
    found: dict = {"counts": {}, "pass": {}, "chance": {}, "tokens": {}}
    for size, samples in ((3, own["samples_three"]), (4, own["samples"])):
        asked = hard(size, own[f"hard_{size}"], plan.seed)
        how = Sampling(plan.preset.template, plan.preset.max_new, 60_000 + plan.seed, samples)
        answers = evaluate.answer(model, tokenizer, asked, how)
        counts, ks = answers.correct.sum(1), sizes(samples)
        key = str(size)
        found["counts"][key] = counts.tolist()
        curve = stats.pass_curve(counts, samples, ks)
        found["pass"][key] = dict(zip(map(str, ks), curve, strict=True))
        found["chance"][key] = chance(asked, DRAWS, ks)
        found["tokens"][key] = float(np.mean(answers.lengths))
    return found | numbers(some(answers, 0, 1))


def sizes(most: int) -> list[int]:
    """1, 2, 4, ... up to `most`."""
    return [2**i for i in range(most.bit_length())]


def reached(run: Run, size: int, k: int) -> float:
    """pass@k in percent."""
    return 100 * part(run, "after")["pass"][str(size)][str(k)]


def most(run: Run, size: int) -> int:
    """The largest k of a run."""
    return max(map(int, part(run, "after")["pass"][str(size)]))


def above(arms: Arms, one: str, other: str, size: int) -> Table:
    """By how many points `one` reaches more than `other` with the most samples: a value a seed."""
    pairs = alike(arms(one), arms(other))
    return [[reached(a, size, most(a, size)) - reached(b, size, most(b, size))] for a, b in pairs]


def _expands(arms: Arms) -> list[Table]:  # D-04
    return [above(arms, "from-large", "base", 4), above(arms, "base", "rl", 4)]


def _shrinks(arms: Arms) -> list[Table]:
    return [above(arms, "base", "rl", 4), above(arms, "base", "rl", 3)]


def figure(run: Run) -> Figure:
    """pass@k over k for both kinds of problems, beside chance."""
    drawn, axes = plots.canvas(2, sharey=True)
    for axis, (size, ways) in zip(axes, WAYS.items(), strict=True):
        curves(axis, [run], size, plots.BLUE, "the model")
        line_of_chance(axis, [run], size)
        axis.set(title=f"{size} numbers, at most {ways} way{'s' * (ways > 1)}", xlabel="samples, k")
    axes[0].set_ylabel("problems solved, %")
    axes[0].legend(fontsize=8)
    plots.tidy(drawn)
    return drawn


def curves(axis, runs: list[Run], size: int, colour: str, label: str) -> None:
    """A thin line a seed, a thick one their mean."""
    rows = [[reached(run, size, k) for k in sizes(most(run, size))] for run in runs]
    ks = sizes(most(runs[0], size))
    for row in rows:
        axis.plot(ks, row, color=colour, linewidth=0.5)
    axis.plot(ks, np.mean(rows, 0), color=colour, linewidth=2, marker=".", label=label)
    axis.set_xscale("log", base=2)
    axis.set_ylim(0, 103)


def line_of_chance(axis, runs: list[Run], size: int) -> None:
    """Random expressions, to the same problems."""
    ks = sizes(most(runs[0], size))  # a record has its keys in the order of words
    rows = [[part(run, "after")["chance"][str(size)][str(k)] for k in ks] for run in runs]
    axis.plot(ks, 100 * np.mean(rows, 0), "--", color="black", label="chance")


def _arm(name: str, words: str, of: str = "", last: str = "trained") -> Arm:
    return Arm(name, f"hard problems, many tries: {words}", (), {"of": of, "last": last})


EXPERIMENTS = (
    Experiment(
        name="coverage",
        lesson="06",
        section="DeepSeek-R1 4.1; arXiv 2504.13837",
        about="what many tries reach, before and after learning; nothing is trained",
        arms=(
            _arm("base", "the small base"),
            _arm("rl", "after RL", "distillation-rl", "trained-rl"),
            _arm("from-large", "taught by the larger one", "distillation-from-large",
                 "trained-large"),
            _arm("more", "after more RL", "distillation-rl"),
        ),
        measure=measure,
        figure=figure,
        minutes={"cpu": {"quick": 3}},
        on={"cpu": {"model": "small", "size": 4, "max_new": 256, "eval_problems": 8}},
        evidence={"D-04": _expands, "X-11": _shrinks},
        settings={"of": "", "last": "trained", "samples": 256, "samples_three": 32, "hard_4": 12,
                  "hard_3": 24},
    ),
)  # fmt: skip
