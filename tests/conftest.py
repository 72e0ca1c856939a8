"""No test reaches the network: the hub is offline and sockets connect only to this machine."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import socket

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

_connect = socket.socket.connect


def _local_only(self, address):
    host = address[0] if isinstance(address, tuple) else "local"
    if host not in ("127.0.0.1", "::1", "localhost", "local"):
        raise AssertionError(f"a test tried to reach {host}")
    return _connect(self, address)


socket.socket.connect = _local_only


def tiny_model(kind: str = "qwen2", seed: int = 0, vocabulary: int = 46, tied: bool = True):
    """A random model small enough for a test: 2 layers, 4 heads that share 2 keys."""
    torch.manual_seed(seed)
    config, model = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }[kind]
    built = model(
        config(
            vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, intermediate_size=48, max_position_embeddings=256, tie_word_embeddings=tied,
            bos_token_id=None, eos_token_id=1, pad_token_id=0,
        )
    )  # fmt: skip
    with torch.no_grad():  # spread the logits, so that greedy choices are clear
        for name, p in built.named_parameters():
            if p.ndim == 2:
                p.mul_(4.0 if "embed" in name else 3.0)
            elif "bias" in name:
                p.normal_(0, 0.3)
    return built.eval()


@pytest.fixture
def model():
    return tiny_model()
