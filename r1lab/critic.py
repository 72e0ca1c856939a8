"""PPO's critic: a second network, as large as the policy, that learns what a state is worth
(Schulman et al. 2017; DeepSeek-R1 v2, A.3). GRPO puts a group's mean in its place.

`grpo.train` is PPO where its config has a `gae`: the same loop, with advantages for each token from
here. Left out: a clip for the value, a discount.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from r1lab import losses, models, policy
from r1lab.policy import Batch, Learner
from r1lab.rollouts import Rollout


class Critic(nn.Module):
    """A model with a number in the place of its logits. It begins as a copy of the policy and says
    0 of every state."""

    def __init__(self, model):
        super().__init__()
        self.body = deepcopy(model)
        self.head = nn.Linear(model.config.hidden_size, 1, device=model.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def get_input_embeddings(self):
        return self.body.get_input_embeddings()

    def values(self, batch: Batch, rows: list[int]) -> tuple[Tensor, Tensor]:
        """(B, T) the value of the state before each token, and the mask."""
        hidden, _, mask = policy.before_each(self.body, batch, rows)
        return self.head(hidden).squeeze(-1), mask


def beside(learner: Learner, lr: float) -> Learner:
    """The learner with a critic. Raises ValueError for weights in half precision."""
    if learner.model.dtype != torch.float32:
        raise ValueError(f"a critic learns in float32 only, not in {learner.model.dtype}")
    own = policy.learner(Critic(learner.model), learner.tokenizer, lr)
    return Learner(learner.model, learner.tokenizer, learner.optimizer, own)


@torch.no_grad()
def judge(learner: Learner, roll: Rollout, config) -> tuple[Tensor, Tensor]:
    """(N, T) whitened advantages and (N, T) what the critic should have said: the value plus the
    advantage.

    The reward comes with the last token; with `config.kl_in_reward` every token pays its share of
    the KL price, beta * log(policy / reference), at once.
    """
    batch, mask = roll.batch, roll.completions.mask.cpu()
    values, rewards = torch.zeros(mask.shape), torch.zeros(mask.shape)
    last = batch.lengths.cpu()[:, None].clamp(min=1).long() - 1
    rewards.scatter_(1, last, roll.rewards.flatten()[:, None])
    for rows in policy.micro_batches(batch, range(len(batch.prompts)), config.micro_tokens):
        found, _ = learner.critic.model.values(batch, rows)
        values[rows, : found.shape[1]] = found.cpu()
        if config.kl_in_reward:
            with models.reference(learner.model):
                ref, inside = policy.logps(learner.model, batch, rows, config.temperature)
            paid = (roll.completions.logps[rows, : ref.shape[1]].cpu() - ref.cpu()) * inside.cpu()
            rewards[rows, : ref.shape[1]] -= config.beta * paid
    advantages = losses.gae(rewards, values, mask, config.gae)
    return losses.whitened(advantages, mask), (values + advantages).masked_fill(~mask, 0.0)


def learn(learner: Learner, batch: Batch, rows: list[int], wanted: Tensor, config) -> float:
    """One optimizer step towards `wanted`, (N, T); gives the mean squared error before it."""
    own = learner.critic
    tokens = int(batch.lengths[rows].sum())
    total = 0.0
    for micro in policy.micro_batches(batch, rows, config.micro_tokens):
        values, mask = own.model.values(batch, micro)
        miss = (values - wanted[micro, : mask.shape[1]].to(mask.device)) * mask
        loss = miss.square().sum() / tokens
        (loss / 2).backward()
        total += float(loss.detach())
    weights = models.trainable(own.model).values()
    nn.utils.clip_grad_norm_(weights, config.max_grad_norm)
    own.optimizer.step()
    own.optimizer.zero_grad()
    return total
