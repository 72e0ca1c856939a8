"""`run clock`: where the time of a training step goes, into sampling or into learning.

Steps of `run zero` by the clock, from both ends of its rule arm: `base` takes the first ones again,
where completions are short; `trained` goes on where a recorded run of the same seed ended, where
they are long. What the steps learn is thrown away.
"""

from dataclasses import asdict

from r1lab import curriculum, grpo, models, plots, policy, rewards, tasks
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.settings import Plan
from r1lab.speed import parts

SHARED = ("prompts", "group", "max_new", "micro_tokens", "template", "lr")
ENDS = 5  # seeds of the recorded rule arm, whose ends these are
WARM = 1  # first steps that are not counted


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Seconds of sampling and of learning, tokens sampled and learned from, and the mean length, of
    `counted` steps together."""
    preset, own = plan.preset, plan.own
    model = models.prepare(model, preset.lora_rank, plan.seed)
    if own["end"] == "trained":
        recorded = models.DATA / "runs" / f"zero-rule-s{plan.seed % ENDS}" / "trained"
        models.go_on(model, recorded, preset.model, reference=False)
    learner = policy.learner(model, tokenizer, preset.lr)
    config = grpo.Config(**{k: getattr(preset, k) for k in SHARED} | {"seed": plan.seed})
    pool = tasks.problems(preset.task, preset.train_problems, 0, "train", preset.size or None)
    paid = rewards.reward_set("rule")
    found = []
    for step in range(1, WARM + own["counted"] + 1):
        asked = curriculum.uniform(pool, config.prompts, plan.seed, step)
        found.append(asdict(parts.step(learner, asked, paid, config, step)[0]))
    counted = found[WARM:]
    total = {key: sum(one[key] for one in counted) for key in counted[0]}
    return total | {"length": total["length"] / len(counted), "steps": len(counted)}


def figure(run: Run):
    """The seconds of a step in their two parts."""
    found = run.summary["measured"]
    drawn, axis = plots.canvas()
    names = ("sampling", "learning")
    for x, (name, colour) in enumerate(zip(names, (plots.BLUE, plots.ORANGE), strict=True)):
        axis.bar(x, found[name] / found["steps"], color=colour, width=0.6)
    axis.set_xticks([0, 1], names)
    axis.set(title=f"A step of {found['length']:.0f} tokens a completion", ylabel="seconds")
    plots.tidy(drawn)
    return drawn


def _sampling(arms: Arms) -> list[Table]:  # C-06
    shares = []
    for ends in alike(arms("base"), arms("trained")):
        found = [run.summary["measured"] for run in ends]
        spent = [sum(one[part] for one in found) for part in ("sampling", "learning")]
        shares.append([100 * spent[0] / sum(spent)])
    return [shares]


CLOCK = Experiment(
    name="clock",
    lesson="10",
    section="DeepSeek-R1 v2, Table 7",
    about="where the time of a training step goes: sampling or learning, short answers and long",
    arms=(
        Arm("base", "steps from the base", (), {"end": "base"}),
        Arm("trained", "steps from the end of the rule arm", (), {"end": "trained"}),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 1}},
    on={"cpu": {"size": 4, "max_new": 900, "lr": 1.2e-3}},
    evidence={"C-06": _sampling},
    settings={"end": "base", "counted": 4},
)
EXPERIMENTS = (CLOCK,)
