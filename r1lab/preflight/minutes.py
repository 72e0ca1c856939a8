"""How long a run will take on this machine: measured in some ten seconds, before it begins.

A few decode steps of the whole batch in the middle of their way, and one micro-batch forward and
back. What no clock can tell, how long completions will be and how many groups will have a signal,
comes from recorded runs.
"""

import time
from dataclasses import dataclass

import torch

from r1lab import models, policy, records, tasks
from r1lab.machine.presets import Preset
from r1lab.policy import Batch
from r1lab.sampler import Sampler

RECORDED = models.DATA / "runs"
DECODED = 8  # decode steps of a calibration
NEVER = -1  # an end token that is never sampled


@dataclass(frozen=True)
class Pace:
    """Seconds: `read` the prompts of a step, `decode` one token of all its completions, `learn`
    from one token of a micro-batch, prompt tokens counted too."""

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


def predict(model, tokenizer, pool: list, plan, prompt: int) -> dict:
    """Minutes of all stages of a run, the length of completions they rest on, and the number of
    recorded runs that comes from. Takes a calibration.

    model: ready to train. plan: with `preset` and `legs`, a stage each, see `running.settings`.
    prompt: tokens of the longest one. The two measurements and TRL's habits are not in it.
    """
    hope = expected(plan.preset)
    pace = calibrate(model, tokenizer, pool, plan.preset, hope.length)
    total = 0.0
    for leg in plan.legs:
        step = seconds(pace, plan.preset, prompt, hope, leg.stage.method)
        total += leg.config.steps * step / 60
    return {
        "minutes": round(total, 2), "length": round(hope.length, 1), "from_runs": hope.recorded,
    }  # fmt: skip


def expected(preset: Preset) -> Expected:
    """From the recorded GRPO runs under the rule reward with this preset's model, problems and cap,
    where there are some."""
    wanted = [getattr(preset, k) for k in ("task", "size", "also", "max_new", "model", "lora_rank")]
    found = []
    for path in sorted(RECORDED.glob("*/config.json")):
        config = records.load_config(path.parent)
        kinds = [(stage["method"], stage.get("reward")) for stage in config["stages"]]
        same = [config[k] for k in ("task", "size", "also", "max_new", "base", "lora_rank")]
        if same == wanted and kinds == [("grpo", "rule")]:
            found.append(records.load_run(path.parent).metrics)
    lines = [line for metrics in found for line in metrics]
    if not lines:
        return Expected(preset.max_new, 1.0, 0)
    length = sum(line["length"] for line in lines) / len(lines)
    signal = sum(1 - line["zero_variance"] for line in lines) / len(lines)
    return Expected(length, signal, len(found))


def calibrate(model, tokenizer, pool: list, preset: Preset, length: float) -> Pace:
    """Measure the `Pace` of a model that is ready to train. Its weights stay as they are.

    length: tokens a completion is expected to have; decoding is timed at half of it.
    """
    asked = [pool[i % len(pool)] for i in range(preset.prompts)]
    prompts = tokenizer([tasks.prompt(p, preset.template) for p in asked])["input_ids"]
    half = max(1, round(length / 2))
    halfway = [p + [p[i % len(p)] for i in range(half)] for p in prompts]  # a clock does not read
    generator = torch.Generator(preset.device).manual_seed(0)

    def sampled(rows: list[list[int]], tokens: int) -> float:
        sampler = Sampler(model)
        return _seconds(
            lambda: sampler.sample(rows, preset.group, tokens, NEVER, generator), preset.device
        )

    sampled(prompts, 2)  # the first call pays for warming up
    read = _seconds(lambda: Sampler(model), preset.device) + sampled(prompts, 1)
    room = model.config.max_position_embeddings - max(map(len, halfway))
    few = min(DECODED, max(1, room - 1))
    decode = max(0.0, sampled(halfway, 1 + few) - sampled(halfway, 1)) / few
    return Pace(read, decode, _learning(model, prompts, preset, max(1, round(length))))


def _learning(model, prompts: list[list[int]], preset: Preset, length: int) -> float:
    """Seconds to learn from one token, measured on a whole micro-batch."""
    longest = max(prompts, key=len)
    width = len(longest) + length
    rows = max(1, min(preset.micro_tokens // width, preset.prompts * preset.group))
    ids = torch.tensor(longest)[torch.arange(length) % len(longest)].expand(rows, -1)
    batch = Batch([longest] * rows, ids, torch.full((rows,), length))

    def likeliness(micro, logps, mask):
        return -logps[mask].mean(), {}

    def learnt():
        policy.gradients(model, batch, [list(range(rows))], likeliness)

    if preset.device == "cuda":
        learnt()  # warming up again
    spent = _seconds(learnt, preset.device)
    for p in models.trainable(model).values():
        p.grad = None
    return spent / (rows * width)


def seconds(pace: Pace, preset: Preset, prompt: int, hope: Expected, method: str) -> float:
    """Seconds of a training step. On a CPU a token costs what it costs; on a card a decode step
    takes as long for one row as for all, so the longest completion, which is at the cap, counts.

    "grpo" learns from every completion of the groups with a signal. "sft" and "dpo" learn from one
    completion or a pair for each prompt, of answers that were sampled before: as many a step.
    """
    tokens = preset.max_new if preset.device == "cuda" else hope.length
    share = {
        "grpo": preset.group * hope.signal,
        "sft": 1,
        "dpo": 2 * 4 / 3,  # the reference policy goes forward only, a third of a pass
    }[method]
    learnt = preset.prompts * share * (prompt + hope.length)
    return pace.read + tokens * pace.decode + learnt * pace.learn


def longest(tokenizer, problems: list, template: str) -> int:
    """Tokens of the longest prompt."""
    return max(map(len, tokenizer([tasks.prompt(p, template) for p in problems])["input_ids"]))


def _seconds(call, device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
