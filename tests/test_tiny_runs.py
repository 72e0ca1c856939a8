"""The two experiments on the tiny world, small: sizes of problems, the base made to think on, what is
measured, drawn and testified, and the table of recorded runs."""

from collections import Counter
from dataclasses import replace

import pytest

from r1lab import experiments, records
from r1lab.machine import presets
from r1lab.running import recorded
from r1lab.running.run import _problems, run
from r1lab.running.settings import Options

pytestmark = pytest.mark.slow

SMALL = {"prompts": 4, "group": 4, "max_new": 96, "eval_problems": 24, "train_problems": 64}


def made(folder, name, arm, **more):
    chosen = Options(arm, "cpu", 7, SMALL | more)
    run(experiments.named(name), chosen, folder, watch=lambda now: None)
    return records.load_run(folder)


def sizes(problems):
    return Counter(len(p.numbers) for p in problems)


def test_a_second_size_is_half_of_what_is_trained_on_and_nothing_of_what_is_measured():
    preset = replace(presets.named("cpu"), train_problems=65, eval_problems=20)
    held_out, pool = _problems(preset)
    assert (sizes(held_out), sizes(pool)) == ({3: 20}, {3: 65})
    held_out, pool = _problems(replace(preset, size=3, also=4))
    assert (sizes(held_out), sizes(pool)) == ({3: 20}, {3: 33, 4: 32})


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return made(tmp_path_factory.mktemp("both"), "habits", "both", steps=6)


def test_both_sizes_are_trained_on_and_both_are_measured(both):
    assert {len(group["numbers"]) for group in both.samples} == {3, 4}
    for part in ("before", "after"):
        found = both.summary[part]
        assert found["other"]["size"] == 4 and len(found["other"]["right"]) == len(found["right"])
        assert found["other"]["accuracy"] == found["other"]["right"].count("1") / 24
    lost, gained = experiments.named("habits").evidence["O1-07"](lambda arm: [both])
    before, after = (both.summary[part]["other"]["right"] for part in ("before", "after"))
    won = [100 * (int(a) - int(b)) for a, b in zip(after, before, strict=True)]
    assert gained == [won] and lost == [[-points for points in won]]


def test_who_is_made_to_think_on_ends_with_a_yes_or_at_the_cap(tmp_path):
    found = made(tmp_path / "run", "zero", "think-on", max_new=300)
    measured = found.summary["measured"]
    assert not found.metrics and measured["n"] == 24 and measured["other"]["size"] == 3
    # only a yes lets it end, and what is cut has no answer; but it may say yes falsely
    assert measured["truncated"] > 0 and measured["habit_guess"] < 0.2
    for name in ("zero", "habits"):
        figure = experiments.named(name).figure(found)
        assert figure.axes[0].get_title(loc="left").startswith("Not trained")


def test_the_table_has_a_row_an_arm_also_where_nothing_was_trained(tmp_path):
    """Two seeds; what stands in the cells is counted by hand."""
    habits = experiments.named("habits")
    config = recorded.settled(habits, Options("rule"), presets.named("cpu")).record
    for seed, after in ((0, "1110"), (1, "1100")):
        folder = tmp_path / f"run{seed}"
        folder.mkdir()
        records.write_json(folder / "config.json", config | {"seed": seed})
        part = {"length": 10.0, "reflects": 0.5, "habit_guess": 0.25, "habit_in_order": 0.75}
        part |= {
            f"habit_{k}": 0.0 for k in ("check", "at_random", "backwards", "sub_goal", "other")
        }
        ends = {
            name: part | {"right": right, "accuracy": right.count("1") / 4}
            for name, right in (("before", "1000"), ("after", after))
        }
        ends["after"] |= {"length": 30.0, "other": {"accuracy": 0.5}}
        ends["before"]["other"] = {"accuracy": 0.25}
        gain = ends["after"]["accuracy"] - 0.25
        records.write_json(
            folder / "summary.json", ends | {"seconds": 90, "gain": {"accuracy": gain}}
        )
    _, _, row = recorded.table([habits], tmp_path).split("\n")
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == ["three numbers: rule reward", "2", "4", "25.0 % → 62.5 %"]
    assert cells[4].startswith("+37.5 [") and cells[5] == "+25.0, +50.0"
    assert cells[6:] == [
        "25.0 % → 50.0 %", "10 → 30", "50.0 % → 50.0 %", "in order 75 % → in order 75 %", "1.5"
    ]  # fmt: skip
