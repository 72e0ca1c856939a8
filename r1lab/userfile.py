"""A Python file of the user's own, a task or a reward: loaded by its path."""

import hashlib
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType


class _Source(SourceFileLoader):
    """Reads the text each time: a byte code cache takes an edit of the same second for the old
    file, and would leave a folder beside the user's."""

    def get_code(self, fullname: str):
        return self.source_to_code(self.get_data(self.path), self.path)


def load(path: str) -> ModuleType:
    """The file, run as a module. Raises ValueError where it is missing or its import raises."""
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}: give the path of a Python file")
    loader = _Source(f"userfile {path}", path)
    module = module_from_spec(spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module  # dataclasses and pickle look for it there
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        del sys.modules[loader.name]
        raise ValueError(f"{path} cannot be imported, it raises {told(error)}") from error
    return module


def fingerprint(path: str) -> str:
    """The sha256 of the file's bytes, in hexadecimal. Raises ValueError where it is missing."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): give another file") from error


def told(error: BaseException) -> str:
    """An error in one line: its type and what it says."""
    said = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
