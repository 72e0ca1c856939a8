"""How fast, beside the usual way, in one run: `python -m r1lab bench [--json]`.

Ratios, not speeds: both sides run on this machine, in turns, one after the other first, and
each round gives one ratio. What is compared: a decode step and a whole rollout with
transformers' `generate`, a whole training step with TRL's stock trainer on the same problems.
Then how our cost grows, and how much of a step is arithmetic that nobody can avoid.
"""

import copy
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import torch

from r1lab import grpo, models, preflight, records, rewards, tasks
from r1lab.machine import presets
from r1lab.preflight import memory
from r1lab.sampler import Sampler
from r1lab.sampler.forward import threads

NEVER = -1  # an end token that is never sampled
TRAINED = models.DATA / "runs" / "zero-quick-rule-s0" / "trained"
GROWN = {
    "sequences": "sequences at once (48 tokens each)",
    "length": "tokens a sequence (64 sequences)",
    "group": "completions a prompt (128 of 48 tokens, the prompts' share included)",
}


@dataclass(frozen=True)
class Row:
    """One comparison: medians of both sides in `unit`, the ratio peer / ours with its range over rounds."""

    what: str
    peer: str
    unit: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float


def side_by_side(what: str, peer: str, unit: str, ours, theirs, rounds: int) -> Row:
    """ours and theirs: functions that do the work once and give its cost."""
    ours(), theirs()  # the first call also pays for warming up
    costs = {ours: [], theirs: []}
    for i in range(rounds):
        for side in (ours, theirs) if i % 2 else (theirs, ours):
            costs[side].append(side())
    ratios = [b / a for a, b in zip(costs[ours], costs[theirs], strict=True)]
    middle = [statistics.median(costs[side]) for side in (ours, theirs)]
    return Row(what, peer, unit, *middle, statistics.median(ratios), min(ratios), max(ratios))


def tiny(trained: bool = True):
    """(model with LoRA, tokenizer): the recorded run's, which writes long answers, or a fresh one."""
    model, tokenizer = models.load_trained(TRAINED, "rich") if trained else models.load("rich")
    return (model if trained else models.add_lora(model, 8)), tokenizer


def questions(tokenizer, n: int) -> list[list[int]]:
    asked = tasks.problems("countdown", n, seed=0)
    return tokenizer([tasks.tiny_prompt(p) for p in asked])["input_ids"]


def sample_seconds(model, prompts, group: int, tokens: int, stop: int = NEVER) -> tuple[float, int]:
    """Ours: seconds, and tokens sampled. Making the sampler, which folds LoRA in, is part of it."""
    start = _now()
    done = Sampler(model).sample(prompts, group, tokens, stop, _generator(model))
    return _now() - start, int(done.lengths.sum())


def generate_seconds(
    model, prompts, group: int, tokens: int, stop: int = NEVER
) -> tuple[float, int]:
    """The same through `generate`, without asking it for log-probabilities."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts], device=model.device)
    seen = torch.tensor(
        [[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=model.device
    )
    end = {} if stop == NEVER else {"eos_token_id": stop}
    if stop == NEVER:
        model.generation_config.eos_token_id = None
    start = _now()
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids, attention_mask=seen, do_sample=True, top_k=0, max_new_tokens=tokens, pad_token_id=0,
            num_return_sequences=group, **end,
        )  # fmt: skip
    seconds, out = _now() - start, out[:, longest:]
    ended = (out == stop).int()
    counted = torch.where(ended.any(1), ended.argmax(1) + 1, out.shape[1])
    return seconds, int(counted.sum())


def _generator(model):
    return torch.Generator(model.device).manual_seed(0)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def decode(model, prompts, group: int, tokens: int, way) -> float:
    """Milliseconds of one decode step: a long sampling less one of a single token."""
    return (
        1000
        * (way(model, prompts, group, tokens + 1)[0] - way(model, prompts, group, 1)[0])
        / tokens
    )


def decode_rows(rounds: int) -> list[Row]:
    model, tokenizer = tiny()
    merged = copy.deepcopy(model).merge_and_unload()
    rows = []
    for batch in (8, 64, 256):
        prompts = questions(tokenizer, batch // 8)
        for peer, other in (("generate, LoRA", model), ("generate, merged", merged)):
            rows.append(side_by_side(
                f"decode step, tiny, {batch} sequences", peer, "ms",
                lambda p=prompts: decode(model, p, 8, 48, sample_seconds),
                lambda p=prompts, m=other: decode(m, p, 8, 48, generate_seconds), rounds))  # fmt: skip
    return rows


def rollout_row(rounds: int) -> Row:
    """The base's completions: most end after 30 tokens, a few run to the cap of 320."""
    model, tokenizer = tiny(trained=False)
    prompts, stop = questions(tokenizer, 16), tokenizer.eos_token_id

    def cost(way):
        seconds, tokens = way(model, prompts, 8, 320, stop)
        return 1e6 * seconds / tokens

    return side_by_side("rollout of 128, unequal lengths", "generate, LoRA", "µs a token",
                        lambda: cost(sample_seconds), lambda: cost(generate_seconds), rounds)  # fmt: skip


def step_row(rounds: int, steps: int = 2) -> Row:
    """A whole GRPO step, 16 problems x 8 completions of about 200 tokens, with a rate of 0."""
    from r1lab import trl_engine  # TRL takes seconds to import

    preset = presets.pick("cpu")
    config = grpo.Config(
        steps=steps + 1, prompts=preset.prompts, group=preset.group, max_new=preset.max_new, lr=0.0
    )
    pool, judge = (
        tasks.problems("countdown", config.prompts * config.steps, seed=1),
        rewards.reward_set("rule"),
    )

    def fresh():
        model, tokenizer = tiny()
        for name, p in model.named_parameters():
            p.requires_grad_("lora_" in name)
        return model, tokenizer, grpo.make_optimizer(model, config)

    def cost(marks: list[tuple[float, int]]) -> float:
        """The first step pays for starting; the others count."""
        return 1e6 * (marks[-1][0] - marks[0][0]) / sum(tokens for _, tokens in marks[1:])

    def ours():
        model, tokenizer, optimizer = fresh()
        loop = grpo.train(model, tokenizer, pool, judge, config, optimizer)
        return cost([(_now(), int(roll.completions.lengths.sum())) for _, roll, _ in loop])

    def theirs():
        model, tokenizer, optimizer = fresh()
        marks = []

        def keep(step, problems, texts, lengths, *rest):
            marks.append((_now(), sum(lengths)))

        with tempfile.TemporaryDirectory() as folder:
            trl_engine.grpo(model, tokenizer, pool, judge, config, keep, Path(folder), optimizer)
        return cost(marks)

    return side_by_side(
        "whole training step, 128 completions",
        "TRL GRPOTrainer",
        "µs a token",
        ours,
        theirs,
        rounds,
    )


def shape_row(name: str, batch: int, tokens: int, rounds: int, dtype=torch.float32, device: str = "cpu",
              lora: bool = False) -> Row:  # fmt: skip
    model = models.random(name, dtype, device)
    model = models.add_lora(model, 16) if lora else model
    label = name.split("/")[-1].removesuffix("-Instruct")
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(10, 40_000, (batch // 8, 32), generator=generator).tolist()
    return side_by_side(
        f"decode step, {label} shape, {batch} sequences", "generate, LoRA" if lora else "generate, merged", "ms",
        lambda: decode(model, prompts, 8, tokens, sample_seconds),
        lambda: decode(model, prompts, 8, tokens, generate_seconds), rounds)  # fmt: skip


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


def floor(rounds: int, batch: int = 64) -> dict[str, float]:
    """The matrix products of a decode step alone, in ms and as a share of the step."""
    model, tokenizer = tiny()
    sampler, prompts = Sampler(model), questions(tokenizer, batch // 8)
    weights = [
        x.weight
        for layer in sampler.weights.layers
        for x in (layer.qkv, layer.out, layer.gate_up, layer.down)
    ]
    inputs = {w.shape[1]: torch.randn(batch, w.shape[1]) for w in [*weights, sampler.weights.head]}

    def products() -> float:
        with torch.inference_mode(), threads(sampler.weights, batch):
            start = time.perf_counter()
            for _ in range(48):
                for w in [*weights, sampler.weights.head]:
                    torch.nn.functional.linear(inputs[w.shape[1]], w)
            return 1000 * (time.perf_counter() - start) / 48

    row = side_by_side(
        "", "", "ms", products, lambda: decode(model, prompts, 8, 48, sample_seconds), rounds
    )
    return {"products_ms": row.ours, "step_ms": row.theirs, "share": 1 / row.ratio}


def card_rows(rounds: int) -> list[dict]:
    """On a graphics card: decode beside `generate`, peak memory, and the bandwidth floor, the time
    to read all weights once."""
    found = []
    block = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    start = _now()
    for _ in range(20):
        block.clone()
    bandwidth = 20 * 2 * block.numel() / (_now() - start)
    del block
    for name in ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B"):
        torch.cuda.reset_peak_memory_stats()
        row = shape_row(name, 64, 128, rounds, torch.bfloat16, "cuda")
        size = 2 * models.random(name, torch.bfloat16, "meta").num_parameters()
        found.append({"row": vars(row), "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
                      "floor_share": 1000 * size / bandwidth / row.ours})  # fmt: skip
        torch.cuda.empty_cache()
    return found


def run(rounds: int = 5) -> dict:
    """Everything, as plain numbers. About six minutes on two quiet cores."""
    say = lambda words: print(words, file=sys.stderr, flush=True)  # noqa: E731
    rows = []
    for what, make in (
        ("decode step", lambda: decode_rows(rounds)),
        ("rollout", lambda: [rollout_row(rounds)]),
        (
            "SmolLM2 shape",
            lambda: [
                shape_row("HuggingFaceTB/SmolLM2-135M-Instruct", 64, 6, min(rounds, 3), lora=on)
                for on in (True, False)
            ],
        ),
        ("training step", lambda: [step_row(min(rounds, 3))]),
    ):
        say(f"bench: {what}")
        rows += make()
    say("bench: growth and floor")
    cuda = torch.cuda.is_available()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
        + (f", {torch.cuda.get_device_name()}" if cuda else ""),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "rounds": rounds,
        "rows": [vars(row) for row in rows],
        "growth_us_a_token": {
            k: {str(n): v for n, v in d.items()} for k, d in growth(rounds).items()
        },
        "floor": floor(rounds),
        "card": card_rows(rounds) if cuda else [],
    }


def table(found: dict) -> str:
    """The result as Markdown."""
    lines = ["| what | ours | peer | | times faster [range] |", "|---|---|---|---|---|"]
    for row in [*found["rows"], *(part["row"] for part in found["card"])]:
        r = Row(**row)
        ours, theirs = (f"{x:,.0f}" if x >= 1000 else f"{x:.3g}" for x in (r.ours, r.theirs))
        lines.append(f"| {r.what} | {ours} {r.unit} | {r.peer} | {theirs} {r.unit} "
                     f"| {r.ratio:.1f} [{r.low:.1f}, {r.high:.1f}] |")  # fmt: skip
    f = found["floor"]
    lines += ["", "What a sampled token costs us, in µs, when one thing grows:", ""]
    lines += [f"* {GROWN[name]}: " + ", ".join(f"{n}: {cost:.0f}" for n, cost in costs.items())
              for name, costs in found["growth_us_a_token"].items()]  # fmt: skip
    lines += ["", f"The matrix products alone are {100 * f['share']:.0f} % of a decode step at 64 sequences. Machine: "
              f"{found['machine']}, torch {found['torch']}, {found['date']}; medians of {found['rounds']} rounds, of 3 for "
              "the last three rows."]  # fmt: skip
    return "\n".join(lines)


def memory_row(preset: presets.Preset, prompt: int = 100) -> dict:
    """GiB predicted and taken by one step on random weights of the preset's shape, every completion at the
    cap: an evaluation's sampling, the rollout, the update. `process`: what the process, or the card, held."""
    need = preflight.need(preset, prompt)
    fixed, device = need.weights + need.adapter, preset.device
    before = memory.start(device)
    model = models.prepare(
        models.random(preset.model, getattr(torch, preset.dtype), device), preset.lora_rank
    )
    config = grpo.Config(prompts=preset.prompts, group=preset.group, max_new=preset.max_new,
                         micro_tokens=preset.micro_tokens)  # fmt: skip
    optimizer, generator = (
        grpo.make_optimizer(model, config),
        torch.Generator(device).manual_seed(0),
    )
    asked = torch.randint(10, 40_000, (min(256, preset.eval_problems), prompt)).tolist()
    with memory.Tracked() as seen:
        Sampler(model).sample(asked, 1, preset.max_new, NEVER, generator)
        done = Sampler(model).sample(
            asked[: preset.prompts], preset.group, preset.max_new, NEVER, generator
        )
        sampling, seen.peak = seen.peak, seen.now
        shape = preset.prompts, preset.group
        roll = grpo.Rollout(
            [None] * preset.prompts, asked, done, [], {}, torch.zeros(shape), torch.randn(shape)
        )
        report = grpo.update(model, optimizer, roll, config, device)
    if not 0 < report["grad_norm"] < float("inf"):
        raise records.RunError(
            f"the update of {preset.model} has a gradient of {report['grad_norm']}"
        )
    return {"model": preset.model, "dtype": preset.dtype, "micro_tokens": preset.micro_tokens, "weights": fixed,
            "sampling": [need.sampling, sampling / memory.GIB], "learning": [need.learning, seen.peak / memory.GIB],
            "process": memory.used(device, before)}  # fmt: skip


def run_memory() -> dict:
    """`memory_row` of every preset's model and of Qwen2.5-1.5B: on a card as the presets have it, else a
    small step of a few completions. Needs 16 GiB and about five minutes on two cores."""
    cuda, rows = torch.cuda.is_available(), []
    for name in ("smollm2", "Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B", "Qwen/Qwen2.5-3B"):
        preset = replace(presets.named("gpu24" if cuda else "smol"), model=name)
        if cuda:
            preset = replace(preset, dtype=presets.half(torch.cuda.get_device_capability()))
        else:
            dtype = "float32" if name == "smollm2" else "bfloat16"
            preset = replace(
                preset, dtype=dtype, prompts=2, group=4, micro_tokens=512, eval_problems=16
            )
        print(f"bench: memory of {name}", file=sys.stderr, flush=True)
        with multiprocessing.get_context("spawn").Pool(
            1
        ) as fresh:  # what one leaves, the next would count
            rows.append(fresh.apply(memory_row, [preset]))
    machine = torch.cuda.get_device_name() if cuda else f"{platform.machine()} CPU"
    return {
        "machine": machine,
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "rows": rows,
    }


def memory_table(found: dict) -> str:
    """The result of `run_memory` as Markdown."""
    lines = [
        "| model, random weights | weights, adapter | sampling: predicted, counted | learning: predicted, counted | asked for | process grew by |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        pairs = " | ".join("{:.2f}, {:.2f}".format(*row[key]) for key in ("sampling", "learning"))
        asked = memory.Need(row["weights"], 0, row["sampling"][0], row["learning"][0]).wanted
        lines.append(
            f"| {row['model'].split('/')[-1]}, {row['dtype']} | {row['weights']:.2f} | {pairs} | {asked:.2f} | {row['process']:.2f} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"GiB. {found['machine']}, torch {found['torch']}, {found['date']}; `python -m r1lab bench --memory`.",
        ]
    )
