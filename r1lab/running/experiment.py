"""What an experiment is: data, and the functions that measure, draw and testify.

A lesson's experiment is one file in `experiments/` that makes an `Experiment`; `running` alone
opens, resumes, measures, records and finishes its runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Settings = Mapping[str, object]  # any setting by its name, see `settings.plan`


@dataclass(frozen=True)
class Stage:
    """One way of learning on the way to a model.

    method: "grpo", "sft" or "dpo". name: of the stage, by default its method. start: where its
    weights come from: "" (the stage before; of the first one the base), "base", the name of an
    earlier stage, the folder of a finished run, or a stage's own in it (`RUN/trained-NAME`), where
    `{seed}` stands for the run's seed (`models.of_run`). The reference policy is where it started.
    rate: times the learning rate of the run. material: what `sft` and `dpo` learn from, a function
    (model, tokenizer, problems, config of sampling) -> (groups as in samples.jsonl, numbers), asked
    with the model that the stage before left, wherever this one starts.
    """

    method: str
    name: str = ""
    start: str = ""
    rate: float = 1.0
    settings: Settings = field(default_factory=dict)
    material: Callable | None = None

    def __post_init__(self):
        object.__setattr__(self, "name", self.name or self.method)


@dataclass(frozen=True)
class Arm:
    """What is compared: stages, none where nothing is trained; settings that differ from the
    experiment's; the seeds it is recorded with. label: its name in tables and figures."""

    name: str
    label: str
    stages: tuple[Stage, ...] = ()
    settings: Settings = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Experiment:
    """One question, put to several arms; the first arm is what `run NAME` runs.

    lesson: its number, "04". section: of the paper. about: a line for `list`.
    measure(model, tokenizer, held-out problems, plan) -> numbers; a key `right`, a digit a problem,
    makes before and after comparable. figure(run) -> matplotlib figure. minutes: preset -> recipe
    -> minutes on two cores. evidence: id of a claim -> what the recorded arms say for it, see
    `running.evidence`. recipes: name -> factors of the preset's settings. on: preset -> settings
    that this experiment wants there. settings: its own ones with their defaults.
    along(model, tokenizer, held-out problems, plan, step) -> more numbers for the line of a step in
    metrics.jsonl, {} at most steps: what is measured on the way.
    """

    name: str
    lesson: str
    section: str
    about: str
    arms: tuple[Arm, ...]
    measure: Callable
    figure: Callable
    minutes: Mapping[str, Mapping[str, float]]
    evidence: Mapping[str, Callable] = field(default_factory=dict)
    recipes: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {"quick": {}})
    on: Mapping[str, Settings] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)
    along: Callable | None = None

    def arm(self, name: str | None) -> Arm:
        """The arm of that name; None is the first. Raises ValueError for another name."""
        if name is None:
            return self.arms[0]
        for arm in self.arms:
            if arm.name == name:
                return arm
        known = ", ".join(arm.name for arm in self.arms)
        raise ValueError(f"run {self.name} has no arm {name!r}: choose one of {known}")
