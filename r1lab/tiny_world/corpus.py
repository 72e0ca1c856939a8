"""The tiny world: the text a tiny base model reads before it meets reinforcement learning.

A base model in the papers' sense has read much and was never taught to answer well. So
most texts here guess once and answer, right or wrong. A small share checks, and a small share
searches, in several ways (`habits`). The shares are knobs: without any second try we get `parts`,
without any comparison `poor`.

Three rules make the world learnable for a million parameters. A verdict stands directly
behind the value it judges. What a text says about arithmetic and comparison is always true
(except for the errors of `Knobs.slips`, which a check then finds). Words, tags and the
numbers up to 199 are one token each.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from r1lab.tasks import Problem, split_of, tiny_prompt
from r1lab.tasks.arithmetic import draw_multiplication
from r1lab.tasks.countdown import draw_with_solution
from r1lab.tiny_world import habits
from r1lab.tiny_world.words import EOS, WORDS


@dataclass(frozen=True)
class Knobs:
    """Shares of the text. Of countdown texts `check` compares once and answers anyway; those
    named after a habit search on until a result fits or patience ends; the rest guesses."""

    check: float = 0.06
    at_random: float = 0.03  # of the texts with three numbers, as the next two
    in_order: float = 0.07
    backwards: float = 0.02
    at_random_four: float = 0.05  # of the texts with four numbers, as the next
    sub_goal: float = 0.015
    once: bool = False  # a search ends at its first verdict, whatever that says
    patience: float = 0.88  # chance to go on after a failed try at random
    patience_four: float = 0.96  # and with four numbers, where more can be tried
    patience_goal: float = 0.70  # after a failed sub-goal
    long: float = 0.15  # of the searches go on to success or to the limit of `MOST`
    wordless: float = 0.05  # answers with empty thoughts
    malformed: float = 0.06  # a tag is missing
    chinese: float = 0.20
    mixed: float = 0.15  # texts whose words of thinking come from both languages
    four: float = 0.40  # countdown texts with four numbers
    multiplication: float = 0.14  # of all texts
    decompose: float = 0.65  # of the multiplications: written out in parts
    recheck: float = 0.30  # of those: computed again in another way
    slips: float = 0.15  # of the rechecked: the first result is wrong, and the check finds it
    drill: float = 0.14  # of all texts: plain arithmetic (and comparisons), no problem
    compare: bool = True  # whether the plain arithmetic has comparisons


RICH = Knobs()
RESTLESS = replace(  # tries at random where `RICH` searches in order
    RICH, at_random=0.10, in_order=0.005, backwards=0.005, at_random_four=0.10, sub_goal=0.005
)
PARTS = replace(RICH, once=True)


def dose(share: float) -> Knobs:
    """`RICH` with another share of searching texts among those of countdown, for each number of
    numbers; the habits keep their proportions. Raises ValueError for a share below 0 or above
    what the checks leave."""
    if not 0 <= share <= 1 - RICH.check:
        raise ValueError(f"share {share}: choose one between 0 and {1 - RICH.check:g}")
    three = share / (RICH.at_random + RICH.in_order + RICH.backwards)
    four = share / (RICH.at_random_four + RICH.sub_goal)
    return replace(
        RICH, at_random=RICH.at_random * three, in_order=RICH.in_order * three,
        backwards=RICH.backwards * three, at_random_four=RICH.at_random_four * four,
        sub_goal=RICH.sub_goal * four,
    )  # fmt: skip


POOR = replace(dose(0.0), check=0.0, recheck=0.0, compare=False)


# tries that fit into the context, hardly ever not (`batches` leaves such a text out); all of the
# others do
MOST = {"at random": 36, "sub-goal": 67}


def texts(seed: int, knobs: Knobs = RICH) -> Iterator[str]:
    """Endless texts of the world; none poses a problem of the test split.

    Nor does a countdown text work one out on its way, in a failed try or by two steps of one: three
    numbers that the test split keeps stand together nowhere (`tasks.split_of`). Multiplication in
    parts is left as it is (`7*10=70, 7*2=14, 70+14=84`), and parts and drills state one-digit
    products, so a one-digit multiplication is knowledge here.
    """
    rng = random.Random(f"world-{seed}")
    while True:
        kind = rng.random()
        if kind < knobs.drill:
            yield drill(rng, _words(rng, knobs)[1], knobs.compare) + EOS
        elif kind < knobs.drill + knobs.multiplication:
            yield _multiplication(rng, knobs) + EOS
        else:
            yield _countdown(rng, knobs) + EOS


def _words(rng: random.Random, knobs: Knobs) -> tuple[str, dict[str, list[str]]]:
    """The language of the prompt, and for each word of thinking what to choose from."""
    language = "zh" if rng.random() < knobs.chinese else "en"
    spoken = ["en", "zh"] if rng.random() < knobs.mixed else [language]
    return language, {word: [WORDS[s][word] for s in spoken] for word in WORDS["en"]}


def frame(rng: random.Random, malformed: float, thoughts: str, answer: str) -> str:
    """Thoughts and answer in their tags; a share `malformed` lacks one."""
    pieces = ["<think>", thoughts, "</think>", "<answer>", answer, "</answer>"]
    if rng.random() < malformed:
        del pieces[rng.choice([0, 2, 3, 5])]
    return "".join(pieces)


def _countdown(rng: random.Random, knobs: Knobs) -> str:
    size = 4 if rng.random() < knobs.four else 3
    language, words = _words(rng, knobs)
    habit, answer = _habit(rng, knobs, size), ""
    while not answer:  # some numbers leave a sub-goal no first step
        problem, *_ = draw_with_solution(rng, size)
        if split_of(problem) == "train":
            thoughts, answer = think(rng, knobs, problem, habit, words)
    return tiny_prompt(problem, language) + frame(rng, knobs.malformed, thoughts, answer)


def _habit(rng: random.Random, knobs: Knobs, size: int) -> str:
    shares = {"check": knobs.check}
    if size == 3:
        shares |= {
            "at random": knobs.at_random,
            "in order": knobs.in_order,
            "backwards": knobs.backwards,
        }
    else:
        shares |= {"at random": knobs.at_random_four, "sub-goal": knobs.sub_goal}
    drawn = rng.random()
    for habit, share in shares.items():
        drawn -= share
        if drawn < 0:
            return habit
    return "guess"


def think(rng, knobs: Knobs, problem: Problem, habit: str, words) -> tuple[str, str]:
    """The thoughts of a habit about a problem, and the answer they end in."""

    def say(word: str) -> str:
        return rng.choice(words[word])

    if habit in ("guess", "check"):
        one = habits.guess(rng, problem)
        if habit == "check":
            return one.text + compare(rng, one.value, problem.target, words), one.answer
        return "" if rng.random() < knobs.wordless else one.text, one.answer
    numbers = [(n, str(n)) for n in problem.numbers]
    tries = {
        "at random": lambda: habits.at_random(rng, problem, say),
        "in order": lambda: habits.in_order(numbers, problem.target, say),
        "backwards": lambda: habits.backwards(rng, problem, say),
        "sub-goal": lambda: habits.sub_goal(rng, problem, say),
    }[habit]()
    of_size = knobs.patience_four if len(problem.numbers) == 4 else knobs.patience
    patience = of_size if habit == "at random" else knobs.patience_goal
    if rng.random() < knobs.long:
        patience = 1.0
    thoughts = answer = ""
    no = "no" if habit == "at random" else "next"
    for one in islice(tries, MOST.get(habit)):
        answer, found = one.answer, one.value == one.wanted
        thoughts += f"{one.text} vs {one.wanted}{say('yes' if found else no)}"
        thoughts += say("hence") + one.close if found and one.close else ""
        if found or knobs.once or (one.pause and rng.random() > patience):
            break
    return thoughts, answer


def compare(rng, value: int, target: int, words) -> str:
    """` vs 22 no. `: behind a value, what it is compared with and the verdict."""
    return f" vs {target}" + rng.choice(words["yes" if value == target else "no"])


def _multiplication(rng: random.Random, knobs: Knobs) -> str:
    while True:
        problem = draw_multiplication(rng, rng.choice([1, 2]))
        if split_of(problem) == "train":
            break
    language, words = _words(rng, knobs)
    (a, b), product = problem.numbers, problem.target
    thoughts = ""
    if rng.random() < knobs.decompose:
        thoughts = parts(a, b)
        if rng.random() < knobs.recheck:
            first = product
            if rng.random() < knobs.slips:
                first = max(1, product + rng.choice([-100, -10, -1, 1, 10, 100]))
                thoughts = thoughts[: -len(str(product))] + str(first)
            other = parts(b, a) if b > 9 else halves(a, b)
            thoughts += rng.choice(words["check"]) + other + compare(rng, product, first, words)
            if first != product:
                thoughts += rng.choice(words["wait"] + words["try"]) + parts(a, b)
    return tiny_prompt(problem, language) + frame(rng, knobs.malformed, thoughts, str(product))


def parts(a: int, b: int) -> str:
    """a*b by the digits of the larger side: `12*34` as 12*30=360, 12*4=48, 360+48=408."""
    if b < 10:
        a, b = b, a
    tens, ones = b // 10 * 10, b % 10
    if ones == 0:
        return f"{a}*{b}={a * b}"
    return f"{a}*{tens}={a * tens}, {a}*{ones}={a * ones}, {a * tens}+{a * ones}={a * b}"


def halves(a: int, b: int) -> str:
    """a*b for a one-digit b, the other way round: by b-1 and one more."""
    return f"{a}*{b - 1}={a * (b - 1)}, {a * (b - 1)}+{a}={a * b}"


def drill(rng: random.Random, words: dict[str, list[str]], compared: bool) -> str:
    """Plain arithmetic, a line each; some are compared with a number near by, if `compared`."""
    lines = []
    for _ in range(rng.randint(4, 14)):
        if rng.random() < 0.25:
            a, b = rng.randint(100, 9000), rng.randint(10, 900)  # the sums of multiplication
            lines.append(f"{a}+{b}={a + b}")
            continue
        a, b = rng.randint(1, 199 if rng.random() < 0.6 else 15), rng.randint(1, 15)
        a, b = max(a, b), min(a, b)
        kinds = {"+": a + b, "-": a - b, "*": a * b, "/": a // b if a % b == 0 else 0}
        op = rng.choice([o for o, r in kinds.items() if 0 < r < 1000])
        line = f"{a}{op}{b}={kinds[op]}"
        if compared and rng.random() < 0.4:
            near = kinds[op] + rng.choice([0, 0, -10, -1, 1, 10, rng.randint(-50, 50)])
            line += compare(rng, kinds[op], max(near, 1), words)
        lines.append(line)
    return "\n".join(lines)
