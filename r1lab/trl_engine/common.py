"""What TRL is told, and what it is lent, whatever it trains."""

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import huggingface_hub.constants
import torch
from accelerate import PartialState
from accelerate.utils import extract_model_from_parallel
from peft import PeftModel
from transformers import Trainer
from transformers.trainer_callback import PrinterCallback

from r1lab.machine.presets import AMPERE
from r1lab.models import plain, trainable
from r1lab.models.adapters import REFERENCE

huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True  # TRL would report every start to the hub
THEIRS = "ref"  # the adapter that TRL takes for the reference


def wait() -> None:
    """Go on when every process has come here."""
    PartialState(cpu=not torch.cuda.is_available()).wait_for_everyone()


def common(model, folder: Path, rows: int, parts: int) -> dict:
    """The settings of every trainer that differ from TRL's defaults, and why.

    An update: `parts` micro-batches of `rows` rows. Raises ValueError for float16 weights that
    learn.
    """
    if any(p.dtype == torch.float16 for p in trainable(model).values()):
        raise ValueError(
            "float16 weights cannot learn, their gradients underflow: train LoRA or use float32"
        )
    device = model.device
    dtype = model.get_input_embeddings().weight.dtype
    gpu = device.type == "cuda"
    # TRL's launch files say bf16; here the model says it
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    return {
        "output_dir": str(Path(folder) / "trl"),
        "per_device_train_batch_size": rows,  # as large as micro_tokens allows
        "gradient_accumulation_steps": parts,
        # the optimizer is passed on its own; this is what is left of it. TRL's default falls to 0
        # with the last step: no run could be resumed
        "lr_scheduler_type": "constant",
        # the machine
        "use_cpu": not gpu,
        # bf16: TRL's default, and an older card than Ampere only emulates it
        "bf16": gpu
        and dtype == torch.bfloat16
        and torch.cuda.get_device_capability(device) >= AMPERE,
        "fp16": gpu and dtype == torch.float16,
        "gradient_checkpointing": False,  # micro-batches bound the memory at no cost in time
        "dataloader_pin_memory": False,  # rows are small
        "ddp_find_unused_parameters": False,  # every weight that learns is in every pass
        # what is written and said
        "save_strategy": "no",  # `keep` saves
        "logging_steps": 1,  # one `keep` a step
        "logging_nan_inf_filter": False,  # a loss that is not a number shall be seen
        "report_to": [],
        "disable_tqdm": True,
    }


def micro_rows(completions: int, width: int, micro_tokens: int) -> int:
    """How many rows of `width` tokens a micro-batch holds. TRL's are all equal: a divisor."""
    divisors = [n for n in range(1, completions + 1) if completions % n == 0]
    return max(n for n in divisors if n == 1 or n * width <= micro_tokens)


def train(trainer: Trainer, model) -> None:
    """Train, in silence, against the reference of `models.reference`."""
    trainer.remove_callback(PrinterCallback)
    _our_reference(model)
    trainer.train()


def _our_reference(model) -> None:
    """TRL's reference is a copy of the adapter as it is now, in a resumed run too. Without the copy
    it is the base; where a stage started from an adapter, the copy is of that one."""
    if THEIRS not in getattr(model, "peft_config", {}):
        return
    model.delete_adapter(THEIRS)
    if REFERENCE in model.peft_config:
        model.add_adapter(THEIRS, copy(model.peft_config[REFERENCE]))
        weights = dict(model.named_parameters())
        for name, p in weights.items():
            if f".{THEIRS}." in name:
                p.data.copy_(weights[name.replace(f".{THEIRS}.", f".{REFERENCE}.")])


@contextmanager
def lent(model) -> Iterator[None]:
    """The model as TRL may use it, and given back as it came."""
    training = model.training
    with warnings.catch_warnings():  # TRL and PEFT use names that transformers 6 will drop
        warnings.filterwarnings(
            "ignore", r"`(is_)?gradient_checkpointing` is deprecated", FutureWarning
        )
        try:
            yield
        finally:
            extract_model_from_parallel(model, keep_fp32_wrapper=False)
            plain(model).__dict__.pop("forward", None)  # TRL put its own there
            if isinstance(model, PeftModel) and THEIRS in model.peft_config:
                model.delete_adapter(THEIRS)
            model.train(training)


def number(logs: dict, key: str) -> float:
    """A value that TRL logged, 0 where it logs none."""
    value = logs.get(key, 0.0)  # None: not a number, in TRL
    return math.nan if value is None else value
