"""How much memory a run will take, counted before it begins.

Nothing is guessed that can be counted. Learning is counted allocation by allocation (`learning`).
Weights, optimizer, the sampler's copy and its keys and values are products of sizes. What is left
out: the workspace inside kernels, and what an allocator loses between blocks; `Need.wanted` makes
room for both, as much as runs in float32 on two CPU cores needed; one in bfloat16 took 16 % more
there (`python -m r1lab bench --memory`). TRL's trainers are not counted.
"""

import warnings
from dataclasses import asdict, dataclass

import torch
from transformers import AutoModelForCausalLM

from r1lab import evaluate, models
from r1lab.machine import memory
from r1lab.machine.memory import GIB
from r1lab.machine.presets import Preset
from r1lab.preflight.learning import MicroBatch, learning, micro_batch
from r1lab.records import RunError
from r1lab.sampler import CACHE_GIB, READ
from r1lab.sampler.cache import cache_dtype
from r1lab.sampler.products import FEW, pays
from r1lab.sampler.weights import known

MARGIN, RUNTIME = 1.25, 0.5  # a share, and GiB
ROWS = evaluate.Sampling.rows  # completions that are sampled at a time, outside of `grpo`
JOINED = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")  # the sampler always copies these
FOLDED = ("o_proj", "down_proj")  # and these where LoRA is folded into them


@dataclass(frozen=True)
class Need:
    """GiB a run takes by what takes it. weights: the model, frozen or not. adapter: what learns, if
    it is LoRA, and the optimizer's two moments. sampling and learning come in turns: the sampler's
    copy, keys, values and logits; one micro-batch with its gradients."""

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


def check(preset: Preset, prompt: int, method: str) -> Need:
    """`need`, where it fits. Raises RunError with a suggestion where it does not."""
    found = need(preset, prompt, method)
    free = memory.left(preset.device)
    if found.wanted > free:
        raise RunError(refusal(found, free, micro_batch(preset, prompt, method)))
    return found


def need(preset: Preset, prompt: int, method: str) -> Need:
    """The memory of a stage of a run, measuring included.

    prompt: tokens of the longest one. method: "grpo" samples and learns in turns, and "ppo" has a
    critic beside it, with an adapter and moments of its own; "sft" and "dpo" gather answers first,
    and DPO also asks its reference policy; "evaluation" only measures. Raises ValueError for a
    model that is not built like Llama or Qwen2.
    """
    models_held = 2 if method == "ppo" else 1
    method = "grpo" if method == "ppo" else method  # the two learn in turns
    trained = method != "evaluation"
    model = _shape(preset, trained)
    learns = sum(_bytes(p) for p in models.trainable(model).values()) if trained else 0
    weights = sum(_bytes(p) for p in model.parameters())
    lora = trained and preset.lora_rank > 0
    frozen = weights - learns if lora else weights
    sampling = _sampling(model, preset, prompt, method)
    updating = learning(model, micro_batch(preset, prompt, method)) if trained else 0
    return Need(
        weights=models_held * frozen / GIB,
        adapter=models_held * (3 if lora else 2) * learns / GIB,
        sampling=sampling / GIB,
        learning=updating / GIB,
    )


def _bytes(p: torch.Tensor) -> int:
    return p.numel() * p.element_size()


def _shape(preset: Preset, trained: bool):
    """The preset's model without its weights, ready to train where it is trained."""
    config = models.config_of(preset.model)
    dtype = getattr(torch, preset.dtype)
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT finds nothing to initialise
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
        if not any(name.endswith(JOINED) for name, _ in model.named_modules()):
            raise ValueError(
                f"{config.model_type} is not built like Llama or Qwen2, so it cannot be trained "
                "here: take another --base"
            )
        return models.prepare(model, preset.lora_rank) if trained else model


def _sampling(model, preset: Preset, prompt: int, method: str) -> int:
    """Bytes of the sampler's copy of the weights and of the largest batch that it samples."""
    lora = models.plain(model) is not model
    folds = lora and preset.dtype == "float32"  # in half precision LoRA stays apart
    modules = {name: m for name, m in model.named_modules() if name.endswith(JOINED + FOLDED)}
    sizes: dict[str, int] = {}  # of what is one product
    for name, m in modules.items():
        one = name.rpartition(".")[0] if name.endswith(JOINED) else name
        sizes[one] = sizes.get(one, 0) + m.weight.numel()
    copied = [size for one, size in sizes.items() if folds or not one.endswith(FOLDED)]
    folding = 3 * 4 * max(m.weight.numel() for m in modules.values()) if folds else 0  # one layer's
    numbers = sum(copied)
    if pays(preset.device, getattr(torch, preset.dtype)):
        plain = [size for size in copied if size < FEW]  # the others are kept packed alone
        numbers = sum(plain) + sum(sizes.values()) + model.get_output_embeddings().weight.numel()
    if lora and not folds:  # A, and B as wide as all that is joined with its layer
        each = [(m.in_features + 3 * m.out_features) * preset.lora_rank for m in modules.values()]
        numbers += sum(each)
    batches = [(min(ROWS, preset.eval_problems), 1)]  # prompts, and completions for each
    if method == "grpo":
        batches.append((preset.prompts, preset.group))
    elif method != "evaluation":
        asked = min(max(1, ROWS // preset.group), preset.steps * preset.prompts)
        batches.append((asked, preset.group))
    largest = max(_batch(model.config, preset, prompt, *batch) for batch in batches)
    return numbers * getattr(torch, preset.dtype).itemsize + max(folding, largest)


def _batch(config, preset: Preset, prompt: int, prompts: int, group: int) -> int:
    """Bytes of keys, values and logits while `group` completions for each of `prompts` are
    sampled."""
    dtype = getattr(torch, preset.dtype)
    size, kept = dtype.itemsize, cache_dtype(preset.device, dtype).itemsize
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token = 2 * config.num_hidden_layers * config.num_key_value_heads * head_dim * kept
    one = group * (prompt + preset.max_new) * token  # a group's; groups wait where there are many
    cache = min(prompts * one, max(CACHE_GIB * GIB, one))
    read = min(prompts * prompt, max(READ, prompt))
    prefix = read * (
        token * size // kept + size * (8 * config.hidden_size + 3 * config.intermediate_size)
    )
    prefix += read * prompt * (size + 2)  # the mask
    numbers = size + 4 + 4 + 8  # raw, log, power, running sum; a CPU holds less at a time
    logits = prompts * group * config.vocab_size * numbers
    if not known(config):  # `generate` has all rows at once, and a step's logits some seven times
        return prompts * one + max(prefix, prompts * group * config.vocab_size * 7 * 4)
    return cache + max(prefix, cache / config.num_hidden_layers + logits)


def refusal(predicted: Need, free: float, micro: MicroBatch) -> str:
    """Why a run does not fit and what to do, in one sentence. free: GiB; micro: its largest
    micro-batch."""
    parts = asdict(predicted)
    largest = max(parts, key=parts.get)
    said = (
        f"the run needs about {predicted.wanted:.1f} GiB and {free:.1f} are free; most of it is "
        f"{largest} ({parts[largest]:.1f} GiB): "
    )
    spare = (free - RUNTIME) / MARGIN - predicted.weights - predicted.adapter
    if spare >= predicted.sampling:
        share = 0.9 * spare / predicted.learning  # 0.9: logits do not shrink
        least = micro.least * micro.longest
        fits = int(share * micro.rows * micro.longest) // least * least
        if fits:
            return f"{said}add --micro-tokens {fits}, which changes the speed and not the result"
    return f"{said}close what else uses it, or take a smaller model with --base"
