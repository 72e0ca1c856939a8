"""Exercises of lesson 10: the envelope, two predictions, sizes of a step, what is cheapest, an
estimate with its range."""

from functools import cache
from math import prod

from r1lab import cost, models, policy, tasks
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.speed import parts

MOST = 16_384  # tokens of a step that an answer may ask for
TIMES = 1.5  # how much longer the named part must take
REPORTED = 82_000  # dollars, R1 without R1-Zero and the data (version 2, Table 7)
KNOWN, SECOND = {"answers": 512}, 1_700  # answers a step; steps of R1's second stage
WIDE = 30  # an estimate's high end divided by its low end, at most
NEAR = 3.0  # points of accuracy that count as equal
NOT_DONE = float("nan"), ""


def _dollars(steps, answers, tokens, price):
    return cost.dollars(steps * answers * tokens, price)


def _near(arms):
    best = max(right for right, _, _ in arms.values())
    return {name: arm for name, arm in arms.items() if arm[0] >= best - NEAR}


def cheapest(arms: dict[str, tuple[float, float, float]], questions: float) -> str:
    """Of the arms that are right nearly as often as the best, the one with the least operations for
    training and answers. arms: name -> (right, percent; of training; of an answer)."""
    near = _near(arms)
    return min(near, key=lambda name: near[name][1] + questions * near[name][2])


def _strictly(arms, questions):
    best = max(right for right, _, _ in arms.values())
    return cheapest({name: a for name, a in arms.items() if a[0] > best - NEAR}, questions)


def _without_training(arms, questions):
    near = _near(arms)
    return min(near, key=lambda name: near[name][2])


def _training_alone(arms, questions):
    near = _near(arms)
    return min(near, key=lambda name: near[name][1])


def _whatever_is_right(arms, questions):
    return min(arms, key=lambda name: arms[name][1] + questions * arms[name][2])


def _most_right(arms, questions):
    return max(arms, key=lambda name: arms[name][0])


ARMS = {
    "guess": (5.0, 0.0, 1.0), "think on": (51.0, 0.0, 12.0), "trained": (52.0, 9e4, 9.0),
    "trained long": (53.0, 4e5, 10.0),
}  # fmt: skip


@cache
def _learner() -> tuple[policy.Learner, list[str]]:
    model, tokenizer = models.load("rich")
    asked = [tasks.prompt(p, "tiny") for p in tasks.problems("countdown", 64, 0, "train")]
    return policy.learner(models.prepare(model, 8), tokenizer, 1e-3), asked


def _sizes(function) -> tuple[float, str]:
    """How much longer the named part takes, in the worse of two cases, by the clock."""
    wanted = {part: function(part) for part in ("sampling", "learning")}
    if any(size is None or size is ... for size in wanted.values()):
        return NOT_DONE
    learner, asked = _learner()
    said, worst = [], float("inf")
    for part, (problems, group, length) in wanted.items():
        if not (1 <= problems <= len(asked) and group >= 1 and 1 <= length <= 900):
            return 0.0, f"{part}: 1 to {len(asked)} problems and 1 to 900 tokens, please."
        if problems * group * length > MOST:
            return 0.0, f"{part}: more than {MOST:,} tokens, which takes too long to try."
        found = parts.forced(learner, asked[:problems], group, length)
        other = found.learning if part == "sampling" else found.sampling
        times = getattr(found, part) / other
        said.append(f"{problems} x {group} completions of {length}: {part} takes {times:.1f} times "
                    "as long as the other part")  # fmt: skip
        worst = min(worst, times)
    return worst, "; ".join(said) + "."


def _range(function) -> tuple[float, str]:
    """Whether an estimate's range holds what was reported, and how wide it is."""
    given = function()
    if given is None or given is ... or any(part is ... for part in given.values()):
        return NOT_DONE
    wanted = {"steps", "answers", "tokens", "price"}
    if set(given) != wanted:
        return 0.0, f"the four factors are {', '.join(sorted(wanted))}."
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in given.values()):
        return 0.0, "each factor is a pair (low, high), also one that is known: (512, 512)."
    if any(low > high or low <= 0 for low, high in given.values()):
        return 0.0, "each factor is a pair (low, high), both above 0 and the low one first."
    for name, known in KNOWN.items():
        if not given[name][0] <= known <= given[name][1]:
            return 0.0, f"{name}: {known:,} were disclosed, so the pair must hold that number."
    if given["steps"][0] < SECOND:
        return 0.0, f"the second stage alone has {SECOND:,} steps: the low end cannot be below."
    low, high = (prod(pair[i] for pair in given.values()) / 1e6 for i in (0, 1))
    said = f"{low:,.0f} to {high:,.0f} dollars, a factor of {high / low:.0f}"
    if not low <= REPORTED <= high:
        side = "above" if low > REPORTED else "below"
        return 0.0, f"{said}: all of it lies {side} what was reported. Which factor was too sure?"
    if high > WIDE * low:
        return 0.0, f"{said}: it holds what was reported, and nearly everything else. Narrow it."
    return 1.0, f"{said}: it holds the {REPORTED:,} that were reported."


EXERCISES = {
    "10.1": Exercise(
        right=_dollars,
        cases=((10_000, 1_000, 10_000, 2.2), (85, 128, 240, 2.0), (1, 1, 1_000_000, 5.0)),
        tried="Tried on the guest's numbers, on a run of this course and on a single answer.",
        lesson="The lesson goes on with r1lab.cost.dollars.",
        mistakes=(
            (
                lambda s, a, t, p: s * a * t * p,
                "the price is for a million tokens: divide by 1,000,000.",
            ),
            (
                lambda s, a, t, p: s * a * t / 1e3 * p,
                "the price is for a million tokens, not for a thousand.",
            ),
            (lambda s, a, t, p: s * t / 1e6 * p, "a step asks for many answers: where are they?"),
            (lambda s, a, t, p: s * a * t, "that is the number of tokens, not yet the money."),
            (lambda s, a, t, p: s * a * t / 1e6 / p, "you divide by the price: multiply."),
        ),
    ),
    "10.2": Guess(
        unit="billion tokens", lesson="Write a number of billions; the figure below has it."
    ),
    "10.3": Guess(
        unit="percent", lesson="Write a number of percent; the figure below has it as a mark."
    ),
    "10.4": Open(
        measure=_sizes,
        enough=TIMES,
        example=lambda part: (1, 1, 300) if part == "sampling" else (16, 8, 24),
        lesson="Return (problems, answers a problem, tokens an answer) for each of the two parts.",
    ),
    "10.5": Exercise(
        right=cheapest,
        cases=(
            (ARMS, 1e3), (ARMS, 2.9e4), (ARMS, 3.1e4), (ARMS, 1e7), (dict([*ARMS.items()][:2]), 10),
            ({"think on": (50.0, 0.0, 12.0), "trained": (53.0, 9e4, 9.0)}, 10),
        ),
        tried="Tried on few questions and many, on both sides of the crossing, with a bad arm too.",
        lesson="The lesson goes on with r1lab.checks.lesson_10.cheapest.",
        mistakes=(
            (_strictly, "an arm exactly 3 points behind the best one still counts."),
            (_without_training, "training has its price, and few questions do not pay it back."),
            (_training_alone, "each question costs, too: multiply by how many are asked."),
            (_whatever_is_right, "an arm that is right far less often is no bargain: drop it."),
            (_most_right, "the best one by a hair: arms within 3 points count as equal here."),
        ),
    ),
    "10.6": Open(
        measure=_range,
        enough=1.0,
        example=lambda: {
            "steps": (2_000, 6_000), "answers": (512, 512), "tokens": (5_000, 12_000),
            "price": (5.0, 7.0),
        },
        lesson="Return four pairs (low, high): steps, answers, tokens, price.",
    ),
}  # fmt: skip
