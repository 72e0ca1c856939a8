"""One file a lesson: the arms, measures, figure and evidence of that lesson's runs.

A file names what it offers in `EXPERIMENTS`; a new one need be announced nowhere else.
"""

import importlib
import importlib.util
import pkgutil
from pathlib import Path

from r1lab.records import Run
from r1lab.running.experiment import Experiment
from r1lab.running.recorded import of_arm


def every() -> list[Experiment]:
    """All experiments of the course, in the order of their lessons."""
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    found = [one for name in names for one in importlib.import_module(name).EXPERIMENTS]
    return sorted(found, key=lambda experiment: experiment.lesson)


def named(name: str) -> Experiment:
    """The experiment of that name, or the first one in a file of the reader's own (`path.py`).
    Raises ValueError in one sentence where there is none."""
    if name.endswith(".py"):
        return _own(Path(name))
    known = {experiment.name: experiment for experiment in every()}
    if name not in known:
        raise ValueError(f"unknown experiment {name!r}: choose one of {', '.join(known)}")
    return known[name]


def recorded(name: str, arm: str) -> list[Run]:
    """The recorded runs of an arm of an experiment, a seed each."""
    experiment = named(name)
    return of_arm(experiment, experiment.arm(arm))


def _own(path: Path) -> Experiment:
    if not path.is_file():
        raise ValueError(f"{path} is no file: give the path of a file that sets EXPERIMENTS")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} cannot be imported ({type(error).__name__}: {error})") from error
    if not getattr(module, "EXPERIMENTS", ()):
        raise ValueError(f"{path} sets no EXPERIMENTS: name there what it offers")
    return module.EXPERIMENTS[0]
