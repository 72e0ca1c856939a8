"""Change what a policy may say while it is sampled: a control for what training changes."""

import torch
from torch import Tensor


def keep_thinking(tokenizer, until: list[str]):
    """A `steer` of `Sampler`: no end of thinking, no answer and no end of text before one of the
    words `until`, each a token, has been said. The other words keep their proportions.

    Raises ValueError for a word that is not one token.
    """
    ends = _ids(tokenizer, ["</think>", "<answer>", tokenizer.eos_token])
    said = _ids(tokenizer, until)

    def steer(logits: Tensor, tokens: Tensor) -> Tensor:
        thinking = ~torch.isin(tokens, said.to(tokens.device)).any(1)  # (B,)
        forbidden = torch.zeros_like(logits, dtype=torch.bool)
        forbidden[:, ends.to(logits.device)] = thinking[:, None]
        return logits.masked_fill(forbidden, -torch.inf)

    return steer


def _ids(tokenizer, words: list[str]) -> Tensor:
    ids = tokenizer.convert_tokens_to_ids(words)
    unknown = [w for w, i in zip(words, ids, strict=True) if i in (None, tokenizer.unk_token_id)]
    if unknown:
        raise ValueError(f"{unknown} are no tokens of this model")
    return torch.tensor(ids)
