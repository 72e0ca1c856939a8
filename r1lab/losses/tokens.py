"""One value a token: its log-probability, how undecided the policy was, its share of a KL.

N completions, T tokens, V vocabulary, H hidden size.
"""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def _log_softmax(logits: Tensor, temperature: float = 1.0) -> Tensor:
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return torch.log_softmax(logits if temperature == 1.0 else logits / temperature, dim=-1)


def token_logps(logits: Tensor, ids: Tensor, temperature: float = 1.0) -> Tensor:
    """The log-probability of every token that was written, log pi(o_t | q, o_<t).

    logits: (N, T, V), the row that predicts each token, not the row at it; ids: (N, T);
    returns: (N, T), float32 or better whatever the model computes in. `temperature` is the
    one the tokens were sampled with: that is the policy that acted. TRL does the same.
    """
    return _log_softmax(logits, temperature).gather(-1, ids.unsqueeze(-1)).squeeze(-1)


def head_logps(
    hidden: Tensor, head: Tensor, ids: Tensor, temperature: float = 1.0, logits: int = 2**24
) -> Tensor:
    """`token_logps` from the last hidden states, without ever holding all logits.

    hidden: (N, H) states that predict each token; head: (V, H); ids: (N,); returns: (N,). At
    most about `logits` logits exist at a time: they are made again in the backward pass, part by
    part, so the gradient is exact and the memory does not grow with N x V.
    """

    def part(h: Tensor, head: Tensor, ids: Tensor) -> Tensor:
        return token_logps(torch.nn.functional.linear(h, head)[None], ids[None], temperature)[0]

    rows = max(1, logits // len(head))
    if len(ids) <= rows:
        return part(hidden, head, ids)
    pieces = zip(hidden.split(rows), ids.split(rows), strict=True)
    return torch.cat([checkpoint(part, h, head, i, use_reentrant=False) for h, i in pieces])


def entropy(logits: Tensor) -> Tensor:
    """How undecided the policy is at each token, in nats: 0 (certain) to log V.

    logits: (N, T, V); returns: (N, T). TRL logs the entropy at the sampling temperature.
    """
    logp = _log_softmax(logits)
    return -(logp.exp() * logp).sum(-1)


def kl_k1(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """KL(policy || reference) from the policy's own samples: log(pi / pi_ref).

    Any shape, for k2 and k3 too: one value a completion (log-probabilities summed over its
    tokens first) or one a token. Its mean is the KL, single values may be negative. As a loss
    it is useless: its expected gradient is 0.

    What the three do as a loss depends on that choice. One value a completion: the gradients
    below are exact. One a token, summed, as `grpo` and TRL do: a token's sample is fixed, and
    so are the tokens before it. What comes out is the gradient of the sum over prefixes of
    chance(prefix) * KL(next token after it), the chances held fixed. It does not know that an
    early letter leads to places where the policies differ more, and it can have the other
    sign. Dividing by |o| (average "completion") weighs the tokens once more.
    """
    return logps - ref_logps


def kl_k2(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """Half the squared log-ratio: never negative, a biased estimate of KL(policy || reference).

    As a loss on the policy's own samples, one value a completion, it has the gradient of that KL;
    one value a token, that of the KL with the prefixes' chances held fixed (see `kl_k1`)."""
    return 0.5 * (logps - ref_logps).square()


def kl_k3(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """pi_ref/pi - log(pi_ref/pi) - 1, DeepSeek-R1 Eq. 2: never negative and unbiased.

    As a loss, one value a completion, its gradient is that of the *other* KL, KL(reference ||
    policy). `importance_ratio(...) * kl_k3(...)`, also one value a completion, has that of
    KL(policy || reference), as k2 has. GRPO uses one value a token, and TRL multiplies each by
    its token's ratio (use_bias_correction_kl, on by default): then these are the gradients of
    the two KLs of the next token, averaged over prefixes whose chances are held fixed (see
    `kl_k1`). The ratio turns the one KL into the other; it does not bring the prefixes back.
    R1's beta is 0.001, TRL's 0.
    """
    log_ratio = ref_logps - logps
    return torch.expm1(log_ratio) - log_ratio
