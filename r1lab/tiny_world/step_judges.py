"""Make the judges of steps of `prm` from the base's own answers: `python -m r1lab pretrain steps`.

The answers are as the base writes them, on three and on four numbers, and beside them some whose
search was begun by force, so that second tries are not too rare. No answer of a policy that was
trained against a judge is among them.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import torch

from r1lab import evaluate, models, prm, steps, tasks, value
from r1lab.tasks import Problem, prompt
from r1lab.tiny_world.competence import beginning

NAME, HEADS = prm.SHIPPED, prm.HEADS
PROBLEMS, UNSEEN = 400, 150  # of each size: to learn from; to be examined on
FREE, CAP, SEED = 4, 256, 0
FORCED = {3: ("in order", "at random"), 4: ("at random",)}
MARKED, ROLLOUTS = 1200, 4  # steps that are continued, and how often
TOKENS = 8  # of a text, whose states learn what became of it
PLACES = ("first", "second", "third or later", "answer")
Text = tuple[Problem, str]


def answers(model, tokenizer, problems: list[Problem], seed: int) -> list[Text]:
    """`FREE` answers a problem, and one for each habit that was begun by force."""
    rng = random.Random(f"steps-{seed}")
    free, forced = (evaluate.Sampling("tiny", CAP, seed, n) for n in (FREE, 1))
    found = evaluate.answer(model, tokenizer, problems, free)
    texts = list(zip(found.repeated(), found.texts, strict=True))
    for habit in FORCED[len(problems[0].numbers)]:
        begun = [beginning(rng, problem, habit) for problem in problems]
        found = evaluate.answer(model, tokenizer, problems, forced, begun)
        texts += zip(problems, found.texts, strict=True)
    return texts


def known_at(model, tokenizer, texts: Sequence[Text], ends, template: str = "tiny") -> torch.Tensor:
    """(S, F) of the ends of steps, text by text."""
    rows = zip(texts, ends, strict=True)
    read = [prm.placed(tokenizer, prompt(p, template), text, at) for (p, text), at in rows]
    return prm.states(model, [ids for ids, _ in read], [places for _, places in read])


def exact(model, tokenizer, texts: Sequence[Text], read: list) -> tuple:
    """States and marks: whether each step is good."""
    ends = [[step.end for step in one] for one in read]
    marks = torch.tensor([float(step.good) for one in read for step in one])
    return known_at(model, tokenizer, texts, ends), marks


def continued(model, tokenizer, texts: Sequence[Text], read: list, seed: int) -> tuple:
    """States and marks of `MARKED` sums: the share of the base's continuations that end right; and
    of as many answers, behind which nothing can be continued: whether they are right."""
    rng = random.Random(f"continued-{seed}")
    every = [(p, text[: step.end], step) for (p, text), one in zip(texts, read, strict=True)
             for step in one]  # fmt: skip
    ends = [one for one in every if is_answer(*one[1:])]
    sums = rng.sample(every, len(every))
    sums = [one for one in sums if not is_answer(*one[1:])][:MARKED]
    ends = rng.sample(ends, min(MARKED, len(ends)))
    how = evaluate.Sampling("tiny", CAP // 2, seed, ROLLOUTS)
    found = evaluate.answer(
        model, tokenizer, [p for p, *_ in sums], how, [text for _, text, _ in sums]
    )
    marks = [*found.correct.mean(1).tolist(), *(float(step.good) for *_, step in ends)]
    chosen = [(p, text) for p, text, _ in sums + ends]
    places = [[len(text)] for _, text in chosen]
    return known_at(model, tokenizer, chosen, places), torch.tensor(marks)


def outcomes(model, tokenizer, texts: Sequence[Text], read: list, seed: int) -> tuple:
    """States and marks of `TOKENS` tokens of each text, of its last one, and of the prompt's last
    one: whether the answer is right in the end."""
    rng = random.Random(f"outcomes-{seed}")
    ids, places, marks = [], [], []
    for (problem, text), one in zip(texts, read, strict=True):
        posed = len(tokenizer(prompt(problem, "tiny"))["input_ids"])
        row = tokenizer(prompt(problem, "tiny") + text)["input_ids"]
        inside = range(posed, len(row) - 1)
        some = rng.sample(inside, min(TOKENS, len(inside)))
        ids.append(row)
        places.append(sorted({posed - 1, len(row) - 1, *some}))
        right = bool(one) and is_answer(text, one[-1]) and one[-1].good
        marks += [float(right)] * len(places[-1])
    return prm.states(model, ids, places), torch.tensor(marks)


def is_answer(text: str, step: steps.Step) -> bool:
    return text[: step.end].endswith("</answer>")


def place(step: steps.Step, number: int, text: str) -> str:
    """Which of `PLACES` a step has in its answer; number: from 0."""
    if is_answer(text, step):
        return "answer"
    return PLACES[min(number, 2)]


def examined(model, tokenizer, head: prm.Head, texts: Sequence[Text], read: list) -> dict:
    """Size of a problem and place of a step -> how well the head tells good steps from bad ones
    there (auc, base rate, n)."""
    known, marks = exact(model, tokenizer, texts, read)
    said = head(known).detach().sigmoid().tolist()
    keys = [f"{len(p.numbers)} numbers, {place(step, i, text)}"
            for (p, text), one in zip(texts, read, strict=True)
            for i, step in enumerate(one)]  # fmt: skip
    found = {}
    for key in ["all", *sorted(set(keys))]:
        rows = [i for i, k in enumerate(keys) if key in ("all", k)]
        found[key] = ranked([said[i] for i in rows], [bool(marks[i]) for i in rows])
    return found


def ranked(said: Sequence[float], right: Sequence[bool]) -> dict:
    """How good probabilities are. auc: how often a good step is given more than a bad one, None
    where there is no pair; n, base_rate; calibration: by the probability, in fifths, (its mean, the
    share that is good, n), None for an empty one."""
    good = sum(right)
    bins = [[] for _ in range(value.BINS)]
    for p, mark in zip(said, right, strict=True):
        bins[min(int(p * value.BINS), value.BINS - 1)].append((p, mark))
    means = [[round(sum(column) / len(one), 4) for column in zip(*one, strict=True)] + [len(one)]
             if one else None for one in bins]  # fmt: skip
    auc = value.auc(said, right) if 0 < good < len(right) else None
    return {"n": len(right), "base_rate": good / len(right), "auc": auc, "calibration": means}


def problems(split: str, size: int) -> tuple[list[Problem], list[Problem]]:
    """Those to learn from and those to be examined on, of the train split."""
    both = tasks.problems("countdown", PROBLEMS + UNSEEN, SEED, split, size)
    return both[:PROBLEMS], both[PROBLEMS:]


def make(folder: Path, base: str = "rich") -> dict:
    """Train the three heads, write them and their report, which this gives. Some minutes."""
    model, tokenizer = models.load(base)
    shown, unseen = [], []
    for size in FORCED:
        learned, kept = problems("train", size)
        shown += answers(model, tokenizer, learned, 50_000 + SEED)
        unseen += answers(model, tokenizer, kept, 60_000 + SEED)
    read, fresh = ([steps.read(*text) for text in texts] for texts in (shown, unseen))
    given = model, tokenizer, shown, read
    heads = {
        "exact": prm.fit(*exact(*given), SEED),
        "rollouts": prm.fit(*continued(*given, 70_000 + SEED), SEED, steps=500),
        "outcome": prm.fit(*outcomes(*given, SEED), SEED),
    }
    about = {"base": base, "answers": len(shown), "steps": sum(map(len, read)), "seed": SEED}
    about |= {n: examined(model, tokenizer, head, unseen, fresh) for n, head in heads.items()}
    prm.save(heads, folder, about)
    return about
