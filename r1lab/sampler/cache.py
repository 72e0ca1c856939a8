"""The keys and values of a batch, of full size from the start."""

import torch

from r1lab.sampler.weights import Weights


def cache_dtype(device: str, dtype: torch.dtype) -> torch.dtype:
    """In which keys and values of a model of that dtype are kept."""
    return torch.float32 if device == "cpu" else dtype


class Cache:
    """Keys and values, (B, K, C, D) each, of each layer, for B rows of up to C tokens; in float32
    on a CPU, see `decoding`.

    K: heads that have keys. Prompts end at the same slot, so a short one has padding before it:
    `mask` (B, 1, 1, S), to be added to the scores of the prompts' S slots, hides it. None where
    no row has any.
    """

    def __init__(self, w: Weights, rows: int, capacity: int):
        self.capacity, self.mask = capacity, None
        kind = cache_dtype(w.embed.device.type, w.embed.dtype)
        shape = 2, rows, w.kv_heads, capacity, w.head_dim
        self.layers = [tuple(w.embed.new_zeros(shape, dtype=kind)) for _ in w.layers]

    def hide(self, padding) -> None:
        """Mask what is padding, (B, S) bool."""
        if padding.any():
            low = torch.finfo(self.layers[0][0].dtype).min
            mask = self.layers[0][0].new_zeros(len(padding), 1, 1, padding.shape[1])
            self.mask = mask.masked_fill_(padding[:, None, None], low)

    def keep(self, live) -> None:
        """Only the rows that `live` (B,) bool names, one layer after the other: both copies of a
        whole cache would not fit."""
        for i, (keys, values) in enumerate(self.layers):
            self.layers[i] = keys[live], values[live]
        if self.mask is not None:
            self.mask = self.mask[live]
