"""Make a tiny base model: `python -m r1lab pretrain rich` reads the world and writes
`data/models/rich`.

Plain next-token prediction over every token of every text, prompts included, in one pass
over fresh text. Two things make it fast on a CPU: bfloat16 matrix products around an
attention kept in float32 (the bfloat16 attention's backward is several times slower
there), and `torch.compile`. Muon for the matrices, AdamW for the rest.
"""

import io
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from r1lab.models.names import DOSES
from r1lab.records.files import RunError, replace
from r1lab.tiny_world import corpus, words

CONTEXT = 1024


@dataclass(frozen=True)
class Recipe:
    """Shape of the model, amount of text. `tokens`: read in all; `batch`: tokens a step, at least
    four of the longest texts."""

    knobs: corpus.Knobs
    width: int = 128
    layers: int = 5
    heads: int = 4
    inner: int = 352
    tokens: int = 32_000_000
    batch: int = 16_000
    lr: float = 3e-3  # AdamW; the matrices take Muon at lr_matrix
    lr_matrix: float = 0.02
    seed: int = 0


RECIPES = {
    "rich": Recipe(corpus.RICH),
    "rich-1": Recipe(corpus.RICH, seed=1),
    "rich-2": Recipe(corpus.RICH, seed=2),
    "restless": Recipe(corpus.RESTLESS),
    "parts": Recipe(corpus.PARTS),
    "poor": Recipe(corpus.POOR),
    # a ladder is compared in itself, so half of the text will do
    **{f"dose-{dose}": Recipe(corpus.dose(dose / 100), tokens=16_000_000) for dose in DOSES},
    "small": Recipe(corpus.RICH, width=96, layers=3, inner=256),
    "large": Recipe(corpus.RICH, width=192, layers=6, heads=6, inner=512),
}


def wrap_tokenizer() -> PreTrainedTokenizerFast:
    """The world's tokenizer as transformers wants it; padding on the left."""
    return PreTrainedTokenizerFast(
        tokenizer_object=words.tokenizer(),
        eos_token=words.EOS,
        pad_token=words.PAD,
        unk_token=words.UNK,
        padding_side="left",
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def new_model(recipe: Recipe, tokenizer) -> LlamaForCausalLM:
    """A randomly initialised model of the recipe's shape, which is Qwen2's: biases on query,
    key and value only. It goes by the name of Llama, because for a Qwen2 folder transformers 5
    replaces whatever tokenizer lies in it by Qwen2's own."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=1 if recipe.heads % 2 else recipe.heads // 2,
        intermediate_size=recipe.inner,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        attention_bias=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    )
    model = LlamaForCausalLM(config)
    for name, p in model.named_parameters():
        if name.endswith("o_proj.bias"):
            p.requires_grad_(False)  # stays 0
    return model


def batches(recipe: Recipe, tokenizer, parts: int = 4, steps: int = 16):
    """Endless steps. A step is a list of `parts` padded micro-batches (ids, real tokens).

    Texts of `steps` steps are sorted by length and cut into pieces of equal tokens; a step takes
    one piece from each of `parts` stretches, up one and down the next. So little is padding,
    and every step sees short texts and long ones; the longest come once in `steps` steps.
    """
    stream = corpus.texts(recipe.seed, recipe.knobs)
    rust = tokenizer.backend_tokenizer
    while True:
        texts, count = [], 0
        while count < recipe.batch * steps:
            ids = rust.encode(next(stream)).ids
            if len(ids) <= CONTEXT:
                texts.append(ids)
                count += len(ids)
        texts.sort(key=len)
        pieces, piece, seen, size = [], [], 0, 0
        for ids in texts:
            piece.append(ids)
            seen, size = seen + len(ids), size + len(ids)
            if seen * parts * steps >= count * (len(pieces) + 1):
                pieces.append((_pad(piece, tokenizer.pad_token_id), size))
                piece, size = [], 0
        stretches = [pieces[i : i + steps] for i in range(0, len(pieces), steps)]
        for i in range(steps):
            yield [stretch[-1 - i if up % 2 else i] for up, stretch in enumerate(stretches)]


def _pad(texts, pad: int) -> torch.Tensor:
    length = -(-len(texts[-1]) // 8) * 8
    return torch.tensor([ids + [pad] * (length - len(ids)) for ids in texts])


def _float32_attention(module, query, key, value, attention_mask, scaling=None, **_):
    repeat = query.shape[1] // key.shape[1]
    with torch.autocast("cpu", enabled=False):
        key, value = (x.float().repeat_interleave(repeat, dim=1) for x in (key, value))
        out = torch.nn.functional.scaled_dot_product_attention(
            query.float(), key, value, is_causal=True, scale=scaling
        )
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register("float32_causal", _float32_attention)


def pretrain(
    name: str, recipe: Recipe, folder: Path, compiled: bool = True, device: str = "cpu",
    every: int = 200,
) -> dict:  # fmt: skip
    """Train a base of that name and save weights (float16), tokenizer and a record to `folder`.

    Until then `NAME.unfinished` beside the folder keeps the state of each `every` steps, and the
    next call goes on from it. compiled: needs a C++ compiler; without it a run takes twice as long.
    Raises RunError where the state there is of another recipe.
    """
    tokenizer = wrap_tokenizer()
    model = new_model(recipe, tokenizer).to(device)
    model.set_attn_implementation("float32_causal" if device == "cpu" else "sdpa")
    run = torch.compile(model, dynamic=True) if compiled else model
    optimizers = _optimizers(model, recipe)
    peak = [o.param_groups[0]["lr"] for o in optimizers]
    kept = folder.with_name(f"{folder.name}.unfinished")
    made = _kept(kept, recipe, model, optimizers)
    steps = batches(recipe, tokenizer)
    for _ in range(made["steps"]):
        next(steps)  # the text that was read
    while (done := made["tokens"] / recipe.tokens) < 1:
        start = time.time()
        scale = min(1.0, (made["steps"] + 1) / 100, (1 - done) / 0.6)  # warm-up, flat, down to 0
        for optimizer, lr in zip(optimizers, peak, strict=True):
            optimizer.param_groups[0]["lr"] = lr * scale
        pieces = next(steps)
        total = sum(size for _, size in pieces)
        pieces = [ids.to(device) for ids, _ in pieces]
        loss = sum(_step_loss(run, ids, total, tokenizer.pad_token_id) for ids in pieces)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        made["tokens"] += total
        made["steps"] += 1
        made["seconds"] += time.time() - start
        if made["steps"] % 50 == 0:
            said = {"step": made["steps"], "tokens": made["tokens"], "loss": round(loss, 4)}
            made["loss"].append(said)
            pace = made["tokens"] / made["seconds"]
            read = f"{made['tokens'] / 1e6:.1f} of {recipe.tokens / 1e6:.0f}M tokens"
            print(f"step {made['steps']}  {read}  loss {loss:.4f}  {pace:.0f}/s", flush=True)
        if made["steps"] % every == 0:
            _keep(kept, recipe, model, optimizers, made)
    save(model, tokenizer, folder)
    about = {"name": name, "recipe": asdict(recipe), "parameters": model.num_parameters()}
    about["device"] = torch.cuda.get_device_name() if device == "cuda" else device
    record = about | made | {"seconds": round(made["seconds"])}
    (folder / "pretraining.json").write_text(json.dumps(record, indent=1) + "\n")
    kept.unlink(missing_ok=True)
    return record


def _optimizers(model, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside, AdamW for embeddings, biases and norms."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [
        p for n, p in model.named_parameters() if (p.ndim != 2 or "embed" in n) and p.requires_grad
    ]
    return [
        torch.optim.Muon(matrices, lr=recipe.lr_matrix, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def _keep(path: Path, recipe: Recipe, model, optimizers, made: dict) -> None:
    state = {"recipe": asdict(recipe), "made": made, "model": model.state_dict()}
    blob = io.BytesIO()
    torch.save(state | {"optimizers": [o.state_dict() for o in optimizers]}, blob)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, blob.getvalue())


def _kept(path: Path, recipe: Recipe, model, optimizers) -> dict:
    """What training had come to; nothing yet where there is no file."""
    if not path.exists():
        return {"tokens": 0, "steps": 0, "seconds": 0.0, "loss": []}
    state = torch.load(path, weights_only=True, map_location="cpu")
    if state["recipe"] != asdict(recipe):
        raise RunError(f"{path} holds a training of another recipe: delete it, and start again")
    model.load_state_dict(state["model"])
    for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(kept)
    return state["made"]


def _step_loss(run, ids: torch.Tensor, total: int, pad: int) -> float:
    labels = ids[:, 1:].masked_fill(ids[:, 1:] == pad, -100)
    with torch.autocast(ids.device.type, torch.bfloat16):
        logits = run(input_ids=ids, use_cache=False).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(
        logits.float().reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="sum"
    )
    (loss / total).backward()
    return loss.item() / total


def save(model, tokenizer, folder: Path) -> None:
    """Write model (float16 safetensors) and tokenizer, replacing what was there only at the end."""
    model.set_attn_implementation("sdpa")
    part = folder.with_name(folder.name + ".part")
    model.half().save_pretrained(part)
    model.float()
    tokenizer.save_pretrained(part)
    folder.mkdir(parents=True, exist_ok=True)
    for file in part.iterdir():
        os.replace(file, folder / file.name)
    part.rmdir()
