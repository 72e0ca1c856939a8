"""The matrix product of a linear layer that does not change, with its weight laid out beforehand.

On an x86 processor torch multiplies float32 by MKL, which on AMD's makes no use of AVX-512 and
reaches half of their speed. oneDNN uses it, and given a weight in its own layout it is ahead in
bfloat16 too. Measured on AMD's; taken wherever there is AVX-512. The operators are those that
`torch.compile` calls. They are not public, so no other file knows them, and a torch without them
multiplies as usual.
"""

import torch
import torch.nn.functional as F

FEW = 1e6  # multiplications of a product, below which calling oneDNN costs more than it saves
OPERATORS = "_reorder_linear_weight", "_linear_pointwise"


def pays(device: str, dtype: torch.dtype) -> bool:
    """Whether weights are packed. The machine decides and no stopwatch, so that a seed draws the
    same tokens each time."""
    return (
        device == "cpu"
        and dtype in (torch.float32, torch.bfloat16)
        and torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS)
    )


def packed(weight: torch.Tensor) -> torch.Tensor:
    """A copy of a weight (out, in) in oneDNN's layout, where that pays; else the weight itself."""
    if not pays(weight.device.type, weight.dtype):
        return weight
    return torch.ops.mkldnn._reorder_linear_weight(weight)


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """x (N, in) times a weight (out, in), packed or not, plus bias (out,): (N, out)."""
    if weight.is_mkldnn:
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return F.linear(x, weight, bias)
