"""`run distillation`: a small model by reinforcement learning, and the same one taught what a
larger one says (DeepSeek-R1, 2.4, 3.2 and 4.1).

The student is the base `small`. Its teachers: a program that searches in order and says so
(`traces`); `judge/rule`, the base `rich` after the very steps that the student gets in `rl`, so
that only the size differs; the student's own `rl`; and a half trained one, `delay/delay-16`, which
is wrong in three of five answers. What each arm costs is counted in `running.bills`, the teacher's
part apart.

`no-search` asks the same of a base that reinforcement learning could not help: `parts`, which never
tries again (`habits/parts`). `from-hub`, with the preset of a card, is taught by a larger model of
the hub, as it is. `smol` is a real language model on sums, taught by a program that works them out;
its control is `zero/smol`, reinforcement learning alone.
"""

from collections.abc import Callable

from matplotlib.figure import Figure

from r1lab import curriculum, evaluate, grpo, models, plots, tasks
from r1lab.evaluate import Answers, Sampling
from r1lab.experiments.cold_start import stage, taught
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, ahead, alike, gain, mean, minus, part, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.running.recorded import RECORDED
from r1lab.tiny_world import traces

STEPS, MORE = 60, 160  # of `rl`; and of what makes its bill about that of teacher and student
TAUGHT = 340  # steps of imitation that cost the student about as much as `STEPS` of `rl`
ONCE = 125  # steps of 16 in which 2,000 traces are read once
ASKED = 1200  # problems that a teacher is asked
SEEDS = 5  # recorded runs of each teacher
LARGE, HALF = "judge-rule", "delay-delay-16"  # recorded runs on the base `rich`
HUB = "Qwen/Qwen2.5-3B"  # the teacher on a card


def recorded(name: str, seed: int, base: str, last: str = "trained"):
    """A recorded teacher, of the student's seed: (model, tokenizer)."""
    return models.load_trained(RECORDED / f"{name}-s{seed % SEEDS}" / last, base)


def asked(teacher, tokenizer, pool: list, config: grpo.Config) -> Answers:
    """One answer of a teacher to each of `ASKED` problems; the same problems for each teacher."""
    problems = curriculum.uniform(pool, ASKED, config.seed, 1)
    how = Sampling(config.template, config.max_new, 1_000_003 * config.seed + 1)
    return evaluate.answer(teacher, tokenizer, problems, how)


def sound(tokenizer, found: Answers) -> list[bool]:
    """Which answers are right, came to their end, and are read back as the tokens that were
    sampled."""
    ids = tokenizer(found.texts, add_special_tokens=False)["input_ids"]
    rows = zip(found.verdicts, found.ended, found.lengths, ids, strict=True)
    return [v.correct and ended and len(own) + 1 == n for v, ended, n, own in rows]


def lesson(found: Answers, kept: list[int], template: str) -> tuple[list[dict], dict]:
    """What is taught: these answers, and what it took to get them."""
    rows = [(found.problems[i], found.texts[i]) for i in kept]
    lines = [traces.group(p, text, tasks.prompt(p, template)) for p, text in rows]
    about = {"answers": len(found.texts), "right": int(found.correct.sum())}
    return lines, about | {"tokens": sum(found.lengths)}


def from_both(which: int):
    """Material: right answers of the large teacher (0) or of the small one (1), to the problems
    that both of them solve."""

    def material(model, tokenizer, pool: list, config: grpo.Config):
        teachers = (
            recorded(LARGE, config.seed, "rich"),
            recorded("distillation-rl", config.seed, "small", "trained-rl"),
        )
        both = [asked(*teacher, pool, config) for teacher in teachers]
        good = [sound(tokenizer, found) for found in both]
        return lesson(both[which], [i for i, ok in enumerate(zip(*good, strict=True)) if all(ok)],
                      config.template)  # fmt: skip

    return material


def from_half(right_only: bool):
    """Material: right answers of the half trained teacher, or as many as they come."""

    def material(model, tokenizer, pool: list, config: grpo.Config):
        found = asked(*recorded(HALF, config.seed, "rich"), pool, config)
        good = [i for i, ok in enumerate(sound(tokenizer, found)) if ok]
        kept = good if right_only else list(range(len(good)))
        return lesson(found, kept, config.template)

    return material


def from_hub(model, tokenizer, pool: list, config: grpo.Config):
    """Material: right answers of a larger model, to the prompts of the student."""
    weights = model.get_input_embeddings().weight
    teacher, words = models.load(HUB, weights.dtype, weights.device.type)
    found = asked(teacher, words, pool, config)
    return lesson(found, [i for i, ok in enumerate(sound(words, found)) if ok], config.template)


def worked(model, tokenizer, pool: list, config: grpo.Config):
    """Material: sums worked out by a program, each read once."""
    drawn = curriculum.uniform(pool, config.steps * config.prompts, config.seed, 1)
    rows = [(p, traces.sum_in_parts(p), tasks.prompt(p, config.template)) for p in drawn]
    about = {"answers": len(rows), "right": len(rows), "tokens": 0}
    return [traces.group(*row) for row in rows], about


def figure(run: Run) -> Figure:
    """Held-out problems: before, and after each stage."""
    stages = run.summary.get("stages", [{"name": "trained"} | run.summary["after"]])
    bars = [("base", run.summary["before"]), *((one["name"], one) for one in stages)]
    drawn, axis = plots.canvas()
    for x, (_, one) in enumerate(bars):
        low, high = (100 * bound for bound in one["ci95"])
        colour = plots.BLUE if x else plots.GREY
        axis.bar(x, 100 * one["accuracy"], color=colour, width=0.6)
        axis.errorbar(x, (low + high) / 2, (high - low) / 2, color="black", capsize=5)
    said = " → ".join(f"{100 * one['accuracy']:.0f}" for _, one in bars)
    axis.set_xticks(range(len(bars)), [name for name, _ in bars])
    axis.set(title=f"Right: {said} %", ylabel="right, %", ylim=(0, 102))
    axis.set_xlabel(f"n = {run.summary['n']} held-out problems, 95 % interval")
    plots.tidy(drawn)
    return drawn


def ahead_taught(one: str, other: str):
    """Evidence: how much more often the first stages of two arms are right."""

    def tables(arms: Arms) -> list[Table]:
        pairs = alike(arms(one), arms(other))
        return [[minus(*(right(first(run)) for run in pair)) for pair in pairs]]

    return tables


def first(run: Run) -> Run:
    """The run as if it ended with its first stage."""
    stages = run.summary.get("stages")
    return stage(run, stages[0]["name"]) if stages else run


def _traces(arms: Arms) -> list[Table]:  # D-01
    return [[gain(run) for run in arms("solver")], *ahead("solver", "solver-500")(arms)]


def _further(arms: Arms) -> list[Table]:  # D-03
    return [[minus(right(run), right(first(run))) for run in arms("from-large")]]


def _too_small(arms: Arms) -> list[Table]:  # T-02
    runs = [first(run) for run in arms("rl")]
    pairs = alike(arms("judge/rule"), runs)
    tries = [[-part(run, "after")["tries"]] for run in runs]
    return [[minus(gain(large), gain(small)) for large, small in pairs], tries]


def _ladder(arms: Arms) -> list[Table]:  # Z-10
    behind, _ = _too_small(arms)
    return [[[mean(row)] for row in behind], [[-value for value in gain(first(run))]
                                              for run in arms("rl")]]  # fmt: skip


def _taught(name: str, material: Callable, steps: int) -> Stage:
    """Imitation; the record knows what was taught by the stage's name."""
    return Stage("sft", name, material=material, settings={"steps": steps, "prompts": 16})


RL = Stage("grpo", "rl", settings={"steps": STEPS})
WORKED = Stage("sft", "worked", material=worked)
SUMS = {"preset": "smol", "max_new": 24}  # they have 18 to 21 tokens, the end included
AFTER = 12  # steps of reinforcement learning behind them, half of those of `zero/smol`
DISTILLATION = Experiment(
    name="distillation",
    lesson="06",
    section="DeepSeek-R1 2.4 and 4.1",
    about="a small student by reinforcement learning, and taught what larger ones say",
    arms=(
        Arm("rl", "small base: 60 steps of RL, then 160 more",
            (RL, Stage("grpo", "more", settings={"steps": MORE}))),
        Arm("from-large", "small base: right answers of the larger one, then RL",
            (_taught("large", from_both(0), TAUGHT), RL)),
        Arm("from-small", "small base: its own RL's right answers to the same problems",
            (_taught("small", from_both(1), TAUGHT),)),
        Arm("solver", "small base: 2,000 traces of a program",
            (_taught("solver-2000", taught(2000), ONCE),)),
        Arm("solver-500", "small base: 500 of them, four times",
            (_taught("solver-500", taught(500), ONCE),)),
        Arm("half-right", "small base: right answers of a half trained one",
            (_taught("half-right", from_half(True), ONCE),)),
        Arm("half-all", "small base: as many of its answers, unfiltered",
            (_taught("half-all", from_half(False), ONCE),)),
        Arm("no-search", "a base without a second try: 2,000 traces of a program",
            (_taught("solver-2000", taught(2000), TAUGHT),), {"base": "parts"}),
        Arm("from-hub", "on a card: right answers of Qwen2.5-3B, then RL",
            (_taught("hub", from_hub, TAUGHT), RL), seeds=()),
        Arm("smol", "SmolLM2-135M, sums: worked out by a program, then RL",
            (WORKED, Stage("grpo", "rl", settings={"steps": AFTER})), SUMS, (0, 1, 2)),
    ),
    measure=held_out,
    figure=figure,
    minutes={"cpu": {"quick": 5}, "smol": {"quick": 10}},
    on={"cpu": {"model": "small", "size": 3, "steps": STEPS, "prompts": 8, "max_new": 256,
                "lr": 1.5e-3}},
    evidence={
        "D-01": _traces, "D-02": ahead_taught("from-large", "rl"), "D-03": _further,
        "D-06": ahead_taught("from-large", "from-small"), "D-08": ahead("half-right", "half-all"),
        "T-02": _too_small, "Z-10": _ladder,
    },
)  # fmt: skip
EXPERIMENTS = (DISTILLATION,)
