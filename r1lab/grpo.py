"""Group relative policy optimisation from scratch (DeepSeek-R1, 2.2.1): the loop behind R1-Zero.

What a library adds (distribution, logging backends, forty options) is left out; `trl_engine` runs
the same step through TRL, and a test asks both for one loss. All randomness of a step comes from
(seed, step), so a run that was stopped and resumed draws what the uninterrupted run drew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from r1lab import curriculum, losses, policy, rollouts
from r1lab.models import reference
from r1lab.policy import Learner
from r1lab.rollouts import Rollout


def train(learner: Learner, pool, reward_set, config: Config, start=0) -> Iterator[Rollout]:
    """Steps start+1 ... config.steps: a rollout each, with the report of the update made on it.

    pool: the problems to draw from. reward_set: (functions, weights), see `rewards`. The caller
    writes records and saves `policy.state`; leaving the loop early is safe.
    """
    for step in range(start + 1, config.steps + 1):
        problems = curriculum.uniform(pool, config.prompts, config.seed, step)
        roll = rollout(learner, problems, reward_set, config, step)
        yield replace(roll, report=update(learner, roll, config))


def rollout(learner: Learner, problems, reward_set, config: Config, step: int) -> Rollout:
    """Sample G completions for each of P problems, reward them, compare them inside each group."""
    sampled = rollouts.sample(learner, problems, config, step)
    roll = rollouts.rewarded(sampled, problems, reward_set, config, step)
    return replace(roll, advantages=losses.group_advantages(roll.rewards, config.scale))


def update(learner: Learner, roll: Rollout, config: Config) -> dict[str, float | None]:
    """Move the policy: `config.updates` optimizer steps, each on an equal share of the groups.
    Gives the report of `Rollout.line`, see `report`."""
    batch, done, total = roll.batch, roll.completions, Counter()
    advantages = roll.advantages.flatten()
    for share in torch.arange(len(advantages)).chunk(config.updates):
        divisor = losses.loss_divisor(done.mask[share], config.loss, config.max_new)
        # without a KL term a group of equal rewards has no gradient: counted in the divisor alone
        rows = share if config.every_row else share[advantages[share] != 0]

        def loss_of(micro, logps, mask, divisor=divisor):
            sampled = done.logps[micro][:, : mask.shape[1]].to(logps.device)
            old = logps.detach() if config.updates == 1 else sampled  # the policy that sampled
            gain = advantages[micro].to(logps.device)
            given = logps, old, gain, mask, config.loss, config.clip_low, config.clip_high
            loss = losses.policy_loss(*given, divisor)
            seen = {"clipped": float(losses.clip_fraction(*given) * mask.sum())}
            if not total:  # the first update: trainer and sampler should still agree
                gap = (logps.detach() - sampled).abs() * mask
                seen |= {"gap": float(gap.sum()), "compared": int(mask.sum())}
            if config.beta:
                with torch.no_grad(), reference(learner.model):
                    ref, _ = policy.logps(learner.model, batch, micro, config.temperature)
                kl = losses.kl_k3(logps, ref)
                loss = loss + config.beta * losses.aggregate(kl, mask, config.loss, divisor)
                seen["kl"] = float(losses.aggregate(kl.detach(), mask, divisor=len(advantages)))
            return loss, seen

        units = [(row,) for row in rows.tolist()]
        total.update(policy.step(learner, batch, units, loss_of, config))
    return report(roll, total, config)


def report(roll: Rollout, total: Counter, config: Config) -> dict[str, float | None]:
    """What an update says of itself: loss and grad_norm, means over its optimizer steps; kl to the
    reference; clipped, the share of tokens whose gradient the clip took away; entropy of the policy
    that sampled, in nats a token, estimated without bias by minus the mean log-probability of what
    it sampled; logp_gap, how far trainer and sampler are apart, in nats a token (None where no
    token was learnt from); update_tokens, that went forward and back; skipped_groups."""
    done = roll.completions
    return {
        "loss": total["loss"] / config.updates,
        "kl": float(total["kl"]),
        "clipped": total["clipped"] / int(done.mask.sum()),
        "grad_norm": total["grad_norm"] / config.updates,
        "entropy": -float(done.logps[done.mask].mean()),
        "logp_gap": total["gap"] / total["compared"] if total["compared"] else None,
        "update_tokens": total["update_tokens"],
        "skipped_groups": 0 if config.every_row else int(losses.zero_variance(roll.rewards).sum()),
    }


@dataclass(frozen=True)
class Config:
    """The method. Defaults are DeepSeek-R1's where it gives them, but for three: LoRA
    wants a rate some 10-1000 times that of full fine-tuning (R1-Zero: 3e-6); one update a
    rollout (R1: 16), so the ratio is 1 and clipping never acts; no KL term (R1: 0.001)."""

    steps: int = 40
    prompts: int = 16  # P; R1-Zero: 32
    group: int = 8  # G; R1-Zero: 16
    max_new: int = 320
    lr: float = 2e-3
    loss: str = "grpo"
    scale: str = "group"
    clip_low: float = 0.2
    clip_high: float = 0.2
    beta: float = 0.0  # weight of the KL term (k3) against the reference
    updates: int = 1  # optimizer steps a rollout, each on its share of the groups
    temperature: float = 1.0
    max_grad_norm: float = 1.0
    micro_tokens: int = 8192
    template: str = "tiny"
    seed: int = 0

    def __post_init__(self):
        if self.group < 2:
            raise ValueError("a group needs at least 2 completions: an advantage compares them")
        if self.updates < 1 or self.prompts % self.updates:
            raise ValueError(
                f"updates must divide prompts: {self.prompts} prompts make no {self.updates} "
                "equal shares"
            )

    @property
    def every_row(self) -> bool:
        """Whether completions without an advantage change the gradient too."""
        return self.beta != 0 or self.loss == "bnpo"  # bnpo divides by the micro-batch's own tokens
