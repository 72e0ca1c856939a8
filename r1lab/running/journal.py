"""What a run writes down while it is at work, and what it needs to go on."""

import time
from collections.abc import Callable
from pathlib import Path

from r1lab import grpo, policy, records, rewards
from r1lab.running import alarms
from r1lab.running.progress import Progress
from r1lab.running.settings import Leg, Plan
from r1lab.tasks import Problem

SHOWN = 10  # steps of a stage whose completions are kept in samples.jsonl


class Journal:
    """The state of a run that is saved with every checkpoint, its logs, and its watcher.

    measured: the base, and the model after each stage that is done. about: what the material of
    each stage that has one was made of, by its name. evaluation: tokens and seconds of measuring.
    probe: one problem that is asked again and again while the run learns, or None.
    """

    def __init__(
        self, plan: Plan, folder: Path, watch: Callable[[Progress], None],
        probe: Problem | None = None,
    ):  # fmt: skip
        self.plan, self.folder, self.watch, self.probe = plan, folder, watch, probe
        self.measured: list[dict] = []
        self.about: dict[str, dict] = {}
        self.evaluation = {"tokens": 0, "seconds": 0.0}
        self.alarms: tuple[alarms.Alarm, ...] = ()
        self.clock = time.monotonic()

    def reopen(self):
        """(stage, step, tensors) of the newest checkpoint, whose state this takes over; or None."""
        saved = records.load_checkpoint(self.folder)
        if saved is None:
            return None
        step, tensors, kept = saved
        self.measured, self.about = kept["measured"], kept["about"]
        self.evaluation = kept["evaluation"]
        return kept["stage"], step, tensors

    def save(self, stage: int, step: int, learner: policy.Learner) -> None:
        """A checkpoint: stage is the number of the present one, step counts over all."""
        kept = {"stage": stage, "measured": self.measured, "about": self.about}
        kept["evaluation"] = self.evaluation
        records.save_checkpoint(self.folder, step, policy.state(learner), kept)

    def tell(self, step: int, leg: Leg | None = None, **more) -> None:
        """Tell the watcher, see `Progress`."""
        before = self.measured[0] if self.measured else {}
        stage = leg.stage.name if leg and len(self.plan.legs) > 1 else ""
        given = {"before": before, "stage": stage, "alarms": self.alarms} | more
        self.watch(Progress(step, self.plan.steps, **given))

    def ask(self, leg: Leg, first: int, learner: policy.Learner, step: int) -> dict | None:
        """What the policy says to the probe now, into probe.jsonl: the same random numbers at
        every step, so that only the policy changes it, and none that training draws."""
        if not self.probe or leg.stage.method != "grpo":
            return None
        paid = rewards.reward_set(leg.reward, leg.config.seed)
        roll = grpo.rollout(learner, [self.probe], paid, leg.config, 0)
        group = self._placed(roll.group() | {"step": step}, leg, first)
        records.append(self.folder, "probe.jsonl", group)
        return group

    def measure(self, model, tokenizer, held_out: list) -> None:
        """Measure the model as the experiment does, and count what that takes."""
        clock = time.monotonic()
        found = self.plan.experiment.measure(model, tokenizer, held_out, self.plan)
        self.measured.append(found)
        if {"length", "n"} <= found.keys():
            self.evaluation["tokens"] += round(found["length"] * found["n"])
        self.evaluation["seconds"] += time.monotonic() - clock

    def write_material(self, groups: list[dict], about: dict, leg: Leg, first: int) -> None:
        """What a stage learns from; with the seconds since `clock`."""
        for group in groups:
            records.append(self.folder, "samples.jsonl", self._placed(group, leg, first))
        self._time(first)
        self.about[leg.stage.name] = about

    def written(self, log: str, leg: Leg) -> list[dict]:
        """The lines of a log that belong to a stage."""
        lines = records.read_jsonl(self.folder / log)
        return [line for line in lines if line.get("stage", leg.stage.name) == leg.stage.name]

    def passed(self, leg: Leg) -> None:
        """A stage that was done in an earlier sitting: what it raised is told again."""
        self.alarms += tuple(alarms.of_metrics(self.written("metrics.jsonl", leg)))

    def keeper(
        self, number: int, leg: Leg, first: int, learner: policy.Learner, along: Callable
    ) -> Callable:
        """The function that writes down a step of a stage; every method and both engines call it.
        first: the steps of the stages before. along(step) -> more numbers for its line."""
        history = self.written("metrics.jsonl", leg)
        before, steps = self.alarms, leg.config.steps
        shown = {1 + i * max(1, steps - 1) // (SHOWN - 1) for i in range(SHOWN)}
        self.alarms = (*before, *alarms.of_metrics(history))
        self.clock = time.monotonic()

        def keep(step) -> None:
            line, group = self._placed(step.line(), leg, first), step.group()
            clock = time.monotonic()
            line |= along(line["step"])
            self.clock += time.monotonic() - clock  # a measurement is no training
            records.append(self.folder, "metrics.jsonl", line)
            history.append(line)
            self._time(line["step"])
            probe = None
            if group and step.step in shown:
                records.append(self.folder, "samples.jsonl", self._placed(group, leg, first))
                probe = self.ask(leg, first, learner, step.step)
            self.save(number, line["step"], learner)
            self.alarms = (*before, *alarms.of_metrics(history))
            self.tell(line["step"], leg, line=line, group=group, probe=probe)
            self.clock = time.monotonic()

        return keep

    def _time(self, step: int) -> None:
        seconds = round(time.monotonic() - self.clock, 3)
        records.append(self.folder, "timing.jsonl", {"step": step, "seconds": seconds})

    def _placed(self, line: dict, leg: Leg, first: int) -> dict:
        """A line with the step of the whole run, and with its stage where there are several."""
        named = {"stage": leg.stage.name} if len(self.plan.legs) > 1 else {}
        return line | {"step": first + line["step"]} | named
