"""How much memory a run will take, before it begins; how much it took; and giving it back.

Nothing is guessed that can be counted. The forward and backward pass of one micro-batch runs
on tensors that have a shape but no content (torch's fake tensors), in the model's true shape,
and every allocation is added up. Weights, optimizer, the sampler's copy and its keys and values
are products of sizes. What is left out: the workspace inside kernels, and what an allocator
loses between blocks; `Need.wanted` makes room for both, as much as runs in float32 on two CPU cores
needed; one in bfloat16 took 16 % more there (`python -m r1lab bench --memory`).
"""

import gc
import sys
import warnings
import weakref
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM

from r1lab import losses, models
from r1lab.sampler import CACHE_GIB, READ

GIB = 2**30
MARGIN, RUNTIME = 1.25, 0.5  # a share, and GiB
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Need:
    """GiB a run takes by what takes it. `weights`: the model, frozen or not; `adapter`: what learns, if it
    is LoRA, and the optimizer's two moments; `sampling` and `learning` come in turns: the sampler's copy,
    keys, values and logits; one micro-batch with its gradients."""

    weights: float
    adapter: float
    sampling: float
    learning: float

    @property
    def peak(self) -> float:
        """GiB of all tensors, at the highest."""
        return self.weights + self.adapter + max(self.sampling, self.learning)

    @property
    def wanted(self) -> float:
        """GiB that must be free for a run to begin."""
        return MARGIN * self.peak + RUNTIME


def need(config, dtype: torch.dtype, lora_rank: int, prompt: int, max_new: int, prompts: int, group: int,
         micro_tokens: int, rows: int = 0) -> Need:  # fmt: skip
    """The `Need` of a run of `grpo.train`.

    config: transformers' of the model; prompt: tokens of the longest prompt; rows: completions that an
    evaluation samples at once, each of its own prompt. Raises ValueError for a model that is not built
    like Llama or Qwen2.
    """
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT finds nothing to initialise
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
        model = models.prepare(model, lora_rank)
    learns = sum(p.numel() * p.element_size() for p in models.trainable(model).values())
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    frozen = weights - learns if lora_rank else weights
    joined = "q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"  # always copied
    folded = ("o_proj", "down_proj") if lora_rank else ()  # as they are, but for LoRA
    copies = [
        m.weight.numel() for name, m in model.named_modules() if name.endswith((*joined, *folded))
    ]
    if not copies:
        raise ValueError(
            f"{config.model_type} is not built like Llama or Qwen2, so it cannot be trained here: take another --base"
        )
    folding = 3 * 4 * max(copies) if lora_rank else 0  # one layer's, in float32

    size, together = dtype.itemsize, max(prompts * group, rows)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token = 2 * config.num_hidden_layers * config.num_key_value_heads * head_dim * size
    longest = prompt + max_new
    cache = min(together * longest * token, max(CACHE_GIB * GIB, group * longest * token))
    read = min(max(prompts, rows) * prompt, max(READ, prompt))
    prefix = read * (token + size * (8 * config.hidden_size + 3 * config.intermediate_size))
    prefix += read * prompt * (size + 2)  # the mask
    logits = together * config.vocab_size * (size + 4 + 4 + 8)  # raw, log, power, running sum
    sampling = sum(copies) * size + max(
        folding, cache + max(prefix, cache / config.num_hidden_layers + logits)
    )
    return Need(
        frozen / GIB, (3 if lora_rank else 2) * learns / GIB, sampling / GIB,
        learning(model, min(prompts * group, max(1, micro_tokens // longest)), longest, max_new) / GIB,
    )  # fmt: skip


def learning(model, rows: int, longest: int, max_new: int) -> int:
    """Bytes at the peak of a micro-batch's forward and backward, gradients of what learns included;
    `rows` completions of `longest` tokens with their prompt, of which `max_new` have a loss.

    model: of the true shape; its tensors, on the device "meta", are replaced by fake ones. Counts some
    7 % too much: fake attention makes one copy more than the real kernels.
    """
    with FakeTensorMode(), Tracked() as seen:
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
        ids = torch.zeros(rows, longest, dtype=torch.long)
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        with models.precision(model):
            hidden = inner.model(input_ids=ids, use_cache=False).last_hidden_state
        hidden, ids = hidden[:, -max_new:].flatten(0, 1).clone(), ids[:, -max_new:].flatten()
        losses.head_logps(hidden, inner.get_output_embeddings().weight, ids).sum().backward()
        return seen.peak - before


class Tracked(TorchDispatchMode):
    """Inside, `now` and `peak` count the bytes of all tensors that operations have made."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known: dict[int, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for tensor in tree_leaves((args, kwargs)):  # a view of what was there before is nothing new
            self._see(tensor, new=False)
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            self._see(tensor, new=True)
        return out

    def _see(self, tensor, new: bool) -> None:
        if not isinstance(tensor, torch.Tensor):
            return
        storage = tensor.untyped_storage()
        if storage._cdata not in self.known:
            self.known[storage._cdata] = size = storage.nbytes() if new else 0
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, storage._cdata)

    def _gone(self, key: int) -> None:
        self.now -= self.known.pop(key)


def refusal(predicted: Need, free: float, micro_tokens: int, row: int) -> str:
    """Why a run does not fit and what to do, in one sentence; "" where it does. micro_tokens: what a
    micro-batch holds; row: tokens of the longest prompt and completion, below which it cannot go."""
    if predicted.wanted <= free:
        return ""
    parts = asdict(predicted)
    largest = max(parts, key=parts.get)
    said = (
        f"the run needs about {predicted.wanted:.1f} GiB and {free:.1f} are free; most of it is {largest} "
        f"({parts[largest]:.1f} GiB): "
    )
    spare = (free - RUNTIME) / MARGIN - predicted.weights - predicted.adapter
    if spare >= predicted.sampling:
        fits = (
            int(0.9 * micro_tokens * spare / predicted.learning) // row * row
        )  # 0.9: logits do not shrink
        if fits >= row:
            return f"{said}add --micro-tokens {fits}, which changes the speed and not the result"
    return f"{said}close what else uses it, or take a smaller model with --base"


def start(device: str) -> float | None:
    """Begin to watch the peak; gives GiB held now, by the process or on the card. None where the system does not tell."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_reserved() / GIB
    try:
        RESET.write_text("5")  # Linux: the highest resident size so far becomes the present one
    except OSError:
        return None
    return _status("VmRSS")


def used(device: str, before: float | None) -> float | None:
    """The highest use since `start`, in GiB, above what it gave; None where that was None."""
    if before is None:
        return None
    now = torch.cuda.max_memory_reserved() / GIB if device == "cuda" else _status("VmHWM")
    return round(now - before, 2)


def _status(key: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 2**20


def free() -> None:
    """Give back what nothing uses any more.

    A run that was interrupted in a notebook lives on in the traceback that Python keeps for a
    debugger, with its model, its optimizer and its batch.
    """
    for name in ("last_exc", "last_value", "last_traceback", "last_type"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
