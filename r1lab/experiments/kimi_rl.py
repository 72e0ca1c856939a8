"""`run kimi`: what Kimi k1.5 does differently, one choice an arm (2.1 to 2.3, 2.6, 3.5).

Three numbers, 80 problems to train on, each drawn about twice. The first arm is Kimi's update
(`losses.PUBLISHED["kimi"]`), four optimizer steps a rollout; each other arm changes one thing of
it: the update, its temperature, the normaliser, what it learns from, which problems come next, what
is paid for length, how completions are sampled. Held-out accuracy is measured on the way, because
draws and lengths make a step worth more or fewer tokens.
"""

from itertools import accumulate

import numpy as np
from matplotlib.figure import Figure

from r1lab import evaluate, plots
from r1lab.evaluate import Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, ahead, alike, mean, minus, of_larger, part, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.running.settings import Plan

GRPO = (Stage("grpo"),)
STEPS, EARLY = 20, 10  # of a run; of it before the length reward of `length-late`
HELD_OUT = 512  # problems
ANSWERS = 64  # completions that a step learns from
EVERY, WATCHED = 4, 96  # steps between measurements on the way; problems of one
KIMI = {"updates": 4, "loss": "kimi", "scale": "none", "tau": 0.1}
SHORT = "length-1"  # a name of `rewards.reward_set`


def along(model, tokenizer, problems: list, plan: Plan, step: int) -> dict:
    """Every `EVERY` steps: how many of the first `WATCHED` held-out problems are right, one sample
    each, the same random numbers in all arms of a seed."""
    if step % EVERY:
        return {}
    asked = problems[:WATCHED]
    how = Sampling(plan.preset.template, plan.preset.max_new, 60_000 + plan.seed)
    found = evaluate.answer(model, tokenizer, asked, how)
    return {"held_out": float(found.correct.mean())}


def curve(run: Run) -> list[tuple[int, int, float]]:
    """(step, tokens sampled and learnt from so far, accuracy in percent) from step 0 on, over the
    first `WATCHED` held-out problems: they may be easier than all, so all points are of them."""
    spent = accumulate(line["tokens"] + line["update_tokens"] for line in run.metrics)
    ends = [100 * mean([d == "1" for d in part(run, when)["right"][:WATCHED]])
            for when in ("before", "after")]  # fmt: skip
    rows = [(0, 0, ends[0])]
    for line, cost in zip(run.metrics, spent, strict=True):
        last = line is run.metrics[-1]
        if last or "held_out" in line:
            rows.append((line["step"], cost, ends[1] if last else 100 * line["held_out"]))
    return rows


def at_cost(run: Run, cost: float) -> float:
    """Held-out accuracy in percent when so many tokens were spent, on the straight lines between
    what was measured."""
    _, costs, accuracies = zip(*curve(run), strict=True)
    return float(np.interp(cost, costs, accuracies))


def reached(run: Run, wanted: float) -> float:
    """The step at which held-out accuracy comes to `wanted` percent, on the straight lines between
    what was measured; one more than all where it never does."""
    rows = curve(run)
    for (s0, _, a0), (s1, _, a1) in zip(rows, rows[1:], strict=False):
        if a1 >= wanted:
            return s0 + (s1 - s0) * max(0.0, (wanted - a0) / (a1 - a0)) if a1 > a0 else float(s0)
    return rows[-1][0] + 1.0


def equal_cost(one: Run, other: Run) -> float:
    """By how many points `one` is ahead when both have spent what the cheaper one spent: what all
    held-out problems say at the end, less what the curve says was won since then."""
    budget = min(curve(run)[-1][1] for run in (one, other))
    since = [curve(run)[-1][2] - at_cost(run, budget) for run in (one, other)]
    ends = [100 * part(run, "after")["accuracy"] for run in (one, other)]
    return (ends[0] - since[0]) - (ends[1] - since[1])


def saved(arms: Arms, name: str, control: str = "kimi") -> Table:
    """Steps that an arm saves until half of the control's final accuracy is reached, percent of the
    larger number."""
    found = []
    for one, plain in alike(arms(name), arms(control)):
        half = part(plain, "after")["accuracy"] * 50
        a, b = reached(one, half), reached(plain, half)
        found.append([of_larger(b, a)])
    return found


def useful(run: Run) -> float:
    """Tokens one after the other for a token that is learnt from: what a rollout's time goes by
    where a decode step takes the same time for one row and for many."""
    return sum(line.get("decode_steps", line["longest"]) for line in run.metrics) / _learnt(run)


def twice_as_many(run: Run) -> float:
    """What `useful` would be if the whole answers of two rollouts were sampled at once, each pair
    of rollouts learnt from after the longest of both."""
    pairs = zip(run.metrics[::2], run.metrics[1::2], strict=True)
    return sum(max(one["longest"], other["longest"]) for one, other in pairs) / _learnt(run)


def _learnt(run: Run) -> float:
    """Tokens that a run learns from."""
    return sum(ANSWERS * line["length"] for line in run.metrics)


def _curriculum(arms: Arms) -> list[Table]:  # K-10
    pairs = alike(arms("curriculum"), arms("kimi"))
    return [[[equal_cost(*pair)] for pair in pairs]]


def _shorter(arms: Arms) -> list[Table]:  # K-07
    pairs = alike(arms("length"), arms("kimi"))
    tokens = [[of_larger(*(part(run, "after")["length"] for run in pair[::-1]))] for pair in pairs]
    return [tokens, [minus(right(a), right(b)) for a, b in pairs]]


def _late(arms: Arms) -> list[Table]:  # K-08
    pairs = alike(arms("length-late"), arms("length"))
    first = [[run.summary["stages"][0] for run in pair] for pair in pairs]
    digits = [[[100.0 * int(d) for d in one["right"]] for one in pair] for pair in first]
    ends = [[part(run, "after")["length"] for run in pair] for pair in pairs]
    return [[minus(*pair) for pair in digits], [[-abs(of_larger(*pair))] for pair in ends]]


def _pieces(arms: Arms) -> list[Table]:  # K-18
    pairs = alike(arms("partial"), arms("kimi"))
    time = [[of_larger(useful(b), useful(a))] for a, b in pairs]
    return [time, [minus(right(a), right(b)) for a, b in pairs]]


def figure(run: Run) -> Figure:
    """Held-out accuracy over the tokens spent so far, and the length of the answers."""
    drawn, (left, right_) = plots.canvas(2)
    _, costs, accuracies = zip(*curve(run), strict=True)
    left.plot(np.array(costs) / 1000, accuracies, color=plots.BLUE, marker="o")
    left.set(title=f"Right: {accuracies[0]:.0f} → {accuracies[-1]:.0f} %", ylabel="held out, %")
    left.set(xlabel="thousand tokens, sampled and learnt from", ylim=(0, 100))
    steps = [line["step"] for line in run.metrics]
    right_.plot(steps, [line["length"] for line in run.metrics], color=plots.ORANGE)
    right_.set(title="Length of a step's answers", xlabel="step", ylabel="tokens")
    right_.set_ylim(bottom=0)
    plots.whole_steps(right_)
    plots.tidy(drawn)
    return drawn


def compare(runs: dict[str, list[Run]], shown: dict[str, tuple[str, str]], key: str) -> Figure:
    """Arms beside each other, a thin line and a mark a seed. shown: arm -> name and colour. key: of
    the metrics, over the steps; "held_out": `curve`, over the tokens spent. Right: the end, held
    out."""
    drawn, (left, ends) = plots.canvas(2)
    for x, (arm, (name, colour)) in enumerate(shown.items()):
        for i, run in enumerate(runs[arm]):
            if key == "held_out":
                _, costs, values = zip(*curve(run), strict=True)
                points = np.array(costs) / 1000, values
            else:
                values = plots.smooth([line[key] for line in run.metrics], 3)[0]
                points = range(1, len(values) + 1), values
            left.plot(*points, color=colour, linewidth=1, label=None if i else name)
        found = [100 * part(run, "after")["accuracy"] for run in runs[arm]]
        ends.plot([x] * len(found), found, "o", color=colour, alpha=0.7)
    ends.set_xticks(range(len(shown)), [name.replace(" ", "\n") for name, _ in shown.values()])
    ends.set(title="In the end", ylabel=f"held out, %, n = {HELD_OUT}")
    ends.set(xlim=(-0.5, len(shown) - 0.5), ylim=(0, 100))
    left.set_xlabel("thousand tokens, sampled and learnt from" if key == "held_out" else "step")
    if left.lines:
        left.legend(fontsize=8)
    plots.tidy(drawn)
    return drawn


def _arm(name: str, label: str, stages=GRPO, **settings) -> Arm:
    return Arm(name, f"Kimi's RL: {label}", stages, KIMI | settings)


def _stages(first: str, rest: str = SHORT) -> tuple[Stage, ...]:
    """`EARLY` steps under a reward, the rest under another, with a fresh optimizer. The arms that
    are compared have that seam, so that it does not tell them apart."""
    early = Stage("grpo", "early", settings={"steps": EARLY, "reward": first})
    return early, Stage("grpo", "rest", settings={"steps": STEPS - EARLY, "reward": rest})


def _weight(weight: str) -> Arm:
    """A length reward of that weight from the start; with 0 all that is left is the seam."""
    name = f"length-{weight}"
    label = f"Kimi's RL: length reward from the start, weight {weight}"
    return Arm(name, label, _stages(name, name), KIMI, seeds=(0, 1, 2))


KIMI_RL = Experiment(
    name="kimi",
    lesson="08",
    section="k1.5 2.1-2.3, 2.6, 3.5",
    about="Kimi's update, draws of problems, length reward and partial rollouts, one an arm",
    arms=(
        _arm("kimi", "its update, tau 0.1"),
        Arm("grpo", "Kimi's RL: GRPO in the place of its update", GRPO, {"updates": 4}),
        _arm("better-only", "learns from better answers only", learn_from="better"),
        _arm("worse-only", "learns from worse answers only", learn_from="worse"),
        _arm("reset", "a fresh optimizer for each rollout", fresh_optimizer=True),
        _arm("exact", "the exact normaliser", baseline="normaliser"),
        _arm("tau-0.01", "tau 0.01", tau=0.01),
        _arm("tau-1", "tau 1", tau=1.0),
        _arm("failures", "problems drawn by failure rate", draw="failures"),
        _arm("curriculum", "hard problems alone from step 12 on", draw="curriculum"),
        _arm("dynamic", "mixed groups alone", draw="dynamic"),
        _arm("length", "length reward from the start", _stages(SHORT)),
        _arm("length-late", "length reward from step 11 on", _stages("rule")),
        _arm("partial", "128 tokens at a time", piece=128),
        _arm("balanced", "problems drawn by s (1 - s)", draw="balanced"),
        _arm("middle", "problems of middle difficulty alone", draw="middle"),
        _arm("groups-16", "4 problems, 16 answers each", prompts=4, group=16, updates=2),
        _arm("groups-32", "2 problems, 32 answers each", prompts=2, group=32, updates=2),
        *map(_weight, ("0", "0.1", "0.5")),
        Arm("smol", "SmolLM2-135M, sums: Kimi's update", GRPO, KIMI | {"preset": "smol"}, (0,)),
    ),
    measure=held_out,
    along=along,
    figure=figure,
    minutes={"cpu": {"quick": 2}, "smol": {"quick": 10}},
    on={"cpu": {"size": 3, "steps": STEPS, "prompts": 8, "max_new": 256, "lr": 1.5e-3,
                "train_problems": 80}, "gpu24": {"size": 3}},
    evidence={
        "K-04": ahead("kimi", "grpo"), "K-05": ahead("kimi", "exact"),
        "K-15": ahead("kimi", "better-only"), "K-10": _curriculum,
        "K-11": lambda arms: [saved(arms, "failures")],
        "X-07": lambda arms: [saved(arms, "dynamic")],
        "K-01": lambda arms: [saved(arms, "middle")],
        "G-10": ahead("groups-16", "groups-32"),
        "K-07": _shorter, "K-08": _late, "K-18": _pieces,
    },
)  # fmt: skip
EXPERIMENTS = (KIMI_RL,)
