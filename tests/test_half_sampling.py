"""Half precision: what samples is what learns, however small the update was."""

import copy
from functools import partial

import pytest
import torch
from helpers import tiny_model
from peft import LoraConfig, get_peft_model

from r1lab import models, policy, tasks
from r1lab.sampler import Sampler, cache, captured, decoding, sampling, weights

pytestmark = pytest.mark.slow

HALF = torch.bfloat16, torch.float16
NEVER = -1  # no token: every completion goes on to the cap
# Five steps of these leave nine weights of ten as they are where LoRA is folded into the weights.
RATE = {torch.bfloat16: 3e-6, torch.float16: 5e-7}


def trainers(model, prompts, ids):
    """(N, T) log-probabilities that the trainer computes of completions ids (N, T)."""
    N, T = ids.shape
    each = [prompt for prompt in prompts for _ in range(N // len(prompts))]
    batch = policy.Batch(each, ids, torch.full((N,), T))
    return policy.logps(model, batch, list(range(N)))[0]


def samplers(model, prompts, ids, monkeypatch):
    """(N, T) log-probabilities that the sampler gives completions ids (N, T)."""
    given = iter(ids.T)

    def forced(logits, *_):
        token = next(given)
        return token, logits.float().log_softmax(-1).gather(1, token[:, None])[:, 0]

    with monkeypatch.context() as patch:
        patch.setattr(sampling, "choose", forced)
        N, T = ids.shape
        return Sampler(model).sample(prompts, N // len(prompts), T, NEVER, None).logps


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_a_small_update_moves_the_sampler_as_it_moves_the_learner(dtype, monkeypatch):
    """Five steps of AdamW, whose change of most weights is below half a step of their grid.

    Rounding of activations moves single log-probabilities more than such an update does, in the
    learner too. So both changes are measured by what they have in common with the change in
    float32, which no rounding blurs (its rounding errors have nothing to do with theirs).
    """
    random = torch.Generator().manual_seed(0)
    prompts = torch.randint(2, 46, (32, 10), generator=random).tolist()
    ids = torch.randint(2, 46, (128, 96), generator=random)
    model = tiny_model().to(dtype)
    exact = models.prepare(copy.deepcopy(model).float(), 32)
    model = models.prepare(model, 32)
    optimizer = torch.optim.AdamW(models.trainable(model).values(), lr=RATE[dtype], weight_decay=0)

    def measured():
        with torch.no_grad():
            found = trainers(exact, prompts, ids), trainers(model, prompts, ids)
        return torch.stack([*found, samplers(model, prompts, ids, monkeypatch)]).flatten(1)

    before = measured()
    for _ in range(5):
        optimizer.zero_grad()
        (-(2.0**14) * trainers(model, prompts, ids).mean()).backward()  # AdamW minds no scale
        optimizer.step()
    for name, p in models.trainable(exact).items():
        p.data.copy_(models.trainable(model)[name])
    truth, learner, sampler = measured() - before
    share = float((sampler @ truth) / (learner @ truth))
    assert 0.9 < share < 1.1  # with LoRA folded into the weights: below 0.5


def learnt(dtype):
    """The base `rich` with LoRA that has left it."""
    model, tokenizer = models.load("rich", dtype)
    model = models.prepare(model, 8)
    torch.manual_seed(0)
    for name, p in models.trainable(model).items():
        if "lora_B" in name:
            p.data.normal_(0, 0.01)
    problems = tasks.problems("countdown", 6, seed=1)
    return model, tokenizer([tasks.prompt(p, "tiny") for p in problems])["input_ids"]


def sampled(dtype):
    """(model, prompts, 48 completions of 64 tokens by it)."""
    model, prompts = learnt(dtype)
    generator = torch.Generator().manual_seed(0)
    return model, prompts, Sampler(model).sample(prompts, 8, 64, NEVER, generator)


def test_the_log_probabilities_of_samples_are_the_trainers_in_float32():
    """Mean and largest of three seeds: 8e-7 and 1.1e-4 nats."""
    model, prompts, done = sampled(torch.float32)
    with torch.no_grad():
        apart = (trainers(model, prompts, done.ids) - done.logps).abs()
    assert float(apart.mean()) < 2e-6 and float(apart.max()) < 4e-4


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_the_log_probabilities_of_samples_are_the_trainers_in_half_precision(dtype):
    """Nearer to each other than the trainer's are to float32 arithmetic with the same weights:
    three seeds gave 0.6 to 0.8 of that distance, 0.001 nats a token in float16, 0.008 in bfloat16.
    """
    model, prompts, done = sampled(dtype)
    exact = learnt(dtype)[0].float()
    with torch.no_grad():
        trainer, truth = (trainers(m, prompts, done.ids) for m in (model, exact))
    assert (done.logps - trainer).abs().mean() < (trainer - truth).abs().mean()


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_greedy_takes_what_the_trainer_finds_likeliest_but_for_rounding(dtype):
    model, prompts = learnt(dtype)
    done = Sampler(model).sample(prompts, 1, 64, NEVER, None, temperature=0)
    inner = model.get_base_model()
    for prompt, ids in zip(prompts, done.ids.tolist(), strict=True):
        with torch.no_grad(), models.precision(model):
            logits = inner(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1].float()
        behind = logits.max(-1).values - logits.gather(1, torch.tensor(ids)[:, None])[:, 0]
        assert float(behind.max()) < 5 * torch.finfo(dtype).eps * float(logits.abs().max())


def adapted(dtype):
    """Two adapters on some layers, both active, each with a B of its own."""
    model = tiny_model().to(dtype)
    first = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "o_proj"])
    second = LoraConfig(r=2, lora_alpha=1, target_modules=["v_proj", "up_proj"])
    model = get_peft_model(model, first)
    model.add_adapter("second", second)
    model.base_model.set_adapter(["default", "second"])
    for name, p in model.named_parameters():
        if "lora_" in name:
            p.data = torch.empty(p.shape).normal_(0, 0.2)
    return model.eval()


@pytest.mark.parametrize("dtype", [torch.float32, *HALF], ids=str)
def test_layers_of_one_input_are_joined_with_the_adapters_each_has(dtype):
    torch.manual_seed(0)
    model = adapted(dtype)
    layer = model.get_base_model().model.layers[1]
    found = weights.copied(model).layers[1]
    a, m = layer.self_attn, layer.mlp
    x = torch.randn(50, 32).to(dtype)
    with torch.no_grad(), models.precision(model):
        for ours, parts in ((found.qkv, (a.q_proj, a.k_proj, a.v_proj)), (found.out, (a.o_proj,)),
                            (found.gate_up, (m.gate_proj, m.up_proj))):  # fmt: skip
            theirs = torch.cat([part(x) for part in parts], 1)
            step = torch.finfo(dtype).eps * float(theirs.abs().max())
            torch.testing.assert_close(ours(x), theirs, atol=4 * step, rtol=0)
        with model.disable_adapter():
            assert weights.copied(model).layers[1].qkv.A is None
    assert (found.qkv.A is None) == (found.gate_up.A is None) == (dtype == torch.float32)
    assert found.down.A is None


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_only_what_is_joined_is_copied(dtype):
    model, _ = learnt(dtype)
    for layer, ours in zip(
        model.get_base_model().model.layers, weights.copied(model).layers, strict=True
    ):
        assert ours.out.few.data_ptr() == layer.self_attn.o_proj.weight.data_ptr()
        assert ours.down.few.data_ptr() == layer.mlp.down_proj.weight.data_ptr()
        assert ours.out.A.dtype == ours.out.B.dtype == dtype


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_the_step_that_a_card_replays_has_lora_in_it(dtype, monkeypatch):
    """With prompts of several lengths, over a whole bucket of the cache, which a card keeps in half
    precision."""
    prompts, lora = [[5, 6, 7, 8, 9], [10, 11], [12, 13, 14]], adapted(dtype)
    ids = torch.randint(2, 46, (12, 40), generator=torch.Generator().manual_seed(0))
    plain = samplers(lora, prompts, ids, monkeypatch)
    with lora.disable_adapter():
        base = samplers(lora, prompts, ids, monkeypatch)

    def recorded(w, cache):
        step = partial(decoding.step, w, cache)
        return captured.Captured(step, cache.capacity, lambda function, _: function, bucket=16)

    monkeypatch.setattr(sampling, "decoder", recorded)
    monkeypatch.setattr(cache, "cache_dtype", lambda _, dtype: dtype)
    replayed = samplers(lora, prompts, ids, monkeypatch)
    apart = float((plain - replayed).abs().mean())
    assert apart < 0.02 * float((plain - base).abs().mean())
