"""Another engine, in an environment that has it: `peers` starts this with that one's Python.

It imports nothing of ours. A line of JSON comes in, the prompts as token ids; a line goes out, the
seconds taken and the tokens sampled. Both engines sample at temperature 1, give each token's
log-probability, pass over the end token, and know no prompt from the call before.
"""

import json
import os
import sys
import time
from collections.abc import Callable

Sample = Callable[..., tuple[float, int]]


def vllm(folder: str, dtype: str, room: int, sequences: int) -> Sample:
    """folder: the model's, with its LoRA under `adapter` where that is to stay apart. room: tokens
    of a sequence at most; sequences: at once. Its way to sample has `renew`: whether it is given
    all weights anew before, as in training."""
    from safetensors.torch import load_file
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    adapter = f"{folder}/adapter"
    apart = os.path.isdir(adapter)
    engine = LLM(
        folder, skip_tokenizer_init=True, dtype=dtype, max_model_len=room, max_num_seqs=sequences,
        enable_lora=apart,
    )  # fmt: skip
    lora = LoRARequest("policy", 1, adapter) if apart else None
    weights = load_file(f"{folder}/model.safetensors")

    def sample(prompts, group, tokens, renew=False):
        how = SamplingParams(
            n=group, max_tokens=tokens, ignore_eos=True, logprobs=0, detokenize=False
        )
        asked = [{"prompt_token_ids": prompt} for prompt in prompts]
        engine.reset_prefix_cache()
        start = time.perf_counter()
        if renew:
            given = {"weights_iterator": iter(weights.items())}
            engine.collective_rpc("reload_weights", kwargs=given)
        done = engine.generate(asked, how, use_tqdm=False, lora_request=lora)
        seconds = time.perf_counter() - start
        return seconds, sum(len(one.logprobs) for answers in done for one in answers.outputs)

    return sample


def llamacpp(folder: str, dtype: str, room: int, sequences: int) -> Sample:
    """The precision stands in the file."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = f"{folder}/{dtype}.gguf"
    params.n_parallel, params.n_ctx = sequences, room * sequences
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)

    def sample(prompts, group, tokens):
        asked = {
            "prompt": prompts, "n_cmpl": group, "n_predict": tokens, "ignore_eos": True,
            "samplers": ["temperature"], "temperature": 1.0, "n_probs": 1, "cache_prompt": False,
        }  # fmt: skip
        start = time.perf_counter()
        done = server.handle_completions(asked)
        seconds = time.perf_counter() - start
        return seconds, sum(len(one["logprobs"]["content"]) for one in done["choices"])

    return sample


ENGINES = {"vllm": vllm, "llamacpp": llamacpp}


def main(name: str, folder: str, dtype: str, room: str, sequences: str) -> None:
    """Answer until nothing more comes in. What an engine prints goes to the other stream."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sample = ENGINES[name](folder, dtype, int(room), int(sequences))
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(sample(**json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
