"""Credit to steps by exact values, in the place of one advantage for a whole answer (Kimi k1.5,
2.3.2, which leaves such values out on purpose).

A state is worth 1 where the target can still be reached from it, else 0 (`steps.reachable`). Each
step earns what it changes: a good first sum 0, a wrong turn -1, the way back from it +1. Over an
answer these add up to right or wrong, minus 1.
"""

from itertools import accumulate

import torch
from torch import Tensor

from r1lab import steps
from r1lab.rollouts import Rollout
from r1lab.sampler import repeated
from r1lab.tasks import Problem

CREDITS = ("answer", "reachable")


def reachable(tokenizer, roll: Rollout) -> Tensor:
    """(N, T) what each token's step changed, 0 behind the last token. What is written behind the
    last step belongs to it: an answer that cannot be read loses what was left."""
    done = roll.completions
    found = torch.zeros(done.ids.shape)
    asked = repeated(roll.problems, roll.group_size)
    for row, problem, text, ids, n in zip(
        found, asked, roll.texts, done.ids.tolist(), done.lengths.tolist(), strict=True
    ):
        stops, before = ends(tokenizer, ids[:n], text), 0
        for end, change in changes(problem, text):
            behind = sum(stop < end for stop in stops) + 1  # tokens up to and with the step
            row[before:behind] = change
            before = behind
    return found


def changes(problem: Problem, text: str) -> list[tuple[int, float]]:
    """(characters up to and with it, change of the value) of each step. Where there is no answer
    the text's end is a last step, which leads nowhere."""
    read = steps.read(problem, text)
    marks = [(step.end, float(step.good)) for step in read]
    if not read or not text[: read[-1].end].endswith("</answer>"):
        marks.append((len(text), 0.0))
    values = [float(steps.reachable(problem.numbers, problem.target)), *(v for _, v in marks)]
    return [(end, after - before) for (end, after), before in zip(marks, values, strict=False)]


def ends(tokenizer, ids: list[int], text: str) -> list[int]:
    """How many characters of the text have been written with each token."""
    pieces = tokenizer.batch_decode([[one] for one in ids], skip_special_tokens=True)
    if "".join(pieces) == text:
        return list(accumulate(map(len, pieces)))
    upto = [ids[: i + 1] for i in range(len(ids))]  # a character may have several tokens
    return [len(one) for one in tokenizer.batch_decode(upto, skip_special_tokens=True)]
