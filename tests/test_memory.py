"""Memory: what is predicted is what is taken, counted allocation by allocation on real tensors."""

import subprocess
import sys
import weakref
from dataclasses import replace

import pytest
import torch
from transformers import GPT2Config

from r1lab import evaluate, grpo, models, preflight, records, tasks
from r1lab.machine import presets
from r1lab.preflight import memory

POOL = tasks.problems("countdown", 48, seed=1)
CONFIG = grpo.Config(prompts=6, group=8, max_new=96, micro_tokens=2048, lr=1e-4)


def digits(completions, **_):
    return [sum(c.isdigit() for c in text) / max(1, len(text)) for text in completions]


def measured(dtype, rank) -> tuple[memory.Need, float, float]:
    """What is predicted for `rich`, and GiB counted while it samples and while it learns."""
    model, tokenizer = models.load("rich", dtype)
    tokenizer.eos_token = tokenizer.unk_token  # so that every completion reaches the cap
    model = models.prepare(model, rank)
    prompt = preflight.longest(tokenizer, POOL, "tiny")
    need = memory.need(model.config, dtype, rank, prompt, CONFIG.max_new, CONFIG.prompts, CONFIG.group,
                       CONFIG.micro_tokens, rows=len(POOL))  # fmt: skip
    with memory.Tracked() as seen:
        optimizer = grpo.make_optimizer(model, CONFIG)
        roll = grpo.rollout(model, tokenizer, POOL[: CONFIG.prompts], ([digits], [1.0]), CONFIG, 1)
        evaluate.answer(model, tokenizer, POOL, evaluate.Sampling("tiny", CONFIG.max_new, seed=0))
        sampling, seen.peak = seen.peak, seen.now
        grpo.update(model, optimizer, roll, CONFIG)
    assert int(roll.completions.lengths.min()) == CONFIG.max_new
    return need, sampling / memory.GIB, seen.peak / memory.GIB


def assert_close(need, sampling, learning):
    """Hardly below and not far above: fake attention makes one copy more than the real one."""
    assert 0.95 < need.sampling / sampling < 1.1
    assert 0.97 < need.learning / learning < 1.15


@pytest.mark.parametrize("rank", [8, 0], ids=["lora", "all weights"])
def test_the_prediction_is_what_a_step_takes(rank):
    need, sampling, learning = measured(torch.float32, rank)
    assert_close(need, sampling, learning)


def test_the_prediction_holds_in_half_precision():
    need, sampling, learning = measured(torch.bfloat16, 8)
    assert_close(need, sampling, learning)


def test_weights_and_moments_are_counted_in_bytes():
    """1.5436 billion weights of two bytes; two moments and a weight of four bytes for each number of LoRA,
    of rank 16 on seven matrices of 28 layers."""
    need = memory.need(
        models.config_of("Qwen/Qwen2.5-1.5B"), torch.bfloat16, 16, 100, 64, 2, 2, 512
    )
    shapes = [
        (1536, 1536),
        (1536, 256),
        (1536, 256),
        (1536, 1536),
        (1536, 8960),
        (1536, 8960),
        (8960, 1536),
    ]
    lora = 28 * sum(16 * (a + b) for a, b in shapes)
    assert need.weights * memory.GIB == pytest.approx(2 * 1.5437e9, rel=1e-3)
    assert need.adapter * memory.GIB == pytest.approx(12 * lora, rel=1e-6)


def test_presets_fit_the_cards_they_are_named_for():
    """A T4 has 14.6 GiB for a program, a card of 24 GB about 23.5."""
    for name, there in (("t4", 14.6), ("gpu24", 23.5)):
        preset = replace(presets.named(name), dtype="float16")
        assert preflight.need(preset, preflight.PROMPT[preset.template]).wanted < there


def test_a_1_5_b_model_with_64_completions_of_512_tokens_stays_inside_10_gb():
    need = memory.need(
        models.config_of("Qwen/Qwen2.5-1.5B"), torch.bfloat16, 16, 320, 512, 8, 8, 2048
    )
    assert need.peak < 10e9 / memory.GIB


def test_the_suggestion_of_a_refusal_fits(monkeypatch):
    preset = replace(presets.named("smol"), micro_tokens=8192)
    free = 4.9
    monkeypatch.setattr(presets, "free_memory", lambda _: free)
    with pytest.raises(
        records.RunError, match=r"and 4\.9 are free.*most of it is learning"
    ) as refused:
        preflight.check(preset, 60)
    micro = int(str(refused.value).partition("--micro-tokens ")[2].partition(",")[0])
    assert 1024 < micro < 8192
    assert preflight.check(replace(preset, micro_tokens=micro), 60).wanted <= free
    monkeypatch.setattr(presets, "free_memory", lambda _: 0.5)
    with pytest.raises(records.RunError, match="take a smaller model"):
        preflight.check(preset, 60)


def test_a_model_of_another_build_is_refused_in_words():
    config = GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=50)
    with pytest.raises(ValueError, match="gpt2 is not built like Llama"):
        memory.need(config, torch.float32, 0, 10, 10, 2, 2, 100)


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
    not memory.RESET.exists(), reason="only Linux tells the highest use since a moment"
)
def test_the_peak_is_that_since_the_start_even_after_a_higher_one():
    """In a process of its own, where nothing of another test is let go meanwhile."""
    show = """import torch; from r1lab.preflight import memory
high = torch.ones(300 * 2**18)  # 300 MiB
del high
before = memory.start("cpu")
low = torch.ones(100 * 2**18)
del low
print(memory.used("cpu", before))"""
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True)
    assert 0.08 < float(done.stdout) < 0.2, done.stderr


def test_where_the_system_does_not_tell_there_is_no_number(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "RESET", tmp_path / "missing" / "clear_refs")
    assert memory.used("cpu", memory.start("cpu")) is None


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
        sys.last_value, sys.last_traceback = stopped, stopped.__traceback__
    assert seen[0]() is not None
    memory.free()
    assert seen[0]() is None


def test_a_calibration_moves_nothing_and_is_forgotten():
    model, tokenizer = models.load("rich")
    model = models.prepare(model, 8)
    before = {k: p.detach().clone() for k, p in models.trainable(model).items()}
    pace = preflight.calibrate(model, tokenizer, POOL, replace(CONFIG, prompts=2), length=40)
    assert pace.read > 0 and pace.decode > 0 and pace.learn > 0
    after = models.trainable(model)
    assert all(torch.equal(p, after[k]) and after[k].grad is None for k, p in before.items())


def test_minutes_add_up_from_their_parts():
    """Two prompts of three completions: 0.5 s of reading, 10 decode steps of 0.1 s, and half of six times
    20 + 10 tokens at 0.01 s; on a card all 40 decode steps."""
    preset = replace(presets.named("cpu"), prompts=2, group=3, max_new=40)
    pace, hope = preflight.Pace(0.5, 0.1, 0.01), preflight.Expected(10, 0.5, 1)
    assert preflight.seconds(pace, preset, 20, hope) == pytest.approx(0.5 + 1.0 + 0.9)
    assert preflight.seconds(pace, replace(preset, device="cuda"), 20, hope) == pytest.approx(
        0.5 + 4.0 + 0.9
    )


def test_what_is_expected_comes_from_recorded_runs_of_the_same_kind():
    known = preflight.expected(presets.named("smol"))
    assert known.recorded >= 3 and 10 < known.length < 16 and 0 < known.signal <= 1
    known = preflight.expected(presets.named("cpu"))
    assert (
        known.recorded == 5 and 39 < known.length < 208
    )  # between the base's and the trained one's
    assert preflight.expected(presets.named("t4")) == preflight.Expected(256, 1.0, 0)
