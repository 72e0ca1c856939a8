"""The command line: `python -m r1lab` says what there is."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from r1lab.running.arguments import parser

FLAGS = ("steps", "engine", "reward", "base", "task", "micro_tokens", "recipe", "lora_rank", "lr")
ROOT = Path(__file__).resolve().parent.parent
WELCOME = """r1lab: the experiments behind OpenAI o1, DeepSeek-R1 and Kimi k1.5.

Begin here:
  python -m r1lab lab          the lessons, in JupyterLab
  python -m r1lab run zero     R1-Zero on this machine, in minutes
  python -m r1lab list         the lessons and the experiments, with their minutes
  python -m r1lab claims       what the papers claim, and what came out here
  python -m r1lab recorded     the recorded runs as tables
  python -m r1lab preflight    what this machine can run, in how long

Each command explains itself: python -m r1lab run --help"""


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


def list_all(options) -> None:
    from r1lab import experiments

    if options.name:
        _arms(experiments.named(options.name))
        return
    print("lessons, in notebooks/ (python -m r1lab lab):")
    stems = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    names = [stem.replace("_", " ") for stem in stems]
    for pair in zip(names[::2], [*names[1::2], ""], strict=False):  # one screen for all of it
        print("  {:34}{}".format(*pair).rstrip())
    print("\nexperiments (python -m r1lab run NAME; their arms: python -m r1lab list NAME):")
    for one in experiments.every():
        arms = f"{len(one.arms)} arm{'s' if len(one.arms) > 1 else ''}"
        least = min(minutes for recipes in one.minutes.values() for minutes in recipes.values())
        said = f"{arms}, from {least} min: {one.about} ({one.section})"
        print(f"  {one.name:12} {one.lesson}  {said}")


def _minutes(experiment) -> str:
    return ", ".join(
        f"{minutes} min (--preset {preset}{'' if recipe == 'quick' else f' --recipe {recipe}'})"
        for preset, recipes in experiment.minutes.items()
        for recipe, minutes in recipes.items()
    )


def _arms(experiment) -> None:
    print(f"{experiment.name}, lesson {experiment.lesson}, {experiment.section}:")
    print(f"{experiment.about}; a run takes {_minutes(experiment)} on two cores")
    for arm in experiment.arms:
        seeds = f"{len(arm.seeds)} seed{'s' if len(arm.seeds) > 1 else ''}"
        print(f"  --arm {arm.name:13} {arm.label}; {seeds}")


def recorded(_) -> None:
    from r1lab import experiments
    from r1lab.running.recorded import table
    from r1lab.tiny_world import cards

    print(table(experiments.every()), cards.table(ROOT / "data" / "models"), sep="\n\n")


def claims(options) -> None:
    from r1lab import records
    from r1lab.claims import again, report, reruns, scoreboard

    if options.report:
        print(*report.write(options.report), sep="\n")
        return
    place = options.out or records.place("")
    if options.run:
        claim = again.named(options.run)
        again.run(claim, list(options.seeds), place, print, options.preset)
        return
    if options.again:
        again.check(place, print)
        return
    asked = dict.fromkeys(name.upper() for name in options.id)
    rows = [row for row in scoreboard.every() if _chosen(row, asked, options)]
    if unknown := set(asked) - {row["id"].upper() for row in rows}:
        raise ValueError(f"no such claim with these filters: {', '.join(sorted(unknown))}")
    if options.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    print(scoreboard.text(rows))
    shown = {row["id"] for row in rows}
    if second := [one for one in reruns.every() if one.claim.id in shown]:
        said = reruns.sentence(second)
        print(textwrap.fill(said, scoreboard.WIDTH, break_on_hyphens=False))


def _chosen(row: dict, asked, options) -> bool:
    return (
        (not asked or row["id"].upper() in asked)
        and options.lesson in (None, row["lesson"])
        and options.verdict in (None, row["verdict"])
        and (options.source or "").lower() in row["source"].lower()
    )


def preflight(_) -> None:
    from r1lab import preflight

    print(preflight.report())


def lab(_) -> None:
    if getattr(os, "geteuid", lambda: 1)() == 0:
        address = f"{sys.executable} -m jupyterlab --allow-root --notebook-dir={ROOT}"
        raise ValueError(
            f"JupyterLab does not start for the user root; if that is wanted: {address}"
        )
    (lesson,) = (ROOT / "notebooks").glob("00_*.ipynb")
    jupyter = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={ROOT}"]
    raise SystemExit(subprocess.call([*jupyter, str(lesson)]))


def bench(options) -> None:
    from r1lab.speed import bench, footprint, peers

    if options.peers:
        way, found = peers, peers.run(dict(options.peers))
    else:
        way = footprint if options.memory else bench
        found = way.run()
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else way.table(found))


def fetch(_) -> None:
    from r1lab.models import fetch

    print(fetch.smollm2())


def pretrain(options) -> None:
    from r1lab.tiny_world import judges, pretrain, step_judges

    if options.name == step_judges.NAME:
        made = step_judges.make(options.out or ROOT / "data" / "judges" / options.name)
        print(json.dumps({name: made[name]["all"]["auc"] for name in step_judges.HEADS}, indent=1))
        return
    if options.name in judges.RECIPES:
        folder = options.out or ROOT / "data" / "judges" / options.name
        print(json.dumps(judges.make(options.name, folder)["unseen"], indent=1))
        return
    folder = options.out or ROOT / "data" / "models" / options.name
    recipe = pretrain.RECIPES[options.name]
    pretrain.pretrain(options.name, recipe, folder, not options.no_compile, options.device)


def report(options) -> None:
    from r1lab.tiny_world import report

    if options.name == "smollm2":
        report.templates(ROOT / "data" / "smollm2.json")
    else:
        report.write(options.name, ROOT / "data" / "models" / options.name)


COMMANDS = {
    "run": run, "record": record, "list": list_all, "recorded": recorded, "claims": claims,
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
