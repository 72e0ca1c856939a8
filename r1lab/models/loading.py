"""Load a model and its tokenizer, or make one of the same shape without its weights."""

import warnings
from contextlib import contextmanager

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PretrainedConfig
from transformers.utils import logging

from r1lab.machine.presets import AMPERE
from r1lab.models.names import SHAPES, source

logging.disable_progress_bar()  # of loading a few megabytes; downloads keep theirs
warnings.filterwarnings(
    "ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning
)  # PEFT 0.21's own


def load(name: str, dtype: torch.dtype = torch.float32, device: str = "cpu"):
    """(model, tokenizer) of a shipped base or of a hub or folder name; padding on the left.

    The weights have the dtype asked for, whatever they were saved in. Raises FileNotFoundError
    where there is no such model, and ValueError for bfloat16 on a card that only emulates it.
    """
    if dtype == torch.bfloat16 and device == "cuda" and torch.cuda.get_device_capability() < AMPERE:
        raise ValueError(
            "this card has no bfloat16, torch emulates it and crawls: take float16, as presets do"
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
    """A model of that name's shape with random weights: memory and speed are the same."""
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
            f"{name} is neither a folder nor a model that the hub gives ({why:.200}): check the "
            "name and the connection"
        ) from error
