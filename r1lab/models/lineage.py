"""The line of models of a run: save what a stage learnt, go on from it, weigh several together.

An adapter belongs to its base. A stage that goes on from another one takes over its adapter and
learns on; the reference policy of the new stage is where it started, kept as a second, frozen
adapter. So weights are never rounded into a half-precision base on the way.
"""

import json
from pathlib import Path

import torch
from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from r1lab.models.adapters import REFERENCE, prepare
from r1lab.models.loading import load
from r1lab.models.names import DATA

ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
WEIGHTS = "model.safetensors"


def save_trained(model, folder: Path, base: str) -> None:
    """Save what was learnt in half precision: the LoRA adapter of base `base`, or all weights.

    `load_trained` and `go_on` read it back.
    """
    folder = Path(folder)
    weights = {k: v for k, v in model.state_dict().items() if f".{REFERENCE}." not in k}
    half = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    if isinstance(model, PeftModel):
        model.peft_config["default"].base_model_name_or_path = base  # not a path of this machine
        model.save_pretrained(
            folder, state_dict=half, save_embedding_layers=False, selected_adapters=["default"]
        )
        about = folder / ADAPTER_CONFIG
        # an older PEFT warns of settings it does not know, even empty
        kept = {k: v for k, v in json.loads(about.read_text()).items() if v is not None}
        about.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    else:
        model.save_pretrained(folder, state_dict=half)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card


def load_trained(folder: Path, base: str, dtype=torch.float32, device: str = "cpu"):
    """(model, tokenizer) of a recorded run: its adapter on its base, or its own weights.

    The base has that dtype; an adapter is float32 on it, as in training. To train it further, make
    a model ready as a run does (`prepare`) and `go_on` from the folder.
    """
    folder = Path(folder)
    model, words = load(base, dtype, device)
    if (folder / ADAPTER_CONFIG).is_file():
        return PeftModel.from_pretrained(model, str(folder)).eval(), words
    trained = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    return trained.to(device).eval(), words


def of_run(where: str, seed: int) -> Path:
    """The folder of what a run learnt, or one of its stages, from the folder of the run or of the
    stage. `{seed}` in it is replaced by the seed. A name that is no folder here is looked for among
    the recorded runs. Raises FileNotFoundError where there is none."""
    folder = Path(where.replace("{seed}", str(seed)))
    folder = folder if folder.is_dir() else DATA / "runs" / folder
    if not folder.is_dir():
        raise FileNotFoundError(f"{where}: no such folder here, and no such recorded run")
    last = folder / "trained"
    return last if last.is_dir() else folder


def start_over(model, base: str, seed: int):
    """What `prepare` made of the base, from a model that has learnt since, which is used up."""
    if isinstance(model, PeftModel):
        rank = model.peft_config["default"].r
        return prepare(model.unload(), rank, seed)
    fresh, _ = load(base, model.dtype, model.device.type)
    return prepare(fresh, 0)


def go_on(model, folder: Path, base: str, reference: bool) -> None:
    """Put what a saved stage learnt into `model`, which is ready to train on the same base.

    reference: keep the stage also as the reference policy of `adapters.reference`. Raises
    ValueError where the stage has another base, LoRA of another rank, or none, and the model has.
    """
    folder = Path(folder)
    if not isinstance(model, PeftModel):
        if not (folder / WEIGHTS).is_file():
            raise ValueError(f"{folder} holds no whole weights: start from it with LoRA")
        weights = {k: v.float() for k, v in load_file(folder / WEIGHTS).items()}
        model.load_state_dict(weights, strict=False)
        model.tie_weights()
        return
    if not (folder / ADAPTER_CONFIG).is_file():
        raise ValueError(f"{folder} holds no adapter: start from it with --lora-rank full")
    about = json.loads((folder / ADAPTER_CONFIG).read_text())
    if about["base_model_name_or_path"] != base:
        raise ValueError(
            f"{folder} was trained on {about['base_model_name_or_path']}: take that base"
        )
    rank = model.peft_config["default"].r
    if about["r"] != rank:
        raise ValueError(
            f"{folder} has LoRA of rank {about['r']}, not {rank}: set --lora-rank {about['r']}"
        )
    _forget_reference(model)
    if reference:
        model.load_adapter(str(folder), adapter_name=REFERENCE, is_trainable=False)
        model.set_adapter("default")
    mine = model.peft_config["default"]
    factor = about["lora_alpha"] / mine.lora_alpha  # a merged adapter has a scale of its own
    weights = {k: v.float() for k, v in load_file(folder / ADAPTER).items()}
    weights = {k: v * factor if "lora_B" in k else v for k, v in weights.items()}
    set_peft_model_state_dict(model, weights, adapter_name="default")


def _forget_reference(model) -> None:
    if REFERENCE in model.peft_config:
        model.delete_adapter(REFERENCE)


def merge(parts: list[tuple[Path, float]], out: Path) -> None:
    """One model from several runs of one base, in `out`: the base plus the weighted sum of what
    each learnt (Kimi k1.5, 2.4, model merging; weights that sum to 1 make the average).

    parts: (folder of what was learnt, weight). Exact: adapters are not added up but stand side by
    side in one of the sum of their ranks, in float32. Whole weights are averaged where the weights
    sum to 1. Raises ValueError for parts of both kinds or of several bases.
    """
    folders = [Path(folder) for folder, _ in parts]
    kinds = {(folder / ADAPTER_CONFIG).is_file() for folder in folders}
    if len(kinds) != 1:
        raise ValueError("adapters and whole weights cannot be merged: take runs of one kind")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if kinds == {False}:
        _merge_weights(folders, [weight for _, weight in parts], out)
        return
    configs = [json.loads((folder / ADAPTER_CONFIG).read_text()) for folder in folders]
    bases = {c["base_model_name_or_path"] for c in configs}
    if len(bases) != 1:
        raise ValueError(
            f"adapters of different bases cannot be merged: {', '.join(sorted(bases))}"
        )
    states = [load_file(folder / ADAPTER) for folder in folders]
    rank = sum(c["r"] for c in configs)
    merged = {}
    for name in states[0]:
        if "lora_A" in name:
            merged[name] = torch.cat([s[name].float() for s in states])
        else:  # what each is multiplied by: its weight and its own scale; the sum's scale is 1
            scaled = [
                s[name].float() * (weight * c["lora_alpha"] / c["r"])
                for s, c, (_, weight) in zip(states, configs, parts, strict=True)
            ]
            merged[name] = torch.cat(scaled, dim=1)
    save_file(merged, out / ADAPTER)
    about = configs[0] | {"r": rank, "lora_alpha": rank}
    (out / ADAPTER_CONFIG).write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")


def _merge_weights(folders: list[Path], weights: list[float], out: Path) -> None:
    if abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"weights of whole models must sum to 1, not {sum(weights):g}")
    states = [load_file(folder / WEIGHTS) for folder in folders]
    merged = {
        name: sum(w * s[name].float() for w, s in zip(weights, states, strict=True))
        for name in states[0]
    }
    save_file({k: v.contiguous() for k, v in merged.items()}, out / WEIGHTS, {"format": "pt"})
    for name in ("config.json", "generation_config.json"):
        if (folders[0] / name).is_file():
            (out / name).write_bytes((folders[0] / name).read_bytes())
