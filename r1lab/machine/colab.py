"""Google Colab: what a lesson finds there, what must stay as it is, and where runs are kept.

The second cell of every lesson calls `set_up`, which does nothing on any other machine. Colab
brings torch, transformers and all else a lesson imports, in versions that fit its driver and
its front end; so pip adds what is missing and may replace nothing but `TOO_OLD` and `MOVES`.
Left out: mounting Drive. It opens a dialog, so it is for the reader to do.
"""

import importlib
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from r1lab import records

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
# Colab is the notebook; a lesson that needs TRL asks for it, see `install`.
LATER = {"jupyterlab", "trl"}
# Not ours, but PEFT adds no LoRA where an older one is; Colab has 0.10.
TOO_OLD = {"torchao": ">=0.16,<0.19"}
MOVES = {"datasets", "pyarrow"}  # TRL needs newer ones than Colab has
_replaced: set[str] = set()  # packages that pip replaced since this process began


class Restart(Exception):
    """The runtime must be restarted. Shown as one line; "Run all" stops there too."""

    def _render_traceback_(self):
        return [str(self)]


def set_up() -> None:
    """On Colab: install what the lessons miss, and say where runs are kept. Elsewhere nothing."""
    if "google.colab" not in sys.modules:
        return
    install(*(requirements().keys() - LATER), *(TOO_OLD.keys() & versions().keys()))
    print(kept(records.place("")))


def kept(runs: Path) -> str:
    """What a reader should know about the folder their runs go to."""
    if runs == records.HOME:
        return (
            "Runs stay on this machine and go with it. To keep them on Drive, first run: "
            "from google.colab import drive; drive.mount('/content/drive')"
        )
    return f"Runs are kept in {runs}."


def install(*names: str) -> None:
    """On Colab: install those of `names` that are missing or too old for requirements.txt.

    A lesson that needs TRL calls `install("trl")` in its third cell, before the long work.
    Elsewhere nothing happens: requirements.txt is installed there. Raises Restart while a
    package that pip replaced is still in memory, RuntimeError where pip fails.
    """
    if "google.colab" not in sys.modules:
        return
    ranges = requirements() | TOO_OLD
    here = versions()
    wanted = sorted(name for name in names if release(here.get(name, "")) < release(ranges[name]))
    if wanted:
        print(f"Installing {', '.join(wanted)}.")
        free = MOVES.union(wanted) - {"torch"}  # built for Colab's driver
        held = [f"{name}=={version}" for name, version in here.items() if name not in free]
        _pip([name + ranges[name] for name in wanted], held)
        now = versions()
        _replaced.update(name for name in here if now.get(name) != here[name])
    if stale := sorted(_replaced and _replaced.intersection(_imported())):
        raise Restart(
            "Restart the runtime (Runtime, Restart session) and run from the top: pip replaced "
            f"what is already in memory ({', '.join(stale)})."
        )


def _pip(wanted: list[str], held: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(held), encoding="utf-8")
        call = [sys.executable, "-m", "pip", "install", "-q", "-c", str(constraints), *wanted]
        if subprocess.run(call).returncode:
            raise RuntimeError(
                f"pip cannot put {', '.join(wanted)} beside Colab's own packages (its words are "
                "above): choose the latest runtime version under Runtime, Change runtime type"
            )
    importlib.invalidate_caches()


def _imported() -> set[str]:
    """The packages that modules in memory belong to."""
    owners = metadata.packages_distributions()
    return {name for module in owners.keys() & sys.modules.keys() for name in owners[module]}


def requirements() -> dict[str, str]:
    """Name -> range of each package in requirements.txt."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return dict(
        re.fullmatch(r"([\w-]+)(.*)", line).groups() for line in lines if line[:1].isalpha()
    )


def versions() -> dict[str, str]:
    """Name -> version of each installed package whose version pip can read. Debian names some its
    own way."""
    found = {}
    for package in metadata.distributions():
        name, version = package.metadata["Name"], package.metadata["Version"]
        if name and re.fullmatch(
            r"\d+(\.\d+)*((a|b|rc|\.post|\.dev)\d+)*(\+[\w.]+)?", version or ""
        ):
            found.setdefault(name, version)  # the first on the path is the one that is imported
    return found


def release(text: str) -> list[int]:
    """The first version number in a text, a range's lower bound, to compare; [] where there is
    none."""
    number = re.search(r"\d+(\.\d+)*", text)
    return [int(part) for part in number[0].split(".")] if number else []
