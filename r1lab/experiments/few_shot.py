"""`run shots`: do examples in the prompt help, before and after reinforcement learning? And another
template? (DeepSeek-R1, section 5; SmolLM2 on sums, as in `run zero --preset smol`.)
"""

from r1lab import evaluate, plots
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, mean, minus, part, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import held_out
from r1lab.running.settings import Plan

SHOTS = "smollm2-3"  # its own template, with three solved problems before the question
OTHERS = ("r1", "plain")


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Held-out problems in the template that is trained with; in `templates` a digit a problem for
    the one with examples and for two others."""
    found = held_out(model, tokenizer, problems, plan)
    digits = {}
    for template in (SHOTS, *OTHERS):
        how = evaluate.Sampling(template, plan.sampling.max_new, 10_000 + plan.seed)
        correct = evaluate.answer(model, tokenizer, problems, how).correct[:, 0]
        digits[template] = "".join(str(int(c)) for c in correct)
    return found | {"templates": digits}


def in_template(run: Run, template: str, when: str = "after") -> list[float]:
    """100 or 0 for each held-out problem, asked in that template."""
    return [100.0 * int(digit) for digit in part(run, when)["templates"][template]]


def figure(run: Run):
    """Accuracy and length over the steps."""
    return plots.self_evolution(run.metrics, run.summary)


def _examples(arms: Arms) -> list[Table]:
    runs = arms("smol")
    lost = [minus(right(run), in_template(run, SHOTS)) for run in runs]
    return [lost, [minus(in_template(r, SHOTS, "before"), right(r, "before")) for r in runs]]


def _sensitive(arms: Arms) -> list[Table]:  # FW-03
    found = []
    for run in arms("smol"):
        worse = min((in_template(run, name) for name in OTHERS), key=mean)
        found.append(minus(right(run), worse))
    return [found]


SHOT = Experiment(
    name="shots",
    lesson="05",
    section="DeepSeek-R1 5",
    about="three solved examples in the prompt, and other templates, before and after training",
    arms=(Arm("smol", "SmolLM2-135M, sums: asked with and without examples", (Stage("grpo"),),
              {"preset": "smol"}, (0, 1, 2)),),
    measure=measure,
    figure=figure,
    minutes={"smol": {"quick": 12}},
    evidence={"R-09": _examples, "FW-03": _sensitive},
)  # fmt: skip
EXPERIMENTS = (SHOT,)
