"""Measure a model: sample answers to held-out problems, read them, count."""

from dataclasses import dataclass

import numpy as np
import torch

from r1lab import policy, stats
from r1lab.sampler import Sampler, repeated
from r1lab.tasks import Problem, prompt
from r1lab.verify import Verdict, verify


@dataclass(frozen=True)
class Sampling:
    """How answers are sampled: K = `per_problem` for each problem, each up to `max_new` tokens,
    in one of the templates of `tasks.prompt`. `rows`: completions sampled at a time, about."""

    template: str
    max_new: int
    seed: int
    per_problem: int = 1
    temperature: float = 1.0
    rows: int = 256


@dataclass(frozen=True)
class Answers:
    """K completions for each of P problems, problem by problem: N = P * K of each list."""

    problems: list[Problem]
    per_problem: int
    texts: list[str]
    lengths: list[int]
    ended: list[bool]
    verdicts: list[Verdict]

    @property
    def correct(self) -> np.ndarray:
        """(P, K) booleans."""
        return np.array([v.correct for v in self.verdicts]).reshape(
            len(self.problems), self.per_problem
        )

    def repeated(self) -> list[Problem]:
        """The problem of each completion, N in all."""
        return repeated(self.problems, self.per_problem)


def answer(
    model, tokenizer, problems: list[Problem], how: Sampling, begun: list[str] | None = None,
    steer=None,
) -> Answers:  # fmt: skip
    """Sample K completions for every problem and judge them. The same for the same seed and
    rows. begun: P texts that the completions begin with, not counted in `lengths` and `max_new`.
    steer: of `Sampler`."""
    sampler = Sampler(model, steer=steer)
    begun = begun or [""] * len(problems)
    generator = torch.Generator(model.device).manual_seed(how.seed)
    texts, lengths, ended, verdicts = [], [], [], []
    at_once = max(1, how.rows // how.per_problem)
    for start in range(0, len(problems), at_once):
        chunk, first = (given[start : start + at_once] for given in (problems, begun))
        asked = [prompt(p, how.template) + text for p, text in zip(chunk, first, strict=True)]
        ids = tokenizer(asked)["input_ids"]
        done = sampler.sample(
            ids, how.per_problem, how.max_new, tokenizer.eos_token_id, generator, how.temperature
        )
        own = done.texts(tokenizer)
        new = [a + b for a, b in zip(repeated(first, how.per_problem), own, strict=True)]
        texts += new
        lengths += done.lengths.tolist()
        ended += done.ended.tolist()
        posed = repeated(chunk, how.per_problem)
        verdicts += [verify(p, text) for p, text in zip(posed, new, strict=True)]
    return Answers(problems, how.per_problem, texts, lengths, ended, verdicts)


def measure(answers: Answers) -> dict:
    """Accuracy with its 95 % interval (`stats.shared_wilson`), share in the right format, reasons,
    lengths."""
    correct = answers.correct
    n = correct.size
    reasons = [v.reason for v in answers.verdicts]
    return {
        "accuracy": float(correct.mean()),
        "ci95": [round(x, 4) for x in stats.shared_wilson(correct)],
        "n": n,
        "formatted": sum(v.formatted for v in answers.verdicts) / n,
        "truncated": 1 - sum(answers.ended) / n,
        "length": float(np.mean(answers.lengths)),
        "reasons": {r: reasons.count(r) for r in sorted(set(reasons))},
    }


@torch.no_grad()
def text_loss(model, tokenizer, texts: list[str]) -> float:
    """The mean loss on plain texts in nats a token, from the second token of each on: what a base
    was trained to make small. Texts longer than the model's positions are left out."""
    ids = [row for row in tokenizer(texts)["input_ids"]
           if len(row) <= model.config.max_position_embeddings]  # fmt: skip
    behind = [torch.tensor(row[1:]) for row in ids]
    padded = torch.nn.utils.rnn.pad_sequence(behind, batch_first=True)
    lengths = torch.tensor([len(row) for row in behind])
    batch = policy.Batch([row[:1] for row in ids], padded, lengths)
    parts = policy.micro_batches(batch, range(len(ids)), 8192)
    total = sum(float(policy.logps(model, batch, rows)[0].sum()) for rows in parts)
    return -total / int(lengths.sum())
