"""Sampling beside transformers' `generate`: a decode step, a whole rollout, the shape of a larger
model."""

import copy
from dataclasses import dataclass

import torch

from r1lab import models, tasks
from r1lab.sampler import Sampler
from r1lab.speed.compare import Row, now, side_by_side

SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct"
NEVER = -1  # an end token that is never sampled
TRAINED = models.DATA / "runs" / "habits-rule-s0" / "trained"


def tiny(trained: bool = True):
    """(model with LoRA, tokenizer): the recorded run's, which writes long answers, or a fresh
    one."""
    if trained:
        return models.load_trained(TRAINED, "rich")
    model, tokenizer = models.load("rich")
    return models.add_lora(model, 8), tokenizer


def questions(tokenizer, n: int) -> list[list[int]]:
    """The token ids of `n` prompts of countdown."""
    asked = tasks.problems("countdown", n, seed=0)
    return tokenizer([tasks.tiny_prompt(p) for p in asked])["input_ids"]


def sample_seconds(model, prompts, group: int, tokens: int, stop: int = NEVER) -> tuple[float, int]:
    """Ours: seconds, and tokens sampled. Making the sampler is part of it."""
    generator = torch.Generator(model.device).manual_seed(0)
    start = now()
    done = Sampler(model).sample(prompts, group, tokens, stop, generator)
    return now() - start, int(done.lengths.sum())


def generate_seconds(
    model, prompts, group: int, tokens: int, stop: int = NEVER
) -> tuple[float, int]:
    """The same through `generate`, without asking it for log-probabilities."""
    longest = max(map(len, prompts))
    pads = [longest - len(p) for p in prompts]
    both = list(zip(pads, prompts, strict=True))
    ids = torch.tensor([[0] * n + p for n, p in both], device=model.device)
    seen = torch.tensor([[0] * n + [1] * len(p) for n, p in both], device=model.device)
    end = {} if stop == NEVER else {"eos_token_id": stop}
    if stop == NEVER:
        model.generation_config.eos_token_id = None
    start = now()
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids, attention_mask=seen, do_sample=True, top_k=0, max_new_tokens=tokens,
            pad_token_id=0, num_return_sequences=group, **end,
        )  # fmt: skip
    seconds = now() - start
    out = out[:, longest:]
    ended = (out == stop).int()
    counted = torch.where(ended.any(1), ended.argmax(1) + 1, out.shape[1])
    return seconds, int(counted.sum())


def decode(model, prompts, group: int, tokens: int, way) -> float:
    """Milliseconds of one decode step: a long sampling less one of a single token."""
    long, _ = way(model, prompts, group, tokens + 1)
    short, _ = way(model, prompts, group, 1)
    return 1000 * (long - short) / tokens


def decode_rows(rounds: int) -> list[Row]:
    """A decode step of the tiny model, beside `generate` with LoRA and with LoRA merged."""
    model, tokenizer = tiny()
    merged = copy.deepcopy(model).merge_and_unload()
    rows = []
    for batch in (8, 64, 256):
        prompts = questions(tokenizer, batch // 8)
        for peer, other in (("generate, LoRA", model), ("generate, merged", merged)):
            rows.append(
                side_by_side(
                    f"decode step, tiny, {batch} sequences",
                    peer,
                    "ms",
                    lambda p=prompts: decode(model, p, 8, 48, sample_seconds),
                    lambda p=prompts, m=other: decode(m, p, 8, 48, generate_seconds),
                    rounds,
                )
            )
    return rows


def rollout_row(rounds: int) -> Row:
    """The base's completions: most end after 30 tokens, a few run to the cap of 320."""
    model, tokenizer = tiny(trained=False)
    prompts = questions(tokenizer, 16)

    def cost(way) -> float:
        seconds, tokens = way(model, prompts, 8, 320, tokenizer.eos_token_id)
        return 1e6 * seconds / tokens

    return side_by_side(
        "rollout of 128, unequal lengths", "generate, LoRA", "µs a token",
        lambda: cost(sample_seconds), lambda: cost(generate_seconds), rounds,
    )  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A model of random weights: whose shape, how it computes, on what; LoRA of rank 16 or none."""

    model: str
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    lora: bool = False


def shaped(shape: Shape, batch: int):
    """(the model, prompts of random tokens for `batch` sequences, eight a prompt)."""
    model = models.random(shape.model, shape.dtype, shape.device)
    model = models.add_lora(model, 16) if shape.lora else model
    generator = torch.Generator().manual_seed(0)
    return model, torch.randint(10, 40_000, (batch // 8, 32), generator=generator).tolist()


def shape_row(shape: Shape, batch: int, tokens: int, rounds: int) -> Row:
    """A decode step of `batch` sequences, measured over `tokens` of them."""
    model, prompts = shaped(shape, batch)
    label = shape.model.split("/")[-1].removesuffix("-Instruct")
    half = "" if shape.dtype == torch.float32 else f", {str(shape.dtype).removeprefix('torch.')}"
    return side_by_side(
        f"decode step, {label} shape, {batch} sequences{half}",
        "generate, LoRA" if shape.lora else "generate, merged",
        "ms",
        lambda: decode(model, prompts, 8, tokens, sample_seconds),
        lambda: decode(model, prompts, 8, tokens, generate_seconds),
        rounds,
    )
