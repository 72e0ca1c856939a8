"""Models: their names, loading, LoRA, and the line from one stage to the next."""

from r1lab.models.adapters import (
    add_lora,
    head,
    plain,
    precision,
    prepare,
    refer,
    reference,
    trainable,
)
from r1lab.models.lineage import go_on, load_trained, merge, of_run, save_trained, start_over
from r1lab.models.loading import config_of, load, random, tokenizer
from r1lab.models.names import DATA, PINNED, SHAPES, TINY, commit, is_tiny, source

__all__ = [
    "DATA", "PINNED", "SHAPES", "TINY", "add_lora", "commit", "config_of", "go_on",
    "head", "is_tiny", "load", "load_trained", "merge", "of_run", "plain", "precision", "prepare",
    "random", "refer", "reference", "save_trained", "source", "start_over", "tokenizer",
    "trainable",
]  # fmt: skip
