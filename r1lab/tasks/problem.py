"""A problem of a task."""

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One problem. `numbers`: what to use, in the order shown (multiplication and addition: the
    two operands; gsm8k: none). `target`: the number to reach (their product or sum, or the
    answer); in a task of the user's own anything that JSON can hold. `question`: the text of a
    word problem, "" where the rest says it all."""

    task: str  # what `tasks.named` finds it by: a built-in name, or the path of the user's file
    numbers: tuple[int, ...]
    target: Any
    question: str = ""

    @property
    def key(self) -> str:
        """A name that depends neither on the order of the numbers nor on the file's folder."""
        posed = self.question or ",".join(map(str, sorted(self.numbers)))
        return f"{PurePath(self.task).stem}:{posed}:{self.target}"

    def __hash__(self) -> int:
        return hash((self.task, self.numbers, self.question))  # a list as target has no hash
