"""What every algorithm of the course shares: log-probabilities of given tokens, their gradient in
micro-batches, the optimizer and its state.

An algorithm says what it learns from (a `Batch`) and gives a loss of log-probabilities; here it
becomes an optimizer step on any causal language model, with LoRA or without, in float32 or in half
precision. Left out: what is learnt, and from where it comes (`grpo`, `sft`, `dpo`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from r1lab import losses
from r1lab.models import head, plain, precision, trainable
from r1lab.sampler import Completions

# What a float16 loss is multiplied by on the way back, because gradients below 6e-8 become 0: the
# largest that overflows nothing. Any from 2^6 to 2^20 gave the same gradient on SmolLM2 and on a
# tiny base.
SCALES = (2.0**14, 2.0**10, 2.0**6, 2.0**2, 1.0)
CRITIC = "critic:"  # before the names of a critic's tensors
WAITING = "waiting:"  # before those of completions that wait
MEMORY = "memory:"  # before those of what a method remembers

# (rows, log-probabilities (B, T), mask (B, T)) -> the loss of a micro-batch, and numbers to report,
# both such that they add up over micro-batches
LossOf = Callable[[list[int], Tensor, Tensor], tuple[Tensor, dict[str, float]]]


@dataclass(frozen=True)
class Learner:
    """What learns: a model that is ready to train, its tokenizer, its optimizer; for PPO beside it
    a critic, which learns by itself. waiting: completions whose rewards are still to come, by the
    step that will learn from them. memory: what else the method must know at the next step."""

    model: torch.nn.Module
    tokenizer: object
    optimizer: torch.optim.Optimizer
    critic: Learner | None = None
    waiting: dict[int, Completions] = field(default_factory=dict)
    memory: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """N completions and what stood before each. prompts: N lists of token ids; ids (N, T):
    completions, right-padded; lengths (N,): their tokens, the end token included."""

    prompts: list[list[int]]
    ids: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """(N, T), True on the completions' tokens."""
        return torch.arange(self.ids.shape[1], device=self.ids.device) < self.lengths[:, None]

    def size(self, row: int) -> int:
        """Tokens of a row, prompt and completion."""
        return len(self.prompts[row]) + int(self.lengths[row])


@dataclass(frozen=True)
class Update:
    """An optimizer step on examples that were there before it, and what it said of itself. A run
    writes it down like a `Rollout`."""

    step: int
    report: dict[str, float]

    def line(self) -> dict:
        """A line of metrics.jsonl."""
        return {"step": self.step} | {k: round(v, 6) for k, v in self.report.items()}

    def group(self) -> None:
        """No group for samples.jsonl: nothing was sampled."""


def learner(model, tokenizer, lr: float) -> Learner:
    """`model`, ready to train (`models.prepare`), with AdamW without weight decay on what learns.
    The moments forget fast, because runs are short."""
    weights = trainable(model).values()
    optimizer = torch.optim.AdamW(weights, lr=lr, betas=(0.9, 0.99), weight_decay=0.0)
    return Learner(model, tokenizer, optimizer)


def logps(model, batch: Batch, rows: list[int], temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """(B, T) log-probabilities of the completions' tokens under the policy as it is, and the mask.

    Padding stands on the right, where causal attention never looks, so no mask is needed inside;
    logits are made only where a completion token is predicted, and not all at once. Raises
    ValueError for a model whose logits are more than its head's weight (`models.head`).
    """
    hidden, target, mask = before_each(model, batch, rows)
    found = losses.head_logps(hidden[mask], head(model), target[mask], temperature)
    whole = torch.zeros(mask.shape, dtype=found.dtype, device=mask.device)
    return whole.masked_scatter(mask, found), mask


def before_each(model, batch: Batch, rows: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, H) what the model's last layer knows before each token of the completions, (B, T) the
    tokens, and their mask."""
    device = model.get_input_embeddings().weight.device
    prompts = [batch.prompts[r] for r in rows]
    width = int(batch.lengths[rows].max())
    target = batch.ids[rows][:, :width]
    mask = batch.mask[rows][:, :width].to(device)
    ids = torch.zeros(len(rows), max(map(len, prompts)) + width, dtype=torch.long)
    for row, p, completion in zip(ids, prompts, target, strict=True):
        row[: len(p)] = torch.tensor(p)
        row[len(p) : len(p) + width] = completion
    inner = plain(model)
    with precision(model):
        hidden = inner.model(input_ids=ids.to(device), use_cache=False).last_hidden_state
    starts = torch.tensor([len(p) for p in prompts], device=device) - 1
    at = starts[:, None] + torch.arange(width, device=device)  # the position that predicts token t
    hidden = hidden.gather(1, at[..., None].expand(-1, -1, hidden.shape[-1]))
    return hidden, target.to(device), mask


@torch.no_grad()
def frozen_logps(learner: Learner, batch: Batch, config) -> Tensor:
    """(N, T) log-probabilities of all completions under the policy as it is now, 0 on padding."""
    found = torch.zeros(batch.ids.shape)
    for rows in micro_batches(batch, range(len(batch.prompts)), config.micro_tokens):
        part, mask = logps(learner.model, batch, rows, config.temperature)
        found[rows, : mask.shape[1]] = part.cpu()
    return found


def micro_batches(
    batch: Batch, rows: Sequence[int], micro_tokens: int, together: int = 1
) -> Iterator[list[int]]:
    """Rows of like length, as many at a time as `micro_tokens` padded tokens allow. together: how
    many rows that follow each other must not be parted, such as the two of a pair."""
    units = [tuple(rows[i : i + together]) for i in range(0, len(rows), together)]
    size = {unit: max(batch.size(row) for row in unit) for unit in units}
    found: list[int] = []
    longest = 0
    for unit in sorted(units, key=lambda u: -size[u]):
        if found and (len(found) + together) * longest > micro_tokens:
            yield found
            found = []
        longest = longest if found else size[unit]
        found.extend(unit)
    if found:
        yield found


def gradients(
    model, batch: Batch, micros: list[list[int]], loss_of: LossOf,
    temperature: float = 1.0, scale: float = 1.0,
) -> dict[str, float]:  # fmt: skip
    """Leave the gradient of all micro-batches together in `.grad`, fresh; gives their loss and what
    `loss_of` reports. scale: the loss is multiplied by it on the way back, the gradient divided."""
    learning = list(trainable(model).values())
    for p in learning:  # zeros, not None: a step without signal still decays the moments
        p.grad = torch.zeros_like(p)
    found = {"loss": 0.0}
    for rows in micros:
        loss, numbers = loss_of(rows, *logps(model, batch, rows, temperature))
        (loss * scale).backward()
        for name, value in {"loss": float(loss.detach()), **numbers}.items():
            found[name] = found.get(name, 0.0) + value
    if scale != 1:
        for p in learning:
            p.grad /= scale
    return found


def step(
    learner: Learner, batch: Batch, rows: Sequence[int], loss_of: LossOf, config, together: int = 1
) -> dict[str, float]:
    """One optimizer step on `rows` of a batch; gives the loss, what `loss_of` reports, the
    gradient's norm before it is cut, and the tokens that were computed.

    together: see `micro_batches`. config: with `micro_tokens`, `temperature` and `max_grad_norm`.
    In float16 the loss is scaled; where that overflows it is computed again with a smaller scale.
    """
    model = learner.model
    learning = list(trainable(model).values())
    half = model.get_input_embeddings().weight.dtype == torch.float16
    micros = list(micro_batches(batch, rows, config.micro_tokens, together))
    for scale in SCALES if half else (1.0,):
        found = gradients(model, batch, micros, loss_of, config.temperature, scale)
        if all(p.grad.isfinite().all() for p in learning):
            break
    norm = torch.nn.utils.clip_grad_norm_(learning, config.max_grad_norm)
    learner.optimizer.step()
    learner.optimizer.zero_grad()
    tokens = sum(batch.size(row) for micro in micros for row in micro)
    return {**found, "grad_norm": float(norm), "update_tokens": tokens}


def state(learner: Learner) -> dict[str, Tensor]:
    """Everything a resumed run needs: what learns, the optimizer's moments, what waits and what is
    remembered, by name, as copies in main memory."""
    tensors = {}
    for name, p in trainable(learner.model).items():
        tensors[f"weight/{name}"] = p.detach().to("cpu", copy=True)
        for key, value in learner.optimizer.state.get(p, {}).items():
            tensors[f"{key}/{name}"] = torch.as_tensor(value).to("cpu", copy=True)
    if learner.critic:
        tensors |= {CRITIC + name: tensor for name, tensor in state(learner.critic).items()}
    for step, done in learner.waiting.items():
        parts = {f"{WAITING}{step}/{name}": tensor for name, tensor in vars(done).items()}
        tensors |= {name: tensor.to("cpu", copy=True) for name, tensor in parts.items()}
    tensors |= {MEMORY + name: tensor.clone() for name, tensor in learner.memory.items()}
    return tensors


def restore(learner: Learner, tensors: dict[str, Tensor]) -> None:
    """Put back what `state` took. Raises KeyError where the model is another one."""
    if learner.critic:
        own = {k.removeprefix(CRITIC): t for k, t in tensors.items() if k.startswith(CRITIC)}
        restore(learner.critic, own)
    learner.waiting.clear()
    waiting = {k.removeprefix(WAITING): t for k, t in tensors.items() if k.startswith(WAITING)}
    for step in sorted({int(name.split("/")[0]) for name in waiting}):
        parts = {f.name: waiting[f"{step}/{f.name}"] for f in fields(Completions)}
        learner.waiting[step] = Completions(**parts)
    learner.memory.clear()
    kept = {k: t.clone() for k, t in tensors.items() if k.startswith(MEMORY)}
    learner.memory.update({k.removeprefix(MEMORY): t for k, t in kept.items()})
    for name, p in trainable(learner.model).items():
        with torch.no_grad():
            p.copy_(tensors[f"weight/{name}"])
        saved = {k.split("/", 1)[0]: v for k, v in tensors.items() if k.split("/", 1)[-1] == name}
        saved.pop("weight")
        if saved:  # moments lie where the weights lie; AdamW wants its count in main memory
            learner.optimizer.state[p] = {
                k: v.clone() if k == "step" else v.to(p.device, copy=True) for k, v in saved.items()
            }
