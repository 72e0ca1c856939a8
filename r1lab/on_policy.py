"""On-policy distillation: the student writes, the teacher says of each token how likely it finds it
(Agarwal and others, arXiv 2306.13649; the later answer to DeepSeek-R1, 2.4).

Imitation shows the student texts of the teacher, where it never makes a mistake of its own. Here it
learns where it really goes, as in reinforcement learning, and hears something about every token in
the place of one number an answer. Student and teacher must share a tokenizer.

Left out: the whole distribution of the teacher, of which one token a place is asked; what a token
does to those behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from r1lab import curriculum, policy, rollouts
from r1lab.policy import Batch, Learner, Update
from r1lab.rollouts import Sampled
from r1lab.sampler import repeated
from r1lab.verify import verify


def token_advantages(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """What each token that the student wrote is worth: minus its share of the reverse KL,
    log teacher - log student, 0 on padding. student, teacher: (N, T) log-probabilities, in nats;
    mask: (N, T). Above 0 where the teacher finds a token likelier than the student does."""
    return ((teacher - student) * mask).detach()


def highest(scores: Tensor, mask: Tensor, share: float) -> Tensor:
    """(N, T) True on that share of the tokens, those with the highest scores; at least on one."""
    kept = max(1, round(share * int(mask.sum())))
    least = scores[mask].sort(descending=True).values[kept - 1]
    return (scores >= least) & mask


def train(
    learner: Learner, teacher, pool, config, start: int = 0, weigh: Callable | None = None
) -> Iterator[Update]:
    """Steps start+1 ... config.steps: completions of the student, and an update on them.

    teacher: a model with the student's tokenizer. pool: the problems to draw from. config: a
    `grpo.Config`, of which groups, steps, cap, rate and seed count; no reward does. weigh(student,
    teacher, mask) -> (N, T): what each token counts, by default 1; arguments as in
    `token_advantages`, of the rows that are computed at a time.
    """
    problems = partial(curriculum.uniform, pool, config.prompts, config.seed)
    for step in range(start + 1, config.steps + 1):
        asked = problems(step)
        sampled = rollouts.sample(learner, asked, config, step)
        report = update(learner, teacher, sampled, config, weigh)
        texts = zip(repeated(asked, config.group), sampled.texts, strict=True)
        right = [verify(problem, text).correct for problem, text in texts]
        tokens = int(sampled.completions.lengths.sum())
        length = tokens / len(right)
        seen = {"accuracy": sum(right) / len(right), "tokens": tokens, "length": length}
        yield Update(step, report | seen)


def update(
    learner: Learner, teacher, sampled: Sampled, config, weigh: Callable | None = None
) -> dict[str, float]:
    """One optimizer step on what the student wrote just now.

    Gives reverse_kl, in nats a token; loss; grad_norm before it is cut; update_tokens, that went
    forward and back in the student and forward in the teacher.
    """
    done = sampled.completions
    prompts = repeated(sampled.prompts, len(sampled.texts) // len(sampled.prompts))
    batch = Batch(prompts, done.ids, done.lengths)
    divisor = int(done.lengths.sum())

    def loss_of(rows, logps, mask):
        with torch.no_grad():
            wanted, _ = policy.logps(teacher, batch, rows, config.temperature)
        worth = token_advantages(logps, wanted, mask)
        seen = {"reverse_kl": -float(worth.sum()) / divisor}
        if weigh:
            worth = worth * weigh(logps.detach(), wanted, mask)
        return -(worth * logps).sum() / divisor, seen

    return policy.step(learner, batch, range(len(prompts)), loss_of, config)
