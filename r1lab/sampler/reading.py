"""Read the prompts, each once, and expand what they leave in the cache to their groups."""

import torch
import torch.nn.functional as F

from r1lab.sampler.cache import Cache
from r1lab.sampler.forward import forward, predict
from r1lab.sampler.weights import Weights

READ = 16384  # tokens of prompts that are read at once


def read(w: Weights, prompts: list[list[int]], group: int, max_new: int):
    """(logits of the first tokens (N, V), lengths of the prompts (N,), their `Cache`).

    N = P * group completions, group by group. P prompts are padded on the left to the longest.
    """
    longest = max(map(len, prompts))
    cache = Cache(w, len(prompts) * group, longest + max_new)
    found, few = [], max(1, READ // longest)
    for i in range(0, len(prompts), few):
        prefix, *rest = _prefix(w, prompts[i : i + few], longest)
        found.append(rest)
        at = slice(i * group, (i + few) * group)
        for (keys, values), (k, v) in zip(cache.layers, prefix, strict=True):
            keys[at, :, :longest] = k.repeat_interleave(group, 0)
            values[at, :, :longest] = v.repeat_interleave(group, 0)
    del prefix
    logits, lengths, padding = (
        torch.cat(parts).repeat_interleave(group, 0) for parts in zip(*found, strict=True)
    )
    cache.hide(padding)
    return logits, lengths, cache


def _prefix(w: Weights, prompts, longest: int):
    """Run P prompts, padded to S = longest: for each layer keys and values (P, K, S, D); logits of
    their last tokens (P, V); lengths (P,); what is padding (P, S)."""
    device, dtype, P = w.embed.device, w.embed.dtype, len(prompts)
    ids = torch.zeros(P, longest, dtype=torch.long)
    for row, prompt in zip(ids, prompts, strict=True):
        row[longest - len(prompt) :] = torch.tensor(prompt)
    lengths = torch.tensor([len(p) for p in prompts], device=device)
    pads, slots = longest - lengths, torch.arange(longest, device=device)
    padding = slots[None] < pads[:, None]
    future = slots[None, :] > slots[:, None]
    itself = torch.eye(longest, dtype=torch.bool, device=device)  # padding must look somewhere
    blocked = (padding[:, None] | future[None]) & ~itself
    mask = torch.zeros(P, 1, longest, longest, dtype=dtype, device=device)
    mask.masked_fill_(blocked[:, None], torch.finfo(dtype).min)
    prefix = []

    def attend(_, q, k, v):
        q, k, v = (x.view(P, longest, -1, w.head_dim).transpose(1, 2) for x in (q, k, v))
        prefix.append((k.contiguous(), v.contiguous()))  # else q stays too
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        return o.transpose(1, 2)

    positions = (slots[None] - pads[:, None]).clamp(min=0)
    x = forward(w, ids.to(device).flatten(), positions.flatten(), attend)
    return prefix, predict(w, x.view(P, longest, -1)[:, -1]), lengths, padding
