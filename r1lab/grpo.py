"""Group relative policy optimisation from scratch (DeepSeek-R1, 2.2.1): the loop behind R1-Zero.

What a library adds (distribution, forty options) is left out; `trl_engine` runs the same step
through TRL, and a test asks both for one loss. All randomness of a step comes from (seed, step).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from r1lab import asking, credit, critic, curriculum, losses, models, policy, rollouts
from r1lab.policy import Learner
from r1lab.rollouts import Rollout

SIGNS = {"all": (-math.inf, math.inf), "better": (0.0, math.inf), "worse": (-math.inf, 0.0)}
OF_REFERENCE = "reference/"  # before the names of its weights in `learner.memory`


def train(learner: Learner, pool, reward_set, config: Config, start=0) -> Iterator[Rollout]:
    """Steps start+1 ... config.steps: a rollout each, with the report of the update made on it.

    pool: the problems to draw from. reward_set: (functions, weights), see `rewards`. The caller
    writes records and saves `policy.state`; leaving the loop early is safe. Where rewards come
    `config.delay` updates late, the completions of so many steps wait for theirs; those that wait
    at the first update are all the base's.
    """
    for step in range(start + 1, config.steps + 1):
        for later in range(step + 1, min(step + config.delay, config.steps) + 1):
            problems = curriculum.uniform(pool, config.prompts, config.seed, later)
            rollouts.sample_early(learner, problems, config, later)

        def judge(sampled, problems, step=step) -> Rollout:
            return judged(learner, sampled, problems, reward_set, config, step)

        if config.reference_every:
            _refer(learner, config, step, start)
        roll = asking.rollout(learner, pool, config, step, judge)
        yield replace(roll, report=update(learner, roll, config) | roll.report)


def _refer(learner: Learner, config: Config, step: int, start: int) -> None:
    """Every so many steps the policy as it is becomes the reference; a resumed run has it from
    `learner.memory`, which is saved."""
    due = (step - 1) % config.reference_every == 0
    if due:
        now = models.trainable(learner.model).items()
        learner.memory.update({OF_REFERENCE + name: p.detach().cpu().clone() for name, p in now})
    if due or step == start + 1:
        kept = {k: v for k, v in learner.memory.items() if k.startswith(OF_REFERENCE)}
        models.refer(learner.model, {k.removeprefix(OF_REFERENCE): v for k, v in kept.items()})


def rollout(learner: Learner, problems, reward_set, config: Config, step: int) -> Rollout:
    """Sample G completions for each of P problems, reward them, compare them inside each group; or,
    where there is a critic or `config.credit`, judge each token by what was expected there."""
    sampled = rollouts.sample(learner, problems, config, step)
    return judged(learner, sampled, problems, reward_set, config, step)


def judged(learner: Learner, sampled, problems, reward_set, config: Config, step: int) -> Rollout:
    """What was sampled, rewarded and compared, as in `rollout`."""
    roll = rollouts.rewarded(sampled, problems, reward_set, config, step)
    if learner.critic:
        return _by_token(roll, *critic.judge(learner, roll, config))
    if config.credit == "reachable":
        changes = credit.reachable(learner.tokenizer, roll)
        return _by_token(roll, losses.whitened(changes, roll.completions.mask.cpu()))
    found = losses.group_advantages(
        roll.rewards, config.scale, baseline=config.baseline, tau=config.objective.tau
    )
    return replace(roll, advantages=found.clamp(*SIGNS[config.learn_from]))


def _by_token(roll: Rollout, each, *wanted) -> Rollout:
    means = each.sum(1) / roll.completions.lengths.cpu()
    return replace(roll, advantages=means.view_as(roll.rewards), per_token=(each, *wanted))


def update(learner: Learner, roll: Rollout, config: Config) -> dict[str, float | None]:
    """`config.updates` optimizer steps, each on an equal share of the groups; what they report."""
    if config.fresh_optimizer:
        learner.optimizer.state.clear()
    batch, done, objective = roll.batch, roll.completions, config.objective
    advantages, *wanted = roll.per_token or (roll.advantages.flatten(),)
    start = policy.frozen_logps(learner, batch, config) if config.truncate else done.logps
    total: Counter = Counter()
    for share in torch.arange(len(batch.prompts)).chunk(config.updates):
        divisor = losses.loss_divisor(done.mask[share], objective.average, config.max_new)
        # a group of equal rewards may have no gradient: then it counts in the divisor alone
        rows = share if config.every_row else share[advantages[share] != 0]

        def loss_of(micro, logps, mask, divisor=divisor):
            at = micro, slice(mask.shape[1])
            sampled, old = done.logps[at].to(mask.device), start[at].to(mask.device)
            if config.updates == 1 and not config.stale:  # the policy is the one that sampled
                old = logps.detach()
            gain = advantages[at if roll.per_token else micro].to(mask.device)
            if config.truncate:
                weights = losses.truncated_weights(old, sampled, mask, config.truncate)
                gain = (gain if roll.per_token else gain[:, None]) * weights
            given = logps, old, gain, mask, objective
            loss = losses.policy_loss(*given, divisor)
            seen = {"clipped": int(losses.clipped_tokens(*given))}
            if not total:  # the first update: trainer and sampler should still agree
                gap = (logps.detach() - sampled).abs() * mask
                seen |= {"gap": float(gap.sum()), "compared": int(mask.sum())}
            if config.beta:
                with torch.no_grad(), models.reference(learner.model):
                    ref, _ = policy.logps(learner.model, batch, micro, config.temperature)
                kl = losses.kl_k3(logps, ref)  # a value a token, for the loss "printed" too
                if not config.kl_in_reward:
                    priced = losses.aggregate(kl, mask, objective.average, divisor)
                    loss = loss + config.beta * priced
                seen["kl"] = float((kl.detach() * mask).sum())
            return loss, seen

        total.update(policy.step(learner, batch, rows.tolist(), loss_of, config))
        if wanted:
            total["miss"] += critic.learn(learner, batch, rows.tolist(), *wanted, config)
    return rollouts.report(roll, total, config)


@dataclass(frozen=True)
class Config:
    """The method. Defaults are DeepSeek-R1's where it gives them, but for three: LoRA wants a rate
    some 10-1000 times that of all weights (R1-Zero: 3e-6); one update a rollout (R1: 16), so the
    ratio is 1 and clipping never acts; no KL term (R1: 0.001)."""

    steps: int = 40
    prompts: int = 16  # P; R1-Zero: 32
    group: int = 8  # G; R1-Zero: 16
    max_new: int = 320
    lr: float = 2e-3
    loss: str = "grpo"  # of `losses.PUBLISHED`; the next five change one choice of it each
    ratio: str | None = None
    average: str | None = None
    clip_low: float | None = None
    clip_high: float | None = None
    tau: float | None = None
    scale: str = "group"
    baseline: str = "group"  # of `losses.group_advantages`
    learn_from: str = "all"  # or "better", "worse": than the baseline, these answers alone
    gae: float | None = None  # PPO: lambda of a learned value, in the place of a baseline
    credit: str = "answer"  # or "reachable": each step gets what it changes of exact values
    kl_in_reward: bool = False  # PPO: each token pays for the KL at once, and the loss has no term
    truncate: float | None = None  # most that a token counts where the sampler found it unlikelier
    beta: float = 0.0  # weight of the KL term (k3, token by token) against the reference
    reference_every: int = 0  # steps until the policy becomes the reference; R1: 400; 0: never
    updates: int = 1  # optimizer steps a rollout, each on its share of the groups
    fresh_optimizer: bool = False  # each rollout begins without moments of the one before (k1.5)
    delay: int = 0  # rollouts learnt from between the sampling of one and its rewards
    draw: str = "uniform"  # which problems come next, of `curriculum.DRAWS`
    piece: int = 0  # most tokens a completion gets at a time, see `partial`; 0: all of them
    temperature: float = 1.0
    max_grad_norm: float = 1.0
    micro_tokens: int = 8192
    template: str = "tiny"
    seed: int = 0

    def __post_init__(self):
        self.objective  # noqa: B018  a choice that does not exist is refused here
        if self.group < 2:
            raise ValueError("a group needs at least 2 completions: an advantage compares them")
        rewards = torch.zeros(1, self.group)
        losses.group_advantages(rewards, self.scale, 1.0, self.baseline, self.objective.tau)
        if self.temperature <= 0:
            raise ValueError("at temperature 0 a group is one answer: set it above 0")
        if self.gae is not None and not 0 <= self.gae <= 1:
            raise ValueError(f"gae is PPO's lambda, between 0 and 1, not {self.gae}")
        if self.credit not in credit.CREDITS:
            raise ValueError(
                f"unknown credit {self.credit!r}: choose one of {', '.join(credit.CREDITS)}"
            )
        if self.learn_from not in SIGNS:
            known = ", ".join(SIGNS)
            raise ValueError(f"unknown learn_from {self.learn_from!r}: choose one of {known}")
        by_token = self.gae is not None or self.credit != "answer"
        if by_token and (self.objective.tau or self.learn_from != "all"):
            raise ValueError("credit to tokens: Kimi's loss and learn_from want completions")
        if self.gae is not None and self.credit != "answer":
            raise ValueError("gae has a learned value, credit an exact one: choose one of them")
        if self.kl_in_reward and (self.gae is None or not self.beta):
            raise ValueError("kl_in_reward prices each token, so it needs gae and a beta above 0")
        if self.reference_every < 0 or self.reference_every and not self.beta:
            raise ValueError("reference_every counts steps, and a reference needs a beta above 0")
        if self.delay < 0:
            raise ValueError(f"delay is by how many rollouts rewards are late, not {self.delay}")
        self._check_draws()
        if self.updates < 1 or self.prompts % self.updates:
            raise ValueError(f"updates ({self.updates}) must divide prompts ({self.prompts})")

    def _check_draws(self):
        if self.draw not in curriculum.DRAWS:
            known = ", ".join(curriculum.DRAWS)
            raise ValueError(f"unknown draw {self.draw!r}: choose one of {known}")
        if self.piece < 0 or 0 < self.piece < self.max_new and self.max_new % self.piece:
            raise ValueError(f"piece ({self.piece}) must divide max_new ({self.max_new})")
        if (self.draw != "uniform") + bool(self.piece) + bool(self.delay) > 1:
            raise ValueError("draw, piece and delay each choose what comes next: set one of them")
        if self.draw == "dynamic" and (self.gae is not None or self.credit != "answer"):
            raise ValueError("dynamic wants one advantage an answer: leave gae and credit out")

    @property
    def stale(self) -> bool:
        """Whether the policy may have moved since it sampled what it learns from."""
        return self.delay > 0 or self.piece > 0

    @property
    def objective(self) -> losses.Objective:
        """The published loss with what is set of it."""
        choices = ("ratio", "average", "clip_low", "clip_high", "tau")
        return losses.chosen(self.loss, **{name: getattr(self, name) for name in choices})

    @property
    def every_row(self) -> bool:
        """Whether completions without an advantage change the gradient too."""
        pulled = self.beta != 0 or not self.objective.skips_zero_advantage
        return pulled or self.gae is not None or self.credit != "answer"
