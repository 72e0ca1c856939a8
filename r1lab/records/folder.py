"""A run's folder: opened, written line by line, cut back to a checkpoint, read.

A run is a folder: `config.json`, `metrics.jsonl` (a line a step, numbers that depend on the
seed alone), `timing.jsonl`, `samples.jsonl`, `probe.jsonl` where a problem was asked again and
again, `checkpoint.safetensors` and the one before it, and at the end `figure.png` and
`summary.json`. Three rules:

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
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from r1lab.machine import environment
from r1lab.records import files
from r1lab.records.checkpoints import LOG, NEWEST, PREVIOUS, encoded, newest
from r1lab.records.configs import upgraded
from r1lab.records.files import RunError, lines, plainly, read_json, read_jsonl

LOGS = ("metrics.jsonl", "timing.jsonl", "samples.jsonl", "probe.jsonl")
FILES = ("config.json", *LOGS, NEWEST, PREVIOUS, "summary.json", "figure.png")
HOME = Path(__file__).resolve().parents[2] / "runs"


@dataclass(frozen=True)
class Run:
    """All records of a run; a part that is not there is empty."""

    config: dict
    metrics: list[dict]
    timing: list[dict]
    samples: list[dict]
    summary: dict
    probe: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where a stage stands: its run's folder, and the steps it has behind it."""

    folder: Path
    start: int = 0


def place(name: str, drive: Path = files.DRIVE) -> Path:
    """The folder of a reader's own run: NAME under $R1LAB_RUNS; without it on `drive`, which
    outlives the machine, where Colab has mounted it; else in `runs` beside the package."""
    usual = drive / "r1lab" / "runs" if drive.is_dir() else HOME
    return (environment.runs() or usual) / name


def open_run(folder: Path, config: dict, resume: bool) -> int:
    """Start a run in `folder`, or go on with the one in it: gives the last saved step.

    0 for a fresh run, or one that never saved. With `resume` the logs are cut to that step,
    and what they lack of it comes from the checkpoint; a `finished` run is left as it is.
    `resume` without a run is a fresh start.
    Raises RunError, and changes nothing, when the folder cannot be used, holds a run and
    `resume` is False, holds one with another config, or its checkpoint is damaged.
    """
    folder = Path(folder)
    with plainly(folder, "choose another --out"):
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
    there, here = read_json(folder / "config.json"), json.loads(json.dumps(config))
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
    saved = newest(folder)
    # nothing saved: the first step, 0 or 1, comes again
    rewind(folder, saved.step if saved else -1)
    for name, text in saved.logs.items() if saved else ():
        path, log = folder / name, text.encode()
        if not path.exists() or path.read_bytes() != log:
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
    with plainly(path, saved=_saved), open(path, "ab") as file:
        file.write(
            line.encode("utf-8", "backslashreplace")
        )  # a lone surrogate becomes its \u escape


def rewind(folder: Path, step: int) -> None:
    """Take every line after `step`, and a torn last line, out of the logs. A line without a
    step counts as step 0. A log that needs no change is not touched."""
    for path in (Path(folder) / name for name in LOGS):
        if path.exists():
            kept = b"".join(
                line + b"\n" for line, record in lines(path) if record.get("step", 0) <= step
            )
            if kept != path.read_bytes():
                _replace(path, kept)


def load_config(folder: Path) -> dict:
    """What a run was made with, as the newest version writes it."""
    return upgraded(read_json(Path(folder) / "config.json"))


def load_run(folder: Path) -> Run:
    """Everything a run folder holds. Raises RunError where there is no folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise RunError(f"there is no run at {folder}: check the path")
    config = load_config(folder)
    *logs, probe = (read_jsonl(folder / name) for name in LOGS)
    return Run(config, *logs, read_json(folder / "summary.json"), probe)


def write_json(path: Path, value) -> None:
    """Write sorted, indented JSON; whoever reads `path` finds the old file or the new one.
    Raises ValueError for NaN and infinity."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    _replace(Path(path), (text + "\n").encode("utf-8", "backslashreplace"))


def save_checkpoint(folder: Path, step: int, tensors: dict, extra: dict) -> None:
    """Save what a resumed run needs: tensors by name, and `extra`, which comes back as JSON
    gives it (tuples as lists), and the logs. The checkpoint before stays, for the case that this
    one is damaged. The digest in the file covers all of it: names, step, extra, logs, tensors."""
    folder = Path(folder)
    logs = {}
    for path in (folder / name for name in LOGS if (folder / name).exists()):
        with plainly(path, saved=_saved), open(path, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before the checkpoint that vouches for it
            logs[path.name] = file.read().decode()
    blob = encoded(step, tensors, extra, logs)
    _replace(folder / NEWEST, blob, keep=folder / PREVIOUS)


def load_checkpoint(folder: Path) -> tuple[int, dict, dict] | None:
    """(step, tensors, extra) of the newest checkpoint, None where there is none.

    A damaged file is never passed over: RunError says what to delete. After a kill between
    the two renames of `save_checkpoint`, the newest is the one called previous."""
    import safetensors.torch

    saved = newest(Path(folder))
    if not saved:
        return None
    tensors = safetensors.torch.load(saved.blob)
    tensors = {name: t for name, t in tensors.items() if not name.startswith(LOG)}
    return saved.step, tensors, saved.extra


def _replace(path: Path, data: bytes, keep: Path | None = None) -> None:
    with plainly(path, saved=_saved):
        files.replace(path, data, keep)


def _saved(folder: Path) -> str:
    with contextlib.suppress(RunError):
        count, last = len(read_jsonl(folder / LOGS[0])), newest(folder)
        step = f"step {last.step}" if last else "none"
        return f"{count} lines of {LOGS[0]}, last checkpoint: {step}"
    return "see the folder"
