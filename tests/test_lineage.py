"""From one stage to the next: what is kept, what is the reference, and what merging gives."""

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import Linear

from r1lab import models


def lora(rank=4, seed=0, dtype=torch.float32):
    """`rich` with LoRA that has left its base, as training leaves it."""
    model = models.prepare(models.load("rich", dtype)[0], rank, seed)
    generator = torch.Generator().manual_seed(100 + seed)
    for name, p in models.trainable(model).items():
        if "lora_B" in name:
            p.data.normal_(0, 0.05, generator=generator)
    return model


def logits(model):
    with torch.no_grad():
        return model(input_ids=torch.arange(5, 25)[None]).logits.float()


def deltas(folder, dtype=torch.float64):
    """Layer -> what an adapter adds to its weight, by the layers of a loaded model."""
    model, _ = models.load_trained(folder, "rich")
    found = {}
    for name, layer in model.named_modules():
        if isinstance(layer, Linear):
            a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            found[name] = layer.scaling["default"] * (b.to(dtype) @ a.to(dtype))
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two stages of one base, of ranks 4 and 8."""
    place = tmp_path_factory.mktemp("stages")
    for name, rank, seed in (("one", 4, 0), ("two", 8, 1)):
        models.save_trained(lora(rank, seed), place / name, "rich")
    return place


def test_a_stage_goes_on_from_the_saved_one_and_its_reference_stays_there(saved):
    before = logits(models.load_trained(saved / "one", "rich")[0])
    model = models.prepare(models.load("rich")[0], 4, seed=5)
    models.go_on(model, saved / "one", "rich", reference=True)
    assert torch.equal(logits(model), before)
    learning = models.trainable(model)
    assert learning and all("default" in name for name in learning)
    for p in learning.values():
        p.data.add_(0.01)
    moved = logits(model)
    assert not torch.allclose(moved, before, atol=1e-3)
    with models.reference(model):
        assert torch.equal(logits(model), before)
    assert torch.equal(logits(model), moved)
    assert models.trainable(model).keys() == learning.keys()


def test_the_gradient_of_the_policy_survives_a_look_at_the_reference(saved):
    """The reference answers between forward and backward, as in a KL term."""
    model = models.prepare(models.load("rich")[0], 4)
    models.go_on(model, saved / "one", "rich", reference=True)
    found = []
    for look in (False, True):
        model.zero_grad()
        loss = model(input_ids=torch.arange(5, 25)[None]).logits.square().mean()
        if look:
            with torch.no_grad(), models.reference(model):
                logits(model)
        loss.backward()
        found.append({k: p.grad.clone() for k, p in models.trainable(model).items()})
    assert all(torch.equal(found[0][k], found[1][k]) for k in found[0])


def test_what_a_stage_saves_leaves_its_reference_out(saved, tmp_path):
    model = models.prepare(models.load("rich")[0], 4)
    models.go_on(model, saved / "one", "rich", reference=True)
    models.save_trained(model, tmp_path, "rich")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / name).read_bytes() == (saved / "one" / name).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


@pytest.mark.parametrize("rank", [4, 0], ids=["lora", "all weights"])
def test_starting_over_is_a_fresh_model(saved, rank):
    model = models.prepare(models.load("rich")[0], rank, seed=3)
    if rank:
        models.go_on(model, saved / "one", "rich", reference=True)
    else:
        for p in model.parameters():
            p.data.mul_(1.1)
    model = models.start_over(model, "rich", seed=3)
    fresh = models.prepare(models.load("rich")[0], rank, seed=3)
    there, wanted = model.state_dict(), fresh.state_dict()
    assert there.keys() == wanted.keys()
    assert all(torch.equal(there[k], wanted[k]) for k in wanted)


@pytest.mark.parametrize(
    ("rank", "base", "words"),
    [(8, "rich", "rank 4, not 8: set --lora-rank 4"), (4, "parts", "take that base"),
     (0, "rich", "no whole weights")],
)  # fmt: skip
def test_a_stage_that_does_not_fit_is_refused_in_words(saved, rank, base, words):
    model = models.prepare(models.load("rich")[0], rank)
    with pytest.raises(ValueError, match=words):
        models.go_on(model, saved / "one", base, reference=False)


def test_merged_adapters_add_exactly_what_their_weights_say(saved, tmp_path):
    weights = {"one": 0.7, "two": -1.3}
    models.merge([(saved / name, w) for name, w in weights.items()], tmp_path)
    parts = {name: deltas(saved / name) for name in weights}
    for layer, delta in deltas(tmp_path).items():
        wanted = sum(w * parts[name][layer] for name, w in weights.items())
        torch.testing.assert_close(delta, wanted, atol=1e-7, rtol=1e-6)
    assert float(delta.norm()) > 0.1


def test_an_adapter_merged_alone_is_the_same_policy(saved, tmp_path):
    models.merge([(saved / "two", 1.0)], tmp_path)
    one, other = (models.load_trained(f, "rich")[0] for f in (saved / "two", tmp_path))
    torch.testing.assert_close(logits(one), logits(other), atol=1e-5, rtol=0)


def test_a_stage_goes_on_from_a_merged_model(saved, tmp_path):
    models.merge([(saved / "one", 0.5), (saved / "two", 0.5)], tmp_path)
    model = models.prepare(models.load("rich")[0], 12)  # the ranks of both
    models.go_on(model, tmp_path, "rich", reference=True)
    wanted = logits(models.load_trained(tmp_path, "rich")[0])
    torch.testing.assert_close(logits(model), wanted, atol=1e-4, rtol=0)
    with models.reference(model):
        torch.testing.assert_close(logits(model), wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_an_adapter_stays_beside_its_base(saved, tmp_path, dtype):
    """The base is rounded, what was learnt is not: nothing is folded in."""
    models.merge([(saved / "one", 0.5), (saved / "two", 0.5)], tmp_path)
    model, _ = models.load_trained(tmp_path, "rich", dtype)
    assert isinstance(model, PeftModel) and model.get_input_embeddings().weight.dtype == dtype
    added = [p for name, p in model.named_parameters() if "lora_" in name]
    assert added and all(p.dtype == torch.float32 for p in added)
    base, _ = models.load("rich", dtype)
    for name, p in base.named_parameters():
        wrapped = model.get_base_model().get_parameter(name) if "proj" not in name else None
        assert wrapped is None or torch.equal(wrapped, p)


def test_whole_weights_are_averaged(tmp_path):
    base, _ = models.load("rich")
    wanted = {k: p.clone() for k, p in base.named_parameters()}
    for name, factor in (("a", 0.5), ("b", 2.0)):  # powers of two: float16 holds them exactly
        model, _ = models.load("rich")
        for p in model.parameters():
            p.data.mul_(factor)
        models.save_trained(model, tmp_path / name, "rich")
    models.merge([(tmp_path / "a", 0.25), (tmp_path / "b", 0.75)], tmp_path / "out")
    model, _ = models.load_trained(tmp_path / "out", "rich")
    for k, p in model.named_parameters():
        torch.testing.assert_close(
            p, wanted[k] * (0.25 * 0.5 + 0.75 * 2.0), atol=1e-7, rtol=1e-6
        )  # subnormal numbers of float16 lose a digit


def test_parts_that_cannot_be_merged_are_named(saved, tmp_path):
    model, _ = models.load("rich")
    models.save_trained(model, tmp_path / "whole", "rich")
    models.save_trained(lora(), tmp_path / "other", "parts")
    for parts, words in (
        ([(saved / "one", 1.0), (tmp_path / "whole", 1.0)], "one kind"),
        ([(saved / "one", 1.0), (tmp_path / "other", 1.0)], "different bases"),
        ([(tmp_path / "whole", 0.5)], "must sum to 1"),
    ):
        with pytest.raises(ValueError, match=words):
            models.merge(parts, tmp_path / "out")
