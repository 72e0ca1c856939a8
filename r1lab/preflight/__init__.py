"""What a run will take on this machine, before it begins: memory counted, minutes measured."""

from r1lab.preflight.fits import PROMPT, report
from r1lab.preflight.minutes import Expected, Pace, calibrate, expected, longest, predict, seconds
from r1lab.preflight.need import Need, check, need

__all__ = [
    "PROMPT", "Expected", "Need", "Pace", "calibrate", "check", "expected", "longest", "need",
    "predict", "report", "seconds",
]  # fmt: skip
