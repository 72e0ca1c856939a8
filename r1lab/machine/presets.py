"""One dial: which model, how long, how many, for which machine.

Everything that depends on the machine stands here and nowhere else. What belongs to the
method (loss, advantages, rewards) is set in the experiments, because it is the lesson.
"""

from dataclasses import dataclass, replace

import torch

from r1lab.machine import environment

AMPERE = (8, 0)  # compute capability of the first cards that compute in bfloat16


DTYPES = ("float32", "bfloat16", "float16", "half")


@dataclass(frozen=True)
class Preset:
    """A machine's settings. `model`: a name of `models`; `dtype`: of the frozen weights, "half" is
    the card's own half precision; `prompts` x `group` completions a step; `max_new`: tokens a
    completion may have; `micro_tokens`: padded tokens a forward and backward may hold; `task` and
    `template`: of `tasks`."""

    name: str
    model: str
    dtype: str
    device: str
    task: str
    template: str
    lora_rank: int
    lr: float
    steps: int
    prompts: int
    group: int
    max_new: int
    micro_tokens: int
    train_problems: int
    eval_problems: int
    size: int = 0  # of the task's problems; 0: the task's usual one
    also: int = 0  # the size of half of the problems that are trained on; 0: all are of `size`

    def __post_init__(self):
        if self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}: choose one of {', '.join(DTYPES)}")


PRESETS = {
    # Small micro-batches: rows of unlike length are padded less and a layer's numbers stay in the
    # cache. 8,192 took 1.4 times as long (answers of 123 tokens), on one core.
    "cpu": Preset(
        "cpu", "rich", "float32", "cpu", "countdown", "tiny",
        lora_rank=8, lr=1e-3, steps=60, prompts=16, group=8, max_new=600, micro_tokens=1024,
        train_problems=4096, eval_problems=512,
    ),
    # A real pretrained model on a CPU. Its rate is LoRA's usual one: 100 times R1-Zero's 3e-6 for
    # all weights.
    "smol": Preset(
        "smol", "smollm2", "float32", "cpu", "addition", "smollm2",
        lora_rank=16, lr=3e-4, steps=24, prompts=8, group=8, max_new=16, micro_tokens=1024,
        train_problems=2048, eval_problems=320,
    ),
    # A free Colab T4, or any card of 12 GB. On this model 1e-4 has been reported to fall below the
    # start and 5e-5 to be the best with a KL term; without one 2e-5 is the middle of the band that
    # is reported to work. Countdown does not take off at this size (TinyZero), word problems do.
    "t4": Preset(
        "t4", "Qwen/Qwen2.5-0.5B", "half", "cuda", "gsm8k", "r1",
        lora_rank=16, lr=2e-5, steps=200, prompts=8, group=8, max_new=256, micro_tokens=4096,
        train_problems=4096, eval_problems=512,
    ),
    # TinyZero's own model and task on a card of 24 GB. Its rate for all weights is 1e-6; LoRA wants
    # about ten times that.
    "gpu24": Preset(
        "gpu24", "Qwen/Qwen2.5-3B", "half", "cuda", "countdown", "r1",
        lora_rank=16, lr=1e-5, steps=200, prompts=8, group=8, max_new=512, micro_tokens=2048,
        train_problems=4096, eval_problems=512, size=4,
    ),
}  # fmt: skip

FAST = {"steps": 4, "prompts": 4, "group": 4, "max_new": 96, "eval_problems": 16}


def pick(name: str = "auto") -> Preset:
    """The preset of that name, its dtype settled; "auto" reads the machine (`choose`). Small where
    `environment.fast` says so.

    Raises ValueError for another name, and for a preset of a card where there is none.
    """
    if name == "auto":
        name, _ = choose()
    preset = named(name)
    if preset.device == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(
                f"preset {name} needs an NVIDIA card and torch finds none: take --preset cpu or "
                "smol, or on Colab choose a GPU under Runtime, Change runtime type"
            )
        preset = replace(preset, dtype=half(torch.cuda.get_device_capability()))
    if environment.fast():
        preset = replace(preset, **FAST)
    return preset


def named(name: str) -> Preset:
    """The preset as the table has it, whatever this machine is. Raises ValueError for another
    name."""
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: choose one of {', '.join(['auto', *PRESETS])}")
    return PRESETS[name]


def choose() -> tuple[str, str]:
    """The name that "auto" stands for on this machine, and why, in words."""
    if not torch.cuda.is_available():
        return "cpu", "torch finds no NVIDIA card"
    card = torch.cuda.get_device_properties(0)
    total = card.total_memory / 2**30
    capability = torch.cuda.get_device_capability()
    what = f"{card.name}, {total:.0f} GiB, compute capability {capability[0]}.{capability[1]}"
    if total < 10:
        return "cpu", f"{what}: below 10 GiB no preset for a card fits"
    precision = (
        f"{half(capability)}, because bfloat16 needs 8.0 or above and torch only emulates it below"
    )
    return ("gpu24" if total > 20 else "t4"), f"{what}: {precision}"


def words(preset: Preset) -> str:
    """A picked preset in a line, with the reason for its precision."""
    why = f" ({choose()[1]})" if preset.device == "cuda" else ""
    return f"preset {preset.name} on {preset.device}, weights in {preset.dtype}{why}"


def half(capability: tuple[int, int]) -> str:
    """The half precision that a card of this compute capability computes in. Not what
    `torch.cuda.is_bf16_supported()` says: that counts emulation, which a T4 crawls with."""
    return "bfloat16" if capability >= AMPERE else "float16"
