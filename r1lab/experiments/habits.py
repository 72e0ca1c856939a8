"""`run habits`: which habit of thinking does reinforcement learning choose? (DeepSeek-R1, 2.2.4)

The base guesses mostly and knows other habits: to check once, to try at random, to search in
order, to work backwards, and with four numbers to set a sub-goal. The reward is the rule of R1-Zero
and says nothing of habits. The arms change what the base has read, what is paid and what is asked;
`think-on` is not trained at all: its end of thinking is forbidden until it has said yes, so it
shows what not to stop is worth.
"""

from matplotlib.figure import Figure

from r1lab import habits, plots
from r1lab.models.names import DOSES
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, gain, mean, minus, right, share
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import both_sizes
from r1lab.sampler import keep_thinking
from r1lab.tiny_world.words import WORDS

GRPO = (Stage("grpo"),)
COLOURS = {  # Okabe and Ito
    "guess": "#BBBBBB", "check": "#E69F00", "at random": "#56B4E9", "in order": "#0072B2",
    "backwards": "#D55E00", "sub-goal": "#CC79A7", "other": "#444444",
}  # fmt: skip


def measure(model, tokenizer, problems: list, plan) -> dict:
    """Held-out problems of both sizes, one sample each; with `think_on` no thought ends before its
    yes."""
    yes = [words["yes"] for words in WORDS.values()]
    steer = keep_thinking(tokenizer, yes) if plan.own["think_on"] else None
    return both_sizes(model, tokenizer, problems, plan, steer)


def figure(run: Run) -> Figure:
    """The share of each habit over the steps, accuracy, length; a bar where nothing is trained."""
    if not run.metrics:
        return _bar(run.summary["measured"])
    before, after, n = (run.summary[key] for key in ("before", "after", "n"))
    if habits.key("guess") not in after:  # another task
        return plots.self_evolution(run.metrics, run.summary)
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
        for shown, style in ((before, "--"), (after, "-")):
            axis.axhline(scale * shown[key], color=plots.GREY, linestyle=style, linewidth=1)
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


def controls(arms: Arms) -> list[Table]:
    """The rule arm's accuracy; minus what the better of two useless rewards won; and by how much
    the rule arm beats its untrained base that may not stop thinking. Claims Z-01 and RW-01."""
    useless = alike(arms("random"), arms("format"))
    return [
        [right(run) for run in arms("rule")],
        [[-max(mean(gain(run)) for run in pair)] for pair in useless],
        [minus(right(a), right(b)) for a, b in alike(arms("rule"), arms("think-on"))],
    ]


def _narrow(arms: Arms) -> list[Table]:  # O1-07
    lost = [[-value for value in gain(run, "other")] for run in arms("rule")]
    return [lost, [gain(run, "other") for run in arms("both")]]


def _parts(arms: Arms) -> list[Table]:  # Z-12
    pairs = alike(arms("parts"), arms("parts-long"))
    return [[min((share(run, "second_try") for run in pair), key=mean) for pair in pairs]]


def _doses(arms: Arms) -> list[Table]:
    much, none = arms("dose-8"), arms("dose-0")
    return [
        [minus(gain(a), gain(b)) for a, b in alike(much, none)],
        [gain(run) for run in much],
        [[-value for value in gain(run)] for run in none],
    ]


def _base(name: str, words: str) -> Arm:
    return Arm(name, f"three numbers: {words}", GRPO, {"base": name})


def _long(base: str, words: str) -> Arm:
    """Five times the steps."""
    changed = {"base": base, "steps": 300}
    return Arm(f"{base}-long", f"three numbers: {words}, longer", GRPO, changed)


EXPERIMENTS = (
    Experiment(
        name="habits",
        lesson="04",
        section="DeepSeek-R1 2.2.4",
        about="which habit of thinking wins under a rule reward, on three numbers",
        arms=(
            Arm("rule", "three numbers: rule reward", GRPO),
            Arm("random", "three numbers: random reward", GRPO, {"reward": "random"}),
            Arm("format", "three numbers: format reward", GRPO, {"reward": "format"}),
            Arm("think-on", "three numbers: not trained, made to think on", (), {"think_on": True}),
            Arm("both", "three and four numbers: rule reward", GRPO, {"also": 4}),
            _base("rich-1", "second base, from other texts of the kind"),
            _base("rich-2", "third base, from other texts of the kind"),
            _base("restless", "a base that tries at random"),
            _base("parts", "a base without a second try"),
            _long("parts", "without a second try"),
            _base("poor", "a base without a comparison"),
            *(_base(f"dose-{dose}", f"{dose} % of searching texts") for dose in DOSES),
            *(_long(f"dose-{dose}", f"{dose} % of searching texts") for dose in (0.5, 2)),
            _base("small", "a smaller base"),
            _base("large", "a larger base"),
        ),
        measure=measure,
        figure=figure,
        evidence={
            "RW-01": controls, "O1-07": _narrow, "Z-12": _parts, "X-04": _doses,
        },
        minutes={"cpu": {"quick": 5}},
        on={"cpu": {"size": 3}},
        settings={"think_on": False},
    ),
)  # fmt: skip
