"""The one skeleton of a run: open, restore, measure, train stage by stage, record, finish last."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from r1lab import models, plots, policy, preflight, records, tasks
from r1lab.machine import environment, memory, presets
from r1lab.records import Place, RunError
from r1lab.running import alarms, progress
from r1lab.running.experiment import Experiment
from r1lab.running.journal import Journal
from r1lab.running.methods import PAIRS, check_engine, learn, learner_of, method_of, wait
from r1lab.running.progress import Progress
from r1lab.running.settings import Leg, Options, Plan, plan
from r1lab.running.summary import summarise


def run(
    experiment: Experiment, options: Options, folder: Path, resume: bool = False,
    watch: Callable[[Progress], None] | None = None, probe: tasks.Problem | None = None,
) -> dict:  # fmt: skip
    """Make a run of an experiment in `folder`; gives its summary.

    watch: called as `Progress` says, after the step is saved, so what it raises stops the run
    and loses nothing; default a progress bar. probe: a problem that is asked again at every step
    whose completions are kept, for probe.jsonl. Raises RunError or ValueError with one sentence
    that says what to do. Under a launcher that starts several processes the main one measures,
    writes and shows; the others train along.
    """
    if watch is None:
        with progress.bar() as watch:
            return run(experiment, options, folder, resume, watch, probe)
    settled = plan(experiment, options)
    check_engine(settled)
    return _Run(settled, Path(folder), watch, probe).go(resume)


def _problems(preset: presets.Preset) -> tuple[list, list]:
    """The held-out problems, and those to train on."""
    task, size, n = preset.task, preset.size or None, preset.train_problems
    others = n // 2 if preset.also else 0
    pool = tasks.problems(task, n - others, 0, "train", size)
    if others:
        pool += tasks.problems(task, others, 0, "train", preset.also)
    return tasks.problems(task, preset.eval_problems, 0, "test", size), pool


class _Run:
    """A run at work: its model, its problems, its journal."""

    def __init__(self, settled: Plan, folder: Path, watch, probe: tasks.Problem | None):
        self.plan, self.folder = settled, folder
        self.journal = Journal(settled, folder, watch, probe)
        self.main = environment.rank() == 0
        self.predicted: dict = {}

    def go(self, resume: bool) -> dict:
        """From the first file to the last; or the summary that is already there."""
        preset = self.plan.preset
        memory.free()  # what a run before this one left, in a notebook
        self.held_out, self.pool = _problems(preset)
        words = models.tokenizer(preset.model)
        prompt = preflight.longest(words, self.pool + self.held_out, preset.template)
        self._check_room(prompt)
        self._check_starts()
        methods = set(map(method_of, self.plan.legs)) or {"evaluation"}
        wanted = max(preflight.check(preset, prompt, method).wanted for method in methods)
        self.predicted["memory_gib"] = round(wanted, 2)
        in_use = memory.start(preset.device)
        dtype = getattr(torch, preset.dtype)
        self.model, self.tokenizer = models.load(preset.model, dtype, preset.device)
        if self.plan.legs and self.plan.engine == "own":
            models.head(self.model)  # refuses what our log-probabilities leave out
        if self.main:  # after what can fail for another reason: it makes the folder
            records.open_run(self.folder, self.plan.record | self.outside(), resume)
        if records.finished(self.folder):
            return records.load_run(self.folder).summary
        self.stages(prompt)
        summary = self.finish(in_use) if self.main else {}
        wait()
        return summary or records.load_run(self.folder).summary

    def _check_room(self, prompt: int) -> None:
        """Refuse, before anything is made, a cap that the longest prompt leaves no room for."""
        preset = self.plan.preset
        room = getattr(models.config_of(preset.model), "max_position_embeddings", None)
        most = max([preset.max_new, *(leg.sampling.max_new for leg in self.plan.legs)])
        if room and prompt + most > room:
            raise RunError(
                f"the longest prompt ({prompt} tokens) and a completion ({most}) exceed the "
                f"model's {room} positions: set max_new to {room - prompt} at most"
            )

    def _check_starts(self) -> None:
        """Refuse, before anything is made, a stage that starts from what is not there."""
        own = {leg.stage.name for leg in self.plan.legs} | {"", "base"}
        for leg in self.plan.legs:
            if leg.stage.start not in own:
                models.of_run(leg.stage.start, self.plan.seed)

    def outside(self) -> dict:
        """What the launcher and the environment change of a result, for config.json."""
        together, found = environment.processes(), {}
        if together > 1:
            found["processes"] = together  # each draws its own random numbers
        if self.plan.engine == "trl" and environment.vllm():
            found["sampler"] = "vllm"
        return found

    def stages(self, prompt: int) -> None:
        """All stages, from where the run stands. prompt: tokens of the longest one."""
        journal, preset, legs = self.journal, self.plan.preset, self.plan.legs
        if not legs:
            journal.tell(0)
            journal.measure(self.model, self.tokenizer, self.held_out)
            return
        self.model = models.prepare(self.model, preset.lora_rank, self.plan.seed)
        asked = tasks.prompt(self.pool[0], preset.template)
        journal.alarms = tuple(alarms.of_prompt(self.tokenizer, asked))
        saved = journal.reopen()
        if not saved and self.plan.engine == "own":
            self.predicted |= preflight.predict(
                self.model, self.tokenizer, self.pool, self.plan, prompt
            )
        first = 0
        for number, leg in enumerate(legs):
            if len(journal.measured) > number + 1:
                journal.passed(leg)
            else:
                inside = saved if saved and saved[0] == number else None
                self.stage(number, leg, first, inside)
            first += leg.config.steps

    def stage(self, number: int, leg: Leg, first: int, saved) -> None:
        """One stage: `first` steps were before it; `saved` is a checkpoint inside it, or None."""
        journal = self.journal
        if number and saved is None and self.main:  # it may start elsewhere
            self.gather(leg, first, self.plan.legs[number - 1])
        self.begin(number, leg, fresh=saved is None)
        learner = learner_of(leg, self.model, self.tokenizer)
        done = 0
        if saved:
            done = saved[1] - first
            policy.restore(learner, saved[2])
        elif self.main:
            if not journal.measured:
                journal.tell(0, leg, predicted=self.predicted)
                journal.measure(self.model, self.tokenizer, self.held_out)
            if number == 0:
                self.gather(leg, first)
                journal.ask(leg, first, learner, 0)
            journal.save(number, first, learner)
        material = self.pool if leg.stage.method == "grpo" else self.pairs(leg)
        keep = journal.keeper(number, leg, first, learner, self.along)
        learn(leg, self.plan.engine, learner, material, Place(self.folder, done), keep)
        if self.main:
            models.save_trained(self.model, self.saved_at(leg), self.plan.preset.model)
            journal.tell(first + leg.config.steps, leg, done=True)
            journal.measure(self.model, self.tokenizer, self.held_out)

    def along(self, step: int) -> dict:
        """What the experiment measures behind this step."""
        along = self.plan.experiment.along
        return along(self.model, self.tokenizer, self.held_out, self.plan, step) if along else {}

    def gather(self, leg: Leg, first: int, before: Leg | None = None) -> None:
        """Write down what the stage learns from, made with the model as `before` left it."""
        self.journal.clock = time.monotonic()
        if leg.stage.material:
            if before:
                models.go_on(self.model, self.saved_at(before), self.plan.preset.model, False)
            found = leg.stage.material(self.model, self.tokenizer, self.pool, leg.sampling)
            self.journal.write_material(*found, leg, first)

    def begin(self, number: int, leg: Leg, fresh: bool) -> None:
        """Put into the model what the stage starts from, and its reference beside it."""
        base, start = self.plan.preset.model, leg.stage.start
        if start == "base" or (not start and number == 0):
            if number and fresh:
                self.model = models.start_over(self.model, base, self.plan.seed)
            return
        before = {other.stage.name: self.saved_at(other) for other in self.plan.legs[:number]}
        start = start or self.plan.legs[number - 1].stage.name
        where = before.get(start) or models.of_run(start, self.plan.seed)
        compares = leg.stage.method == "dpo" or getattr(leg.config, "beta", 0) != 0
        models.go_on(self.model, where, base, reference=compares)

    def saved_at(self, leg: Leg) -> Path:
        """Where a stage's model is kept: the last one's in `trained`."""
        last = leg is self.plan.legs[-1]
        return self.folder / ("trained" if last else f"trained-{leg.stage.name}")

    def pairs(self, leg: Leg) -> list[tuple]:
        """The pairs of texts that a stage learns from. Raises RunError where there are none."""
        found = PAIRS[leg.stage.method](self.journal.written("samples.jsonl", leg))
        if not found:
            right = (
                "was right" if leg.stage.method == "sft" else "was right where another was wrong"
            )
            answers = self.journal.about[leg.stage.name]["answers"]
            raise RunError(
                f"of {answers} answers none {right}, so there is nothing to learn from: ask more "
                "problems with --steps, and choose another --out"
            )
        return found

    def finish(self, in_use: float | None) -> dict:
        """Figure and summary; the summary last: it says that the run is complete."""
        record = records.load_run(self.folder)
        summary = summarise(self.plan, record, self.journal)
        taken = memory.used(self.plan.preset.device, in_use)
        summary["predicted"] = self.predicted
        summary["actual"] = {"memory_gib": taken, "minutes": round(summary["seconds"] / 60, 2)}
        for leg in self.plan.legs:
            if about := self.journal.about.get(leg.stage.name):
                summary["material"][leg.stage.name] = about | {"pairs": len(self.pairs(leg))}
        whole = replace(record, summary=summary)
        plots.save(self.plan.experiment.figure(whole), self.folder / "figure.png")
        records.write_json(self.folder / "summary.json", summary)
        return summary
