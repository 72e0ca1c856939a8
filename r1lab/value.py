"""A learned judge: a network that says how likely an answer is right (DeepSeek-R1, 2.2.2, which
decides against such "neural reward models").

It reads the problem and the answer, token by token, and may see how long the thoughts before it
are, but not what they say. It has never seen arithmetic executed: the thoughts, where sums are
worked out, are cut away, an answer holds no result of a sum, and nothing here computes one. All it
had are marks, right or wrong, on answers of the base. So what it knows about sums it has guessed
from marks, as a judge does whose subject can only be judged by its surface. It is a small network
on a fixed window; whether a policy is tiny or large is nothing to it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from r1lab.models.names import DATA
from r1lab.tasks.problem import Problem
from r1lab.tasks.reading import LONGEST
from r1lab.thoughts import thoughts

JUDGES = (
    "judge-85",
    "judge-96",
)  # shipped in data/judges, named for about how often they are right
MOST = 4  # numbers of a problem
WINDOW = 15  # tokens of an answer; what stands behind them is not read. Four numbers need 11
LARGEST = 199  # number that is a token; larger ones count as this one
SIGNS = "+-*/()"
OTHER, BLANK = LARGEST + 1 + len(SIGNS), LARGEST + 2 + len(SIGNS)  # unknown signs; an empty place
BINS = 5  # of the judge's probability, in a report


@dataclass(frozen=True)
class Seen:
    """What a judge may see of a completion: the problem, the answer, and how many numbers, words
    and signs the thoughts have."""

    problem: Problem
    answer: str
    words: int


@dataclass(frozen=True)
class Recipe:
    """How a judge is trained. problems: whose marked answers it is shown. passes: over the wrong
    answers, each step with as many right ones beside them, so that both classes weigh the same.
    length: whether it sees how long was thought."""

    problems: int
    passes: int
    length: bool = False
    lr: float = 3e-3
    batch: int = 256


def seen(problem: Problem, completion: str, answer: str | None) -> Seen:
    """The judge's view of a completion in which this answer was found; None is an empty one."""
    pieces = re.findall(r"[0-9]+|[^\W0-9]+|[^\w\s]", thoughts(completion))
    return Seen(problem, answer or "", len(pieces))


class Judge(nn.Module):
    """Log-odds from the window. Without `length`: two hidden layers. With it a line, a weight for
    each token at each place, and one for the logarithm of the thoughts' length: a judge that can be
    read. A number token is known by what is learned about it, by its size and by its logarithm."""

    def __init__(self, length: bool, depth: int = 16, width: int = 256):
        super().__init__()
        self.embed = nn.Embedding(BLANK + 1, depth)
        known = (1 + MOST + WINDOW) * (depth + 2)
        deep = (
            nn.Linear(known, width), nn.ReLU(),
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1),
        )  # fmt: skip
        self.layers = nn.Linear(known, 1) if length else nn.Sequential(*deep)
        self.length = nn.Parameter(torch.zeros(1)) if length else None
        number = torch.arange(BLANK + 1.0)
        sizes = torch.stack([number / 50, (number + 1).log() / 2], 1)
        self.register_buffer("sizes", sizes * (number <= LARGEST)[:, None], persistent=False)

    def forward(self, ids: Tensor, words: Tensor) -> Tensor:
        """ids: (N, 1 + MOST + WINDOW), words: (N,), as `encoded`; gives (N,) log-odds."""
        known = torch.cat([self.embed(ids), self.sizes[ids]], -1)
        found = self.layers(known.flatten(1))[:, 0]
        return found if self.length is None else found + self.length * (words + 1).log()


def encoded(given: Sequence[Seen]) -> tuple[Tensor, Tensor]:
    """(N, 1 + MOST + WINDOW) target, numbers and the answer's tokens; (N,) words of the thoughts.
    Raises ValueError for another task than Countdown; no answer, whatever its text, raises."""
    ids = torch.full((len(given), 1 + MOST + WINDOW), BLANK)
    for row, one in zip(ids, given, strict=True):
        problem = one.problem
        if problem.task != "countdown" or len(problem.numbers) > MOST:
            raise ValueError(f"the judges know Countdown of up to {MOST} numbers alone")
        posed = (problem.target, *problem.numbers)
        row[: len(posed)] = torch.tensor([_number(n) for n in posed])
        written = [_token(t) for t in re.findall(r"[0-9]+|\S", one.answer[:LONGEST])[:WINDOW]]
        row[1 + MOST : 1 + MOST + len(written)] = torch.tensor(written, dtype=torch.long)
    return ids, torch.tensor([float(one.words) for one in given])


def _token(text: str) -> int:
    if text.isascii() and text.isdigit():
        return _number(int(text)) if len(text) < 7 else LARGEST
    return LARGEST + 1 + SIGNS.index(text) if text in SIGNS else OTHER


def _number(n: int) -> int:
    return max(0, min(n, LARGEST))


@torch.no_grad()
def scores(judge: Judge, given: Sequence[Seen]) -> list[float]:
    """The judge's log-odds that each answer is right, above 0 where it approves. It was trained on
    as many right as wrong ones."""
    return judge(*encoded(given)).tolist() if given else []


def fit(given: Sequence[Seen], right: Sequence[bool], recipe: Recipe, seed: int) -> Judge:
    """A judge trained on answers that somebody marked right or wrong. Raises ValueError where all
    are right or all are wrong.

    The order in which a problem's numbers are shown is drawn anew each time, as it means nothing.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge(recipe.length)
    draw = torch.Generator().manual_seed(seed)
    ids, words = encoded(given)
    marks = torch.tensor(right)
    good, bad = marks.nonzero()[:, 0], (~marks).nonzero()[:, 0]
    half = min(recipe.batch // 2, len(bad))
    if not len(good) or not half:
        raise ValueError("a judge learns from right and wrong answers: give some of both")
    network = [p for name, p in judge.named_parameters() if name != "length"]
    groups = [{"params": network, "lr": recipe.lr, "weight_decay": 0.1}]
    if recipe.length:  # one number that must move far
        groups += [{"params": [judge.length], "lr": 10 * recipe.lr, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups)
    total = recipe.passes * (len(bad) // half)
    highest = [group["lr"] for group in groups]
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, highest, total_steps=total + 1)
    wanted = torch.cat([torch.zeros(half), torch.ones(half)])
    for _ in range(recipe.passes):
        order = bad[torch.randperm(len(bad), generator=draw)]
        for i in range(len(bad) // half):
            wrong = order[i * half : (i + 1) * half]
            rows = torch.cat([wrong, good[torch.randint(len(good), (half,), generator=draw)]])
            said = judge(_shuffled(ids[rows], draw), words[rows])
            loss = nn.functional.binary_cross_entropy_with_logits(said, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
    return judge.eval()


def _shuffled(ids: Tensor, draw: torch.Generator) -> Tensor:
    """The problems' numbers in a new order; empty places stay behind them."""
    numbers = ids[:, 1 : 1 + MOST]
    keys = torch.rand(numbers.shape, generator=draw) + 2.0 * (numbers == BLANK)
    return torch.cat([ids[:, :1], numbers.gather(1, keys.argsort(1)), ids[:, 1 + MOST :]], 1)


def examined(judge: Judge, given: Sequence[Seen], marks: Sequence[bool]) -> dict:
    """How good a judge is on marked answers: of the right ones the share it approves, of the wrong
    ones the share it rejects, and their mean, the accuracy where both are equally frequent; auc:
    how often a right answer is approved more than a wrong one. base_rate: the share that is right
    as they come. calibration: by the judge's probability, in fifths: (mean probability, share right
    where both classes weigh the same, n), None where n is 0."""
    said, right = np.array(scores(judge, given)), np.array(marks)
    kept, refused = float((said[right] > 0).mean()), float((said[~right] <= 0).mean())
    return {
        "n": len(marks), "base_rate": float(right.mean()), "accuracy": (kept + refused) / 2,
        "approves_right": kept, "rejects_wrong": refused, "auc": auc(said, right),
        "calibration": [_bin(1 / (1 + np.exp(-said)), right, i) for i in range(BINS)],
    }  # fmt: skip


def auc(said: Sequence[float], marks: Sequence[bool]) -> float:
    """How often a right one is given more than a wrong one; equal ones count half. There must be
    some of both."""
    said, right = np.asarray(said), np.asarray(marks)
    _, which, counts = np.unique(said, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    n_right, n_wrong = int(right.sum()), int((~right).sum())
    above = float(ranks[right].sum()) - n_right * (n_right + 1) / 2
    return above / (n_right * n_wrong)


def _bin(said: np.ndarray, right: np.ndarray, i: int) -> tuple[float, float, int] | None:
    inside = np.minimum((said * BINS).astype(int), BINS - 1) == i
    if not inside.any():
        return None
    good = (inside & right).sum() / right.sum()
    bad = (inside & ~right).sum() / (~right).sum()
    return float(said[inside].mean()), float(good / (good + bad)), int(inside.sum())


def save(judge: Judge, folder: Path, report: dict) -> None:
    """Weights in float16, and what is known about them."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: w.half().contiguous() for name, w in judge.state_dict().items()}
    save_file(weights, folder / "judge.safetensors")
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def weights_of(name: str, data: Path = DATA) -> Path:
    """The file of a shipped judge of `JUDGES`, or of one in a folder. Raises FileNotFoundError with
    the command that makes it where it is missing."""
    folder = data / "judges" / name if name in JUDGES else Path(name)
    if not (folder / "judge.safetensors").is_file():
        raise FileNotFoundError(
            f"{folder} holds no judge: make it with `python -m r1lab pretrain {name}`"
        )
    return folder / "judge.safetensors"


def load(name: str, data: Path = DATA) -> Judge:
    """The judge of that name or folder. Raises FileNotFoundError as `weights_of` does."""
    weights = load_file(weights_of(name, data))
    judge = Judge("length" in weights)
    judge.load_state_dict({name: w.float() for name, w in weights.items()})
    return judge.eval()
