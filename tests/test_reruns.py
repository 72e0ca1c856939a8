"""The second check: agreement is what made-up runs say, and nothing that is missing counts."""

import html
import importlib.util
import itertools
import json
import shutil
import textwrap
from collections import Counter
from functools import partial
from pathlib import Path
from statistics import fmean

import pytest

from r1lab import plots, records
from r1lab.__main__ import main
from r1lab.claims import again, ledger, luck, report, reruns, rulers, scoreboard
from r1lab.claims.verdicts import judge
from r1lab.running.arms import run_name
from r1lab.running.recorded import RECORDED, of_arm
from r1lab.running.settings import Options

ROOT = Path(__file__).resolve().parent.parent
SEEDS = [5, 6, 7, 8, 9]
TRIED = ["K-04", "K-05", "X-07"]  # inconclusive, reproduced and not reproduced, as recorded
ARMS = ("kimi", "grpo", "exact", "dynamic")
KNOWN = [claim for claim in ledger.load() if claim.id in (*TRIED, "C-01")]
ROWS = [scoreboard.record(claim, scoreboard.recompute(claim)) for claim in KNOWN]


def shifted(place):
    """The recorded runs of `ARMS` as if their seeds were 5 to 9: whole folders, no adapters."""
    for arm in ARMS:
        for seed in range(5):
            folder = place / f"kimi-{arm}-s{seed + 5}"
            skip = shutil.ignore_patterns("trained*", "*.png")
            shutil.copytree(RECORDED / f"kimi-{arm}-s{seed}", folder, ignore=skip)
            edit(folder / "config.json", lambda found, seed=seed: found.update(seed=seed + 5))
    return place


def edit(path, change):
    found = json.loads(path.read_text("utf-8"))
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")


def choose(place, claims=TRIED, seeds=SEEDS):
    text = json.dumps({"claims": claims, "seeds": seeds})
    (place / "chosen.json").write_text(text, encoding="utf-8")


@pytest.fixture
def second(tmp_path):
    place = tmp_path / "again"
    place.mkdir()
    choose(place)
    return shifted(place)


def spoil(place, arm="grpo"):
    """None of an arm's answers are right any more."""
    for folder in place.glob(f"kimi-{arm}-s*"):
        edit(folder / "summary.json", lambda found: found["after"].update(
            right="0" * len(found["after"]["right"])))  # fmt: skip


def test_the_same_numbers_under_other_seeds_agree(second):
    rows = reruns.every(again=second)
    assert [row.letters for row in rows] == [("I", "I"), ("R", "R"), ("N", "N")]
    assert all(row.first == row.second and not row.missing for row in rows)
    said = reruns.sentence(rows)
    assert "3 of 3 verdicts agree (100 %" in said and "1.0 of 3 if shuffled" in said
    assert "differ" not in said and "Not counted" not in said


def test_one_changed_arm_is_one_disagreement_that_is_named(second):
    spoil(second)  # Kimi's update is now far ahead of GRPO
    rows = reruns.every(again=second)
    assert [row.agree for row in rows] == [False, True, True]
    said = reruns.sentence(rows)
    assert "2 of 3 verdicts agree (67 %, 95 % interval 21 to 94 %;" in said  # Wilson, from a table
    assert "They differ in K-04 I → R." in said
    first, other = reruns.telling(rows[0])
    assert not first["met"] and other["met"] and other["effect"] > 50
    assert f"K-04, {first['metric']}: the first interval holds the bound, and the second " in (
        reruns.why(rows[0])
    )
    assert "lies outside of it" in reruns.why(rows[0])
    assert "*" in reruns.line(rows[0]) and "*" not in reruns.line(rows[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda place: shutil.rmtree(place / "kimi-dynamic-s7"), "dynamic has seed 5, 6, 8, 9"),
        (lambda place: [shutil.rmtree(p) for p in place.glob("kimi-dynamic*")], "dynamic has no"),
        (lambda place: edit(place / "kimi-dynamic-s7" / "config.json",
                            lambda found: found.update(seed=10)), "dynamic has seed 5, 6, 8, 9, 10"),
        (lambda place: choose(place, seeds=[4, 5, 6, 7, 8]), "kimi had seed 4 at first"),
    ],
)  # fmt: skip
def test_what_is_not_whole_or_not_new_is_not_counted_but_said(second, change, words):
    change(second)
    rows = reruns.every(again=second)
    assert words in rows[2].missing and "Not counted: " in reruns.sentence(rows)
    assert reruns.sentence(rows).endswith("X-07.")
    assert all(row.claim.id != "X-07" for row in reruns.counted(rows))
    assert reruns.line(rows[2]) == f"X-07   not counted: {rows[2].missing}"


def test_without_any_second_run_it_says_so(tmp_path):
    choose(tmp_path)
    rows = reruns.every(again=tmp_path)
    said = reruns.sentence(rows)
    assert "no claim has all its second runs" in said and all(id in said for id in TRIED)
    blocks = report.page(ROWS, [], rows)
    assert not any(one.name == "again.png" for one in blocks)


def test_a_claim_that_loses_its_first_verdict_is_not_counted(second, tmp_path):
    first = tmp_path / "first"
    for arm in ARMS[1:]:  # without the control none of them has a verdict
        for seed in range(5):
            shutil.copytree(RECORDED / f"kimi-{arm}-s{seed}", first / f"kimi-{arm}-s{seed}",
                            ignore=shutil.ignore_patterns("trained*"))  # fmt: skip
    rows = reruns.every(first, second)
    assert {row.missing for row in rows} == {"there is no first verdict"}


def test_an_unknown_claim_is_refused(tmp_path):
    choose(tmp_path, ["K-04", "K-99"])
    with pytest.raises(ValueError, match="no claim K-99"):
        reruns.chosen(tmp_path)


def test_chance_is_the_mean_over_all_ways_to_deal_the_second_verdicts(second):
    spoil(second)
    rows = reruns.every(again=second)
    first, other = zip(*(row.letters for row in rows), strict=True)
    dealt = [sum(a == b for a, b in zip(first, p, strict=True))
             for p in itertools.permutations(other)]  # fmt: skip
    assert reruns.by_chance(rows) == pytest.approx(fmean(dealt))


def test_what_is_expected_is_what_luck_gives_each_claim(second):
    rows = reruns.every(again=second)
    assert reruns.expected(rows, 50) == sum(luck.again(row.claim, row.verdict, 50) for row in rows)


def test_a_rerun_has_the_luck_of_the_problems_in_its_interval():
    """Seeds that agree on problems that do not: the interval is wide though the spread is small,
    and it is so again with other seeds."""
    one = {"id": "MY-01", "statement": "s", "metric": "m"}
    bar = {"text": "t", "none": 0, "asked": 12, "least": -100, "most": 100, "every_seed": False}
    mine = ledger.own(one | {"criterion": bar})
    rows = [[100.0] * (10 + more) + [0.0] * (90 - more) for more in (0, 0, 1, 0, 0)]
    verdict = judge(mine, [rows])
    assert verdict.letter == "I" and luck.spread({"by_seed": verdict.found[0].by_seed}) < 0.5
    assert luck.again(mine, verdict) == 1.0


# ---- the runs, and what is kept of them ----


def test_what_is_kept_gives_the_verdicts_and_numbers_of_the_whole_runs(tmp_path):
    claims, _ = reruns.chosen()
    for claim in claims:
        again.keep(claim, [0, 1, 2, 3, 4], RECORDED, tmp_path)
        whole, kept = (
            scoreboard.record(claim, scoreboard.recompute(claim, place))
            for place in (RECORDED, tmp_path)
        )
        assert kept == whole and whole["seeds"] == 5
    names = {path.name for path in tmp_path.glob("*/*")}
    assert names == {"config.json", "metrics.jsonl", "summary.json"}


def test_the_command_keeps_finished_runs_makes_no_others_and_says_how_many_agree(tmp_path):
    place, target, said = tmp_path / "runs", tmp_path / "again", []
    place.mkdir()
    target.mkdir()
    choose(target)
    again.check(shifted(place), said.append, target)
    assert said == [reruns.sentence(reruns.every(again=target))] and "3 of 3" in said[0]


def test_a_void_claim_is_not_run_again(tmp_path):
    """The list was chosen while K-18 had a verdict: the other claim's runs are kept, K-18 makes
    none (`partial` is not there to be taken), and it cannot be run by its name either."""
    place, target, said = tmp_path / "runs", tmp_path / "again", []
    place.mkdir()
    target.mkdir()
    choose(target, ["K-18", "X-07"])
    again.check(shifted(place), said.append, target)
    assert "1 of 1" in said[-1] and said[-1].endswith("Not counted: K-18.")
    assert not list(place.glob("kimi-partial-*")) and not list(target.glob("kimi-partial-*"))
    with pytest.raises(ValueError, match="K-18 has no run to make: Partial rollouts"):
        again.named("K-18")


def test_the_command_line_makes_the_runs_of_the_list(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(again, "check", lambda place, say: called.append(place))
    assert main(["claims", "--again", "--out", str(tmp_path)]) == 0
    assert called == [tmp_path]


# ---- one result, wherever it stands ----


def lesson_says(place, monkeypatch, capsys):
    """What the lesson's cell prints."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "src" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    lesson = build.read(ROOT / "notebooks" / "src" / "11_scoreboard.py")
    (cell,) = (c.source for c in lesson.cells if "reruns.every()" in c.source)
    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr(reruns, "every", partial(reruns.every, again=place))
        exec(cell, {"reruns": reruns, "textwrap": textwrap, "few": 20, "plots": plots,
                    "rulers": rulers})  # fmt: skip
    return capsys.readouterr().out


def list_says(place, monkeypatch, capsys):
    """What `claims` prints."""
    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr(reruns, "every", partial(reruns.every, again=place))
        patched.setattr(scoreboard, "every", lambda: ROWS)
        assert main(["claims", *TRIED]) == 0
    return capsys.readouterr().out


def test_a_changed_record_changes_lesson_report_and_list_alike(second, monkeypatch, capsys):
    def everywhere():
        rows = reruns.every(again=second)
        said, blocks = reruns.sentence(rows), report.page(ROWS, [], rows)
        pages = report.markdown(blocks), html.unescape(report.as_html(blocks))
        others = [says(second, monkeypatch, capsys) for says in (lesson_says, list_says)]
        assert all(said in " ".join(text.split()) for text in (*pages, *others))
        (picture,) = (one.png for one in blocks if one.name == "again.png")
        return said, pages[0].split("mark, **")[1][:12], picture

    seen = [everywhere()]
    spoil(second)
    seen.append(everywhere())
    shutil.rmtree(second / "kimi-exact-s9")
    seen.append(everywhere())
    assert [len(set(column)) for column in zip(*seen, strict=True)] == [3, 3, 3]


def test_the_written_report_reads_the_second_runs_of_the_folder_it_is_given(second, tmp_path):
    shutil.copytree(RECORDED / "kimi-kimi-s0", tmp_path / "first" / "kimi-kimi-s0",
                    ignore=shutil.ignore_patterns("trained*"))  # fmt: skip
    text, _ = report.write(tmp_path / "page", tmp_path / "first", second)
    assert "X-07, there is no first verdict" in text.read_text("utf-8")


def test_the_list_says_nothing_about_claims_that_it_does_not_show(second, monkeypatch, capsys):
    monkeypatch.setattr(scoreboard, "every", lambda: ROWS)
    monkeypatch.setattr(reruns, "every", partial(reruns.every, again=second))
    assert main(["claims", "C-01"]) == 0
    assert "Run again" not in capsys.readouterr().out
    assert main(["claims", "K-04", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_two_sets_of_seeds_stand_at_their_distance_to_the_bound():
    first = {"least": -100, "most": 100, "asked": 10, "by_seed": [20.0], "effect": 20.0,
             "ci95": [15.0, 25.0], "met": True, "missed": False}  # fmt: skip
    other = first | {"effect": 0.0, "ci95": [-90.0, 5.0], "met": False, "missed": True}
    figure, axis = plots.canvas()
    rulers.against(axis, [("K-04", first, other)])
    xs = [list(map(float, line.get_xdata())) for line in axis.lines]
    assert xs[:4] == [[1, 3], [2], [-6, -1], [-2]]
    assert [line.get_color() for line in axis.lines[:4:2]] == [
        plots.VERDICTS[letter] for letter in "RN"
    ]


# ---- what is committed ----


def test_the_chosen_claims_are_a_fifth_with_seeds_that_no_first_verdict_has():
    claims, seeds = reruns.chosen()
    assert len({claim.id for claim in claims}) == len(claims) >= 14 and seeds == SEEDS
    for claim in claims:
        for experiment, arm in scoreboard.arms(claim):
            assert arm.stages, "a base that nobody trains is the same one again"
            assert {run.config["seed"] for run in of_arm(experiment, arm)} == {0, 1, 2, 3, 4}
    text = " ".join((reruns.AGAIN / "README.md").read_text("utf-8").split())
    assert all(claim.id in text for claim in claims)


def test_the_second_runs_are_those_of_the_list_and_small():
    claims, seeds = reruns.chosen()
    names = Counter(
        run_name(experiment, Options(arm.name, seed=seed))
        for claim in claims
        for experiment, arm in scoreboard.arms(claim)
        for seed in seeds
    )
    folders = [path for path in reruns.AGAIN.iterdir() if path.is_dir()]
    assert {path.name for path in folders} <= set(names)
    assert all(records.finished(path) for path in folders)
    assert sum(path.stat().st_size for path in reruns.AGAIN.rglob("*")) < 1.5e6
