"""`run long2short`: four ways from a long thinker to a short one (Kimi k1.5, 2.4).

The long parent is the recorded `run habits` of the same seed, which searches in order until
something fits. The short parent is its base, which guesses. Beside each way stand two that train
nothing: a coin, which asks the long parent in a share of all cases and the short one in the others,
and the long parent cut off at some length.

`smol` is a real language model, made long by lesson 06's worked sums and then paid for brevity.
Its control is that lesson's own `smol`: the same sums, the same steps, paid for being right alone.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from r1lab import curriculum, evaluate, front, grpo, length, models, plots, stats, tasks
from r1lab.experiments.distillation import AFTER, SUMS, WORKED
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, mean, minus, of_larger, part, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import numbers
from r1lab.running.settings import Plan

LONG = "habits-rule-s{seed}"
ALPHAS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0)  # shares of the long parent
STEPS, ASKED, EIGHT = 45, 200, 8  # steps; problems with so many answers each, chosen from
PAIRS = 2  # a problem, of DPO
CUT = 160  # tokens of a completion in the second round of RL; the long parent has 600
PAID = "length-1"  # in it


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems, one sample each under the cap of the run, whatever a stage's own is, and
    the tokens of each; where runs are merged the same at each of `ALPHAS`, of which the last is the
    long parent."""
    if not plan.own["of"]:
        return told(model, tokenizer, problems, plan)
    path = [
        {"alpha": alpha}
        | told(merged(plan.own["of"], alpha, plan), tokenizer, problems, plan)
        for alpha in ALPHAS
    ]  # fmt: skip
    return path[-1] | {"path": path}


def merged(of: str, alpha: float, plan: Plan):
    """The base plus alpha times what the run learnt: (1 - alpha) of the short parent's weights and
    alpha of the long one's."""
    with tempfile.TemporaryDirectory() as place:
        models.merge([(models.of_run(of, plan.seed), alpha)], Path(place))
        return models.load_trained(Path(place), plan.preset.model)[0]


def told(model, tokenizer, problems: list, plan: Plan) -> dict:
    """`running.measure.numbers`, and the tokens of each answer."""
    how = evaluate.Sampling(plan.preset.template, plan.preset.max_new, 10_000 + plan.seed)
    found = evaluate.answer(model, tokenizer, problems, how)
    return numbers(found) | {"lengths": found.lengths}


def asked(model, tokenizer, pool: list, config: grpo.Config):
    """For each of `ASKED` problems: the problem, eight answers, their tokens, and which are right
    and whole; and what it took: about the tokens that the second round of RL samples."""
    problems = curriculum.uniform(pool, ASKED, config.seed, 1)
    how = evaluate.Sampling(config.template, config.max_new, 1_000_003 * config.seed, EIGHT)
    found = evaluate.answer(model, tokenizer, problems, how)
    whole = [v.correct and ended for v, ended in zip(found.verdicts, found.ended, strict=True)]
    parts = [found.texts, found.lengths, whole]
    groups = [[part[i : i + EIGHT] for part in parts] for i in range(0, len(whole), EIGHT)]
    about = {"answers": len(whole), "right": sum(whole), "tokens": sum(found.lengths)}
    return list(zip(problems, groups, strict=True)), about


def shortest(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
    """Material of shortest rejection sampling: of eight answers the shortest right one."""
    return _picked(length.shortest_right, model, tokenizer, pool, config)


def first(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
    """Its control: the first right one of the eight, long or short as it comes."""
    return _picked(
        lambda _, whole: whole.index(True) if any(whole) else None, model, tokenizer, pool, config
    )


def _picked(pick: Callable, model, tokenizer, pool: list, config) -> tuple[list[dict], dict]:
    groups, about = asked(model, tokenizer, pool, config)
    lines = []
    for problem, (texts, lengths, whole) in groups:
        place = pick(lengths, whole)
        if place is not None:
            lines.append(_line(problem, config, [texts[place]], {"accuracy": [1.0]}))
    return lines, about


def pairs(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
    """Material of DPO: `length.length_pairs` of eight answers, at most `PAIRS` of them a problem,
    drawn at random, so that no problem outweighs the others."""
    groups, about = asked(model, tokenizer, pool, config)
    rng, lines = random.Random(f"pairs-{config.seed}"), []
    for problem, (texts, lengths, whole) in groups:
        found = length.length_pairs(lengths, whole)
        if found:
            taken = rng.sample(found, min(PAIRS, len(found)))
            places = [taken[0][0], *(worse for _, worse in taken)]
            marks = {"accuracy": [float(whole[i]) for i in places]}
            marks["preferred"] = [1.0] + [0.0] * len(taken)
            lines.append(_line(problem, config, [texts[i] for i in places], marks))
    return lines, about


def _line(problem, config: grpo.Config, texts: list[str], marks: dict) -> dict:
    return {
        "step": 0, "task": problem.task, "numbers": list(problem.numbers),
        "target": problem.target, "prompt": tasks.prompt(problem, config.template),
        "completions": texts, "rewards": marks,
    }  # fmt: skip


def point(run: Run, when: str = "after") -> front.Point:
    """Mean tokens, and 100 for each held-out problem that was right, 0 for each other one."""
    return part(run, when)["length"], right(run, when)


def on_path(run: Run) -> dict[float, front.Point]:
    """The points of a run that was merged, by alpha: at 0 the short parent, at 1 the long one."""
    digits = [[100.0 * int(d) for d in one["right"]] for one in part(run, "after")["path"]]
    steps = part(run, "after")["path"]
    return {one["alpha"]: (one["length"], row) for one, row in zip(steps, digits, strict=True)}


def cut_off(long: dict, most: int) -> front.Point:
    """What is left of the long parent's measured answers when each is cut off after so many tokens
    of it: those that were right and shorter stay right."""
    digits = zip(long["right"], long["lengths"], strict=True)
    kept = [100.0 * (digit == "1" and n <= most) for digit, n in digits]
    return mean([min(n, most) for n in long["lengths"]]), kept


def above(run: Run, short: front.Point, long: front.Point) -> list[float]:
    """By how many points a way lies above the coin between its parents, problem by problem."""
    tokens, found = point(run)
    return minus(found, front.coin(tokens, short, long))


def above_cut(run: Run, long: dict) -> list[float]:
    """By how many points a way lies above the long parent's answers cut off where they take, to
    within a token, as many tokens; problem by problem."""
    tokens, found = point(run)
    cuts = [cut_off(long, most) for most in range(max(long["lengths"]) + 1)]
    nearest = min(cuts, key=lambda one: abs(one[0] - tokens))
    return minus(found, nearest[1])


def beside(runs: list[Run], merges: list[Run]) -> list[tuple]:
    """Of each seed: the run, its short parent and its long one as points, and what was measured of
    the long one's answers."""
    known = [(run, on_path(other), part(other, "after")) for run, other in alike(runs, merges)]
    return [(run, path[0.0], path[1.0], all_["path"][-1]) for run, path, all_ in known]


def _roads(arms: Arms) -> list[Table]:  # K-16
    others, saved = [], []
    for rl, *rest, path in alike(*(arms(name) for name in ("rl", "dpo", "shortest", "merge"))):
        tokens, found = point(rl)
        known = [*map(point, rest), *on_path(path).values()]
        others.append(minus(found, front.within(tokens, known)))
        long = on_path(path)[1.0][0]
        saved.append([of_larger(long, tokens)])
    return [others, saved]


def plane(axis, merges: list[Run], ways: dict[str, list[Run]], colours: dict[str, str]) -> None:
    """Accuracy over tokens: what trains nothing as lines (a coin, a cut, the paths of merging), a
    dot a seed of every way, and their mean with its 95 % interval over the seeds."""
    nothing(axis, merges)
    for way, runs in ways.items():
        rows = [(tokens, mean(values)) for tokens, values in map(point, runs)]
        if len(rows) < 2:
            continue
        axis.plot(*zip(*rows, strict=True), ".", color=colours[way], markersize=5)
        (x, wide), (y, high) = (_interval(column) for column in zip(*rows, strict=True))
        axis.errorbar(x, y, high, wide, "o", color=colours[way], capsize=3, label=way)
    axis.legend(fontsize=8, loc="lower right")


def nothing(axis, merges: list[Run]) -> None:
    """What trains nothing, means over seeds: a coin between the parents, the long parent cut off,
    and the path of merging."""
    if not merges:
        return
    longs = [part(run, "after")["path"][-1] for run in merges]
    cuts = [[cut_off(long, most) for long in longs] for most in range(0, 601, 20)]
    steps = [[on_path(run)[alpha] for run in merges] for alpha in ALPHAS]
    lines = {"a coin": [steps[0], steps[-1]], "cut off": cuts, "merged": steps}
    for (name, points), style in zip(lines.items(), ("--", ":", ".-"), strict=True):
        rows = [(mean([p[0] for p in at]), mean([mean(p[1]) for p in at])) for at in points]
        axis.plot(*zip(*rows, strict=True), style, color=plots.GREY, label=name)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean and half its 95 % interval over seeds (Student's t)."""
    middle, n = mean(values), len(values)
    spread = (sum((v - middle) ** 2 for v in values) / (n - 1)) ** 0.5
    return middle, stats.student_t(n - 1) * spread / n**0.5


def figure(run: Run):
    """Accuracy over tokens: the whole path of a merge; or the short parent and where a way ends."""
    drawn, axis = plots.canvas(width=5.4)
    if "measured" in run.summary:
        path = list(on_path(run).values())
        rows = [(tokens, mean(values)) for tokens, values in path]
        axis.plot(*zip(*rows, strict=True), "o-", color=plots.BLUE)
        (a, low), *_, (b, high) = rows
        axis.plot([a, b], [low, high], "--", color=plots.GREY, label="a coin between the parents")
        axis.legend(fontsize=8)
    else:
        for when, style in (("before", {"markerfacecolor": "white"}), ("after", {})):
            tokens, values = point(run, when)
            axis.plot(tokens, mean(values), "o", color=plots.BLUE, **style)
    axis.set(title="From long to short", xlabel="mean tokens", ylabel="right, %", ylim=(0, 100))
    plots.write_below(drawn, "Held-out problems. Hollow: the base.")
    plots.tidy(drawn)
    return drawn


def _arm(name: str, words: str, method: str, material: Callable | None = None, **more) -> Arm:
    """A way that begins at the long parent."""
    rate = 0.1 if method == "dpo" else 1.0  # at twice that it went to pieces (a trial)
    called = name if name == "first" else method  # a material is known by its stage's name
    stage = Stage(method, called, LONG, rate, more, material)
    return Arm(name, f"long to short: {words}", (stage,))


# Kimi's loss divides by no deviation: divided by it, the weight of the length would mean nothing
# where a whole group is right
SHORT = {"reward": PAID, "max_new": CUT, "scale": "none"}
BOTH = (Stage("sft", "shortest", LONG, material=shortest), Stage("grpo", "rl", settings=SHORT))
WHOLE = (Stage("grpo", "long"), Stage("grpo", "short", settings=SHORT))
BRIEF = {"steps": AFTER, "reward": PAID, "scale": "none"}
EXPERIMENTS = (
    Experiment(
        name="long2short",
        lesson="09",
        section="Kimi k1.5 2.4",
        about="four ways from a long thinker to a short one, from the same two parents",
        arms=(
            _arm("rl", "RL with a length reward and a cut cap", "grpo", **SHORT),
            Arm("merge", "long to short: weights merged", (), {"of": LONG}),
            _arm("shortest", "SFT on the shortest right of 8", "sft", shortest),
            _arm("dpo", "DPO on pairs by length", "dpo", pairs),
            _arm("first", "SFT on the first right of 8", "sft", first),
            Arm("both", "long to short: the shortest right of 8, then RL", BOTH),
            Arm("whole", "the base: RL, then RL for short answers", WHOLE),
            Arm("smol", "SmolLM2-135M, sums: worked out, then RL for short answers",
                (WORKED, Stage("grpo", "rl", settings=BRIEF)), SUMS, (0,)),
        ),
        measure=measure,
        figure=figure,
        evidence={"K-16": _roads},
        minutes={"cpu": {"quick": 2}, "smol": {"quick": 10}},
        on={"cpu": {"size": 3, "prompts": 8, "steps": STEPS, "max_new": 600, "lr": 1.5e-3,
                    "eval_problems": 256}, "gpu24": {"size": 3}},
        settings={"of": ""},
    ),
)  # fmt: skip
