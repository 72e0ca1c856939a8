"""The judge: is an answer right, and if not, why not.

R1-Zero has no reward model; rules alone decide what is reinforced (DeepSeek-R1, 2.2.2). Each
task finds and judges its own answers (`tasks`); what was found is counted under one of a few
reasons, and an answer that cannot be read has its own.
"""

from dataclasses import dataclass

from r1lab.tasks.names import named
from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import BLANK, Unreadable

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
REASONS = ("correct", "no answer", "several answers", "unreadable", "wrong numbers", "wrong value")


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one completion. `reason` is one of `REASONS`. `answer` is the text
    that was judged, None where there is none. For the words behind "unreadable", call the task's
    reader on it: `reading.read_expression`, `reading.read_integer` or `gsm8k.read_number`."""

    correct: bool
    formatted: bool
    reason: str
    answer: str | None


def verify(problem: Problem, text: str) -> Verdict:
    """Judge one completion.

    The answer stands in the only answer block; addition and gsm8k need no tags, see there. It
    must be what the task asks for, and the target exactly. Raises ValueError for an unknown
    task, for gsm8k without math-verify, and where the functions of the user's task fail (see
    `tasks.named`) or give a reason that is not one of `REASONS`; never for a completion.
    """
    task = named(problem.task)
    answer, reason = task.find(text)
    if answer is not None:
        try:
            reason = task.judge(problem, answer)
        except Unreadable:
            reason = "unreadable"
    if reason not in REASONS:
        raise ValueError(
            f"{problem.task} gives the reason {reason[:40]!r}: choose one of {', '.join(REASONS)}"
        )
    return Verdict(reason == "correct", is_formatted(text), reason, answer)


def is_formatted(completion: str) -> bool:
    """Whether all of the completion is `<think>…</think>` and then `<answer>…</answer>`, each
    tag once, with blanks at most around them: R1-Zero's format reward (DeepSeek-R1, 2.2.2).
    What stands inside the tags is not judged. The end token must already be cut off."""
    text = completion.strip(BLANK)
    if any(text.count(tag) != 1 for tag in TAGS):
        return False
    thoughts, _, rest = text.partition("</think>")
    rest = rest.lstrip(BLANK)
    return (
        thoughts.startswith("<think>")
        and rest.startswith("<answer>")
        and rest.endswith("</answer>")
    )
