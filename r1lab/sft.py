"""Supervised fine-tuning from scratch: make given completions likelier (DeepSeek-R1, 2.3.1 and
2.3.3: cold start and rejection sampling; 2.4: distillation).

Left out: where the pairs come from, several examples in one row (packing), a schedule of the rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence

from r1lab import curriculum, losses, policy
from r1lab.policy import Batch, Learner, Update


def train(learner: Learner, pairs, config: Config, start=0) -> Iterator[Update]:
    """Steps start+1 ... config.steps, each an update on the next P pairs.

    pairs: (prompt, completion) texts to draw from. The caller writes records and saves
    `policy.state`; leaving the loop early is safe. Raises ValueError as `tokens` does.
    """
    examples = tokens(learner, pairs, config.max_new)
    for step in range(start + 1, config.steps + 1):
        drawn = curriculum.uniform(examples, config.prompts, config.seed, step)
        yield Update(step, update(learner, drawn, config))


def update(learner: Learner, examples, config: Config) -> dict[str, float]:
    """One optimizer step on examples, (prompt, completion) token ids each.

    Gives loss, in nats a token; grad_norm before it is cut; update_tokens, that went forward and
    back.
    """
    batch = batch_of(examples)
    divisor = int(batch.lengths.sum())  # so every token of the step has the same weight

    def loss_of(rows, logps, mask):
        return losses.sft_loss(logps, mask, divisor), {}

    return policy.step(learner, batch, range(len(examples)), loss_of, config)


def tokens(learner: Learner, pairs: list[tuple[str, ...]], max_new: int) -> list[list[list[int]]]:
    """The ids of each pair's prompt and of its one or two completions.

    Each text by itself, as the sampler reads a prompt and writes a completion; one end token, and
    none where `max_new` cuts. As one text, tokens could merge across the border. Raises ValueError
    where there is no pair, and for one that is longer than the model's positions.
    """
    if not pairs:
        raise ValueError("there is no pair to learn from: give at least one")
    tokenizer = learner.tokenizer
    prompts, *written = zip(*pairs, strict=True)
    columns = [tokenizer(list(prompts))["input_ids"]]
    for texts in written:
        found = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        columns.append([[*ids, tokenizer.eos_token_id][:max_new] for ids in found])
    longest = max(
        len(prompt) + max(map(len, completions))
        for prompt, *completions in zip(*columns, strict=True)
    )
    positions = learner.model.config.max_position_embeddings
    if longest > positions:
        raise ValueError(
            f"prompt and completion ({longest} tokens) exceed the model's {positions} positions: "
            "lower max_new"
        )
    return [list(ids) for ids in zip(*columns, strict=True)]


def batch_of(examples) -> Batch:
    """Examples as rows: for each its prompt with one completion after the other."""
    rows = [(prompt, ids) for prompt, *completions in examples for ids in completions]
    ids = pad_sequence([torch.tensor(ids) for _, ids in rows], batch_first=True)
    return Batch([prompt for prompt, _ in rows], ids, torch.tensor([len(ids) for _, ids in rows]))


@dataclass(frozen=True)
class Config:
    """The method. A step is one update on P = `prompts` pairs."""

    steps: int = 40
    prompts: int = 16
    max_new: int = 320  # tokens of a completion, as in sampling: a longer one is cut there
    lr: float = 3e-4
    micro_tokens: int = 8192
    max_grad_norm: float = 1.0
    seed: int = 0

    @property
    def temperature(self) -> float:
        """Of the policy that learns: nothing is sampled here, so it is the model as it is."""
        return 1.0
