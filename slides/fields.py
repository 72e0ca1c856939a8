"""Fields of a deck: `{{ ... }}` in its text becomes a number that the recorded runs give.

    {{ runs zero/rule after.accuracy .0% }}  mean over an arm's seeds of a number of summary.json
    {{ set zero/rule steps }}                a setting of that arm, from config.json
    {{ claim Z-01 }}                         the verdict of the ledger, in words
    {{ claim Z-01 1 .1f }}                   the estimate of the claim's first condition
    {{ claim Z-01 1 .1f ci }}                its 95 % interval; `asked`, `low`, `high`: what was
                                             asked, the smallest and the largest seed
    {{ paper r1_zero_length first .0f }}     end of a digitised curve in papers.json: first, last
    {{ report O1-03 NAME }}                  a number that the ledger took from a report
    {{ own NAME .0f }}                       what the deck's own file works out (`NUMBERS`)

Nothing here is evaluated: a field that does not read like one of these is an error in one sentence,
and so is a run, a claim or a name that is not there.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from r1lab import experiments, plots
from r1lab.claims import ledger, scoreboard
from r1lab.claims.verdicts import WORDS, Verdict
from r1lab.records import Run
from r1lab.running.recorded import RECORDED, of_arm

FIELD = re.compile(r"\{\{(.*?)\}\}", re.S)
FORM = re.compile(r"[+,]{0,2}\.\d[f%]")
RESTS = re.compile(r"^rests on: (\S+) ([a-z ]+)$", re.M)
Runs = Callable[[str], list[Run]]


@dataclass(frozen=True)
class Evidence:
    """Where a deck's numbers come from. runs("EXPERIMENT/ARM"): the recorded runs, never none.
    own: name -> function of `runs`, of the deck's file."""

    runs: Runs
    folder: Path
    own: dict[str, Callable] = field(default_factory=dict)


def evidence(own: dict[str, Callable], folder: Path = RECORDED) -> Evidence:
    """The evidence in a folder of recorded runs."""

    @cache
    def runs(name: str) -> list[Run]:
        experiment, _, arm = name.partition("/")
        known = experiments.named(experiment)
        if not (found := of_arm(known, known.arm(arm), folder)):
            raise ValueError(f"no run of {name} is recorded")
        return found

    return Evidence(runs, folder, own)


def fill(text: str, known: Evidence) -> str:
    """The text with every field filled. Raises ValueError in one sentence."""
    return FIELD.sub(lambda found: value(found[1].split(), known), text)


def value(words: list[str], known: Evidence) -> str:
    """One field as text."""
    match words:
        case ["runs", arm, key, form]:
            numbers = [_number(run, key.split(".")) for run in known.runs(arm)]
            return shown(sum(numbers) / len(numbers), form)
        case ["set", arm, key]:
            config = known.runs(arm)[0].config
            return _plain(next((c[key] for c in (config, *config["stages"]) if key in c), None))
        case ["claim", name]:
            return WORDS[_claim(name, known.folder)["verdict"]]
        case ["claim", name, number, form]:
            return shown(_condition(name, number, known)["effect"], form)
        case ["claim", name, number, form, "asked" | "ci" | "low" | "high" as part]:
            return _part(_condition(name, number, known), part, form)
        case ["paper", curve, "first" | "last" as end, form]:
            return shown(_curve(curve)[0 if end == "first" else -1], form)
        case ["report", claim, name]:
            return _plain(_reported().get((claim, name)))
        case ["own", name, *form] if len(form) < 2:
            if name not in known.own:
                raise ValueError(f"the deck's file has no number {name!r}")
            found = known.own[name](known.runs)
            return shown(found, form[0]) if form else str(found)
    raise ValueError(f"{{{{ {' '.join(words)} }}}} is no field, see fields.py")


def shown(number: float, form: str) -> str:
    """A number by a format such as .1f, +.1f or .0% (of a share); minus signs and blanks as print
    has them."""
    if not FORM.fullmatch(form):
        raise ValueError(f"{form!r} is no format such as .1f or .0%")
    text = format(round(number + 0.0, 12) or 0.0, form)
    return text.replace("-", "−").replace("%", "\u00a0%")


def verdicts(notes: str, folder: Path = RECORDED) -> None:
    """Raises ValueError where a slide's words rest on a verdict (`rests on: Z-01 not reproduced`)
    that is another one now."""
    for name, word in RESTS.findall(notes):
        if (now := WORDS[_claim(name, folder)["verdict"]]) != word:
            raise ValueError(f"its words rest on {name} {word}, which is {now!r}: write it anew")


def _curve(name: str):
    if name not in json.loads(plots.PAPERS.read_text(encoding="utf-8")):
        raise ValueError(f"papers.json has no curve {name!r}")
    return plots.paper_curve(name)[1]


def _plain(found) -> str:
    if not isinstance(found, int | float | str):
        raise ValueError("there is no such setting, or no such number in the ledger")
    return f"{found:,}" if isinstance(found, int) and found > 9999 else str(found)


def _number(run: Run, path: list[str]) -> float:
    found = run.summary | ({"after": run.summary["measured"]} if "measured" in run.summary else {})
    for key in path:
        if not isinstance(found, dict) or key not in found:
            raise ValueError(f"a run of {run.config['experiment']} has no {'.'.join(path)}")
        found = found[key]
    return float(found)


@cache
def _ledger() -> dict[str, ledger.Claim]:
    return {claim.id: claim for claim in ledger.load()}


def judged(folder: Path = RECORDED) -> list[tuple[ledger.Claim, Verdict]]:
    """All claims with their verdicts; each is worked out once for all decks of a build."""
    return [_judged(name, folder) for name in _ledger()]


@cache
def _judged(name: str, folder: Path) -> tuple[ledger.Claim, Verdict]:
    if name not in _ledger():
        raise ValueError(f"there is no claim {name}")
    claim = _ledger()[name]
    return claim, scoreboard.recompute(claim, folder)


def _claim(name: str, folder: Path) -> dict:
    return scoreboard.record(*_judged(name, folder))


@cache
def of_lesson(number: str) -> dict[str, dict]:
    """The ledger's record of each claim of a lesson, by its id."""
    return {claim.id: scoreboard.record(claim, verdict) for claim, verdict in judged()
            if claim.lesson == number}  # fmt: skip


def by_verdict(lesson: str, names: dict[str, str]) -> str:
    """Rows of a table: each verdict in words and what has it. names: of each claim of the lesson in
    a few words. Raises ValueError where the ledger knows others."""
    rows = of_lesson(lesson)
    if odd := sorted(rows.keys() ^ names.keys()):
        raise ValueError(f"{odd[0]}: the deck's file names it, or the ledger knows it, not both")
    found = {}
    for name, words in names.items():
        found.setdefault(rows[name]["verdict"], []).append(words)
    return "\n".join(
        f"| **{word}** | {', '.join(found[letter])} |"
        for letter, word in WORDS.items()
        if letter in found
    )


def _condition(name: str, number: str, known: Evidence) -> dict:
    found = _claim(name, known.folder)["conditions"]
    if not number.isdigit() or not 1 <= int(number) <= len(found):
        raise ValueError(f"{name} has no condition {number} with a result")
    return found[int(number) - 1]


def _part(one: dict, part: str, form: str) -> str:
    if part == "ci":
        return f"[{', '.join(shown(end, form) for end in one['ci95'])}]"
    found = {"asked": one["asked"], "low": min(one["by_seed"]), "high": max(one["by_seed"])}
    return shown(found[part], form)


@cache
def _reported() -> dict[tuple[str, str], object]:
    return {(c.id, name): value for c in _ledger().values() for name, value in c.values.items()}
