"""What sampling gives, and the plain way to get it: transformers' `generate`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers import LogitsProcessor, LogitsProcessorList


@dataclass(frozen=True)
class Completions:
    """N completions in the order of their prompts (group by group), right-padded to T.

    ids (N, T): sampled tokens, end token included. logps (N, T): their log-probabilities
    at the sampling temperature, 0 behind the end. lengths (N,): tokens, end token
    included. ended (N,): False where the cap cut the completion.
    """

    ids: torch.Tensor
    logps: torch.Tensor
    lengths: torch.Tensor
    ended: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """(N, T) True at real tokens, the end token among them. By length, never by
        comparing with the pad token: where pad equals eos that would untrain the end."""
        return torch.arange(self.ids.shape[1], device=self.ids.device) < self.lengths[:, None]

    def texts(self, tokenizer) -> list[str]:
        """The completions as text, without the end token."""
        rows = [row[:n] for row, n in zip(self.ids.tolist(), self.lengths.tolist(), strict=True)]
        return tokenizer.batch_decode(rows, skip_special_tokens=True)


def repeated(given: Sequence, group: int) -> list:
    """The prompt (or problem) of each of N = P * `group` completions, group by group."""
    return [one for one in given for _ in range(group)]


def cut(out, logps, stop: int) -> Completions:
    """Completions from sampled tokens (N, T) that may go on behind the first end token."""
    is_end = out == stop
    ended = is_end.any(1)
    count = torch.where(ended, is_end.int().argmax(1) + 1, out.shape[1])
    width = int(count.max())
    behind = torch.arange(width, device=out.device) >= count[:, None]
    return Completions(
        out[:, :width].masked_fill(behind, 0),
        logps[:, :width].masked_fill(behind, 0.0),
        count,
        ended,
    )


def generate(
    model, prompts, max_new: int, stop: int, generator, temperature: float = 1.0
) -> Completions:
    """A completion of each of N prompts through transformers' `generate`: the peer, and the way
    for models the sampler does not know. Its randomness is torch's, seeded from `generator`."""
    device, longest = model.device, max(map(len, prompts))
    ids = torch.tensor([[stop] * (longest - len(p)) + p for p in prompts], device=device)
    seen = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    how = (
        {"do_sample": False}
        if temperature == 0
        else {"do_sample": True, "temperature": temperature}
    )
    how |= {
        "top_k": 0,
        "top_p": 1.0,
        "repetition_penalty": 1.0,
    }  # a hub model brings its own settings: not here
    seed = (
        0
        if generator is None
        else int(torch.randint(2**31, (), generator=generator, device=generator.device))
    )
    drawn = _Drawn(temperature)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        found = model.generate(
            input_ids=ids, attention_mask=seen, max_new_tokens=max_new, **how, eos_token_id=stop,
            pad_token_id=stop, logits_processor=LogitsProcessorList([drawn]),
        )  # fmt: skip
    return cut(found[:, longest:], drawn.closed(found), stop)


class _Drawn(LogitsProcessor):
    """Log-probabilities of what `generate` draws. It holds those of one step over the vocabulary:
    all of them would be N x T x V."""

    def __init__(self, temperature: float):
        self.temperature, self.last, self.logps = temperature or 1.0, None, []

    def __call__(self, ids, scores):
        self._close(ids)
        self.last = (scores.float() / self.temperature).log_softmax(-1)
        return scores

    def closed(self, ids) -> torch.Tensor:
        """(N, T) of all tokens that were drawn."""
        self._close(ids)
        return torch.stack(self.logps, 1)

    def _close(self, ids) -> None:
        if self.last is not None:
            self.logps.append(self.last.gather(1, ids[:, -1:])[:, 0])


def joined(parts: list[Completions]) -> Completions:
    """Several batches of completions as one, padded to the longest."""
    width = max(part.ids.shape[1] for part in parts)
    ids, logps = (
        torch.cat([F.pad(x, (0, width - x.shape[1])) for x in tensors])
        for tensors in ([part.ids for part in parts], [part.logps for part in parts])
    )
    return Completions(
        ids, logps, torch.cat([p.lengths for p in parts]), torch.cat([p.ended for p in parts])
    )
