"""Reinforcement learning from scratch: the loop behind R1-Zero, on any causal language model.

One step: draw P problems, sample G completions each, reward them, turn rewards into
advantages inside each group, and move the policy along `losses.policy_loss`. What a
library adds (distribution, logging backends, forty options) is left out; `train.py` runs
the same step through TRL, and a test asks both for one loss.

All randomness of a step comes from (seed, step). So a run that was killed and resumed
draws what the uninterrupted run drew, and nothing about random states needs saving.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
from peft import PeftModel

from r1lab import losses, rewards
from r1lab.models import precision, reference, trainable
from r1lab.sampler.completions import Completions
from r1lab.sampler.sampling import Sampler
from r1lab.tasks import Problem, prompt

# What a float16 loss is multiplied by on the way back, because gradients below 6e-8 become 0: the largest
# that overflows nothing. Any from 2^6 to 2^20 gave the same gradient on SmolLM2 and on a tiny base.
SCALES = (2.0**14, 2.0**10, 2.0**6, 2.0**2, 1.0)


@dataclass(frozen=True)
class Config:
    """The method. Defaults are DeepSeek-R1's where it gives them, but for three: LoRA
    wants a rate some 10-1000 times that of full fine-tuning (R1-Zero: 3e-6); one update a
    rollout (R1: 16), so the ratio is 1 and clipping never acts; no KL term (R1: 0.001)."""

    steps: int = 40
    prompts: int = 16  # P; R1-Zero: 32
    group: int = 8  # G; R1-Zero: 16
    max_new: int = 320
    lr: float = 2e-3
    loss: str = "grpo"
    scale: str = "group"
    clip_low: float = 0.2
    clip_high: float = 0.2
    beta: float = 0.0  # weight of the KL term (k3) against the base
    updates: int = 1  # optimizer steps a rollout, each on its share of the groups
    temperature: float = 1.0
    max_grad_norm: float = 1.0
    micro_tokens: int = 8192
    template: str = "tiny"
    seed: int = 0

    def __post_init__(self):
        if self.group < 2:
            raise ValueError("a group needs at least 2 completions: an advantage compares them")
        if self.updates < 1 or self.prompts % self.updates:
            raise ValueError(
                f"updates must divide prompts: {self.prompts} prompts make no {self.updates} equal shares"
            )
        if self.loss not in losses.PUBLISHED:
            raise ValueError(
                f"unknown loss {self.loss!r}: choose one of {', '.join(losses.PUBLISHED)}"
            )

    @property
    def objective(self) -> losses.Objective:
        """The published loss of this name, with this config's clips."""
        published = losses.PUBLISHED[self.loss]
        return replace(published, clip_low=self.clip_low, clip_high=self.clip_high)


@dataclass(frozen=True)
class Rollout:
    """N = P * G completions of one step with their rewards, group by group."""

    problems: list[Problem]  # P
    prompt_ids: list[list[int]]  # P
    completions: Completions  # N
    texts: list[str]  # N
    parts: dict[str, list[float]]  # reward by function, N each
    rewards: torch.Tensor  # (P, G)
    advantages: torch.Tensor  # (P, G)


def draw(pool: list[Problem], config: Config, step: int) -> list[Problem]:
    """The P problems of a step: each pass over the pool is a new shuffle, no repeats inside."""
    first = (step - 1) * config.prompts
    chosen, orders = [], {}
    for i in range(first, first + config.prompts):
        epoch, at = divmod(i, len(pool))
        if epoch not in orders:
            orders[epoch] = random.Random(f"order-{config.seed}-{epoch}").sample(
                range(len(pool)), len(pool)
            )
        chosen.append(pool[orders[epoch][at]])
    return chosen


def rollout(
    model, tokenizer, problems: list[Problem], reward_set, config: Config, step: int
) -> Rollout:
    """Sample G completions a problem and reward them. reward_set: (functions, weights)."""
    sampler = Sampler(model)
    generator = torch.Generator(sampler.embed.device).manual_seed(1_000_003 * config.seed + step)
    prompts = [prompt(p, config.template) for p in problems]
    prompt_ids = tokenizer(prompts)["input_ids"]
    done = sampler.sample(
        prompt_ids,
        config.group,
        config.max_new,
        tokenizer.eos_token_id,
        generator,
        config.temperature,
    )
    texts = done.texts(tokenizer)
    asked = [p for p in problems for _ in range(config.group)]
    total, parts = rewards.score(
        *reward_set,
        prompts=[q for q in prompts for _ in range(config.group)],
        completions=texts,
        completion_ids=[
            row[:n] for row, n in zip(done.ids.tolist(), done.lengths.tolist(), strict=True)
        ],
        trainer_state=SimpleNamespace(global_step=step - 1),  # as TRL counts: before the update
        task=[p.task for p in asked],
        numbers=[list(p.numbers) for p in asked],
        target=[p.target for p in asked],
    )
    scores = torch.tensor(total).view(len(problems), config.group)
    advantages = losses.group_advantages(scores, config.scale)
    return Rollout(problems, prompt_ids, done, texts, parts, scores, advantages)


def update(model, optimizer, roll: Rollout, config: Config, device="cpu") -> dict[str, float]:
    """Move the policy: `config.updates` optimizer steps, each on an equal share of the groups.

    Groups whose rewards are all equal have no advantage and, without a KL term, no
    gradient: they are counted in the normaliser but never computed. The rest goes in
    micro-batches of like length; their gradients add up to the whole batch's.

    The report's entropy is that of the policy that sampled, in nats a token: the mean of
    minus the sampled tokens' log-probability, which estimates it without bias and costs nothing.
    """
    done, G = roll.completions, config.group
    P = len(roll.problems)
    entropy = -float(done.logps[done.mask].mean())
    report = {"loss": 0.0, "kl": 0.0, "clipped": 0.0, "grad_norm": 0.0, "entropy": entropy}
    learning = list(trainable(model).values())
    for share in torch.arange(P).chunk(config.updates):
        rows = (share[:, None] * G + torch.arange(G)).flatten()
        for scale in (
            SCALES if model.get_input_embeddings().weight.dtype == torch.float16 else (1.0,)
        ):
            found = gradients(model, roll, rows, config, device, scale)
            if all(p.grad.isfinite().all() for p in learning):
                break
        for name, value in found.items():
            report[name] += value / config.updates
        norm = torch.nn.utils.clip_grad_norm_(learning, config.max_grad_norm)
        report["grad_norm"] += float(norm) / config.updates
        optimizer.step()
        optimizer.zero_grad()
    return report


def gradients(
    model, roll: Rollout, rows: torch.Tensor, config: Config, device="cpu", scale: float = 1.0
) -> dict[str, float]:
    """Leave the gradient of an update on the completions `rows` in `.grad`, fresh; gives its loss, KL
    and clipped share. scale: the loss is multiplied by it on the way back, the gradient divided."""
    learning, done, advantages = (
        list(trainable(model).values()),
        roll.completions,
        roll.advantages.flatten(),
    )
    for p in learning:  # zeros, not None: a step without signal still decays the moments
        p.grad = torch.zeros_like(p)
    found = {"loss": 0.0, "kl": 0.0, "clipped": 0.0}
    objective, tokens = config.objective, done.mask[rows].sum()
    divisor = losses.loss_divisor(done.mask[rows], objective.average, config.max_new)
    skip = config.beta == 0 and objective.skips_zero_advantage
    work = rows[advantages[rows] != 0] if skip else rows
    for micro in _micro_batches(roll, work.tolist(), config):
        logps, mask = _logps(model, roll, micro, config, device)
        # One update a rollout: the policy still is the one that sampled, the ratio is 1.
        old = (
            logps.detach()
            if config.updates == 1
            else done.logps[micro][:, : mask.shape[1]].to(device)
        )
        policy = (logps, old, advantages[micro].to(device), mask, objective)
        found["clipped"] += int(losses.clipped_tokens(*policy)) / int(tokens)
        loss = losses.policy_loss(*policy, divisor)
        if config.beta:
            with torch.no_grad(), reference(model):
                ref, _ = _logps(model, roll, micro, config, device)
            kl = losses.kl_k3(logps, ref)
            found["kl"] += (
                float(losses.aggregate(kl.detach(), mask, "completion")) * len(micro) / len(rows)
            )
            loss = loss + config.beta * losses.aggregate(kl, mask, objective.average, divisor)
        (loss * scale).backward()
        found["loss"] += float(loss.detach())
    if scale != 1:
        for p in learning:
            p.grad /= scale
    return found


def _micro_batches(roll: Rollout, rows: list[int], config: Config) -> Iterator[list[int]]:
    """Rows of like length, as many at a time as `micro_tokens` padded tokens allow."""
    size = {
        r: len(roll.prompt_ids[r // config.group]) + int(roll.completions.lengths[r]) for r in rows
    }
    batch: list[int] = []
    for row in sorted(rows, key=lambda r: -size[r]):
        if batch and (len(batch) + 1) * size[batch[0]] > config.micro_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _logps(model, roll: Rollout, rows: list[int], config: Config, device):
    """(B, T) log-probabilities of the sampled tokens under the policy as it is now, and their mask.

    Padding stands on the right, where causal attention never looks, so no mask is needed;
    logits are made only where a completion token is predicted, and not all at once.
    """
    prompts = [roll.prompt_ids[r // config.group] for r in rows]
    width = int(roll.completions.lengths[rows].max())
    target = roll.completions.ids[rows][:, :width]
    mask = roll.completions.mask[rows][:, :width].to(device)
    ids = torch.zeros(len(rows), max(map(len, prompts)) + width, dtype=torch.long)
    for row, p, completion in zip(ids, prompts, target, strict=True):
        row[: len(p)] = torch.tensor(p)
        row[len(p) : len(p) + width] = completion
    inner = model.get_base_model() if isinstance(model, PeftModel) else model
    with precision(model):
        hidden = inner.model(input_ids=ids.to(device), use_cache=False).last_hidden_state
    starts = torch.tensor([len(p) for p in prompts], device=device) - 1
    at = starts[:, None] + torch.arange(width, device=device)  # the position that predicts token t
    hidden = hidden.gather(1, at[..., None].expand(-1, -1, hidden.shape[-1]))
    head = inner.get_output_embeddings().weight
    logps = losses.head_logps(hidden[mask], head, target.to(device)[mask], config.temperature)
    return torch.zeros(mask.shape, dtype=logps.dtype, device=device).masked_scatter(
        mask, logps
    ), mask


def make_optimizer(model, config: Config) -> torch.optim.Optimizer:
    """AdamW without weight decay on what learns; moments forget fast, because runs are short."""
    return torch.optim.AdamW(
        trainable(model).values(), lr=config.lr, betas=(0.9, 0.99), weight_decay=0.0
    )


def train(model, tokenizer, pool: list[Problem], reward_set, config: Config, optimizer, start: int = 0,
          device="cpu") -> Iterator[tuple[int, Rollout, dict]]:  # fmt: skip
    """Steps start+1 ... config.steps, one at a time: (step, rollout, report of the update).

    The caller writes records and saves `state`; leaving the loop early is safe.
    """
    for step in range(start + 1, config.steps + 1):
        roll = rollout(model, tokenizer, draw(pool, config, step), reward_set, config, step)
        yield step, roll, update(model, optimizer, roll, config, device)


def state(model, optimizer) -> dict[str, torch.Tensor]:
    """Everything a resumed run needs: what learns and the optimizer's moments, by name, as copies
    in main memory."""
    tensors = {}
    for name, p in trainable(model).items():
        tensors[f"weight/{name}"] = p.detach().to("cpu", copy=True)
        for key, value in optimizer.state.get(p, {}).items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value).to("cpu", copy=True)
    return tensors


def restore(model, optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put back what `state` took. Raises KeyError where the model is another one."""
    for name, p in trainable(model).items():
        with torch.no_grad():
            p.copy_(tensors[f"weight/{name}"])
        saved = {k.split("/", 1)[0]: v for k, v in tensors.items() if k.split("/", 1)[1] == name}
        saved.pop("weight")
        if (
            saved
        ):  # the moments lie where the weights lie; AdamW wants its count of steps in main memory
            optimizer.state[p] = {
                k: v.clone() if k == "step" else v.to(p.device, copy=True) for k, v in saved.items()
            }
