"""Files that survive a kill: whole ones are written beside their name and renamed, logs grow by
whole lines, and what the system refuses becomes one sentence."""

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts the reader's Drive
LOOK = "check the disk and the permissions"


class RunError(Exception):
    """One sentence that says what happened and what to do. The command line prints it."""


@contextlib.contextmanager
def plainly(
    path: Path, way: str = "", saved: Callable[[Path], str] | None = None
) -> Iterator[None]:
    """What the system refuses becomes one sentence. Without `way` it is a write to a run
    that failed, and `saved` says of its folder what is safe."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        safe = f"; saved so far: {saved(path.parent)}" if saved and not way else ""
        raise RunError(f"{path}: {why}{safe}. {way or 'Set it right and add --resume'}") from error


def replace(path: Path, data: bytes, keep: Path | None = None, drive: Path = DRIVE) -> None:
    """Put `data` at `path` in one move; what was there moves to `keep` first, if given, and what
    was at `keep` is emptied before it goes if that lies on `drive`."""
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            if drive in keep.parents and keep.exists():
                os.truncate(
                    keep, 0
                )  # Drive puts what is replaced in its bin, where it fills the quota
            os.replace(path, keep)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def read_jsonl(path: Path) -> list[dict]:
    """The records of a log; none where there is no file. A last line that a kill left
    half-written is passed over. Raises RunError for any other line that cannot be read."""
    return [record for _, record in lines(Path(path))] if Path(path).exists() else []


def lines(path: Path) -> Iterator[tuple[bytes, dict]]:
    """Each record of a log beside its bytes."""
    with plainly(path, LOOK):
        found = path.read_bytes().split(b"\n")  # str.splitlines would cut at a U+2028 inside a text
    for number, line in enumerate(found, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            yield line, record
        elif number < len(found):  # only what stands behind the last line end can be torn
            raise RunError(
                f"line {number} of {path} is not a JSON record: mend or delete that line"
            )


def read_json(path: Path) -> dict:
    with plainly(path, LOOK):
        try:
            return json.loads(path.read_bytes()) if path.exists() else {}
        except ValueError as error:
            raise RunError(
                f"{path} is not JSON ({error}): mend it, or choose another --out"
            ) from error
