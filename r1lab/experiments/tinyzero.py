"""`run times` and `run tuned`: two of TinyZero's findings (T-03, T-05). Its author is the guest of
the episode.

`times`: reinforcement learning on multiplication, the other of TinyZero's tasks. Does another task
make another habit grow? `tuned`: the same learning after the base was taught tidy answers, its own
right ones. Is a tuned start faster, and does it end elsewhere?
"""

from dataclasses import replace

from r1lab import plots
from r1lab.experiments import habits
from r1lab.experiments.own_answers import gather
from r1lab.experiments.rewards import SHORT
from r1lab.records import Run
from r1lab.reflection import trace
from r1lab.running.evidence import Arms, Table, alike, change, mean, minus, of_larger, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import answers, both_sizes, numbers
from r1lab.running.settings import Plan

PARTS = 3  # equations that `12*34` takes in parts: 12*30=360, 12*4=48, 360+48=408


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems, and how many answers work in parts, and how many try again."""
    found = answers(model, tokenizer, problems, plan)
    rows = zip(found.problems, found.texts, found.verdicts, strict=True)
    traces = [trace(*row) for row in rows]
    return numbers(found) | {
        "in_parts": mean([t.equations >= PARTS for t in traces]),
        "tries_again": mean([t.waits > 0 for t in traces]),
    }


def figure(run: Run):
    """Accuracy, length and reflection over the steps."""
    return plots.self_evolution(run.metrics, run.summary)


def shown(run: Run):
    """The figure of `run habits` for the steps of reinforcement learning alone."""
    return habits.figure(replace(run, metrics=[m for m in run.metrics if "reward" in m]))


def _task(arms: Arms) -> list[Table]:  # T-05
    runs = arms("rule")
    more = [[change(run, "in_parts", 100)] for run in runs]
    return [more, [[-change(run, "tries_again", 100)] for run in runs]]


def halfway(run: Run) -> int:
    """The first step of reinforcement learning from which on, over five steps, at least half of the
    final held-out accuracy is reached; one more than all where that never happens."""
    curve = [line["accuracy"] for line in run.metrics if "reward" in line]
    half = run.summary["after"]["accuracy"] / 2
    means = [mean(curve[i : i + 5]) for i in range(len(curve) - 4)]
    return next((i + 1 for i, value in enumerate(means) if value >= half), len(curve) + 1)


def _tuned(arms: Arms) -> list[Table]:  # T-03
    pairs = alike(arms("judge/rule"), arms("tuned"))
    steps = [[halfway(run) for run in pair] for pair in pairs]
    apart = [[-abs(mean(minus(right(a), right(b))))] for a, b in pairs]
    return [[[of_larger(*pair)] for pair in steps], apart]


TIMES = Experiment(
    name="times",
    lesson="04",
    section="TinyZero",
    about="reinforcement learning on multiplication: does another task make another habit grow?",
    arms=(
        Arm("rule", "products of two numbers: rule reward", (Stage("grpo"),),
            {"task": "multiplication", "train_problems": 2048, "eval_problems": 320}),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 3}},
    evidence={"T-05": _task},
)  # fmt: skip
TUNED = Experiment(
    name="tuned",
    lesson="04",
    section="TinyZero",
    about="the same reinforcement learning from a base that was taught its own right answers",
    arms=(
        Arm("tuned", "three numbers: taught its right answers, then RL",
            (Stage("sft", material=gather), Stage("grpo"))),
    ),
    measure=both_sizes,
    figure=shown,
    on={"cpu": SHORT},
    minutes={"cpu": {"quick": 4}},
    evidence={"T-03": _tuned},
)  # fmt: skip
EXPERIMENTS = (TIMES, TUNED)
