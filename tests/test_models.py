"""Bases and adapters on disk."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from helpers import tiny_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from r1lab import models, policy, tasks
from r1lab.running import arguments
from r1lab.tiny_world import pretrain

BASES = [name for name in models.TINY if (models.DATA / "models" / name).is_dir()]
IDS = torch.tensor([[10, 11, 12, 13]])


def randomised(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.1)
    return model.eval()


def test_a_fresh_adapter_changes_nothing_and_touches_every_linear_layer_but_the_head():
    plain = tiny_model()(IDS).logits
    model = models.add_lora(tiny_model(), 4)
    assert torch.equal(model(IDS).logits, plain)
    touched = {name.split(".lora_")[0].split(".")[-1] for name in models.trainable(model)}
    assert touched == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_the_reference_of_a_lora_model_is_its_base():
    model = randomised(models.add_lora(tiny_model(), 4))
    with models.reference(model):
        assert torch.equal(model(IDS).logits, tiny_model()(IDS).logits)
    assert not torch.allclose(model(IDS).logits, tiny_model()(IDS).logits)


@pytest.mark.parametrize("rank", [2, 0], ids=["lora", "all weights"])
def test_what_was_trained_comes_back_from_disk(rank, tmp_path):
    model, _ = models.load("rich")
    model = models.prepare(model, rank, seed=1)
    with torch.no_grad():
        for p in models.trainable(model).values():
            p.add_(0.01 * torch.randn_like(p))
    models.save_trained(model, tmp_path / "trained", "rich")
    again, _ = models.load_trained(tmp_path / "trained", "rich")
    torch.testing.assert_close(
        again(IDS).logits, model(IDS).logits, atol=0.02, rtol=0
    )  # half precision
    assert str(tmp_path) not in "".join(
        p.read_text() for p in (tmp_path / "trained").glob("*.json")
    )


def test_every_tiny_base_has_a_recipe_and_a_place_on_the_command_line():
    assert set(pretrain.RECIPES) == set(models.TINY) == set(arguments.BASES)
    assert len(models.TINY) == len(set(models.TINY))


SMALL = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 2, "num_key_value_heads": 2, "pad_token_id": 0}  # fmt: skip


@pytest.mark.parametrize("kind", ["llama", "qwen2", "mistral", "granite", "cohere", "phi", "gpt2"])
def test_log_probabilities_are_the_models_own_or_refused(kind):
    """A model that scales its logits, or whose head has a bias, must not be trained as another."""
    torch.manual_seed(0)
    more = {"logits_scaling": 8.0} if kind == "granite" else {}
    config = AutoConfig.for_model(kind, **SMALL, **more)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    if kind == "phi":
        model.lm_head.bias.data.normal_()
    if kind not in ("llama", "qwen2", "mistral"):
        with pytest.raises(ValueError, match=f"a {kind} model has .* another model"):
            models.head(model)
        return
    prompt, ids = [5, 6, 7], torch.tensor([[8, 9, 10, 11]])
    with torch.no_grad():
        ours, _ = policy.logps(model, policy.Batch([prompt], ids, torch.tensor([4])), [0])
        whole = model(torch.tensor([prompt + ids[0].tolist()])).logits.log_softmax(-1)
    theirs = whole[0, 2:6].gather(1, ids[0][:, None])[:, 0]
    assert torch.allclose(ours[0], theirs, atol=1e-5)


def test_a_folder_may_have_an_at_in_its_name(tmp_path):
    """Else the weights of `run` would be taken for those of `run@100`."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run@100").mkdir()
    assert models.source(f"{tmp_path}/run@100") == (f"{tmp_path}/run@100", None)
    assert models.source("a/hub-model@abc") == ("a/hub-model", "abc")


def test_a_missing_base_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m r1lab pretrain rich"):
        models.source("rich", data=tmp_path)


@pytest.mark.parametrize("name", BASES)
def test_a_shipped_base_is_plain_transformers(name):
    """AutoTokenizer and AutoModel give the world's tokenizer and a float16 file of modest size."""
    folder = models.DATA / "models" / name
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = (
        tasks.prompt(tasks.problems("countdown", 1, seed=0)[0], "tiny")
        + "<think>3+7=10 vs 22 no. Wait, 等等，</think>"
    )
    assert tokenizer(text)["input_ids"] == pretrain.wrap_tokenizer()(text)["input_ids"]
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert (folder / "model.safetensors").stat().st_size < 8_000_000
    config = json.loads((folder / "config.json").read_text())
    assert config["dtype"] == "float16" and config["max_position_embeddings"] == 1024


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("smollm2", 134.5),
        ("Qwen/Qwen2.5-0.5B", 494.0),
        ("Qwen/Qwen2.5-1.5B", 1543.7),
        ("Qwen/Qwen2.5-3B", 3085.9),
    ],
)
def test_shapes_are_those_of_the_real_models(name, millions):
    """Parameters as their model cards give them."""
    assert models.random(name, device="meta").num_parameters() / 1e6 == pytest.approx(
        millions, rel=2e-3
    )


@pytest.mark.slow
def test_a_hub_model_comes_from_the_cache_at_the_pinned_commit_without_a_network(tmp_path):
    """The cache as the hub's library leaves it, with the files of a tiny base in the place of the real ones; a newer
    commit lies beside the pinned one and is the branch's."""
    name = "Qwen/Qwen2.5-0.5B"
    there = tmp_path / "hub" / "models--Qwen--Qwen2.5-0.5B"
    for commit, base in ((models.PINNED[name], "rich"), ("f" * 40, "restless")):
        shutil.copytree(models.DATA / "models" / base, there / "snapshots" / commit)
    (there / "refs").mkdir()
    (there / "refs" / "main").write_text("f" * 40)
    show = f"from r1lab import models; print([float(models.load(n)[0].lm_head.weight[5, 5]) for n in ({name!r}, '{name}@main')])"
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", show], env=environment, capture_output=True, text=True
    )
    weights = [float(models.load(base)[0].lm_head.weight[5, 5]) for base in ("rich", "restless")]
    assert done.stdout.strip() == str(weights) and weights[0] != weights[1], done.stderr
