"""Sample completions fast, on any Llama- or Qwen2-shaped model, with or without LoRA.

`model.generate` runs a prompt once per completion, grows its cache by copying at every
token, calls Python for every layer's LoRA, and computes finished rows to the end. Here
the prompt of a group is computed once and its cache expanded, the cache has its full size
from the start, LoRA is folded into copies of the weights while sampling (the model's own
weights are never touched), query, key and value are one product, and finished rows leave
the batch. The log-probabilities of the sampled tokens come for free.

On a graphics card a decode step is captured once as a CUDA graph and replayed, so that
hundreds of small kernels start as one. Memory is bounded: groups wait their turn when the
cache of all of them would exceed `cache_gib`.
"""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PeftModel
from peft.tuners.lora import Linear as LoraLinear

from r1lab.sampler.captured import Captured
from r1lab.sampler.completions import Completions, cut, generate, joined

KNOWN = ("llama", "qwen2")
LARGE = (
    4096  # words of a vocabulary, from which drawing a number for each of them is what takes long
)
CACHE_GIB = 4.0  # memory that keys and values may take
READ = 16384  # tokens of prompts that are read at once
SMALL = (
    1e8  # floating-point operations of a step's largest product, below which one thread is faster
)


@dataclass(frozen=True)
class _Layer:
    norm1: torch.Tensor
    qkv: torch.Tensor  # (q + 2 kv, hidden), LoRA folded in
    qkv_bias: torch.Tensor | None
    out: torch.Tensor
    out_bias: torch.Tensor | None
    norm2: torch.Tensor
    gate_up: torch.Tensor
    down: torch.Tensor


def _weight(linear) -> torch.Tensor:
    """A linear layer's weight with its LoRA folded in, as a copy; the layer stays as it is."""
    if not isinstance(linear, LoraLinear):
        return linear.weight.detach()
    weight = _plain(linear).weight.detach()
    if linear.disable_adapters or linear.merged:
        return weight
    delta = sum(linear.get_delta_weight(name) for name in linear.active_adapters)
    return (weight.float() + delta.float()).to(weight.dtype)


def _plain(linear):
    return linear.get_base_layer() if isinstance(linear, LoraLinear) else linear


def _bias(linear):
    """A linear layer's bias; None where there is none, or only zeros."""
    base = _plain(linear)
    return None if base.bias is None or not base.bias.any() else base.bias.detach()


class Sampler:
    """A frozen copy of a policy that samples. Make a new one after each update.

    cache_gib: the most memory the keys and values may take, in GiB; one group at least is
    always sampled. What does not fit at once comes in turns, which changes the order in which
    random numbers are drawn, so compare runs under one bound. A model that is not Llama- or
    Qwen2-shaped is sampled through `generate`, with a warning that says so.
    """

    def __init__(self, model, cache_gib: float = CACHE_GIB):
        self.cache_gib = cache_gib
        self.model = model if model.config.model_type not in KNOWN else None
        if self.model is not None:
            warnings.warn(f"the sampler knows {' and '.join(KNOWN)} models, not {model.config.model_type}: "
                          "using generate, which is several times slower", stacklevel=2)  # fmt: skip
        if isinstance(model, PeftModel):
            model = model.get_base_model()
        self.config = c = model.config
        self.embed = model.get_input_embeddings().weight.detach()
        if self.model is not None:
            return
        self.head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
        self.kv_heads, self.heads = c.num_key_value_heads, c.num_attention_heads
        self.eps = c.rms_norm_eps
        self.head = model.get_output_embeddings().weight.detach()
        self.final_norm = model.model.norm.weight.detach()
        places = torch.arange(c.max_position_embeddings, device=self.embed.device)[None]
        cos, sin = model.model.rotary_emb(
            self.embed[:1], places
        )  # (1, positions, D), in the weights' type
        half = torch.ones(self.head_dim, dtype=sin.dtype, device=sin.device)
        half[: self.head_dim // 2] = -1
        self.cos, self.sin = cos[0, :, None], (sin * half)[0, :, None]
        self.layers = [self._pack(layer) for layer in model.model.layers]

    @staticmethod
    def _pack(layer) -> _Layer:
        a, m = layer.self_attn, layer.mlp
        parts = a.q_proj, a.k_proj, a.v_proj
        has_bias = any(_bias(x) is not None for x in parts)
        return _Layer(
            norm1=layer.input_layernorm.weight.detach(),
            qkv=torch.cat([_weight(x) for x in parts]),
            qkv_bias=torch.cat([_plain(x).bias.detach() for x in parts]) if has_bias else None,
            out=_weight(a.o_proj),
            out_bias=_bias(a.o_proj),
            norm2=layer.post_attention_layernorm.weight.detach(),
            gate_up=torch.cat([_weight(m.gate_proj), _weight(m.up_proj)]),
            down=_weight(m.down_proj),
        )

    @torch.inference_mode()
    def sample(self, prompts: list[list[int]], group: int, max_new: int, stop: int, generator: torch.Generator | None,
               temperature: float = 1.0) -> Completions:  # fmt: skip
        """`group` completions for each of P prompts (token ids), N = P * group in all.

        stop: the end token. temperature 0 is greedy and needs no generator. Raises
        ValueError where a prompt is empty or prompt and completion exceed the model's context.
        """
        longest = max(map(len, prompts))
        if min(map(len, prompts)) == 0:
            raise ValueError("a prompt is empty: give at least one token")
        if longest + max_new > self.config.max_position_embeddings:
            raise ValueError(
                f"prompt ({longest}) and completion ({max_new}) exceed the model's "
                f"{self.config.max_position_embeddings} positions: lower max_new"
            )
        if self.model is not None:
            return generate(self.model, prompts, group, max_new, stop, generator, temperature)
        at_once = max(1, int(self.cache_gib * 2**30 / self.cache_bytes(group, longest + max_new)))
        with self._threads(min(len(prompts), at_once) * group):
            parts = [
                self._sample(prompts[i : i + at_once], group, max_new, stop, generator, temperature)
                for i in range(0, len(prompts), at_once)
            ]
        return parts[0] if len(parts) == 1 else joined(parts)

    def cache_bytes(self, rows: int, positions: int) -> int:
        """Bytes that the keys and values of `rows` completions of `positions` tokens take."""
        numbers = 2 * len(self.layers) * rows * self.kv_heads * positions * self.head_dim
        return numbers * self.embed.element_size()

    @contextmanager
    def _threads(self, rows: int):
        """One thread where a step's products are small: waking a second one takes longer than it saves."""
        before = torch.get_num_threads()
        if 2 * rows * self.layers[0].gate_up.numel() < SMALL:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _sample(self, prompts, group, max_new, stop, generator, temperature) -> Completions:
        device, N = self.embed.device, len(prompts) * group
        longest = max(map(len, prompts))
        K, D, C = self.kv_heads, self.head_dim, longest + max_new
        cache = [
            (self.embed.new_zeros(N, K, D, C), self.embed.new_zeros(N, K, C, D))
            for _ in self.layers
        ]
        found, few = [], max(1, READ // longest)
        for i in range(0, len(prompts), few):
            prefix, *rest = self._read(prompts[i : i + few], longest)
            found.append(rest)
            at = slice(i * group, (i + few) * group)
            for (keys, values), (k, v) in zip(cache, prefix, strict=True):
                keys[at, ..., :longest] = k.repeat_interleave(group, 0)
                values[at, :, :longest] = v.repeat_interleave(group, 0)
        del prefix
        logits, hidden, lengths = (
            torch.cat(parts).repeat_interleave(group, 0) for parts in zip(*found, strict=True)
        )
        hidden = hidden if hidden.any() else None  # no padding, no mask
        out = torch.full((N, max_new), stop, device=device)
        logps = torch.zeros(N, max_new, device=device)
        rows = torch.arange(N, device=device)  # which completions the batch still holds
        live = torch.ones(N, dtype=torch.bool, device=device)  # of those, not ended yet
        decode = self._decoder(cache, hidden)
        for t in range(max_new):
            token, logp = _choose(logits, temperature, generator)
            here = slice(None) if len(rows) == N else rows
            out[here, t], logps[here, t] = token, logp
            live = live & (token != stop)
            left = int(live.sum())
            if left == 0 or t + 1 == max_new:
                break
            if left <= 0.8 * len(rows):  # copying the cache pays only when enough rows go
                rows, token, lengths = rows[live], token[live], lengths[live]
                decode = None  # it holds the cache
                for i, (keys, values) in enumerate(cache):
                    cache[i] = keys[live], values[live]
                hidden = None if hidden is None else hidden[live]
                live = live[live]
                decode = self._decoder(cache, hidden)
            logits = decode(token, lengths + t, longest + t)
        return cut(out[:, : t + 1], logps[:, : t + 1], stop)

    def _read(self, prompts, longest: int):
        """Run P prompts, padded on the left to S = longest: for each layer keys (P, K, D, S) and values
        (P, K, S, D); logits of their last tokens (P, V); which slots are padding (P, S); lengths (P,)."""
        device, dtype, P = self.embed.device, self.embed.dtype, len(prompts)
        ids = torch.zeros(P, longest, dtype=torch.long)
        for row, prompt in zip(ids, prompts, strict=True):
            row[longest - len(prompt) :] = torch.tensor(prompt)
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        pads, slots = longest - lengths, torch.arange(longest, device=device)
        hidden = slots[None] < pads[:, None]  # (P, S): left padding
        future = slots[None, :] > slots[:, None]
        blocked = (hidden[:, None] | future[None]) & ~torch.eye(
            longest, dtype=torch.bool, device=device
        )
        mask = torch.zeros(P, 1, longest, longest, dtype=dtype, device=device)
        mask.masked_fill_(blocked[:, None], torch.finfo(dtype).min)
        cache = []

        def attend(layer, q, k, v):
            q, k, v = (x.view(P, longest, -1, self.head_dim).transpose(1, 2) for x in (q, k, v))
            cache.append(
                (k.transpose(2, 3).contiguous(), v.contiguous())
            )  # else their projections stay too
            o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
            return o.transpose(1, 2)

        positions = (slots[None] - pads[:, None]).clamp(min=0)
        x = self._forward(ids.to(device).flatten(), positions.flatten(), attend)
        return cache, self._head(x.view(P, longest, -1)[:, -1]), hidden, lengths

    def _decoder(self, cache, hidden):
        """The function (token (B,), position (B,), slot) -> logits (B, V) for this batch: a step that
        writes keys and values at `slot` of the cache and looks at all slots up to it."""
        B, K, D, C = cache[0][0].shape
        mask = self._mask(cache, hidden)
        if self.embed.device.type == "cuda":
            return Captured(self._step, cache, mask)
        if (
            self.embed.dtype != torch.float32
        ):  # a half-precision product of scores would lose digits
            places = torch.arange(C)
            return lambda token, position, slot: self._step(
                cache, mask, slot + 1, token, position, torch.tensor([slot]), places
            )
        flat = [(keys.view(B * K, D, C), values.view(B * K, C, D)) for keys, values in cache]
        before = 0 if hidden is None else hidden.shape[1]
        mask = (
            None
            if mask is None
            else mask[:, 0, :, :before].expand(B, K, before).reshape(B * K, 1, before)
        )
        nothing = torch.zeros(1, 1, 1)

        def step(token, position, slot: int):
            def attend(layer, q, k, v):
                cache[layer][0][..., slot], cache[layer][1][:, :, slot] = k, v
                keys, values = flat[layer]
                q, keys = q.reshape(B * K, -1, D), keys[..., : slot + 1]
                scores = torch.baddbmm(nothing, q, keys, beta=0, alpha=D**-0.5)
                if mask is not None:
                    scores[..., :before] += mask
                return torch.bmm(scores.softmax(-1), values[:, : slot + 1])

            return self._head(self._forward(token, position, attend))

        return step

    def _step(self, cache, mask, width: int, token, position, slot, places):
        """A step over the first `width` slots of the cache, those behind the tensor `slot` masked:
        its shapes depend on nothing that changes from token to token."""
        B, K, D, _ = cache[0][0].shape
        seen = torch.zeros(width, dtype=self.embed.dtype, device=token.device)
        seen = seen.masked_fill(places[:width] > slot, torch.finfo(self.embed.dtype).min).expand(
            B, 1, 1, width
        )
        if mask is not None:
            seen = torch.minimum(seen, mask[..., :width])

        def attend(layer, q, k, v):
            keys, values = cache[layer]
            keys.index_copy_(3, slot, k[..., None])
            values.index_copy_(2, slot, v[:, :, None])
            q = q.reshape(B, K, -1, D)  # heads that share a key: a short query of their own
            here = keys[..., :width].transpose(2, 3), values[:, :, :width]
            return F.scaled_dot_product_attention(
                q, *here, attn_mask=seen.expand(B, 1, q.shape[2], width)
            )

        return self._head(self._forward(token, position, attend))

    @staticmethod
    def _mask(cache, hidden):
        """(B, 1, 1, C), to be added to the scores: the padding before short prompts. None where
        there is none."""
        if hidden is None:
            return None
        keys = cache[0][0]
        mask = torch.zeros(len(hidden), 1, 1, keys.shape[-1], dtype=keys.dtype, device=keys.device)
        mask[..., : hidden.shape[1]].masked_fill_(
            hidden[:, None, None], torch.finfo(keys.dtype).min
        )
        return mask

    def _forward(self, ids, positions, attend):
        """Hidden states (N, width) behind the last layer of N tokens. attend(layer, q (N, H, D),
        k and v (N, K, D)) keeps keys and values and gives the heads' outputs, N x (H * D) in all."""
        D, H, K = self.head_dim, self.heads, self.kv_heads
        x = self.embed[ids]
        cos, sin = self.cos[positions], self.sin[positions]  # (N, 1, D)
        for i, layer in enumerate(self.layers):
            h = F.linear(self._norm(x, layer.norm1), layer.qkv, layer.qkv_bias).view(len(x), -1, D)
            qk = h[:, : H + K]
            qk = torch.addcmul(
                qk * cos, qk.roll(D // 2, -1), sin
            )  # rotary: the halves change places
            o = attend(i, qk[:, :H], qk[:, H:], h[:, H + K :])
            x = self._add(x, o.reshape(len(x), -1), layer.out, layer.out_bias)
            gate, up = F.linear(self._norm(x, layer.norm2), layer.gate_up).chunk(2, dim=-1)
            x = self._add(x, F.silu(gate, inplace=True).mul_(up), layer.down, None)
        return x

    @staticmethod
    def _add(x, y, weight, bias):
        """x + linear(y): in float32 as one operation."""
        if x.dtype == torch.float32 and bias is None:
            return torch.addmm(x, y, weight.t())
        return x + F.linear(y, weight, bias)

    def _head(self, x):
        return F.linear(self._norm(x, self.final_norm), self.head)

    def _norm(self, x, weight):
        if x.dtype == torch.float32:
            return F.rms_norm(x, weight.shape, weight, self.eps)
        return F.rms_norm(x.float(), x.shape[-1:], eps=self.eps).to(x.dtype) * weight


def _choose(logits, temperature: float, generator):
    """One token a row and its log-probability: (B,), (B,)."""
    if temperature == 0:
        token = logits.argmax(-1)
        return token, F.log_softmax(logits.float(), -1).gather(1, token[:, None])[:, 0]
    logps = F.log_softmax(logits.float() / temperature, -1)
    if logps.shape[1] < LARGE:
        race = torch.empty_like(logps).exponential_(
            generator=generator
        )  # what torch.multinomial does, unchecked
        token = (logps.exp() / race).argmax(-1, keepdim=True)
    else:  # one random number a row instead of one a word
        reached = logps.exp().cumsum(-1, dtype=torch.float64)
        at = torch.rand(
            len(logps), 1, dtype=torch.float64, device=logps.device, generator=generator
        )
        token = torch.searchsorted(reached, at * reached[:, -1:], right=True).clamp(
            max=logps.shape[1] - 1
        )
    return token[:, 0], logps.gather(1, token)[:, 0]
