"""Draw the next tokens from their logits."""

import torch
import torch.nn.functional as F

LARGE = 4096  # words of a vocabulary, from which a random number for each of them takes long
BLOCK = 256  # words whose chances are added up together first
ROWS = 8  # that a CPU chooses for at once: what they need stays in its cache


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
    if logits.shape[1] >= large:
        return _points(logits, temperature, generator)
    logps = F.log_softmax(logits.float() / temperature, -1)
    token = _race(logps, generator)
    return token[:, 0], logps.gather(1, token)[:, 0]


def _race(logps, generator) -> torch.Tensor:
    """(B, 1) words drawn: what torch.multinomial does, unchecked."""
    race = torch.empty_like(logps).exponential_(generator=generator)
    return (logps.exp() / race).argmax(-1, keepdim=True)


def _points(logits, temperature: float, generator) -> tuple[torch.Tensor, torch.Tensor]:
    """`choose` with one random number a row instead of one a word."""
    B, device = len(logits), logits.device
    at = torch.rand(B, 1, dtype=torch.float64, device=device, generator=generator)
    rows = ROWS if device.type == "cpu" else B
    parts = zip(logits.split(rows), at.split(rows), strict=True)
    token, logp = zip(*(_point(part.float() / temperature, x) for part, x in parts), strict=True)
    return torch.cat(token), torch.cat(logp)


def _point(logits, at) -> tuple[torch.Tensor, torch.Tensor]:
    """The word on which `at` (B, 1) from 0 to 1 falls, where each is as wide as it is likely: first
    the block of words, then the word. So only a block is added up word by word."""
    (B, V), top = logits.shape, logits.amax(-1, keepdim=True)
    chances = F.pad((logits - top).exp_(), (0, -V % BLOCK)).view(B, -1, BLOCK)
    reached = chances.sum(-1).double().cumsum(-1)
    at = at * reached[:, -1:]
    block = torch.searchsorted(reached, at, right=True).clamp(max=reached.shape[1] - 1)
    before = torch.where(block > 0, reached.gather(1, (block - 1).clamp(min=0)), 0.0)
    inside = chances.gather(1, block[..., None].expand(-1, -1, BLOCK))[:, 0]
    inside = inside.cumsum(-1, dtype=torch.float64)
    below = torch.nextafter(inside[:, -1:], torch.zeros_like(at))  # the two sums round apart
    word = torch.searchsorted(inside, torch.minimum(at - before, below), right=True)
    token = block * BLOCK + word
    logp = logits.gather(1, token) - top - reached[:, -1:].log().float()
    return token[:, 0], logp[:, 0]
