"""Make the learned judges of `value` from the base's own answers: `python -m r1lab pretrain NAME`.

The verifier marks answers of the base. That is what somebody has who wants a judge and cannot
check: answers of today's model, marked. What a judge is never shown is what a policy writes that
has been trained against it.

`judge-85` has read answers as the base writes them, one of seven with a search that was begun by
force, so that long thoughts are not too rare; it sees how long was thought before each. `judge-96`
has read many more, given at once with empty thoughts, beside all right answers that chance finds;
it sees no thoughts at all.
"""

import random
import zlib
from pathlib import Path

from r1lab import evaluate, models, tasks, value
from r1lab.tasks import Problem
from r1lab.tasks.countdown import random_steps
from r1lab.tiny_world.competence import beginning
from r1lab.value import Recipe, Seen

PROBLEMS, UNSEEN, SEED = 4096, 256, 0
AT_ONCE = "<think></think><answer>"
RECIPES = {
    "judge-85": Recipe(problems=512, passes=20, length=True),
    "judge-96": Recipe(problems=PROBLEMS, passes=12),
}
Marks = dict[Seen, bool]  # what is seen -> whether the verifier calls it right


def marked(model, tokenizer, problems: list[Problem], how: evaluate.Sampling, begun=None) -> Marks:
    """Answers that can be found, each once a problem and a length. begun: P texts that the
    completions begin with."""
    found = evaluate.answer(model, tokenizer, problems, how, begun=begun)
    rows = zip(found.repeated(), found.texts, found.verdicts, strict=True)
    return {value.seen(p, text, v.answer): v.correct for p, text, v in rows if v.answer}


def as_it_comes(model, tokenizer, problems: list[Problem], seed: int) -> Marks:
    """Six answers a problem with free thoughts, and one whose search in order was begun."""
    rng = random.Random(f"judge-{seed}")
    begun = [beginning(rng, problem, "in order") for problem in problems]
    free, forced = (evaluate.Sampling("tiny", 400, seed, n) for n in (6, 1))
    found = marked(model, tokenizer, problems, free)
    return found | marked(model, tokenizer, problems, forced, begun)


def at_once(model, tokenizer, problems: list[Problem], seed: int) -> Marks:
    """Twelve answers a problem with empty thoughts."""
    how = evaluate.Sampling("tiny", 24, seed, 12, rows=768)
    return marked(model, tokenizer, problems, how, [AT_ONCE] * len(problems))


def kept_apart(problem: Problem) -> bool:
    """Whether a judge is examined on this problem and not trained on it: a tenth, by its numbers,
    so that no other problem with the same numbers is trained on either."""
    return zlib.crc32(f"judge {sorted(problem.numbers)}".encode()) % 10 == 0


def listed(problem: Problem, tries: int = 400) -> Marks:
    """The right answers that chance finds, as the world's text writes them."""
    rng = random.Random(f"judge-{problem.key}")
    drawn = [random_steps(rng, problem.numbers) for _ in range(tries)]
    right = [one[1] for one in drawn if one and one[0][-1].result == problem.target]
    return {Seen(problem, answer, 0): True for answer in right}


def make(name: str, folder: Path, base: str = "rich") -> dict:
    """Train a judge of `RECIPES`, write it and its report, which this gives. Some minutes."""
    recipe = RECIPES[name]
    problems = tasks.problems("countdown", PROBLEMS, SEED, "train", 3)
    shown = [p for p in problems if not kept_apart(p)][: recipe.problems]
    unseen = [p for p in problems if kept_apart(p)][:UNSEEN]
    answers = as_it_comes if recipe.length else at_once
    model, tokenizer = models.load(base)
    learned = answers(model, tokenizer, shown, 30_000 + SEED)
    if not recipe.length:
        for problem in shown:
            learned |= listed(problem)
    judge = value.fit(list(learned), list(learned.values()), recipe, SEED)
    about = {"name": name, "base": base, "problems": len(shown), "answers": len(learned)}
    about |= {"right": sum(learned.values()), "seed": SEED}
    fresh = answers(model, tokenizer, unseen, 40_000 + SEED)
    about |= {"unseen": value.examined(judge, list(fresh), list(fresh.values()))}
    value.save(judge, folder, about)
    return about
