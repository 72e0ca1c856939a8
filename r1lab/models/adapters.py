"""LoRA on a model, or all its weights: what learns, in which precision, beside which reference."""

from contextlib import contextmanager

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.helpers import disable_input_dtype_casting

BEHIND = ("logits_scaling", "logit_scale", "final_logit_softcapping")  # what may change logits
REFERENCE = "reference"  # the adapter of a stage's start, where that is not the base


def plain(model):
    """The model itself, without PEFT's wrapping; LoRA stays on its layers."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def head(model) -> torch.Tensor:
    """(V, H) the weight of the head. Raises ValueError where that is not all that makes logits of
    the last layer: where they are scaled or capped, the head has a bias, or the layers lie
    elsewhere."""
    inner = plain(model)
    found = inner.get_output_embeddings()
    more = [name for name in BEHIND if getattr(model.config, name, None) not in (None, 1)]
    more += ["a bias of the head"] if getattr(found, "bias", None) is not None else []
    more += [] if hasattr(inner, "model") else ["layers in another place"]
    if more:
        raise ValueError(
            f"a {model.config.model_type} model has {', '.join(more)}, which our log-probabilities "
            "leave out: take `--engine trl` or another model"
        )
    return found.weight


def add_lora(model, rank: int, seed: int = 0) -> PeftModel:
    """LoRA on every linear layer but the head, alpha = 2 x rank, no dropout.

    All linear layers, because attention alone loses even at the same size; no dropout,
    because sampling and training must see one policy (`LoRA without regret`, 2025).
    The adapter stays float32 on a half-precision base.
    """
    torch.manual_seed(seed)  # LoRA's A is drawn at random
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def trainable(model) -> dict[str, torch.nn.Parameter]:
    """The parameters that learn, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@contextmanager
def reference(model):
    """Inside, a LoRA model answers as its reference policy: the base, or where its stage started
    (`lineage.go_on`).

    Raises ValueError for a model whose weights all learn: what it started from is gone.
    """
    if not isinstance(model, PeftModel):
        raise ValueError(
            "a KL term needs LoRA: with all weights learning there is no reference left to compare "
            "with"
        )
    if REFERENCE not in model.peft_config:
        with model.disable_adapter():
            yield model
        return
    model.base_model.set_adapter(REFERENCE, inference_mode=True)
    try:
        yield model
    finally:
        model.base_model.set_adapter("default")


@torch.no_grad()
def refer(model, weights: dict[str, torch.Tensor]) -> None:
    """Make of weights that a LoRA model has had, as `trainable` names them, its reference policy.
    Raises ValueError as `reference` does."""
    if not isinstance(model, PeftModel):
        raise ValueError("a reference set anew needs LoRA: it is a second adapter")
    if REFERENCE not in model.peft_config:
        model.add_adapter(REFERENCE, model.peft_config["default"])
        model.set_adapter("default")
    for name, p in model.named_parameters():
        if f".{REFERENCE}." in name:
            p.copy_(weights[name.replace(f".{REFERENCE}.", ".default.")])


@contextmanager
def precision(model):
    """Inside, LoRA on a half-precision base computes in that precision too, from float32 weights.

    Without it PEFT copies every layer's input to float32: twice the memory, and the gradient is no
    better (its relative error on SmolLM2 in float16: 1.7 % both ways).
    """
    dtype = model.get_input_embeddings().weight.dtype
    if dtype == torch.float32 or not isinstance(model, PeftModel):
        yield
        return
    with torch.autocast(model.device.type, dtype), disable_input_dtype_casting(model):
        yield


def prepare(model, rank: int, seed: int = 0):
    """A model ready to train: LoRA of that rank, or with rank 0 all its weights.

    One entry for both, so that every run can compare them (claim X-14: LoRA learns as well
    as full fine-tuning in reinforcement learning). Raises ValueError for rank 0 on half-precision
    weights: a small step is lost in their rounding.
    """
    if not rank and model.dtype != torch.float32:
        raise ValueError(
            f"all weights learn in float32 only, not in {model.dtype}: give --lora-rank a number"
        )
    return add_lora(model, rank, seed) if rank else model.requires_grad_(True)
