"""A small learned scorer: how likely is it that a finished answer is right?

A head of two layers reads what the policy itself knows at the end of its answer, the policy being
frozen. It learns from answers to problems of the train split, which a rule has judged, and then
chooses among answers to problems that no rule judges (o1's re-ranking with a learned scorer).
"""

import torch
from torch import Tensor, nn

from r1lab import losses, policy
from r1lab.evaluate import Answers
from r1lab.models import head
from r1lab.policy import Batch
from r1lab.sampler import repeated
from r1lab.tasks import prompt

MICRO = 16384  # padded tokens a forward pass may hold
MEAN_LOGP = -3  # the column of `features` that holds the mean log-probability


@torch.no_grad()
def features(model, tokenizer, found: Answers, template: str) -> Tensor:
    """(N, H + 3) of each answer: the last hidden state before its end, the mean and the smallest
    log-probability of its tokens, and its length in hundreds of tokens."""
    asked = [prompt(p, template) for p in repeated(found.problems, found.per_problem)]
    prompts = tokenizer(asked)["input_ids"]
    end = [tokenizer.eos_token_id]
    rows = tokenizer(found.texts, add_special_tokens=False)["input_ids"]
    rows = [torch.tensor(row + end) for row in rows]
    lengths = torch.tensor([len(row) for row in rows])
    batch = Batch(prompts, nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths)
    weight = head(model)
    known = torch.zeros(len(rows), weight.shape[1] + 3)
    for at in policy.micro_batches(batch, range(len(rows)), MICRO):
        hidden, target, mask = policy.before_each(model, batch, at)
        found_logps = losses.head_logps(hidden[mask], weight, target[mask], 1.0)
        logps = torch.zeros(mask.shape).masked_scatter(mask.cpu(), found_logps.float().cpu())
        n = lengths[at]
        last = hidden[torch.arange(len(at)), n - 1].float().cpu()
        numbers = [logps.sum(1) / n, logps.min(1).values, n / 100]
        known[at] = torch.cat([last, torch.stack(numbers, 1)], 1)
    return known


def fit(known: Tensor, right: Tensor, seed: int, steps: int = 400):
    """The function (features (N, F)) -> (N,) probabilities that an answer is right, learned from
    features and whether each answer was right, (N,), by logistic loss.

    An eighth of the answers is kept apart, and the step that was best there is the one that stays.
    """
    rng = torch.Generator().manual_seed(seed)
    mean, spread = known.mean(0), known.std(0) + 1e-6
    apart = torch.rand(len(known), generator=rng) < 0.125
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        width = known.shape[1]
        net = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.1)
    x, y = (known - mean) / spread, right.float()
    loss_of = nn.functional.binary_cross_entropy_with_logits
    train, best, kept = torch.nonzero(~apart)[:, 0], float("inf"), None
    for step in range(steps):
        rows = train[torch.randint(len(train), (256,), generator=rng)]
        optimizer.zero_grad()
        loss_of(net(x[rows])[:, 0], y[rows]).backward()
        optimizer.step()
        if step % 10 == 9:
            with torch.no_grad():
                held = float(loss_of(net(x[apart])[:, 0], y[apart]))
            if held < best:
                best, kept = held, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(kept)

    @torch.no_grad()
    def score(known: Tensor) -> Tensor:
        return net((known - mean) / spread)[:, 0].sigmoid()

    return score
