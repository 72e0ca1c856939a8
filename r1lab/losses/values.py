"""From rewards to advantages with a learned value: generalised advantage estimation."""

import torch
from torch import Tensor


def gae(rewards: Tensor, values: Tensor, mask: Tensor, lam: float) -> Tensor:
    """What each token was worth beyond what the critic expected (Schulman et al. 2016, eq. 16,
    without discount; DeepSeek-R1 v2, A.3).

    rewards, values, mask: (N, T); the reward that comes with each token, the value of the state
    before it; returns: (N, T), sum over k >= t of lam^(k-t) * (r_k + V_{k+1} - V_k), 0 on padding.
    Behind the last token the value is 0. lam=1: what is still earned, minus V_t, whatever the later
    values are; lam=0: one step alone.
    """
    mask = mask.bool()
    rewards, values = rewards.masked_fill(~mask, 0.0), values.masked_fill(~mask, 0.0)
    after = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    surprise = rewards + after - values
    found, ahead = torch.zeros_like(values), torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[1])):
        ahead = surprise[:, t] + lam * ahead
        found[:, t] = ahead
    return found.masked_fill(~mask, 0.0)


def whitened(values: Tensor, mask: Tensor) -> Tensor:
    """(N, T) with mean 0 and deviation 1 over the tokens of the mask, 0 elsewhere."""
    mask = mask.bool()
    seen = values[mask]
    return ((values - seen.mean()) / (seen.std() + 1e-8)).masked_fill(~mask, 0.0)
