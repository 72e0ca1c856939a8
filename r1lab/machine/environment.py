"""Every environment variable that the project reads, and nothing else reads one.

Set by a reader: R1LAB_FAST, R1LAB_RUNS, R1LAB_MODELS, R1LAB_VLLM. Set by a launcher (`torchrun`,
`accelerate launch`): WORLD_SIZE, RANK, LOCAL_RANK and accelerate's own. They are read when asked
for, so a test or a notebook may set one at any time.
"""

import os
from pathlib import Path


def fast() -> bool:
    """R1LAB_FAST=1: a few steps on a few problems, for tests and CI."""
    return os.environ.get("R1LAB_FAST") == "1"


def runs() -> Path | None:
    """R1LAB_RUNS: the folder that a reader's own runs go to; None where it is not set."""
    return _folder("R1LAB_RUNS")


def fetched() -> Path:
    """R1LAB_MODELS: the folder of fetched models, by default in the home folder's cache."""
    return _folder("R1LAB_MODELS") or Path.home() / ".cache" / "r1lab"


def vllm() -> str | None:
    """R1LAB_VLLM: the address of a vLLM server that samples for TRL; None where it is not set."""
    return os.environ.get("R1LAB_VLLM")


def processes() -> int:
    """WORLD_SIZE: how many processes train together; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    """RANK: which of them this is; 0 is the main one, which writes."""
    return int(os.environ.get("RANK", 0))


def local_rank() -> int:
    """LOCAL_RANK: which of those on this machine this is, so the number of its graphics card."""
    return int(os.environ.get("LOCAL_RANK", 0))


def sharded() -> bool:
    """ACCELERATE_USE_FSDP, ACCELERATE_USE_DEEPSPEED: whether the launcher spreads the weights over
    the processes, so that none has all."""
    ways = ("FSDP", "DEEPSPEED")
    return any(os.environ.get(f"ACCELERATE_USE_{way}", "").lower() == "true" for way in ways)


def _folder(name: str) -> Path | None:
    return Path(os.environ[name]) if name in os.environ else None
