"""What examples teach: imitate a completion (SFT), prefer one to another (DPO)."""

import torch
from torch import Tensor

from r1lab.losses.policy import aggregate


def sft_loss(logps: Tensor, mask: Tensor, divisor: float | Tensor | None = None) -> Tensor:
    """Minus the mean log-probability of a completion's token, every token alike.

    logps, mask: (N, T), the mask true on the example's tokens, prompt and padding apart;
    returns: a scalar, nats a token. In micro-batches: pass the tokens of the whole step as
    `divisor` and losses and gradients add up. Where it is used: DeepSeek-R1 2.3.1 and 2.3.3,
    Kimi k1.5 2.2 and 2.4 (shortest rejection sampling).
    """
    return aggregate(-logps, mask, "step", divisor)


def dpo_loss(
    chosen_logps: Tensor,
    rejected_logps: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Make the chosen completion likelier than the rejected one, measured from a reference.

    All (N,), log-probabilities of whole completions, summed over tokens, N pairs; returns:
    (losses, chosen, rejected), each (N,), Eq. 7 of Rafailov et al. 2023: a completion's
    implicit reward is beta * log(pi/pi_ref), the loss -log sigmoid(chosen - rejected). The
    rewards are for the report and carry no gradient. A step's loss is the mean over its
    pairs; micro-batches sum theirs and divide by the pairs of the step. Kimi k1.5 2.4 uses
    it to shorten answers: chosen the shortest right one, rejected a longer one.
    """
    chosen = beta * (chosen_logps - ref_chosen.detach())
    rejected = beta * (rejected_logps - ref_rejected.detach())
    losses = -torch.nn.functional.logsigmoid(chosen - rejected)
    return losses, chosen.detach(), rejected.detach()
