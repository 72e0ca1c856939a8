"""`run habits`: which habit of thinking does reinforcement learning choose? (DeepSeek-R1, 2.2.4)

The base guesses mostly and knows other habits: to check once, to try at random, to search in
order, to work backwards, and with four numbers to set a sub-goal. The reward is the rule of
R1-Zero and says nothing of habits. `think-on` is not trained at all: its end of thinking is
forbidden until it has said yes, so it shows what not to stop is worth without learning.
"""

from matplotlib.figure import Figure

from r1lab import habits, plots
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.sampler import keep_thinking
from r1lab.tiny_world.words import WORDS

GRPO = (Stage("grpo"),)
THREE = {"base": "habits/rich", "size": 3, "max_new": 400, "steps": 50}
FOUR = {"base": "habits/rich", "size": 4, "max_new": 640, "steps": 60}
COLOURS = {  # Okabe and Ito
    "guess": "#BBBBBB", "check": "#E69F00", "at random": "#56B4E9", "in order": "#0072B2",
    "backwards": "#D55E00", "sub-goal": "#CC79A7", "other": "#444444",
}  # fmt: skip


def measure(model, tokenizer, problems: list, plan) -> dict:
    """Held-out problems, one sample each; with `think_on` no thought ends before its yes."""
    yes = [words["yes"] for words in WORDS.values()]
    steer = keep_thinking(tokenizer, yes) if plan.own["think_on"] else None
    return held_out(model, tokenizer, problems, plan, steer)


def figure(run: Run) -> Figure:
    """The share of each habit over the steps, accuracy, length; a bar where nothing is trained."""
    if not run.metrics:
        return _bar(run.summary["measured"])
    before, after, n = (run.summary[key] for key in ("before", "after", "n"))
    steps = [line["step"] for line in run.metrics]
    drawn, (shares, right, length) = plots.canvas(3, height=3.6, width=3.6)
    rows = [[line[habits.key(name)] for line in run.metrics] for name in habits.NAMES]
    colours = [COLOURS[name] for name in habits.NAMES]
    shares.stackplot(steps, *rows, labels=habits.NAMES, colors=colours, linewidth=0)
    most = max(habits.NAMES, key=lambda name: after[habits.key(name)])
    shares.set(title=f"In the end: {most}", ylabel="share of a step's answers", ylim=(0, 1))
    for axis, key, scale, what, unit, colour in (
        (right, "accuracy", 100, "Right: {:.0f} % → {:.0f} %", "right, %", plots.BLUE),
        (length, "length", 1, "Length: {:.0f} → {:.0f} tokens", "tokens an answer", plots.ORANGE),
    ):
        axis.plot(steps, [scale * line[key] for line in run.metrics], color=colour)
        for part, style in ((before, "--"), (after, "-")):
            axis.axhline(scale * part[key], color=plots.GREY, linestyle=style, linewidth=1)
        axis.set(title=what.format(scale * before[key], scale * after[key]), ylabel=unit)
        axis.set_ylim(bottom=0)
    for axis in drawn.axes:
        axis.set_xlabel("RL step")
        plots.whole_steps(axis)
    plots.write_below(drawn, f"Grey: {n} held-out problems, before (dashed) and after.")
    drawn.legend(loc="outside upper left", ncols=len(habits.NAMES), fontsize=8, frameon=False)
    plots.tidy(drawn)
    return drawn


def _bar(measured: dict) -> Figure:
    drawn, axis = plots.canvas()
    low, high = (100 * x for x in measured["ci95"])
    axis.bar([0], [100 * measured["accuracy"]], color=plots.BLUE, width=0.4)
    axis.errorbar([0], [(low + high) / 2], yerr=(high - low) / 2, color="black", capsize=5)
    title = f"Not trained: {100 * measured['accuracy']:.0f} % right"
    axis.set(title=title, ylabel="right, %", ylim=(0, 100), xlim=(-1, 1), xticks=[])
    axis.set_xlabel(f"n = {measured['n']} held-out problems, 95 % interval")
    plots.tidy(drawn)
    return drawn


def evidence(run: Run) -> list[dict]:
    """Which held-out problems were right: before and after, or measured alone."""
    parts = [part for part in ("before", "after", "measured") if part in run.summary]
    return [
        {"claim": "Z-04", "metric": f"right_{part}", "values": run.summary[part]["right"]}
        for part in parts
    ]


def _arms(name: str, words: str, settings: dict) -> tuple[Arm, ...]:
    """The rule reward and its controls on one size of problems. name: what the arms begin with."""

    def arm(kind: str, label: str, stages=GRPO, **more) -> Arm:
        return Arm(f"{name}-{kind}", f"{words}: {label}", stages, settings | more)

    return (
        arm("rule", "rule reward"),
        arm("random", "control, random reward", reward="random"),
        arm("format", "control, format reward", reward="format"),
        arm("think-on", "not trained, made to think on", (), think_on=True),
    )


EXPERIMENTS = (
    Experiment(
        name="habits",
        lesson="04",
        section="DeepSeek-R1 2.2.4",
        about="which habit of thinking wins under a rule reward, on three and on four numbers",
        arms=(*_arms("three", "three numbers", THREE), *_arms("four", "four numbers", FOUR)),
        measure=measure,
        figure=figure,
        evidence=evidence,
        minutes={"cpu": {"quick": 5}},
        settings={"think_on": False},
    ),
)
