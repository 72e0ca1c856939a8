"""Lesson 08: two sizes at equal budgets, a doubled cap, and products marked as four choices."""

import pytest

from r1lab import experiments, marking, records, rewards, tasks
from r1lab.experiments import guessing, room
from r1lab.records import Run
from r1lab.running.run import run
from r1lab.running.settings import Options, plan
from r1lab.tasks import Problem

PRODUCT = Problem("multiplication", (51, 37), 1887)
TRUE = "<think>51*30=1530, 51*7=357, 1530+357=1887</think><answer>1887</answer>"


def quiet(_):
    pass


def test_four_choices_hold_the_right_one_and_it_stands_anywhere():
    assert sorted(marking.offered(PRODUCT)) == marking.offered(PRODUCT)
    asked = [Problem("multiplication", (a, b), a * b) for a in range(11, 99) for b in (11, 40, 97)]
    places = [marking.offered(p).index(p.target) for p in asked]
    assert all(40 < places.count(place) < 90 for place in range(4))
    for problem in asked:
        assert len(set(marking.offered(problem))) == 4 and min(marking.offered(problem)) > 0
        ticks = [marking.ticked(problem, str(choice)) for choice in marking.offered(problem)]
        assert ticks.count(True) == 1
    with pytest.raises(ValueError, match="countdown"):
        marking.offered(Problem("countdown", (3, 5, 11), 19))


@pytest.mark.parametrize(
    ("answer", "right"),
    [("1887", True), ("1888", True), ("1980", True), ("1983", False), ("1794", True),
     ("1791", False), ("", False), (None, False), ("51*37", False), ("1" * 500, False)],
)  # fmt: skip
def test_the_nearest_choice_is_ticked(answer, right, monkeypatch):
    """Neighbours are 189 away: 1698 and 2076."""
    monkeypatch.setattr(marking, "offered", lambda problem: [1698, 1887, 2076, 2265])
    assert marking.ticked(PRODUCT, answer) is right


def test_between_two_choices_nothing_is_ticked(monkeypatch):
    monkeypatch.setattr(marking, "offered", lambda problem: [1885, 1887, 1889, 1891])
    assert marking.ticked(PRODUCT, "1887") and not marking.ticked(PRODUCT, "1888")


@pytest.mark.parametrize(
    ("thoughts", "sound"),
    [
        ("51*30=1530, 51*7=357, 1530+357=1887", True),
        ("37*50=1850, 37*1=37, 1850+37=1887", True),
        ("51*30=1530, 51*7=377, 1530+377=1907 Check: 37*50=1850, 37*1=37, 1850+37=1887", True),
        ("", False),
        ("51*30=1530, 51*7=377, 1530+357=1887", False),  # where the 357 comes from nobody says
        ("51*30=1530, 51*7=357, 1530+357=1877", False),
        ("51*37=1887", False),  # no step of one digit: that is the answer over again
        ("1530+357=1887", False),
    ],
)
def test_steps_lead_to_the_target_or_they_do_not(thoughts, sound):
    assert marking.worked_out(PRODUCT, f"<think>{thoughts}</think><answer>1887</answer>") is sound


def test_one_product_with_zeros_is_enough_and_thoughts_alone_count():
    problem = Problem("multiplication", (39, 30), 1170)
    assert marking.worked_out(problem, "<think>39*30=1170</think><answer>1170</answer>")
    assert not marking.worked_out(problem, "<think></think><answer>39*30=1170</answer>")


def test_a_near_answer_is_paid_as_a_choice_and_not_as_a_product():
    texts = [TRUE, "<think></think><answer>1890</answer>", "<think></think>", "1887"]
    columns = {"task": ["multiplication"] * 4, "numbers": [[51, 37]] * 4, "target": [1887] * 4}
    totals, parts = rewards.score(*rewards.reward_set("choices"), completions=texts, **columns)
    assert parts["choices"] == [1.0, 1.0, 0.0, 0.0] and parts["accuracy"] == [1.0, 0.0, 0.0, 0.0]
    assert totals == pytest.approx([1.1, 1.1, 0.0, 0.0])


def test_unsound_by_hand():
    """Four right ticks, of which one was worked out."""
    found = {"ticked": "11110", "worked_out": "10001"}
    assert guessing.unsound(Run({}, [], [], [], {"after": found})) == 75.0
    nothing = {"ticked": "000", "worked_out": "010"}
    assert guessing.unsound(Run({}, [], [], [], {"after": nothing})) == 0.0


def test_both_arms_ask_the_same_products(tmp_path):
    small = {"steps": 2, "eval_problems": 6, "max_new": 48, "prompts": 2, "group": 4}
    small |= {"train_problems": 8}
    asked = {}
    for arm in ("open", "choices"):
        run(experiments.named("guess"), Options(arm, "cpu", 3, small), tmp_path / arm, watch=quiet)
        found = records.load_run(tmp_path / arm)
        asked[arm] = [tuple(line["numbers"]) for line in found.samples]
        for when in ("before", "after"):
            part = found.summary[when]
            right = [i for i, digit in enumerate(part["right"]) if digit == "1"]
            assert all(part["ticked"][i] == "1" for i in right)  # right is nearest
            assert part["guessed"]["open"] <= part["guessed"]["choices"] <= 1
        assert (tmp_path / arm / "figure.png").is_file()
    assert asked["open"] == asked["choices"] != []
    assert "reward_choices" in found.metrics[0]


def test_there_are_as_many_products_as_a_run_asks():
    preset = plan(experiments.named("guess"), Options("open", "cpu")).preset
    for split, n in (("test", preset.eval_problems), ("train", preset.train_problems)):
        assert len(tasks.problems("multiplication", n, 0, split, preset.size)) == n


def test_two_sizes_get_the_same_budgets(tmp_path):
    settings = {"eval_problems": 4, "max_new": 64}
    run(experiments.named("sizes"), Options("trained", "cpu", 6, settings), tmp_path / "run",
        watch=quiet)  # fmt: skip
    found = records.load_run(tmp_path / "run")
    large, small = (found.summary["measured"][size] for size in ("large", "small"))
    assert large["half"]["budget"] == small["half"]["budget"]
    assert large["half"]["budget"] == round(large["natural"]["tokens"] / 2)
    for one in (large, small):
        assert one["half"]["tokens"] <= one["half"]["budget"]
        assert [p["budget"] for p in one["budgets"]] == list(room.BUDGETS)
        whole = one["budgets"][-1]  # 256 tokens of thought: the cap of 64 has cut before
        assert whole["tokens"] == one["natural"]["tokens"]
    assert len(room.points(found, "small", 16)) == len(room.points(found, "large", "half")) == 4


def test_the_sizes_are_those_of_the_same_steps():
    """What `sizes` loads was trained with one plan, but for the base."""
    kept = ("steps", "prompts", "group", "lr", "max_new", "reward", "loss", "updates", "scale")
    for seed in range(room.SEEDS):
        large, small = (
            records.load_run(room.RECORDED / of.format(seed=seed).partition("/")[0]).config
            for of in (room.RULE, room.RL)
        )
        assert small["stages"][0]["name"] == "rl" and small["base"] != large["base"]
        assert [small["stages"][0][k] for k in kept] == [large["stages"][0][k] for k in kept]
        assert small["size"] == large["size"]


def test_both_arms_of_the_cap_differ_in_the_cap_alone():
    doubled, same = (plan(room.CAP, Options(arm, "cpu")).record for arm in ("doubled", "same"))
    caps = [[stage.pop("max_new") for stage in one["stages"]] for one in (doubled, same)]
    assert caps == [[512, 512], [256, 256]] and doubled == same
    assert doubled["max_new"] == 512  # what is measured under


def test_a_cap_goes_on_from_the_recorded_run_and_is_measured_under_the_doubled_one(tmp_path):
    small = {"eval_problems": 4, "prompts": 2, "train_problems": 8, "max_new": 64}
    small |= {f"{stage}.{key}": value for stage in ("tenth", "on")
              for key, value in (("steps", 1), ("max_new", 16))}  # fmt: skip
    run(room.CAP, Options("same", "cpu", 0, small), tmp_path / "run", watch=quiet)
    found = records.load_run(tmp_path / "run")
    assert [stage["start"] for stage in found.config["stages"]] == ["judge-rule-s{seed}", ""]
    assert all(line["longest"] <= 16 for line in found.metrics)
    assert found.summary["before"]["length"] > 16
