"""A process that answers a line with a line."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from r1lab.records import RunError


@contextmanager
def answering(name: str, command: list, surroundings: dict[str, str]) -> Iterator[Callable]:
    """The way to ask it: a line -> its answer; it says one unasked when it is ready. surroundings:
    its environment. Raises RunError where it stops, with the end of what it said on the other
    stream."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command, text=True, env=surroundings,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
        ) as process,
    ):  # fmt: skip

        def heard() -> str:
            line = process.stdout.readline()
            if not line:
                process.wait()
                said.seek(0)
                raise RunError(f"{name} stopped: {said.read()[-2000:]}")
            return line

        def ask(line: str) -> str:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return heard()

        try:
            heard()
            yield ask
        finally:
            process.terminate()
