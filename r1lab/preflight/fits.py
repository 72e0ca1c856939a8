"""What this machine can run, in how long, with how much memory: `python -m r1lab preflight`."""

import os
import platform
from dataclasses import replace

import torch

from r1lab import models, tasks
from r1lab.machine import memory, presets
from r1lab.machine.presets import Preset
from r1lab.preflight.minutes import calibrate, expected, longest, seconds
from r1lab.preflight.need import need

METHOD = "grpo"  # what the presets were made for
PROMPT = {"tiny": 14, "smollm2": 70, "r1": 320}  # tokens of a long prompt, where no tokenizer is


def report() -> str:
    """The machine, the preset it gets and why, then for every preset the memory it needs for GRPO
    and, where its model is at hand without a download, the minutes."""
    chosen, why = presets.choose()
    cuda = torch.cuda.is_available()
    card = torch.cuda.get_device_name() if cuda else "none"
    free = f"{memory.left():.1f} GiB of memory"
    if cuda:
        free += f", {memory.left('cuda'):.1f} GiB on the card"
    lines = [
        f"machine  {platform.system()} {platform.machine()}, {os.cpu_count()} cores, torch "
        f"{torch.__version__} on {torch.get_num_threads()} threads, graphics card: {card}",
        f"auto     {chosen}: {why}",
        f"free     {free}",
        "",
        f"{'preset':7} {'model':18} {'task':10} {'weights':>8} {'sampling':>9} {'learning':>9} "
        f"{'needs':>6}   GiB",
    ]
    return "\n".join([*lines, *map(_line, presets.PRESETS)])


def _line(name: str) -> str:
    preset = presets.named(name)
    there = preset.device == "cpu" or torch.cuda.is_available()
    preset = presets.pick(name) if there else replace(preset, dtype="float16")
    found = need(preset, PROMPT[preset.template], METHOD)
    text = (
        f"{name:7} {preset.model.split('/')[-1]:18} {preset.task:10} {found.weights:8.2f} "
        f"{found.sampling:9.2f} {found.learning:9.2f} {found.wanted:6.1f}   "
    )
    if not there:
        return text + "needs an NVIDIA card"
    if found.wanted > memory.left(preset.device):
        return text + "does not fit here"
    try:
        models.source(preset.model)
    except FileNotFoundError:
        return text + f"fits; first `python -m r1lab fetch {preset.model}`"
    if preset.device == "cuda":
        return text + "fits; minutes are measured when a run begins"
    return f"{text}fits; {minutes(preset):.1f} min"


def minutes(preset: Preset) -> float:
    """Minutes of training that GRPO with the preset's own settings will take here (of "cpu": `run
    habits`), by a calibration. Loads the model."""
    model, tokenizer = models.load(preset.model, getattr(torch, preset.dtype), preset.device)
    model = models.prepare(model, preset.lora_rank)
    pool = tasks.problems(preset.task, preset.prompts, seed=1, size=preset.size or None)
    hope = expected(preset)
    if not hope.recorded:  # runs that name their task's usual size
        hope = expected(replace(preset, size=len(pool[0].numbers)))
    pace = calibrate(model, tokenizer, pool, preset, hope.length)
    prompt = longest(tokenizer, pool, preset.template)
    return preset.steps * seconds(pace, preset, prompt, hope, METHOD) / 60
