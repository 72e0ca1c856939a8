"""What TRL's GRPOTrainer forgets: what it sampled, and with which log-probabilities.

From these comes the distance between sampler and trainer that both engines report. With
transformers' `generate` TRL keeps none; with a vLLM server it has vLLM's.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate.utils import gather_object
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList
from trl import GRPOTrainer

from r1lab.sampler import Completions


class Recorder(LogitsProcessor):
    """Keeps the log-probability of every token that `generate` chooses, and of no other.

    A processor sees the logits of a step, and a step later what was chosen: in between it holds
    (N, V) numbers, as `generate` does, and never (N, T, V).
    """

    def __init__(self, temperature: float):
        self.temperature = temperature
        self.found: list[Tensor] = []  # (N,) each
        self.waiting: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self._choose(input_ids[:, -1])
        self.waiting = (scores / self.temperature).log_softmax(-1)  # `generate` divides behind us
        return scores

    def of(self, ids: list[list[int]]) -> list[list[float]]:
        """The log-probability of every token of the completions, when `generate` is done."""
        # right for the rows that reach the last step; for the others it is cut away
        last = [row[-1] for row in ids]
        self._choose(torch.tensor(last, device=self.waiting.device))
        rows = torch.stack(self.found, 1).tolist()
        return [row[: len(tokens)] for row, tokens in zip(rows, ids, strict=True)]

    def _choose(self, chosen: Tensor) -> None:
        if self.waiting is not None:
            self.found.append(self.waiting.gather(1, chosen[:, None])[:, 0])


@contextmanager
def recorded(model, temperature: float) -> Iterator[Recorder]:
    """Inside, the model's `generate` has a recorder: TRL gives no way to pass one."""
    recorder = Recorder(temperature)
    generate = model.generate

    def listening(*args, **kwargs):
        return generate(*args, **kwargs, logits_processor=LogitsProcessorList([recorder]))

    model.generate = listening
    try:
        yield recorder
    finally:
        del model.generate


class Trainer(GRPOTrainer):
    """TRL's, which also keeps what it sampled, and how far its own log-probabilities of that are
    away before the first update on it."""

    def _generate(self, prompts):
        with recorded(self.model, self.temperature) as recorder:
            asked, ids, mask, texts, logps, *rest = super()._generate(prompts)
        if logps is None:
            logps = recorder.of(ids)
        self.sampled = asked, ids, logps
        self.apart = torch.zeros(2)  # nats, tokens
        return asked, ids, mask, texts, logps, *rest

    def _get_per_token_logps_and_entropies(self, *args, **kwargs):
        found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        self.logps = found[0].detach()
        return found

    def _compute_loss(self, model, inputs):
        loss = super()._compute_loss(model, inputs)
        of_a_step = self._step % self.args.steps_per_generation  # this micro-batch, from 0 on
        if of_a_step < self.args.gradient_accumulation_steps:
            gap = (self.logps - inputs["sampling_per_token_logps"]).abs()
            gap = gap[inputs["completion_mask"].bool()]
            self.apart += torch.tensor([float(gap.sum()), len(gap)])
        return loss

    def logp_gap(self) -> float:
        """The mean distance in nats a token, over all processes; each must ask."""
        nats, tokens = torch.stack(gather_object([self.apart])).sum(0).tolist()
        return nats / tokens

    def gathered(self) -> tuple[list[list[int]], Completions]:
        """The prompt of each completion and the N completions, of all processes; each must ask."""
        prompts, ids, logps = (gather_object(each) for each in self.sampled)
        lengths = torch.tensor(list(map(len, ids)))
        shape = len(ids), int(lengths.max())
        tokens = torch.zeros(shape, dtype=torch.long)
        values = torch.zeros(shape)
        for i, n in enumerate(lengths.tolist()):
            tokens[i, :n] = torch.tensor(ids[i])
            # None: not a number, in TRL
            values[i, :n] = torch.tensor([math.nan if v is None else v for v in logps[i]])
        ended = torch.tensor([row[-1] in self.eos_token_ids for row in ids])
        return prompts, Completions(tokens, values, lengths, ended)
