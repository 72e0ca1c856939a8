"""Draw the next tokens from their logits."""

import torch
import torch.nn.functional as F

LARGE = 4096  # words of a vocabulary, from which a random number for each of them takes long


def choose(
    logits, temperature: float, generator, large: int = LARGE
) -> tuple[torch.Tensor, torch.Tensor]:
    """One token a row of logits (B, V) and its log-probability: (B,), (B,).

    temperature 0 takes the likeliest token, with its log-probability at temperature 1. From a
    vocabulary of `large` words on, a row takes one random number.
    """
    if temperature == 0:
        token = logits.argmax(-1)
        return token, F.log_softmax(logits.float(), -1).gather(1, token[:, None])[:, 0]
    logps = F.log_softmax(logits.float() / temperature, -1)
    token = (_race if logps.shape[1] < large else _point)(logps, generator)
    return token[:, 0], logps.gather(1, token)[:, 0]


def _race(logps, generator) -> torch.Tensor:
    """(B, 1) words drawn: what torch.multinomial does, unchecked."""
    race = torch.empty_like(logps).exponential_(generator=generator)
    return (logps.exp() / race).argmax(-1, keepdim=True)


def _point(logps, generator) -> torch.Tensor:
    """(B, 1) words drawn, with one random number a row instead of one a word."""
    reached = logps.exp().cumsum(-1, dtype=torch.float64)
    at = torch.rand(len(logps), 1, dtype=torch.float64, device=logps.device, generator=generator)
    found = torch.searchsorted(reached, at * reached[:, -1:], right=True)
    return found.clamp(max=logps.shape[1] - 1)
