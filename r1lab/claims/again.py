"""Run a claim's experiment again on this machine, with other seeds, and see whether it agrees."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from r1lab import experiments, records
from r1lab.claims import ledger, reruns, scoreboard
from r1lab.claims.ledger import Claim
from r1lab.machine import presets
from r1lab.running import queue
from r1lab.running.arms import run_name
from r1lab.running.settings import Options

READ = {  # what evidence reads of a step: all that is kept of the metrics of a second run
    "step", "tokens", "update_tokens", "held_out", "length", "longest", "decode_steps", "one",
    "vote", "accuracy", "reward",
}  # fmt: skip


def named(name: str) -> Claim:
    """The claim of that id. Raises ValueError in one sentence where there is none, or no run."""
    for claim in ledger.load():
        if claim.id.lower() == name.lower():
            if claim.void or not claim.experiment:
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
    for experiment, arm in scoreboard.arms(claim):
        arms.setdefault(experiment.name, []).append(arm)
    return {
        name: queue.jobs(experiments.named(name), Options(None, preset), found, seeds, place)
        for name, found in arms.items()
    }


def make(
    claim: Claim, seeds: list[int], place: Path, say: Callable[[str], None],
    preset: str | None = None,
) -> None:  # fmt: skip
    """Make the runs of `jobs`. Raises RunError where one fails."""
    todo = jobs(claim, seeds, place, preset).items()
    if failed := [folder for name, runs in todo for folder in queue.work(name, runs, 1, say)]:
        raise records.RunError(f"{len(failed)} runs failed: the same command tries them again")


def run(
    claim: Claim, seeds: list[int], place: Path, say: Callable[[str], None],
    preset: str | None = None,
) -> bool:  # fmt: skip
    """Make the runs, say both verdicts, and give whether they are the same. Finished runs in
    `place` with these seeds are taken as they are; others of the same arms count, too."""
    if preset:
        presets.pick(preset)  # refused here, before a run is started
    make(claim, seeds, place, say, preset)
    ours = scoreboard.record(claim, scoreboard.recompute(claim, place, preset))
    theirs = scoreboard.record(claim, scoreboard.recompute(claim))
    for name, row in (("recorded", theirs), ("here", ours)):
        say(f"{name}:\n{scoreboard.block(row)}\n")
    agree = ours["verdict"] == theirs["verdict"]
    differ = f"They differ: {ours['verdict']} here, {theirs['verdict']} recorded."
    say("They agree." if agree else differ)
    return agree


def check(place: Path, say: Callable[[str], None], target: Path = reruns.AGAIN) -> None:
    """The second check: make the runs of all chosen claims in `place`, keep what their verdicts
    are worked out from in `target`, claim by claim, and say how many agree. A claim that has become
    void is passed over."""
    claims, seeds = reruns.chosen(target)
    for claim in claims:
        if not claim.void:
            make(claim, seeds, place, say)
            keep(claim, seeds, place, target)
    say(reruns.sentence(reruns.every(again=target)))


def keep(claim: Claim, seeds: list[int], place: Path, target: Path) -> None:
    """Copy what evidence reads of a claim's runs: config, summary, and `READ` of the metrics."""
    for experiment, arm in scoreboard.arms(claim):
        for seed in seeds:
            name = run_name(experiment, Options(arm.name, seed=seed))
            found = records.load_run(place / name)
            (target / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place / name / "config.json", target / name / "config.json")
            steps = [{k: v for k, v in step.items() if k in READ} for step in found.metrics]
            lines = "".join(json.dumps(step) + "\n" for step in steps)
            (target / name / "metrics.jsonl").write_text(lines, encoding="utf-8")
            summary = json.dumps(found.summary, sort_keys=True, ensure_ascii=False)
            (target / name / "summary.json").write_text(summary + "\n", encoding="utf-8")
