"""What goes wrong without an error on a consumer card or on Colab: each a test, here or in the file that is named.

* emulated bfloat16 on a T4, which torch calls supported: test_presets (what is chosen), here (what is refused),
  test_train::test_the_precision_is_the_models (what TRL is told);
* float16 gradients that underflow, LoRA weights that are no longer float32: test_half;
* a model loaded in another precision than asked for: here;
* memory: test_memory; a run resumed from 0, a full disk, a kill: test_cli, test_runs, test_train;
* base weights that drift by merging LoRA into them: test_sampling (ours never touches them);
* threads that spin: test_cli::test_importing_the_package_lets_idle_threads_sleep;
* a reward that stays 0 and its like: test_alarms; packages that replace others: here and test_colab.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import tiny_model

from r1lab import experiments, grpo, models, records
from r1lab.models import loading
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.trl_engine import Place, online

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = [
    line
    for line in (ROOT / "requirements.txt").read_text().splitlines()
    if line and line[0] not in "#-"
]


def test_bfloat16_on_a_card_that_emulates_it_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (7, 5))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    with pytest.raises(ValueError, match="emulates it.*take float16"):
        models.load("rich", torch.bfloat16, "cuda")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_model_has_the_precision_asked_for(dtype):
    """The file of `rich` is float16. transformers 5 would take what the file has, TRL float32."""
    model, _ = models.load("rich", dtype)
    assert {p.dtype for p in model.parameters()} == {dtype}


def test_lora_stays_float32_on_a_half_precision_base():
    model = models.prepare(models.load("rich", torch.float16)[0], 4)
    assert {p.dtype for p in models.trainable(model).values()} == {torch.float32}


def test_several_cards_in_one_process_are_said_before_anything_is_loaded(monkeypatch, tmp_path):
    """TRL would stop at them, after the model is loaded and measured."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(records.RunError, match="set CUDA_VISIBLE_DEVICES=0"):
        run(experiments.named("zero"), Options(settings={"engine": "trl"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_trl_is_told_what_its_defaults_would_get_wrong(tmp_path):
    model = models.prepare(tiny_model(), 4)
    told = online.settings(model, grpo.Config(prompts=2, group=2, max_new=8), 40, Place(tmp_path))
    assert (
        not told.use_transformers_continuous_batching
    )  # in float16 it would halve LoRA's weights, too
    assert not told.use_liger_kernel and not told.bf16 and not told.fp16
    assert told.beta == 0 and told.loss_type == "grpo" and told.report_to == []


def test_no_requirement_replaces_what_is_there():
    """vLLM, Unsloth and bitsandbytes pin other versions of torch, transformers or TRL than these; Colab's
    ipywidgets 7.7 and a torch that is installed stay."""
    names = {re.match(r"[\w-]+", line)[0].lower() for line in REQUIRED}
    assert not names & {"vllm", "unsloth", "bitsandbytes", "xformers", "liger-kernel", "deepspeed"}
    assert not any("==" in line for line in REQUIRED)
    (widgets,) = (line for line in REQUIRED if line.startswith("ipywidgets"))
    assert widgets == "ipywidgets>=7.7"


@pytest.mark.slow
def test_nothing_imports_an_optional_engine():
    """A machine without them, and without a card, runs everything here."""
    show = "import sys, r1lab.__main__, r1lab.trl_engine; print([m for m in ('vllm', 'unsloth', 'bitsandbytes') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip().endswith("[]"), done.stderr


def test_no_file_trusts_code_from_the_hub():
    for path in (ROOT / "r1lab").rglob("*.py"):
        assert "trust_remote_code" not in path.read_text(encoding="utf-8"), path.name


def test_a_hub_model_is_taken_at_its_commit(monkeypatch):
    asked = []

    def refuse(where, revision=None, **_):
        asked.append((where, revision))
        raise OSError("no connection\nand many more lines")

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", refuse)
    for name in ("Qwen/Qwen2.5-0.5B", "some/model@abc", "some/model"):
        with pytest.raises(
            FileNotFoundError, match=r"neither a folder nor a model.*\(no connection\)"
        ):
            models.load(name)
    pinned = "060db6499f32faf8b98477b0a26969ef7d8b9987"
    assert asked == [("Qwen/Qwen2.5-0.5B", pinned), ("some/model", "abc"), ("some/model", None)]
