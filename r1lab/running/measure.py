"""What most experiments measure: held-out problems, one sample each, before and after."""

from r1lab import evaluate, habits, reflection, tasks
from r1lab.running.settings import Plan


def held_out(model, tokenizer, problems: list, plan: Plan, steer=None) -> dict:
    """Held-out accuracy, reasons, reflection; `right` holds a digit a problem, 1 or 0. One sample a
    problem at temperature 1. steer: of `Sampler`."""
    return numbers(answers(model, tokenizer, problems, plan, steer))


def answers(model, tokenizer, problems: list, plan: Plan, steer=None) -> evaluate.Answers:
    """One sample a problem, the same for the same seed."""
    asked = plan.sampling
    how = evaluate.Sampling(asked.template, asked.max_new, seed=10_000 + plan.seed)
    return evaluate.answer(model, tokenizer, problems, how, steer=steer)


def numbers(answers: evaluate.Answers) -> dict:
    """What `held_out` gives, from one answer a problem."""
    right = answers.correct[:, 0].astype(int).tolist()
    found = evaluate.measure(answers)
    found |= reflection.of(answers.problems, answers.texts, answers.verdicts, answers.lengths)
    found |= habits.of(answers.problems, answers.texts)
    return found | {"right": "".join(map(str, right))}


def both_sizes(model, tokenizer, problems: list, plan: Plan, steer=None) -> dict:
    """`held_out`, and in the tiny world's Countdown the same for as many problems of its other
    size, under `other`."""
    found = held_out(model, tokenizer, problems, plan, steer)
    if plan.preset.task != "countdown" or plan.preset.template != "tiny":
        return found
    usual, *_ = sizes = tasks.named("countdown").sizes
    (size,) = (s for s in sizes if s != (plan.preset.size or usual))
    others = tasks.problems("countdown", len(problems), 0, "test", size)
    return found | {"other": held_out(model, tokenizer, others, plan, steer) | {"size": size}}
