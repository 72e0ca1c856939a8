"""Aha detectors: does a completion try again, check, doubt, and does it help.

Two kinds of evidence (claims Z-04, Z-05): words, which a model can learn to say without
meaning them, and structure, which it cannot fake: candidates worked out and given up, sums
and comparisons that are true or not. Both are read from the thoughts alone (see `thoughts`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from r1lab.tasks.names import named
from r1lab.tasks.problem import Problem
from r1lab.thoughts import (
    GROUP,
    REJECTIONS,
    VERDICTS,
    equations,
    thoughts,
    tokens,
)
from r1lab.verify import Verdict


@dataclass(frozen=True)
class Trace:
    """What one completion's thoughts show."""

    words: int  # reflection words
    waits: int  # of them: wait, try, retry
    checks: int  # of them: check, verify
    tries: int  # distinct attempts
    attempts: int
    rejected: int  # attempts called wrong
    rejected_wrong: int  # of them: those that are wrong
    first_right: bool | None  # the first attempt was right; None: no attempt
    revision: str  # from there to the answer: "wrong to right", ...; "none": one attempt or none
    yes: int  # verdicts of a comparison `V vs T`
    no: int
    false_yes: int
    false_no: int
    equations: int
    wrong_equations: int


def trace(problem: Problem, text: str, verdict: Verdict) -> Trace:
    """Read one completion; `verdict` says whether its answer is right.

    An attempt is a run of equations up to the end of a sentence, a verdict or a word that
    reflects or rejects; its value is its last right-hand side. Two attempts are the same
    when their equations are, whatever the order of equations, summands and factors. One is
    right that reaches the target, or, where that is what it is compared with, the result of a
    true step back from the target (15 in `22-7=15 so 3*5=15 vs 15`); a step from there to the
    target belongs to it. Steps said again behind a yes are no attempt. A task without `attempts`
    (gsm8k) has none: there an equation is a step, and few reach the target.
    """
    target = problem.target
    n: Counter = Counter()
    attempts: list[dict] = []
    back: dict = {}  # the result of a step back from the target -> whether the step is true
    running = False  # whether the last attempt still grows
    reached = None  # the value of a step back that a verdict has just said yes to
    said_yes, stated = False, set()  # behind a yes, steps that were stated before are no attempt
    shown = None  # the value just before this token
    for kind, content in tokens(thoughts(text)):
        if kind == "formula":
            found, shown = equations(content)
            n["equations"] += len(found)
            n["wrong"] += sum(not true for _, true in found)
            again = said_yes and all(form in stated for form, _ in found)
            stated |= {form for form, _ in found}
            if found and not again:
                said_yes = False
                closing = reached is not None and str(reached) in found[0][0][0]
                if not (running or closing):
                    new = {"forms": set(), "value": None, "rejected": False, "right": False}
                    attempts.append(new)
                attempts[-1]["forms"] |= {form for form, _ in found}
                there = any(str(value) in found[0][0][0] for value in back)
                true = attempts[-1]["right"] if there else True
                attempts[-1] |= {"value": shown, "right": true and shown == target}
                back |= {right: true for (signs, _, right), true in found if str(target) in signs}
                running, reached = True, None
            continue
        if kind == "versus":
            if content["verdict"] and shown is not None:
                said, other = VERDICTS[content["verdict"].lower()], int(content["other"])
                n[said] += 1
                n["false", said] += said != (shown == other)
                wanted = other == target or other in back
                if attempts and wanted:
                    true = other == target or back[other]
                    attempts[-1]["right"] = attempts[-1]["value"] == other and true
                if attempts and not said:
                    # against an earlier result that nobody wanted: that one goes
                    earlier = [a for a in attempts[:-1] if a["value"] == other and not wanted]
                    (earlier or attempts)[-1]["rejected"] = True
                reached = other if said and other in back and attempts else None
                said_yes = said and bool(attempts)
            running = running and not content["verdict"]
        elif kind in ("word", "chinese"):
            n[GROUP.get(content)] += 1
            if content in REJECTIONS and attempts:
                attempts[-1]["rejected"] = True
            if content in GROUP or content in REJECTIONS:
                running, reached, said_yes = False, None, False
        elif kind == "stop":
            running = False
        shown = None
    if not named(problem.task).attempts:
        attempts = []
    first = attempts[0]["right"] if attempts else None
    name = {True: "right", False: "wrong"}
    revision = f"{name[first]} to {name[verdict.correct]}" if len(attempts) > 1 else "none"
    return Trace(
        words=n["wait"] + n["check"] + n["doubt"], waits=n["wait"], checks=n["check"],
        tries=len({frozenset(a["forms"]) for a in attempts}), attempts=len(attempts),
        rejected=sum(a["rejected"] for a in attempts),
        rejected_wrong=sum(a["rejected"] and not a["right"] for a in attempts),
        first_right=first, revision=revision,
        yes=n[True], no=n[False], false_yes=n["false", True], false_no=n["false", False],
        equations=n["equations"], wrong_equations=n["wrong"],
    )  # fmt: skip


def of(
    asked: Sequence[Problem],
    texts: Sequence[str],
    verdicts: Sequence[Verdict],
    lengths: Sequence[int],
) -> dict:
    """`summarise` over completions: their problems, texts, verdicts, and lengths in tokens."""
    traces = [trace(*one) for one in zip(asked, texts, verdicts, strict=True)]
    return summarise(traces, lengths, [v.correct for v in verdicts])


def summarise(
    traces: Sequence[Trace], lengths: Sequence[int], correct: Sequence
) -> dict[str, float | None]:
    """Plain numbers over completions; None where there is nothing to count. lengths: in tokens.

    Means of a completion: words (of reflection), waits, tries (distinct), attempts, length,
    length_right, length_wrong. words_per_1000: in 1,000 tokens. Shares of completions:
    reflects (a wait, try or check), rejects (gives up an attempt that is wrong before it
    answers), wrong_to_right (of those whose first attempt was wrong). Shares of what was
    stated: equation_errors, false_yes, false_no.
    """
    rows = list(zip(traces, lengths, correct, strict=True))
    n = len(rows)
    lengths_right = [length for _, length, right in rows if right]
    wrong_first = [t for t in traces if t.first_right is False]
    put_right = sum(t.revision == "wrong to right" for t in wrong_first)
    total = Counter()
    for t in traces:
        total.update({name: value for name, value in vars(t).items() if isinstance(value, int)})
    return {
        "reflects": _share(sum(t.waits + t.checks > 0 for t in traces), n),
        **{name: _share(total[name], n) for name in ("words", "waits", "tries", "attempts")},
        "words_per_1000": _share(1000 * total["words"], sum(lengths)),
        "rejects": _share(sum(t.rejected_wrong > 0 for t in traces), n),
        "wrong_to_right": _share(put_right, len(wrong_first)),
        "length": _share(sum(lengths), n),
        "length_right": _share(sum(lengths_right), len(lengths_right)),
        "length_wrong": _share(sum(lengths) - sum(lengths_right), n - len(lengths_right)),
        "equation_errors": _share(total["wrong_equations"], total["equations"]),
        "false_yes": _share(total["false_yes"], total["yes"]),
        "false_no": _share(total["false_no"], total["no"]),
    }  # fmt: skip


def _share(part: float, whole: int) -> float | None:
    return float(part / whole) if whole else None
