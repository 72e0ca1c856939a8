"""Exercises of lesson 11: an interval, a verdict, a criterion that cannot fail, a claim of one's
own."""

import math
from dataclasses import replace
from functools import cache

from r1lab import experiments, stats
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.claims import ledger
from r1lab.claims.verdicts import WORDS, judge
from r1lab.records import Run
from r1lab.running import evidence

NOT_DONE = math.nan, ""
SEEDS = [12.0, 11.0, 13.0, 12.0, 4.0]


def _interval(values, t=None, below=1, root=True) -> tuple[float, float]:
    """Mean minus and plus t standard errors; by default as it should be."""
    n, mean = len(values), sum(values) / len(values)
    std = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - below))
    half = (t or stats.student_t(n - 1)) * std / (math.sqrt(n) if root else 1)
    return mean - half, mean + half


def _half(values):
    low, high = _interval(values)
    return (high - low) / 2


def letter(by_seed, interval, bar, every_seed) -> str:
    """The rule of the ledger for one condition. bar: (no effect, asked)."""
    (low, high), (none, asked) = interval, bar
    if len(by_seed) == 1:
        return "I"
    reached = sum(by_seed) / len(by_seed) >= asked and low > none
    if reached and (min(by_seed) >= asked or not every_seed):
        return "R"
    missed = high < asked or (every_seed and max(by_seed) < asked)
    return "N" if missed else "I"


def _one_seed_is_enough(by_seed, interval, bar, every_seed):
    return letter(by_seed * 2 if len(by_seed) == 1 else by_seed, interval, bar, every_seed)


def _no_third_word(by_seed, interval, bar, every_seed):
    return "R" if letter(by_seed, interval, bar, every_seed) == "R" else "N"


def _seeds_forgotten(by_seed, interval, bar, every_seed):
    return letter(by_seed, interval, bar, False)


def _whole_interval(by_seed, interval, bar, every_seed):
    """Takes a criterion for met only where the whole interval reaches what was asked."""
    found = letter(by_seed, interval, bar, every_seed)
    return "I" if found == "R" and interval[0] < bar[1] else found


def _nothing_asked(by_seed, interval, bar, every_seed):
    found = letter(by_seed, interval, (bar[0], bar[0]), every_seed)
    return found if found == "R" else letter(by_seed, interval, bar, every_seed)


def _called(answer, *case):
    """What is compared: a letter, in whatever case it was written."""
    found = answer(*case)
    return found.lower() if isinstance(found, str) else found


@cache
def _worlds() -> dict[str, tuple[list[Run], list[Run]]]:
    """Runs of the rule and of the coin as they were recorded, and as they would be if nothing had
    been learned."""
    recorded = tuple(experiments.recorded("habits", arm) for arm in ("rule", "random"))
    idle = tuple([_unlearned(run) for run in runs] for runs in recorded)
    return {"recorded": recorded, "nothing": idle}


def _unlearned(run: Run) -> Run:
    lines = [line | {"step": i} for i, line in enumerate(run.metrics[:1] * len(run.metrics), 1)]
    summary = run.summary | {"after": run.summary["before"]}
    return replace(run, metrics=lines, summary=summary)


def _claim(function) -> tuple[float, str]:
    """Whether a reader's claim can be judged: its criterion can be met and missed, its values stay
    inside what it says can come out, and it is not reproduced where nothing was learned."""
    made = function()
    if made in (None, ...):
        return NOT_DONE
    row, table = made
    if row in (None, ...) or table in (None, ...):
        return NOT_DONE
    claim = ledger.own(row)
    letters = {}
    for name, (rule, random) in _worlds().items():
        found = list(table(rule, random))
        if not all(isinstance(values, list) for values in found):
            return 0.0, "a row of the table is a list, also where it has one value: [value]."
        found = [list(map(float, values)) for values in found]
        if len(found) != len(rule):
            return 0.0, f"a table has a row a seed: {len(rule)} seeds, {len(found)} rows."
        values = [evidence.mean(values) for values in found]
        bar = claim.bars[0]
        if not all(bar.least <= value <= bar.most for value in values):
            worst = max(values, key=lambda v: max(bar.least - v, v - bar.most))
            return 0.0, f"{worst:.3g} came out, and you say that it lies in [{bar.least:g}, " \
                f"{bar.most:g}]: work the range out again."  # fmt: skip
        letters[name] = judge(claim, [found]).letter
    if letters["nothing"] == "R":
        return 0.0, (
            "where nothing was learned it comes out reproduced, so it would show nothing: what is "
            "the value without any effect?"
        )
    said = {name: WORDS[letter] for name, letter in letters.items()}
    return 1.0, (
        f"it can be met and be missed. Where nothing was learned: {said['nothing']}; on the "
        f"course's runs of 60 steps: {said['recorded']}. Your own runs decide."
    )


def _example():
    row = {
        "id": "MY-01",
        "statement": "Eight steps with the rule are enough to see a gain.",
        "metric": "accuracy with the rule minus with a coin, points",
        "criterion": {
            "text": "The rule is at least 10 points ahead.", "none": 0, "asked": 10,
            "least": -100, "most": 100, "every_seed": False,
        },
    }  # fmt: skip

    def table(rule, random):
        pairs = evidence.alike(rule, random)
        return [evidence.minus(evidence.right(a), evidence.right(b)) for a, b in pairs]

    return row, table


CASES = (  # by seed, interval, (no effect, asked), whether each seed must reach it
    ([12, 11, 13, 12, 12], (11.1, 12.9), (0, 5), True),
    (SEEDS, (5.9, 14.9), (0, 5), True),
    (SEEDS, (5.9, 14.9), (0, 5), False),
    ([7, 4, 8, 6, 5], (4.0, 8.0), (0, 5), False),
    ([2, 1, 3, 2, 2], (1.1, 2.9), (0, 5), True),
    ([9, -3, 20, 1, 8], (-3.8, 17.8), (0, 5), False),
    ([4, 4.5, -6, 4, 4], (-3.5, 7.7), (0, 5), True),
    ([12], (10.0, 14.0), (0, 5), False),
    ([2, 1, 3, 2, 2], (1.1, 2.9), (0, 5), False),
    ([2, 1, 5.5, 2, 2], (0.3, 4.7), (0, 5), True),
)

EXERCISES = {
    "11.1": Exercise(
        right=_interval,
        cases=((SEEDS,), ([2.0, 4.0],), ([1.0, 1.5, 2.0, 7.0, 3.0, 0.0],)),
        tried="Tried on five seeds, on two, and on six.",
        lesson="The lesson goes on with the course's own interval.",
        mistakes=(
            (lambda v: _interval(v, t=1.96),
             "1.96 is for very many values: with five seeds it is 2.78, stats.student_t(4)."),
            (lambda v: _interval(v, below=0),
             "divide the squares by one less than the number of seeds: the mean was fitted, too."),
            (lambda v: _interval(v, root=False),
             "that is the spread of single seeds: the mean's error is smaller by the square root "
             "of their number."),
            (lambda v: _interval(v, t=stats.student_t(len(v))),
             "five seeds have four degrees of freedom: stats.student_t(len(values) - 1)."),
            (_half, "give both ends, the mean minus and plus this."),
        ),
    ),
    "11.2": Exercise(
        right=letter,
        cases=CASES,
        run=_called,
        tried="Tried on ten conditions, one of them with a single seed.",
        lesson="The lesson goes on with the ledger's own rule.",
        mistakes=(
            (_one_seed_is_enough, "a single seed is never more than inconclusive: another may "
             "differ by any amount."),
            (_no_third_word, "there is a third word: an interval that holds both sides of the "
             "bound says neither yes nor no."),
            (_seeds_forgotten, "where every_seed is True, one seed below the bound keeps the claim "
             "from being reproduced, and all of them below it make it missed."),
            (_whole_interval, "the estimate must reach what was asked, and the interval lie above "
             "no effect; the whole interval need not reach what was asked."),
            (_nothing_asked, "above no effect is half of it: the estimate must also reach what was "
             "asked."),
        ),
    ),
    "11.3": Exercise(
        right=lambda: "d",
        cases=((),),
        given=True,
        tried="The base is right in 6 %, so nobody can lose ten points: not even one that forgets "
        "everything.",
        lesson="Count in how many worlds each criterion is missed.",
        mistakes=(
            (lambda: "a", "in a world that ends below 40 % it fails: 40 of 100 worlds do."),
            (lambda: "b", "where the control does as well it fails."),
            (lambda: "c", "where answers get shorter it fails."),
            (lambda: "e", "that is the other fault: no world can meet it, since 6 + 95 is more "
             "than 100. It fails always."),
        ),
    ),
    "11.4": Guess("percent", "The next figure shows the chance for every number of seeds."),
    "11.5": Guess("claims", "The next figure counts them in 2,000 such ledgers."),
    "11.6": Open(
        measure=_claim,
        enough=1.0,
        example=_example,
        lesson="The lesson goes on with the course's own example, MY-01.",
    ),
}  # fmt: skip
