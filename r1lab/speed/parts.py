"""Where the time of a training step goes: into sampling and judging, or into learning."""

from dataclasses import dataclass

from r1lab import grpo, policy
from r1lab.rollouts import Rollout
from r1lab.speed.compare import now


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
