"""What several tests stand on: small models, ready to train, and rewards they can climb."""

import operator
import re
import time
import warnings
from dataclasses import replace
from functools import cache

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from r1lab import models, policy, tasks
from r1lab.__main__ import main
from r1lab.machine import presets
from r1lab.policy import Learner
from r1lab.records import Place
from r1lab.tasks import Problem
from r1lab.tiny_world import pretrain

OPERATE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
PROMPT = re.compile(
    r"(?:User: reach (?P<target>\d+) from (?P<numbers>\d+(?:, \d+)*)\.\nAssistant: "
    r"|用户：得到 (?P<target_zh>\d+) 用 (?P<numbers_zh>\d+(?:, \d+)*)。\n助手："
    r"|User: compute (?P<factors>\d+\*\d+)\.\nAssistant: "
    r"|用户：计算 (?P<factors_zh>\d+\*\d+)。\n助手：)"
)


def posed(text):
    """The problem a text of the tiny world is about (None: a drill) and what follows its prompt."""
    found = PROMPT.match(text)
    if not found:
        return None, text
    factors = found["factors"] or found["factors_zh"]
    if factors:
        a, b = map(int, factors.split("*"))
        problem = Problem("multiplication", (a, b), a * b)
    else:
        numbers = (found["numbers"] or found["numbers_zh"]).split(", ")
        target = int(found["target"] or found["target_zh"])
        problem = Problem("countdown", tuple(map(int, numbers)), target)
    return problem, text[found.end() :]


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
            num_key_value_heads=2, intermediate_size=48, max_position_embeddings=256,
            tie_word_embeddings=tied, bos_token_id=None, eos_token_id=1, pad_token_id=0,
        )
    )  # fmt: skip
    with torch.no_grad():  # spread the logits, so that greedy choices are clear
        for name, p in built.named_parameters():
            if p.ndim == 2:
                p.mul_(4.0 if "embed" in name else 3.0)
            elif "bias" in name:
                p.normal_(0, 0.3)
    return built.eval()


@cache
def words():
    """The tokenizer of the bases that tests train."""
    return pretrain.wrap_tokenizer()


def on_a_card(monkeypatch, folder, name: str, **changes) -> None:
    """A preset for a card, whichever is asked for: on the CPU, with a model of toy width in a folder."""
    model = tiny_model(vocabulary=len(words()))
    model.config.max_position_embeddings = 4096
    model.save_pretrained(folder)
    words().save_pretrained(folder)
    toy = {"device": "cpu", "dtype": "float32", "model": str(folder), "train_problems": 16}
    there = replace(presets.named(name), **toy | changes)
    monkeypatch.setattr(presets, "pick", lambda name: there)


def prepared(rank: int = 4, seed: int = 0):
    """A random model ready to train; with LoRA, one that has left its base."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT asks the model by an old name
        model = models.prepare(tiny_model(vocabulary=len(words())), rank, seed)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.05)
    return model


def fresh(rank: int = 4, lr: float = 1e-2, seed: int = 0) -> Learner:
    """`prepared`, with its tokenizer and optimizer."""
    return policy.learner(prepared(rank, seed), words(), lr)


def plain_descent(rank: int = 4, model=None) -> Learner:
    """As `fresh`, with an optimizer whose step is minus the gradient."""
    model = model or prepared(rank)
    return Learner(model, words(), torch.optim.SGD(models.trainable(model).values(), lr=1.0))


def copies(model, learn: bool) -> dict[str, torch.Tensor]:
    """The weights that learn, or those that do not, as they are now."""
    return {k: p.detach().clone() for k, p in model.named_parameters() if p.requires_grad == learn}


@cache
def digits() -> set[int]:
    """The token ids of the numbers of one or two digits, two in five of all tokens."""
    return set(words().convert_tokens_to_ids([*map(str, range(100))]))


def share_of_digits(completion_ids, **_):
    """A reward that a random model can climb: the share of tokens that are digits."""
    return [sum(token in digits() for token in ids) / len(ids) for ids in completion_ids]


def short(completions, **_):
    """1 or 0 by the length of the text, 1 for one in four of a random model's: some groups have no
    variance."""
    return [float(len(text) < 40) for text in completions]


def prompts() -> list[str]:
    """Those of six problems."""
    return [tasks.prompt(p, "tiny") for p in tasks.problems("countdown", 6, seed=3)]


def pairs(way: str) -> list[tuple[str, ...]]:
    """A right completion of each of `prompts` for "sft", and a wrong one for "dpo"; none fits."""
    right = ["<answer>1+2</answer>", "12", "<think>3*4=12</think>", "7", "1+1+1+1+1+1", "no"]
    wrong = ["9", "<answer>5-1</answer>", "8 8 8 8", "4=4", "2", "<think>6"]
    columns = (prompts(), right) if way == "sft" else (prompts(), right, wrong)
    return list(zip(*columns, strict=True))


def seen(train, place, record=None) -> list:
    """What train(place, record) hands to `record`, step by step. place: a Place or a folder."""
    given = []

    def keep(one):
        given.append(one)
        if record:
            record(one)

    train(place if isinstance(place, Place) else Place(place), keep)
    return given


PRECISIONS = [  # dtype, device, its compute capability; TRL's bf16 and fp16
    (torch.float32, "cuda", (9, 0), (False, False)),
    (torch.bfloat16, "cuda", (8, 0), (True, False)),
    (torch.bfloat16, "cuda", (7, 5), (False, False)),
    (torch.float16, "cuda", (7, 5), (False, True)),
    (torch.bfloat16, "cpu", None, (False, False)),
]


def of_precision(dtype: torch.dtype, device: str, monkeypatch):
    """A model of that precision, whose LoRA learns in float32, that says it is on that device."""
    model = prepared().to(dtype)
    for p in models.trainable(model).values():
        p.data = p.data.float()
    monkeypatch.setattr(type(model.get_base_model()), "device", torch.device(device))
    return model


RECORDS = {
    "config.json", "metrics.jsonl", "samples.jsonl", "timing.jsonl", "summary.json", "figure.png",
}  # fmt: skip


def one_line(capsys, *arguments) -> str:
    """The error of a command that must refuse: one line, exit code 2."""
    assert main(list(map(str, arguments))) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("r1lab: ") and "\n" not in error
    return error


def digits_written(completions, **_):
    return [sum(c.isdigit() for c in text) / max(1, len(text)) for text in completions]


# ---- hostile text ----


def least_seconds(read, text, times=3):
    """The least processor time that `read` takes: once in a while a collection of garbage or a
    busy neighbour lengthens one, never all. Quadratic time on these texts would take minutes."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        read(text)
        taken.append(time.process_time() - start)
    return min(taken)


LONG = 40_000
HOSTILE = {
    "digits": "1" * LONG,
    "equals": "=" * LONG,
    "sums": "1+" * (LONG // 2),
    "equations": "1=" * (LONG // 2),
    "true equations": "1+1=2, " * (LONG // 7),
    "chain": "1+1=" * (LONG // 4),
    "open": "(" * LONG,
    "closed": "1" + ")" * LONG,
    "nested": "(" * (LONG // 2) + "1" + ")" * (LONG // 2) + "=1",
    "blanks": " " * LONG,
    "tabs behind digits": "1" + "\t" * LONG + "+",
    "digits and blanks": "1   " * (LONG // 4),
    "minus": "-" * LONG,
    "operators and blanks": "+  " * (LONG // 3),
    "decimal points": "1." * (LONG // 2),
    "thousands": "1" + ",111" * (LONG // 4),
    "versus": "1 vs 1 " * (LONG // 7),
    "verdicts": "1 vs 2 no. " * (LONG // 11),
    "letters": "a" * LONG,
    "underscores": "_" * LONG,
    "apostrophes": "a'" * (LONG // 2),
    "Han": "对不" * (LONG // 2),
    "waits": "wait " * (LONG // 5),
    "tags": "<think>" * (LONG // 7),
    "open tags": "<" * LONG,
    "closing tags": "</think>" * (LONG // 8),
    "lines": "\n - " * (LONG // 4),
    "backslashes": "\\" * LONG,
    "stars": "*" * LONG,
    "other scripts": "٣+٤=٧ ３+４=７ " * (LONG // 12),
    "surrogates": "\ud800=\udfff" * (LONG // 3),
    "zero": "\0" * LONG,
}
