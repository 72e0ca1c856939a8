"""A judge of steps, a process reward model: a small head that reads, at the end of each step, what
a frozen base knows there (DeepSeek-R1, 4.2).

Three heads ship in `data/judges/steps`, all made from the base's own answers by `python -m r1lab
pretrain steps` (`tiny_world.steps`):

* `exact`: taught whether the target can still be reached behind the step, which was worked out.
* `rollouts`: taught how many of four continuations by the base end right, the usual way to label
  steps without people.
* `outcome`: taught at every token whether this very answer ended right: a value of states, and at
  the last token a judge of outcomes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from r1lab.models import load as load_model
from r1lab.models import plain
from r1lab.models.names import DATA

HEADS = ("exact", "rollouts", "outcome")
FORMS = ("sum", "min", "difference")
SHIPPED = "steps"  # their folder in data/judges
LAYERS = (3, 4, 5)  # of the base, whose states are read: the last one knows more of words
WIDTH = 64
MICRO = 16384  # padded tokens a forward pass may hold


class Head(nn.Module):
    """Log-odds of one step from F numbers of the base: one hidden layer."""

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.layers = nn.Sequential(nn.Linear(features, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))

    def forward(self, known: Tensor) -> Tensor:
        """known: (S, F); gives (S,)."""
        return self.layers((known - self.mean) / self.spread)[:, 0]


@dataclass(frozen=True)
class Judge:
    """A head, and the base that it reads with."""

    model: nn.Module
    tokenizer: object
    head: Head


@torch.no_grad()
def states(model, ids: Sequence[Sequence[int]], places: Sequence[Sequence[int]]) -> Tensor:
    """(S, F) what the base knows at some tokens of N texts: states of its `LAYERS` side by side,
    text by text. ids: N lists of token ids; places: for each the indices of tokens."""
    inner = plain(model)
    found: list = [None] * len(ids)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for rows in _batches(order, ids):
        padded = torch.zeros(len(rows), len(ids[rows[-1]]), dtype=torch.long)
        for row, i in zip(padded, rows, strict=True):
            row[: len(ids[i])] = torch.tensor(ids[i])
        given = inner.model(
            input_ids=padded.to(inner.device), use_cache=False, output_hidden_states=True
        )
        known = torch.cat([given.hidden_states[layer] for layer in LAYERS], -1).float().cpu()
        for row, i in zip(known, rows, strict=True):
            found[i] = row[list(places[i])]
    return torch.cat(found) if found else torch.zeros(0, 0)


def _batches(order: list[int], ids):
    """Rows of like length, as many as `MICRO` padded tokens allow."""
    rows: list[int] = []
    for i in order:
        if rows and (len(rows) + 1) * len(ids[i]) > MICRO:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


def placed(tokenizer, prompt: str, text: str, ends: Sequence[int]) -> tuple[list[int], list[int]]:
    """The token ids of a prompt with its completion, and the token in which each of `ends`,
    characters of the completion, lies."""
    read = tokenizer(prompt + text, return_offsets_mapping=True)
    places, at = [], 0
    stops = [stop for _, stop in read["offset_mapping"]]
    for end in ends:
        while stops[at] < len(prompt) + end:
            at += 1
        places.append(at)
    return read["input_ids"], places


@torch.no_grad()
def scores(judge: Judge, prompts: Sequence[str], texts: Sequence[str],
           ends: Sequence[Sequence[int]]) -> list[list[float]]:  # fmt: skip
    """For each of N completions a probability a step. ends: for each the characters up to and with
    each step, ascending, as in `steps.Step`."""
    read = [placed(judge.tokenizer, *row) for row in zip(prompts, texts, ends, strict=True)]
    known = states(judge.model, [ids for ids, _ in read], [places for _, places in read])
    said = judge.head(known).sigmoid().tolist() if len(known) else []
    found, at = [], 0
    for row in ends:
        found.append(said[at : at + len(row)])
        at += len(row)
    return found


def paid(form: str, each: Sequence[float]) -> float:
    """What the steps of one answer earn together, from what a judge says of each; 0 without any.

    "sum": all of them. "min": the worst. "difference": how much each step improved on the one
    before, added up; in a sum of differences all but the last cancel, so it is the last, less what
    is said before the first step, which is one number for a whole group.
    """
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}: choose one of {', '.join(FORMS)}")
    if not each:
        return 0.0
    return {"sum": sum(each), "min": min(each), "difference": each[-1]}[form]


def fit(known: Tensor, marks: Tensor, seed: int, steps: int = 1500, lr: float = 2e-3) -> Head:
    """A head trained on (S, F) states with marks (S,) between 0 and 1, by logistic loss."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = Head(known.shape[1])
    head.mean.copy_(known.mean(0))
    head.spread.copy_(known.std(0) + 1e-5)
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(head.layers.parameters(), lr=lr, weight_decay=0.3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps + 1)
    loss_of = nn.functional.binary_cross_entropy_with_logits
    for _ in range(steps):
        rows = torch.randint(len(known), (512,), generator=draw)
        loss = loss_of(head(known[rows]), marks[rows].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    return head.eval()


def save(heads: dict[str, Head], folder: Path, report: dict) -> None:
    """The heads' weights in float16, and what is known about them."""
    folder.mkdir(parents=True, exist_ok=True)
    every = [(f"{name}.", head.state_dict()) for name, head in heads.items()]
    weights = {at + key: w.half().contiguous() for at, state in every for key, w in state.items()}
    save_file(weights, folder / "heads.safetensors")
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def weights_of(data: Path = DATA) -> Path:
    """The file of the shipped heads. Raises FileNotFoundError with the command that makes it."""
    file = data / "judges" / SHIPPED / "heads.safetensors"
    if not file.is_file():
        raise FileNotFoundError(
            f"{file.parent} holds no judges of steps: make them with `python -m r1lab pretrain "
            f"{SHIPPED}`"
        )
    return file


def load(name: str, data: Path = DATA) -> Judge:
    """The shipped judge of that name of `HEADS` with the base `rich`, which it was made with.
    Raises FileNotFoundError as `weights_of` does, KeyError for another name."""
    if name not in HEADS:
        raise KeyError(f"no judge of steps is called {name!r}: choose one of {', '.join(HEADS)}")
    weights = {key.removeprefix(f"{name}."): tensor.float()
               for key, tensor in load_file(weights_of(data)).items()
               if key.startswith(f"{name}.")}  # fmt: skip
    head = Head(len(weights["mean"]))
    head.load_state_dict(weights)
    return Judge(*load_model("rich"), head.eval())
