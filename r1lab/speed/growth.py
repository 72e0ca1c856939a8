"""What a sampled token costs us: how that grows, and how much of it nobody can save."""

import statistics
import time

import torch

from r1lab import models
from r1lab.sampler import Sampler
from r1lab.sampler.forward import threads
from r1lab.speed.compare import now, side_by_side
from r1lab.speed.decoding import (
    SMOLLM2,
    Shape,
    decode,
    questions,
    sample_seconds,
    shape_row,
    shaped,
    tiny,
)


def growth(rounds: int) -> dict[str, dict[int, float]]:
    """Microseconds of ours for a token: by sequences at once (48 tokens each), by length (64
    sequences), by group size (128 completions of 48 tokens, the prompts' share included)."""
    model, tokenizer = tiny()

    def cost(sequences: int, group: int, tokens: int) -> float:
        prompts = questions(tokenizer, sequences // group)
        found = [sample_seconds(model, prompts, group, tokens) for _ in range(rounds + 1)][1:]
        return statistics.median(1e6 * seconds / count for seconds, count in found)

    return {
        "sequences": {n: cost(n, 8, 48) for n in (8, 16, 32, 64, 128, 256)},
        "length": {n: cost(64, 8, n) for n in (64, 128, 256, 512)},
        "group": {n: cost(128, n, 48) for n in (1, 4, 16, 64)},
    }


def floor(model, prompts: list[list[int]], tokens: int, rounds: int) -> dict[str, float]:
    """The matrix products of a decode step alone, eight completions a prompt, in ms and as a share
    of the step."""
    copied, batch = Sampler(model).weights, 8 * len(prompts)
    linears = [x for y in copied.layers for x in (y.qkv, y.out, y.gate_up, y.down)]
    linears.append(copied.head)
    kind = copied.embed.dtype
    inputs = {x.few.shape[1]: torch.randn(batch, x.few.shape[1], dtype=kind) for x in linears}

    def products() -> float:
        with torch.inference_mode(), threads(copied, batch):
            start = time.perf_counter()
            for _ in range(tokens):
                for linear in linears:
                    linear(inputs[linear.few.shape[1]])
            return 1000 * (time.perf_counter() - start) / tokens

    def step() -> float:
        return decode(model, prompts, 8, tokens, sample_seconds)

    row = side_by_side("", "", "ms", products, step, rounds)
    return {"products_ms": row.ours, "step_ms": row.theirs, "share": 1 / row.ratio}


def floors(rounds: int) -> dict[str, dict[str, float]]:
    """`floor` at 64 sequences: of the tiny model, and of SmolLM2's shape in two precisions."""
    model, tokenizer = tiny()
    found = {"the tiny model": floor(model, questions(tokenizer, 8), 48, rounds)}
    for dtype in (torch.float32, torch.bfloat16):
        name = f"SmolLM2's shape in {str(dtype).removeprefix('torch.')}"
        found[name] = floor(*shaped(Shape(SMOLLM2, dtype, lora=True), 64), 6, rounds)
    return found


def on_card(rounds: int) -> list[dict]:
    """On a graphics card: decode beside `generate`, peak memory, and the bandwidth floor, the time
    to read all weights once."""
    found = []
    bandwidth = _bandwidth()
    for name in ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B"):
        torch.cuda.reset_peak_memory_stats()
        row = shape_row(Shape(name, torch.bfloat16, "cuda"), 64, 128, rounds)
        size = 2 * models.random(name, torch.bfloat16, "meta").num_parameters()
        found.append({
            "row": vars(row),
            "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
            "floor_share": 1000 * size / bandwidth / row.ours,
        })  # fmt: skip
        torch.cuda.empty_cache()
    return found


def _bandwidth() -> float:
    """Bytes a second that the card reads and writes."""
    block = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    start = now()
    for _ in range(20):
        block.clone()
    return 20 * 2 * block.numel() / (now() - start)
