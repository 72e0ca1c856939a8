"""The sampler against transformers' own `generate` and forward pass."""

from functools import partial

import pytest
import torch
from helpers import tiny_model
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from r1lab.sampler import Sampler, captured, choosing, decoding, sampling

PROMPTS = [[5, 6, 7, 8, 9], [10, 11], [12, 13, 14]]
STOP = 1


def with_lora(model, seed=3):
    """LoRA whose B is not zero, so that it changes the answers."""
    torch.manual_seed(seed)
    model = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.2)
    return model.eval()


def greedy_by_generate(model, prompt, max_new):
    ids = torch.tensor([prompt])
    out = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=max_new,
        eos_token_id=STOP, pad_token_id=0,
    )  # fmt: skip
    return out[0, len(prompt) :].tolist()


def forward_logps(model, prompt, completion, temperature=1.0):
    """Log-probabilities of a completion by one plain forward pass, without padding."""
    logits = model(input_ids=torch.tensor([prompt + completion])).logits[0].float() / temperature
    logps = logits.log_softmax(-1)
    return torch.stack([logps[len(prompt) - 1 + t, token] for t, token in enumerate(completion)])


@pytest.mark.parametrize("kind", ["qwen2", "llama"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("lora", [False, True])
def test_greedy_equals_generate(kind, tied, lora):
    model = tiny_model(kind, tied=tied)
    model = with_lora(model) if lora else model
    done = Sampler(model).sample(PROMPTS, 2, 40, STOP, None, temperature=0)
    for i, prompt in enumerate(PROMPTS):
        expected = greedy_by_generate(model, prompt, 40)
        for row in (2 * i, 2 * i + 1):
            assert done.ids[row, : done.lengths[row]].tolist() == expected


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("lora", [False, True])
def test_log_probabilities_equal_the_training_forwards(temperature, lora):
    model = with_lora(tiny_model()) if lora else tiny_model()
    done = Sampler(model).sample(
        PROMPTS, 8, 30, STOP, torch.Generator().manual_seed(0), temperature
    )
    assert done.lengths.unique().numel() > 3, "lengths must differ, or dropping rows is not tested"
    for row in range(len(PROMPTS) * 8):
        completion = done.ids[row, : done.lengths[row]].tolist()
        expected = forward_logps(model, PROMPTS[row // 8], completion, temperature)
        torch.testing.assert_close(done.logps[row, : len(completion)], expected, atol=1e-4, rtol=0)


def test_the_end_token_is_in_the_mask_even_where_pad_equals_eos():
    done = Sampler(tiny_model()).sample(PROMPTS, 8, 30, STOP, torch.Generator().manual_seed(0))
    assert done.ended.any() and not done.ended.all()
    for ids, n, ended, mask in zip(done.ids, done.lengths, done.ended, done.mask, strict=True):
        assert mask.sum() == n and mask[:n].all()
        assert (ids[n - 1] == STOP) == ended  # the last counted token is the end token
        assert STOP not in ids[: n - 1]


@pytest.mark.parametrize("large", [4096, 1])
def test_sampled_frequencies_are_the_models_probabilities(large):
    """By a race of all words, and by one random number a row, as for large vocabularies."""
    logits = tiny_model()(input_ids=torch.tensor([PROMPTS[0]])).logits[0, -1].detach()
    n = 20_000
    generator = torch.Generator().manual_seed(0)
    token, _ = choosing.choose(logits.expand(n, -1), 1.0, generator, large)
    probabilities = logits.float().softmax(-1)
    seen = torch.bincount(token, minlength=46)
    spread = (n * probabilities * (1 - probabilities)).sqrt()
    assert ((seen - n * probabilities).abs() < 4 * spread + 1).all()


@pytest.mark.parametrize(
    "chances", [[0.0, 0.0, 1.0, 0.0], [0.5, 0.0, 0.0, 0.5], [1e-30, 0.0, 1.0, 0.0]]
)
def test_what_cannot_be_is_never_drawn(chances):
    logits = torch.tensor([chances]).log().expand(5000, 4)
    token, logp = choosing.choose(logits, 1.0, torch.Generator().manual_seed(0), 1)
    assert (torch.tensor(chances)[token] > 0).all() and torch.isfinite(logp).all()


def test_the_models_weights_are_left_as_they_were():
    model = with_lora(tiny_model())
    before = {k: v.clone() for k, v in model.state_dict().items()}
    Sampler(model).sample(PROMPTS, 2, 10, STOP, torch.Generator().manual_seed(0))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_disabled_adapters_sample_from_the_base():
    base = Sampler(tiny_model()).sample(PROMPTS, 1, 20, STOP, None, temperature=0)
    tuned = with_lora(tiny_model())
    changed = Sampler(tuned).sample(PROMPTS, 1, 20, STOP, None, temperature=0)
    with tuned.disable_adapter():
        restored = Sampler(tuned).sample(PROMPTS, 1, 20, STOP, None, temperature=0)
    assert changed.ids.tolist() != base.ids.tolist()
    assert restored.ids.tolist() == base.ids.tolist()


def test_the_same_seed_gives_the_same_completions():
    sampler = Sampler(tiny_model())
    one, two = (
        sampler.sample(PROMPTS, 4, 20, STOP, torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert torch.equal(one.ids, two.ids) and torch.equal(one.logps, two.logps)


def test_too_long_and_empty_prompts_are_refused_with_a_sentence():
    sampler = Sampler(tiny_model())
    with pytest.raises(ValueError, match="lower max_new"):
        sampler.sample(PROMPTS, 1, 252, STOP, None, 0)
    with pytest.raises(ValueError, match="empty"):
        sampler.sample([[]], 1, 5, STOP, None, 0)


def test_an_unknown_architecture_is_sampled_by_generate_and_says_so():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        n_layer=1, n_head=2, n_embd=16, vocab_size=46, n_positions=64, initializer_range=0.5
    )
    model = GPT2LMHeadModel(config).eval()
    model.generation_config.top_p, model.generation_config.repetition_penalty = (
        0.3,
        2.0,
    )  # must not count
    with pytest.warns(UserWarning, match="not this gpt2: using generate"):
        sampler = Sampler(model)
    done = sampler.sample(PROMPTS, 4, 20, STOP, torch.Generator().manual_seed(0))
    assert done.lengths.unique().numel() > 3 and done.ids.unique().numel() > 20
    for row in range(len(PROMPTS) * 4):
        completion = done.ids[row, : done.lengths[row]].tolist()
        expected = forward_logps(model, PROMPTS[row // 4], completion)
        torch.testing.assert_close(done.logps[row, : len(completion)], expected, atol=1e-4, rtol=0)
        assert (completion[-1] == STOP) == done.ended[row] and STOP not in completion[:-1]


@pytest.mark.parametrize(
    ("kind", "more"),
    [("llama", {"hidden_act": "gelu"}), ("qwen2", {"use_sliding_window": True, "sliding_window": 4,
                                                   "max_window_layers": 0})],
)  # fmt: skip
@pytest.mark.parametrize("temperature", [0, 0.7])
def test_a_model_of_a_known_kind_with_something_else_in_it_is_not_taken_for_it(
    kind, more, temperature
):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind, vocab_size=46, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, initializer_range=0.5, **more,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config).eval()
    with pytest.warns(UserWarning, match=f"not this {kind}: using generate"):
        sampler = Sampler(model)
    generator = torch.Generator().manual_seed(0)
    done = sampler.sample(PROMPTS, 2, 16, STOP, generator, temperature)
    for row in range(2 * len(PROMPTS)):
        completion = done.ids[row, : done.lengths[row]].tolist()
        expected = forward_logps(model, PROMPTS[row // 2], completion, temperature or 1.0)
        torch.testing.assert_close(done.logps[row, : len(completion)], expected, atol=1e-4, rtol=0)


def test_groups_that_do_not_fit_at_once_come_in_turns():
    model = tiny_model()
    whole, turns = Sampler(model), Sampler(model, cache_gib=1e-9)
    assert (
        turns.cache_bytes(2, 45) == 2 * 2 * 2 * 2 * 45 * 8 * 4
    )  # layers, keys and values, rows, heads, ...
    greedy = [s.sample(PROMPTS, 2, 40, STOP, None, temperature=0) for s in (whole, turns)]
    assert all(
        torch.equal(getattr(greedy[0], k), getattr(greedy[1], k))
        for k in ("ids", "lengths", "ended")
    )
    torch.testing.assert_close(greedy[0].logps, greedy[1].logps, atol=1e-5, rtol=0)
    calls = []
    turns._sample = lambda prompts, *rest, run=turns._sample: (
        calls.append(len(prompts)) or run(prompts, *rest)
    )
    turns.sample(PROMPTS, 8, 10, STOP, torch.Generator().manual_seed(0))
    assert calls == [1, 1, 1]


@pytest.mark.parametrize("bucket", [4, 16, 256])
def test_the_step_that_a_card_replays_computes_the_same(monkeypatch, bucket):
    """Fixed shapes, the slot as a tensor, a mask ahead of it: everything but the recording."""
    model, sampler = with_lora(tiny_model()), Sampler(with_lora(tiny_model()))
    plain = Sampler(model).sample(PROMPTS, 4, 40, STOP, torch.Generator().manual_seed(0))
    made = []

    def recorded(function, inputs):
        made.append([x.shape for x in inputs])
        return function

    def decoder(weights, cache):
        step = partial(decoding.step, weights, cache)
        return captured.Captured(step, cache.capacity, recorded, bucket)

    monkeypatch.setattr(sampling, "decoder", decoder)
    done = sampler.sample(PROMPTS, 4, 40, STOP, torch.Generator().manual_seed(0))
    assert torch.equal(plain.ids, done.ids) and torch.equal(plain.ended, done.ended)
    torch.testing.assert_close(plain.logps, done.logps, atol=1e-5, rtol=0)
    assert 1 < len(made) < 40  # again for a smaller batch or a longer cache, not for every token


def test_half_precision_weights_are_left_bit_for_bit():
    model = with_lora(tiny_model().bfloat16())
    before = {k: v.clone() for k, v in model.state_dict().items()}
    done = Sampler(model).sample(PROMPTS, 2, 10, STOP, torch.Generator().manual_seed(0))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert done.logps.dtype == torch.float32


def test_a_word_without_a_chance_is_never_drawn_from_a_large_vocabulary():
    """One word in each of many blocks can be drawn; the rest, the last of a block too, cannot."""
    possible = torch.arange(14) * 301
    logits = torch.full((2000, 4201), float("-inf"))
    logits[:, possible] = torch.randn(2000, 14, generator=torch.Generator().manual_seed(0))
    token, logp = choosing.choose(logits, 1.0, torch.Generator().manual_seed(1))
    assert set(token.tolist()) == set(possible.tolist()) and logp.isfinite().all()
    exact = logits.log_softmax(-1).gather(1, token[:, None])[:, 0]
    torch.testing.assert_close(logp, exact, atol=1e-5, rtol=0)
