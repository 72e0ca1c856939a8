"""Rewards, each a function in TRL's contract, so that TRL and our own trainer take them alike.

A reward function is called with keyword arguments only: `prompts`, `completions`,
`completion_ids`, `trainer_state` and each column of the data set (`task`, `numbers`, `target`,
`question`; `numbers` may be empty) as a list with one item for each completion. Our trainers add
`verdicts`, made once a completion. It takes what it needs, lets `**kwargs` swallow the rest, and
returns one number for each completion. Its `__name__` is the name in the log.

R1-Zero uses rules alone (DeepSeek-R1, 2.2.2), because a network that judges is itself a hole to be
found. Lesson 03 pays by such a network on purpose (`learned`) and looks for the hole.
"""

import inspect
import math
import random
import reprlib
from collections.abc import Callable
from numbers import Real

from r1lab import length, marking, prm, readability, steps, userfile, value
from r1lab.tasks.effort import effort_of
from r1lab.tasks.problem import Problem
from r1lab.verify import Verdict, is_formatted, verify

Reward = Callable[..., list[float]]
Completion = str | list[dict[str, str]]
SURE = 10.0  # log-odds: a learned judge that is surer is paid like this, so that no outlier decides


def text_of(completion: Completion) -> str:
    """The text of a completion, plain or conversational (a list with one message).
    Raises ValueError where it is a list of another length."""
    if isinstance(completion, str):
        return completion
    if len(completion) != 1:
        raise ValueError(
            f"a completion must be one message, not {len(completion)}: no tools, no second turn"
        )
    return completion[0]["content"]


def posed(task: list[str], numbers: list[list[int]], target: list,
          question: list[str] | None = None, **kwargs) -> list[Problem]:  # fmt: skip
    """The problem of each completion, from the columns of the data set. `question` is needed where
    the task's judge reads it; no built-in one does. Raises ValueError for columns of unequal
    lengths."""
    asked = question or [""] * len(task)
    rows = zip(task, map(tuple, numbers), target, asked, strict=True)
    return [Problem(*row) for row in rows]


def judged(completions: list[Completion], **columns) -> list[Verdict]:
    """The verdict of each completion by the columns of the data set: what `verdicts` holds.

    Raises ValueError as `posed` does, for another number of completions, and as `verify` says."""
    rows = zip(posed(**columns), completions, strict=True)
    return [verify(problem, text_of(completion)) for problem, completion in rows]


def accuracy(
    completions: list[Completion], verdicts: list[Verdict] | None = None, **columns
) -> list[float]:
    """1.0 for a correct answer, 0.0 for any other (DeepSeek-R1, 2.2.2, accuracy rewards).

    Why an answer is wrong says the verdict, not the reward. In TRL's own trainer there are no
    `verdicts`, and the columns of the data set are judged (see `judged`)."""
    if verdicts is None:
        verdicts = judged(completions, **columns)
    return [float(verdict.correct) for verdict in verdicts]


def format_tags(
    completions: list[Completion], verdicts: list[Verdict] | None = None, **columns
) -> list[float]:
    """1.0 for thoughts and then an answer, each in its tags, 0.0 for any other text
    (DeepSeek-R1, 2.2.2, format rewards). A wrong answer in the right tags gets 1.0."""
    if verdicts is None:
        return [float(is_formatted(text_of(completion))) for completion in completions]
    return [float(verdict.formatted) for verdict in verdicts]


PRICES = {"low": 2.0, "medium": 0.6, "high": 0.0}  # of 100 tokens, by the effort that is wished for


def effort_price(completion_ids: list[list[int]], question: list[str], **kwargs) -> list[float]:
    """Minus what the tokens of each completion cost at the effort that its question wishes for."""
    rows = zip(question, completion_ids, strict=True)
    return [-PRICES[effort_of(asked)] * len(ids) / 100 for asked, ids in rows]


def brevity(
    completions: list[Completion], completion_ids: list[list[int]],
    verdicts: list[Verdict] | None = None, **columns,
) -> list[float]:  # fmt: skip
    """Kimi k1.5's length reward (2.3.3, `length.length_rewards`): each completion's tokens against
    those of the others for the same problem. In a batch that a launcher has cut apart, against
    those that came along."""
    if verdicts is None:
        verdicts = judged(completions, **columns)
    lengths, right = [len(ids) for ids in completion_ids], [v.correct for v in verdicts]
    return length.in_groups(posed(**columns), lengths, right)


def language(prompts: list, completions: list[Completion], **columns) -> list[float]:
    """The share of the thinking words that are in the prompt's language (DeepSeek-R1, 2.3.2; its
    second version, equation 7). 0.0 where there is no word: empty thoughts keep to no language."""
    pairs = zip(prompts, completions, strict=True)
    asked = [(readability.asked_in(text_of(prompt)), text_of(text)) for prompt, text in pairs]
    return [readability.language_share(text, spoken) or 0.0 for spoken, text in asked]


def readable(prompts: list, completions: list[Completion], **columns) -> list[float]:
    """1.0 for an answer that a reader can follow (`readability.readable`) and that sums up, else
    0.0: a rule in the place of R1's model of preferences (2.3.4)."""
    rows = zip(posed(**columns), prompts, completions, strict=True)
    texts = [(problem, text_of(prompt), text_of(text)) for problem, prompt, text in rows]
    return [float(readability.readable(*row) and readability.summed_up(row[2])) for row in texts]


def choices(
    completions: list[Completion], verdicts: list[Verdict] | None = None, **columns
) -> list[float]:
    """1.0 where the nearest of four choices is the right one (`marking.ticked`), else 0.0: a
    product paid as a question that can be guessed. Raises ValueError for another task."""
    if verdicts is None:
        verdicts = judged(completions, **columns)
    rows = zip(posed(**columns), verdicts, strict=True)
    return [float(marking.ticked(problem, verdict.answer)) for problem, verdict in rows]


def coin(seed: int) -> Reward:
    """A reward function that tosses a coin and reads nothing: the control of every claim
    that the reward did it. Called "random" in the log.

    Each value is a pure function of (seed, step, index in the batch), so a resumed run sees
    the same coins. Two batches judged at one step therefore get the same coins too.
    """

    def toss(completions: list[Completion], trainer_state, **kwargs) -> list[float]:
        name = f"coin-{seed}-{trainer_state.global_step}"
        return [float(random.Random(f"{name}-{i}").randrange(2)) for i in range(len(completions))]

    toss.__name__ = "random"
    return toss


LOOKED_AT = [accuracy, format_tags, language, readable]
LENGTH_WEIGHTS = (0.0, 0.1, 0.5, 1.0)  # of `brevity` beside the rule; Kimi's own is not disclosed


def learned(name: str) -> list[Reward]:
    """Two reward functions that ask a learned judge (`value`): its score, the log-odds that the
    answer is right, within `SURE`, called "judge" in the log; and 1.0 where it approves, called
    "approved".

    Where no answer is found it is shown an empty one: a network has no rule for that, it says
    something. The judge is loaded at the first call."""
    known = []

    def ask(completions, verdicts=None, **columns) -> list[float]:
        if verdicts is None:
            verdicts = judged(completions, **columns)
        if not known:
            known.append(value.load(name))
        rows = zip(posed(**columns), completions, verdicts, strict=True)
        given = [value.seen(p, text_of(text), v.answer) for p, text, v in rows]
        return [max(-SURE, min(SURE, score)) for score in value.scores(known[0], given)]

    def judge(completions: list[Completion], **columns) -> list[float]:
        return ask(completions, **columns)

    def approved(completions: list[Completion], **columns) -> list[float]:
        return [float(score > 0) for score in ask(completions, **columns)]

    return [judge, approved]


STEPWISE = {f"{judge}-{form}": (judge, form) for judge in ("steps", "exact") for form in prm.FORMS}


def good_steps(completions: list[Completion], **columns) -> list[float]:
    """The share of an answer's steps that are good, worked out; 0 without a step."""
    read = _read(completions, columns)
    return [sum(step.good for step in one) / len(one) if one else 0.0 for one in read]


def new_steps(completions: list[Completion], **columns) -> list[float]:
    """The share of an answer's steps that lead where no step before them did; 0 without a step."""
    read = _read(completions, columns)
    return [sum(step.fresh for step in one) / len(one) if one else 0.0 for one in read]


def count_steps(completions: list[Completion], **columns) -> list[float]:
    """The steps of each answer."""
    return [float(len(one)) for one in _read(completions, columns)]


def _read(completions: list[Completion], columns: dict) -> list[list[steps.Step]]:
    pairs = zip(posed(**columns), completions, strict=True)
    return [steps.read(problem, text_of(text)) for problem, text in pairs]


def by_steps(judge: str, form: str) -> list[Reward]:
    """A reward function that pays for steps, called "process" in the log. judge: "steps", what the
    shipped judge `prm.load("exact")` says of each, or "exact", whether each is good. form: how they
    are put together, of `prm.paid`. With it three that only look on. The judge is loaded at the
    first call; it reads with the base `rich`, in the tiny world's prompts."""
    known = []

    def process(prompts: list, completions: list[Completion], **columns) -> list[float]:
        read = _read(completions, columns)
        if judge == "exact":
            return [prm.paid(form, [float(step.good) for step in one]) for one in read]
        if not known:
            known.append(prm.load("exact"))
        texts = [[text_of(one) for one in given] for given in (prompts, completions)]
        said = prm.scores(known[0], *texts, [[step.end for step in one] for one in read])
        return [prm.paid(form, one) for one in said]

    return [process, format_tags, good_steps, new_steps, count_steps]


def reward_set(name: str, seed: int = 0) -> tuple[list[Reward], list[float]]:
    """The functions and weights of a named reward: TRL's `reward_funcs` and `reward_weights`.

    "rule": a correct answer 1.0 and the format 0.1. R1-Zero weighs both alike. The 0.1 is
    TinyZero's, which does not add: it pays 1.0 for a correct answer and 0.1 for a wrong one
    in answer tags, and does not look at the thoughts. "accuracy" and "format": one of them
    alone. "equal": both with weight 1, as R1-Zero has them. "watched": as "rule", with `language`
    and `readable` in the log and without weight. "language": `language` is paid 1.0 beside the
    rule, "mixed": `language` and `readable` 0.5 each. "effort": the rule less `effort_price`.
    "choices": `choices` and the format 0.1, `accuracy` looks on.
    "length-W": the rule and W times `brevity`, W one of `LENGTH_WEIGHTS` ("length-0.5").
    "judge-85" and "judge-96": the score of a `learned` judge. "steps-sum" and the others of
    `STEPWISE`: as "rule", with what a judge says of the steps in the place of the answer.
    "random": `coin(seed)`.
    "path.py:function": the user's own, with weight 1.0.

    Raises ValueError for another name, and for a file that is missing, cannot be imported or
    has no such function.
    """
    sets = {
        "rule": ([accuracy, format_tags], [1.0, 0.1]),
        "accuracy": ([accuracy], [1.0]),
        "format": ([format_tags], [1.0]),
        "equal": ([accuracy, format_tags], [1.0, 1.0]),
        "watched": (LOOKED_AT, [1.0, 0.1, 0.0, 0.0]),
        "language": (LOOKED_AT, [1.0, 0.1, 1.0, 0.0]),
        "mixed": (LOOKED_AT, [1.0, 0.1, 0.5, 0.5]),
        "random": ([coin(seed)], [1.0]),
        "effort": ([accuracy, format_tags, effort_price], [1.0, 0.1, 1.0]),
        "choices": ([choices, format_tags, accuracy], [1.0, 0.1, 0.0]),
    }
    sets |= {f"length-{w:g}": ([accuracy, format_tags, brevity], [1.0, 0.1, w])
             for w in LENGTH_WEIGHTS}  # fmt: skip
    sets |= {judge: (learned(judge), [1.0, 0.0]) for judge in value.JUDGES}
    sets |= {one: (by_steps(*how), [1.0, 0.1, 0.0, 0.0, 0.0]) for one, how in STEPWISE.items()}
    if name in sets:
        return sets[name]
    path, function = _own(name)
    if path is None:
        raise ValueError(
            f"unknown reward {name!r}: choose one of {sorted(sets)}, or write path.py:function"
        )
    found = getattr(userfile.load(path), function, None)
    if not inspect.isfunction(found):
        raise ValueError(f"{path} has no function {function!r}: write path.py:function")
    return [found], [1.0]


def fingerprint(name: str) -> str | None:
    """The sha256 of the file of a reward "path.py:function", or of a learned judge's weights; None
    for any other."""
    if STEPWISE.get(name, ("",))[0] == "steps":
        return userfile.fingerprint(str(prm.weights_of()))
    if name in value.JUDGES:
        return userfile.fingerprint(str(value.weights_of(name)))
    path, _ = _own(name)
    return None if path is None else userfile.fingerprint(path)


def _own(name: str) -> tuple[str | None, str]:
    """The file and the function in "path.py:function"; None and the name for a built-in reward."""
    path, _, function = name.rpartition(":")
    if name.endswith(".py"):  # no function was named
        return name, ""
    return (path, function) if path.endswith(".py") else (None, name)


def score(
    functions: list[Reward], weights: list[float], **columns
) -> tuple[list[float], dict[str, list[float]]]:
    """The weighted total of each completion, and each function's values by its name.

    `columns` is what the functions are called with; `completions` must be among it. Raises
    ValueError where there is not one weight a function, where a function raises, and where it
    does not give one finite number a completion.
    """
    if len(functions) != len(weights):
        raise ValueError(
            f"{len(functions)} reward functions need as many weights, not {len(weights)}"
        )
    parts = {function.__name__: _values(function, columns) for function in functions}
    if len(parts) != len(functions):
        raise ValueError("two reward functions have one name: the log could not tell them apart")
    totals = [
        sum(w * v for w, v in zip(weights, row, strict=True))
        for row in zip(*parts.values(), strict=True)
    ]
    return totals, parts


def _values(function: Reward, columns: dict) -> list[float]:
    """What one reward function gives, as floats."""
    name = f"reward {function.__name__!r}"
    n = len(columns["completions"])
    try:
        given = function(**columns)
    except Exception as error:  # whatever the user's code raises
        raise ValueError(f"{name} raises {userfile.told(error)}") from error
    try:
        given = list(given)
    except Exception as error:
        raise ValueError(f"{name} gave {type(given).__name__}, not a list of numbers") from error
    if len(given) != n:
        raise ValueError(f"{name} gave {len(given)} values for {n} completions")
    values = [_number(value) for value in given]
    if None in values:
        place = values.index(None)
        what = reprlib.repr(given[place])
        raise ValueError(f"{name} gave {what} for completion {place + 1}, not a finite number")
    return values


def _number(value) -> float | None:
    """A number of Python, numpy or torch as a float; None for all else, infinities and NaN."""
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    try:
        found = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:  # an integer beyond the largest float
        return None
    return found if math.isfinite(found) else None
