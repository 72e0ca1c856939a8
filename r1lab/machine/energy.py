"""Energy that this machine says it took; None where it says nothing, as most laptops do."""

import subprocess
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")  # Intel's and AMD's counter under Linux, often root's alone


def counters(place: Path = POWERCAP) -> dict[str, tuple[float, float]]:
    """Joules counted so far by each processor, and where its counter begins again at 0; empty where
    nothing can be read."""
    found = {}
    for folder in sorted(place.glob("intel-rapl:?")):
        try:
            now, most = (
                (folder / name).read_text() for name in ("energy_uj", "max_energy_range_uj")
            )
            found[folder.name] = float(now) / 1e6, float(most) / 1e6
        except (OSError, ValueError):
            continue
    return found


def joules(before: dict, after: dict) -> float | None:
    """What was taken between two readings of `counters`; None without a counter in both. A counter
    that has begun again once is seen; one that has done so twice is not."""
    both = before.keys() & after.keys()
    if not both:
        return None
    spent = [(after[name][0] - before[name][0], after[name][1]) for name in both]
    return sum(more if more >= 0 else more + most for more, most in spent)


def card_watts() -> float | None:
    """What the graphics cards draw at this moment, together; None without NVIDIA's tool."""
    ask = ["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True).stdout
        return sum(map(float, said.split())) if said.strip() else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
