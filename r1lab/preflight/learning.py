"""The memory of one micro-batch, forward and backward, counted on tensors without content.

The pass runs in the model's true shape on torch's fake tensors, and every allocation is added up.
"""

from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from r1lab import losses, models
from r1lab.machine import memory
from r1lab.machine.presets import Preset


@dataclass(frozen=True)
class MicroBatch:
    """What goes forward and back at once. rows: completions of `longest` tokens with their prompt,
    of which `max_new` have a loss. least: rows that cannot be parted. compares: the reference
    policy is asked, too."""

    rows: int
    longest: int
    max_new: int
    least: int
    compares: bool


def micro_batch(preset: Preset, prompt: int, method: str) -> MicroBatch:
    """The largest of a step, as `policy.micro_batches` makes it where every completion reaches the
    cap: of P * G completions, of P, or of P pairs."""
    units = preset.prompts * (preset.group if method == "grpo" else 1)
    least = 2 if method == "dpo" else 1
    longest = prompt + preset.max_new
    fitting = max(1, preset.micro_tokens // (least * longest))
    rows = least * min(units, fitting)
    return MicroBatch(rows, longest, preset.max_new, least, compares=method == "dpo")


def learning(model, micro: MicroBatch) -> int:
    """Bytes at the peak of a micro-batch's forward and backward, gradients of what learns included.

    model: of the true shape; its tensors, on the device "meta", are replaced by fake ones. Counts
    some 7 % too much: fake attention makes one copy more than the real kernels.
    """
    with FakeTensorMode(), memory.Tracked() as seen:
        for module in model.modules():
            for name, p in module._parameters.items():
                if p is not None:
                    fake = torch.empty(p.shape, dtype=p.dtype)
                    module._parameters[name] = torch.nn.Parameter(
                        fake, requires_grad=p.requires_grad
                    )
            for name, b in module._buffers.items():
                module._buffers[name] = None if b is None else torch.empty(b.shape, dtype=b.dtype)
        model.tie_weights()
        before = seen.peak = seen.now
        ids = torch.zeros(micro.rows, micro.longest, dtype=torch.long)
        logps = _logps(model, ids, micro.max_new)
        if micro.compares:  # while the policy's activations wait for the backward pass
            with torch.no_grad(), models.reference(model):
                _logps(model, ids, micro.max_new)
        logps.sum().backward()
        return seen.peak - before


def _logps(model, ids: torch.Tensor, max_new: int) -> torch.Tensor:
    """(B * T,) log-probabilities of the last T = `max_new` tokens of each row."""
    inner = models.plain(model)
    with models.precision(model):
        hidden = inner.model(input_ids=ids, use_cache=False).last_hidden_state
    hidden = hidden[:, -max_new:].flatten(0, 1).clone()
    head = inner.get_output_embeddings().weight
    return losses.head_logps(hidden, head, ids[:, -max_new:].flatten())
