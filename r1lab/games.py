"""Countdown as a game for a tree, twice (DeepSeek-R1, 4.2): a move is a sum, or a move is a token.

Both games ask the same base how likely each move is and the same head what a state is worth, so
that they differ in the moves alone. Of sums there are some twenty at a time and three in a row;
of tokens hundreds at a time and fifty in a row.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from r1lab import policy, prm
from r1lab.models import head
from r1lab.policy import Batch
from r1lab.tasks import Problem, prompt
from r1lab.tiny_world.habits import combined
from r1lab.tree import Expand, Found
from r1lab.verify import verify

LIKELY, WIDEST = 0.01, 8  # tokens below this probability are no moves, nor those behind so many
MICRO = 16384  # padded tokens a forward pass may hold


@dataclass(frozen=True)
class Sums:
    """A state between sums. values: (value, expression) of what is left; steps: the sums so far."""

    problem: Problem
    values: tuple[tuple[int, str], ...]
    steps: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The thoughts so far, as the base writes a guess."""
        return "<think>" + ", ".join(self.steps)

    @property
    def ended(self) -> bool:
        return len(self.values) == 1

    @property
    def won(self) -> bool:
        return self.ended and self.values[0][0] == self.problem.target

    @property
    def completion(self) -> str:
        """The whole completion, at an end."""
        return f"{self.text}</think><answer>{self.values[0][1]}</answer>"


def start(problem: Problem) -> Sums:
    """The state before the first sum."""
    return Sums(problem, tuple((n, str(n)) for n in problem.numbers))


def moves(state: Sums) -> list[Sums]:
    """The states behind one more sum, none twice: whole and positive numbers up to the largest of
    the tiny world. Two sums that leave the same numbers are one move."""
    found = {}
    for i in range(len(state.values)):
        for j in range(i + 1, len(state.values)):
            rest = [v for k, v in enumerate(state.values) if k not in (i, j)]
            for text, made in combined(state.values[i], state.values[j]):
                values = (*rest, made)
                left = tuple(sorted(value for value, _ in values))
                found.setdefault(left, Sums(state.problem, values, (*state.steps, text)))
    return list(found.values())


def next_of(state: Sums) -> list[Sums] | bool:
    """`moves`, or at an end whether it is won: what `tree.depth_first` asks."""
    return state.won if state.ended else moves(state)


def over_sums(judge: prm.Judge, model=None, template: str = "tiny") -> Expand:
    """The game of sums. judge: what a state is worth. model: how likely each sum is, as it would
    write it; None: all alike."""

    def expand(asked: list[Sums]) -> list[Found]:
        after = [[] if state.ended else moves(state) for state in asked]
        open_ = [state for state in asked if not state.ended]
        worth = iter(_worth(judge, open_, template))
        told = iter(_likely(model, judge.tokenizer, after, template))
        found = []
        for state, behind in zip(asked, after, strict=True):
            priors, tokens = next(told)
            value = float(state.won) if state.ended else next(worth)
            value = value if behind or state.ended else 0.0  # no move is left: lost
            found.append(Found(value, list(zip(priors, behind, strict=True)), tokens))
        return found

    return expand


def blind(seed: int) -> Expand:
    """The game of sums for who knows nothing: all sums alike, in random order, and every state that
    is no end worth one half. The control of every tree that knows something."""
    rng = random.Random(f"blind-{seed}")

    def expand(asked: list[Sums]) -> list[Found]:
        found = []
        for state in asked:
            behind = [] if state.ended else moves(state)
            rng.shuffle(behind)
            priors = [1 / len(behind)] * len(behind) if behind else []
            worth = float(state.won) if state.ended else 0.5
            found.append(Found(worth, list(zip(priors, behind, strict=True))))
        return found

    return expand


def _worth(judge: prm.Judge, asked: Sequence[Sums], template: str) -> list[float]:
    prompts = [prompt(state.problem, template) for state in asked]
    texts = [state.text for state in asked]
    found = prm.scores(judge, prompts, texts, [[len(text)] for text in texts])
    return [value for (value,) in found]


@torch.no_grad()
def _likely(model, tokenizer, after: list[list[Sums]], template: str) -> list:
    """For each state its moves' probabilities, which add up to 1, and the tokens read for them: a
    sum and the sign before it have six."""
    if model is None:
        return [([1 / len(b)] * len(b), 6) if b else ([], 0) for b in after]
    rows = [state for behind in after for state in behind]
    if not rows:
        return [([], 0) for _ in after]
    before, new = [], []
    for state in rows:
        begun = "<think>" + "".join(f"{step}, " for step in state.steps[:-1])
        before.append(prompt(state.problem, template) + begun)
        new.append(state.steps[-1])
    ids = [torch.tensor(row) for row in tokenizer(new, add_special_tokens=False)["input_ids"]]
    lengths = torch.tensor([len(row) for row in ids])
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    batch = Batch(tokenizer(before)["input_ids"], padded, lengths)
    total = torch.zeros(len(rows))
    for part in policy.micro_batches(batch, range(len(rows)), MICRO):
        logps, mask = policy.logps(model, batch, part)
        total[part] = (logps * mask).sum(1).float().cpu()
    found, at = [], 0
    for behind in after:
        mine = slice(at, at + len(behind))
        found.append((total[mine].softmax(0).tolist(), int(lengths[mine].sum())))
        at += len(behind)
    return found


@dataclass(frozen=True)
class Tokens:
    """A state between tokens. ids: those written so far; ended: by the end token or the cap."""

    problem: Problem
    ids: tuple[int, ...] = ()
    ended: bool = False


def over_tokens(judge: prm.Judge, most: int, template: str = "tiny") -> Expand:
    """The game of tokens, written by the judge's own base. most: tokens of a completion."""
    tokenizer = judge.tokenizer

    def expand(asked: list[Tokens]) -> list[Found]:
        told = iter(_told(judge, [state for state in asked if not state.ended], template))
        return [_end(tokenizer, s) if s.ended else _moved(s, *next(told)) for s in asked]

    def _moved(state: Tokens, value: float, priors: Tensor, tokens: list[int]) -> Found:
        stop = tokenizer.eos_token_id
        behind = []
        for prior, token in zip(priors.tolist(), tokens, strict=True):
            ids = (*state.ids, token)
            behind.append((prior, Tokens(state.problem, ids, token == stop or len(ids) == most)))
        return Found(value, behind, 1)

    return expand


@torch.no_grad()
def _told(judge: prm.Judge, asked: Sequence[Tokens], template: str) -> Iterator[tuple]:
    """Value, priors and tokens of each state."""
    if not asked:
        return
    posed = judge.tokenizer([prompt(state.problem, template) for state in asked])["input_ids"]
    ids = [[*before, *state.ids] for before, state in zip(posed, asked, strict=True)]
    known = prm.states(judge.model, ids, [[len(row) - 1] for row in ids])
    weights = head(judge.model)
    last = known[:, -weights.shape[1] :].to(weights.device)  # of the layer that the logits read
    chances, tokens = (last @ weights.T.float()).softmax(-1).topk(WIDEST)
    values = judge.head(known).sigmoid().tolist()
    for value, chance, row in zip(values, chances.cpu(), tokens.tolist(), strict=True):
        kept = int((chance >= LIKELY).sum().clamp(min=1))
        yield value, chance[:kept] / chance[:kept].sum(), row[:kept]


def _end(tokenizer, state: Tokens) -> Found:
    text = tokenizer.decode(state.ids, skip_special_tokens=True)
    return Found(float(verify(state.problem, text).correct))
