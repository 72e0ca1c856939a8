"""Exercises of lesson 01: a budget, a vote, a vote that loses, and a choice that beats the vote."""

import math
from collections import Counter
from functools import cache

import torch

from r1lab import models, search, stats, tasks
from r1lab.checks.exercise import Exercise, Guess, Open
from r1lab.sampler import Sampler
from r1lab.verify import verify

FORCED = ["</think>", "<answer>"]
PROBLEMS, K, SEED = 160, 4, 977  # of the train split; a seed that no recorded run has


def _cut(tokens, budget):
    thoughts = tokens[: tokens.index("</think>")] if "</think>" in tokens else tokens
    if "</think>" in tokens and len(thoughts) <= budget:
        return tokens
    return thoughts[:budget] + FORCED


def _always_cut(tokens, budget):
    return tokens[:budget] + FORCED


def _counts_the_answer(tokens, budget):
    return tokens if len(tokens) <= budget else tokens[:budget] + FORCED


def _vote(answers):
    votes = Counter(a for a in answers if a)
    return max(votes, key=votes.__getitem__, default="")


@cache
def asked() -> list[tuple[int, list, list[float]]]:
    """(product, four answers of the base, "" where there is none to read, their mean
    log-probabilities a token) of multiplications that nobody keeps for a test."""
    model, tokenizer = models.load("rich")
    problems = tasks.problems("multiplication", PROBLEMS, SEED, "train")
    ids = tokenizer([tasks.tiny_prompt(p) for p in problems])["input_ids"]
    rng = torch.Generator().manual_seed(SEED)
    done = Sampler(model).sample(ids, K, 100, tokenizer.eos_token_id, rng)
    means = (done.logps.sum(1) / done.lengths).tolist()
    texts, found = done.texts(tokenizer), []
    for i, problem in enumerate(problems):
        at = slice(K * i, K * i + K)
        said = [search.ballot(verify(problem, text)) or "" for text in texts[at]]
        found.append((problem.target, said, means[at]))
    return found


def _share(choose) -> float:
    """Percent of the problems whose chosen answer is right."""
    right = [choose(said, logps) == str(target) for target, said, logps in asked()]
    return 100 * sum(right) / len(right)


def _beats(choose) -> tuple[float, str]:
    said, logps = ["7", "", "8", "7"], [-0.2, -0.1, -0.3, -0.4]
    if choose(list(said), list(logps)) in (None, ...):
        return math.nan, ""
    few = asked()[:8]
    if any(choose(list(said), list(logps)) not in (*said, "") for _, said, logps in few):
        return -1.0, "you give something that is none of the answers."
    mine = _share(lambda said, logps: choose(list(said), list(logps)))
    vote = (
        sum(100 * stats.maj_at_k([s or None for s in said], str(t), K) for t, said, _ in asked())
        / PROBLEMS
    )
    words = f"{mine:.1f} % right, where a vote of the same four answers has {vote:.1f} %."
    return mine - vote, words + ("" if mine - vote >= 5 else " Five points more are asked.")


def _likely_vote(answers, logps):
    sums = {}
    for answer, logp in zip(answers, logps, strict=True):
        if answer:
            sums[answer] = sums.get(answer, 0.0) + math.exp(40 * logp)
    return max(sums, key=sums.get, default="")


def _joined(result):
    """A list of tokens as text that can be compared; anything else as it is."""
    return "|".join(map(str, result)).lower() if isinstance(result, list) else result


ENDED = ["<think>", "3", "+", "4", "=", "7", "</think>", "<answer>", "3", "+", "4", "</answer>"]
OPEN = ["<think>", "3", "*", "4", "=", "12", " no. ", "Wait, ", "3", "+", "4", "=", "7"]
EXERCISES = {
    "01.1": Exercise(
        run=lambda answer, tokens, budget: _joined(answer(list(tokens), budget)),
        right=_cut,
        cases=((ENDED, 3), (ENDED, 6), (ENDED, 7), (ENDED, 100), (OPEN, 4), (OPEN, 100), ([], 5)),
        tried=(
            "Tried: thoughts that end in time, just in time and too late, thoughts that the cap "
            "has cut, and none at all."
        ),
        lesson="The lesson goes on with the course's own version.",
        mistakes=(
            (
                _always_cut,
                "thoughts that end within the budget must stay as they are, with their answer.",
            ),
            (
                lambda t, b: _cut(t, b) if "</think>" in t else t,
                "thoughts that the cap has cut have no </think>: they need an end, too.",
            ),
            (
                lambda t, b: t if "</think>" not in t and len(t) <= b else _cut(t, b),
                "thoughts that the cap has cut have no </think>, not even short ones: they need "
                "an end, too.",
            ),
            (
                _counts_the_answer,
                "you count the answer's tokens, too. The budget is for the thoughts alone.",
            ),
            (
                lambda t, b: [x for x in _cut(t, b) if x != "<answer>"] if _cut(t, b) != t else t,
                "behind </think> belongs <answer>: else the model may go on in prose.",
            ),
            (
                lambda t, b: _cut(t, b - 1),
                "one token too few is kept: a budget of 3 keeps three tokens.",
            ),
        ),
    ),
    "01.2": Guess(unit="points", lesson="Plus or minus; the next figure has it as a mark."),
    "01.3": Exercise(
        run=lambda answer, answers: answer(list(answers)),
        right=_vote,
        cases=(
            (["408", "480", "480"],),
            (["480", "", "", ""],),
            (["", "7", "8", "8", "", "7", "7"],),
            (["8", "7", "8", "7", "5"],),
            (["7", "8", "8", "7"],),
            (["", ""],),
        ),
        tried="Tried: a majority, unread answers in the majority, a tie, nothing to read.",
        lesson="The lesson goes on with the most frequent answer.",
        mistakes=(
            (
                lambda a: Counter(a).most_common(1)[0][0],
                "the empty text has won: an answer that cannot be read has no vote.",
            ),
            (
                lambda a: max(filter(None, a), key=float, default=""),
                "that is the largest number, not the most frequent one.",
            ),
            (
                lambda a: next(filter(None, a), ""),
                "that is the first answer. Count how often each occurs.",
            ),
            (
                lambda a: next((x for x in filter(None, a) if 2 * a.count(x) > len(a)), ""),
                "more than half is not needed: the most frequent answer wins.",
            ),
            (
                lambda a: max(reversed(list(filter(None, a))), key=a.count, default=""),
                "of two that are equally frequent take the first.",
            ),
        ),
    ),
    "01.4": Guess(unit="percent", lesson="Write a number; the next figure has it as a mark."),
    "01.5": Exercise(
        right=lambda: -7.0,
        cases=((),),
        tolerance=1.6,
        near=0.5,
        tried="A vote of 65 loses some seven points where one answer is right in 40 of 100.",
        lesson="Call vote_of with 65 and SHARES, and take away what one answer has.",
        given=True,
        mistakes=(
            (lambda: 7.0, "the other way round: the vote is worse here, so the number is below 0."),
            (lambda: 33.0, "that is the vote's share. Take away the 40 of one answer."),
            (
                lambda: 0.0,
                "did you forget to multiply by 100, or call vote_of with 1? A vote of one is "
                "one answer.",
            ),
        ),
    ),
    "01.6": Open(
        measure=_beats,
        enough=5.0,
        example=_likely_vote,
        lesson="The lesson goes on without it.",
    ),
}
