"""Other engines beside ours: the file that one reads, the process that each lives in."""

import sys
import time
from pathlib import Path

import pytest
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from r1lab.records import RunError
from r1lab.running import arguments
from r1lab.speed import gguf_file, peer_process, peers, waiting

FAKE = """
import time

class Model: path = ""
class Threads: n_threads = 8

class CommonParams:
    def __init__(self):
        self.model, self.cpuparams, self.cpuparams_batch = Model(), Threads(), Threads()

class Server:
    def __init__(self, params):
        print("a word on the stream of answers")
        if "broken" in params.model.path:
            raise ValueError("no such file")

    def handle_completions(self, asked):
        time.sleep(0.01)
        one = {"logprobs": {"content": [0.0] * asked["n_predict"]}}
        return {"choices": [one] * len(asked["prompt"]) * asked["n_cmpl"]}
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A Python that has an engine of llama.cpp's kind."""
    (tmp_path / "xllamacpp.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return sys.executable


def test_a_peer_answers_from_its_own_process_whatever_it_prints(engine):
    with peers.started(Path(engine), "llamacpp", "folder", "float32", "64", "8") as sample:
        for prompts, group, tokens in (([[5, 6], [7]], 4, 3), ([[5]], 2, 9)):
            start = time.perf_counter()
            seconds, count = sample(prompts, group, tokens)
            assert count == len(prompts) * group * tokens
            assert 0.01 <= seconds <= time.perf_counter() - start


def test_a_peer_that_stops_is_named_with_what_it_said(engine):
    broken = peers.started(Path(engine), "llamacpp", "broken", "float32", "64", "8")
    with pytest.raises(RunError, match=r"llamacpp stopped: (.|\n)*no such file"), broken:
        pass


def test_the_command_line_knows_the_engines():
    assert tuple(peer_process.ENGINES) == arguments.PEERS
    given = arguments.parser().parse_args(["bench", "--peers", f"vllm={sys.executable}"])
    assert [name for name, _ in given.peers] == ["vllm"]


@pytest.mark.parametrize("wrong", ["vllm", "sglang=python", "vllm=/nowhere/python"])
def test_an_engine_needs_a_name_and_a_python(wrong, capsys):
    with pytest.raises(SystemExit):
        arguments.parser().parse_args(["bench", "--peers", wrong])
    assert "NAME=PYTHON" in capsys.readouterr().err


def llama(**more) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0}, rms_norm_eps=3e-5, **more,
    )  # fmt: skip
    return LlamaForCausalLM(config)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_gguf_file_is_the_same_model(dtype, tmp_path):
    model = llama().to(dtype)
    gguf_file.write(model, tmp_path / "model.gguf")
    again = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file="model.gguf", dtype=torch.float32
    )
    ids = torch.tensor([[3, 5, 7, 11, 13, 17, 19, 23]])
    with torch.no_grad():
        wanted = model.float()(ids).logits
        assert wanted.std() > 0.05
        assert torch.allclose(again(ids).logits, wanted, atol=1e-5)


def test_biases_are_turned_as_their_weights_are(tmp_path):
    """transformers reads no biases of a Llama from such a file: the tensors are compared."""
    model = llama(attention_bias=True)
    attention = model.model.layers[0].self_attn
    bias = attention.q_proj.bias.data.normal_()
    gguf_file.write(model, tmp_path / "model.gguf")
    tensors = {t.name: t.data for t in GGUFReader(tmp_path / "model.gguf").tensors}
    assert len(tensors) == len(dict(model.named_parameters()))
    for head in range(4):
        for i in range(8):  # rows i and i + 8 of a head are neighbours there
            pair = tensors["blk.0.attn_q.bias"][16 * head + 2 * i : 16 * head + 2 * i + 2]
            assert list(pair) == [bias[16 * head + i], bias[16 * head + i + 8]]


@pytest.mark.slow
def test_each_way_of_waiting_is_measured_alone_and_beside_a_neighbour():
    found = waiting.found(1)
    assert list(found) == ["PASSIVE", "ACTIVE", "one"]
    assert all(rate > 0 for way in found.values() for rate in (way["alone"], way["beside"]))
