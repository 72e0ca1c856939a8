"""The README says what is there: its tables come from `data/`, its commands are those of CI, its
files exist."""

import json
import re
from pathlib import Path

import pytest

from r1lab import experiments
from r1lab.claims import scoreboard
from r1lab.running import recorded
from r1lab.speed import bench, footprint, peers
from r1lab.tiny_world import cards

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMES = ("README.md", "r1lab/MACHINES.md", "data/runs/RESULTS.md")
PAGES = {ROOT / name: (ROOT / name).read_text("utf-8") for name in NAMES}
CARD = json.loads((ROOT / "data" / "card.json").read_text("utf-8"))


def on_card(runs):
    """The table of SmolLM2's runs on a card."""
    head = (
        "| weights | seed | right before, after [95 %] | largest gap between sampler and trainer, "
        "nats a token | GiB predicted, taken | minutes predicted, taken |\n|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(
        f"| {r['dtype']} | {r['seed']} | {r['before']:.1%}, {r['after']:.1%} "
        f"[{r['ci95'][0]:.1%}, {r['ci95'][1]:.1%}] | {r['largest_logp_gap']:.3f} "
        f"| {r['predicted']['memory_gib']:.1f}, {r['actual']['memory_gib']:.1f} "
        f"| {r['predicted']['minutes']:.2f}, {r['actual']['minutes']:.2f} |"
        for r in runs
    )])  # fmt: skip


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("claims", lambda: scoreboard.summary(scoreboard.every())),
        ("main runs", lambda: recorded.table([experiments.named(n) for n in ("zero", "habits")])),
        ("runs", lambda: recorded.table(experiments.every())),
        ("bases", lambda: cards.table(ROOT / "data" / "models")),
        (
            "memory",
            lambda: footprint.table(json.loads((ROOT / "data" / "memory.json").read_text("utf-8"))),
        ),
        ("card", lambda: on_card(CARD["runs"])),
        ("card memory", lambda: footprint.table(CARD["memory"])),
        (
            "bench",
            lambda: bench.table(json.loads((ROOT / "data" / "bench.json").read_text("utf-8"))),
        ),
        (
            "peers",
            lambda: peers.table(json.loads((ROOT / "data" / "peers.json").read_text("utf-8"))),
        ),
    ],
)
def test_tables_are_those_of_the_recorded_data(name, table):
    pattern = rf"<!-- table: {name} -->\n(.*?)\n?<!-- end table -->"
    (block,) = [found for page in PAGES.values() for found in re.findall(pattern, page, re.S)]
    assert block == table()


def test_the_lesson_table_holds_every_lesson_with_its_measured_minutes():
    built = json.loads((ROOT / "notebooks" / "src" / "built.json").read_text())
    rows = re.findall(
        r"^\| \[\w+ \w+\]\(notebooks/(\w+)\.ipynb\) \|.*\| ([\d.]+) \|$", README, re.M
    )
    assert {name: float(minutes) for name, minutes in rows} == {
        k: v["minutes"] for k, v in built.items()
    }


def test_links_lead_to_files():
    for path, page in PAGES.items():
        for target, heading in re.findall(r"\]\(([^)#]*)(#[^)]+)?\)", page):
            file = path.parent / target if target else path
            assert file.exists(), target
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M) if heading else []
            anchors = ["#" + words.lower().replace(" ", "-") for words in headings]
            assert not heading or heading in anchors, heading


def test_the_tree_is_the_package():
    named = set(re.findall(r"^  (\w+\.(?:py|md)|\w+/) ", README, re.M))
    there = {
        p.name + ("/" if p.is_dir() else "")
        for p in (ROOT / "r1lab").iterdir()
        if not p.name.startswith("__")
    }
    assert named == there


def test_ci_runs_the_readmes_test_command():
    command = next(line for line in README.splitlines() if line.endswith("&& pytest"))
    assert command in (ROOT / ".ci" / "run").read_text()


def test_only_the_fixed_names_stand_at_the_top():
    fixed = {
        "README.md",
        "requirements.txt",
        "notebooks",
        "r1lab",
        "data",
        "tests",
        "slides",
        "LICENSE",
        "pyproject.toml",
    }
    made = {"runs", "build", "dist"}
    assert {
        p.name
        for p in ROOT.iterdir()
        if not p.name.startswith(".") and not p.name.endswith(".egg-info")
    } <= fixed | made
