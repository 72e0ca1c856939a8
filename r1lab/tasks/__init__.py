"""The problems of the course: drawn from a seed, worded in a template, judged by rules.

A task is one file that holds a `Task`: `countdown`, `arithmetic` (multiplication and addition),
`gsm8k`, or the user's own. What is drawn from a seed is split for good into `train` and `test`
by a hash, so no seed and no caller can mix the two; a data set keeps the split of its authors.
"""

import random

from r1lab.tasks.names import BUILT_IN, fingerprint, named, reloaded, split_of
from r1lab.tasks.problem import Problem
from r1lab.tasks.task import Task
from r1lab.tasks.templates import prompt, short, tiny_prompt

__all__ = [
    "BUILT_IN", "Problem", "Task", "fingerprint", "named", "problems", "prompt", "short",
    "split_of", "tiny_prompt",
]  # fmt: skip


def problems(
    task: str, n: int, seed: int, split: str = "train", size: int | None = None
) -> list[Problem]:
    """`n` distinct problems of one split, the same for the same arguments.

    task: "countdown" (`size` numbers: 3, the default, or 4), "multiplication" (second factor
    of `size` digits: 2, the default, or 1), "addition" (of 2 digits), "gsm8k" (no size; from
    the hub) or the path of the user's file, which is loaded anew. Raises ValueError for another
    task, split or size, when the split does not hold `n` problems, and as `named` says.
    """
    found = reloaded(task)
    if size is not None and size not in found.sizes:
        raise ValueError(f"{found.name} has sizes {found.sizes}, not {size}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    if found.data_set:
        return _sampled(found, n, seed, split)
    if size is None and found.sizes:
        size = found.sizes[0]
    return _drawn(found, n, seed, split, size)


def _sampled(task: Task, n: int, seed: int, split: str) -> list[Problem]:
    everything = task.data_set(split)
    if n > len(everything):
        raise ValueError(
            f"the {split} split of {task.name} holds fewer than {n} problems: ask for fewer"
        )
    rng = random.Random(f"{task.name}-{split}-{seed}")
    return rng.sample(everything, len(everything))[:n]


def _drawn(task: Task, n: int, seed: int, split: str, size: int | None) -> list[Problem]:
    rng = random.Random(f"{task.name}-{size}-{split}-{seed}")
    found: dict[str, Problem] = {}
    for _ in range(200 * n + 2000):
        if len(found) == n:
            return list(found.values())
        problem = task.draw(rng, size)
        if split_of(problem) == split:
            found.setdefault(problem.key, problem)
    of_size = f" (size {size})" if task.sizes else ""
    raise ValueError(
        f"the {split} split of {task.name}{of_size} holds fewer than {n} problems: ask for fewer"
    )
