"""Direct preference optimisation from scratch: make the chosen completion of a pair likelier than
the rejected one (Rafailov et al. 2023; Kimi k1.5, 2.4, uses it to shorten answers).

Left out: where the pairs come from, and the variants of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from peft import PeftModel

from r1lab import curriculum, losses, policy, sft
from r1lab.models import reference
from r1lab.policy import Learner, Update


def train(learner: Learner, pairs, config: Config, start=0) -> Iterator[Update]:
    """Steps start+1 ... config.steps, each an update on the next P pairs.

    pairs: (prompt, chosen, rejected) texts to draw from. The reference is that of
    `models.reference`: the base, or where the stage started. The caller writes records and saves
    `policy.state`; leaving the loop early is safe. Raises ValueError without LoRA and as
    `sft.tokens` does.
    """
    check(learner)
    examples = sft.tokens(learner, pairs, config.max_new)
    for step in range(start + 1, config.steps + 1):
        drawn = curriculum.uniform(examples, config.prompts, config.seed, step)
        yield Update(step, update(learner, drawn, config))


def update(learner: Learner, examples, config: Config) -> dict[str, float]:
    """One optimizer step on P examples, (prompt, chosen, rejected) token ids each.

    Gives the means of loss and of chosen and rejected, each beta * log(policy / reference) of a
    whole completion; preferred, the share of pairs whose chosen is above its rejected; grad_norm
    before it is cut; update_tokens, that went forward and back.
    """
    batch = sft.batch_of(examples)  # rows 2i and 2i + 1 are pair i

    def loss_of(rows, logps, mask):
        with torch.no_grad(), reference(learner.model):
            ref, _ = policy.logps(learner.model, batch, rows, config.temperature)
        now, before = ((each * mask).sum(1).view(-1, 2) for each in (logps, ref))
        found, chosen, rejected = losses.dpo_loss(*now.T, *before.T, config.beta)
        seen = {"chosen": chosen, "rejected": rejected, "preferred": chosen > rejected}
        total = {name: float(values.sum()) / len(examples) for name, values in seen.items()}
        return found.sum() / len(examples), total

    return policy.step(learner, batch, range(2 * len(examples)), loss_of, config, together=2)


def check(learner: Learner) -> None:
    """Raises ValueError for a model whose weights all learn: it has no reference left."""
    if not isinstance(learner.model, PeftModel):
        raise ValueError("DPO needs LoRA, whose start is the reference: train LoRA")


@dataclass(frozen=True)
class Config(sft.Config):
    """The method. beta: how dear it is to leave the reference (Rafailov et al. 2023: 0.1)."""

    beta: float = 0.1
