"""Memory predicted and taken by one step on true shapes: `python -m r1lab bench --memory`."""

import multiprocessing
import platform
import sys
from dataclasses import replace
from datetime import date

import torch

from r1lab import grpo, models, policy, preflight
from r1lab.machine import memory, presets
from r1lab.machine.memory import GIB
from r1lab.machine.presets import Preset
from r1lab.preflight.need import ROWS
from r1lab.records import RunError
from r1lab.rollouts import Rollout, Sampled
from r1lab.sampler import Sampler
from r1lab.speed.decoding import NEVER

MODELS = ("smollm2", "Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B", "Qwen/Qwen2.5-3B")


def run() -> dict:
    """`row` of every preset's model and of Qwen2.5-1.5B: on a card as the presets have it, else a
    small step of a few completions. Needs 16 GiB and about five minutes on two cores."""
    cuda = torch.cuda.is_available()
    rows = []
    for name in MODELS:
        print(f"bench: memory of {name}", file=sys.stderr, flush=True)
        # a fresh process: what one model leaves, the next would count
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            rows.append(fresh.apply(row, [_preset(name, cuda)]))
    return {
        "machine": torch.cuda.get_device_name() if cuda else f"{platform.machine()} CPU",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "rows": rows,
    }


def _preset(name: str, cuda: bool) -> Preset:
    if cuda:
        dtype = presets.half(torch.cuda.get_device_capability())
        return replace(presets.named("gpu24"), model=name, dtype=dtype)
    dtype = "float32" if name == "smollm2" else "bfloat16"
    small = replace(presets.named("smol"), model=name, dtype=dtype, eval_problems=16)
    return replace(small, prompts=2, group=4, micro_tokens=512)


def row(preset: Preset, prompt: int = 100) -> dict:
    """GiB predicted and taken by one step on random weights of the preset's shape, every completion
    at the cap: an evaluation's sampling, the rollout, the update. `process`: what the process, or
    the card, held."""
    need = preflight.need(preset, prompt, "grpo")
    device = preset.device
    before = memory.start(device)
    model = models.random(preset.model, getattr(torch, preset.dtype), device)
    model = models.prepare(model, preset.lora_rank)
    config = grpo.Config(
        prompts=preset.prompts, group=preset.group, max_new=preset.max_new,
        micro_tokens=preset.micro_tokens,
    )  # fmt: skip
    learner = policy.learner(model, None, config.lr)
    generator = torch.Generator(device).manual_seed(0)
    asked = torch.randint(10, 40_000, (min(ROWS, preset.eval_problems), prompt)).tolist()
    with memory.Tracked() as seen:
        Sampler(model).sample(asked, 1, preset.max_new, NEVER, generator)
        drawn = asked[: preset.prompts]
        done = Sampler(model).sample(drawn, preset.group, preset.max_new, NEVER, generator)
        sampling = seen.peak
        seen.peak = seen.now
        report = grpo.update(learner, _rewarded(drawn, done, preset), config)
    if not 0 < report["grad_norm"] < float("inf"):
        raise RunError(f"the update of {preset.model} has a gradient of {report['grad_norm']}")
    return {
        "model": preset.model,
        "dtype": preset.dtype,
        "micro_tokens": preset.micro_tokens,
        "weights": need.weights + need.adapter,
        "sampling": [need.sampling, sampling / GIB],
        "learning": [need.learning, seen.peak / GIB],
        "process": memory.used(device, before),
    }


def _rewarded(prompts: list[list[int]], done, preset: Preset) -> Rollout:
    """What was sampled, with advantages drawn at random: every completion has something to
    teach."""
    P, G = preset.prompts, preset.group
    sampled = Sampled(prompts, done, [""] * (P * G))
    return Rollout(1, [None] * P, sampled, [], {}, torch.zeros(P, G), torch.randn(P, G))


def table(found: dict) -> str:
    """The result of `run` as Markdown."""
    lines = [
        "| model, random weights | weights, adapter | sampling: predicted, counted "
        "| learning: predicted, counted | asked for | process grew by |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        pairs = " | ".join("{:.2f}, {:.2f}".format(*row[key]) for key in ("sampling", "learning"))
        asked = preflight.Need(row["weights"], 0, row["sampling"][0], row["learning"][0]).wanted
        lines.append(
            f"| {row['model'].split('/')[-1]}, {row['dtype']} | {row['weights']:.2f} | {pairs} "
            f"| {asked:.2f} | {row['process']:.2f} |"
        )
    made = f"{found['machine']}, torch {found['torch']}, {found['date']}"
    return "\n".join([*lines, "", f"GiB. {made}; `python -m r1lab bench --memory`."])
