"""Where the time of a training step goes: into sampling and judging, or into learning."""

from dataclasses import dataclass

import torch

from r1lab import grpo, policy
from r1lab.policy import Batch
from r1lab.rollouts import Rollout
from r1lab.sampler import Sampler
from r1lab.speed.compare import now

NEVER = -1  # an end token that is never sampled


@dataclass(frozen=True)
class Parts:
    """Seconds of a step in its two parts. tokens: that were sampled; learned: that went forward and
    back, prompts included; length: of a completion, in the mean."""

    sampling: float
    learning: float
    tokens: int
    learned: int
    length: float

    @property
    def share(self) -> float:
        """Of the step's time, how much is sampling."""
        return self.sampling / (self.sampling + self.learning)


def step(
    learner: policy.Learner, problems: list, paid, config: grpo.Config, number: int
) -> tuple[Parts, Rollout]:
    """One step of `grpo.train` by the clock, and its rollout. paid: (functions, weights)."""
    start = now()
    roll = grpo.rollout(learner, problems, paid, config, number)
    sampled = now()
    report = grpo.update(learner, roll, config)
    done = now()
    lengths = roll.completions.lengths
    mean = float(lengths.float().mean())
    learned = int(report["update_tokens"])
    return Parts(sampled - start, done - sampled, int(lengths.sum()), learned, mean), roll


def forced(learner: policy.Learner, prompts: list[str], group: int, length: int) -> Parts:
    """The two parts of a step whose completions all have `length` tokens and all are learned from:
    what the machine does with a size, whatever the policy would write. The weights stay."""
    asked = learner.tokenizer(prompts)["input_ids"]
    generator = torch.Generator(learner.model.device).manual_seed(0)
    start = now()
    done = Sampler(learner.model).sample(asked, group, length, NEVER, generator)
    sampled = now()
    batch = Batch([p for p in asked for _ in range(group)], done.ids, done.lengths)
    rows = range(len(batch.prompts))
    micros = list(policy.micro_batches(batch, rows, grpo.Config.micro_tokens))
    policy.gradients(learner.model, batch, micros, lambda _, logps, mask: (-logps[mask].sum(), {}))
    learned = sum(map(batch.size, rows))
    return Parts(sampled - start, now() - sampled, len(rows) * length, learned, float(length))
