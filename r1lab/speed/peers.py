"""Our sampler beside engines made for speed: `python -m r1lab bench --peers vllm=PYTHON ...`.

Whole rollouts on one thread, short prompts with eight completions each, every token with its
log-probability. Ours makes its sampler each time: in float32 it folds the LoRA in, and it lays all
weights out. A peer has its weights at hand, LoRA merged into them; vLLM, which can take new ones,
is also timed with that, since each step of training has new ones. In bfloat16 ours keeps LoRA
apart, so there both sides are given merged weights, and then both a LoRA of their own. Beside it
the floor: what the matrix products alone take, reading all weights once a step, and making the
sampler.
"""

import copy
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import torch

from r1lab import models
from r1lab.records import RunError
from r1lab.sampler import Sampler
from r1lab.speed import compare, gguf_file, peer_process, waiting
from r1lab.speed.answering import answering
from r1lab.speed.compare import Row, now, side_by_side
from r1lab.speed.decoding import SMOLLM2, questions, sample_seconds, tiny
from r1lab.speed.growth import floor

NAMES = tuple(peer_process.ENGINES)
WAITING = {
    "PASSIVE": "threads that wait asleep, as the package has it",
    "ACTIVE": "threads that wait spinning", "one": "one thread",
}  # fmt: skip
ROOM = 256  # tokens of a sequence at most
GROUP = 8


@dataclass(frozen=True)
class Case:
    """What is sampled. batches: so many sequences at once; tokens: of a completion; lora: `folded`
    by us and merged for a peer, `merged` for both, `apart` on both sides, which is vLLM's alone."""

    label: str
    dtype: torch.dtype
    batches: tuple[int, ...]
    tokens: int
    lora: str = "folded"

    @property
    def said(self) -> str:
        return f"{self.label}, {_short(self.dtype)}, LoRA {self.lora}"


SMOL = "SmolLM2's shape"
CASES = (
    Case(SMOL, torch.float32, (64, 8), 48),
    Case(SMOL, torch.bfloat16, (64, 8), 48, "merged"),
    Case(SMOL, torch.bfloat16, (64, 8), 48, "apart"),
    Case("the tiny model", torch.float32, (128,), 96),
)


def run(pythons: dict[str, Path], rounds: int = 5) -> dict:
    """pythons: engine -> the Python of an environment that has it. About twenty minutes for two.
    Raises RunError where an engine does not start."""
    torch.set_num_threads(1)
    found = [one for case in CASES for one in _case(case, pythons, rounds)]
    return {
        "machine": f"{_processor()}, one thread",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "rounds": rounds,
        "cases": found,
        "waiting": waiting.found(rounds),
    }


def table(found: dict) -> str:
    """The result as Markdown."""
    lines = compare.table([row for one in found["cases"] for row in one["rows"]])
    shares = []
    for one in found["cases"]:
        step = one["sequences"] * min(row["ours"] for row in one["rows"]) / 1000
        shares.append(
            f"{one['what']}, {one['sequences']} sequences: "
            f"{100 * one['products']:.0f} %, {100 * one['weights_ms'] / step:.0f} %, "
            f"{100 * one['making']:.0f} %"
        )
    lines += [
        "",
        "µs a token, folding and log-probabilities included. The matrix products alone take of a "
        "decode step of ours, reading each weight once a step would take of our time, and making "
        "the sampler from new weights takes of a rollout:",
        "",
        *(f"* {share}" for share in shares),
        "",
        "Tokens a second of ours on all cores, SmolLM2's shape in float32, 64 sequences, alone and "
        "beside a process that keeps one core busy:",
        "",
        *(
            f"* {WAITING[way]}: {rate['alone']:.0f}, {rate['beside']:.0f}"
            for way, rate in found["waiting"].items()
        ),
        "",
        f"Machine: {found['machine']}, torch {found['torch']}, {found['date']}; medians of "
        f"{found['rounds']} rounds.",
    ]
    return "\n".join(lines)


def _case(case: Case, pythons: dict[str, Path], rounds: int) -> list[dict]:
    model, ask = _model(case)
    merged = copy.deepcopy(model).merge_and_unload()
    ours = merged if case.lora == "merged" else model
    rows = {batch: [] for batch in case.batches}
    with tempfile.TemporaryDirectory() as folder:
        merged.save_pretrained(folder)
        if case.lora == "apart":
            model.save_pretrained(f"{folder}/adapter")
            pythons = {name: python for name, python in pythons.items() if name == "vllm"}
        elif "llamacpp" in pythons:
            gguf_file.write(merged, Path(folder) / f"{_short(case.dtype)}.gguf")
        for name, python in pythons.items():
            print(f"bench: {case.said}, {name}", file=sys.stderr, flush=True)
            sizes = str(ROOM), str(max(case.batches))
            with started(python, name, folder, _short(case.dtype), *sizes) as theirs:
                for batch in case.batches:
                    rows[batch].append(_row(case, name, ours, ask(batch), theirs, rounds))
                    if name == "vllm" and case.lora != "apart":
                        said = f"{name}, given new weights"
                        renewed = partial(theirs, renew=True)
                        rows[batch].append(_row(case, said, ours, ask(batch), renewed, rounds))
    return [
        {
            "what": case.said, "sequences": batch, "rows": [vars(row) for row in rows[batch]],
            "products": floor(ours, ask(batch), 24, rounds)["share"],
            "weights_ms": _reading(merged, rounds),
            "making": _making(ours, ask(batch), case.tokens, rounds),
        }
        for batch in case.batches if rows[batch]
    ]  # fmt: skip


def _model(case: Case) -> tuple[object, Callable[[int], list[list[int]]]]:
    """The policy with LoRA, and the prompts for so many sequences."""
    if case.label != SMOL:
        model, tokenizer = tiny()
        return model, lambda batch: questions(tokenizer, batch // GROUP)
    model = models.add_lora(models.random(SMOLLM2, case.dtype), 16)
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(10, 40_000, (max(case.batches) // GROUP, 8), generator=generator)
    return model, lambda batch: prompts[: batch // GROUP].tolist()


def _row(case: Case, name: str, model, prompts, theirs, rounds: int) -> Row:
    """In µs a token, as each side counted its seconds and tokens."""
    asked = prompts, GROUP, case.tokens
    n = len(prompts) * GROUP

    def cost(seconds: float, tokens: int) -> float:
        if tokens != n * case.tokens:
            raise RunError(f"{name}: {tokens} tokens in the place of {n * case.tokens}")
        return 1e6 * seconds / tokens

    return side_by_side(
        f"{case.said}, {n} sequences", name, "µs",
        lambda: cost(*sample_seconds(model, *asked)), lambda: cost(*theirs(*asked)), rounds,
    )  # fmt: skip


@contextmanager
def started(python: Path, name: str, *rest: str) -> Iterator[Callable]:
    """The engine's way to sample, in a process of its own: prompts, completions of each, tokens,
    and what it alone knows -> (seconds, tokens). Raises RunError where it stops, with the end of
    what it said."""
    command = [python, peer_process.__file__, name, *rest]
    with answering(name, command, _surroundings(python)) as ask:

        def sample(prompts, group: int, tokens: int, **more) -> tuple[float, int]:
            asked = {"prompts": prompts, "group": group, "tokens": tokens} | more
            return tuple(json.loads(ask(json.dumps(asked))))

        yield sample


def _surroundings(python: Path) -> dict[str, str]:
    """One thread; for vLLM what its manual asks for on a CPU, where its environment has it."""
    found = {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
             "VLLM_CPU_OMP_THREADS_BIND": str(min(os.sched_getaffinity(0))),
             "VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_LOGGING_LEVEL": "WARNING"}  # fmt: skip
    threads = python.parent.parent / "lib" / "libiomp5.so"
    if threads.exists():
        found["LD_PRELOAD"] = str(threads)
    return os.environ | found


def _reading(model, rounds: int) -> float:
    """Milliseconds to read all weights once."""
    weights = [weight.detach() for weight in model.parameters()]

    def seconds() -> float:
        start = time.perf_counter()
        for weight in weights:
            weight.view(torch.int32 if weight.element_size() == 4 else torch.int16).max()
        return time.perf_counter() - start

    return 1000 * statistics.median(seconds() for _ in range(rounds))


def _making(model, prompts, tokens: int, rounds: int) -> float:
    """The share of a rollout in which new weights are folded and laid out."""

    def seconds() -> float:
        start = now()
        Sampler(model)
        return now() - start

    made, whole = [], []
    for _ in range(rounds):
        made.append(seconds())
        whole.append(sample_seconds(model, prompts, GROUP, tokens)[0])
    return statistics.median(made) / statistics.median(whole)


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
