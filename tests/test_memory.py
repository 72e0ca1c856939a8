"""Memory: what is predicted is what is taken, counted allocation by allocation on real tensors."""

import subprocess
import sys
import weakref
from dataclasses import replace

import pytest
import torch
from helpers import digits_written
from transformers import GPT2Config

from r1lab import critic, dpo, evaluate, grpo, models, policy, preflight, records, sft, tasks
from r1lab.machine import memory, presets
from r1lab.machine.memory import GIB
from r1lab.policy import Batch
from r1lab.preflight.learning import micro_batch

pytestmark = pytest.mark.slow

POOL = tasks.problems("countdown", 48, seed=1)
PRESET = replace(
    presets.named("cpu"), prompts=6, group=8, max_new=96, micro_tokens=2048, eval_problems=48
)
CONFIG = grpo.Config(prompts=6, group=8, max_new=96, micro_tokens=2048, lr=1e-4)


def learner(preset) -> policy.Learner:
    model, tokenizer = models.load(preset.model, getattr(torch, preset.dtype))
    return policy.learner(models.prepare(model, preset.lora_rank), tokenizer, CONFIG.lr)


def predicted(preset, method) -> preflight.Need:
    _, tokenizer = models.load(preset.model)
    return preflight.need(preset, preflight.longest(tokenizer, POOL, "tiny"), method)


def assert_close(need, sampling, learning, most=1.1):
    """Hardly below and not far above: fake attention makes one copy more than the real one."""
    assert 0.95 < need.sampling / sampling < most
    assert 0.97 < need.learning / learning < 1.15


def compare_grpo(preset):
    """The need, and GiB counted while it samples and while it learns, agree."""
    who = learner(preset)
    who.tokenizer.eos_token = who.tokenizer.unk_token  # so that every completion reaches the cap
    with memory.Tracked() as seen:
        roll = grpo.rollout(who, POOL[:6], ([digits_written], [1.0]), CONFIG, 1)
        measuring = evaluate.Sampling("tiny", CONFIG.max_new, seed=0)
        evaluate.answer(who.model, who.tokenizer, POOL, measuring)
        sampling = seen.peak
        seen.peak = seen.now
        grpo.update(who, roll, CONFIG)
    assert int(roll.completions.lengths.min()) == CONFIG.max_new
    assert_close(predicted(preset, "grpo"), sampling / GIB, seen.peak / GIB)


@pytest.mark.parametrize("rank", [8, 0], ids=["lora", "all weights"])
def test_the_prediction_is_what_a_step_of_grpo_takes(rank):
    compare_grpo(replace(PRESET, lora_rank=rank))


def test_the_prediction_holds_in_half_precision():
    compare_grpo(replace(PRESET, dtype="bfloat16"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", [sft, dpo])
def test_the_prediction_is_what_a_step_on_pairs_takes(method, dtype):
    """Six examples, or six pairs, at the cap. Before that answers are gathered, 256 at a time;
    those that end leave the batch, and the keys and values of a layer are copied then."""
    preset = replace(PRESET, dtype=dtype, steps=8, micro_tokens=1024)
    who = learner(preset)
    prompts = who.tokenizer([tasks.prompt(p, "tiny") for p in POOL])["input_ids"]
    completion = [5] * preset.max_new
    written = [completion, completion] if method is dpo else [completion]
    examples = [[max(prompts, key=len), *written] for _ in range(6)]
    with memory.Tracked() as seen:
        gather = evaluate.Sampling("tiny", preset.max_new, seed=0, per_problem=preset.group)
        evaluate.answer(who.model, who.tokenizer, POOL, gather)
        sampling = seen.peak
        seen.peak = seen.now
        method.update(who, examples, method.Config(prompts=6, micro_tokens=1024))
    need = predicted(preset, method.__name__.removeprefix("r1lab."))
    assert_close(need, sampling / GIB, seen.peak / GIB, most=1.2)  # some end before the cap


def test_a_micro_batch_is_the_largest_that_the_policy_makes():
    for method, micro_tokens in (("grpo", 700), ("sft", 700), ("dpo", 700), ("dpo", 10)):
        preset = replace(PRESET, micro_tokens=micro_tokens)
        size = 2 if method == "dpo" else 1
        n = size * (48 if method == "grpo" else 6)
        batch = Batch([[5] * 30] * n, torch.zeros(n, 96), torch.full((n,), 96))
        made = policy.micro_batches(batch, range(n), micro_tokens, together=size)
        largest = max(map(len, made))
        assert micro_batch(preset, 30, method).rows == largest


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_pairs_need_at_least_what_examples_need_and_measuring_needs_least(rows):
    preset = replace(PRESET, micro_tokens=rows * 126)
    sft, dpo = (preflight.need(preset, 30, method) for method in ("sft", "dpo"))
    assert dpo.learning >= sft.learning and dpo.wanted >= sft.wanted
    alone = preflight.need(preset, 30, "evaluation")
    assert alone.learning == alone.adapter == 0 and alone.wanted < sft.wanted
    if rows == 1:  # a pair cannot be parted
        assert dpo.learning > 1.5 * sft.learning


def test_weights_and_moments_are_counted_in_bytes():
    """1.5436 billion weights of two bytes; two moments and a weight of four bytes for each number
    of LoRA, of rank 16 on seven matrices of 28 layers."""
    preset = replace(PRESET, model="Qwen/Qwen2.5-1.5B", dtype="bfloat16", lora_rank=16)
    small = replace(preset, prompts=2, group=2, max_new=64, micro_tokens=512)
    need = preflight.need(small, 100, "grpo")
    narrow, wide, inner = 256, 1536, 8960
    shapes = [(wide, wide), (wide, narrow), (wide, narrow), (wide, wide)]
    shapes += [(wide, inner), (wide, inner), (inner, wide)]
    lora = 28 * sum(16 * (a + b) for a, b in shapes)
    assert need.weights * GIB == pytest.approx(2 * 1.5437e9, rel=1e-3)
    assert need.adapter * GIB == pytest.approx(12 * lora, rel=1e-6)


@pytest.mark.parametrize("rank", [8, 0], ids=["lora", "all weights"])
def test_a_critic_takes_the_room_of_its_tensors_and_moments(rank):
    preset = replace(PRESET, lora_rank=rank)
    who = critic.beside(learner(preset), 1e-4)
    taken = 0
    for one in (who.model, who.critic.model):
        frozen = sum(4 * p.numel() for p in one.parameters() if not p.requires_grad)
        learns = sum(4 * p.numel() for p in one.parameters() if p.requires_grad)
        taken += frozen + 3 * learns
    need = predicted(preset, "ppo")
    assert need.weights + need.adapter == pytest.approx(taken / GIB, rel=1e-3)


def test_presets_fit_the_cards_they_are_named_for():
    """A T4 has 14.6 GiB for a program, a card of 24 GB about 23.5."""
    for name, there in (("t4", 14.6), ("gpu24", 23.5)):
        preset = replace(presets.named(name), dtype="float16")
        assert preflight.need(preset, preflight.PROMPT[preset.template], "grpo").wanted < there


def test_a_1_5_b_model_with_64_completions_of_512_tokens_stays_inside_10_gb():
    preset = replace(presets.named("gpu24"), model="Qwen/Qwen2.5-1.5B", dtype="bfloat16")
    need = preflight.need(replace(preset, eval_problems=64), 320, "grpo")
    assert need.peak < 10e9 / GIB


@pytest.mark.parametrize("method", ["grpo", "dpo"])
def test_the_suggestion_of_a_refusal_fits(monkeypatch, method):
    preset = replace(
        presets.named("smol"), micro_tokens=8192, eval_problems=64, prompts=48, group=2
    )
    free = 4.9
    monkeypatch.setattr(memory, "left", lambda _: free)
    with pytest.raises(
        records.RunError, match=r"and 4\.9 are free.*most of it is learning"
    ) as refused:
        preflight.check(preset, 60, method)
    micro = int(str(refused.value).partition("--micro-tokens ")[2].partition(",")[0])
    assert 1024 < micro < 8192
    assert preflight.check(replace(preset, micro_tokens=micro), 60, method).wanted <= free
    monkeypatch.setattr(memory, "left", lambda _: 0.5)
    with pytest.raises(records.RunError, match="take a smaller model"):
        preflight.check(preset, 60, method)


def test_a_model_of_another_build_is_refused_in_words(tmp_path):
    GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=50).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="gpt2 is not built like Llama"):
        preflight.need(replace(PRESET, model=str(tmp_path)), 10, "grpo")


def test_counting_adds_what_is_made_and_takes_away_what_goes():
    there = torch.ones(1000)
    with memory.Tracked() as seen:
        view = there.view(10, 100).t()  # nothing new
        assert seen.now == 0
        made = view + 1
        assert seen.now == 4000
        also = made[2:]
        del made
        assert seen.now == 4000  # a view keeps it
        del also
        assert (seen.now, seen.peak) == (0, 4000)


@pytest.mark.skipif(
    not (memory.PROCESS / "clear_refs").exists(),
    reason="only Linux tells the highest use since a moment",
)
def test_the_peak_is_that_since_the_start_even_after_a_higher_one():
    """In a process of its own, where nothing of another test is let go meanwhile."""
    show = """import torch; from r1lab.machine import memory
high = torch.ones(300 * 2**18)  # 300 MiB
del high
before = memory.start("cpu")
low = torch.ones(100 * 2**18)
del low
print(memory.used("cpu", before))"""
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True)
    assert 0.08 < float(done.stdout) < 0.2, done.stderr


def test_where_the_system_does_not_tell_there_is_no_number(tmp_path):
    assert memory.used("cpu", memory.start("cpu", tmp_path / "missing")) is None


def test_a_container_may_have_less_than_the_machine(tmp_path):
    system = tmp_path / "meminfo"
    system.write_text("MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n")
    assert memory.left("cpu", system, tmp_path) == 16
    (tmp_path / "memory.current").write_text(f"{3 * 2**30}\n")
    (tmp_path / "memory.stat").write_text(f"anon 12\ninactive_file {2**30}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.left("cpu", system, tmp_path) == 16
    (tmp_path / "memory.max").write_text(f"{8 * 2**30}\n")
    # 8, less 3 in use, of which 1 is a file that can go
    assert memory.left("cpu", system, tmp_path) == 6
    assert memory.left("cpu", tmp_path / "missing", tmp_path) > 0.1  # all there is


def test_an_interrupted_run_lets_go_of_its_model():
    class Batch:
        pass

    def run():
        batch = Batch()
        seen.append(weakref.ref(batch))
        raise KeyboardInterrupt

    seen = []
    try:
        run()
    except KeyboardInterrupt as stopped:  # what a notebook does with an error that a cell lets out
        sys.last_value = stopped
        sys.last_traceback = stopped.__traceback__
    assert seen[0]() is not None
    memory.free()
    assert seen[0]() is None
