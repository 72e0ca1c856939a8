"""One dial: which model, how long, how many, for which machine.

Everything that depends on the machine stands here and nowhere else. What belongs to the
method (loss, advantages, rewards) is set in the experiments, because it is the lesson.
"""

import os
from dataclasses import dataclass, replace

FAST = os.environ.get("R1LAB_FAST") == "1"  # tests and CI: a few steps, a few problems


@dataclass(frozen=True)
class Preset:
    """A machine's settings. `prompts` x `group` completions a step; `max_new`: tokens a
    completion may have; `micro_tokens`: padded tokens a forward and backward may hold;
    `memory`: GiB that must be free; `task` and `template`: of `tasks`."""

    name: str
    model: str
    revision: str | None
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
    memory: float


PRESETS = {
    "cpu": Preset(
        "cpu", "rich", None, "float32", "cpu", "countdown", "tiny", lora_rank=8, lr=2e-3, steps=40, prompts=16, group=8,
        max_new=320, micro_tokens=8192, train_problems=4096, eval_problems=512, memory=2.0,
    ),
    # A real pretrained model on a CPU. Its rate is LoRA's usual one: 100 times R1-Zero's 3e-6 for all weights.
    "smol": Preset(
        "smol", "smollm2", None, "float32", "cpu", "addition", "smollm2", lora_rank=16, lr=3e-4, steps=24, prompts=8,
        group=8, max_new=16, micro_tokens=1024, train_problems=2048, eval_problems=320, memory=4.0,
    ),
}  # fmt: skip


def pick(name: str = "auto") -> Preset:
    """The preset of that name; "auto" reads the machine. Raises ValueError for another name.

    "auto" is `cpu` so far: it runs everywhere, and a graphics card does not make a model of a
    million parameters faster.
    """
    if name == "auto":
        name = "cpu"
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}: choose one of {', '.join(['auto', *PRESETS])}")
    preset = PRESETS[name]
    if FAST:
        preset = replace(preset, steps=4, prompts=4, group=4, max_new=96, eval_problems=16)
    return preset


def free_memory() -> float:
    """GiB that a new process can still take, from /proc/meminfo or, elsewhere, all there is."""
    try:
        with open("/proc/meminfo") as lines:
            kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
        return kib / 2**20
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
