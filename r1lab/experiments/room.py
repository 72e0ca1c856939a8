"""`run sizes` and `run cap`: what is more room to think worth? (Kimi k1.5, 3.5; R1-Zero's cap)

`sizes` trains nothing. The base `rich` and a base of a third of its size, after the same steps of
reinforcement learning, answer the same problems: to their natural end, and cut at the same budgets
of thought. Without training (`bases`) it would show what the sizes alone do.

`cap` goes on from the recorded runs `judge/rule`, which stand at their plateau under a cap of 256
tokens: with twice the cap, and with the old one. Both are measured under the doubled cap, so that
what differs is the training.
"""

import numpy as np
from matplotlib.figure import Figure

from r1lab import evaluate, models, plots, search
from r1lab.evaluate import Answers, Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, mean, minus, part
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import numbers
from r1lab.running.recorded import RECORDED
from r1lab.running.settings import Plan

BASES = {"large": "rich", "small": "small"}  # name here -> base
BUDGETS = (16, 32, 64, 128, 256)  # tokens of thought
ROOM = 40  # tokens for an answer that was forced
SEEDS = 5  # recorded runs of a model
OLD, NEW = 256, 512  # the cap, and the doubled one
TENTH, ON = 6, 12  # steps: a tenth of the 60 of `judge/rule`, and more


def both(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Of each size `natural`, its answers to their end, `half`, cut at half of the larger one's
    mean thoughts, and `budgets`; one answer a problem. See `point`."""
    how = Sampling(plan.preset.template, plan.preset.max_new, 10_000 + plan.seed)
    short = Sampling(plan.preset.template, ROOM, 20_000 + plan.seed)
    found, half = {}, 0
    for name, base in BASES.items():
        trained, _ = models.load(base)
        if of := plan.own[name]:
            trained, _ = models.load_trained(RECORDED / of.format(seed=plan.seed % SEEDS), base)
        whole = evaluate.answer(trained, tokenizer, problems, how)
        found[name] = {"natural": point(tokenizer, whole) | {"ended": mean(whole.ended)}}
        half = half or round(found[name]["natural"]["tokens"] / 2)
        half_way, *others = (
            {"budget": budget}
            | point(tokenizer, search.within(trained, tokenizer, whole, budget, short))
            for budget in (half, *BUDGETS)
        )
        found[name] |= {"half": half_way, "budgets": others}
    return found


def point(tokenizer, found: Answers) -> dict:
    """Mean tokens of thought, mean tokens in all, and a digit a problem: right or not."""
    thinking = [search.thinks(tokenizer, text)[0] for text in found.texts]
    right = "".join(str(int(one)) for one in found.correct[:, 0])
    return {"tokens": mean(thinking), "length": mean(found.lengths), "right": right}


def points(run: Run, size: str, budget: str | int) -> list[float]:
    """100 for each right answer of that size, 0 for each other one. budget: "natural", "half", or
    one of `BUDGETS`."""
    found = part(run, "after")[size]
    if isinstance(budget, int):
        found = {one["budget"]: one for one in found["budgets"]}
    return [100.0 * int(digit) for digit in found[budget]["right"]]


def _larger(arms: Arms) -> list[Table]:  # K-14
    runs = arms("trained")
    ahead = [minus(points(r, "large", "half"), points(r, "small", "half")) for r in runs]
    longer = [minus(points(r, "small", "natural"), points(r, "large", "half")) for r in runs]
    return [ahead, longer]


def curves(axis, runs: list[Run]) -> None:
    """Accuracy of both sizes over the thoughts that the budgets left, and where each ends by
    itself; means over runs."""
    for size, colour in (("large", plots.BLUE), ("small", plots.ORANGE)):
        found = [part(run, "after")[size] for run in runs]
        tokens = np.mean([[one["tokens"] for one in each["budgets"]] for each in found], 0)
        rows = [[mean(points(run, size, budget)) for budget in BUDGETS] for run in runs]
        axis.plot(tokens, np.mean(rows, 0), color=colour, marker=".", label=f"{size}, cut")
        end = mean([each["natural"]["tokens"] for each in found])
        height = mean([mean(points(run, size, "natural")) for run in runs])
        axis.plot(end, height, "*", color=colour, markersize=12, label=f"{size}, natural end")
    axis.set(xlabel="mean tokens of thought", ylabel="right, %", ylim=(0, 102), xlim=(0, None))
    axis.legend(fontsize=8)


def figure_of_sizes(run: Run) -> Figure:
    """Both sizes under budgets."""
    drawn, axis = plots.canvas(width=5.4)
    curves(axis, [run])
    axis.set_title("Two sizes, the same budgets of thought")
    plots.tidy(drawn)
    return drawn


def under_new(model, tokenizer, problems: list, plan: Plan) -> dict:
    """`held_out` under the doubled cap, whatever a stage was trained with."""
    how = Sampling(plan.preset.template, plan.preset.max_new, 10_000 + plan.seed)
    return numbers(evaluate.answer(model, tokenizer, problems, how))


def _doubled(arms: Arms) -> list[Table]:  # Z-06
    pairs = alike(arms("doubled"), arms("same"))
    first = [[[100.0 * int(d) for d in run.summary["stages"][0]["right"]] for run in pair]
             for pair in pairs]  # fmt: skip
    cut = [[100 * mean([line["truncated"] for line in old.metrics[:TENTH]])] for _, old in pairs]
    return [[minus(*pair) for pair in first], cut]


def figure_of_cap(run: Run) -> Figure:
    """Held out under the doubled cap, before, after a tenth of the steps and at last; and what the
    cap cut in training."""
    drawn, (left, right) = plots.canvas(2)
    stages = [run.summary["before"], *run.summary["stages"]]
    steps = [0, TENTH, len(run.metrics)]
    left.plot(steps, [100 * one["accuracy"] for one in stages], color=plots.BLUE, marker="o")
    left.set(title="Held out, under the doubled cap", xlabel="steps", ylim=(0, 102))
    left.set_ylabel("right, %")
    cut = [100 * line["truncated"] for line in run.metrics]
    right.plot(range(1, len(cut) + 1), cut, color=plots.ORANGE)
    right.set(title="Cut at the cap of training", xlabel="step", ylabel="of a step's answers, %")
    right.set_ylim(0, 102)
    plots.whole_steps(right)
    plots.tidy(drawn)
    return drawn


def _stages(cap: int) -> tuple[Stage, ...]:
    tenth = Stage("grpo", "tenth", "judge-rule-s{seed}", settings={"steps": TENTH, "max_new": cap})
    return tenth, Stage("grpo", "on", settings={"steps": ON, "max_new": cap})


def _sizes(name: str, words: str, large: str, small: str) -> Arm:
    return Arm(name, f"two sizes, equal budgets: {words}", (), {"large": large, "small": small})


RULE, RL = "judge-rule-s{seed}/trained", "distillation-rl-s{seed}/trained"
SIZES = Experiment(
    name="sizes",
    lesson="08",
    section="k1.5 3.5, Figure 8",
    about="a small model that thinks longer beside a large one; nothing is trained",
    arms=(
        _sizes("trained", "after the same steps", RULE, f"{RL}-rl"),
        _sizes("bases", "untrained", "", ""),
        _sizes("more", "the small one after 160 steps more", RULE, RL),
    ),
    measure=both,
    figure=figure_of_sizes,
    minutes={"cpu": {"quick": 1}},
    on={"cpu": {"size": 3, "max_new": NEW, "eval_problems": 256}},
    evidence={"K-14": _larger},
    settings={"large": "", "small": ""},
)
CAP = Experiment(
    name="cap",
    lesson="08",
    section="R1-Zero, Methods",
    about="the cap doubled at the plateau, beside a run that keeps it",
    arms=(
        Arm("doubled", "at the plateau: the cap doubled to 512", _stages(NEW)),
        Arm("same", "at the plateau: the cap of 256 kept", _stages(OLD)),
    ),
    measure=under_new,
    figure=figure_of_cap,
    minutes={"cpu": {"quick": 2}},
    on={"cpu": {"size": 3, "prompts": 8, "max_new": NEW, "lr": 1.5e-3}},
    evidence={"Z-06": _doubled},
)
EXPERIMENTS = (SIZES, CAP)
