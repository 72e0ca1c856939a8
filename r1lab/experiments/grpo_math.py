"""`run losses`: GRPO's choices one by one, on three numbers (DeepSeek-R1 2.2.1).

The rule arm of `run judge` stands beside all of them, whose settings they have: one update a
rollout, where no ratio has moved, so that neither clip nor ratio matter. What they are for shows
with several updates.
"""

from collections.abc import Iterable
from math import comb

import torch
from matplotlib.figure import Figure

from r1lab import curriculum, evaluate, grpo, losses, models, plots, policy, rewards, rollouts
from r1lab.experiments import habits
from r1lab.experiments.rewards import SHORT
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, ahead, alike, both, mean, minus, of_larger, part
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import both_sizes
from r1lab.stats import Interval, seeds_interval

GRPO = (Stage("grpo"),)
RULE = "judge/rule"
BASELINES = ("none", "batch", "group")
MANY = 32  # other answers to a problem
ASKED = {k: SHORT[k] for k in ("size", "prompts", "max_new")}
SHARED = ("prompts", "group", "max_new", "micro_tokens", "template")
ANEW = {"beta": 0.4, "reference_every": 6}
PRICED = {"updates": 4, "gae": 1.0, "beta": 0.04, "kl_in_reward": True}


def _arm(name: str, label: str, **settings) -> Arm:
    return Arm(name, f"three numbers: {label}", GRPO, settings)


def _division(arms: Arms) -> list[Table]:  # G-05
    pairs = alike(arms("std"), arms("no-std"))
    return [[minus(both(a), both(b)) for a, b in pairs]]


def _entropy(arms: Arms) -> list[Table]:
    pairs = alike(arms("clip-higher"), arms("updates-4"))
    last = [[mean([m["entropy"] for m in run.metrics[-5:]]) for run in pair] for pair in pairs]
    return [[[of_larger(*ends)] for ends in last], *ahead("clip-higher", "updates-4")(arms)]


def _wrong_ones(arms: Arms) -> list[Table]:
    pairs = alike(arms(RULE), arms("token-mean"))
    wrong = [[part(run, "after")["length_wrong"] for run in pair] for pair in pairs]
    return [[[of_larger(*lengths)] for lengths in wrong]]


def _apart(one: str, other: str):
    """Evidence: minus the distance between the accuracies of two arms, in points, seed by seed."""

    def read(arms: Arms) -> list[Table]:
        return [[[-abs(mean(row))] for row in table] for table in ahead(one, other)(arms)]

    return read


def _critic(arms: Arms) -> list[Table]:  # G-06
    return [*ahead("updates-4", "ppo-0.95")(arms), *_apart("ppo-1", "updates-4")(arms)]


def _shorter(arms: Arms) -> list[Table]:  # G-07
    pairs = alike(arms("kl-in-loss"), arms("kl-in-reward"))
    return [[[of_larger(*(part(run, "after")["length"] for run in pair))] for pair in pairs]]


def spread(model, tokenizer, problems: list, plan) -> dict:
    """How much the gradient differs from one minibatch to the next, by what is taken from the
    rewards: the sum of its variances over all weights that learn, and the length of its mean.

    The same `minibatches` of P x G completions for each baseline, from the base before training.
    silent: the share of groups in which all are right or all are wrong, beside what each problem's
    pass rate in other samples lets expect (G-11).
    """
    forecast = _silent(model, tokenizer, problems, plan)
    learner = policy.learner(models.prepare(model, plan.preset.lora_rank, plan.seed), tokenizer, 0)
    config = grpo.Config(**{k: getattr(plan.preset, k) for k in SHARED} | {"seed": plan.seed})
    found: dict[str, list] = {name: [] for name in BASELINES}
    silent, expected = [], []
    for step in range(1, plan.own["minibatches"] + 1):
        asked = curriculum.uniform(problems, config.prompts, plan.seed, step)
        sampled = rollouts.sample(learner, asked, config, step)
        roll = rollouts.rewarded(sampled, asked, rewards.reward_set("rule"), config, step)
        right = torch.tensor(roll.parts["accuracy"]).view_as(roll.rewards)
        silent += [losses.zero_variance(right).double().mean().item()]
        expected += [mean([forecast[problem] for problem in asked])]
        for name, gradients in found.items():
            gradients.append(_gradient(learner, roll, name, config))
    numbers = {}
    for name, gradients in found.items():
        table = torch.stack(gradients).double()
        numbers[f"variance_{name}"] = float(table.var(dim=0).sum())
        numbers[f"mean_{name}"] = float(table.mean(dim=0).norm())
    numbers |= {"silent": mean(silent), "silent_expected": mean(expected)}
    return numbers | {"minibatches": plan.own["minibatches"]}


def _silent(model, tokenizer, problems: list, plan) -> dict:
    """For each problem the chance that a group's answers are all right or all wrong, without bias
    from how often `MANY` other answers were: of all groups that could be drawn from them."""
    how = evaluate.Sampling("tiny", plan.preset.max_new, 20_000 + plan.seed, MANY)
    right = evaluate.answer(model, tokenizer, problems, how).correct.sum(1).tolist()
    group = plan.preset.group
    alike = [comb(c, group) + comb(MANY - c, group) for c in right]
    return dict(zip(problems, (n / comb(MANY, group) for n in alike), strict=True))


def _gradient(learner: policy.Learner, roll, baseline: str, config: grpo.Config) -> torch.Tensor:
    """Of the policy gradient of one minibatch, all weights in a row."""
    advantages = losses.group_advantages(roll.rewards, "none", baseline=baseline).flatten()
    batch, n = roll.batch, len(advantages)

    def loss_of(rows, logps, mask):
        return losses.policy_loss(logps, logps.detach(), advantages[rows], mask, divisor=n), {}

    micros = list(policy.micro_batches(batch, range(n), config.micro_tokens))
    policy.gradients(learner.model, batch, micros, loss_of)
    return torch.cat([p.grad.flatten() for p in models.trainable(learner.model).values()])


def _drawn(run: Run) -> Figure:
    measured = run.summary["measured"]
    figure, axis = plots.canvas(width=5.0)
    values = [measured[f"variance_{name}"] / measured["variance_none"] for name in BASELINES]
    axis.bar(range(len(BASELINES)), values, color=plots.BLUE, width=0.5)
    axis.set_xticks(range(len(BASELINES)), [f"{name}'s mean" if i else "nothing"
                                            for i, name in enumerate(BASELINES)])  # fmt: skip
    axis.set(title="What a baseline does to the gradient", ylabel="variance, nothing taken = 1")
    axis.set_xlabel(f"taken from each reward; {measured['minibatches']} minibatches")
    plots.tidy(figure)
    return figure


def _known_before(arms: Arms) -> list[Table]:  # G-11
    each = [run.summary["measured"] for run in arms("gradients/base")]
    return [[[-100 * abs(one["silent"] - one["silent_expected"])] for one in each]]


def worth(arms: Arms, names: Iterable[str]) -> dict[str, tuple[list[float], Interval]]:
    """By how many points the runs of some arms of `run losses` end above the control's (`RULE`):
    seed by seed, and the mean with its 95 % interval over seeds and problems. arms: gives the runs
    of EXPERIMENT/ARM. An arm with less than two runs beside the control's is left out."""
    found = {}
    for name in names:
        (rows,) = ahead(f"losses/{name}", RULE)(arms)
        if len(rows) > 1:
            found[name] = [mean(row) for row in rows], seeds_interval(rows)
    return found


def _steadier(arms: Arms) -> list[Table]:  # G-03
    each = [run.summary["measured"] for run in arms("gradients/base")]
    saved = [[of_larger(one["variance_none"], one["variance_group"])] for one in each]
    return [saved, *ahead("group-mean", "batch-mean")(arms)]


LOSSES = Experiment(
    name="losses",
    lesson="02",
    section="DeepSeek-R1 2.2.1",
    about="which choices of GRPO matter: updates, clip, ratio, mean, deviation, baseline, KL",
    arms=(
        _arm("updates-4", "4 updates a rollout", updates=4),
        _arm("updates-8", "8 updates a rollout, a group each", updates=8),
        _arm("clip-0.05", "4 updates, clip 0.05", updates=4, clip_low=0.05, clip_high=0.05),
        _arm("clip-10", "4 updates, clip 10", updates=4, clip_low=10.0, clip_high=10.0),
        _arm("clip-higher", "4 updates, upper clip 0.28", updates=4, clip_high=0.28),
        _arm("gspo", "8 updates, one ratio an answer", updates=8, loss="gspo"),
        _arm("token-mean", "mean over the tokens of a step", average="step"),
        _arm("std", "with four numbers, divided by the deviation", also=4),
        _arm("no-std", "with four numbers, not divided by the deviation", also=4, scale="none"),
        _arm("kl-0.001", "KL term of weight 0.001", beta=0.001),
        _arm("kl-0.04", "KL term of weight 0.04", beta=0.04),
        _arm("kl-0.4", "KL term of weight 0.4", beta=0.4),
        _arm("kl-anew", "KL of weight 0.4, a new reference every 6 steps", **ANEW),
        _arm("group-mean", "policy gradient, the group's mean", scale="none"),
        _arm("batch-mean", "policy gradient, the batch's mean", scale="none", baseline="batch"),
        _arm("ppo-0.9", "PPO, 4 updates, lambda 0.9", updates=4, gae=0.9),
        _arm("ppo-0.95", "PPO, 4 updates, lambda 0.95", updates=4, gae=0.95),
        _arm("ppo-1", "PPO, 4 updates, lambda 1", updates=4, gae=1.0),
        _arm("kl-in-loss", "PPO, KL of weight 0.04 in the loss", updates=4, gae=1.0, beta=0.04),
        _arm("kl-in-reward", "PPO, KL of weight 0.04 in the reward", **PRICED),
    ),
    measure=both_sizes,
    figure=habits.figure,
    on={"cpu": SHORT},
    minutes={"cpu": {"quick": 3}},
    evidence={
        "G-05": _division, "G-09": ahead("clip-10", "clip-0.05"),
        "G-12": ahead("updates-8", RULE), "X-06": _entropy, "X-09": _wrong_ones,
        "X-10": ahead("gspo", "updates-8"), "X-15": ahead(RULE, "kl-0.04"),
        "G-06": _critic, "G-07": _shorter, "G-08": ahead("kl-anew", "kl-0.4"),
        "T-04": _apart("ppo-1", "updates-4"), "G-03": _steadier,
        "G-11": _known_before,
    },
)  # fmt: skip
GRADIENTS = Experiment(
    name="gradients",
    lesson="02",
    section="DeepSeek-R1 2.2.1",
    about="how steady the gradient is with no baseline, the batch's mean and the group's",
    arms=(Arm("base", "gradients of the base, nothing is trained"),),
    measure=spread,
    figure=_drawn,
    on={"cpu": ASKED},
    minutes={"cpu": {"quick": 2}},
    settings={"minibatches": 64},
)
EXPERIMENTS = (LOSSES, GRADIENTS)
