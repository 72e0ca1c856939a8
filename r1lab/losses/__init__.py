"""The mathematics of the course: tensors in, tensors out, one formula a function.

tokens      log-probabilities, entropy, the three KL estimators
advantages  rewards to advantages
values      rewards and a learned value to advantages
policy      the policy loss as independent choices, with the published ones in a table
tuning      SFT and DPO

Left out: sampling, rewards, the training loop (`grpo`), pass@k and intervals (`stats`).
Lesson 02 builds these functions, lesson 08 that of Kimi.

P prompts, G completions a group, N = P*G completions, T tokens, V vocabulary. Rows that
belong together stand together: `(P, G).flatten()` is `(N,)`. `mask` (N, T) is true on the
tokens the policy wrote, its end-of-text included. Losses are to be minimised; the papers
write objectives to be maximised. "TRL" is version 1.16; `tests/test_same_as_trl.py` feeds
both the same batch.
"""

from r1lab.losses.advantages import group_advantages, zero_variance
from r1lab.losses.policy import (
    AVERAGES,
    PUBLISHED,
    RATIOS,
    Objective,
    aggregate,
    chosen,
    clip_fraction,
    clipped_tokens,
    importance_ratio,
    loss_divisor,
    policy_loss,
    truncated_weights,
)
from r1lab.losses.tokens import entropy, head_logps, kl_k1, kl_k2, kl_k3, token_logps
from r1lab.losses.tuning import dpo_loss, sft_loss
from r1lab.losses.values import gae, whitened

__all__ = [
    "AVERAGES",
    "PUBLISHED",
    "RATIOS",
    "Objective",
    "aggregate",
    "chosen",
    "clip_fraction",
    "clipped_tokens",
    "dpo_loss",
    "entropy",
    "gae",
    "group_advantages",
    "head_logps",
    "importance_ratio",
    "kl_k1",
    "kl_k2",
    "kl_k3",
    "loss_divisor",
    "policy_loss",
    "sft_loss",
    "token_logps",
    "truncated_weights",
    "whitened",
    "zero_variance",
]
