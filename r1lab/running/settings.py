"""From what a reader chooses to everything a run is made with, and its `config.json`.

Later wins: the preset of the machine, what the experiment wants on it, a recipe, the arm, its
stage, the reader. What changes a result stands in the record, flat for the run and in a list for
its stages.
"""

import math
import types
import typing
from dataclasses import asdict, dataclass, field, fields, replace

from r1lab import dpo, grpo, models, rewards, sft, tasks
from r1lab.machine import environment, presets
from r1lab.machine.presets import Preset
from r1lab.records import VERSION
from r1lab.running.experiment import Arm, Experiment, Settings, Stage

CONFIGS = {"grpo": grpo.Config, "sft": sft.Config, "dpo": dpo.Config}
ENGINES = ("own", "trl")
OF_THE_RUN = {  # settings that are the run's: name -> type
    "base": str, "task": str, "template": str, "dtype": str, "lora_rank": int, "eval_problems": int,
    "train_problems": int, "size": int, "also": int, "engine": str, "recipe": str, "reward": str,
}  # fmt: skip
OF_A_STAGE = {name for config in CONFIGS.values() for name in config.__dataclass_fields__}
SHARED = ("prompts", "group", "max_new", "micro_tokens", "template")  # a preset's, a config's too


@dataclass(frozen=True)
class Options:
    """What is chosen for a run. arm: of the experiment, None its first. settings: any others."""

    arm: str | None = None
    preset: str | None = None
    seed: int = 0
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Leg:
    """A stage, settled. config: of its method. sampling: how its problems are asked. reward: a name
    of `rewards.reward_set`, of grpo alone."""

    stage: Stage
    config: object
    sampling: grpo.Config
    reward: str


@dataclass(frozen=True)
class Plan:
    """Everything a run is made with. own: the experiment's own settings. record: `config.json`."""

    experiment: Experiment
    arm: Arm
    preset: Preset
    seed: int
    engine: str
    legs: tuple[Leg, ...]
    own: Settings
    record: dict

    @property
    def sampling(self) -> grpo.Config:
        """How the run samples: its first stage, or the preset where nothing is trained."""
        return (
            self.legs[0].sampling if self.legs else _config(grpo.Config, self.preset, {}, self.seed)
        )

    @property
    def steps(self) -> int:
        """Optimizer steps of all stages."""
        return sum(leg.config.steps for leg in self.legs)


def plan(experiment: Experiment, options: Options) -> Plan:
    """The plan of a run on this machine. Raises ValueError in one sentence for an unknown arm,
    preset or setting, and for a value that does not fit."""
    arm = experiment.arm(options.arm)
    name = options.preset or arm.settings.get("preset", "cpu")
    if environment.fast():
        experiment = _small(experiment)
    return settled(experiment, options, presets.pick(name))


def settled(experiment: Experiment, options: Options, preset: Preset) -> Plan:
    """`plan` for a given preset."""
    arm = experiment.arm(options.arm)
    settings = {k: v for k, v in arm.settings.items() if k != "preset"} | dict(options.settings)
    _check(experiment, arm, settings)
    wanted = dict(experiment.on.get(preset.name, {}))
    if settings.get("task", preset.task) != preset.task:  # sizes are a task's own
        wanted = {k: v for k, v in wanted.items() if k not in ("size", "also")}
    preset = replace(preset, **wanted)
    own = {k: settings.get(k, default) for k, default in experiment.settings.items()}
    recipe = settings.get("recipe", next(iter(experiment.recipes)))
    if recipe not in experiment.recipes:
        raise ValueError(
            f"unknown recipe {recipe!r}: choose one of {', '.join(experiment.recipes)}"
        )
    for name, factor in experiment.recipes[recipe].items():
        value = getattr(preset, name)
        preset = replace(preset, **{name: type(value)(value * factor)})
    preset = replace(preset, **{k: settings[k] for k in settings if k in _preset_fields()})
    preset = replace(preset, model=settings.get("base", preset.model))
    engine = settings.get("engine", "own")
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: choose one of {', '.join(ENGINES)}")
    tasks.named(preset.task)  # before anything is loaded
    if models.is_tiny(preset.model) and preset.template not in tasks.templates.TINY:
        raise ValueError(
            f"the base {preset.model} has read the prompts of its own world alone, none in the "
            f"template {preset.template}: take --preset smol, or a language model with --base"
        )
    legs = tuple(_leg(stage, preset, settings, options.seed) for stage in arm.stages)
    chosen = {"recipe": recipe, "engine": engine, "seed": options.seed} | own
    record = _record(experiment, preset, chosen, legs)
    return Plan(experiment, arm, preset, options.seed, engine, legs, own, record)


def _small(experiment: Experiment) -> Experiment:
    """The experiment without sizes of its own: those of `environment.fast` hold, unless the reader
    sets others."""

    def bare(settings: Settings) -> dict:
        return {k: v for k, v in settings.items() if k not in presets.FAST}

    arms = tuple(replace(arm, settings=bare(arm.settings)) for arm in experiment.arms)
    on = {name: bare(wanted) for name, wanted in experiment.on.items()}
    return replace(experiment, arms=arms, on=on)


def _preset_fields() -> set[str]:
    return {f.name for f in fields(Preset)} - {"name", "device", "model"}


def _leg(stage: Stage, preset: Preset, settings: Settings, seed: int) -> Leg:
    mine = {k.removeprefix(f"{stage.name}."): v for k, v in settings.items()}
    stage = replace(stage, start=settings.get(f"{stage.name}.start", stage.start))
    mine = {**stage.settings, **mine}
    lr = (
        preset.lr * stage.rate / (1 if preset.lora_rank else 10)
    )  # LoRA's rate destroys all weights
    rated = {"lr": lr} | {k: v for k, v in mine.items() if k in OF_A_STAGE}
    reward = mine.get("reward", "rule") if stage.method == "grpo" else ""
    if reward:
        rewards.reward_set(reward)  # a wrong name is said before anything is loaded
    if stage.method == "dpo" and not preset.lora_rank:
        raise ValueError(
            "DPO needs LoRA, whose start is the reference: leave --lora-rank full away"
        )
    config = _config(CONFIGS[stage.method], preset, rated, seed)
    return Leg(stage, config, _config(grpo.Config, preset, rated, seed), reward)


def _config(kind, preset: Preset, settings: Settings, seed: int):
    """A method's config: what it shares with the preset, and what is set."""
    known = {f.name for f in fields(kind)}
    given = (
        {k: getattr(preset, k) for k in (*SHARED, "steps", "lr")} | {"seed": seed} | dict(settings)
    )
    return kind(**{k: v for k, v in given.items() if k in known})


def _record(experiment: Experiment, preset: Preset, own: dict, legs: tuple[Leg, ...]) -> dict:
    """The content of config.json. What the reader's own files were is known by their digest."""
    stages = []
    for leg in legs:
        about = {"name": leg.stage.name, "method": leg.stage.method, "start": leg.stage.start}
        asked = {k: getattr(leg.sampling, k) for k in ("group", "temperature", "template")}
        stages.append(about | asked | asdict(leg.config))
        if leg.reward:
            chosen = {
                k: None if v == math.inf else v for k, v in asdict(leg.config.objective).items()
            }
            stages[-1] |= {"reward": leg.reward, **chosen}
    digests = {leg.reward: rewards.fingerprint(leg.reward) for leg in legs if leg.reward}
    digests |= {preset.task: tasks.fingerprint(preset.task)}
    return {
        "version": VERSION, "experiment": experiment.name, "preset": preset.name,
        "task": preset.task, "size": preset.size, "also": preset.also, "base": preset.model,
        "revision": models.commit(preset.model), "dtype": preset.dtype,
        "lora_rank": preset.lora_rank, "template": preset.template, "max_new": preset.max_new,
        "eval_problems": preset.eval_problems, "train_problems": preset.train_problems, **own,
        "stages": stages,
        "files": {name: digest for name, digest in digests.items() if digest},
    }  # fmt: skip


def _check(experiment: Experiment, arm: Arm, settings: Settings) -> None:
    """Raises ValueError for a setting that nothing in this arm reads."""
    read = {*OF_THE_RUN, *experiment.settings, *_preset_fields()}
    names = {stage.name: CONFIGS[stage.method].__dataclass_fields__ for stage in arm.stages}
    for known in names.values():
        read |= set(known)
    if not any(stage.method == "grpo" for stage in arm.stages):
        read -= {"reward"}
    read -= {"seed"}
    for key in settings:
        stage, _, name = key.rpartition(".")
        fits = name in {*names[stage], "reward", "start"} if stage in names else key in read
        if not fits:
            raise ValueError(
                f"run {experiment.name}, arm {arm.name}, has no setting {key!r}: choose one of "
                f"{', '.join(sorted(read))}"
            )


def parse(pairs: list[str], experiment: Experiment) -> dict:
    """The settings in `--set KEY=VALUE`. Raises ValueError for a pair without "=" and for a value
    that is not of the setting's type."""
    kinds = _kinds(experiment)
    found = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"--set {pair}: write it as KEY=VALUE")
        kind = kinds.get(key.rpartition(".")[2], str)
        found[key] = _value(key, text, kind)
    return found


def _kinds(experiment: Experiment) -> dict[str, type]:
    """Setting -> its type, without None."""
    hints = {k: v for c in CONFIGS.values() for k, v in typing.get_type_hints(c).items()}
    hints |= typing.get_type_hints(Preset) | OF_THE_RUN
    hints |= {k: type(v) for k, v in experiment.settings.items()}
    return {k: _plain(v) for k, v in hints.items()}


def _plain(hint) -> type:
    if isinstance(hint, types.UnionType):
        return next(a for a in typing.get_args(hint) if a is not type(None))
    return hint


def _value(key: str, text: str, kind: type):
    words = {"true": True, "false": False}
    try:
        if kind is bool:
            return words[text.lower()]
        value = kind(text)
        if kind is float and not math.isfinite(value):
            raise ValueError
        return value
    except (KeyError, ValueError, TypeError):
        what = {int: "a whole number", float: "a number", bool: "true or false"}.get(
            kind, "a value"
        )
        raise ValueError(f"--set {key}={text}: {key} wants {what}") from None
