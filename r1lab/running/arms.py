"""Which arm a run belongs to, by what stands in its config, and what its folder is called."""

from collections.abc import Mapping

from r1lab.machine import presets
from r1lab.running.experiment import Experiment
from r1lab.running.settings import Options


def run_name(experiment: Experiment, options: Options) -> str:
    """The folder name of a run: what differs from the defaults, then the seed."""
    arm = experiment.arm(options.arm)
    preset = options.preset or arm.settings.get("preset", "cpu")
    preset = presets.choose()[0] if preset == "auto" else preset
    parts = [experiment.name, *([] if preset == "cpu" else [preset]), arm.name]
    for key, value in sorted(options.settings.items()):
        parts.append(f"{key}-{value}".replace("/", "-"))
    return "-".join([*parts, f"s{options.seed}"])


def same(config: Mapping, other: Mapping) -> bool:
    """Whether two configs are of one arm: alike in all that changes a result, but for the seed."""

    def bare(found: Mapping) -> dict:
        kept = {k: v for k, v in found.items() if k not in ("seed", "revision", "processes")}
        stages = [
            {k: v for k, v in s.items() if k not in ("seed", "micro_tokens")}
            for s in found["stages"]
        ]
        return kept | {"stages": stages}

    return bare(config) == bare(other)
