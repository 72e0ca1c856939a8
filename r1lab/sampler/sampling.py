"""Sample completions fast, on any Llama- or Qwen2-shaped model, with or without LoRA.

`model.generate` runs a prompt once per completion, grows its cache by copying at every
token, calls Python for every layer's LoRA, and computes finished rows to the end. Here
the prompt of a group is computed once and its cache expanded, the cache has its full size
from the start, LoRA costs nothing (float32) or two small products (`weights`), query, key
and value are one product, and finished rows leave the batch. The log-probabilities of the
sampled tokens come for free. Memory is bounded: groups wait their turn when the cache of
all of them would exceed `cache_gib`.

The parts: `weights` copies the policy, `products` multiplies by it, `forward` runs its layers,
`reading` reads the prompts, `decoding` takes the steps, `choosing` draws the tokens.
"""

import warnings

import torch

from r1lab.sampler.cache import cache_dtype
from r1lab.sampler.choosing import choose
from r1lab.sampler.completions import Completions, cut, generate, joined, repeated
from r1lab.sampler.decoding import decoder
from r1lab.sampler.forward import threads
from r1lab.sampler.reading import read
from r1lab.sampler.weights import KNOWN, copied, known

CACHE_GIB = 4.0  # memory that keys and values may take
FULL = 0.8  # a batch with a larger share of live rows stays: copying its cache would not pay


class Sampler:
    """A frozen copy of a policy that samples. Make a new one after each update.

    cache_gib: the most memory the keys and values may take, in GiB; one group at least is
    always sampled. What does not fit at once comes in turns, which changes the order in which
    random numbers are drawn, so compare runs under one bound. A model that is not Llama- or
    Qwen2-shaped is sampled through `generate`, with a warning that says so. steer(logits (B, V),
    tokens so far (B, T)) gives the logits to draw from instead, see `steering`.
    """

    def __init__(self, model, cache_gib: float = CACHE_GIB, steer=None):
        self.model, self.cache_gib, self.steer = model, cache_gib, steer
        self.weights = None
        if known(model.config):
            self.weights = copied(model)
        elif steer:
            raise ValueError(f"a {model.config.model_type} model cannot be steered, see `known`")
        else:
            warnings.warn(
                f"the sampler knows plain {' and '.join(KNOWN)} models, and not this "
                f"{model.config.model_type}: using generate, which is several times slower",
                stacklevel=2,
            )

    @torch.inference_mode()
    def sample(
        self,
        prompts: list[list[int]],
        group: int,
        max_new: int,
        stop: int,
        generator: torch.Generator | None,
        temperature: float = 1.0,
    ) -> Completions:
        """`group` completions for each of P prompts (token ids), N = P * group in all.

        stop: the end token. temperature 0 is greedy and needs no generator. Raises
        ValueError where a prompt is empty or prompt and completion exceed the model's context.
        """
        longest, room = max(map(len, prompts)), self.model.config.max_position_embeddings
        if min(map(len, prompts)) == 0:
            raise ValueError("a prompt is empty: give at least one token")
        if longest + max_new > room:
            raise ValueError(
                f"prompt ({longest}) and completion ({max_new}) exceed the model's "
                f"{room} positions: lower max_new"
            )
        if self.weights is None:
            asked = repeated(prompts, group)
            return generate(self.model, asked, max_new, stop, generator, temperature)
        taken = self.cache_bytes(group, longest + max_new)
        at_once = max(1, int(self.cache_gib * 2**30 / taken))
        with threads(self.weights, min(len(prompts), at_once) * group):
            parts = [
                self._sample(prompts[i : i + at_once], group, max_new, stop, generator, temperature)
                for i in range(0, len(prompts), at_once)
            ]
        return parts[0] if len(parts) == 1 else joined(parts)

    def cache_bytes(self, rows: int, positions: int) -> int:
        """Bytes that the keys and values of `rows` completions of `positions` tokens take."""
        w = self.weights
        numbers = 2 * len(w.layers) * rows * w.kv_heads * positions * w.head_dim
        return numbers * cache_dtype(w.embed.device.type, w.embed.dtype).itemsize

    def _sample(self, prompts, group, max_new, stop, generator, temperature) -> Completions:
        """The prompts whose cache fits at once: B of their N completions are still in the batch."""
        logits, lengths, cache = read(self.weights, prompts, group, max_new)
        N, longest, device = len(logits), max(map(len, prompts)), logits.device
        out = torch.full((N, max_new), stop, device=device)
        logps = torch.zeros(N, max_new, device=device)
        rows = torch.arange(N, device=device)  # (B,) which completions the batch still holds
        live = torch.ones(N, dtype=torch.bool, device=device)  # (B,) of those, not ended yet
        decode = decoder(self.weights, cache)
        for t in range(max_new):
            here = slice(None) if len(rows) == N else rows
            if self.steer:
                logits = self.steer(logits, out[here, :t])
            token, logp = choose(logits, temperature, generator)
            out[here, t], logps[here, t] = token, logp
            live = live & (token != stop)
            left = int(live.sum())
            if left == 0 or t + 1 == max_new:
                break
            if left <= FULL * len(rows):
                rows, token, lengths = rows[live], token[live], lengths[live]
                decode = None  # it holds the cache
                cache.keep(live)
                decode = decoder(self.weights, cache)
                live = live[live]
            logits = decode(token, lengths + t, longest + t)
        return cut(out[:, : t + 1], logps[:, : t + 1], stop)
