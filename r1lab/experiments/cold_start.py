"""`run cold`: worked examples before reinforcement learning, and R1's four stages as one line of
models (DeepSeek-R1, 2.3).

Half of the problems are posed in Chinese; all worked examples are in English. `zero` has none and
is R1-Zero; `cold-N` is taught N of them first. `lineage` goes on: reinforcement learning with a
reward for the language, the base taught the right answers of that model, reinforcement learning
with a mixed reward. `none`, `right`, `wrong`, `empty`: a base that never tries again, and what
primes it.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

from matplotlib.figure import Figure

from r1lab import curriculum, evaluate, grpo, readability, tasks
from r1lab.experiments import habits
from r1lab.records import Run
from r1lab.running.evidence import (
    Arms,
    Table,
    ahead,
    alike,
    mean,
    minus,
    of_larger,
    part,
    right,
    share,
)
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import answers, numbers
from r1lab.running.settings import Plan
from r1lab.tiny_world import corpus, traces

STEPS = 45  # of reinforcement learning in every arm
PRIMING = 64  # steps of imitation on 50 examples
ASKED = 800  # problems of the rejection sampling
WATCHED = Stage("grpo", settings={"reward": "watched"})
PLAIN = {"en": corpus.Knobs(chinese=0.0, mixed=0.0), "zh": corpus.Knobs(chinese=1.0, mixed=0.0)}
UNREAD = 900_001  # seed of world text that no base has read


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems in the two languages, one sample each; a digit an answer for `readable` and
    `summed_up`; the share of words in the prompt's language, in all and by language; accuracy on
    the other tasks and the loss on plain text, in nats a token, where the tiny world has them."""
    found = answers(model, tokenizer, problems, plan)
    asked = [tasks.prompt(p, plan.sampling.template) for p in problems]
    rows = list(zip(problems, asked, found.texts, strict=True))
    spoken = [readability.asked_in(prompt) for prompt in asked]
    shares = [readability.language_share(row[2], s) for row, s in zip(rows, spoken, strict=True)]
    kept = {"language": [s for s in shares if s is not None]}
    for one in ("en", "zh"):
        pairs = zip(shares, spoken, strict=True)
        kept[f"language_{one}"] = [s for s, of in pairs if of == one and s is not None]
    digits = {
        "readable": [readability.readable(*row) for row in rows],
        "summed_up": [readability.summed_up(row[2]) for row in rows],
    }
    others = {}
    if plan.sampling.template == "tiny-both":
        others["tasks"] = _others(model, tokenizer, plan)
        others["text_loss"] = _forgotten(model, tokenizer)
    return (
        numbers(found)
        | {key: mean(values) if values else None for key, values in kept.items()}
        | {"worded": len(kept["language"]) / len(rows)}
        | {key: "".join(str(int(d)) for d in values) for key, values in digits.items()}
        | others
    )


def _others(model, tokenizer, plan: Plan) -> dict[str, float]:
    """Accuracy on what no stage of reinforcement learning asks."""
    n, how = plan.preset.eval_problems // 2, evaluate.Sampling("tiny", 256, 20_000 + plan.seed)
    asked = {
        "four numbers": tasks.problems("countdown", n, 0, "test", 4),
        "products": tasks.problems("multiplication", min(n, 256), 0, "test", 2),
    }
    return {
        name: float(evaluate.answer(model, tokenizer, problems, how).correct.mean())
        for name, problems in asked.items()
    }


def plain_texts(language: str, n: int) -> list[str]:
    """n texts of the world in "en" or "zh" that no base has read."""
    return list(islice(corpus.texts(UNREAD, PLAIN[language]), n))


def _forgotten(model, tokenizer) -> dict[str, float]:
    """Nats a token on plain texts in each language: what rises has been forgotten."""
    return {name: evaluate.text_loss(model, tokenizer, plain_texts(name, 128)) for name in PLAIN}


def taught(n: int, kind: str = "right") -> Callable:
    """Material: n worked examples of a kind (`traces.KINDS`), other ones for each seed."""

    def material(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
        template = config.template.removesuffix("-both")  # all examples are in English
        found = traces.examples(n, config.seed, kind, template)
        return found, {"answers": n, "right": 0 if kind == "wrong" else n, "tokens": 0}

    return material


def rejected(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
    """Rejection sampling (DeepSeek-R1, 2.3.3): the model's own answers that are right and readable,
    one a problem, and one product beside three of them, as R1 took 200,000 others to 600,000."""
    asked = curriculum.uniform(pool, ASKED, config.seed, 1)
    how = evaluate.Sampling(config.template, config.max_new, 1_000_003 * config.seed)
    found = evaluate.answer(model, tokenizer, asked, how)
    lines = []
    for problem, text, verdict in zip(asked, found.texts, found.verdicts, strict=True):
        prompt = tasks.prompt(problem, config.template)
        if verdict.correct and readability.readable(problem, prompt, text):
            lines.append(traces.group(problem, text, prompt))
    others = traces.products(len(lines) // 3, config.seed, config.template)
    lines = random.Random(config.seed).sample(lines + others, len(lines) + len(others))
    right = int(found.correct.sum())
    return lines, {"answers": len(asked), "right": right, "tokens": sum(found.lengths)}


def _cold(n: int, steps: int, kind: str = "right", name: str = "taught") -> Stage:
    return Stage("sft", name, material=taught(n, kind), settings={"steps": steps, "prompts": 16})


def _primed(kind: str, words: str) -> Arm:
    stages = _cold(50, PRIMING, kind, name=kind), WATCHED  # the record knows a kind by this name
    return Arm(kind, f"no second try: {words}", stages, {"base": "parts"})


def figure(run: Run) -> Figure:
    """Ways of thinking, accuracy and length over the steps of reinforcement learning."""
    return habits.figure(replace(run, metrics=[m for m in run.metrics if "reward" in m]))


def stage(run: Run, name: str) -> Run:
    """The run as if it ended with one of its stages: what was measured then is its "after"."""
    (found,) = (part for part in run.summary["stages"] if part["name"] == name)
    return replace(run, summary=run.summary | {"after": found})


def digits(run: Run, key: str, when: str = "after") -> list[float]:
    """100 or 0 for each held-out answer, of `readable` or `summed_up`."""
    return [100.0 * int(digit) for digit in part(run, when)[key]]


def reached(run: Run, wanted: float) -> int:
    """The first step of reinforcement learning from which on, over five steps, the accuracy is at
    least `wanted`; one more than all where that never happens."""
    curve = [line["accuracy"] for line in run.metrics if "reward" in line]
    means = [mean(curve[i : i + 5]) for i in range(len(curve) - 4)]
    return next((i + 1 for i, value in enumerate(means) if value >= wanted), len(curve) + 1)


def saved(arms: Arms, name: str) -> Table:
    """Steps that a cold start saves until half of Zero's final accuracy is reached, percent of the
    larger number."""
    found = []
    for one, zero in alike(arms(name), arms("zero")):
        half = part(zero, "after")["accuracy"] / 2
        a, b = reached(one, half), reached(zero, half)
        found.append([of_larger(b, a)])
    return found


def _traded(arms: Arms) -> list[Table]:  # RZ-01
    pairs = [(stage(a, "dev2"), b) for a, b in alike(arms("lineage"), arms("zero"))]
    more = [minus(digits(a, "readable"), digits(b, "readable")) for a, b in pairs]
    return [more, [minus(right(b), right(a)) for a, b in pairs]]


def _mixes(arms: Arms) -> list[Table]:  # Z-09
    return [[[-100 * _change(run, "language")] for run in arms("zero")]]


def _change(run: Run, key: str) -> float:
    return part(run, "after")[key] - part(run, "before")[key]


def _elsewhere(arms: Arms) -> list[Table]:  # T-08
    each = [[part(run, when)["tasks"]["products"] for when in ("before", "after")]
            for run in arms("zero")]  # fmt: skip
    return [[[100 * (before - after)] for before, after in each]]


def _language(arms: Arms) -> list[Table]:
    pairs = [(stage(a, "dev2"), b) for a, b in alike(arms("lineage"), arms("cold-500"))]
    kept = [[part(run, "after")["language_zh"] for run in pair] for pair in pairs]
    cost = [minus(right(a), right(b)) for a, b in pairs]
    return [[[100 * (a - b)] for a, b in kept], cost]


def _carried(arms: Arms) -> list[Table]:
    pairs = [(stage(run, "dev3"), stage(run, "dev2")) for run in arms("lineage")]
    return [[minus(right(a), right(b)) for a, b in pairs]]


def _form(arms: Arms) -> list[Table]:
    runs = [stage(run, "taught") for run in arms("cold-500")]
    return [[minus(digits(r, "summed_up"), digits(r, "summed_up", "before")) for r in runs]]


def _habits(arms: Arms) -> list[Table]:  # K-03
    pairs = alike(arms("right"), arms("none"))
    return [[minus(*(share(run, "second_try") for run in pair)) for pair in pairs]]


def _priming(arms: Arms) -> list[Table]:
    each = alike(arms("right"), arms("wrong"), arms("empty"))
    ends = [[mean(right(run)) for run in runs] for runs in each]
    apart = [[-abs(a - b)] for a, b, _ in ends]
    return [apart, [[min(a, b) - empty] for a, b, empty in ends]]


LINEAGE = (
    _cold(500, 63, name="dev1"),
    Stage("grpo", "dev2", settings={"reward": "language"}),
    Stage("sft", "dev3", "base", material=rejected, settings={"steps": 60, "prompts": 16}),
    Stage("grpo", "final", settings={"reward": "mixed", "steps": 25}),
)
COLD = Experiment(
    name="cold",
    lesson="05",
    section="DeepSeek-R1 2.3",
    about="worked examples before reinforcement learning, and R1's four stages as one line",
    arms=(
        Arm("zero", "two languages: no worked example", (WATCHED,)),
        Arm("lineage", "two languages: R1's four stages", LINEAGE),
        Arm("cold-500", "two languages: 500 worked examples first", (_cold(500, 63), WATCHED)),
        Arm("none", "no second try: not primed", (WATCHED,), {"base": "parts"}),
        _primed("right", "50 right searches first"),
        _primed("wrong", "50 searches first that end wrong"),
        _primed("empty", "50 answers without thoughts first"),
        Arm("cold-50", "two languages: 50 worked examples first", (_cold(50, 16), WATCHED)),
        Arm("cold-2000", "two languages: 2,000 worked examples first", (_cold(2000, 125), WATCHED)),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 4}},
    on={"cpu": {"size": 3, "steps": STEPS, "prompts": 8, "max_new": 256, "lr": 1.5e-3,
                "template": "tiny-both"}, "gpu24": {"size": 3}},
    evidence={
        "RZ-01": _traded, "Z-09": _mixes, "R-01": lambda arms: [saved(arms, "cold-500")],
        "R-02": ahead("cold-2000", "zero"), "R-03": _language, "R-04": _carried, "R-12": _form,
        "K-03": _habits, "X-12": _priming, "T-08": _elsewhere,
    },
)  # fmt: skip
EXPERIMENTS = (COLD,)
