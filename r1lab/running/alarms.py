"""Alarms: a run that goes wrong without an error, said in words.

A wrong template, a rate too high, an end token that never comes: training goes on, and
nothing is learnt. `of_prompt` looks at the prompt before the first step. `of_metrics` reads
the metrics, a line a step as `metrics.jsonl` holds them, and keeps nothing itself: a resumed
run and a recorded one get the same answer. A number that a line lacks raises nothing.

Left out: a loss that is not a number. `records.append` stops the run there.
"""

from dataclasses import dataclass
from statistics import median

# Steps that must agree. One bad step is chance: at 1 % right answers, 128 completions
# hold none with probability 0.28, five times in a row with 0.002.
PATIENCE = 5
# Share of completions with an answer. A base that has to find the tags by itself starts
# with several per cent, and then sampling meets them often enough to learn from them.
FEW_ANSWERS = 0.05
# Share of groups whose rewards are all equal. Above it, less than a quarter of what was
# sampled teaches. On the tiny base runs that learn stay below a half; the format control ends at
# nine tenths. SmolLM2, at 2 % right answers, begins above it with one seed of three, and comes
# down.
NO_VARIANCE = 0.75
# Share of tokens whose gradient the clip takes away. GRPO's is near 0.001; GSPO, which
# clips whole completions and on purpose, has 0.15.
CLIPPED = 0.2
# Entropy against that of the first step, the base, where half of the groups have become alike,
# too. On the tiny base (0.21 nats) rule reward and format control stay between 0.16 and 0.23,
# random rises to 0.35. SmolLM2 falls from 1.9 to below 0.1 while it learns to write the sum and
# nothing else.
ENTROPY_LEFT, ALIKE = 0.2, 0.5
# KL to the base in nats a token. Runs that learn stay below 0.1, with single peaks of 0.6; at 1,
# what the policy writes is e times less likely under the base, at every token.
KL = 1.0
# Distance of the sampler's log-probability of a token from the trainer's, in nats, in the mean. On
# a CPU it is below 0.00001 in float32 and below 0.02 in half precision: what was sampled then is
# nearly the policy's own. Beyond, the gradient is that of another policy.
GAP = 0.05
# Share of completions that the cap cut. Long thoughts reach a half in runs that learn.
ALL_CUT = 0.95


@dataclass(frozen=True)
class Alarm:
    """`words`: a sentence that says what was seen, and one that says what to do."""

    name: str
    step: int
    words: str

    def __str__(self) -> str:
        return f"Step {self.step}: {self.name}. {self.words}"


def of_prompt(tokenizer, prompt: str) -> list[Alarm]:
    """What can be known before the first step, as alarms of step 0. tokenizer: transformers' own.

    A base model's tokenizer may carry a chat template too, and R1-Zero asks a base in plain
    text. A model tuned for chats is known by its end token: it closes the template's turns.
    """
    raised = []
    ids = tokenizer(prompt)["input_ids"]
    unknown = ids.count(tokenizer.unk_token_id)
    if unknown:
        words = (
            f"{_percent(unknown / len(ids))} of the prompt's tokens are unknown to this model. "
            "Take a template that is written in its vocabulary, or another model."
        )
        raised.append(Alarm("unknown tokens in the prompt", 0, words))
    if tokenizer.chat_template:
        turns = [
            {"role": "user", "content": "QUESTION"},
            {"role": "assistant", "content": "ANSWER"},
        ]
        chat = tokenizer.apply_chat_template(turns, tokenize=False)
        asked = tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
        opening = asked.partition("QUESTION")[2].strip()
        if tokenizer.eos_token in chat and opening not in prompt:
            words = (
                f"This model was tuned for chats, and the prompt lacks the {opening!r} that goes "
                "before its answers. Take a template with the model's own chat form, or the base "
                "model it was made from."
            )
            raised.append(Alarm("no chat template", 0, words))
    return raised


def of_metrics(history: list[dict]) -> list[Alarm]:
    """All alarms of a run, in the order of their steps. history: its metrics so far.

    An alarm stands while the last `PATIENCE` steps show it. It is raised when it begins to
    stand, and again only where it has been away for twice as many.
    """
    raised = []
    for name, look in LOOKS.items():
        stood = -2 * PATIENCE
        for end in range(PATIENCE, len(history) + 1):
            if words := look(history[end - PATIENCE : end], history[0]):
                if end - stood > 2 * PATIENCE:
                    raised.append(Alarm(name, history[end - 1]["step"], words))
                stood = end
    return sorted(raised, key=lambda alarm: alarm.step)


def _mean(lines: list[dict], key: str) -> float | None:
    values = [line.get(key) for line in lines]
    return None if None in values else sum(values) / len(values)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _zero_reward(lines: list[dict], first: dict) -> str:
    for key, what in (("reward", "reward"), ("reward_accuracy", "accuracy reward")):
        if all(line.get(key) == 0 for line in lines):
            return (
                f"The {what} of every completion in {PATIENCE} steps is 0. Read some in "
                "samples.jsonl: if right answers are among them, mend the reward function; if "
                "not, take easier problems or a better base."
            )
    return ""


def _constant_reward(lines: list[dict], first: dict) -> str:
    rewards = {line.get("reward") for line in lines}
    if len(rewards) > 1 or not rewards - {0, None} or _mean(lines, "zero_variance") != 1:
        return ""
    return (
        f"Every completion in {PATIENCE} steps got the reward {rewards.pop():g}, so there is no "
        "gradient. If that is the best there is, stop here or take harder problems; if not, mend "
        "the reward: it tells nothing apart."
    )


def _no_variance(lines: list[dict], first: dict) -> str:
    share = _mean(lines, "zero_variance")
    if (
        share is None
        or share < NO_VARIANCE
        or _zero_reward(lines, first)
        or _constant_reward(lines, first)
    ):
        return ""
    return (
        f"In {_percent(share)} of the groups of {PATIENCE} steps all rewards are equal, at a mean "
        f"reward of {_mean(lines, 'reward'):.2f}: they teach nothing. Take easier problems where "
        "the answers are bad and harder ones where they are good, or sample more completions a "
        "group."
    )


def _no_answer(lines: list[dict], first: dict) -> str:
    share = _mean(lines, "answered")
    if share is None or share > FEW_ANSWERS:
        return ""
    return (
        f"The judge finds an answer in {_percent(share)} of the completions of {PATIENCE} steps, "
        "so hardly any can be right. Read some in samples.jsonl: if they are cut, raise max_new; "
        "if they lack the <answer> tags, use a template that this model follows."
    )


def _clipped(lines: list[dict], first: dict) -> str:
    share = _mean(lines, "clipped")
    if share is None or share < CLIPPED:
        return ""
    return (
        f"The clip takes the gradient of {_percent(share)} of the tokens in {PATIENCE} steps: the "
        "policy runs away from the one that sampled. Lower the learning rate, or make fewer "
        "updates a rollout."
    )


def _entropy(lines: list[dict], first: dict) -> str:
    now = _mean(lines, "entropy")
    before = first.get("entropy")
    alike = _mean(lines, "zero_variance") or 0
    if now is None or not before or now > ENTROPY_LEFT * before or alike < ALIKE:
        return ""
    return (
        f"The entropy fell from {before:.3f} to {now:.3f} nats a token, so all completions of a "
        "group become alike and there is nothing left to compare. Start again with a lower "
        "learning rate, a larger clip_high or a KL term (beta)."
    )


def _kl(lines: list[dict], first: dict) -> str:
    # the median: one token that the base finds absurd is a peak in the mean
    kl = median(line.get("kl", 0.0) for line in lines)
    if kl < KL:
        return ""
    return (
        f"The policy is {kl:.2g} nats a token away from the base, the median of {PATIENCE} steps: "
        "what the base could do is being lost. Lower the learning rate first; then raise beta, if "
        "it is very small."
    )


def _no_end(lines: list[dict], first: dict) -> str:
    share = _mean(lines, "truncated")
    if share is None or share < ALL_CUT:
        return ""
    return (
        f"{_percent(share)} of the completions of {PATIENCE} steps were cut at max_new tokens "
        "(TRL: clipped_ratio): the model does not write its end token. Read some in "
        "samples.jsonl: if they are sound, raise max_new; if they go on behind the answer, check "
        "that the tokenizer's end token is the one the model was trained with."
    )


def _apart(lines: list[dict], first: dict) -> str:
    gaps = [line["logp_gap"] for line in lines if line.get("logp_gap") is not None]
    if not gaps or sum(gaps) / len(gaps) < GAP:
        return ""
    return (
        f"Sampler and trainer are {sum(gaps) / len(gaps):.2g} nats a token apart, the mean of "
        f"{PATIENCE} steps: what is learnt from is not quite what the policy would write. Take "
        "float32 if it fits, or add --set truncate=2, which bounds what a token counts."
    )


LOOKS = {  # name -> what it sees in the last steps, compared with the first; "" where all is well
    "reward is 0": _zero_reward,
    "reward is constant": _constant_reward,
    "zero-variance groups": _no_variance,
    "no answer tag": _no_answer,
    "no end token": _no_end,
    "clipped": _clipped,
    "entropy collapse": _entropy,
    "KL blow-up": _kl,
    "sampler and trainer apart": _apart,
}
