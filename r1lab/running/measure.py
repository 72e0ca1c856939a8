"""What most experiments measure: held-out problems, one sample each, before and after."""

from r1lab import evaluate, habits, reflection
from r1lab.running.settings import Plan


def held_out(model, tokenizer, problems: list, plan: Plan, steer=None) -> dict:
    """Held-out accuracy, reasons, reflection; `right` holds a digit a problem, 1 or 0. One sample a
    problem at temperature 1. steer: of `Sampler`."""
    asked = plan.sampling
    how = evaluate.Sampling(asked.template, asked.max_new, seed=10_000 + plan.seed)
    answers = evaluate.answer(model, tokenizer, problems, how, steer=steer)
    right = answers.correct[:, 0].astype(int).tolist()
    found = evaluate.measure(answers)
    found |= reflection.of(answers.problems, answers.texts, answers.verdicts, answers.lengths)
    found |= habits.of(answers.problems, answers.texts)
    return found | {"right": "".join(map(str, right))}
