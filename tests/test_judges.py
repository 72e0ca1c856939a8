"""Learned judges: what they see and what they cannot, that they learn, and what a reward pays for."""

import json
import math
import random

import pytest
import torch
from browsing import opened
from helpers import HOSTILE, tiny_model, words

from r1lab import experiments, models, rewards, tasks, value
from r1lab.checks import lesson_03
from r1lab.experiments import rewards as lesson
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tasks import Problem
from r1lab.tasks.countdown import random_steps
from r1lab.tiny_world import judges
from r1lab.value import Judge, Recipe, Seen
from r1lab.widgets import bench
from r1lab.widgets.growth import moment, page

PROBLEM = Problem("countdown", (3, 7, 12), 22)
RIGHT = "<think>3+7=10, 10+12=22</think><answer>3+7+12</answer>"


def drawn(n, seed, split="train"):
    """Seen answers, half of them right: those of n problems, one of each kind a problem."""
    rng, given, marks = random.Random(seed), [], []
    for problem in tasks.problems("countdown", n, seed, split, 3):
        for wanted in (True, False):
            one = None
            while not one or (one[0][-1].result == problem.target) != wanted:
                one = random_steps(rng, problem.numbers)
            given.append(Seen(problem, one[1], rng.randrange(50)))
            marks.append(wanted)
    return given, marks


def test_a_judge_sees_problem_answer_and_how_long_was_thought_and_nothing_else():
    one = value.seen(PROBLEM, RIGHT, "3+7+12")
    assert one == Seen(PROBLEM, "3+7+12", 11)  # 3 + 7 = 10 , 10 + 12 = 22
    lie = value.seen(PROBLEM, RIGHT.replace("10+12=22", "99-98=22"), "3+7+12")
    assert lie == one
    untidy = "3+7=10<answer>3+7+12</answer>"
    assert value.seen(PROBLEM, untidy, "3+7+12").words == 5


def test_the_window_holds_target_numbers_and_answer_and_ends():
    ids, length = value.encoded([Seen(PROBLEM, "(3+7)*12", 4), Seen(PROBLEM, "x" * 40, 0)])
    plus, times, left, right = (200 + value.SIGNS.index(c) for c in "+*()")
    B = value.BLANK
    assert ids[0].tolist() == [22, 3, 7, 12, B, left, 3, plus, 7, right, times, 12, *[B] * 8]
    assert ids[1, 5:].tolist() == [value.OTHER] * value.WINDOW
    assert length.tolist() == [4.0, 0.0]
    with pytest.raises(ValueError, match="Countdown"):
        value.encoded([Seen(Problem("multiplication", (3, 4), 12), "12", 0)])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_read_in_bounded_work_and_scored(name):
    judge = Judge(length=True)
    text = f"<think>{HOSTILE[name]}</think><answer>{HOSTILE[name]}</answer>"
    (score,) = value.scores(judge, [value.seen(PROBLEM, text, HOSTILE[name])])
    assert torch.tensor(score).isfinite()


def test_a_judge_learns_to_tell_right_from_wrong_on_numbers_it_has_not_met():
    judge = value.fit(*drawn(2500, 0), Recipe(2500, 12), seed=0)
    before = value.examined(Judge(length=False), *drawn(200, 0, "test"))
    after = value.examined(judge, *drawn(200, 0, "test"))
    assert 0.35 < before["auc"] < 0.65
    assert after["auc"] > 0.8 and after["accuracy"] > 0.7
    shuffled = [Seen(Problem("countdown", s.problem.numbers[::-1], s.problem.target), s.answer, 9)
                for s in drawn(50, 0, "test")[0]]  # fmt: skip
    assert value.scores(judge, shuffled) != value.scores(judge, drawn(50, 0, "test")[0])


def test_length_is_learned_where_it_is_seen_and_only_there():
    """Marks that follow the length alone: one judge sees it, the other cannot."""
    given, _ = drawn(300, 1)
    marks = [one.words > 25 for one in given]
    fresh, _ = drawn(150, 0, "test")
    truth = [one.words > 25 for one in fresh]
    sees, blind = (value.fit(given, marks, Recipe(300, 60, length), 0) for length in (True, False))
    assert value.examined(sees, fresh, truth)["auc"] > 0.85
    assert 0.4 < value.examined(blind, fresh, truth)["auc"] < 0.6
    assert sees.length.item() > 0.5 and blind.length is None


def test_two_trainings_are_one_and_weights_are_kept(tmp_path):
    given, marks = drawn(60, 2)
    one, two = (value.fit(given, marks, Recipe(60, 2, True), seed=3) for _ in range(2))
    assert value.scores(one, given) == value.scores(two, given)
    value.save(one, tmp_path, {"name": "mine"})
    again = value.load(str(tmp_path))
    assert value.scores(again, given) == pytest.approx(value.scores(one, given), abs=0.02)
    assert json.loads((tmp_path / "report.json").read_text()) == {"name": "mine"}
    with pytest.raises(FileNotFoundError, match="pretrain"):
        value.load("judge-85", tmp_path)
    with pytest.raises(ValueError, match="right and wrong"):
        value.fit(given, [True] * len(given), Recipe(60, 2), seed=3)


def test_a_report_worked_out_by_hand(monkeypatch):
    """Scores 2, 1, 0, -1 of a right, a wrong, a right and a wrong answer."""
    monkeypatch.setattr(value, "scores", lambda *_: [2.0, 1.0, 0.0, -1.0])
    found = value.examined(None, [None] * 4, [True, False, True, False])
    assert (found["approves_right"], found["rejects_wrong"]) == (0.5, 0.5)
    assert found["auc"] == 0.75  # of four pairs one is the wrong way round
    assert found["base_rate"] == 0.5
    said, true, n = found["calibration"][4]  # only 2.0: 1 / (1 + exp(-2)) is 0.88
    assert said == pytest.approx(0.8808, abs=1e-4) and (true, n) == (1.0, 1)


def test_the_shipped_judges_are_as_good_as_their_names_say():
    for name, low, high in (("judge-85", 0.80, 0.90), ("judge-96", 0.94, 0.98)):
        report = json.loads((models.DATA / "judges" / name / "report.json").read_text())
        assert low <= report["unseen"]["accuracy"] <= high, name
        assert 0.03 < report["unseen"]["base_rate"] < 0.25
        assert (value.load(name).length is None) == (name == "judge-96")


def columns(texts):
    one = {"task": "countdown", "numbers": [3, 7, 12], "target": 22}
    return {"completions": texts} | {k: [v] * len(texts) for k, v in one.items()}


def test_a_learned_reward_pays_the_score_and_logs_the_approval():
    long = RIGHT.replace("<think>", "<think>" + "1+1=2, " * 300)
    texts = [RIGHT, long, "3+7+12", "<answer>1</answer><answer>2</answer>"]
    totals, parts = rewards.score(*rewards.reward_set("judge-85"), **columns(texts))
    assert totals == parts["judge"] and set(parts) == {"judge", "approved"}
    assert parts["approved"] == [float(score > 0) for score in totals]
    assert totals[1] > totals[0]  # the same answer behind more words
    empty = [Seen(PROBLEM, "", 5), Seen(PROBLEM, "", 0)]  # no answer, several: it is shown none
    assert totals[2:] == value.scores(value.load("judge-85"), empty)
    blind, _ = rewards.score(*rewards.reward_set("judge-96"), **columns(texts[:2]))
    assert blind[0] == blind[1]


def test_equal_weights_are_r1_zeros():
    totals, _ = rewards.score(*rewards.reward_set("equal"), **columns([RIGHT, "3+7+12", "x"]))
    assert totals == [2.0, 0.0, 0.0]


def test_judges_are_examined_on_numbers_they_have_not_met():
    every = tasks.problems("countdown", 2000, 0, "train", 3)
    apart = {tuple(sorted(p.numbers)) for p in every if judges.kept_apart(p)}
    shown = {tuple(sorted(p.numbers)) for p in every if not judges.kept_apart(p)}
    assert not apart & shown and 0.05 < len(apart) / len(apart | shown) < 0.2


def test_all_right_answers_that_chance_finds_are_right():
    answers = judges.listed(PROBLEM)
    texts = {f"<answer>{one.answer}</answer>" for one in answers}
    assert len(texts) > 1 and all(answers.values())
    found = rewards.judged(**columns(sorted(texts)))
    assert all(verdict.correct for verdict in found)


def test_the_menu_of_answers_evolves_as_worked_out_by_hand(monkeypatch):
    """Paid alike nothing moves; paid by the truth searching wins; one step of two kinds by hand."""
    shares, right = lesson_03.evolved(lambda *_: 1.0)
    assert shares == pytest.approx({k: v[3] for k, v in lesson_03.MENU.items()})
    shares, right = lesson_03.evolved(lambda score, words, answered: words == 80)
    assert shares["search"] > 0.99 and right == pytest.approx(95, abs=1)
    monkeypatch.setattr(lesson_03, "STEPS", 1)
    shares, _ = lesson_03.evolved(lambda score, words, answered: words == 12)
    # mean 0.88, deviation sqrt(0.88 x 0.12): 0.325; advantages 0.369 and -2.71, times 0.3
    up, down = 0.88 * math.exp(0.3 * 0.3692), 0.12 * math.exp(-0.3 * 2.7075)
    assert shares["guess"] == pytest.approx(up / (up + down), abs=1e-3)


def test_fifths_and_half_ways_by_hand():
    assert lesson.fifths([1, 3, 5, 5, 0, 2, 4, 4, 1, 1, 7]) == [2, 5, 1, 4, 3]
    assert lesson.half_way([0] * 10 + [1] * 10, 5) == 9  # steps 9 to 13: three of five are 1
    assert lesson.half_way([1] * 10 + [0] * 10, 5) == 21  # never
    assert lesson.half_way([float(i) for i in range(11)], 1) == 6


def test_the_bench_names_each_component_and_the_reason():
    rows = {name: (paid, why) for name, paid, why in bench.components(PROBLEM, RIGHT)}
    assert rows["accuracy"] == (1.0, "correct") and rows["rule"][0] == pytest.approx(1.1)
    assert rows["equal"][0] == 2.0 and "11 words" in rows["judge-85"][1]
    bad = {n: why for n, _, why in bench.components(PROBLEM, "<answer>two</answer>")}
    assert "only ASCII digits" in bad["accuracy"] and bad["format"] == "not in its form"
    none = {n: why for n, _, why in bench.components(PROBLEM, "22")}
    assert "it saw no answer" in none["judge-96"]
    shown = bench.table(PROBLEM, "<script>alert(1)</script>")
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_the_bench_answers_to_typing():
    pytest.importorskip("ipywidgets")
    instrument = bench.RewardBench(PROBLEM, RIGHT)
    instrument.given.value = "<answer>3*7</answer>"
    assert "wrong numbers" in instrument.view.value


def test_a_growing_cheat_is_shown_safely_at_each_step():
    moments = [moment(s, f"<think>{'a' * 900}</script>", "judge +1.0") for s in (0, 5, 9)]
    shown = page("reach 22", moments)
    assert shown.count("</script>") == 1 and 'max="2"' in shown
    assert len(moments[0]["text"]) < 800 and "step 9" in shown
    assert 'aria-label="' in shown and 'aria-valuetext="step 0"' in shown


@pytest.mark.slow
def test_the_slider_says_aloud_what_it_shows(browser, tmp_path):
    moments = [moment(s, "<think>", "judge +1.0") for s in (0, "dev1 & 2", 9)]
    tab, _ = opened(browser, page("reach 22", moments), tmp_path / "page.html")
    tab.focus("input")
    tab.keyboard.press("ArrowRight")
    assert tab.get_attribute("input", "aria-valuetext") == "dev1 & 2"
    assert "dev1 & 2: judge +1.0" in tab.inner_text("body")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Qwen2's architecture at toy width, as a folder that `--base` takes."""
    folder = tmp_path_factory.mktemp("toy")
    built = tiny_model("qwen2", vocabulary=len(words()))
    built.config.max_position_embeddings = 2048
    built.save_pretrained(folder)
    words().save_pretrained(folder)
    return folder


def test_the_part_on_your_gpu_runs_on_qwens_architecture(toy, tmp_path, monkeypatch):
    """The lesson's call, with R1's template and a model that is not of the tiny world."""
    monkeypatch.setenv("R1LAB_FAST", "1")
    small = {"base": str(toy), "template": "r1", "steps": 2, "max_new": 16, "eval_problems": 8}
    found = run(experiments.named("judge"), Options("judge-85", None, 5, small), tmp_path / "run")
    assert found["after"]["judge_96"] >= 0 and found["n"] == 8
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert {"reward_judge", "reward_approved", "accuracy"} <= set(json.loads(lines[-1]))


def test_an_untidy_base_and_the_rule_after_it_are_one_run(tmp_path, monkeypatch):
    monkeypatch.setenv("R1LAB_FAST", "1")
    found = run(experiments.named("form"), Options("untidy", None, 5, {}), tmp_path / "run")
    assert [stage["name"] for stage in found["stages"]] == ["untidy", "grpo"]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert sum("reward_format_tags" in json.loads(line) for line in lines) == 4
    read = map(json.loads, (tmp_path / "run" / "samples.jsonl").read_text().splitlines())
    taught = [line["completions"][0] for line in read if line["stage"] == "untidy"]
    whole = sum(all(tag in text for tag in lesson.TAGS) for text in taught) / len(taught)
    assert len(taught) > 40 and 0.1 < whole < 0.45  # three of four lack a tag
