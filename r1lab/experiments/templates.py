"""`run templates`: what a template decides before reinforcement learning, and what is left of it
afterwards (DeepSeek-R1, 2.2.3; Liu and others, arXiv 2503.20783, 3.3).

One real model, the same sums, the same cap and the same verifier; the arms differ in the words
around the question alone. The verifier takes the answer block, and where there are no answer tags
the last number. So a template decides, too, whether a number comes within the cap at all.

Held-out sums are answered greedily, the likeliest token each time: before training every seed then
has the same answers, and what differs afterwards was learned. Left out: long thoughts. The cap is
16 tokens, so R1's template asks for more than there is room for.
"""

import numpy as np

from r1lab import evaluate
from r1lab.experiments.rewards import figure
from r1lab.running.evidence import Arms, Table, alike, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import numbers
from r1lab.running.settings import Plan

NAMES = ("qa", "smollm2", "r1")  # templates, each an arm
SUMS = {"preset": "smol", "temperature": 0.6}  # at 1 its digits go wrong by the draw


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems, one greedy answer each in the run's template."""
    asked = plan.sampling
    how = evaluate.Sampling(asked.template, asked.max_new, seed=0, temperature=0.0)
    return numbers(evaluate.answer(model, tokenizer, problems, how))


def scores(arms: Arms, when: str) -> np.ndarray:
    """(templates, seeds, problems): 100 where "before" or "after" training an answer was right, 0
    where it was not. Seeds that one template lacks are left out."""
    runs = alike(*(arms(name) for name in NAMES))
    return np.array([[right(run, when) for run in same] for same in runs]).swapaxes(0, 1)


def apart(found: np.ndarray) -> np.ndarray:
    """(seeds, problems): the best template minus the worst. Which two they are is decided once, by
    their means over all seeds, so three that are alike seem to be a little apart."""
    means = found.mean((1, 2))
    return found[means.argmax()] - found[means.argmin()]


def _neutral(arms: Arms) -> list[Table]:  # TP-01
    before = scores(arms, "before")
    best = before[before.mean((1, 2)).argmax()]
    return [(-apart(before)).tolist(), best.tolist()]


def _mended(arms: Arms) -> list[Table]:  # TP-02
    before, after = scores(arms, "before"), scores(arms, "after")
    last = before.mean((1, 2)).argmin()
    won = after[last] - before[last]
    return [(-apart(after)).tolist(), apart(before).tolist(), won.tolist()]


def _arm(template: str) -> Arm:
    label = f"SmolLM2-135M, sums: the template {template}"
    return Arm(template, label, (Stage("grpo"),), SUMS | {"template": template})


EXPERIMENTS = (
    Experiment(
        name="templates",
        lesson="03",
        section="DeepSeek-R1 2.2.3",
        about="what a template decides before reinforcement learning, and what is left of it after",
        arms=tuple(map(_arm, NAMES)),
        measure=measure,
        figure=figure,
        minutes={"smol": {"quick": 6}},
        on={"smol": {"steps": 16}},
        evidence={"TP-01": _neutral, "TP-02": _mended},
    ),
)
