"""Run a claim's experiment again on this machine, with other seeds, and see whether it agrees."""

from collections.abc import Callable
from pathlib import Path

from r1lab import experiments, records
from r1lab.claims import ledger, scoreboard
from r1lab.claims.ledger import Claim
from r1lab.machine import presets
from r1lab.running import queue
from r1lab.running.settings import Options


def named(name: str) -> Claim:
    """The claim of that id. Raises ValueError in one sentence where there is none, or no run."""
    for claim in ledger.load():
        if claim.id.lower() == name.lower():
            if not claim.experiment:
                why = claim.why or claim.planned or "it is worked out, not run"
                raise ValueError(f"{claim.id} has no run to make: {why}")
            return claim
    raise ValueError(f"there is no claim {name!r}: `python -m r1lab claims` lists all")


def jobs(
    claim: Claim, seeds: list[int], place: Path, preset: str | None = None
) -> dict[str, list[tuple[Path, Options]]]:
    """The runs of a claim's arms that are not finished yet, by the experiment they belong to.
    preset: by default the one that each arm is recorded with."""
    arms: dict[str, list] = {}
    for name in claim.arms:
        experiment, arm = experiments.arm(name, experiments.named(claim.experiment))
        arms.setdefault(experiment.name, []).append(arm)
    return {
        name: queue.jobs(experiments.named(name), Options(None, preset), found, seeds, place)
        for name, found in arms.items()
    }


def run(
    claim: Claim, seeds: list[int], place: Path, say: Callable[[str], None],
    preset: str | None = None,
) -> bool:  # fmt: skip
    """Make the runs, say both verdicts, and give whether they are the same. Finished runs in
    `place` with these seeds are taken as they are; others of the same arms count, too."""
    if preset:
        presets.pick(preset)  # refused here, before a run is started
    todo = jobs(claim, seeds, place, preset).items()
    if failed := [folder for name, runs in todo for folder in queue.work(name, runs, 1, say)]:
        raise records.RunError(f"{len(failed)} runs failed: the same command tries them again")
    ours = scoreboard.record(claim, scoreboard.recompute(claim, place, preset))
    theirs = scoreboard.record(claim, scoreboard.recompute(claim))
    for name, row in (("recorded", theirs), ("here", ours)):
        say(f"{name}:\n{scoreboard.block(row)}\n")
    agree = ours["verdict"] == theirs["verdict"]
    differ = f"They differ: {ours['verdict']} here, {theirs['verdict']} recorded."
    say("They agree." if agree else differ)
    return agree
