"""What a run will take on this machine, before it begins: memory counted, minutes measured.

`check` refuses what will not fit and says what to change. `calibrate` takes some ten seconds:
a few decode steps of the whole batch in the middle of their way, and one micro-batch forward
and back. `report` is `python -m r1lab preflight`.
"""

import os
import platform
import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch

from r1lab import grpo, models, records, tasks
from r1lab.machine import presets
from r1lab.machine.presets import Preset
from r1lab.preflight import memory
from r1lab.sampler import Completions, Sampler

RECORDED = models.DATA / "runs"
DECODED = 8  # decode steps of a calibration
PROMPT = {
    "tiny": 30,
    "smollm2": 70,
    "r1": 320,
}  # tokens of a long prompt, where no tokenizer is at hand


@dataclass(frozen=True)
class Pace:
    """Seconds: `read` the prompts of a step, `decode` one token of all its completions, `learn` from one
    token of a micro-batch, prompt tokens counted too."""

    read: float
    decode: float
    learn: float


@dataclass(frozen=True)
class Expected:
    """What one cannot know before: tokens of a completion, and the share of groups with a signal.
    `recorded`: how many runs they come from; 0: every completion at the cap, every group."""

    length: float
    signal: float
    recorded: int


def need(preset: Preset, prompt: int) -> memory.Need:
    """The memory of `run zero` with this preset. prompt: tokens of the longest one."""
    return memory.need(
        models.config_of(preset.model), getattr(torch, preset.dtype), preset.lora_rank, prompt, preset.max_new,
        preset.prompts, preset.group, preset.micro_tokens, rows=min(256, preset.eval_problems),
    )  # fmt: skip


def check(preset: Preset, prompt: int) -> memory.Need:
    """`need`, where it fits. Raises records.RunError with a suggestion where it does not."""
    found = need(preset, prompt)
    free = presets.free_memory(preset.device)
    row = prompt + preset.max_new
    if words := memory.refusal(
        found, free, min(preset.micro_tokens, preset.prompts * preset.group * row), row
    ):
        raise records.RunError(words)
    return found


def expected(preset: Preset) -> Expected:
    """From the recorded runs of this preset's model, task and cap, where there are some."""
    lengths, signals, found = [], [], 0
    for folder in sorted(RECORDED.glob("zero-*quick-rule-s*")):
        run = records.load_run(folder)
        about = {"task": "countdown"} | run.config  # the first runs knew no other task
        keys = ("task", "max_new", "base", "lora_rank")
        if [about[k] for k in keys] == [
            preset.task,
            preset.max_new,
            preset.model,
            preset.lora_rank,
        ]:
            found += 1
            lengths += [m["length"] for m in run.metrics]
            signals += [1 - m["zero_variance"] for m in run.metrics]
    if not lengths:
        return Expected(preset.max_new, 1.0, 0)
    return Expected(sum(lengths) / len(lengths), sum(signals) / len(signals), found)


def calibrate(
    model, tokenizer, pool, config: grpo.Config, length: float, device: str = "cpu"
) -> Pace:
    """Measure the `Pace` of a model that is ready to train. Its weights stay as they are.

    length: tokens a completion is expected to have; decoding is timed at half of it.
    """
    asked = [pool[i % len(pool)] for i in range(config.prompts)]
    prompts = tokenizer([tasks.prompt(p, config.template) for p in asked])["input_ids"]
    half, whole = max(1, round(length / 2)), max(1, round(length))
    halfway = [p + [p[i % len(p)] for i in range(half)] for p in prompts]  # a clock does not read
    generator = torch.Generator(device).manual_seed(0)
    room = model.config.max_position_embeddings - max(map(len, halfway))

    def sampled(rows, tokens: int) -> float:
        sampler = Sampler(model)
        return _seconds(lambda: sampler.sample(rows, config.group, tokens, -1, generator), device)

    sampled(prompts, 2)  # the first call pays for warming up
    read = _seconds(lambda: Sampler(model), device) + sampled(prompts, 1)
    few = min(DECODED, max(1, room - 1))
    decode = max(0.0, sampled(halfway, 1 + few) - sampled(halfway, 1)) / few
    width = max(map(len, prompts)) + whole
    rows = max(1, min(config.micro_tokens // width, config.prompts * config.group))
    ids = torch.tensor(prompts[0])[torch.arange(whole) % len(prompts[0])].expand(rows, -1)
    done = Completions(
        ids,
        torch.zeros(rows, whole),
        torch.full((rows,), whole),
        torch.zeros(rows, dtype=torch.bool),
    )
    roll = SimpleNamespace(
        prompt_ids=prompts, completions=done, advantages=torch.ones(rows), problems=asked
    )

    def learnt():
        grpo.gradients(model, roll, torch.arange(rows), config, device)

    if device == "cuda":
        learnt()  # warming up again
    learn = _seconds(learnt, device) / (rows * width)
    for p in models.trainable(model).values():
        p.grad = None
    return Pace(read, decode, learn)


def seconds(pace: Pace, preset: Preset, prompt: int, hope: Expected) -> float:
    """Seconds of a training step. On a CPU a token costs what it costs; on a card a decode step takes
    as long for one row as for all, so the longest completion, which is at the cap, counts."""
    tokens = preset.max_new if preset.device == "cuda" else hope.length
    learnt = preset.prompts * preset.group * hope.signal * (prompt + hope.length)
    return pace.read + tokens * pace.decode + learnt * pace.learn


def _seconds(call, device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def report() -> str:
    """The machine, the preset it gets and why, then for every preset the memory it needs and, where its
    model is at hand without a download, the minutes."""
    chosen, why = presets.choose()
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    lines = [
        f"machine  {platform.system()} {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__} "
        f"on {torch.get_num_threads()} threads, graphics card: {card}",
        f"auto     {chosen}: {why}",
        f"free     {presets.free_memory():.1f} GiB of memory"
        + (
            f", {presets.free_memory('cuda'):.1f} GiB on the card"
            if torch.cuda.is_available()
            else ""
        ),
        "",
        f"{'preset':7} {'model':18} {'task':10} {'weights':>8} {'sampling':>9} {'learning':>9} {'needs':>6}   GiB",
    ]
    for name in presets.PRESETS:
        lines.append(_line(name))
    return "\n".join(lines)


def _line(name: str) -> str:
    preset = presets.named(name)
    there = preset.device == "cpu" or torch.cuda.is_available()
    preset = presets.pick(name) if there else replace(preset, dtype="float16")
    prompt = PROMPT[preset.template]
    found = need(preset, prompt)
    text = (
        f"{name:7} {preset.model.split('/')[-1]:18} {preset.task:10} {found.weights:8.2f} {found.sampling:9.2f} "
        f"{found.learning:9.2f} {found.wanted:6.1f}   "
    )
    if not there:
        return text + "needs an NVIDIA card"
    if found.wanted > presets.free_memory(preset.device):
        return text + "does not fit here"
    try:
        models.source(preset.model)
    except FileNotFoundError:
        return text + f"fits; first `python -m r1lab fetch {preset.model}`"
    if preset.device == "cuda":
        return text + "fits; minutes are measured when a run begins"
    return f"{text}fits; {minutes(preset):.1f} min"


def minutes(preset: Preset) -> float:
    """Minutes of training that `run zero` will take here, by a calibration. Loads the model."""
    model, tokenizer = models.load(preset.model, getattr(torch, preset.dtype), preset.device)
    model = models.prepare(model, preset.lora_rank)
    config = grpo.Config(
        prompts=preset.prompts, group=preset.group, max_new=preset.max_new, micro_tokens=preset.micro_tokens,
        template=preset.template,
    )  # fmt: skip
    pool, hope = tasks.problems(preset.task, preset.prompts, seed=1), expected(preset)
    pace = calibrate(model, tokenizer, pool, config, hope.length, preset.device)
    return (
        preset.steps * seconds(pace, preset, longest(tokenizer, pool, preset.template), hope) / 60
    )


def longest(tokenizer, problems, template: str) -> int:
    """Tokens of the longest prompt."""
    return max(map(len, tokenizer([tasks.prompt(p, template) for p in problems])["input_ids"]))
