"""Memory as the machine tells it: how much is left, how much was taken, and giving it back.

`start` and `used` read what the process, or the card, holds; `Tracked` adds up the tensors that
operations make, real ones or ones without content. Left out: what a run will take (`preflight`).
"""

import gc
import os
import sys
import weakref
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GIB = 2**30
SYSTEM = Path("/proc/meminfo")
CONTAINER = Path("/sys/fs/cgroup")
PROCESS = Path("/proc/self")


def left(device: str = "cpu", system: Path = SYSTEM, container: Path = CONTAINER) -> float:
    """GiB that a run can still take: on the card, or what the system and the container leave.

    system: the file where Linux tells what is free; without it, all there is. container: the folder
    with the limit of a container, which the system's file does not know.
    """
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] / GIB
    try:
        free = _number(system, "MemAvailable")
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return min(free, _container(container))


def _container(folder: Path) -> float:
    """GiB that the container's limit leaves; infinite without one."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        kept = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        return float("inf")
    if limit == "max":
        return float("inf")
    pages = int(kept.get("inactive_file", 0))  # the system drops these where it needs room
    return (int(limit) - used + pages) / GIB


def start(device: str, process: Path = PROCESS) -> float | None:
    """Begin to watch the peak; gives GiB held now, by the process or on the card. None where the
    system does not tell."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_reserved() / GIB
    try:  # Linux: the highest resident size so far becomes the present one
        (process / "clear_refs").write_text("5")
    except OSError:
        return None
    return _number(process / "status", "VmRSS")


def used(device: str, before: float | None) -> float | None:
    """The highest use since `start`, in GiB, above what it gave; None where that was None."""
    if before is None:
        return None
    if device == "cuda":
        return round(torch.cuda.max_memory_reserved() / GIB - before, 2)
    return round(_number(PROCESS / "status", "VmHWM") - before, 2)


def _number(file: Path, key: str) -> float:
    """GiB behind a word in a file of Linux, which counts in KiB. Raises OSError without it."""
    for line in file.read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 2**20
    raise OSError(f"{file} does not tell {key}")


def free() -> None:
    """Give back what nothing uses any more.

    A run that was interrupted in a notebook lives on in the traceback that Python keeps for a
    debugger, with its model, its optimizer and its batch.
    """
    for name in ("last_exc", "last_value", "last_traceback", "last_type"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class Tracked(TorchDispatchMode):
    """Inside, `now` and `peak` count the bytes of all tensors that operations have made."""

    def __init__(self):
        super().__init__()
        self.now = 0
        self.peak = 0
        self.known: dict[int, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for tensor in tree_leaves((args, kwargs)):  # a view of what was there before is nothing new
            self._see(tensor, new=False)
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            self._see(tensor, new=True)
        return out

    def _see(self, tensor, new: bool) -> None:
        if not isinstance(tensor, torch.Tensor):
            return
        if tensor.is_mkldnn:  # it hides its storage, and no other tensor is a view of it
            owner, size = tensor, tensor.numel() * tensor.element_size()
        else:
            owner = tensor.untyped_storage()
            size = owner.nbytes()
        if owner._cdata not in self.known:
            self.known[owner._cdata] = size if new else 0
            self.now += self.known[owner._cdata]
            self.peak = max(self.peak, self.now)
            weakref.finalize(owner, self._gone, owner._cdata)

    def _gone(self, key: int) -> None:
        self.now -= self.known.pop(key)
