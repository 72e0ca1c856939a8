"""How fast, beside the usual way, in one run: `python -m r1lab bench [--json]`.

Ratios, not speeds: both sides run on this machine, in turns, one after the other first, and
each round gives one ratio. What is compared: a decode step and a whole rollout with
transformers' `generate`, a whole training step with TRL's stock trainer on the same problems.
Then how our cost grows, and how much of a step is arithmetic that nobody can avoid.
"""

import os
import platform
import sys
from datetime import date

import torch

from r1lab.speed import compare
from r1lab.speed.decoding import SMOLLM2, Shape, decode_rows, rollout_row, shape_row
from r1lab.speed.growth import floors, growth, on_card
from r1lab.speed.training import step_row

SHAPES = (  # of SmolLM2, and how many sequences
    (Shape(SMOLLM2, lora=True), 64), (Shape(SMOLLM2), 64), (Shape(SMOLLM2, lora=True), 8),
    (Shape(SMOLLM2, torch.bfloat16, lora=True), 64), (Shape(SMOLLM2, torch.bfloat16, lora=True), 8),
)  # fmt: skip
GROWN = {
    "sequences": "sequences at once (48 tokens each)",
    "length": "tokens a sequence (64 sequences)",
    "group": "completions a prompt (128 of 48 tokens, the prompts' share included)",
}


def run(rounds: int = 5) -> dict:
    """Everything, as plain numbers. About eleven minutes on two quiet cores."""
    few = min(rounds, 3)
    rows = []
    for what, make in (
        ("decode step", lambda: decode_rows(rounds)),
        ("rollout", lambda: [rollout_row(rounds)]),
        ("SmolLM2 shape", lambda: [shape_row(shape, n, 6, few) for shape, n in SHAPES]),
        ("training step", lambda: [step_row(few)]),
    ):  # fmt: skip
        _say(what)
        rows += make()
    _say("growth and floor")
    cuda = torch.cuda.is_available()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    grown = {name: {str(n): cost for n, cost in c.items()} for name, c in growth(rounds).items()}
    return {
        "machine": f"{machine}, {torch.cuda.get_device_name()}" if cuda else machine,
        "torch": torch.__version__,
        "date": date.today().isoformat(),
        "rounds": rounds,
        "rows": [vars(row) for row in rows],
        "growth_us_a_token": grown,
        "floor": floors(few),
        "card": on_card(rounds) if cuda else [],
    }


def _say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr, flush=True)


def table(found: dict) -> str:
    """The result as Markdown."""
    lines = compare.table([*found["rows"], *(part["row"] for part in found["card"])])
    lines += ["", "What a sampled token costs us, in µs, when one thing grows:", ""]
    for name, costs in found["growth_us_a_token"].items():
        said = ", ".join(f"{n}: {cost:.0f}" for n, cost in costs.items())
        lines.append(f"* {GROWN[name]}: {said}")
    floor = {name: f"{100 * part['share']:.0f} %" for name, part in found["floor"].items()}
    said = ", ".join(f"{share} for {name}" for name, share in floor.items())
    made = f"{found['machine']}, torch {found['torch']}, {found['date']}"
    lines += [
        "",
        f"Share of the matrix products in a decode step of 64 sequences: {said}. Machine: {made}; "
        f"medians of {found['rounds']} rounds, of 3 for these shares, SmolLM2's shape and the "
        "training step.",
    ]
    return "\n".join(lines)
