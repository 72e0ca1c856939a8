"""The second engine: GRPO, SFT and DPO through TRL. The only folder that imports TRL.

Each does what `grpo`, `sft` and `dpo` of the package do: same examples in the same order, same
rewards, same loss, same report; tests give both engines one batch and find one update. They differ
in the sampling, which is the library's own, and where `online` and `offline` say so. Left out: what
TRL adds beyond that (tools, packing, its own checkpoints).

Under `torchrun` or `accelerate launch` every process makes the same call of `grpo` and samples its
share of the completions. When to do that, and how: BEYOND_ONE_MACHINE.md.
"""

from r1lab.records import Place
from r1lab.trl_engine.common import wait
from r1lab.trl_engine.offline import dpo, sft
from r1lab.trl_engine.online import grpo

__all__ = ["Place", "dpo", "grpo", "sft", "wait"]
