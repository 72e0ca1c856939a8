"""What a run tells whoever watches, and the progress bar in the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tqdm import tqdm

from r1lab.running.alarms import Alarm

NAMES = {  # number of a line of metrics.jsonl -> (words before it, its factor, how it is written)
    "loss": ("loss", 1, ".3f"), "reward": ("reward", 1, ".2f"), "accuracy": ("right", 100, ".0f %"),
    "preferred": ("pairs the right way round", 100, ".0f %"), "length": ("tokens", 1, ".0f"),
    "reflects": ("reflects", 100, ".0f %"), "zero_variance": ("no signal", 100, ".0f %"),
}  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """What a run tells: before the base is measured (step 0), after every step, and before the
    trained model is measured (`done`).

    step, steps: over all stages. stage: the name of the present one. line: the step's metrics;
    group: its first problem with all completions, if it has one; probe: the same of the problem
    that is asked again and again; before: the base, once measured; alarms: all so far; predicted:
    GiB of memory and minutes of training, with step 0.
    """

    step: int
    steps: int
    done: bool = False
    stage: str = ""
    line: dict = field(default_factory=dict)
    group: dict | None = None
    probe: dict | None = None
    before: dict = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    predicted: dict = field(default_factory=dict)


def words(line: dict) -> str:
    """A line of metrics.jsonl in words; of reinforcement learning the loss says nothing."""
    shown = [key for key in NAMES if line.get(key) is not None]
    if "reward" in line:
        shown.remove("loss")
    said = []
    for key in shown:
        name, factor, form = NAMES[key]
        number, _, unit = form.partition(" ")
        said.append(f"{name} {line[key] * factor:{number}}{' ' + unit if unit else ''}")
    return ", ".join(said)


def forecast(predicted: dict) -> str:
    """What a run will take, in a line."""
    text = f"{predicted['memory_gib']:.1f} GiB of memory"
    if "minutes" not in predicted:
        return text
    why = f"completions as long as in {predicted['from_runs']} recorded runs"
    if not predicted["from_runs"]:
        why = "at most, every completion at the cap"
    return f"{text}, {predicted['minutes']:.1f} min of training ({why})"


def compared(summary: dict) -> list[str]:
    """What a run took beside what was predicted, a line each; none for a run before predictions."""
    units = {"memory_gib": ("Memory", "GiB"), "minutes": ("Training", "min")}
    found = []
    for key, (name, unit) in units.items():
        if key in summary.get("predicted", {}) and summary["actual"][key] is not None:
            before, after = summary["predicted"][key], summary["actual"][key]
            found.append(f"{name}: {before:.1f} {unit} predicted, {after:.1f} taken")
    return found


@contextmanager
def bar() -> Iterator[Callable[[Progress], None]]:
    """Watches a run as a progress bar in the terminal."""
    with ExitStack() as closing:
        shown, told = None, 0

        def watch(now: Progress) -> None:
            nonlocal shown, told
            if shown is None:  # only now: what fails before the run begins is one plain line
                made = tqdm(total=now.steps, unit="step", dynamic_ncols=True)
                shown = closing.enter_context(made)
                if now.predicted:
                    shown.write(f"predicted: {forecast(now.predicted)}", file=sys.stderr)
            if now.stage:
                shown.set_description_str(now.stage, refresh=False)
            if now.line:
                shown.set_postfix_str(words(now.line), refresh=False)
            for alarm in now.alarms[told:]:
                shown.write(f"r1lab: {alarm}", file=sys.stderr)
            told = max(told, len(now.alarms))
            shown.n = now.step
            shown.refresh()

        yield watch
