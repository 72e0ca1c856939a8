"""The versions of `config.json`. A new setting gets its old value for old runs, here alone."""

VERSION = 10
OF_THE_RUN = (
    "experiment", "preset", "base", "revision", "dtype", "lora_rank", "template", "max_new", "seed",
    "eval_problems",
)  # fmt: skip


def upgraded(config: dict) -> dict:
    """A config as the newest version writes it; what is not a run's config stays as it is.

    Version 1 was flat and knew one stage; its first runs knew no other task than countdown.
    Version 2 knew one size of a task's problems, version 3 no second one to train on; both
    knew no base that is made to think on. Version 4 knew one baseline of GRPO and no critic,
    version 5 no late rewards, version 6 one draw of problems and no pieces of completions,
    version 7 no credit to steps, version 8 no second reference of a stage, version 9 no learning
    from worse answers alone and no optimizer that begins anew. What they could not set had one
    value, which stands here.
    """
    if "experiment" not in config or config.get("version", 1) == VERSION:
        return config
    own = {"think_on": False} if config["experiment"] == "zero" else {}
    if config.get("version", 1) > 1:
        stages = [_of_today(stage) for stage in config["stages"]]
        return {"size": 0, "also": 0} | own | config | {"version": VERSION, "stages": stages}
    method = {"zero": "grpo"}.get(config["experiment"], config["experiment"])
    named = (*OF_THE_RUN, "task", "engine", "recipe")
    stage = {k: v for k, v in config.items() if k not in named} | {
        "name": method, "method": method, "start": "", "template": config["template"],
        "max_new": config["max_new"], "seed": config["seed"], "max_grad_norm": 1.0,
    }  # fmt: skip
    if method == "grpo":  # the loss was "grpo" in all of them, its parts were not named
        stage |= {"ratio": "token", "average": "completion", "tau": None, "truncate": None}
    train = {"smol": 2048, "t4": 7000, "gpu24": 16384}.get(config["preset"], 4096)
    return {k: config[k] for k in OF_THE_RUN} | {
        "version": VERSION, "task": config.get("task", "countdown"), "size": 0, "also": 0,
        "train_problems": train,
        "engine": {"bench": "own"}.get(config["engine"], config["engine"]),
        "recipe": config.get("recipe", "quick"), "stages": [_of_today(stage)], "files": {},
    } | own  # fmt: skip


def _of_today(stage: dict) -> dict:
    if stage["method"] != "grpo":
        return stage
    stage = dict(stage)
    better = stage.pop("only_better", False)
    old = {"baseline": "group", "gae": None, "kl_in_reward": False, "delay": 0, "draw": "uniform"}
    old |= {"piece": 0, "credit": "answer", "reference_every": 0, "fresh_optimizer": False}
    return old | {"learn_from": "better" if better else "all"} | stage
