"""A new lesson is new files alone: a thirteenth one is written into a copy of the course."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENT = '''
"""`run patience`: does a longer cap alone find more right answers? Nothing is trained."""

from dataclasses import replace

from r1lab import plots
from r1lab.running.evidence import alike, minus, right
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.measure import held_out


def measure(model, tokenizer, problems, plan):
    """Held-out problems, a number of tokens that only this experiment knows."""
    preset = replace(plan.preset, max_new=plan.own["patience"])
    return held_out(model, tokenizer, problems, replace(plan, preset=preset))


def figure(run):
    drawn, axis = plots.canvas()
    axis.bar([0], [100 * run.summary["measured"]["accuracy"]])
    return drawn


def longer(arms):
    return [[minus(right(a), right(b)) for a, b in alike(arms("long"), arms("short"))]]


EXPERIMENTS = (
    Experiment(
        name="patience", lesson="13", section="none", about="a longer cap, without training",
        arms=(
            Arm("short", "40 tokens", (), {"patience": 40}, (0, 1)),
            Arm("long", "160 tokens", (), {"patience": 160}, (0, 1)),
        ),
        measure=measure, figure=figure, minutes={"cpu": {"quick": 0.1}}, evidence={"L13-1": longer},
        settings={"patience": 320},
    ),
)
'''
CHECK = '''
"""Exercises of lesson 13."""

from r1lab.checks.exercise import Exercise

EXERCISES = {
    "13.1": Exercise(
        cases=((2,), (5,)), right=lambda n: n + 1,
        mistakes=((lambda n: n, "add one to the cap"),),
        lesson="The lesson goes on.", tried="Tried on two caps.",
    )
}
'''


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the package with three new files; weights and recorded runs are the course's own."""
    place = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "r1lab", place / "r1lab", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "data").symlink_to(ROOT / "data")
    (place / "r1lab" / "experiments" / "patience.py").write_text(EXPERIMENT)
    (place / "r1lab" / "checks" / "lesson_13.py").write_text(CHECK)
    return place


def at(course, *arguments, code=0):
    settings = os.environ | {"R1LAB_FAST": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(course)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=course, env=settings, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.slow
def test_its_experiment_is_listed_run_and_recorded(course):
    assert "patience 13 2 arms" in " ".join(at(course, "-m", "r1lab", "list").split())
    out = course / "one"
    said = at(course, "-m", "r1lab", "run", "patience", "--arm", "long", "--out", str(out))
    assert "measured right" in said
    summary = json.loads((out / "summary.json").read_text())
    assert len(summary["measured"]["right"]) == summary["measured"]["n"]
    assert json.loads((out / "config.json").read_text())["patience"] == 160


@pytest.mark.slow
def test_its_arms_and_seeds_are_a_queue_that_goes_on(course):
    """Finished runs are skipped, a run that fails is named and tried again."""
    place = course / "records"
    record = ("-m", "r1lab", "record", "patience", "--workers", "2", "--out", str(place))
    assert "4 runs to make" in at(course, *record)
    names = sorted(p.name for p in place.iterdir())
    assert names == [f"patience-{arm}-s{seed}" for arm in ("long", "short") for seed in (0, 1)]
    kept = {p: p.stat().st_mtime_ns for p in place.rglob("summary.json")}
    shutil.rmtree(place / "patience-short-s1")
    damaged = place / "patience-short-s0"
    (damaged / "summary.json").unlink()
    (damaged / "config.json").write_text("{")
    said = at(course, *record, code=2)
    assert "2 runs to make" in said and "patience-short-s0: failed" in said
    assert (place / "patience-short-s1" / "summary.json").is_file()
    assert all(
        p.stat().st_mtime_ns == t for p, t in kept.items() if p.is_file() and "long" in str(p)
    )
    shutil.rmtree(damaged)
    assert "1 runs to make" in at(course, *record)
    found = (
        "from r1lab import experiments, running; from r1lab.running.recorded import of_arm;"
        "from pathlib import Path; e = experiments.named('patience');"
        f"print([len(of_arm(e, arm, Path({str(place)!r}))) for arm in e.arms])"
    )
    assert "[0, 0]" in at(course, "-c", found), "fast runs are not those of the arms"


def test_its_checks_are_found(course):
    ask = "from r1lab import checks; checks.check('13.1', lambda n: n + 1)"
    assert at(course, "-c", ask).startswith("13.1 right")
