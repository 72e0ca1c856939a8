"""What recorded runs say for a claim: values a training seed, from which a verdict is computed.

An experiment's `evidence` maps a claim's id to a function of its arms. `arms(NAME)` gives the runs
of an arm, `arms("EXPERIMENT/NAME")` of another experiment's; the function gives a table for each
condition of the claim's criterion, in their order: a row a seed, each with a value a held-out
problem, or one value where the seed has only one.
"""

from collections.abc import Callable, Sequence

from r1lab.records import Run

Table = list[list[float]]
Arms = Callable[[str], list[Run]]


def part(run: Run, when: str, of: str = "") -> dict:
    """What was measured "before" or "after"; where nothing was trained, the one measurement. of:
    "other" for problems of the other size."""
    found = run.summary.get("measured") or run.summary[when]
    return found[of] if of else found


def alike(*found: Sequence[Run]) -> list[tuple[Run, ...]]:
    """Runs of several arms with the same seed, seed by seed; a seed that one of them lacks is left
    out."""
    by_seed = [{run.config["seed"]: run for run in runs} for runs in found]
    seeds = sorted(set.intersection(*map(set, by_seed)))
    return [tuple(runs[seed] for runs in by_seed) for seed in seeds]


def right(run: Run, when: str = "after", of: str = "") -> list[float]:
    """100 for each held-out problem that was right, 0 for each other one."""
    return [100.0 * int(digit) for digit in part(run, when, of)["right"]]


def gain(run: Run, of: str = "") -> list[float]:
    """Points won, problem by problem: 100 newly right, -100 newly wrong."""
    return minus(right(run, "after", of), right(run, "before", of))


def both(run: Run) -> list[float]:
    """`right` after training for the problems of both sizes."""
    return right(run) + right(run, of="other")


def minus(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def of_larger(one: float, other: float) -> float:
    """How much larger `one` is than `other`, percent of the larger one: -100 to 100."""
    return 100 * (one - other) / max(one, other)


def change(run: Run, key: str, factor: float = 1.0) -> float:
    """By how much a number of the summary is larger after training than before."""
    return factor * (part(run, "after")[key] - part(run, "before")[key])


def share(run: Run, key: str) -> list[float]:
    """A share of the answers after training as 100 or 0 an answer. Which answers they were is not
    recorded: the first ones stand for them, so an interval is rather too wide than too narrow."""
    found = part(run, "after")
    held = round(found[key] * found["n"])
    return [100.0] * held + [0.0] * (found["n"] - held)


def ahead(one: str, other: str) -> Callable[[Arms], list[Table]]:
    """Evidence: by how many points the arm `one` is right more often than `other`."""
    return lambda arms: [[minus(right(a), right(b)) for a, b in alike(arms(one), arms(other))]]
