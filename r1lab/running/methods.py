"""How a stage learns: the method in one of the two engines, and what it learns from."""

from collections.abc import Callable

import torch

from r1lab import critic, dpo, grpo, policy, rewards, sft
from r1lab.machine import environment
from r1lab.policy import Learner
from r1lab.records import Place, RunError
from r1lab.running.settings import Leg, Plan

OWN = {"grpo": grpo.train, "sft": sft.train, "dpo": dpo.train}


def method_of(leg: Leg) -> str:
    """The stage's method; "ppo" where GRPO's loop has a critic."""
    return "ppo" if getattr(leg.config, "gae", None) is not None else leg.stage.method


def learner_of(leg: Leg, model, tokenizer) -> Learner:
    """What learns in a stage; for PPO beside a critic."""
    found = policy.learner(model, tokenizer, leg.config.lr)
    return critic.beside(found, leg.config.lr) if method_of(leg) == "ppo" else found


def learn(leg: Leg, engine: str, learner: Learner, material: list, place: Place, keep: Callable):
    """Train until the stage's last step; `keep` is called with each step: a `Rollout` or `Update`.

    material: problems for grpo, pairs of texts for sft and dpo.
    """
    given = [material]
    if leg.stage.method == "grpo":
        given.append(rewards.reward_set(leg.reward, leg.config.seed))
    if engine == "own":
        for step in OWN[leg.stage.method](learner, *given, leg.config, place.start):
            keep(step)
        return
    from r1lab import trl_engine  # TRL takes seconds to import

    train = getattr(trl_engine, leg.stage.method)
    train(learner, *given, leg.config, keep, place)


def examples(groups: list[dict]) -> list[tuple[str, str]]:
    """(prompt, answer) of every group, for SFT: those that are marked `taught`; where none of a
    group says so, the right ones."""
    by = [("taught" if "taught" in group["rewards"] else "accuracy", group) for group in groups]
    return [(group["prompt"], text) for key, group in by for text in _judged(group, 1.0, key)]


def choices(groups: list[dict]) -> list[tuple[str, str, str]]:
    """(prompt, better answer, worse answer), each with each of a group, for DPO: those that are
    marked `preferred` or not; where none of a group says so, the right and the wrong ones."""
    by = [("preferred" if "preferred" in g["rewards"] else "accuracy", g) for g in groups]
    return [
        (group["prompt"], good, bad)
        for key, group in by
        for good in _judged(group, 1.0, key)
        for bad in _judged(group, 0.0, key)
    ]


PAIRS = {"sft": examples, "dpo": choices}


def _judged(group: dict, wanted: float, key: str = "accuracy") -> list[str]:
    judged = zip(group["completions"], group["rewards"][key], strict=True)
    return [text for text, found in judged if found == wanted]


def check_engine(plan: Plan) -> None:
    """Raises RunError where this machine and its launcher do not suit the plan's engine."""
    together = environment.processes()
    if plan.engine == "own" or not plan.legs:
        if together > 1:
            raise RunError("the own engine runs on one process: add --engine trl")
        return
    if together > 1 and [leg.stage.method for leg in plan.legs] != ["grpo"]:
        raise RunError("several processes train one stage of GRPO: start others without a launcher")
    try:
        import trl  # noqa: F401
    except ImportError as error:
        raise RunError(f"TRL is missing ({error}): pip install trl") from error
    cards = torch.cuda.device_count()
    if together == 1 and cards > 1:
        raise RunError(
            f"TRL takes one card a process and this one sees {cards}: set CUDA_VISIBLE_DEVICES=0, "
            "or start one process for each card (BEYOND_ONE_MACHINE.md)"
        )
    if environment.sharded():
        raise RunError(
            "a run measures and saves whole weights, and FSDP or DeepSpeed shards them: launch it "
            "with DDP"
        )
    if together > 1 and cards:
        torch.cuda.set_device(environment.local_rank())  # "cuda" is then a card of its own


def wait() -> None:
    """Where several processes train together: go on when all have come here."""
    if environment.processes() > 1:
        from r1lab import trl_engine

        trl_engine.wait()
