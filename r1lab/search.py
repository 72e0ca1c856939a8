"""More compute per question without training: budgets of thought, votes, the best of n.

Budgets follow s1 (arXiv 2501.19393): thoughts that are too long are ended by force, thoughts that
end too early are told "Wait". All work on answers that are already there, so one set of thoughts
serves every budget and the curve's points differ in nothing else. Left out: tree search, which
lesson 07 adds.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from math import comb

import numpy as np

from r1lab import stats
from r1lab.evaluate import Answers, Sampling, answer
from r1lab.verify import Verdict

FORCED = "</think><answer>"  # what ends the thoughts by force and asks for an answer
BAND = 64  # thoughts that differ by fewer tokens go on together


def some(found: Answers, start: int, stop: int) -> Answers:
    """The answers `start` to `stop` - 1 of each problem's K."""
    K = found.per_problem
    rows = [r for r in range(len(found.texts)) if start <= r % K < stop]
    parts = (found.texts, found.lengths, found.ended, found.verdicts)
    return Answers(found.problems, stop - start, *([p[r] for r in rows] for p in parts))


def length(tokenizer, text: str) -> int:
    """Tokens of a text."""
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def thinks(tokenizer, text: str) -> tuple[int, bool]:
    """Tokens of a completion's thoughts, its opening tag included, and whether they end by
    themselves; where the cap cut them they do not."""
    ended = "</think>" in text or "<answer>" in text
    return length(tokenizer, _begun(text)), ended


def within(model, tokenizer, found: Answers, budget: int, how: Sampling) -> Answers:
    """The same answers under a budget of `budget` tokens of thought: what thinks longer is cut
    there and must answer at once, with at most `how.max_new` tokens. Budget 0 leaves no thought.

    `lengths` count thoughts and answer, not the two tags that force it.
    """
    begun = {}
    for row, text in enumerate(found.texts):
        tokens, ended = thinks(tokenizer, text)
        if tokens > budget or not ended:
            ids = tokenizer(_begun(text), add_special_tokens=False)["input_ids"][:budget]
            begun[row] = tokenizer.decode(ids) + FORCED
    return _replaced(model, tokenizer, found, begun, how)


def waited(
    model, tokenizer, found: Answers, word: str, how: Sampling, budget: int = 10**6
) -> Answers:
    """The same answers with their ends of thinking taken away: `word` stands in their place, and
    the model thinks on, up to `how.max_new` tokens of completion in all. What the cap has cut stays
    as it is, and so do thoughts of more than `budget` tokens."""
    bands: dict[int, dict[int, str]] = {}
    for row, text in enumerate(found.texts):
        tokens, ended = thinks(tokenizer, text)
        if ended and tokens <= min(budget, how.max_new - BAND):
            bands.setdefault(tokens // BAND, {})[row] = _begun(text) + word
    for band, begun in sorted(bands.items()):
        room = replace(how, max_new=how.max_new - (band + 1) * BAND, seed=how.seed + band)
        found = _replaced(model, tokenizer, found, begun, room)
    return found


def instead(model, tokenizer, found: Answers, given: Sequence[str], how: Sampling) -> Answers:
    """The answers that the model gives behind other thoughts than its own, an entry of `given`
    (with their opening tag) for each completion. Does the answer follow from the thoughts?"""
    begun = {row: text + FORCED for row, text in enumerate(given)}
    return _replaced(model, tokenizer, found, begun, how)


def _begun(text: str) -> str:
    """A completion up to where its thoughts end, with their opening tag."""
    return text.split("</think>" if "</think>" in text else "<answer>", 1)[0]


def _replaced(model, tokenizer, found: Answers, begun: dict[int, str], how: Sampling) -> Answers:
    """`found` with some rows written anew from what they begin with."""
    if not begun:
        return found
    asked = found.repeated()
    each = replace(how, per_problem=1)
    new = answer(model, tokenizer, [asked[r] for r in begun], each, list(begun.values()))
    texts, lengths, ended, verdicts = (
        list(given) for given in (found.texts, found.lengths, found.ended, found.verdicts)
    )
    for i, (row, text) in enumerate(begun.items()):
        texts[row], ended[row], verdicts[row] = new.texts[i], new.ended[i], new.verdicts[i]
        forced = length(tokenizer, FORCED) if text.endswith(FORCED) else 0
        lengths[row] = length(tokenizer, text) - forced + new.lengths[i]
    return Answers(found.problems, found.per_problem, texts, lengths, ended, verdicts)


def ballot(verdict: Verdict) -> str | None:
    """The text of an answer, None where none can be read."""
    return verdict.answer.strip() if verdict.reason in ("correct", "wrong value") else None


def ballots(found: Answers) -> list[list[str | None]]:
    """(P, K) what each completion votes for: the text of its answer, None where none can be read.

    Raises ValueError for Countdown: many expressions are right there, and to count them together
    one would have to work them out, which is the check itself.
    """
    if any(problem.task == "countdown" for problem in found.problems):
        raise ValueError("no vote on Countdown: different answers to one problem are right")
    votes = list(map(ballot, found.verdicts))
    K = found.per_problem
    return [votes[i : i + K] for i in range(0, len(votes), K)]


def vote(found: Answers, k: int, draws: int = 1000) -> list[float]:
    """How often a majority of k of a problem's answers is right, for each problem (cons@k)."""
    rows = zip(found.problems, ballots(found), strict=True)
    return [stats.maj_at_k(votes, str(problem.target), k, draws) for problem, votes in rows]


def best_of(right: Sequence[bool], scores: Sequence[float], n: int) -> float:
    """How often the best scored of n answers is right, over all sets of n of the N there are.

    Exact: the answer with r better ones is the best of C(N-1-r, n-1) of the C(N, n) sets. Equal
    scores share their chances. Raises ValueError when n is not between 1 and N.
    """
    N = len(right)
    if not 1 <= n <= N:
        raise ValueError(f"best of {n} needs at least {n} answers, and n from 1: there are {N}")
    scores, right = np.asarray(scores, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(-scores, kind="stable")
    each = [comb(N - 1 - rank, n - 1) / comb(N, n) for rank in range(N)]
    total = 0.0
    for value in np.unique(scores):
        tied = np.flatnonzero(scores[order] == value)
        total += right[order[tied]].mean() * sum(each[rank] for rank in tied)
    return float(total)


def weighted(votes: Sequence[Hashable | None], scores: Sequence[float]) -> Hashable | None:
    """The answer with the largest sum of scores (at least 0); of equal ones the first."""
    sums: dict[Hashable, float] = {}
    for one, score in zip(votes, scores, strict=True):
        if one is not None:
            sums[one] = sums.get(one, 0.0) + score
    return max(sums, key=sums.__getitem__, default=None)
