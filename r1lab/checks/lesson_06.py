"""Exercises of lesson 06: a lesson made of answers, the whole bill, a lead foretold, the compute at
which reinforcement learning overtakes, the tokens that teach."""

import random
from functools import cache

import torch

from r1lab import evaluate, grpo, models, on_policy, policy, tasks
from r1lab.checks.exercise import Exercise, Guess, Open

ROWS = (  # (problem, text, right, ended) each
    ("a", "guess", False, True), ("a", "search", True, True), ("b", "cut", True, False),
    ("b", "late", True, True), ("a", "again", True, True), ("c", "lost", False, False),
    ("d", "short", True, True), ("b", "third", True, True),
)  # fmt: skip


def _filtered(rows, wanted=lambda right, ended: right and ended, once=True) -> list[int]:
    kept, seen = [], set()
    for place, (problem, _, right, ended) in enumerate(rows):
        if wanted(right, ended) and not (once and problem in seen):
            kept.append(place)
            seen.add(problem)
    return kept


def _last(rows) -> list[int]:
    return sorted({rows[place][0]: place for place in _filtered(rows, once=False)}.values())


def _places(answer, rows) -> str | None:
    """What is compared: places or whatever else as text, so that texts can be told from places."""
    found = answer(list(rows))
    return found if found is None or found is ... else str(list(found)).lower()


def _bill(small, large, trained, answers, learned, shared) -> float:
    sampled, updated = trained
    training = large * (2 * sampled + 4 * updated)
    return training / shared + 2 * large * answers + 4 * small * learned


BILLS = (
    (1.0, 3.0, (10.0, 20.0), 5.0, 7.0, 1),
    (0.5, 4.0, (30.0, 10.0), 6.0, 9.0, 4),
    (2.0, 2.0, (0.0, 0.0), 8.0, 1.0, 10),
)


WIDTH = 20  # steps that are averaged: with 64 answers each their mean is known to 1.3 points


def _means(right) -> list[float]:
    return [sum(right[i : i + WIDTH]) / WIDTH for i in range(len(right) - WIDTH + 1)]


def _overtaking(spent, right, level) -> float | None:
    means = _means(right)
    below = [i for i, value in enumerate(means) if value < level]
    first = below[-1] + 1 if below else 0
    return spent[first + WIDTH - 1] if first < len(means) else None


def _touch(values, spent, offset, level) -> float | None:
    return next((spent[i + offset] for i, v in enumerate(values) if v >= level), None)


def _curves() -> tuple[tuple, ...]:
    """Noisy rises to a plateau: one that dips once more, one that is there at once, one that never
    gets there."""
    rng = random.Random(6)
    rise = [min(0.8, 0.1 + 0.02 * i) + rng.uniform(-0.06, 0.06) for i in range(100)]
    dips = rise[:60] + [0.2] * 8 + rise[68:]
    spent = [0.5 * (i + 1) + 0.01 * i * i for i in range(100)]
    return (spent, rise, 0.6), (spent, dips, 0.6), (spent, [0.7] * 100, 0.6), (spent, rise, 0.95)


CURVES = _curves()


def _at(answer, spent, right, level) -> float | str | None:
    """What is compared: None is an answer where the level is never reached, and none elsewhere."""
    found = answer(list(spent), list(right), level)
    return "never" if found is None and _overtaking(spent, right, level) is None else found


SHARE, TURNS = 0.03, 12  # of the tokens that count; updates
SEED = 1


def after(score) -> float:
    """Percent right of 128 train problems once the base `small` was taught on its own texts, where
    the 3 % of the tokens with the highest scores count."""
    folder = models.DATA / "runs" / "judge-rule-s0" / "trained"
    teacher, tokenizer = models.load_trained(folder, "rich")
    learner = policy.learner(models.prepare(models.load("small")[0], 8, SEED), tokenizer, 3e-3)
    config = grpo.Config(steps=TURNS, prompts=16, group=2, max_new=256, lr=3e-3, micro_tokens=1024,
                         template="tiny", seed=SEED)  # fmt: skip
    pool = tasks.problems("countdown", 512, 2, "train", 3)

    def weigh(student, teacher, mask):
        return on_policy.highest(score(student, teacher), mask, SHARE)

    for _ in on_policy.train(learner, teacher, pool, config, weigh=weigh):
        pass
    asked = tasks.problems("countdown", 128, 1, "train", 3)
    found = evaluate.answer(learner.model, tokenizer, asked, evaluate.Sampling("tiny", 256, 1))
    return 100 * float(found.correct.mean())


@cache
def by_chance() -> float:
    """`after` where the tokens are drawn at random."""
    generator = torch.Generator().manual_seed(0)
    return after(lambda student, teacher: torch.rand(student.shape, generator=generator))


def _picked(score) -> tuple[float, str]:
    """By how many points the picked tokens teach more than as many random ones."""
    tried = torch.log(torch.tensor([[0.5, 0.1], [0.9, 0.2]]))
    found = score(tried, tried.flip(0))
    if found is None or found is ...:
        return float("nan"), ""
    if getattr(found, "shape", None) != tried.shape:
        return 0.0, "return a tensor of the same shape: a score for each token."
    ours, theirs = after(score), by_chance()
    return ours - theirs, (
        f"your 3 % of the tokens bring the student to {ours:.0f} % right, as many random ones to "
        f"{theirs:.0f} % (n = 128, {TURNS} updates)."
    )


EXERCISES = {
    "06.1": Exercise(
        right=_filtered,
        run=_places,
        cases=((ROWS,), (ROWS[::-1],), (ROWS[:3],)),
        tried="Tried on wrong answers, cut ones, and several good ones to one problem.",
        lesson="Return a list of places, such as [1, 3].",
        mistakes=(
            (
                lambda rows: _filtered(rows, lambda right, ended: right),
                "an answer that the cap cut is kept: it would teach the student not to stop.",
            ),
            (
                lambda rows: _filtered(rows, once=False),
                "several answers to one problem are kept: take the first good one of each.",
            ),
            (
                lambda rows: _filtered(rows, lambda right, ended: ended),
                "wrong answers are kept: look at `right`, too.",
            ),
            (
                lambda rows: _filtered(rows, lambda right, ended: right or ended),
                "right or ended is kept: it must be both.",
            ),
            (_last, "of each problem you keep the last good answer: keep the first."),
            (
                lambda rows: [rows[place][1] for place in _filtered(rows)],
                "those are the texts: return their places in the list.",
            ),
            (
                lambda rows: [rows[place] for place in _filtered(rows)],
                "those are the rows: return their places in the list.",
            ),
        ),
    ),
    "06.2": Exercise(
        right=_bill,
        cases=BILLS,
        tried="Tried with one student, with several that share, and with a teacher for nothing.",
        lesson="Two operations a weight for a token sampled, four for one learned from.",
        mistakes=(
            (
                lambda s, w, t, a, n, k: _bill(s, w, (0, 0), a, n, 1),
                "the teacher's own training is missing: that is the largest part.",
            ),
            (
                lambda s, w, t, a, n, k: 4 * s * n,
                "that is the student alone, as in the report's table: add the teacher.",
            ),
            (
                lambda s, w, t, a, n, k: _bill(s, w, t, a, n, 1),
                "each student is charged for the whole training: divide it by `shared`.",
            ),
            (
                lambda s, w, t, a, n, k: (_bill(s, w, t, a, 0, 1)) / k + 4 * s * n,
                "the answers are shared, too: they were sampled for this student alone.",
            ),
            (
                lambda s, w, t, a, n, k: _bill(s, w, t, a, n, k) + 2 * w * t[1] / k + 2 * s * n,
                "with LoRA the frozen weights get no gradient: four operations to learn, not six.",
            ),
            (
                lambda s, w, t, a, n, k: _bill(s, w, (0, t[1]), a, n, k),
                "in its training the teacher sampled, too: two operations a weight and token.",
            ),
            (
                lambda s, w, t, a, n, k: _bill(s, w, t, 0, n, k) + 2 * s * a,
                "the answers were sampled by the teacher: with its weights, not the student's.",
            ),
            (
                lambda s, w, t, a, n, k: _bill(s, w, t, a, 0, k) + 2 * s * n,
                "the student learned from its tokens: four operations, there and back.",
            ),
        ),
    ),
    "06.3": Guess(
        unit="points", lesson="Write a number of points; the figure below has it as a mark."
    ),
    "06.4": Exercise(
        right=_overtaking,
        run=_at,
        cases=CURVES,
        tried="Tried on a noisy rise, on one that dips again, on one that is there at once, and on "
        "one that never gets there.",
        lesson="Return a bill, or None.",
        mistakes=(
            (
                lambda s, r, x: _touch(_means(r), s, WIDTH - 1, x),
                "that is the first time: it must not fall below the level again.",
            ),
            (
                lambda s, r, x: _touch(r, s, 0, x),
                "one lucky step is enough for yours: take the mean of the last twenty.",
            ),
            (
                lambda s, r, x: (
                    None if _overtaking(s, r, x) is None else float(s.index(_overtaking(s, r, x)))
                ),
                "that is the place of the step: return the bill there.",
            ),
            (
                lambda s, r, x: (
                    None
                    if _overtaking(s, r, x) is None
                    else s[s.index(_overtaking(s, r, x)) - WIDTH + 1]
                ),
                "the mean of twenty steps is known at the last of them: you charge for the first.",
            ),
            (
                lambda s, r, x: s[-1] if _overtaking(s, r, x) is None else _overtaking(s, r, x),
                "where the level is never reached there is no bill: return None.",
            ),
        ),
    ),
    "06.5": Open(
        measure=_picked,
        enough=25.0,
        example=lambda student, teacher: (teacher - student).abs(),
        lesson="Return a score for each token, a tensor of the same shape.",
    ),
}
