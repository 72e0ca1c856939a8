"""Rewards, each a function in TRL's contract, so that TRL and our own trainer take them alike.

A reward function is called with keyword arguments only: `prompts`, `completions`,
`completion_ids`, `trainer_state` and each column of the data set (`task`, `numbers`,
`target`; for gsm8k `numbers` is empty) as a list with one item for each completion. It takes what it needs, lets
`**kwargs` swallow the rest, and returns one float for each completion. Its `__name__` is
the name in the log.

There is no reward model: R1-Zero uses rules alone (DeepSeek-R1, 2.2.2), because a network
that judges is itself a hole to be found.
"""

import random
from collections.abc import Callable

from r1lab.verify import is_formatted, verify

Reward = Callable[..., list[float]]
Completion = str | list[dict[str, str]]


def text_of(completion: Completion) -> str:
    """The text of a completion, plain or conversational (a list with one message).
    Raises ValueError where it is a list of another length."""
    if isinstance(completion, str):
        return completion
    if len(completion) != 1:
        raise ValueError(
            f"a completion must be one message, not {len(completion)}: no tools, no second turn"
        )
    return completion[0]["content"]


def accuracy(
    completions: list[Completion],
    task: list[str],
    numbers: list[list[int]],
    target: list[int],
    **kwargs,
) -> list[float]:
    """1.0 for a correct answer, 0.0 for any other (DeepSeek-R1, 2.2.2, accuracy rewards).
    Why an answer is wrong says `verify`, not the reward."""
    rows = zip(task, numbers, target, map(text_of, completions), strict=True)
    return [float(verify(*row).correct) for row in rows]


def format_tags(completions: list[Completion], **kwargs) -> list[float]:
    """1.0 for thoughts and then an answer, each in its tags, 0.0 for any other text
    (DeepSeek-R1, 2.2.2, format rewards). A wrong answer in the right tags gets 1.0."""
    return [float(is_formatted(text_of(completion))) for completion in completions]


def coin(seed: int) -> Reward:
    """A reward function that tosses a coin and reads nothing: the control of every claim
    that the reward did it. Called "random" in the log.

    Each value is a pure function of (seed, step, index in the batch), so a resumed run sees
    the same coins. Two batches judged at one step therefore get the same coins too.
    """

    def toss(completions: list[Completion], trainer_state, **kwargs) -> list[float]:
        name = f"coin-{seed}-{trainer_state.global_step}"
        return [float(random.Random(f"{name}-{i}").randrange(2)) for i in range(len(completions))]

    toss.__name__ = "random"
    return toss


def reward_set(name: str, seed: int = 0) -> tuple[list[Reward], list[float]]:
    """The functions and weights of a named reward: TRL's `reward_funcs` and `reward_weights`.

    "rule": a correct answer 1.0 and the format 0.1. R1-Zero weighs both alike. The 0.1 is
    TinyZero's, which does not add: it pays 1.0 for a correct answer and 0.1 for a wrong one
    in answer tags, and does not look at the thoughts. "accuracy" and "format": one of them
    alone. "random": `coin(seed)`. Raises ValueError for another name.
    """
    sets = {
        "rule": ([accuracy, format_tags], [1.0, 0.1]),
        "accuracy": ([accuracy], [1.0]),
        "format": ([format_tags], [1.0]),
        "random": ([coin(seed)], [1.0]),
    }
    if name not in sets:
        raise ValueError(f"unknown reward {name!r}: choose one of {sorted(sets)}")
    return sets[name]


def score(
    functions: list[Reward], weights: list[float], **columns
) -> tuple[list[float], dict[str, list[float]]]:
    """The weighted total of each completion, and each function's values by its name.

    `columns` is what the functions are called with; `completions` must be among it. Raises
    ValueError where there is not one weight a function or not one value a completion.
    """
    if len(functions) != len(weights):
        raise ValueError(
            f"{len(functions)} reward functions need as many weights, not {len(weights)}"
        )
    n = len(columns["completions"])
    parts = {}
    for function in functions:
        values = function(**columns)
        if len(values) != n:
            raise ValueError(
                f"reward {function.__name__!r} gave {len(values)} values for {n} completions"
            )
        parts[function.__name__] = values
    totals = [
        sum(w * v for w, v in zip(weights, row, strict=True))
        for row in zip(*parts.values(), strict=True)
    ]
    return totals, parts
