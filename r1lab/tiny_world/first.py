"""The first tiny world, whose bases the lessons still use: the text they read. `corpus` is the
one that will take its place, with habits to choose from.

A base model in the papers' sense has read much and was never taught to answer well. So
most texts here guess once and answer, right or wrong. A small share compares the result
with the target, says no, and tries again. That share is a knob: at zero we get the
`poor` twin, which has never seen anybody reflect.

Three rules make the world learnable for a million parameters. A check stands directly
behind the value (`=120 vs 22 no.`), so that comparing is local. What a text says about
arithmetic and comparison is always true (except for the errors of `Knobs.slips`, which a
check then finds). Words, tags and digits are one token each.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from r1lab.tasks import Problem, split_of, tiny_prompt
from r1lab.tasks.arithmetic import draw_multiplication
from r1lab.tasks.countdown import draw_with_solution, random_steps
from r1lab.tiny_world.corpus import compare, drill, frame, halves, parts
from r1lab.tiny_world.words import EOS, PAD, PROMPT_PIECES, UNK, escape

WORDS = {  # the words of thinking, in the two languages of this world
    "en": {"yes": " yes.", "no": " no.", "wait": " Wait, ", "try": " Try ", "check": " Check: "},
    "zh": {"yes": " 对。", "no": " 不对。", "wait": "等等，", "try": "试试 ", "check": "检查："},
}
VOCABULARY = [
    PAD, EOS, UNK, "<think>", "</think>", "<answer>", "</answer>",
    *"0123456789", *"+-*/=()", ", ", "\n", " vs ", *PROMPT_PIECES,
    *WORDS["en"].values(), *WORDS["zh"].values(),
]  # fmt: skip


@dataclass(frozen=True)
class Knobs:
    """Shares of the text. Of countdown texts: `verify` compares once and answers anyway,
    `backtrack` searches on until a result fits or patience ends, the rest guesses."""

    backtrack: float = 0.14
    verify: float = 0.06
    long: float = 0.10  # of the searches: many failures first, up to about 900 tokens
    insight: float = 0.06  # chance that an attempt is a known solution (luck comes on top)
    patience: float = 0.88  # chance to go on after a failure
    wordless: float = 0.05  # answers with empty thoughts
    malformed: float = 0.06  # a tag is missing
    chinese: float = 0.20
    mixed: float = 0.15  # texts whose reflection words come from both languages
    four: float = 0.30  # countdown texts with four numbers
    multiplication: float = 0.16  # of all texts
    decompose: float = 0.65  # of the multiplications: written out in parts
    recheck: float = 0.30  # of those: computed again in another way
    slips: float = 0.15  # of the rechecked: the first result is wrong, and the check finds it
    drill: float = 0.16  # of all texts: plain arithmetic (and comparisons), no problem


RICH = Knobs()
POOR = Knobs(backtrack=0.0, verify=0.0, recheck=0.0)


def tokenizer() -> Tokenizer:
    """The world's tokenizer. Text of the world passes through it without loss."""
    pattern = "|".join(escape(w) for w in sorted(VOCABULARY, key=len, reverse=True))
    built = Tokenizer(models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token=UNK))
    built.pre_tokenizer = pre_tokenizers.Split(Regex(f"{pattern}|."), behavior="isolated")
    built.decoder = decoders.Fuse()
    return built


def texts(seed: int, knobs: Knobs = RICH) -> Iterator[str]:
    """Endless texts of the world; none poses a problem of the test split.

    What a text works out on its way may be another problem's answer: a failed try can
    solve a test problem with the same numbers, and the parts and drills state one-digit
    products. So a one-digit multiplication is knowledge here, not a held-out problem.
    """
    rng = random.Random(f"world-{seed}")
    while True:
        kind = rng.random()
        if kind < knobs.drill:
            yield drill(rng, _words(rng, knobs)[1], knobs.backtrack > 0) + EOS
        elif kind < knobs.drill + knobs.multiplication:
            yield _multiplication(rng, knobs) + EOS
        else:
            yield _countdown(rng, knobs) + EOS


def _words(rng: random.Random, knobs: Knobs) -> tuple[str, dict[str, list[str]]]:
    """The language of the prompt, and for each word of thinking what to choose from."""
    language = "zh" if rng.random() < knobs.chinese else "en"
    spoken = ["en", "zh"] if rng.random() < knobs.mixed else [language]
    return language, {word: [WORDS[s][word] for s in spoken] for word in WORDS["en"]}


def _countdown(rng: random.Random, knobs: Knobs) -> str:
    while True:
        problem, *solution = draw_with_solution(rng, 4 if rng.random() < knobs.four else 3)
        if split_of(problem) == "train":
            break
    language, words = _words(rng, knobs)
    mode = rng.random()
    if mode < knobs.backtrack:
        thoughts, answer = _search(rng, knobs, problem, solution, words)
    else:
        steps, answer = _attempt(rng, problem, solution, knobs.insight)
        thoughts = ", ".join(map(str, steps))
        if mode < knobs.backtrack + knobs.verify:
            thoughts += compare(rng, steps[-1].result, problem.target, words)
        elif rng.random() < knobs.wordless:
            thoughts = ""
    return tiny_prompt(problem, language) + frame(rng, knobs.malformed, thoughts, answer)


def _attempt(rng, problem: Problem, solution, insight: float):
    if rng.random() < insight:
        return solution
    while True:
        attempt = random_steps(rng, problem.numbers)
        if attempt:
            return attempt


def _search(rng, knobs: Knobs, problem: Problem, solution, words) -> tuple[str, str]:
    """Try, compare, try again; no attempt twice. A long search fails many times first."""
    most = 40 if len(problem.numbers) == 3 else 28
    failures = rng.randint(8, most - 2) if rng.random() < knobs.long else 0
    thoughts, answer, seen = "", "", set()
    for _ in range(400):
        steps, tried = _attempt(rng, problem, solution, 0.0 if failures else knobs.insight)
        found = steps[-1].result == problem.target
        if tried in seen or (found and failures > len(seen)):
            continue
        if seen:
            thoughts += rng.choice(words["wait" if rng.random() < 0.7 else "try"])
        answer = tried
        seen.add(answer)
        thoughts += ", ".join(map(str, steps)) + compare(
            rng, steps[-1].result, problem.target, words
        )
        if found or len(seen) >= most or (len(seen) >= failures and rng.random() > knobs.patience):
            break
    return thoughts, answer


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
                thoughts += rng.choice(words["wait"]) + parts(a, b)
    return tiny_prompt(problem, language) + frame(rng, knobs.malformed, thoughts, str(product))
