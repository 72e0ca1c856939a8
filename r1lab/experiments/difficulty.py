"""`run difficulty`: what easy and hard problems weigh in the gradient, with GRPO's division by a
group's deviation and without it (Dr. GRPO, 3.1).

Nothing is trained. The problems have three and four numbers, half of them each, so that a trained
policy finds easy, middle and hard ones among them; how hard one is says another draw of answers.
Paid is the answer alone: then a group's deviation depends on nothing but how many are right.
"""

import torch
from matplotlib.figure import Figure

from r1lab import curriculum, evaluate, grpo, losses, models, plots, policy, rewards, rollouts
from r1lab.experiments.rewards import SHORT, TEN
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, mean
from r1lab.running.experiment import Arm, Experiment
from r1lab.tasks import problems as posed

HARD, EASY = 0.1, 0.9  # pass rates
LEAST = 0.1  # of the norm that a share of easy and hard problems counts as
SIZES = (3, 4)
SHARED = ("group", "max_new", "micro_tokens", "template")
KINDS = ("hard", "middle", "easy")


def measure(model, tokenizer, problems: list, plan) -> dict:
    """Each asked problem's pass rate in a draw of its own, and the norm of its group's gradient
    with the division (`divided`) and without it (`plain`); a problem whose answers are all right or
    all wrong has none."""
    preset, own = plan.preset, plan.own
    model = models.prepare(model, preset.lora_rank, plan.seed)
    if own["end"] == "trained":
        recorded = models.of_run(f"judge-rule-s{plan.seed % len(TEN)}", plan.seed)
        models.go_on(model, recorded, preset.model, reference=False)
    config = grpo.Config(**{k: getattr(preset, k) for k in SHARED} | {"prompts": 1}, seed=plan.seed)
    learner = policy.learner(model, tokenizer, 0)
    asked = mixed(own["asked"], len(problems), plan.seed)
    how = evaluate.Sampling(config.template, config.max_new, 20_000 + plan.seed, config.group)
    rates = evaluate.answer(model, tokenizer, asked, how).correct.mean(1).tolist()
    pulls = [pull(learner, one, config, step) for step, one in enumerate(asked, 1)]
    plain, divided = zip(*pulls, strict=True)
    return {"rates": rates, "plain": plain, "divided": divided}


def mixed(n: int, held_out: int, seed: int) -> list:
    """n of so many held-out problems of each size, as many of the one as of the other."""
    pools = [posed("countdown", held_out, 0, "test", size) for size in SIZES]
    return [p for pool in pools for p in curriculum.uniform(pool, n // len(SIZES), seed, 1)]


def pull(learner: policy.Learner, problem, config: grpo.Config, step: int) -> tuple[float, float]:
    """The norm of a problem's gradient from a group of answers, without the division and with it:
    one gradient, since the division is a factor of the whole group."""
    sampled = rollouts.sample(learner, [problem], config, step)
    roll = rollouts.rewarded(sampled, [problem], rewards.reward_set("accuracy"), config, step)
    if losses.zero_variance(roll.rewards).all():
        return 0.0, 0.0
    plain, divided = (losses.group_advantages(roll.rewards, s) for s in ("none", "group"))

    def loss_of(rows, logps, mask):
        given = logps, logps.detach(), plain.flatten()[rows], mask
        return losses.policy_loss(*given, divisor=config.group), {}

    micros = list(policy.micro_batches(roll.batch, range(config.group), config.micro_tokens))
    policy.gradients(learner.model, roll.batch, micros, loss_of)
    weights = models.trainable(learner.model).values()
    norm = float(torch.stack([p.grad.norm() for p in weights]).norm())
    return norm, norm * float(divided.norm() / plain.norm())


def kind(rate: float) -> str:
    """One of `KINDS`."""
    return "hard" if rate <= HARD else "easy" if rate >= EASY else "middle"


def share(found: dict, which: str) -> float:
    """Of the problems' norms, "plain" or "divided", what the easy and hard ones have."""
    pairs = zip(found["rates"], found[which], strict=True)
    return sum(norm for rate, norm in pairs if kind(rate) != "middle") / sum(found[which])


def _heavier(arms: Arms) -> list[Table]:
    each = [run.summary["measured"] for run in arms("trained")]
    return [[[share(one, "divided") / max(share(one, "plain"), LEAST)] for one in each]]


def figure(run: Run) -> Figure:
    """What the kinds of problems have of the norm, without the division and with it."""
    found = run.summary["measured"]
    drawn, axis = plots.canvas()
    for dx, which, colour in ((-0.2, "plain", plots.GREY), (0.2, "divided", plots.BLUE)):
        pairs = list(zip(map(kind, found["rates"]), found[which], strict=True))
        parts = [sum(norm for k, norm in pairs if k == one) / sum(found[which]) for one in KINDS]
        axis.bar(
            [x + dx for x in range(3)], [100 * p for p in parts], 0.4, color=colour, label=which
        )
    names = [f"{one}: {sum(kind(r) == one for r in found['rates'])}" for one in KINDS]
    axis.set_xticks(range(3), names)
    axis.set(title="Who moves the weights", ylabel="of the gradients' norms, %")
    axis.set_xlabel(f"problems of a kind; {mean(found['rates']):.0%} of the answers are right")
    axis.legend(fontsize=8)
    plots.tidy(drawn)
    return drawn


DIFFICULTY = Experiment(
    name="difficulty",
    lesson="02",
    section="Dr. GRPO 3.1",
    about="what easy and hard problems weigh in the gradient, with and without the division",
    arms=(
        Arm("trained", "gradients at the end of the rule arm", (), {"end": "trained"}),
        Arm("base", "gradients of the base, by difficulty", (), {"end": "base"}),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 2}},
    on={"cpu": {"size": 3, "max_new": SHORT["max_new"], "group": 16}},
    settings={"end": "trained", "asked": 128},
    evidence={"X-02": _heavier},
)
EXPERIMENTS = (DIFFICULTY,)
