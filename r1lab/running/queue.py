"""`record NAME`: all arms and seeds of an experiment, a queue that can be stopped and goes on."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from r1lab import records
from r1lab.running.arms import run_name
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.settings import Options, plan


def jobs(
    experiment: Experiment, chosen: Options, arms: list[Arm], seeds: list[int] | None, place: Path
) -> list[tuple[Path, Options]]:
    """(folder, options) of every run that is not finished yet: seed by seed, so that what is there
    after a stop is balanced. seeds: None takes those of each arm. Raises RunError where a finished
    run was made with a file of the reader's that has changed: what is set stands in the folder's
    name, what a file says does not."""
    found = []
    pairs = [(arm, seed) for arm in arms for seed in (seeds or arm.seeds)]
    for arm, seed in sorted(pairs, key=lambda pair: pair[1]):
        options = replace(chosen, arm=arm.name, seed=seed)
        folder = place / run_name(experiment, options)
        if not records.finished(folder):
            found.append((folder, options))
            continue
        made = records.load_config(folder)["files"]  # of most runs none
        now = plan(experiment, options).record["files"] if made else {}
        if changed := [file for file in made if now.get(file) != made[file]]:
            raise records.RunError(
                f"{folder} was made with another {', '.join(changed)}: choose another --out"
            )
    return found


def command(name: str, options: Options, folder: Path) -> list[str]:
    """The command line of one run, which goes on where it was stopped. name: of the experiment, or
    its file."""
    line = [sys.executable, "-m", "r1lab", "run", name, "--arm", options.arm]
    line += ["--seed", str(options.seed), "--out", str(folder), "--resume"]
    line += ["--preset", options.preset] if options.preset else []
    for key, value in options.settings.items():
        line += ["--set", f"{key}={value}"]
    return line


def work(
    name: str,
    todo: list[tuple[Path, Options]],
    workers: int,
    say: Callable[[str], None],
) -> list[Path]:
    """Make all runs, `workers` at a time, each in a process of its own with one thread where there
    are several; gives the folders of those that failed, whose output is in a file beside them.

    Ctrl-C stops the runs too; what they saved stays, and the same command goes on.
    """
    waiting: SimpleQueue = SimpleQueue()
    for job in todo:
        waiting.put(job)
    failed: list[Path] = []
    running: list[subprocess.Popen] = []
    stopped = threading.Event()
    threads = {"OMP_NUM_THREADS": "1"} if workers > 1 else {}

    def worker() -> None:
        while not stopped.is_set():
            try:
                folder, options = waiting.get_nowait()
            except Empty:
                return
            log = folder.with_name(f"{folder.name}.log")
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "w", encoding="utf-8") as out:
                line = command(name, options, folder)
                process = subprocess.Popen(line, stdout=out, stderr=out, env=os.environ | threads)
                running.append(process)
                code = process.wait()
            if stopped.is_set():
                return
            if code:
                failed.append(folder)
                say(f"{folder.name}: failed, see {log}")
            else:
                log.unlink()
                say(f"{folder.name}: done")

    crew = [threading.Thread(target=worker, daemon=True) for _ in range(workers)]
    for thread in crew:
        thread.start()
    try:
        for thread in crew:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt:
        stopped.set()
        for process in running:
            process.terminate()
        raise
    return failed
