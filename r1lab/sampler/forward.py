"""The layers of a policy on N tokens, whatever they attend to."""

from contextlib import contextmanager

import torch
import torch.nn.functional as F

from r1lab.sampler.weights import Weights

SMALL = 1e8  # operations of a step's largest product, below which one thread is faster


def forward(w: Weights, ids, positions, attend) -> torch.Tensor:
    """Hidden states (N, hidden) behind the last layer of N tokens, ids and positions (N,).

    attend(layer, q (N, H, D), k and v (N, K, D)) keeps keys and values and gives the outputs
    of the H heads, N x (H * D) in all. layer: its number; K: heads that have keys.
    """
    D, H, K = w.head_dim, w.heads, w.kv_heads
    x = w.embed[ids]
    cos, sin = w.cos[positions], w.sin[positions]  # (N, 1, D)
    for i, layer in enumerate(w.layers):
        h = layer.qkv(_norm(w, x, layer.norm1)).view(len(x), -1, D)
        qk = h[:, : H + K]
        qk = torch.addcmul(qk * cos, qk.roll(D // 2, -1), sin)  # rotary: the halves change places
        o = attend(i, qk[:, :H], qk[:, H:], h[:, H + K :])
        x = layer.out.added(x, o.reshape(len(x), -1))
        gate, up = layer.gate_up(_norm(w, x, layer.norm2)).chunk(2, dim=-1)
        x = layer.down.added(x, F.silu(gate, inplace=True).mul_(up))
    return x


def predict(w: Weights, x) -> torch.Tensor:
    """Logits (N, V) of the next token from hidden states (N, hidden)."""
    return w.head(_norm(w, x, w.norm))


@contextmanager
def threads(w: Weights, rows: int):
    """Inside, one thread where a step of `rows` tokens is small: waking a second one takes longer
    than it saves."""
    before = torch.get_num_threads()
    if 2 * rows * w.layers[0].gate_up.few.numel() < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _norm(w: Weights, x, weight) -> torch.Tensor:
    """RMSNorm; its mean square is taken in float32 whatever x is."""
    if x.dtype == torch.float32:
        return F.rms_norm(x, weight.shape, weight, w.eps)
    return F.rms_norm(x.float(), x.shape[-1:], eps=w.eps).to(x.dtype) * weight
