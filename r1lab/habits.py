"""Which habit of thinking a completion follows, and how well: its tries, repeats, verdicts.

For Countdown, in the tiny world's way of writing (see `tiny_world.habits`) and with a model's
errors. Prose gets a name too, but `reflection` reads it better. The work is bounded.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from r1lab.tasks.problem import Problem
from r1lab.thoughts import GROUP, SO, VERDICTS, equations, thoughts, tokens

NAMES = ("guess", "check", "at random", "in order", "backwards", "sub-goal", "other")


@dataclass(frozen=True)
class Habit:
    """What one completion's thoughts show. A try combines the numbers, and is judged, given up
    for another, or stated to its end. Two are the same when their steps are, shared first steps
    and the step back from the target included; the order of summands and factors is free."""

    name: str  # one of NAMES
    tries: int
    distinct: int
    verdicts: int  # of comparisons right behind a try: `18+2=20 vs 22 no`
    false_verdicts: int  # of them: untrue, or against another number than the wanted one
    sums: int
    wrong_sums: int

    @property
    def repeated(self) -> int:
        return self.tries - self.distinct


class _Sum(NamedTuple):
    form: tuple  # the same for 3+5 and 5+3
    uses: Counter  # the numbers on its left side
    value: Fraction  # as stated


class _Goal(NamedTuple):
    """What a search is after: it begins with a step back from the target (`22-7=15 so`), with a
    first step of four numbers (`14*3=42 so`) or with none."""

    form: tuple  # of that step
    free: Counter  # the numbers that are left
    wanted: Fraction  # the value to reach
    back: bool = False


def read(problem: Problem, text: str) -> Habit | None:
    """The habit of one completion; None for another task than Countdown. Wanted is the target;
    after a step back from it the value of that step, until a word that tries again (then all
    numbers are free again, too). Steps said again behind a yes are no try."""
    if problem.task != "countdown":
        return None
    thinking, n = thoughts(text), Counter()  # n: what `_runs` counts
    tries = []  # (goal, forms, whether they begin with steps of a try before)
    before = []  # the steps that another try may begin with
    for goal, sums, end in _runs(problem, thinking, n):
        found = _split(sums, before, goal.free)
        if end == "cut" and found and _size(found[-1][0]) < goal.free.total() - 1:
            found.pop()
        before = found[-1][0] if end == "judged" else []
        tries += [(goal, [step.form for step in steps], shared) for steps, shared in found]
    name = _name(thinking, tries, n)
    different = len({_steps(goal, forms) for goal, forms, _ in tries})
    return Habit(name, len(tries), different, n["verdicts"], n["false"], n["sums"], n["wrong"])


def _steps(goal: _Goal, forms: list) -> tuple:
    """The same for two tries with the same steps."""
    if goal.form and not goal.back:
        forms = [goal.form, *forms]
    return goal.back and goal.form, *sorted(forms[:-1]), forms[-1]


def key(name: str) -> str:
    """The name of a habit's share in metrics and summaries."""
    return "habit_" + name.replace(" ", "_").replace("-", "_")


def of(asked: Sequence[Problem], texts: Sequence[str]) -> dict[str, float | None]:
    """Plain numbers over completions; {} where none is of Countdown. `habit_at_random` and so on:
    shares of the completions, as `second_try` (more than one) and `compares`. `repeated`: of the
    tries, None without any. `distinct`: a mean."""
    seen = [h for h in map(read, asked, texts) if h]
    if not seen:
        return {}
    named, n, tries = Counter(h.name for h in seen), len(seen), sum(h.tries for h in seen)
    found = {key(name): named[name] / n for name in NAMES}
    found["repeated"] = sum(h.repeated for h in seen) / tries if tries else None
    found["second_try"] = sum(h.tries > 1 for h in seen) / n
    found["compares"] = sum(h.verdicts > 0 for h in seen) / n
    return found | {"distinct": sum(h.distinct for h in seen) / n}


def _runs(problem: Problem, thinking: str, n: Counter) -> Iterator[tuple]:
    """(goal, sums, how they end): "judged", "left" for a new start, or "cut"."""
    goal = nowhere = _Goal((), Counter(problem.numbers), problem.target)
    sums, shown = [], None  # shown: the value just before the token
    opens = False  # whether a verdict under a first step was the last that came
    found, known = False, set()  # found: behind a yes; then known steps, said again, are no try
    for kind, content in tokens(thinking):
        if kind == "formula":
            stated, shown = equations(content)
            n["sums"] += len(stated)
            n["wrong"] += sum(not true for _, true in stated)
            for (signs, left, right), _ in stated:
                form, uses = (signs, left), Counter(int(s) for s in signs if s.isdigit())
                closes = form in known or (goal.back and goal.wanted in uses)
                if not (found and closes):
                    if opens and [step.form for step in sums] == [goal.form]:
                        sums.clear()  # the step before `so`, said again before a new one
                    opens = opens and not sums
                    sums.append(_Sum(form, uses, right))
                    found = False
                known.add(form)
            continue
        if kind == "versus" and content["verdict"] and sums and shown is not None:
            wanted, said = int(content["other"]), VERDICTS[content["verdict"].lower()]
            n["verdicts"] += 1
            n["false"] += wanted != goal.wanted or said != (shown == wanted)
            yield goal, sums, "judged"
            sums, found, opens = [], said, bool(goal.form) and not goal.back
        elif content in SO and (begun := _begun(sums, problem)):
            steps, begins = begun
            n["back" if begins.back else "first"] += 1
            yield goal, sums[:-steps], "left"
            goal, sums, opens = begins, [], False
        elif kind in ("word", "chinese") and GROUP.get(content) == "wait":
            n["again"] += 1
            yield goal, sums, "left"
            goal, sums, found, opens = nowhere, [], False, False
        shown = None
    starts_back = 0 < len(sums) < 3 and problem.target in sums[0].uses
    said_again = opens and [step.form for step in sums] == [goal.form]
    if said_again or (starts_back and (goal.form or sums[0].uses - nowhere.free)):
        sums = []  # what it begins, the next word would say
    yield goal, sums, "cut"


def _begun(sums: list, problem: Problem) -> tuple[int, _Goal] | None:
    """How many of the last sums begin a search before `so`, and its goal: a step back from the
    target, alone or with the way there again (`22-7=15, 15+7=22`), or two of four numbers."""
    if not sums:
        return None
    numbers, target = Counter(problem.numbers), problem.target
    back, last = sums[-2:][0], sums[-1]
    if target not in back.uses or back.value not in last.uses or last.value != target:
        back = last
    if target in back.uses and (back is not last or back.uses - numbers or numbers.total() < 4):
        free = numbers - (back.uses - Counter([target]))
        return 1 + (back is not last), _Goal(back.form, free, back.value, back=True)
    if numbers.total() == 4 and last.uses.total() == 2 and last.uses <= numbers:
        return 1, _Goal(last.form, _behind(numbers, last), target)
    return None


def _split(sums: list, before: list, free: Counter) -> list[tuple[list, bool]]:
    """The tries that these sums amount to, with all their steps, and whether they share some."""
    need, found = free.total() - 1, []
    steps = before[: max(0, need - _size(sums))]  # too few sums go on from the try before
    for one in sums:
        # it belongs behind the latest step with all its numbers; one from nowhere, to the end
        there = accumulate(steps[: max(0, need - 1)], _behind, initial=free)
        fits = [depth for depth, numbers in enumerate(there) if not one.uses - numbers]
        depth = fits[-1] if fits else len(steps)
        if not found or depth < len(steps):
            steps = steps[:depth]
            found.append((steps, depth > 0))
        steps.append(one)
    return found


def _behind(numbers: Counter, step: _Sum) -> Counter:
    return numbers - step.uses + Counter([step.value])


def _size(steps: list[_Sum]) -> int:  # by how many they make the numbers fewer
    return sum(step.uses.total() - 1 for step in steps)


def _name(thinking: str, tries: list[tuple], n: Counter) -> str:
    if not n["sums"]:
        return "other" if thinking.strip() else "guess"
    if n["back"] or n["first"]:
        mixed = any(not goal.form for goal, *_ in tries) or (n["back"] and n["first"])
        return "other" if mixed else "backwards" if n["back"] else "sub-goal"
    if any(shared for *_, shared in tries):
        return "other" if n["again"] else "in order"
    if len(tries) > 1:
        return "at random"
    to_share = re.search("=[0-9]+ ?[;；]", thinking)  # behind a first step
    return "guess" if not n["verdicts"] else "in order" if to_share else "check"
