"""What a run costs: tokens, counted operations, hours, energy and money (DeepSeek-R1, version 2,
Table 7).

Operations are counted as multiplications and additions of the matrix products: two for each weight
that a token passes, and four for each pair of a position and one before it, per layer and unit of
attention. What is left out: everything that moves numbers and does not multiply them, which is why
counted operations say how much work there is and not how long it takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from r1lab import plots

AFTER = 20_000  # tokens a response, at most, where the paper draws no more: our assumption
BACK = {"lora": 1, "full": 2}  # passes of the weights on the way back, beside one forward


@dataclass(frozen=True)
class Shape:
    """What a token costs. weights: numbers that it is multiplied with; pairs: operations for each
    position before it, in the attention of all layers."""

    weights: float
    pairs: float


@dataclass(frozen=True)
class Work:
    """What a run did: tokens sampled, tokens that went forward and back, and how many positions
    stood before a token, in the mean."""

    sampled: float
    learned: float
    context: float


def dollars(tokens: float, per_million: float) -> float:
    """The price of tokens that are sold by the million."""
    return tokens / 1e6 * per_million


def shape(config) -> Shape:
    """Of a model like Llama or Qwen2, from its config: the matrices of each layer, and the head."""
    width, layers = config.hidden_size, config.num_hidden_layers
    heads = config.num_attention_heads
    of_head = getattr(config, "head_dim", None) or width // heads
    inside = heads * of_head
    shared = config.num_key_value_heads * of_head
    layer = width * (2 * inside + 2 * shared) + 3 * width * config.intermediate_size
    return Shape(layers * layer + width * config.vocab_size, 4 * layers * inside)


def sampling(of: Shape, work: Work) -> float:
    """Operations to sample: one pass forward for each token."""
    return work.sampled * (2 * of.weights + of.pairs * work.context)


def learning(of: Shape, work: Work, learns: str = "lora") -> float:
    """Operations to learn: forward, and back to the activations; where all weights learn, back to
    the weights, too. Attention has two inputs that both need a way back. learns: "lora" or "full".
    """
    passes = 1 + BACK[learns]
    return work.learned * (passes * 2 * of.weights + 3 * of.pairs * work.context)


def operations(of: Shape, work: Work, learns: str = "lora") -> float:
    """Operations of a run."""
    return sampling(of, work) + learning(of, work, learns)


def of_run(metrics: Iterable[Mapping], prompt: int = 14) -> Work:
    """The work of a run, from its lines of metrics.jsonl. prompt: tokens of a prompt; to read them
    before sampling is left out. A line's mean length stands for all of its completions, so the
    context is rather too short than too long."""
    lines = list(metrics)
    sampled = sum(line["tokens"] for line in lines)
    seen = sum(line["tokens"] * (prompt + line["length"] / 2) for line in lines)
    return Work(sampled, sum(_learned(line, prompt) for line in lines), seen / sampled)


def _learned(line: Mapping, prompt: int) -> float:
    """Tokens that went forward and back; of runs that did not count them, those of the groups with
    a signal."""
    if "update_tokens" in line:
        return line["update_tokens"]
    answers = line["tokens"] / line["length"]
    return (1 - line["zero_variance"]) * answers * (prompt + line["length"])


def planned(preset, prompt: int) -> Work:
    """The work of GRPO with a preset, if every completion reaches the cap and every group has a
    signal: the most that it can be. prompt: tokens of a prompt."""
    answers = preset.steps * preset.prompts * preset.group
    sampled, learned = answers * preset.max_new, answers * (prompt + preset.max_new)
    return Work(sampled, learned, prompt + preset.max_new / 2)


def r1_zero_curve(steps: float, answers: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(step, tokens in all at least, at most) of R1-Zero: `answers` responses a step, as long as
    its Figure 3 draws them, and from the last point on as long as that one, or `AFTER` tokens."""
    x, length, _ = plots.paper_curve("r1_zero_length")
    x, low, high = np.append(x, steps), np.append(length, length[-1]), np.append(length, AFTER)
    drawn = np.append(0, np.cumsum(np.diff(x[:-1]) * (length[1:] + length[:-1]) / 2))
    rest = x[-1] - x[-2]
    return (
        x,
        answers * np.append(drawn, drawn[-1] + rest * low[-1]),
        answers * np.append(drawn, drawn[-1] + rest * high[-1]),
    )


def r1_zero_tokens(steps: float, answers: float) -> tuple[float, float]:
    """Tokens that R1-Zero wrote in all its steps, at least and at most, see `r1_zero_curve`."""
    _, low, high = r1_zero_curve(steps, answers)
    return float(low[-1]), float(high[-1])


def factors(estimate: Mapping[str, float], disclosed: Mapping[str, float]) -> dict[str, float]:
    """By how much each factor of an estimate is larger than what was disclosed; their product is
    the error of the whole. Raises KeyError where the two have not the same factors."""
    if estimate.keys() != disclosed.keys():
        raise KeyError(f"{sorted(estimate)} beside {sorted(disclosed)}")
    return {name: estimate[name] / disclosed[name] for name in estimate}


def watt_hours(seconds: float, watts: float) -> float:
    """Energy of a machine that takes `watts` for some time."""
    return watts * seconds / 3600
