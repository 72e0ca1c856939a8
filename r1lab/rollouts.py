"""A rollout: problems, what a policy wrote for them, what the judge said, what it earned.

The one object of a reinforcement-learning step. Both engines make one, algorithms learn from it,
and a run writes it down: `line` into metrics.jsonl, `group` into samples.jsonl.
"""

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace

import torch
from torch import Tensor

from r1lab import habits, losses, reflection, rewards
from r1lab.policy import Batch, Learner
from r1lab.sampler import Completions, Sampler, repeated
from r1lab.tasks import Problem, prompt
from r1lab.verify import Verdict, verify


@dataclass(frozen=True)
class Sampled:
    """What a policy wrote. prompts: P lists of token ids; completions: N; texts: N, as text."""

    prompts: list[list[int]]
    completions: Completions
    texts: list[str]


@dataclass(frozen=True)
class Rollout:
    """P problems and G completions for each, N = P * G in all, group by group.

    verdicts: N, made once. parts: reward by function, N each.
    rewards, advantages: (P, G). report: what the update on it said, as `grpo.update` gives it.
    per_token: (N, T) advantages where each token has its own, and in PPO what the critic should
    say; `advantages` then holds the means over the tokens.
    """

    step: int
    problems: list[Problem]
    sampled: Sampled
    verdicts: list[Verdict]
    parts: dict[str, list[float]]
    rewards: Tensor
    advantages: Tensor
    report: dict[str, float] = field(default_factory=dict)
    per_token: tuple[Tensor, ...] = ()

    @property
    def completions(self) -> Completions:
        return self.sampled.completions

    @property
    def texts(self) -> list[str]:
        return self.sampled.texts

    @property
    def group_size(self) -> int:
        return len(self.texts) // len(self.problems)

    @property
    def batch(self) -> Batch:
        """The N completions, each with its prompt."""
        prompts = repeated(self.sampled.prompts, self.group_size)
        return Batch(prompts, self.completions.ids, self.completions.lengths)

    def line(self) -> dict:
        """A line of metrics.jsonl: numbers that depend on the seed alone, never on the clock."""
        right = [v.correct for v in self.verdicts]
        ended = self.completions.ended.tolist()
        lengths = self.completions.lengths.tolist()
        n = len(right)
        line = {
            "step": self.step, "reward": float(self.rewards.mean()), "accuracy": sum(right) / n,
            **{f"reward_{name}": sum(values) / n for name, values in self.parts.items()},
            "answered": sum(v.reason != "no answer" for v in self.verdicts) / n,
            "truncated": 1 - sum(ended) / n,
            "zero_variance": float(losses.zero_variance(self.rewards).float().mean()),
            "tokens": sum(lengths), "longest": max(lengths),
        }  # fmt: skip
        asked = repeated(self.problems, self.group_size)
        line |= reflection.of(asked, self.texts, self.verdicts, lengths)
        line |= habits.of(asked, self.texts) | self.report
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}

    def group(self) -> dict:
        """The first problem with all its completions, rewards and advantages, for samples.jsonl."""
        first = self.problems[0]
        size = self.group_size
        named = {name: values[:size] for name, values in self.parts.items()}
        return {
            "step": self.step,
            "task": first.task,
            "numbers": list(first.numbers),
            "target": first.target,
            "question": first.question,
            "completions": self.texts[:size],
            "rewards": named | {"total": self.rewards[0].tolist()},
            "advantages": [round(a, 4) for a in self.advantages[0].tolist()],
        }


def sample(learner: Learner, problems: list[Problem], config, step: int) -> Sampled:
    """G completions for each of P problems from the policy as it is; those that wait for this step
    are taken from `learner.waiting`.

    config: with template, group, max_new, temperature and seed. All randomness comes from (seed,
    step), so a resumed run draws what the uninterrupted one drew.
    """
    prompts = learner.tokenizer([prompt(p, config.template) for p in problems])["input_ids"]
    done = learner.waiting.pop(step, None) or _completions(learner, prompts, config, step)
    return Sampled(prompts, done, done.texts(learner.tokenizer))


def sample_early(learner: Learner, problems: list[Problem], config, step: int) -> None:
    """`sample` for a later step: the completions wait in `learner.waiting`, and nobody has judged
    them. Does nothing where they wait already."""
    if step not in learner.waiting:
        learner.waiting[step] = sample(learner, problems, config, step).completions


def _completions(learner: Learner, prompts: list[list[int]], config, step: int) -> Completions:
    generator = torch.Generator(learner.model.device)
    generator.manual_seed(1_000_003 * config.seed + step)
    given = config.group, config.max_new, learner.tokenizer.eos_token_id, generator
    return Sampler(learner.model).sample(prompts, *given, config.temperature)


def rewarded(sampled: Sampled, problems: list[Problem], reward_set, config, step: int) -> Rollout:
    """Judge what was sampled and reward it; the advantages are still 0.

    reward_set: (functions, weights). Raises ValueError where a reward function does not give one
    number a completion.
    """
    given = columns(sampled, problems, config, step)
    total, parts = rewards.score(*reward_set, **given)
    scores = torch.tensor(total).view(len(problems), -1)
    nothing = torch.zeros_like(scores)
    return Rollout(step, problems, sampled, given["verdicts"], parts, scores, nothing)


def columns(sampled: Sampled, problems: list[Problem], config, step: int) -> dict:
    """What a reward function is called with: TRL's columns, and the verdicts. N rows each."""
    asked = repeated(problems, len(sampled.texts) // len(problems))
    rows = zip(sampled.completions.ids.tolist(), sampled.completions.lengths.tolist(), strict=True)
    return {
        "prompts": [prompt(p, config.template) for p in asked],
        "completions": sampled.texts,
        "completion_ids": [ids[:n] for ids, n in rows],
        "trainer_state": SimpleNamespace(global_step=step - 1),  # as TRL counts: before the update
        "task": [p.task for p in asked],
        "numbers": [list(p.numbers) for p in asked],
        "target": [p.target for p in asked],
        "question": [p.question for p in asked],
        "verdicts": [verify(p, text) for p, text in zip(asked, sampled.texts, strict=True)],
    }


def report(roll: Rollout, total: Counter, config) -> dict[str, float | None]:
    """What an update on a rollout says of itself, from sums over its optimizer steps.

    loss and grad_norm: means over the steps. kl: to the reference, in nats a token. clipped: share
    of tokens whose gradient the clip took. entropy: of the policy that sampled, in nats a token,
    estimated by minus the mean log-probability of what it sampled. logp_gap: how far trainer and
    sampler are apart before the first step, in nats a token; None where nothing was learnt from.
    stale: in its place where the policy has moved since it sampled (late rewards, pieces).
    update_tokens: that went forward and back. skipped_groups: without a signal. critic_error: of
    PPO alone, the root of the mean squared error of its values.
    """
    done = roll.completions
    tokens = int(done.lengths.sum())
    learned = len(roll.per_token) == 2  # advantages, and what a critic should say
    value = {"critic_error": (total["miss"] / config.updates) ** 0.5} if learned else {}
    gap = total["gap"] / total["compared"] if total["compared"] else None
    return value | {
        "loss": total["loss"] / config.updates,
        "kl": total["kl"] / tokens,
        "clipped": total["clipped"] / tokens,
        "grad_norm": total["grad_norm"] / config.updates,
        "entropy": -float(done.logps[done.mask].mean()),
        "stale" if config.stale else "logp_gap": gap,
        "update_tokens": total["update_tokens"],
        "skipped_groups": 0 if config.every_row else int((roll.advantages == 0).all(1).sum()),
    }
