"""What training changed, token by token: two policies read the same completion.

The KL of whole completions is the sum over their tokens of the KL of the next token, in the mean
over completions of the first policy (lesson 02). So on the trained model's own completions the
change divides among kinds of place without remainder. Left out: what a change is worth. That takes
a control which has a part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from r1lab.tiny_world.words import WORDS

# a decision of the tiny world's text, by what stands before it
RESULT = "after a result"  # compare, state it and stop, go on, change the order
VERDICT = "after a verdict"  # again, or stop
SUM = "which sum"  # the numbers and the sign of a step
REST = "anything else"
PLACES = (RESULT, VERDICT, SUM, REST)
VERDICTS = {words[kind] for words in WORDS.values() for kind in ("yes", "no", "next")}
OPENS = {", ", "<think>", *"+-*/("} | {  # behind these stands a number of a step
    words[kind] for words in WORDS.values() for kind in ("then", "so", "wait", "try", "hence")
}


@dataclass(frozen=True)
class Reading:
    """A completion of T tokens. pieces: their texts. base, trained (T,): the probability that each
    policy gave to the token that stands there. moved (T,): how far the trained policy's next token
    is from the base's at this place, KL(trained || base) in nats, whatever token came."""

    pieces: list[str]
    base: Tensor
    trained: Tensor
    moved: Tensor


@torch.no_grad()
def read(base, trained, tokenizer, prompt: str, completion: str) -> Reading:
    """Both policies on one completion behind its prompt, at temperature 1."""
    asked, said = tokenizer(prompt)["input_ids"], tokenizer(completion)["input_ids"]
    ids = torch.tensor([asked + said], device=base.device)
    before, after = (
        torch.log_softmax(model(input_ids=ids).logits[0, len(asked) - 1 : -1].float(), -1).cpu()
        for model in (base, trained)
    )
    moved = (after.exp() * (after - before)).sum(-1)
    at = torch.tensor(said)[:, None]
    chances = (policy.gather(-1, at)[:, 0].exp() for policy in (before, after))
    return Reading(tokenizer.convert_ids_to_tokens(said), *chances, moved)


def place(pieces: list[str], i: int) -> str:
    """The kind of place of token i, one of `PLACES`: what is decided there in a thought on
    Countdown. Behind the thoughts all is `REST`."""
    before = pieces[:i]
    if not before or "</think>" in before:
        return REST
    last, *others = before[:-3:-1]
    if last.isdigit():
        sign = others[0] if others else ""
        return RESULT if sign == "=" else REST if sign == " vs " else SUM
    return VERDICT if last in VERDICTS else SUM if last in OPENS else REST


def by_place(readings: Sequence[Reading]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kind of place -> ((R,) nats moved there in each of R completions, (R,) tokens there)."""
    shape = len(readings), len(PLACES)
    moved, tokens = np.zeros(shape), np.zeros(shape)
    for row, reading in enumerate(readings):
        for i, nats in enumerate(reading.moved.tolist()):
            column = PLACES.index(place(reading.pieces, i))
            moved[row, column] += nats
            tokens[row, column] += 1
    return {kind: (moved[:, i], tokens[:, i]) for i, kind in enumerate(PLACES)}
