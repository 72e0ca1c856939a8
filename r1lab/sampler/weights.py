"""A policy's weights as the sampler wants them: what reads the same input is one product.

In float32 LoRA is folded into copies of the weights. In half precision a small change would
round away there: the step between two neighbours of a float16 or bfloat16 weight is larger
than what many updates add. So LoRA stays apart, in the dtype in which the trainer computes
it too (`models.precision`). The model's own weights are never touched. Where it pays, `products`
lays a weight out anew.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PeftModel
from peft.tuners.lora import Linear as LoraLinear

from r1lab.sampler.products import FEW, packed, product

KNOWN = ("llama", "qwen2")


def known(config) -> bool:
    """Whether a model is one that the sampler computes as it is: of those kinds, with their usual
    activation, every token seeing all before it."""
    return (
        config.model_type in KNOWN
        and config.hidden_act in ("silu", "swish")
        and not getattr(config, "use_sliding_window", False)
    )


@dataclass(frozen=True)
class Linear:
    """One or several linear layers of the same input: y = x W^T + bias + (x A^T) B, as a call."""

    few: torch.Tensor  # W (out, in) for products of few rows
    many: torch.Tensor  # and for those of many: packed where that pays
    bias: torch.Tensor | None  # (out,)
    A: (
        torch.Tensor | None
    )  # (R, in): LoRA kept apart, R the sum of the ranks; None where there is none
    B: torch.Tensor | None  # (R, out), scaled

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in) to (N, out)."""
        y = product(x, self.chosen(len(x)), self.bias)
        return y if self.A is None else y.addmm_(F.linear(x, self.A), self.B)

    def added(self, to: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """to (N, out) + self(x): one operation where weight and precision are plain, without a
        bias."""
        weight = self.chosen(len(x))
        if x.dtype == torch.float32 and self.bias is None and not weight.is_mkldnn:
            return torch.addmm(to, x, weight.t())
        return self(x).add_(to)

    def chosen(self, rows: int) -> torch.Tensor:
        """The weight for a product of so many rows."""
        return self.few if rows * self.few.numel() < FEW else self.many


@dataclass(frozen=True)
class Layer:
    norm1: torch.Tensor
    qkv: Linear  # (q + 2 kv, hidden)
    out: Linear
    norm2: torch.Tensor
    gate_up: Linear
    down: Linear


@dataclass(frozen=True)
class Weights:
    """All that a forward pass reads. D: numbers of a head; cos and sin for rotary positions."""

    embed: torch.Tensor  # (V, hidden)
    layers: list[Layer]
    norm: torch.Tensor
    head: Linear  # (V, hidden)
    cos: torch.Tensor  # (positions, 1, D)
    sin: torch.Tensor  # (positions, 1, D), its first half negative
    heads: int
    kv_heads: int
    head_dim: int
    eps: float


@torch.no_grad()
def copied(model) -> Weights:
    """The weights of a Llama- or Qwen2-shaped model; what is joined, folded or packed is a copy."""
    if isinstance(model, PeftModel):
        model = model.get_base_model()
    c = model.config
    embed = model.get_input_embeddings().weight
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    places = torch.arange(c.max_position_embeddings, device=embed.device)[None]
    cos, sin = model.model.rotary_emb(embed[:1], places)  # (1, positions, D), in embed's dtype
    half = torch.ones(head_dim, dtype=sin.dtype, device=sin.device)
    half[: head_dim // 2] = -1
    return Weights(
        embed=embed,
        layers=[_layer(layer) for layer in model.model.layers],
        norm=model.model.norm.weight,
        head=_laid_out(model.get_output_embeddings().weight),
        cos=cos[0, :, None],
        sin=(sin * half)[0, :, None],
        heads=c.num_attention_heads,
        kv_heads=c.num_key_value_heads,
        head_dim=head_dim,
        eps=c.rms_norm_eps,
    )


def _layer(layer) -> Layer:
    a, m = layer.self_attn, layer.mlp
    return Layer(
        norm1=layer.input_layernorm.weight,
        qkv=_linear(a.q_proj, a.k_proj, a.v_proj),
        out=_linear(a.o_proj),
        norm2=layer.post_attention_layernorm.weight,
        gate_up=_linear(m.gate_proj, m.up_proj),
        down=_linear(m.down_proj),
    )


def _linear(*parts) -> Linear:
    """Linear layers of one input, with or without LoRA, as one."""
    plain = [p.get_base_layer() if isinstance(p, LoraLinear) else p for p in parts]
    apart = plain[0].weight.dtype != torch.float32
    A, B = _lora(parts) if apart else (None, None)
    bias = None
    if any(base.bias is not None and base.bias.any() for base in plain):  # zeros are none
        bias = torch.cat([base.bias for base in plain])
    return _laid_out(_weight(parts, plain, fold=not apart), bias, A, B)


def _laid_out(weight, bias=None, A=None, B=None) -> Linear:
    """A weight of which no product is small is kept in one layout alone."""
    many = packed(weight)
    return Linear(weight if weight.numel() < FEW else many, many, bias, A, B)


def _adapters(linear) -> list[str]:
    """The names of the LoRA adapters that a layer adds to its weight at present."""
    if not isinstance(linear, LoraLinear) or linear.disable_adapters or linear.merged:
        return []
    return [name for name in linear.active_adapters if name in linear.lora_A]


def _weight(parts, plain, fold: bool) -> torch.Tensor:
    """(out, in) of several layers, one below the other; folded: with their LoRA, as a copy."""
    added = [_adapters(linear) if fold else [] for linear in parts]
    if len(parts) == 1 and not added[0]:
        return plain[0].weight
    joined = torch.cat([base.weight for base in plain])
    places = joined.split([base.out_features for base in plain])
    for linear, names, place in zip(parts, added, places, strict=True):
        for name in names:
            place.add_(linear.get_delta_weight(name))
    return joined


def _lora(parts) -> tuple[torch.Tensor, torch.Tensor] | tuple[None, None]:
    """A (R, in) and B (R, out) of several layers: an adapter reaches its own layer's outputs
    alone, and is zero elsewhere. (None, None) where no layer has one."""
    As, Bs = [], []
    width, start = sum(p.out_features for p in parts), 0
    for linear in parts:
        dtype = linear.weight.dtype
        for name in _adapters(linear):
            A, B = linear.lora_A[name].weight, linear.lora_B[name].weight
            wide = torch.zeros(len(A), width, dtype=dtype, device=B.device)
            wide[:, start : start + len(B)] = B.t() * linear.scaling[name]
            As.append(A.to(dtype))
            Bs.append(wide)
        start += linear.out_features
    return (torch.cat(As), torch.cat(Bs)) if As else (None, None)
