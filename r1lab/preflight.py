"""What this machine can run, in how long, with how much memory: measured, not guessed."""

import json
import os
import platform
import resource
import time

import torch

from r1lab import grpo, models, presets, rewards, tasks

RECORDED = models.DATA / "runs"


def measure_speed(preset: presets.Preset, steps: int = 2) -> float:
    """Sampled tokens a second over whole training steps on a throw-away copy of the base."""
    model, tokenizer = models.load(preset.model, getattr(torch, preset.dtype), preset.device, preset.revision)
    model = models.prepare(model, preset.lora_rank)
    config = grpo.Config(
        steps=steps + 1, prompts=preset.prompts, group=preset.group, max_new=preset.max_new,
        micro_tokens=preset.micro_tokens, template=preset.template, lr=0.0,
    )  # fmt: skip
    pool = tasks.problems(preset.task, config.prompts * config.steps, seed=1)
    loop = grpo.train(
        model, tokenizer, pool, rewards.reward_set("rule"), config, grpo.make_optimizer(model, config)
    )
    next(loop)  # the first step also pays for warming up
    start = time.monotonic()
    tokens = sum(int(roll.completions.lengths.sum()) for _, roll, _ in loop)
    return tokens / (time.monotonic() - start)


def recorded_tokens(name: str) -> int | None:
    """Tokens that the recorded run of that name sampled; None where none is recorded."""
    path = RECORDED / name / "summary.json"
    return json.loads(path.read_text())["sampled_tokens"] if path.is_file() else None


def report() -> str:
    """The machine, the preset it gets and why, free memory, predicted minutes and peak memory."""
    preset = presets.pick("auto")
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    lines = [
        f"machine   {platform.system()} {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__} "
        f"on {torch.get_num_threads()} threads, graphics card: {cuda}",
        f"preset    {preset.name}: {preset.model}, {preset.dtype}, LoRA rank {preset.lora_rank}",
        f"memory    {presets.free_memory():.1f} GiB free, {preset.memory:g} needed",
    ]
    speed = measure_speed(preset)
    lines.append(f"speed     {speed:.0f} tokens a second, sampling and learning together")
    for recipe in ("quick", "slow"):
        tokens = recorded_tokens(f"zero-{recipe}-rule-s0")
        if tokens:
            lines.append(
                f"minutes   {tokens / speed / 60:.1f} for `run zero --recipe {recipe}` ({tokens / 1e6:.1f}M tokens)"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kB on Linux
    lines.append(f"peak      {peak:.1f} GiB used by these steps")
    return "\n".join(lines)
