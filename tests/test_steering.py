"""Forced to think on: the end is not drawn before the word, and all else keeps its odds."""

import pytest
import torch
from helpers import tiny_model, words

from r1lab.sampler import Sampler, keep_thinking

TOKENIZER = words()
ID = TOKENIZER.convert_tokens_to_ids
END, YES, THINK_END, ANSWER = ID(["<eos>", " yes.", "</think>", "<answer>"])
PROMPT = [[5, 9, 12, 30]]


def model():
    return tiny_model(vocabulary=len(TOKENIZER))


def sampled(n, tokens, steer=None, policy=None):
    generator = torch.Generator().manual_seed(0)
    return Sampler(policy or model(), steer=steer).sample(PROMPT, n, tokens, END, generator)


def until_yes():
    return keep_thinking(TOKENIZER, [" yes."])


def test_nothing_ends_before_the_word_and_something_does_behind_it():
    policy = model()
    with torch.no_grad():  # make the word and the ends likely
        policy.get_input_embeddings().weight[[YES, END, THINK_END, ANSWER]] *= 2.0
    free, forced = (sampled(400, 40, steer, policy) for steer in (None, until_yes()))
    ends = torch.tensor([END, THINK_END, ANSWER])

    def early(done):
        """Rows with an end before the first yes."""
        found = 0
        for ids, n in zip(done.ids.tolist(), done.lengths.tolist(), strict=True):
            told = ids[:n].index(YES) if YES in ids[:n] else n
            found += any(i in ends for i in ids[:told])
        return found

    assert early(free) > 40 and early(forced) == 0
    said = [YES in row[:n] for row, n in zip(forced.ids.tolist(), forced.lengths, strict=True)]
    assert forced.ended.any() and all(s for s, e in zip(said, forced.ended, strict=True) if e)


def test_other_words_keep_their_proportions():
    """The first token against the model's own probabilities, the forbidden ones taken away."""
    logits = model()(input_ids=torch.tensor(PROMPT)).logits[0, -1].detach()
    chances = logits.softmax(-1)
    chances[[END, THINK_END, ANSWER]] = 0
    chances /= chances.sum()
    n = 20_000
    done = sampled(n, 1, until_yes())
    seen = torch.bincount(done.ids[:, 0], minlength=len(chances))
    spread = (n * chances * (1 - chances)).sqrt()
    assert ((seen - n * chances).abs() < 4.5 * spread + 1).all()
    torch.testing.assert_close(
        done.logps[:, 0].exp(), chances[done.ids[:, 0]], atol=1e-5, rtol=1e-4
    )


def test_without_a_steer_nothing_changes():
    same = sampled(8, 20), sampled(8, 20, lambda logits, _: logits)
    assert torch.equal(same[0].ids, same[1].ids) and torch.equal(same[0].logps, same[1].logps)


def test_a_word_that_is_no_token_is_refused():
    with pytest.raises(ValueError, match="are no tokens"):
        keep_thinking(TOKENIZER, ["certainly"])
