"""Which problems come next: exact shares of a draw, what history changes, and that a stop in between
changes nothing."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from types import SimpleNamespace

import pytest
import torch
from helpers import fresh, share_of_digits

from r1lab import curriculum, dynamic, evaluate, experiments, grpo, policy, records, rollouts, tasks
from r1lab.records import Place
from r1lab.running import settings
from r1lab.running.settings import Options

POOL = tasks.problems("countdown", 12, seed=3)
CONFIG = grpo.Config(
    steps=5, prompts=4, group=6, max_new=24, lr=2e-2, seed=5, loss="kimi", scale="none", updates=2
)
DIGITS = [share_of_digits], [1.0]
HISTORY = torch.tensor([[0, 0], [8, 8], [8, 0], [8, 4]])


def told(roll):
    return roll.step, roll.problems, roll.texts, roll.rewards.tolist(), roll.report


def test_a_success_rate_is_never_sure():
    """By hand: 1/2 for what was never asked, 9/10, 1/10 and 5/10."""
    assert curriculum.success(HISTORY) == [0.5, 0.9, 0.1, 0.5]
    found = curriculum.weights("failures", HISTORY)
    assert found == pytest.approx([0.5, 0.1, 0.9, 0.5])
    assert curriculum.weights("balanced", HISTORY) == pytest.approx([0.25, 0.09, 0.09, 0.25])


def test_a_weighted_draw_has_the_shares_of_drawing_one_after_the_other():
    """Of every ordered pair, against its exact share: w_i / W, then w_j / (W - w_i)."""
    chances, n = [4, 2, 1, 1], 20_000
    found = Counter(tuple(curriculum.weighted(chances, 2, 7, step)) for step in range(n))
    for i, j in permutations(range(4), 2):
        share = Fraction(chances[i], 8) * Fraction(chances[j], 8 - chances[i])
        spread = (share * (1 - share) / n) ** 0.5
        assert abs(found[i, j] / n - share) < 4.5 * spread, (i, j)


def test_what_weighs_nothing_is_never_drawn():
    assert all(0 not in curriculum.weighted([0, 1, 1], 2, 0, step) for step in range(50))
    with pytest.raises(ValueError, match="2 different problems"):
        curriculum.weighted([0, 0, 1], 2, 0, 1)


def test_a_draw_is_a_function_of_its_arguments():
    one = curriculum.weighted([1.0] * 9, 4, 3, 2)
    assert one == curriculum.weighted([1.0] * 9, 4, 3, 2) and len(set(one)) == 4
    assert one != curriculum.weighted([1.0] * 9, 4, 3, 3)
    assert one != curriculum.weighted([1.0] * 9, 4, 4, 2)


def test_the_curriculum_turns_to_the_failed_half_at_kimis_share_of_the_steps():
    """24 of 42 steps: of 21, the 13th is the first one behind."""
    history = torch.tensor([[8, 8], [8, 0], [8, 5], [8, 1]])
    assert curriculum.hard(history) == [1, 3]
    for step in range(1, 22):
        places = curriculum.drawn("curriculum", 2, 0, step, 21, history)
        if step <= 12:
            assert places == curriculum.uniform([0, 1, 2, 3], 2, 0, step)
        else:
            assert set(places) == {1, 3}


def test_the_middle_lies_between_the_bounds():
    rated = torch.tensor([[10, 0], [10, 1], [10, 2], [10, 8], [10, 9], [10, 10]])
    seen = {i for step in range(6) for i in curriculum.drawn("middle", 2, 0, step, 9, rated)}
    assert seen == {2, 3}


def test_a_visit_is_counted_group_by_group():
    history = torch.zeros(3, 2, dtype=torch.long)
    curriculum.visited(history, [2, 0], [True, False, True, False, False, False])
    assert history.tolist() == [[3, 0], [0, 0], [3, 2]]
    curriculum.visited(history, [2], [False])
    assert history.tolist()[2] == [1, 0]  # the last visit alone


@pytest.mark.parametrize("draw", ["failures", "balanced", "curriculum", "dynamic"])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_stop_in_between_changes_no_draw(draw, stop):
    config = replace(CONFIG, draw=draw, group=2)
    whole = [told(roll) for roll in grpo.train(fresh(), POOL, DIGITS, config)]
    halved, first = fresh(), []
    for roll in grpo.train(halved, POOL, DIGITS, config):
        first.append(told(roll))
        if roll.step == stop:
            saved = policy.state(halved)
            break
    other = fresh(seed=9)
    other.memory["history"] = torch.ones(12, 2, dtype=torch.long)  # of another run
    policy.restore(other, saved)
    rest = [told(roll) for roll in grpo.train(other, POOL, DIGITS, config, stop)]
    assert first + rest == whole


def test_history_is_what_the_verdicts_were(monkeypatch):
    """Problems 0 to 5 are made right, the others wrong: drawn by failures, the right ones come
    rarely again; the history says 6 of 6 and 0 of 6."""
    real = rollouts.columns

    def judged(sampled, problems, config, step):
        found = real(sampled, problems, config, step)
        asked = [p for p in problems for _ in range(config.group)]
        pairs = zip(found["verdicts"], asked, strict=True)
        verdicts = [replace(v, correct=POOL.index(p) < 6) for v, p in pairs]
        return found | {"verdicts": verdicts}

    monkeypatch.setattr(rollouts, "columns", judged)
    learns = fresh()
    config = replace(CONFIG, draw="failures", steps=25)
    drawn = [POOL.index(p) for r in grpo.train(learns, POOL, DIGITS, config) for p in r.problems]
    history = learns.memory["history"]
    assert all(tuple(row) in ((0, 0), (6, 6)) for row in history[:6].tolist())
    assert all(tuple(row) in ((0, 0), (6, 0)) for row in history[6:].tolist())
    easy = sum(place < 6 for place in drawn[40:])
    assert easy < 0.35 * len(drawn[40:])  # weights 1/8 against 7/8, four different ones a step


def roll_of(rights, step=1, first=0):
    """A rollout whose groups have these shares of right answers, of 2, and reward 1 for right."""
    problems = POOL[first : first + len(rights)]
    sampled = rollouts.sample(fresh(), problems, replace(CONFIG, group=2), step)
    roll = rollouts.rewarded(sampled, problems, DIGITS, replace(CONFIG, group=2), step)
    flags = [i < n for n in rights for i in range(2)]
    verdicts = [replace(v, correct=ok) for v, ok in zip(roll.verdicts, flags, strict=True)]
    return replace(roll, verdicts=verdicts)


def test_dynamic_sampling_keeps_mixed_groups_and_counts_all():
    rounds = [roll_of([1, 0, 2]), roll_of([0, 1, 2], first=3), roll_of([1, 1, 1], first=6)]
    assert [dynamic.mixed(roll) for roll in rounds] == [[0], [1], [0, 1, 2]]
    asked = []

    def give():
        for roll in rounds:
            asked.append(roll)
            yield roll

    found = dynamic.rollout(give(), 2)
    assert len(asked) == 2, "the third round was not needed"
    assert found.problems == [POOL[0], POOL[4]]
    tokens = sum(int(roll.completions.lengths.sum()) for roll in rounds[:2])
    assert found.report == {"tokens": tokens, "asked": 6}
    assert found.line()["tokens"] == tokens
    assert found.texts == rounds[0].texts[:2] + rounds[1].texts[2:4]
    assert torch.equal(found.rewards[1], rounds[1].rewards[1])
    for row, of in enumerate((rounds[0], rounds[0], rounds[1], rounds[1])):
        n, at = int(found.completions.lengths[row]), (0, 1, 2, 3)[row]
        assert found.completions.ids[row, :n].tolist() == of.completions.ids[at, :n].tolist()


def test_silent_groups_fill_what_the_rounds_leave_open():
    found = dynamic.rollout(iter([roll_of([0, 1, 2])]), 3)
    assert found.problems == [POOL[1], POOL[0], POOL[2]]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"draw": "best"}, "unknown draw"),
        ({"draw": "failures", "delay": 1}, "set one of them"),
        ({"draw": "failures", "piece": 8}, "set one of them"),
        ({"piece": 7}, "must divide"),
        ({"piece": -1}, "must divide"),
        ({"draw": "dynamic", "gae": 1.0, "loss": "grpo", "tau": None}, "leave gae and credit out"),
    ],
)
def test_choices_that_do_not_go_together(wrong, words):
    with pytest.raises(ValueError, match=words):
        replace(CONFIG, **wrong)


def test_an_older_run_drew_alike_and_whole():
    new = settings.plan(experiments.named("form"), Options("untidy", "cpu")).record
    stages = [{k: v for k, v in s.items() if k not in ("draw", "piece")} for s in new["stages"]]
    assert records.configs.upgraded(new | {"version": 6, "stages": stages}) == new


@pytest.mark.parametrize("choice", [{"draw": "failures"}, {"piece": 8}])
def test_trl_refuses_what_it_cannot_draw(tmp_path, choice):
    from r1lab.trl_engine import online

    config = replace(CONFIG, loss="grpo", scale="group", **choice)
    with pytest.raises(ValueError, match="TRL draws problems in their order"):
        online.settings(fresh().model, config, 64, Place(tmp_path))


def test_the_middle_is_rated_once_by_the_base(monkeypatch):
    """A group of answers to each problem of the pool: problem i is right i mod 7 times of 6."""
    asked = []

    def answer(model, tokenizer, problems, how):
        asked.append((len(problems), how.per_problem))
        right = [[k < i % 7 for k in range(6)] for i in range(len(problems))]
        found = SimpleNamespace(texts=["x"] * 72, lengths=[2] * 72, correct=torch.tensor(right))
        return found

    monkeypatch.setattr(evaluate, "answer", answer)
    config = replace(CONFIG, draw="middle", steps=3)
    rolls = list(grpo.train(fresh(), POOL, DIGITS, config))
    assert asked == [(12, 6)]
    assert rolls[0].report["rated"] == 72 and rolls[0].report["rated_tokens"] == 144
    assert "rated" not in rolls[1].report
    drawn = {POOL.index(p) % 7 for roll in rolls for p in roll.problems}
    assert drawn == {1, 2, 3, 4, 5}
