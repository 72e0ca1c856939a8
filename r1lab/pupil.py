"""A pupil on whom draws of problems can be tried in milliseconds (lesson 08).

One ability, problems from easy to impossible, longer answers to harder ones. A group of answers
raises the ability by the variance of its verdicts, which is what the policy gradient of a shared
skill is: nothing where all are right or all are wrong. `study` draws and answers at random from a
seed; `expected` is its expectation for a weight that knows each success rate, without a seed.
"""

import math
import random

import torch

from r1lab import curriculum

PROBLEMS, IMPOSSIBLE, GROUP, ASKED = 60, 15, 8, 4
BUDGET = 250_000  # tokens
RATE = 0.06
PUPILS = range(12)  # seeds


def difficulties(seed: int) -> list[float]:
    """Of each problem, from -1 (easy) to 4; `IMPOSSIBLE` ones are infinitely hard."""
    rng = random.Random(f"pupil-{seed}")
    found = [rng.uniform(-1, 4) for _ in range(PROBLEMS - IMPOSSIBLE)] + [math.inf] * IMPOSSIBLE
    return rng.sample(found, PROBLEMS)


def rates(ability: float, hard: list[float]) -> list[float]:
    """The success rate of each problem: a logistic curve of ability less difficulty."""
    return [1 / (1 + math.exp(min(50.0, d - ability))) if d < math.inf else 0.0 for d in hard]


def price(hardness: float) -> int:
    """Tokens of an answer: 40 where a problem is easy, 140 at the hardest."""
    return round(60 + 20 * min(hardness, 4))


def study(weigh, seed: int) -> tuple[list[int], list[float]]:
    """A pupil with one ability, drawn problems by weigh(history) until `BUDGET` tokens are spent;
    gives tokens and mean success in percent after each step.

    A step asks `ASKED` different problems, `GROUP` answers each; each group raises the ability by
    `RATE` times the variance of its verdicts."""
    hard, ability, spent = difficulties(seed), 0.0, 0
    history = torch.zeros(PROBLEMS, 2, dtype=torch.long)
    tokens, curve = [0], [_mean(rates(ability, hard))]
    rng = random.Random(f"answers-{seed}")
    for step in range(1, 10_000):
        chances = [float(w) for w in weigh(history.clone())]
        if len(chances) != PROBLEMS or not all(w >= 0 and math.isfinite(w) for w in chances):
            raise ValueError(f"give {PROBLEMS} weights, none below 0")
        places = curriculum.weighted(chances, ASKED, seed, step)
        now = rates(ability, hard)
        verdicts = [rng.random() < now[p] for p in places for _ in range(GROUP)]
        spent += sum(GROUP * price(hard[p]) for p in places)
        if spent > BUDGET:
            break
        curriculum.visited(history, places, verdicts)
        for k in range(ASKED):
            share = sum(verdicts[k * GROUP : (k + 1) * GROUP]) / GROUP
            ability += RATE * share * (1 - share)
        tokens.append(spent)
        curve.append(_mean(rates(ability, hard)))
    return tokens, curve


def _mean(values: list[float]) -> float:
    return 100 * sum(values) / len(values)


def taught(weigh) -> float:
    """Mean success in percent over all `PUPILS` when the tokens are spent."""
    return sum(study(weigh, seed)[1][-1] for seed in PUPILS) / len(PUPILS)


def uniform(history) -> list[float]:
    """The same weight for all."""
    return [1.0] * len(history)


HANDLES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # success rates at which a weight is set in `expected`


def between(rate: float, handles: list[float]) -> float:
    """The weight at a success rate, on the straight lines between those at `HANDLES`."""
    place = min(int(rate * 5), 4)
    part = rate * 5 - place
    return handles[place] * (1 - part) + handles[place + 1] * part


def expected(handles: list[float], hard: list[float]) -> tuple[list[float], list[float]]:
    """Tokens and mean success in percent, step by step, of the expected update: each of `ASKED`
    problems of a step is drawn in proportion to its weight at its true success rate. Where nothing
    weighs anything, all weigh alike."""
    ability, spent, tokens, curve = 0.0, 0.0, [0.0], [_mean(rates(0.0, hard))]
    while True:
        now = rates(ability, hard)
        shares = [between(s, handles) for s in now]
        total = sum(shares)
        shares = [w / total for w in shares] if total > 0 else [1 / len(now)] * len(now)
        spent += ASKED * GROUP * sum(w * price(d) for w, d in zip(shares, hard, strict=True))
        if spent > BUDGET:
            return tokens, curve
        learnt = sum(w * s * (1 - s) for w, s in zip(shares, now, strict=True))
        ability += RATE * ASKED * learnt * (1 - 1 / GROUP)  # of a group's variance, in expectation
        tokens.append(spent)
        curve.append(_mean(rates(ability, hard)))
