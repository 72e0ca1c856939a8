"""Sample completions fast, on any Llama- or Qwen2-shaped model, with or without LoRA.

`model.generate` runs a prompt once per completion, grows its cache by copying at every
token, calls Python for every layer's LoRA, and computes finished rows to the end. Here
the prompt of a group is computed once and its cache expanded, the cache has its full size
from the start, LoRA is folded into copies of the weights while sampling (the model's own
weights are never touched), query, key and value are one product, and finished rows leave
the batch. The log-probabilities of the sampled tokens come for free.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PeftModel
from peft.tuners.lora import Linear as LoraLinear


@dataclass(frozen=True)
class Completions:
    """N completions in the order of their prompts (group by group), right-padded to T.

    ids (N, T): sampled tokens, end token included. logps (N, T): their log-probabilities
    at the sampling temperature, 0 behind the end. lengths (N,): tokens, end token
    included. ended (N,): False where the cap cut the completion.
    """

    ids: torch.Tensor
    logps: torch.Tensor
    lengths: torch.Tensor
    ended: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """(N, T) True at real tokens, the end token among them. By length, never by
        comparing with the pad token: where pad equals eos that would untrain the end."""
        return torch.arange(self.ids.shape[1], device=self.ids.device) < self.lengths[:, None]

    def texts(self, tokenizer) -> list[str]:
        """The completions as text, without the end token."""
        rows = [row[:n] for row, n in zip(self.ids.tolist(), self.lengths.tolist(), strict=True)]
        return tokenizer.batch_decode(rows, skip_special_tokens=True)


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
    weight = linear.get_base_layer().weight.detach()
    if linear.disable_adapters or linear.merged:
        return weight
    delta = sum(linear.get_delta_weight(name) for name in linear.active_adapters)
    return (weight.float() + delta.float()).to(weight.dtype)


def _bias(linear):
    base = linear.get_base_layer() if isinstance(linear, LoraLinear) else linear
    return None if base.bias is None else base.bias.detach()


class Sampler:
    """A frozen copy of a policy that samples. Make a new one after each update.

    Raises TypeError for a model that is not Llama- or Qwen2-shaped.
    """

    def __init__(self, model):
        if isinstance(model, PeftModel):
            model = model.get_base_model()
        self.config = c = model.config
        if c.model_type not in ("llama", "qwen2"):
            raise TypeError(f"the sampler knows llama and qwen2 models, not {c.model_type!r}")
        self.head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
        self.kv_heads, self.heads = c.num_key_value_heads, c.num_attention_heads
        self.eps = c.rms_norm_eps
        self.embed = model.get_input_embeddings().weight.detach()
        self.head = model.get_output_embeddings().weight.detach()
        self.final_norm = model.model.norm.weight.detach()
        self.rotary = model.model.rotary_emb
        self.layers = [self._pack(layer) for layer in model.model.layers]

    @staticmethod
    def _pack(layer) -> _Layer:
        a, m = layer.self_attn, layer.mlp
        biases = [_bias(x) for x in (a.q_proj, a.k_proj, a.v_proj)]
        return _Layer(
            norm1=layer.input_layernorm.weight.detach(),
            qkv=torch.cat([_weight(a.q_proj), _weight(a.k_proj), _weight(a.v_proj)]),
            qkv_bias=None if biases[0] is None else torch.cat(biases),
            out=_weight(a.o_proj),
            out_bias=_bias(a.o_proj),
            norm2=layer.post_attention_layernorm.weight.detach(),
            gate_up=torch.cat([_weight(m.gate_proj), _weight(m.up_proj)]),
            down=_weight(m.down_proj),
        )

    def _norm(self, x, weight):
        return F.rms_norm(x.float(), x.shape[-1:], eps=self.eps).to(x.dtype) * weight

    def _forward(self, ids, positions, cache, start: int, mask):
        """Logits (B, V) of the last position of ids (B, S); writes keys and values of the S
        tokens into cache[layer] (2, B, K, capacity, D) at `start`. mask (B, 1, S, start+S) adds."""
        B, S = ids.shape
        x = self.embed[ids]
        cos, sin = self.rotary(x, positions)
        cos, sin = cos[:, :, None], sin[:, :, None]  # (B, S, 1, D)
        q_size, kv_size = self.heads * self.head_dim, self.kv_heads * self.head_dim
        for layer, kept in zip(self.layers, cache, strict=True):
            h = F.linear(self._norm(x, layer.norm1), layer.qkv, layer.qkv_bias)
            q, k, v = h.split([q_size, kv_size, kv_size], dim=-1)
            q = _rotate(q.view(B, S, self.heads, self.head_dim), cos, sin)
            k = _rotate(k.view(B, S, self.kv_heads, self.head_dim), cos, sin)
            kept[0, :, :, start : start + S] = k.transpose(1, 2)
            kept[1, :, :, start : start + S] = v.view(B, S, self.kv_heads, self.head_dim).transpose(1, 2)
            keys, values = kept[0, :, :, : start + S], kept[1, :, :, : start + S]
            if S == 1:  # the heads that share a key form a short query of their own
                q = q.view(B, self.kv_heads, -1, self.head_dim)
                o = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
            else:
                o = F.scaled_dot_product_attention(
                    q.transpose(1, 2), keys, values, attn_mask=mask, enable_gqa=True
                ).transpose(1, 2)
            x = x + F.linear(o.reshape(B, S, -1), layer.out, layer.out_bias)
            gate, up = F.linear(self._norm(x, layer.norm2), layer.gate_up).chunk(2, dim=-1)
            x = x + F.linear(F.silu(gate) * up, layer.down)
        return F.linear(self._norm(x[:, -1], self.final_norm), self.head)

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
        device, dtype = self.embed.device, self.embed.dtype
        P, N = len(prompts), len(prompts) * group
        ids = torch.zeros(P, longest, dtype=torch.long, device=device)
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        for row, prompt in zip(ids, prompts, strict=True):
            row[longest - len(prompt) :] = torch.tensor(prompt)
        pads = longest - lengths  # (P,)
        slots = torch.arange(longest, device=device)
        hidden = slots[None] < pads[:, None]  # (P, S): left padding
        future = slots[None, :] > slots[:, None]
        blocked = (hidden[:, None] | future[None]) & ~torch.eye(longest, dtype=torch.bool, device=device)
        mask = torch.zeros(P, 1, longest, longest, dtype=dtype, device=device)
        mask.masked_fill_(blocked[:, None], torch.finfo(dtype).min)
        positions = (slots[None] - pads[:, None]).clamp(min=0)
        shape = (len(self.layers), 2, P, self.kv_heads, longest, self.head_dim)
        prefix = torch.zeros(shape, dtype=dtype, device=device)
        logits = self._forward(ids, positions, prefix, 0, mask)

        capacity = longest + max_new
        cache = torch.zeros(
            (*shape[:2], N, self.kv_heads, capacity, self.head_dim), dtype=dtype, device=device
        )
        cache[:, :, :, :, :longest] = prefix.repeat_interleave(group, dim=2)
        logits = logits.repeat_interleave(group, dim=0)
        lengths = lengths.repeat_interleave(group)
        open_mask = torch.zeros(N, 1, 1, capacity, dtype=dtype, device=device)
        open_mask[..., :longest].masked_fill_(
            hidden.repeat_interleave(group, 0)[:, None, None], torch.finfo(dtype).min
        )
        out = torch.zeros(N, max_new, dtype=torch.long, device=device)
        logps = torch.zeros(N, max_new, device=device)
        count = torch.full((N,), max_new, device=device)
        ended = torch.zeros(N, dtype=torch.bool, device=device)
        rows = torch.arange(N, device=device)  # which completions the batch still holds
        live = torch.ones(N, dtype=torch.bool, device=device)  # of those, not ended yet
        for t in range(max_new):
            token, logp = _choose(logits, temperature, generator)
            out[rows[live], t], logps[rows[live], t] = token[live], logp[live]
            stopped = live & (token == stop)
            count[rows[stopped]], ended[rows[stopped]] = t + 1, True
            live = live & ~stopped
            left = int(live.sum())
            if left == 0 or t + 1 == max_new:
                break
            if left <= 0.8 * len(rows):  # copying the cache pays only when enough rows go
                rows, token, lengths, open_mask = rows[live], token[live], lengths[live], open_mask[live]
                cache = cache[:, :, live]
                live = live[live]
            end = longest + t + 1
            logits = self._forward(
                token[:, None], (lengths + t)[:, None], cache, end - 1, open_mask[..., :end]
            )
        width = int(count.max())
        return Completions(out[:, :width], logps[:, :width], count, ended)


def _rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-b, a], dim=-1) * sin


def _choose(logits, temperature: float, generator):
    """One token a row and its log-probability: (B,), (B,)."""
    if temperature == 0:
        token = logits.argmax(-1)
        return token, F.log_softmax(logits.float(), -1).gather(1, token[:, None])[:, 0]
    logps = F.log_softmax(logits.float() / temperature, -1)
    token = torch.multinomial(logps.exp(), 1, generator=generator)
    return token[:, 0], logps.gather(1, token)[:, 0]
