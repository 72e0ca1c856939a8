"""One file a lesson: the arms, measures, figure and evidence of that lesson's runs.

A file names what it offers in `EXPERIMENTS`; a new one need be announced nowhere else.
"""

import importlib
import pkgutil

from r1lab import userfile
from r1lab.records import Run
from r1lab.running.experiment import Arm, Experiment
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
        return _own(name)
    known = {experiment.name: experiment for experiment in every()}
    if name not in known:
        raise ValueError(f"unknown experiment {name!r}: choose one of {', '.join(known)}")
    return known[name]


def arm(name: str, experiment: Experiment) -> tuple[Experiment, Arm]:
    """The arm called "ARM" of this experiment, or "EXPERIMENT/ARM" of another. Raises ValueError
    where there is none."""
    other, _, own = name.rpartition("/")
    experiment = named(other) if other else experiment
    return experiment, experiment.arm(own)


def recorded(name: str, arm: str) -> list[Run]:
    """The recorded runs of an arm of an experiment, a seed each."""
    experiment = named(name)
    return of_arm(experiment, experiment.arm(arm))


def _own(path: str) -> Experiment:
    module = userfile.load(path)
    if not getattr(module, "EXPERIMENTS", ()):
        raise ValueError(f"{path} sets no EXPERIMENTS: name there what it offers")
    return module.EXPERIMENTS[0]
