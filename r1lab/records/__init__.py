"""Records of a run on disk, so that a kill, a full disk or a damaged file costs little."""

from r1lab.records.checkpoints import NEWEST, PREVIOUS
from r1lab.records.configs import VERSION
from r1lab.records.files import RunError, read_jsonl
from r1lab.records.folder import (
    FILES,
    HOME,
    LOGS,
    Place,
    Run,
    append,
    finished,
    load_checkpoint,
    load_config,
    load_run,
    open_run,
    place,
    rewind,
    save_checkpoint,
    write_json,
)

__all__ = [
    "FILES", "HOME", "LOGS", "NEWEST", "PREVIOUS", "VERSION", "Place", "Run",
    "RunError", "append", "finished", "load_checkpoint", "load_config", "load_run", "open_run",
    "place", "read_jsonl", "rewind", "save_checkpoint", "write_json",
]  # fmt: skip
