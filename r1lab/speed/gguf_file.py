"""A model of Llama's kind as the GGUF file that llama.cpp reads."""

from pathlib import Path

import torch
from torch import Tensor

from r1lab.records import RunError

WEIGHTS = {  # in a layer
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}


def write(model, path: Path) -> None:
    """`model` in its precision, its vocabulary without text: prompts are token ids. The embedding
    must serve as the head, too. Raises RunError without the package `gguf`."""
    try:
        import gguf
    except ImportError:
        raise RunError("writing a GGUF file needs one more package: pip install gguf") from None
    config, vocabulary = model.config, model.config.vocab_size
    file = gguf.GGUFWriter(path, "llama")
    file.add_context_length(config.max_position_embeddings)
    file.add_embedding_length(config.hidden_size)
    file.add_block_count(config.num_hidden_layers)
    file.add_feed_forward_length(config.intermediate_size)
    file.add_head_count(config.num_attention_heads)
    file.add_head_count_kv(config.num_key_value_heads)
    file.add_rope_dimension_count(config.head_dim)
    file.add_rope_freq_base(config.rope_parameters["rope_theta"])
    file.add_layer_norm_rms_eps(config.rms_norm_eps)
    file.add_vocab_size(vocabulary)
    file.add_tokenizer_model("llama")
    file.add_token_list([f"t{i}" for i in range(vocabulary)])
    file.add_token_scores([0.0] * vocabulary)
    file.add_token_types([gguf.TokenType.NORMAL] * vocabulary)
    for name, weight in model.named_parameters():
        if ".q_proj." in name:
            weight = paired(weight, config.num_attention_heads)
        elif ".k_proj." in name:
            weight = paired(weight, config.num_key_value_heads)
        if weight.dtype == torch.bfloat16 and weight.dim() > 1:
            raw = weight.detach().contiguous().view(torch.uint8).numpy()
            file.add_tensor(named(name), raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            file.add_tensor(named(name), weight.detach().float().contiguous().numpy())
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def named(name: str) -> str:
    """`model.layers.3.mlp.up_proj.weight` is `blk.3.ffn_up.weight`."""
    stem, kind = name.rsplit(".", 1)
    if stem in OUTSIDE:
        return f"{OUTSIDE[stem]}.{kind}"
    layer, rest = stem.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{WEIGHTS[rest]}.{kind}"


def paired(weight: Tensor, heads: int) -> Tensor:
    """The rows of a query or key for llama.cpp, which turns neighbours by one angle where
    transformers turns row i of a head with row i + half of it."""
    halves = weight.unflatten(0, (heads, 2, -1))
    return halves.transpose(1, 2).flatten(0, 2)
