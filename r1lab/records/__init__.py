"""Records of a run on disk, so that a kill, a full disk or a damaged file costs little.

A run is a folder: `config.json`, `metrics.jsonl` (a line a step, numbers that depend on the
seed alone), `timing.jsonl`, `samples.jsonl`, `checkpoint.safetensors` and the one before it,
and at the end `summary.json` and `figure.png`. Three rules:

* A whole file is written beside its name and then renamed; a log grows by whole lines. A
  kill leaves at most one torn last line, and `rewind` takes it away.
* A checkpoint of step N holds the logs up to N as well, because a folder of Drive may come
  back with the newest version of one file and an older one of another. Going on from N
  writes the same lines again, byte for byte, where the numbers are the same.
* What cannot go on stops with a `RunError`: one sentence, nothing deleted, nothing guessed.

Left out: a lock. Two processes must not write to one folder.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LOGS = ("metrics.jsonl", "timing.jsonl", "samples.jsonl")
NEWEST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
FILES = ("config.json", *LOGS, NEWEST, PREVIOUS, "summary.json", "figure.png")
DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')
LOOK = "check the disk and the permissions"
HOME = Path(__file__).resolve().parents[2] / "runs"
DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts the reader's Drive


class RunError(Exception):
    """One sentence that says what happened and what to do. The command line prints it."""


@dataclass(frozen=True)
class Run:
    """All records of a run; a part that is not there is empty."""

    config: dict
    metrics: list[dict]
    timing: list[dict]
    samples: list[dict]
    summary: dict


class _Saved(NamedTuple):
    """A checkpoint as it was read; `blob`: all its bytes, tensors included."""

    step: int
    extra: dict
    logs: dict[str, str]
    blob: bytes


def place(name: str) -> Path:
    """The folder of a reader's own run: NAME under $R1LAB_RUNS; without it on Drive, which
    outlives the machine, where Colab has mounted that; else in `runs` beside the package."""
    usual = DRIVE / "r1lab" / "runs" if DRIVE.is_dir() else HOME
    return Path(os.environ.get("R1LAB_RUNS", usual)) / name


def processes() -> int:
    """How many processes train together: the launcher says it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    """Which of them this is; 0 is the main one, which writes."""
    return int(os.environ.get("RANK", 0))


def open_run(folder: Path, config: dict, resume: bool) -> int:
    """Start a run in `folder`, or go on with the one in it: gives the last saved step.

    0 for a fresh run, or one that never saved. With `resume` the logs are cut to that step,
    and what they lack of it comes from the checkpoint; a `finished` run is left as it is.
    `resume` without a run is a fresh start.
    Raises RunError, and changes nothing, when the folder cannot be used, holds a run and
    `resume` is False, holds one with another config, or its checkpoint is damaged.
    """
    folder = Path(folder)
    with _plainly(folder, "choose another --out"):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "writing is not allowed")
    found = [name for name in FILES if (folder / name).exists()]
    if not found:
        write_json(folder / "config.json", config)
        return 0
    if not resume:
        raise RunError(
            f"{folder} already holds a run: add --resume to go on, or choose another --out"
        )
    if "config.json" not in found:
        raise RunError(f"{folder} has no config.json, so what ran is unknown: choose another --out")
    there, here = _read_json(folder / "config.json"), json.loads(json.dumps(config))
    keys = [key for key in sorted(there | here) if there.get(key) != here.get(key)]
    if keys:
        differ = "; ".join(
            f"{key} was {there.get(key)!r:.80} and is now {here.get(key)!r:.80}" for key in keys
        )
        raise RunError(
            f"{folder} holds another run ({differ}): set it alike, or choose another --out"
        )
    if finished(folder):
        return max((line.get("step", 0) for line in read_jsonl(folder / LOGS[0])), default=0)
    saved = _newest(folder)
    rewind(
        folder, saved.step if saved else -1
    )  # nothing saved: the first step, 0 or 1, comes again
    for name, text in saved.logs.items() if saved else ():
        path, log = folder / name, text.encode()
        if not path.exists() or path.stat().st_size < len(log):
            _replace(path, log)
    return saved.step if saved else 0


def finished(folder: Path) -> bool:
    """Whether the run came to its end: `summary.json` is written last."""
    return (Path(folder) / "summary.json").exists()


def append(folder: Path, name: str, record: dict) -> None:
    """Add one line to a log, its keys in the order given. NaN and infinity raise RunError."""
    path = Path(folder) / name
    lost = [k for k, v in record.items() if isinstance(v, float) and not math.isfinite(v)]
    if lost:
        raise RunError(
            f"{', '.join(lost)} is not finite, the run has diverged: start one with a lower --lr"
        )
    line = json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
    with _plainly(path), open(path, "ab") as file:
        file.write(
            line.encode("utf-8", "backslashreplace")
        )  # a lone surrogate becomes its \u escape


def rewind(folder: Path, step: int) -> None:
    """Take every line after `step`, and a torn last line, out of the logs. A line without a
    step counts as step 0. A log that needs no change is not touched."""
    for path in (Path(folder) / name for name in LOGS):
        if path.exists():
            kept = b"".join(
                line + b"\n" for line, record in _lines(path) if record.get("step", 0) <= step
            )
            if kept != path.read_bytes():
                _replace(path, kept)


def read_jsonl(path: Path) -> list[dict]:
    """The records of a log; none where there is no file. A last line that a kill left
    half-written is passed over. Raises RunError for any other line that cannot be read."""
    return [record for _, record in _lines(Path(path))] if Path(path).exists() else []


def _lines(path: Path) -> Iterator[tuple[bytes, dict]]:
    with _plainly(path, LOOK):
        lines = path.read_bytes().split(b"\n")  # str.splitlines would cut at a U+2028 inside a text
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            yield line, record
        elif number < len(lines):  # only what stands behind the last line end can be torn
            raise RunError(
                f"line {number} of {path} is not a JSON record: mend or delete that line"
            )


def load_run(folder: Path) -> Run:
    """Everything a run folder holds. Raises RunError where there is no folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError(f"there is no run at {folder}: check the path")
    config, summary = _read_json(folder / "config.json"), _read_json(folder / "summary.json")
    return Run(config, *(read_jsonl(folder / name) for name in LOGS), summary)


def _read_json(path: Path) -> dict:
    with _plainly(path, LOOK):
        try:
            return json.loads(path.read_bytes()) if path.exists() else {}
        except ValueError as error:
            raise RunError(
                f"{path} is not JSON ({error}): mend it, or choose another --out"
            ) from error


def write_json(path: Path, value) -> None:
    """Write sorted, indented JSON; whoever reads `path` finds the old file or the new one.
    Raises ValueError for NaN and infinity."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    _replace(Path(path), (text + "\n").encode("utf-8", "backslashreplace"))


def save_checkpoint(folder: Path, step: int, tensors: dict, extra: dict) -> None:
    """Save what a resumed run needs: tensors by name, and `extra`, which comes back as JSON
    gives it (tuples as lists), and the logs. The checkpoint before stays, for the case that this
    one is damaged. The digest in the file covers all of it: names, step, extra, logs, tensors."""
    import safetensors.torch
    import torch

    folder = Path(folder)
    logs = {}
    for path in (folder / name for name in LOGS if (folder / name).exists()):
        with _plainly(path), open(path, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before the checkpoint that vouches for it
            logs[path.name] = file.read().decode()
    about = {
        "step": str(step),
        "extra": json.dumps(extra, allow_nan=False),
        "logs": json.dumps(logs),
    }
    about["sha256"] = "0" * 64
    plain = {
        k: t.detach().cpu().clone(memory_format=torch.contiguous_format) for k, t in tensors.items()
    }
    blob = safetensors.torch.save(plain, about)
    at = DIGEST.search(blob).start(
        1
    )  # quotes inside the others are escaped, so this is no part of them
    blob = blob[:at] + _digest(blob, at) + blob[at + 64 :]
    _replace(folder / NEWEST, blob, keep=folder / PREVIOUS)


def load_checkpoint(folder: Path) -> tuple[int, dict, dict] | None:
    """(step, tensors, extra) of the newest checkpoint, None where there is none.

    A damaged file is never passed over: RunError says what to delete. After a kill between
    the two renames of `save_checkpoint`, the newest is the one called previous."""
    import safetensors.torch

    saved = _newest(Path(folder))
    return (saved.step, safetensors.torch.load(saved.blob), saved.extra) if saved else None


def _newest(folder: Path) -> _Saved | None:
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


def _checked(path: Path) -> _Saved | None:
    """What a checkpoint holds, None where the digest does not fit. Nothing is parsed before it does."""
    with _plainly(path, LOOK):
        blob = path.read_bytes()
    stated = DIGEST.search(blob)
    if not stated or _digest(blob, stated.start(1)) != stated[1]:
        return None
    about = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]
    return _Saved(
        int(about["step"]), json.loads(about["extra"]), json.loads(about.get("logs", "{}")), blob
    )


def _digest(blob: bytes, at: int) -> bytes:
    """The digest of everything but the 64 bytes at `at`, where the digest itself stands."""
    return hashlib.sha256(blob[:at] + blob[at + 64 :]).hexdigest().encode()


def _replace(path: Path, data: bytes, keep: Path | None = None) -> None:
    """Put `data` at `path` in one move; what was there moves to `keep` first, if given."""
    part = path.with_name(f".{path.name}.part")
    with _plainly(path):
        try:
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if keep and path.exists():
                if DRIVE in keep.parents and keep.exists():
                    os.truncate(
                        keep, 0
                    )  # Drive puts what is replaced in its bin, where it fills the quota
                os.replace(path, keep)
            os.replace(part, path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _plainly(path: Path, way: str = "") -> Iterator[None]:
    """What the system refuses becomes one sentence. Without `way` it is a write to a run
    that failed, and the sentence also says what is safe."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        saved = "" if way else f"; saved so far: {_saved(path.parent)}"
        raise RunError(f"{path}: {why}{saved}. {way or 'Set it right and add --resume'}") from error


def _saved(folder: Path) -> str:
    with contextlib.suppress(RunError):
        lines, newest = len(read_jsonl(folder / LOGS[0])), _newest(folder)
        return f"{lines} lines of {LOGS[0]}, last checkpoint: {f'step {newest.step}' if newest else 'none'}"
    return "see the folder"
