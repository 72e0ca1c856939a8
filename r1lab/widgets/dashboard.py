"""The training dashboard: watch a run of any experiment in a notebook, stop it, go on later."""

import html
import textwrap
import time
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import experiments, plots, records
from r1lab.running import progress, run, settings, summary
from r1lab.running.alarms import Alarm
from r1lab.running.experiment import Experiment
from r1lab.running.progress import Progress
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.widgets import rollouts
from r1lab.widgets.live import with_widget

PANELS = (  # key of the metrics, factor, title, unit, colour; the first three that a run has
    ("accuracy", 100, "Right answers", "% of completions", plots.BLUE),
    ("length", 1, "Length", "tokens a completion", plots.ORANGE),
    ("reflects", 100, "Answers that reflect", "% of completions", plots.GREEN),
    ("loss", 1, "Loss", "nats", plots.BLUE),
    ("preferred", 100, "Pairs the right way round", "% of pairs", plots.ORANGE),
    ("grad_norm", 1, "Length of the gradient", "norm", plots.GREEN),
)
REDRAW = 4.0  # seconds between two pictures: drawing takes time from training
HINT = "Stop with the button or the kernel's own; run the cell again to go on."


class Stopped(KeyboardInterrupt):
    """The reader stopped the run. Shown as one line; "Run all" stops here too."""

    def _render_traceback_(self):
        return [str(self)]


def panels(metrics: list[dict]) -> tuple:
    """The three panels of a run; before its first step those of reinforcement learning."""
    keys = metrics[-1].keys() if metrics else {panel[0] for panel in PANELS[:3]}
    return tuple(panel for panel in PANELS if panel[0] in keys)[:3]


def draw(metrics: list[dict], before: dict, steps: int, width: int) -> Figure:
    """What moves so far. before: the base, or {}; width: steps a mean covers."""
    chosen = panels(metrics)
    figure, axes = plots.canvas(len(chosen), height=2.9, width=3.6, squeeze=False)
    for axis, (key, factor, title, unit, colour) in zip(axes.flat, chosen, strict=True):
        values = [factor * line[key] for line in metrics if line.get(key) is not None]
        if values:
            mean, half = plots.smooth(values, width)
            x = [line["step"] for line in metrics if line.get(key) is not None]
            axis.plot(x, values, ".", color=colour, alpha=0.35, markersize=4, clip_on=False)
            axis.plot(x, mean, color=colour, linewidth=2)
            axis.fill_between(x, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
            title += f": {mean[0]:.3g} → {mean[-1]:.3g}"
        if before.get(key) is not None:
            axis.axhline(factor * before[key], color=plots.GREY, linestyle="--", linewidth=1)
        axis.set(title=title, ylabel=unit, xlabel="step", xlim=(0, steps + 1))
        axis.set_ylim(bottom=0)
        plots.whole_steps(axis)
    plots.tidy(figure)
    return figure


class TrainingDashboard:
    """Runs an experiment in `folder` and shows it. `box` is the widget, or None without ipywidgets.

    `run()` gives the summary. It raises `Stopped` where the reader stops it; every whole step is
    saved, and the next `run()` in the same folder goes on there.
    """

    def __init__(
        self, experiment: Experiment, options: Options, folder: Path, probe: Problem | None = None
    ):
        self.experiment, self.options, self.folder = experiment, options, folder
        self.probe = probe
        self.steps = settings.plan(experiment, options).steps
        self.stop, self.width = False, 5
        self.metrics: list[dict] = []
        self.before: dict = {}
        self.alarms: tuple[Alarm, ...] = ()
        self.started, self.first, self.drawn = time.monotonic(), 0, 0.0
        self.box = self.output = None
        try:
            import ipywidgets
        except ImportError:
            return
        self._make(ipywidgets)

    def run(self) -> dict:
        self._read()
        self.output = display(self._faces(), raw=True, display_id=True)
        if self.box:  # ipykernel 7.4 would keep a click until the cell ends: let it have a thread
            getattr(self.button.comm, "__dict__", {}).pop("_reply_subshell_id", None)
        try:
            found = run.run(
                self.experiment, self.options, self.folder, True, self.watch, self.probe
            )
            self._read()
            self._say(self._result(found))
            return found
        except KeyboardInterrupt:
            self._read()
            self._say(
                f"Stopped after step {len(self.metrics)} of {self.steps}. "
                "Run this cell again to go on."
            )
            raise Stopped(self.words) from None
        finally:
            if self.box:
                self.button.description, self.button.disabled = "Stop", True
            self._picture()
            self.output.update(self._faces(), raw=True)

    @staticmethod
    def _result(found: dict) -> str:
        if "gain" not in found:
            return summary.report(found)
        before, after = (100 * found[part]["accuracy"] for part in ("before", "after"))
        low, high = (100 * x for x in found["gain"]["ci95"])
        took = "".join(f" {words}." for words in progress.compared(found))
        return (
            f"{found['steps']} steps in {found['seconds'] / 60:.1f} min: held-out problems solved "
            f"{before:.1f} → {after:.1f} %, gain {100 * found['gain']['accuracy']:+.1f} points "
            f"[{low:+.1f}, {high:+.1f}], n = {found['n']}.{took}"
        )

    def watch(self, now: Progress) -> None:
        """What a run calls after each step."""
        self.before, self.alarms = now.before or self.before, now.alarms
        if not now.line:
            what = "trained model" if now.done else "base"
            told = f" Predicted: {progress.forecast(now.predicted)}." if now.predicted else ""
            self._say(
                f"Step {now.step} of {now.steps}. Measuring the {what} on held-out problems.{told}"
            )
            self.started, self.first = time.monotonic(), now.step
            self._picture()
            return
        self.metrics = [m for m in self.metrics if m["step"] < now.step] + [now.line]
        self.first = min(self.first, now.step - 1)  # a kill may leave a line that comes again
        pace = (time.monotonic() - self.started) / (now.step - self.first)
        left = pace * (now.steps - now.step) / 60
        self._say(
            f"Step {now.step} of {now.steps}, about {left:.1f} min left: "
            f"{progress.words(now.line)}. {HINT}"
        )
        if time.monotonic() - self.drawn > REDRAW or now.step == now.steps:
            if self.box and now.group and not self.probe:
                self.sample.value = rollouts.page(now.group, 0)
            self._picture()
            if not self.box:
                self.output.update(self._faces(), raw=True)
        if self.box and now.probe:
            self.sample.value = rollouts.page(now.probe, 0)
        if self.stop:
            raise KeyboardInterrupt

    def _read(self) -> None:
        """What the folder holds: the steps of an earlier sitting, and the base's numbers."""
        if self.folder.is_dir():
            record = records.load_run(self.folder)
            self.metrics = record.metrics
            self.before = record.summary.get("before", self.before)
            if record.summary:  # one of before there were alarms has none
                self.alarms = tuple(Alarm(**alarm) for alarm in record.summary.get("alarms", ()))
        self.first = len(self.metrics)
        self._say(f"Step {len(self.metrics)} of {self.steps}. Starting.")

    def _make(self, w) -> None:
        self.bar = w.IntProgress(min=0, max=self.steps, layout=w.Layout(width="280px"))
        self.button = w.Button(description="Stop", icon="stop", button_style="warning")
        self.button.on_click(self._stop)
        self.slider = w.IntSlider(
            value=self.width, min=1, max=9, step=2, description="mean of", continuous_update=False
        )
        self.slider.observe(self._smooth, names="value")
        self.label, self.picture, self.sample = w.HTML(), w.Image(format="png"), w.HTML()
        row = w.HBox([self.bar, self.button, self.slider], layout=w.Layout(flex_flow="row wrap"))
        self.box = w.VBox([row, self.label, self.picture, self.sample])

    def _stop(self, _) -> None:
        self.stop = True
        self.button.description, self.button.disabled = "Stopping", True

    def _smooth(self, change) -> None:
        self.width = change["new"]
        if self.button.disabled:  # no run at work: draw at once, else with the next step
            self._picture()

    def _say(self, words: str) -> None:
        self.words = words
        if self.box:
            lines = [words, *(f"<b>{html.escape(str(alarm))}</b>" for alarm in self.alarms)]
            self.label.value, self.bar.value = "<br>".join(lines), len(self.metrics)

    def _picture(self) -> None:
        self.drawn = time.monotonic()
        if self.box:
            self.picture.value = plots.png(self.figure())

    def figure(self) -> Figure:
        return draw(self.metrics, self.before, self.steps, self.width)

    def _faces(self) -> dict:
        alarms = "".join("\n" + textwrap.fill(str(alarm), 150) for alarm in self.alarms)
        caption = (
            f"{self.words}{alarms}\nDots: steps. Line and band: mean of {self.width} steps, 95 % "
            "interval. Dashed: the base on held-out problems."
        )
        figure = self.figure()
        plots.write_below(figure, caption)
        return with_widget(plots.faces(figure, caption), self.box)


def training_dashboard(
    folder: Path, experiment: str = "zero", arm: str | None = None, preset: str | None = None,
    seed: int = 0, probe: Problem | None = None, **others,
) -> dict:  # fmt: skip
    """Run an experiment on this machine while the reader watches; gives the run's summary.

    folder: of the run; one that was stopped goes on, one that is complete is shown. experiment: a
    name of `python -m r1lab list`, or a file of the reader's. probe: a problem whose completion is
    shown at ten steps, instead of one of the step's own; `rollout_browser` has them all. others:
    any settings of the run, as behind `--set`. Raises `Stopped` where the reader stops it, and what
    `running.run.run` raises.
    """
    options = Options(arm, preset, seed, others)
    chosen = experiments.named(experiment)
    return TrainingDashboard(chosen, options, Path(folder), probe).run()
