"""Partial rollouts (Kimi k1.5, 2.6.2): nobody waits for the longest answer.

At an iteration each completion gets a piece of at most so many tokens. What has not ended then
waits in a buffer and goes on at the next one, written by the policy as it is by then; so of a long
answer only the newest piece is on policy. An update learns from the groups that are done, the
oldest first. Two updates' worth of groups are under way at a time.

The buffer is a handful of tensors in `learner.memory`, M groups of G completions of up to T tokens:
number (M,), which group since the beginning; ids, logps, born (M, G, T), a token, its
log-probability when it was sampled, and at which step that was; lengths, ended (M, G); drawn and
turns (1,), how many groups were begun and how many iterations made. So it is saved and restored
with the weights.
"""

from collections.abc import Callable

import torch

from r1lab.policy import Learner
from r1lab.rollouts import Sampled
from r1lab.sampler import Completions, Sampler
from r1lab.tasks import Problem, prompt

AHEAD = 2  # updates' worth of groups under way


def sample(
    learner: Learner, problem: Callable[[int], Problem], config, step: int
) -> tuple[list[Problem], Sampled, dict[str, float]]:
    """P groups that are done, taken out of the buffer: their problems, what was written, and
    numbers for the report.

    problem(number) gives the problem of the number-th group, from 0 on. The numbers: `tokens`
    sampled at this step, for whichever group; `turns`, iterations; `decode_steps`, tokens one after
    the other, which is what a card's time goes by; `old_tokens`, the share of the tokens learnt
    from that an older policy has written. All randomness comes from (seed, iteration).
    """
    held = learner.memory
    if not held:
        held.update(_empty(config))
    counts = {"tokens": 0, "turns": 0, "decode_steps": 0}
    ready: list[int] = []
    while len(ready) < config.prompts:  # once at least, so that the buffer never runs dry
        _begin(held, AHEAD * config.prompts, config)
        wrote = _turn(learner, problem, config, step)
        counts["tokens"] += sum(wrote)
        counts["decode_steps"] += max(wrote)
        counts["turns"] += 1
        ready = _done(held, config.max_new)
    taken = torch.tensor(ready[: config.prompts])
    problems = [problem(int(number)) for number in held["number"][taken]]
    parts = {name: held[name][taken].flatten(0, 1) for name in ("ids", "logps", "born")}
    lengths, ended = held["lengths"][taken].flatten(), held["ended"][taken].flatten()
    width = int(lengths.max())
    done = Completions(parts["ids"][:, :width], parts["logps"][:, :width], lengths, ended)
    old = (parts["born"][:, :width] < step) & done.mask
    counts["old_tokens"] = float(old.sum() / done.mask.sum())
    prompts = learner.tokenizer([prompt(p, config.template) for p in problems])["input_ids"]
    stay = torch.ones(len(held["number"]), dtype=torch.bool)
    stay[taken] = False
    for name in ("number", "ids", "logps", "born", "lengths", "ended"):
        held[name] = held[name][stay]
    return problems, Sampled(prompts, done, done.texts(learner.tokenizer)), counts


def _empty(config) -> dict[str, torch.Tensor]:
    whole = torch.zeros(0, config.group, config.max_new, dtype=torch.long)
    few = whole[:, :, 0]
    return {
        "number": torch.zeros(0, dtype=torch.long), "ids": whole, "logps": whole.float(),
        "born": whole.int(), "lengths": few, "ended": few.bool(),
        "drawn": torch.zeros(1, dtype=torch.long), "turns": torch.zeros(1, dtype=torch.long),
    }  # fmt: skip


def _begin(held: dict, wanted: int, config) -> None:
    """New, empty groups, until so many are under way."""
    missing, first = wanted - len(held["number"]), int(held["drawn"])
    for name in ("ids", "logps", "born", "lengths", "ended"):
        more = held[name].new_zeros(missing, *held[name].shape[1:])
        held[name] = torch.cat([held[name], more])
    held["number"] = torch.cat([held["number"], torch.arange(first, first + missing)])
    held["drawn"] = held["drawn"] + missing


def _done(held: dict, most: int) -> list[int]:
    """The places of the groups whose completions have all ended or are cut, the oldest first."""
    over = (held["ended"] | (held["lengths"] >= most)).all(1)
    return over.nonzero().flatten().tolist()


def _turn(learner: Learner, problem: Callable[[int], Problem], config, step: int) -> list[int]:
    """A piece for every completion that has not ended; gives how many tokens each got."""
    held = learner.memory
    asked = [prompt(problem(int(number)), config.template) for number in held["number"]]
    asked = learner.tokenizer(asked)["input_ids"]
    open_ = ~held["ended"] & (held["lengths"] < config.max_new)
    places = open_.nonzero().tolist()
    begun = [asked[m] + held["ids"][m, g, : held["lengths"][m, g]].tolist() for m, g in places]
    held["turns"] = held["turns"] + 1
    generator = torch.Generator(learner.model.device)
    generator.manual_seed(1_000_003 * config.seed + int(held["turns"]))
    most, stop = min(config.piece, config.max_new), learner.tokenizer.eos_token_id
    found = Sampler(learner.model).sample(begun, 1, most, stop, generator, config.temperature)
    for row, (m, g) in enumerate(places):
        at, n = int(held["lengths"][m, g]), int(found.lengths[row])
        held["ids"][m, g, at : at + n] = found.ids[row, :n].cpu()
        held["logps"][m, g, at : at + n] = found.logps[row, :n].cpu()
        held["born"][m, g, at : at + n] = step
        held["lengths"][m, g] += n
        held["ended"][m, g] = bool(found.ended[row])
    return found.lengths.tolist()


def loops(ids: list[int], times: int = 3, least: int = 4) -> bool:
    """Whether a completion goes round: its last tokens are one run of at least `least` tokens said
    `times` times over. Kimi stops and penalises such answers early (2.6.2)."""
    return any(
        ids[-period * times :] == ids[-period:] * times
        for period in range(least, len(ids) // times + 1)
    )
