"""Take a decode step: B new tokens, one a row, that look at all slots of the cache up to theirs.

On a CPU plain products by numpy, in float32 whatever the weights are: a score that is rounded to
half precision would lose digits. On a graphics card one fused attention, recorded as a CUDA graph
(`captured`).
"""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from r1lab.sampler.cache import Cache
from r1lab.sampler.captured import Captured
from r1lab.sampler.forward import forward, predict
from r1lab.sampler.weights import Weights


def decoder(w: Weights, cache: Cache):
    """The function (token (B,), position (B,), slot) -> logits (B, V) for this batch, which
    writes keys and values at `slot`. It holds the cache; make a new one when rows have left."""
    if w.embed.device.type == "cuda":
        return Captured(partial(step, w, cache), cache.capacity)
    return _plain(w, cache)


def _plain(w: Weights, cache: Cache):
    """`decoder` on a CPU. A row's products are tiny, and numpy's matrix library takes half the time
    of torch's for them."""
    B, K, C, D = cache.layers[0][0].shape
    flat = [(keys.view(B * K, C, D), values.view(B * K, C, D)) for keys, values in cache.layers]
    room = torch.empty(B * K, w.heads // K, C)  # the scores
    mask, prompt = cache.mask, 0
    if mask is not None:
        prompt = mask.shape[-1]
        mask = mask[:, 0].expand(B, K, prompt).reshape(B * K, 1, prompt)

    def decode(token, position, slot: int):
        scores = room[..., : slot + 1]

        def attend(layer, q, k, v):
            keys, values = flat[layer]
            keys[:, slot], values[:, slot] = k.reshape(B * K, D), v.reshape(B * K, D)
            q32 = (q.float() * D**-0.5).reshape(B * K, -1, D)
            keys = keys[:, : slot + 1].transpose(1, 2)
            np.matmul(q32.numpy(), keys.numpy(), out=scores.numpy())
            if mask is not None:
                scores[..., :prompt] += mask
            shares = scores.softmax(-1).numpy()
            return torch.from_numpy(np.matmul(shares, values[:, : slot + 1].numpy())).to(q.dtype)

        return predict(w, forward(w, token, position, attend))

    return decode


def step(w: Weights, cache: Cache, width: int, token, position, slot):
    """Logits (B, V) of a step over the first `width` slots of the cache, those behind the tensor
    `slot` (1,) masked: its shapes depend on nothing that changes from token to token."""
    B, K, _, D = cache.layers[0][0].shape
    low = torch.finfo(w.embed.dtype).min
    seen = torch.zeros(width, dtype=w.embed.dtype, device=token.device)
    seen = seen.masked_fill(torch.arange(width, device=token.device) > slot, low)
    seen = seen.expand(B, 1, 1, width)
    if cache.mask is not None:
        seen = torch.minimum(seen, F.pad(cache.mask, (0, width - cache.mask.shape[-1])))

    def attend(layer, q, k, v):
        keys, values = cache.layers[layer]
        keys.index_copy_(2, slot, k[:, :, None])
        values.index_copy_(2, slot, v[:, :, None])
        q = q.reshape(B, K, -1, D)  # heads that share a key: a short query of their own
        mask = seen.expand(B, 1, q.shape[2], width)
        here = keys[:, :, :width], values[:, :, :width]
        return F.scaled_dot_product_attention(q, *here, attn_mask=mask)

    return predict(w, forward(w, token, position, attend))
