"""`run judge` and `run form`: what becomes of a model that is paid by the wrong thing (DeepSeek-R1,
2.2.2). `run delay`: what if it is paid late (section 5).

`judge`: a learned judge in the place of the rule, on three numbers. The verifier looks on at each
step and pays nothing, so the proxy and the truth stand side by side. The first arm is the same run
under the rule. `late`: the rule first, the judge for the last quarter of the steps. `form`: what
the form weighs beside the answer, and which of the two is learned first by a base that has lost its
tidiness. `delay`: rewards come some updates after their completions were sampled, so that each
update learns from what an older policy wrote. Its control is `judge/rule`: rewards at once, and as
many updates on as many completions.
"""

import random

from matplotlib.figure import Figure

from r1lab import curriculum, evaluate, grpo, plots, tasks, value
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, ahead, mean
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import answers, held_out, numbers
from r1lab.running.settings import Plan
from r1lab.verify import TAGS

GRPO = (Stage("grpo"),)
STEPS, LAST = 60, 15  # of a run; of the judge in the arm `late`
SHORT = {"size": 3, "steps": STEPS, "prompts": 8, "max_new": 256, "lr": 1.5e-3}
TEN = tuple(range(10))  # seeds: between arms that do not differ, five leave three points open
LATE = (
    Stage("grpo", "rule", settings={"steps": STEPS - LAST}),
    Stage("grpo", "judged", settings={"steps": LAST, "reward": "judge-85"}),
)
NAMED = {  # key of the metrics -> its name in a figure
    "reward_approved": "approved by the judge", "reward_format_tags": "in its form",
    "accuracy": "right",
}  # fmt: skip


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems, one sample each, and the share of the answers that each shipped judge
    approves: `judge_85` and `judge_96`."""
    found = answers(model, tokenizer, problems, plan)
    rows = zip(found.repeated(), found.texts, found.verdicts, strict=True)
    given = [value.seen(p, text, v.answer) for p, text, v in rows]
    approved = {
        name.replace("-", "_"): sum(score > 0 for score in value.scores(value.load(name), given))
        for name in value.JUDGES
    }
    return numbers(found) | {name: n / len(given) for name, n in approved.items()}


def untidy(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
    """The base's own answers, right and wrong as they come, three of four with a tag left out: to
    teach untidiness and nothing about numbers. A group a problem, and how many answers there are.
    """
    steps = range(1, config.steps + 1)
    asked = [p for s in steps for p in curriculum.uniform(pool, config.prompts, config.seed, s)]
    how = evaluate.Sampling(config.template, config.max_new, 1_000_003 * config.seed)
    found = evaluate.answer(model, tokenizer, asked, how)
    rng = random.Random(f"untidy-{config.seed}")
    lines = []
    for problem, text, ended in zip(asked, found.texts, found.ended, strict=True):
        tag = rng.choice(TAGS) if rng.random() < 0.75 else None
        if ended:
            line = {"step": 0, "task": problem.task, "numbers": list(problem.numbers)}
            line |= {"target": problem.target, "prompt": tasks.prompt(problem, config.template)}
            line["completions"] = [text.replace(tag, "") if tag else text]
            line["rewards"] = {"accuracy": [1.0]}  # here it says "taught", not "right"
            lines.append(line)
    right = int(found.correct.sum())
    return lines, {"answers": len(asked), "right": right, "tokens": sum(found.lengths)}


def figure(run: Run) -> Figure:
    """All that was paid and the truth on one axis, and held-out problems before and after."""
    metrics = [line for line in run.metrics if "reward" in line]
    drawn, (left, right) = plots.canvas(2, height=3.6)
    for key, colour in zip(NAMED, (plots.ORANGE, plots.GREEN, plots.BLUE), strict=True):
        points = [(line["step"], 100 * line[key]) for line in metrics if key in line]
        if points:
            left.plot(*zip(*points, strict=True), color=colour, linewidth=2, label=NAMED[key])
    ends = run.summary["before"], run.summary["after"]
    said = " → ".join(f"{100 * part['accuracy']:.0f}" for part in ends)
    left.set(title="What is paid, and the truth", xlabel="step", ylim=(0, 102))
    left.set_ylabel("of a step's answers, %")
    left.legend(fontsize=8)
    plots.whole_steps(left)
    for x, part in enumerate(ends):
        low, high = (100 * bound for bound in part["ci95"])
        right.bar(x, 100 * part["accuracy"], color=(plots.GREY, plots.BLUE)[x], width=0.6)
        right.errorbar(x, (low + high) / 2, (high - low) / 2, color="black", capsize=5)
    right.set_xticks([0, 1], ["base", "trained"])
    right.set(title=f"Held-out problems: {said} %", ylabel="right, %", ylim=(0, 102))
    right.set_xlabel(f"n = {run.summary['n']} held-out problems, 95 % interval")
    plots.tidy(drawn)
    return drawn


def fifths(curve: list[float]) -> list[float]:
    """The means of five equal parts of a curve, in their order; steps that are left over belong to
    the last one."""
    size = len(curve) // 5
    return [mean(curve[i * size : (i + 1) * size if i < 4 else None]) for i in range(5)]


def half_way(curve: list[float], width: int = 5) -> int:
    """The first step from which on the mean of `width` steps has made half of the curve's way up,
    from the mean of its first steps to that of its last; one more than all where it does not rise.
    """
    means = [mean(curve[i : i + width]) for i in range(len(curve) - width + 1)]
    middle = (means[0] + means[-1]) / 2
    reached = (i + 1 for i, one in enumerate(means) if one >= middle and means[-1] > means[0])
    return next(reached, len(curve) + 1)


def _curve(run: Run, key: str) -> list[float]:
    return [100 * line[key] for line in run.metrics if key in line]


def _cheated(arms: Arms) -> list[Table]:  # RW-02
    runs = arms("judge-85")
    truth = [fifths(_curve(run, "accuracy")) for run in runs]
    proxy = [fifths(_curve(run, "reward_approved")) for run in runs]
    return [[[max(part) - part[-1]] for part in truth], [[part[-1] - part[0]] for part in proxy]]


def _first(arms: Arms) -> list[Table]:  # RW-04
    found = []
    for run in arms("untidy"):
        form, right = (half_way(_curve(run, k)) for k in ("reward_format_tags", "accuracy"))
        found.append([100 * (right - form) / max(form, right)])
    return [found]


def turns(lengths: list[float], right: list[float], formed: list[float]) -> tuple[int, int]:
    """Where the answers of a step are shortest, and the first step in which right ones are more
    frequent than well-formed wrong ones; one more than all where none is. right, formed: shares of
    the answers. All that is right counts as well-formed, as far as there is room."""
    shortest = 1 + lengths.index(min(lengths))
    more = (i for i, (r, f) in enumerate(zip(right, formed, strict=True), 1) if r > max(0, f - r))
    return shortest, next(more, len(lengths) + 1)


def _turns(arms: Arms) -> list[Table]:
    found = []
    for run in arms("untidy"):
        curves = [_curve(run, key) for key in ("length", "accuracy", "reward_format_tags")]
        shortest, used_up = turns(*curves)
        found.append([5.0 * (abs(shortest - used_up) <= len(curves[0]) / 10)])
    return [found]


UNTIDY = (  # at this rate three of four answers lack a tag afterwards (a trial with seed 903)
    Stage("sft", "untidy", rate=4.0, material=untidy, settings={"steps": 24}),
    Stage("grpo"),
)
JUDGE = Experiment(
    name="judge",
    lesson="03",
    section="DeepSeek-R1 2.2.2",
    about="reinforcement learning under a learned judge, with the verifier looking on",
    arms=(
        Arm("rule", "three numbers, cap 256: the rule", GRPO, seeds=TEN),
        Arm(
            "judge-85", "cap 256: paid by a judge, right in 85 of 100", GRPO, {"reward": "judge-85"}
        ),
        Arm(
            "judge-96", "cap 256: paid by a judge, right in 96 of 100", GRPO, {"reward": "judge-96"}
        ),
        Arm("late", "cap 256: the rule, at last the first judge", LATE),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 4}},
    on={"cpu": SHORT},
    evidence={"RW-02": _cheated, "RW-06": ahead("late", "judge-85")},
)
FORM = Experiment(
    name="form",
    lesson="03",
    section="DeepSeek-R1 2.2.2",
    about="what the form weighs beside the answer, and which of the two is learned first",
    arms=(
        Arm("equal", "three numbers: form and answer weigh the same", GRPO, {"reward": "equal"}),
        Arm("none", "three numbers: the form weighs nothing", GRPO, {"reward": "accuracy"}),
        Arm("untidy", "three numbers: a base that leaves out tags", UNTIDY),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 6}},
    on={"cpu": {"size": 3}},
    evidence={"RW-03": ahead("equal", "habits/rule"), "RW-04": _first, "X-05": _turns},
)  # fmt: skip
DELAY = Experiment(
    name="delay",
    lesson="03",
    section="DeepSeek-R1 5",
    about="rewards that come some updates late, so that each update learns from an older policy",
    arms=(
        Arm("delay-1", "cap 256: the rule, one update late", GRPO, {"delay": 1}),
        Arm("delay-4", "cap 256: the rule, 4 updates late", GRPO, {"delay": 4}, TEN),
        Arm("delay-16", "cap 256: the rule, 16 updates late", GRPO, {"delay": 16}),
    ),
    measure=held_out,
    figure=figure,
    minutes={"cpu": {"quick": 5}},
    on={"cpu": SHORT},
    evidence={"FW-04": ahead("delay-4", "judge/rule")},
)
EXPERIMENTS = (JUDGE, FORM, DELAY)
