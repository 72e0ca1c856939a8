"""Costs: operations against torch's own counter, the estimate against the ledger, the clock."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from r1lab import checks, cost, grpo, models, plots, policy, rewards, tasks
from r1lab.claims import ledger
from r1lab.claims.verdicts import on_paper
from r1lab.claims.worked_out import WORKED_OUT
from r1lab.experiments.cost_and_limits import CLOCK
from r1lab.machine import energy, presets
from r1lab.preflight import fits
from r1lab.running.settings import Options, settled
from r1lab.speed import parts

CLAIMS = {claim.id: claim for claim in ledger.load()}
OTHERWISE = {  # claim -> numbers under which its verdict would be the other one
    "C-01": {"tokens_per_answer": 1_000},
    "C-02": {"reported_r1_zero_million_dollars": 0.12},
    "C-03": {"pre_training_million_h800_hours": 1.5},
    "C-04": {"r1_wall_hours": 96},
    "C-05": {"answers_per_step": 1_300},
}


@pytest.mark.parametrize("name", WORKED_OUT)
def test_a_verdict_on_paper_comes_out_both_ways(name):
    claim = CLAIMS[name]
    found = on_paper(claim, WORKED_OUT[name](ledger.numbers(name)))
    other = on_paper(claim, WORKED_OUT[name](ledger.numbers(name) | OTHERWISE[name]))
    assert {found.letter, other.letter} == {"R", "N"}
    for verdict in (found, other):
        for bar, value in zip(claim.bars, verdict.on_paper, strict=True):
            assert bar.least <= value <= bar.most
    assert found.letter == {"reproduced": "R", "not reproduced": "N"}[claim.predicted]


def test_the_bound_and_the_hope_are_judged_apart():
    """0.202 million is below a million and not near a tenth of one; 1.2 million is neither."""
    numbers = ledger.numbers("C-02")
    for reported, share in ((0.202, 50), (0.11, 100), (1.2, 0)):
        changed = numbers | {"reported_r1_zero_million_dollars": reported}
        assert WORKED_OUT["C-02"](changed) == (share,)


def test_only_what_no_run_decides_is_worked_out():
    for name in WORKED_OUT:
        assert not CLAIMS[name].experiment and not CLAIMS[name].planned and not CLAIMS[name].why


def test_r1_zeros_tokens_are_the_area_under_its_curve():
    """Figure 3 to its last point by another rule (the mean of left and right sums), the rest by
    hand: 2,000 steps of 512 responses of 9,590 or 20,000 tokens."""
    x, length, _ = plots.paper_curve("r1_zero_length")
    sides = [512 * (np.diff(x) * length[part]).sum() for part in (slice(0, -1), slice(1, None))]
    drawn = sum(sides) / 2
    low, high = cost.r1_zero_tokens(10_400, 512)
    assert low == pytest.approx(drawn + 2_000 * 512 * 9_590)
    assert high == pytest.approx(drawn + 2_000 * 512 * 20_000)
    numbers = ledger.numbers("C-05")
    named = drawn, low, high
    keys = "tokens_to_step_8400_billion", "tokens_in_all_low_billion", "tokens_in_all_high_billion"
    for value, key in zip(named, keys, strict=True):
        assert value / 1e9 == pytest.approx(numbers[key], rel=0.02)


def test_r1s_useful_operations_are_those_of_the_ledger():
    """34 billion tokens, sampled once and learned from once by all weights: 2 + 6 operations a
    weight, 37 billion weights, in 101,376 hours of a card."""
    numbers = ledger.numbers("C-06")
    work = cost.Work(34e9, 34e9, 0)
    done = cost.operations(cost.Shape(1e9 * numbers["active_weights_billion"], 0), work, "full")
    assert done == pytest.approx(34e9 * 8 * 37e9)
    rate = done / (512 * 198 * 3600) / 1e12
    assert rate == pytest.approx(numbers["useful_teraflops_per_gpu"], rel=0.02)


@pytest.fixture(scope="module")
def tiny():
    model, _ = models.load("rich")
    model.set_attn_implementation("eager")  # torch counts its products
    return model


def counted(model, tokens: int, way: str) -> float:
    """Operations by torch's counter: of `tokens` read at once, "forward", or with a way back to
    what goes in ("lora", whose own small matrices are left out) or to all weights ("full")."""
    model.requires_grad_(way == "full")
    given = model.get_input_embeddings()(torch.arange(tokens)[None] % 200).detach()
    given.requires_grad_(way != "forward")
    with FlopCounterMode(display=False) as counter:
        logits = model(inputs_embeds=given, use_cache=False).logits
        if way != "forward":
            logits.sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("tokens", [8, 64])
def test_operations_are_those_that_torch_counts(tiny, tokens):
    """Read at once, each of n positions meets all n: causal attention is masked, not left out."""
    of = cost.shape(tiny.config)
    work = cost.Work(tokens, tokens, tokens)
    assert cost.sampling(of, work) == counted(tiny, tokens, "forward")
    for learns in cost.BACK:
        assert cost.learning(of, work, learns) == pytest.approx(
            counted(tiny, tokens, learns), rel=0.01
        )


@pytest.mark.parametrize("name", ["rich", "smollm2", "Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-3B"])
def test_a_shapes_weights_are_the_matrices_of_the_model(name):
    config = models.config_of(name)
    with torch.device("meta"):
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_config(config)
    matrices = [m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert cost.shape(config).weights == sum(matrices)


def test_the_work_of_a_run_adds_up():
    """Two steps: 10 tokens in completions of 2 (so 14 + 1 before a token in the mean), and 30 in
    completions of 6 (14 + 3). Where what was learned from is not counted: of 5 completions, in the
    second step, three fifths with 20 tokens each, prompt included."""
    lines = [
        {"tokens": 10, "update_tokens": 4, "length": 2},
        {"tokens": 30, "length": 6, "zero_variance": 0.4},
    ]
    assert cost.of_run(lines) == cost.Work(40, 4 + 3 * 20, (10 * 15 + 30 * 17) / 40)


def test_a_planned_run_is_one_whose_completions_all_reach_the_cap():
    preset = replace(presets.named("gpu24"), steps=3, prompts=2, group=4, max_new=100)
    step = {"tokens": 2 * 4 * 100, "length": 100.0, "update_tokens": 2 * 4 * (320 + 100)}
    assert cost.planned(preset, 320) == cost.of_run([step] * 3, 320)


def test_a_forced_step_has_the_size_that_was_asked_for():
    model, tokenizer = models.load("rich")
    learner = policy.learner(models.prepare(model, 8), tokenizer, 1e-3)
    before = {k: p.detach().clone() for k, p in models.trainable(learner.model).items()}
    prompts = [tasks.prompt(p, "tiny") for p in tasks.problems("countdown", 2, 0, "train")]
    found = parts.forced(learner, prompts, group=3, length=20)
    read = sum(map(len, tokenizer(prompts)["input_ids"]))
    assert (found.tokens, found.learned) == (2 * 3 * 20, 3 * read + 2 * 3 * 20)
    after = models.trainable(learner.model)
    assert all(torch.equal(p, after[k]) for k, p in before.items())


def test_factors_multiply_to_the_error_of_the_whole():
    ours, theirs = {"steps": 10.0, "answers": 3.0}, {"steps": 5.0, "answers": 6.0}
    assert cost.factors(ours, theirs) == {"steps": 2.0, "answers": 0.5}
    with pytest.raises(KeyError, match="price"):
        cost.factors(ours, theirs | {"price": 1.0})


def test_an_energy_counter_is_read_and_may_begin_again(tmp_path):
    for name, now in (("intel-rapl:0", 5_000_000), ("intel-rapl:1", 90_000_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{now}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("100000000\n")
    before = energy.counters(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("12000000")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("3000000")  # 10 to its end, then 3
    assert energy.joules(before, energy.counters(tmp_path)) == pytest.approx(7 + 13)
    assert energy.joules(before, {}) is None and energy.counters(tmp_path / "none") == {}


def test_a_cards_draw_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert energy.card_watts() is None
    tool = tmp_path / "nvidia-smi"
    for words, watts in (("61.5\n70.5\n", 132.0), ("[N/A]\n", None), ("", None)):
        tool.write_text(f"#!/bin/sh\nprintf '{words}'\n")
        os.chmod(tool, 0o755)
        assert energy.card_watts() == watts


def test_a_step_by_the_clock_is_a_step_of_training():
    """The same completions and the same weights afterwards."""
    config = grpo.Config(steps=1, prompts=4, group=4, max_new=32, seed=3)
    pool, paid = tasks.problems("countdown", 64, 0, "train"), rewards.reward_set("rule")

    def fresh():
        model, tokenizer = models.load("rich")
        return policy.learner(models.prepare(model, 8, 3), tokenizer, config.lr)

    plain, timed = fresh(), fresh()
    (wanted,) = grpo.train(plain, pool, paid, config)
    found, roll = parts.step(timed, wanted.problems, paid, config, 1)
    assert roll.texts == wanted.texts and found.tokens == wanted.line()["tokens"]
    assert found.learned == wanted.report["update_tokens"] > 0
    assert found.length == pytest.approx(found.tokens / 16)
    assert 0 < found.share < 1 and found.sampling > 0
    pairs = zip(*(models.trainable(one.model).values() for one in (plain, timed)), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_clock_measures_both_ends():
    """The trained end writes longer completions than the base, of the same problems."""
    found = {}
    for arm in CLOCK.arms:
        options = Options(arm.name, seed=7, settings={"counted": 1})
        plan = settled(CLOCK, options, presets.named("cpu"))
        plan = replace(plan, preset=replace(plan.preset, prompts=2, group=2, max_new=200))
        model, tokenizer = models.load("rich")
        found[arm.name] = CLOCK.measure(model, tokenizer, [], plan)
        assert found[arm.name]["steps"] == 1 and found[arm.name]["sampling"] > 0
    assert found["trained"]["length"] > found["base"]["length"]


def test_the_call_of_the_lesson_measures_a_cards_preset(tmp_path):
    """A Qwen2 of toy width in the place of the presets' models, on the CPU; t4's own task would be
    downloaded, so both ask Countdown."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    _, tokenizer = models.load("rich")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(tokenizer)}
    config = Qwen2Config(**sizes, **heads, max_position_embeddings=1024)
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for name in ("t4", "gpu24"):
        preset = replace(
            presets.named(name), model=str(tmp_path), device="cpu", dtype="float32",
            task="countdown", prompts=2, group=2, max_new=16, steps=10,
        )  # fmt: skip
        assert 0 < fits.minutes(preset) < 5
        planned = cost.planned(preset, 320)
        assert planned.sampled == 10 * 2 * 2 * 16
        assert cost.operations(cost.shape(models.config_of(preset.model)), planned) > 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "10.6 right. 25,600 to 258,048 dollars, a factor of 10"),
        ({"answers": (1_000, 1_000)}, "answers: 512 were disclosed"),
        ({"steps": (1_000, 6_000)}, "the second stage alone has 1,700 steps"),
        ({"tokens": (100, 200)}, "all of it lies below what was reported"),
        ({"tokens": (500, 50_000)}, "nearly everything else"),
        ({"price": (7.0, 5.0)}, "the low one first"),
        ({"hours": (1, 2)}, "the four factors are"),
    ],
)
def test_an_estimate_is_judged_by_its_range(changed, said, capsys):
    given = checks.EXERCISES["10.6"].example() | changed
    checks.check("10.6", lambda: given)
    assert said in capsys.readouterr().out


def test_sizes_that_nobody_should_try_are_refused_before_they_are_tried(capsys):
    for size, said in (((64, 64, 900), "more than 16,384"), ((0, 1, 10), "1 to 64 problems")):
        checks.check("10.4", lambda part, size=size: size)
        assert said in capsys.readouterr().out
