"""`run process`: paid for steps. `run rerank`: a judge of steps chooses among finished answers
(DeepSeek-R1, 4.2). Trees are in `tree_search`.

`process` has the settings of `judge/rule`, which is its control: the same problems, rate and steps,
paid for the answer. Its arms pay for steps in three forms, by what a learned judge says of them and
by whether they are good, which is worked out; `values` gives each step credit by exact values.
"""

from collections.abc import Sequence
from math import prod
from statistics import fmean

from matplotlib.figure import Figure

from r1lab import evaluate, plots, prm, search, stats, steps, tasks
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, mean, minus, part, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import answers, numbers
from r1lab.running.settings import Plan
from r1lab.tiny_world import step_judges

GRPO = (Stage("grpo"),)
SHORT = {"size": 3, "steps": 60, "prompts": 8, "max_new": 256, "lr": 1.5e-3}
ROOM = 42  # steps of six tokens that an answer of 256 has room for: the most that their sum can be
THREE = (0, 1, 2)
OUTCOME = "judge/rule"
SIXTEEN = 16  # answers to choose from (F-02)


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems, one sample each, and what their steps are: their number, and the shares
    that are good and that lead somewhere new."""
    found = answers(model, tokenizer, problems, plan)
    read = [steps.read(p, text) for p, text in zip(problems, found.texts, strict=True)]
    every = [step for one in read for step in one]
    shares = {"good_steps": [s.good for s in every], "new_steps": [s.fresh for s in every]}
    shown = {name: mean(values) if values else None for name, values in shares.items()}
    return numbers(found) | {"steps": len(every) / len(read)} | shown


def process_figure(run: Run) -> Figure:
    """What is paid and the truth on two axes, and the steps of an answer."""
    metrics = [line for line in run.metrics if "reward" in line]
    drawn, (left, right_) = plots.canvas(2, height=3.4)
    at = [line["step"] for line in metrics]
    left.plot(at, [100 * line["accuracy"] for line in metrics], color=plots.BLUE)
    left.set(title="The truth", xlabel="step", ylabel="right, %", ylim=(0, 102))
    key = "reward_process" if "reward_process" in metrics[0] else "reward"
    right_.plot(at, [line[key] for line in metrics], color=plots.ORANGE)
    right_.set(title="What is paid", xlabel="step", ylabel="reward of an answer")
    plots.tidy(drawn)
    return drawn


def chosen(model, tokenizer, problems: list, plan: Plan) -> dict:
    """`samples` answers a problem; for each problem how often each way to choose is right, and how
    good the judges are, by the place of a step."""
    preset = plan.preset
    how = evaluate.Sampling(
        preset.template, preset.max_new, 10_000 + plan.seed, plan.own["samples"]
    )
    found = evaluate.answer(model, tokenizer, problems, how)
    texts = list(zip(found.repeated(), found.texts, strict=True))
    read = [steps.read(*text) for text in texts]
    ends = [[step.end for step in one] for one in read]
    said = {name: _said(name, texts, ends, preset.template) for name in ("exact", "rollouts")}
    last = [[len(text)] for text in found.texts]
    ways = {"outcome": [one[0] for one in _said("outcome", texts, last, preset.template)]}
    for name, each in said.items():
        ways |= {f"{name} {form}": list(map(put, each)) for form, put in FORMS.items()}
    marks = [step.good for one in read for step in one]
    ranked = {}
    for name, each in said.items():
        ranked[name] = _by_place(texts, read, [p for one in each for p in one], marks)
    return numbers(search.some(found, 0, 1)) | {
        "tokens": fmean(found.lengths), "chosen": _tables(found, ways), "judges": ranked,
    }  # fmt: skip


FORMS = {  # how the judge's probabilities of an answer's steps become one number
    "product": lambda each: prod(each) if each else 0.0,
    "min": lambda each: prm.paid("min", each),
    "mean": lambda each: fmean(each) if each else 0.0,
    "last": lambda each: prm.paid("difference", each),
}


def _said(name: str, texts: list, ends: list, template: str) -> list[list[float]]:
    prompts = [tasks.prompt(problem, template) for problem, _ in texts]
    return prm.scores(prm.load(name), prompts, [text for _, text in texts], ends)


def _by_place(texts: list, read: list, said: list[float], marks: list[bool]) -> dict:
    places = [step_judges.place(step, i, text) for (_, text), one in zip(texts, read, strict=True)
              for i, step in enumerate(one)]  # fmt: skip
    found = {}
    for key in ("all", *step_judges.PLACES):
        rows = [i for i, place in enumerate(places) if key in ("all", place)]
        found[key] = step_judges.ranked([said[i] for i in rows], [marks[i] for i in rows])
    return found


def _tables(found: evaluate.Answers, ways: dict[str, list[float]]) -> dict:
    """Way to choose -> k -> for each problem how often its choice from k answers is right; "chance"
    for one that is drawn, "any" where a free check finds a right one."""
    right_, K = found.correct, found.per_problem
    ks = [2**i for i in range(K.bit_length()) if 2**i <= K]
    tables = {
        "chance": {k: right_.mean(1).tolist() for k in ks},
        "any": {k: [stats.pass_at_k(K, int(c), k) for c in right_.sum(1)] for k in ks},
    }
    for name, scores in ways.items():
        rows = [scores[i * K : (i + 1) * K] for i in range(len(right_))]
        tables[name] = {
            k: [search.best_of(*pair, k) for pair in zip(right_, rows, strict=True)] for k in ks
        }
    return {way: {str(k): [round(float(v), 4) for v in values] for k, values in at.items()}
            for way, at in tables.items()}  # fmt: skip


def rerank_figure(run: Run) -> Figure:
    """How often the choice is right, over the number of answers."""
    drawn, axis = plots.canvas(height=3.6, width=6.0)
    curves(axis, [run])
    axis.legend(fontsize=8, ncols=2)
    plots.tidy(drawn)
    return drawn


WAYS = {  # way to choose -> name in a figure, colour, line
    "any": ("a free check", plots.GREY, "-"), "outcome": ("judge of outcomes", plots.GREEN, "-"),
    "exact product": ("judge of steps, product", plots.BLUE, "-"),
    "exact min": ("min", plots.BLUE, "--"), "exact last": ("last step", plots.BLUE, ":"),
    "rollouts product": ("labels from rollouts, product", plots.ORANGE, "-"),
    "chance": ("chance", "black", ":"),
}  # fmt: skip


def curves(axis, runs: Sequence[Run]) -> None:
    """Each way to choose over k, mean over runs and problems."""
    for way, (name, colour, line) in WAYS.items():
        rows = [run.summary["measured"]["chosen"][way] for run in runs]
        ks = sorted(map(int, rows[0]))  # in the record they stand as words: 1, 16, 2
        values = [100 * fmean(fmean(row[str(k)]) for row in rows) for k in ks]
        axis.plot(ks, values, color=colour, linestyle=line, marker=".", label=name)
    axis.set_xscale("log", base=2)
    axis.set(xlabel="answers to choose from, k", ylabel="right, %", ylim=(0, 100))


def risen(run: Run, key: str, most: float) -> float:
    """By how much a mean reward was higher in the last five steps than in the first five, percent
    of the most that it can be."""
    curve = [line[key] for line in run.metrics if key in line]
    return 100 * (mean(curve[-5:]) - mean(curve[:5])) / most


def _hacked(arms: Arms) -> list[Table]:  # F-01
    pairs = alike(arms(OUTCOME), arms("sum"))
    behind = [minus(right(a), right(b)) for a, b in pairs]
    return [behind, [[risen(run, "reward_process", ROOM)] for run in arms("sum")]]


def _best(runs: Sequence[Run]) -> float:
    return max(mean(right(run)) for run in runs)


def _chooses(arms: Arms) -> list[Table]:  # F-02
    k, gains = str(SIXTEEN), []
    for run in arms("rerank/base"):
        by = part(run, "after")["chosen"]
        pairs = zip(by["exact last"][k], by["chance"][k], strict=True)
        gains.append([100 * (a - b) for a, b in pairs])
    rows = alike(arms(OUTCOME), *map(arms, ("sum", "min", "difference")))
    return [gains, [[mean(right(outcome)) - _best(others)] for outcome, *others in rows]]


def _given_up(run: Run) -> float:
    return max(0.0, part(run, "after")["tries"] - 1)


def _detours(arms: Arms) -> list[Table]:  # K-06
    pairs = alike(arms(OUTCOME), arms("values"))
    fewer, apart = [], []
    for outcome, values in pairs:
        a, b = _given_up(outcome), _given_up(values)
        fewer.append([100 * (a - b) / max(a, b, 1e-9)])
        apart.append([-abs(mean(right(outcome)) - mean(right(values)))])
    return [fewer, apart]


def _plainest(arms: Arms) -> list[Table]:  # S-01
    other = alike(*map(arms, ("losses/group-mean", OUTCOME, "losses/ppo-0.95")))
    own = alike(*map(arms, (OUTCOME, "sum", "min", "difference", "rounds/search")))
    leads = [{run[0].config["seed"]: mean(right(run[0])) - _best(run[1:]) for run in rows}
             for rows in (other, own)]  # fmt: skip
    return [[[min(leads[0][s], leads[1][s])] for s in sorted(leads[0].keys() & leads[1].keys())]]


PROCESS = Experiment(
    name="process",
    lesson="07",
    section="DeepSeek-R1 4.2",
    about="reinforcement learning that pays for steps, by a learned judge and by exact labels",
    arms=(
        Arm("sum", "three numbers: the sum over steps, learned judge", GRPO,
            {"reward": "steps-sum"}),
        Arm("difference", "three numbers: the last step, learned judge", GRPO,
            {"reward": "steps-difference"}, THREE),
        Arm("exact-sum", "three numbers: the sum over steps, exact", GRPO,
            {"reward": "exact-sum"}, THREE),
        Arm("values", "three numbers: credit by exact values", GRPO, {"credit": "reachable"},
            THREE),
        Arm("min", "three numbers: the worst step, learned judge", GRPO, {"reward": "steps-min"},
            THREE),
        Arm("exact-min", "three numbers: the worst step, exact", GRPO, {"reward": "exact-min"},
            THREE),
    ),
    measure=measure,
    figure=process_figure,
    minutes={"cpu": {"quick": 4}},
    on={"cpu": SHORT},
    evidence={"F-01": _hacked, "F-02": _chooses, "K-06": _detours, "S-01": _plainest},
)  # fmt: skip
RERANK = Experiment(
    name="rerank",
    lesson="07",
    section="DeepSeek-R1 4.2",
    about="the best of n answers by a judge of steps, a judge of outcomes, chance, a free check",
    arms=(Arm("base", "rerank: four numbers, the base"),),
    measure=chosen,
    figure=rerank_figure,
    minutes={"cpu": {"quick": 2}},
    on={"cpu": {"size": 4, "max_new": 256, "eval_problems": 64}},
    settings={"samples": 32},
)
EXPERIMENTS = (PROCESS, RERANK)
