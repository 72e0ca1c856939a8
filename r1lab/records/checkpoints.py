"""Checkpoints: one file that holds what a run needs to go on, under one digest."""

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from r1lab.records.files import LOOK, RunError, plainly

NEWEST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
LOG = "log:"  # what the names of logs begin with: as tensors, since a header may have 100 MB
DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')


class Saved(NamedTuple):
    """A checkpoint as it was read; `blob`: all its bytes, tensors included."""

    step: int
    extra: dict
    logs: dict[str, str]
    blob: bytes


def encoded(step: int, tensors: dict, extra: dict, logs: dict[str, str]) -> bytes:
    """The bytes of a checkpoint. The digest covers all: names, step, extra, logs, tensors."""
    import safetensors.torch
    import torch

    about = {
        "step": str(step),
        "extra": json.dumps(extra, allow_nan=False),
    }
    texts = {LOG + name: _bytes(text) for name, text in logs.items()}
    about["sha256"] = "0" * 64
    whole = torch.contiguous_format
    plain = {k: t.detach().cpu().clone(memory_format=whole) for k, t in tensors.items()} | texts
    blob = safetensors.torch.save(plain, about)
    at = DIGEST.search(blob).start(
        1
    )  # quotes inside the others are escaped, so this is no part of them
    return blob[:at] + digest(blob, at) + blob[at + 64 :]


def _bytes(text: str):
    import torch

    data = bytearray(text.encode())
    kind = torch.uint8
    return torch.frombuffer(data, dtype=kind) if data else torch.zeros(0, dtype=kind)


def newest(folder: Path) -> Saved | None:
    """The newest checkpoint, None where there is none. Raises RunError where it is damaged."""
    there = [path for path in (folder / NEWEST, folder / PREVIOUS) if path.exists()]
    saved = _checked(there[0]) if there else None
    if saved or not there:
        return saved
    before = _checked(there[1]) if there[1:] else None
    files = there[0].name if before or not there[1:] else f"{NEWEST} and {PREVIOUS}"
    step = (
        f"goes on from step {before.step}, saved before it"
        if before
        else "starts again from step 0"
    )
    raise RunError(
        f"{files} in {folder} is damaged (wrong checksum): delete it, and --resume {step}"
    )


def _checked(path: Path) -> Saved | None:
    """What a checkpoint holds, None where the digest does not fit: then nothing is parsed."""
    with plainly(path, LOOK):
        blob = path.read_bytes()
    stated = DIGEST.search(blob)
    if not stated or digest(blob, stated.start(1)) != stated[1]:
        return None
    at = 8 + int.from_bytes(blob[:8], "little")
    head = json.loads(blob[8:at])
    about = head.pop("__metadata__")
    logs = json.loads(about.get("logs", "{}"))  # where earlier checkpoints have them
    for name, tensor in head.items():
        if name.startswith(LOG):
            start, end = tensor["data_offsets"]
            logs[name.removeprefix(LOG)] = blob[at + start : at + end].decode()
    return Saved(int(about["step"]), json.loads(about["extra"]), logs, blob)


def digest(blob: bytes, at: int) -> bytes:
    """The digest of everything but the 64 bytes at `at`, where the digest itself stands."""
    return hashlib.sha256(blob[:at] + blob[at + 64 :]).hexdigest().encode()
