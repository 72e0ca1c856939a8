"""A task and a reward of the user's own: one file each, and one sentence for what is wrong."""

import hashlib
import math
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import tiny_model

from r1lab import evaluate, grpo, models, policy, reflection, rewards, tasks
from r1lab.tasks import Problem
from r1lab.tiny_world import pretrain
from r1lab.verify import Verdict, verify

LARGEST = '''
"""Which number is the largest?"""
from __future__ import annotations

from dataclasses import dataclass

from r1lab.tasks import Problem, Task
from r1lab.tasks.reading import read_integer


@dataclass(frozen=True)
class Offer:
    numbers: tuple[int, ...]


def draw(rng, size):
    offer = Offer(tuple(rng.sample(range(100), size)))
    return Problem("any", offer.numbers, {"largest": max(offer.numbers)})


def judge(problem, answer):
    value = read_integer(answer)
    if value not in problem.numbers:
        return "wrong numbers"
    return "correct" if value == problem.target["largest"] else "wrong value"


TASK = Task(
    name="largest",
    draw=draw,
    sizes=(3, 5),
    question=lambda p: f"Which of {p.numbers} is the largest?",
    judge=judge,
)
'''


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives its path."""

    def write(text, name="largest.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def one_sentence(error):
    text = str(error.value)
    return text if "\n" not in text and len(text) < 500 else pytest.fail(text)


# ---- a task ----


def test_a_task_of_ones_own_draws_words_and_judges(write):
    path = write(LARGEST)
    train = tasks.problems(path, 50, seed=0)
    test = tasks.problems(path, 20, seed=0, split="test")
    assert {p.task for p in train} == {path} and {len(p.numbers) for p in train} == {3}
    assert not {p.key for p in train} & {p.key for p in test}
    assert {tasks.split_of(p) for p in test} == {"test"}
    assert {len(p.numbers) for p in tasks.problems(path, 5, seed=0, size=5)} == {5}
    problem = Problem(path, (3, 80, 41), {"largest": 80})
    assert tasks.prompt(problem, "plain") == "Which of (3, 80, 41) is the largest?\n"
    assert tasks.short(problem) == "Which of (3, 80, 41) is the largest?"
    answers = {"80": "correct", "41": "wrong value", "7": "wrong numbers", "eighty": "unreadable"}
    for answer, reason in answers.items():
        found = verify(problem, f"<answer>{answer}</answer>")
        assert found == Verdict(reason == "correct", False, reason, answer)
    assert verify(problem, "80").reason == "no answer"
    seen = reflection.trace(problem, "<think>3+1=4. Wait</think>", verify(problem, ""))
    assert (seen.attempts, seen.equations, seen.waits) == (0, 1, 1)


def test_the_split_depends_on_the_files_name_and_not_on_its_folder(write):
    here = tasks.problems(write(LARGEST), 30, seed=1)
    there = tasks.problems(write(LARGEST, "moved/largest.py"), 30, seed=1)
    assert [p.key for p in here] == [p.key for p in there]
    assert [p.task for p in here] != [p.task for p in there]


def test_a_data_set_comes_split_and_gets_the_files_name(write):
    path = write(
        "from r1lab.tasks import Problem, Task\n"
        "def rows(split):\n"
        "    return [Problem('', (), [split, i], f'{split} {i}?') for i in range(9)]\n"
        "TASK = Task('rows', lambda p: p.question, lambda p, a: 'correct', data_set=rows)\n"
    )
    drawn = tasks.problems(path, 9, seed=0, split="test")
    assert sorted(p.target for p in drawn) == [["test", i] for i in range(9)]
    assert {p.task for p in drawn} == {path} and len(set(drawn)) == 9
    with pytest.raises(ValueError, match="train split of rows holds fewer than 10"):
        tasks.problems(path, 10, seed=0)


def test_an_edit_counts_from_the_next_drawing_on_and_never_in_between(write):
    path = write(LARGEST)
    problem = tasks.problems(path, 1, seed=0)[0]
    right = f"<answer>{max(problem.numbers)}</answer>"
    first = tasks.fingerprint(path)
    write(LARGEST.replace("max(", "min("))  # as many characters, the same second
    assert verify(problem, right).correct
    (edited,) = tasks.problems(path, 1, seed=0)
    assert edited.target == {"largest": min(edited.numbers)}
    assert first == hashlib.sha256(LARGEST.encode()).hexdigest() != tasks.fingerprint(path)
    assert tasks.fingerprint("countdown") is None


def test_a_target_is_what_json_gives_back(write):
    path = write(LARGEST.replace('{"largest": max(offer.numbers)}', '(1, {2: "a"})'))
    assert tasks.problems(path, 1, seed=0)[0].target == [1, {"2": "a"}]


def given(old, new):
    assert old in LARGEST
    return LARGEST.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("TASK = 1/0", "imported, it raises ZeroDivisionError", id="import raises"),
        pytest.param("raise SystemExit", "imported, it raises SystemExit", id="import exits"),
        pytest.param("def x(:", "imported, it raises SyntaxError", id="no Python"),
        pytest.param("task = 3", "has no TASK", id="no TASK"),
        pytest.param("TASK = 'sums'", "has no TASK", id="TASK is no Task"),
        pytest.param(given("draw=draw", "draw=None"), "either draw or data_set", id="no draw"),
        pytest.param(given("rng.sample", "rng.simple"), "draw raises AttributeError", id="draw"),
        pytest.param(
            given("return Problem", "return 1 or Problem"), "a Problem, not a int", id="no problem"
        ),
        pytest.param(given("{p.numbers}", "{p.number}"), "question raises Attr", id="question"),
        pytest.param(given("range(100)", "'abcd'"), "integers as numbers", id="letters"),
        pytest.param(given("max(offer.numbers)", "{1}"), "JSON can hold", id="a set as target"),
    ],
)
def test_a_task_that_does_not_work_is_refused_in_one_sentence(write, text, message):
    path = write(text)
    with pytest.raises(ValueError, match=message) as error:
        tasks.prompt(tasks.problems(path, 1, seed=0)[0], "plain")
    assert one_sentence(error).startswith(path)


def test_a_file_that_is_missing_is_named():
    for ask in (tasks.named, rewards.reward_set, tasks.fingerprint, rewards.fingerprint):
        with pytest.raises(ValueError, match="nowhere/task.py") as error:
            ask("nowhere/task.py" if "tasks" in ask.__module__ else "nowhere/task.py:pay")
        one_sentence(error)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return \"wrong numbers\"", "return 1/0", "judge raises ZeroDivisionError: division"),
        ("return \"wrong numbers\"", "return judge(problem, answer)", "judge raises RecursionErr"),
        ("return \"wrong numbers\"", "return None", "judge must return a str, not a NoneType"),
        ("return \"wrong numbers\"", "return True", "judge must return a str, not a bool"),
        ("return \"wrong numbers\"", "return 'almost'", "gives the reason 'almost': choose one of"),
        ("judge=judge,", "judge=judge, find=str.upper,", "find must return a Found, not a str"),
        ("judge=judge,", "judge=judge, find=int,", "find raises ValueError"),
    ],
)  # fmt: skip
def test_a_judge_that_does_not_work_is_named_with_its_file(write, old, new, message):
    path = write(given(old, new))
    problem = tasks.problems(path, 1, seed=0)[0]
    with pytest.raises(ValueError, match=message) as error:
        verify(problem, "<answer>1000</answer>")
    assert one_sentence(error).startswith(path)
    assert not isinstance(error.value, tasks.reading.Unreadable)


def test_the_tiny_world_has_no_task_of_ones_own(write):
    problem = tasks.problems(write(LARGEST), 1, seed=0)[0]
    with pytest.raises(ValueError, match="the tiny world has no largest"):
        tasks.prompt(problem, "tiny")


# ---- a reward ----


def columns(n=2, **more):
    state = SimpleNamespace(global_step=0)
    return {"completions": ["<answer>1</answer>"] * n, "trainer_state": state, **more}


def test_a_reward_of_ones_own_has_its_name_and_weight_one(write):
    path = write("def short(completions, **kwargs):\n    return [-len(c) for c in completions]\n")
    functions, weights = rewards.reward_set(f"{path}:short")
    totals, parts = rewards.score(functions, weights, **columns())
    assert weights == [1.0] and parts == {"short": [-18.0, -18.0]} and totals == [-18.0, -18.0]
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert rewards.fingerprint(f"{path}:short") == digest
    assert rewards.fingerprint("rule") is None


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("import nothing_of_this_name", "pay", "it raises ModuleNotFoundError: No module named"),
        ("pay = 3", "pay", "has no function 'pay'"),
        ("def pay(**kwargs): pass", "pays", "has no function 'pays'"),
        ("def pay(**kwargs): pass", "", "has no function ''"),
    ],
)
def test_a_reward_that_is_not_there_is_refused_in_one_sentence(write, text, name, message):
    path = write(text, "own.py")
    with pytest.raises(ValueError, match=message) as error:
        rewards.reward_set(f"{path}:{name}")
    assert one_sentence(error).startswith(path)


def test_a_file_without_a_function_says_how_to_write_it(write):
    with pytest.raises(ValueError, match="write path.py:function"):
        rewards.reward_set(write("def pay(**kwargs): pass"))


def paying(values):
    def pay(completions, **kwargs):
        return values() if callable(values) else values

    return pay


@pytest.mark.parametrize(
    "values",
    [
        [1, 0], (True, False), [np.float32(1), np.int64(0)], [np.bool_(True), np.bool_(False)],
        np.array([1.0, 0.0], dtype=np.float16), torch.tensor([1, 0]), [torch.tensor(1.0), 0],
        [Fraction(2, 2), Fraction(0)],
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_of_every_kind_become_floats(values):
    totals, parts = rewards.score([paying(values)], [1.0], **columns())
    assert parts["pay"] == [1.0, 0.0] and {type(v) for v in parts["pay"]} == {float}
    assert torch.tensor(totals).dtype == torch.float32  # where integers ended in an error


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], "gave 1 values for 2"),
        ([1.0] * 3, "gave 3 values for 2"),
        ([], "gave 0 values for 2"),
        (1.0, "gave float, not a list"),
        (None, "gave NoneType, not a list"),
        ([1.0, None], "gave None for completion 2, not a finite number"),
        ([math.nan, 1.0], "gave nan for completion 1, not a finite number"),
        ([1.0, -math.inf], "gave -inf for completion 2, not a finite number"),
        ([1.0, np.float32("nan")], "for completion 2, not a finite number"),
        ([10**400, 1.0], "for completion 1, not a finite number"),
        (["1.0", 1.0], "gave '1.0' for completion 1, not a finite number"),
        (["x" * 9999 + "\n", 1.0], "for completion 1, not a finite number"),
        ([[1.0], [1.0]], "for completion 1, not a finite number"),
        (torch.ones(2, 1), "for completion 1, not a finite number"),
        ([1j, 1.0], "for completion 1, not a finite number"),
        (lambda: 1 / 0, "reward 'pay' raises ZeroDivisionError: division by zero"),
    ],
    ids=lambda x: str(x)[:30] if isinstance(x, str) else None,
)
def test_what_are_not_numbers_one_a_completion_is_refused_in_one_sentence(values, message):
    with pytest.raises(ValueError, match=message) as error:
        rewards.score([paying(values)], [1.0], **columns())
    assert one_sentence(error).startswith("reward 'pay'")


# ---- both in a run ----

TOKENIZER = pretrain.wrap_tokenizer()


@pytest.mark.parametrize("engine", ["own", "trl"])
@pytest.mark.slow
def test_a_step_with_a_task_and_a_reward_of_ones_own(write, engine, tmp_path):
    path = write(LARGEST)
    pay = write(
        "def by_target(completions, target, verdicts, **kwargs):\n"
        "    rows = zip(completions, target, verdicts, strict=True)\n"
        "    return [t['largest'] / 100 + v.correct + len(c) % 3 for c, t, v in rows]\n",
        "pay.py",
    )
    config = grpo.Config(steps=1, prompts=2, group=4, max_new=8, lr=1e-2, template="plain")
    model = models.prepare(tiny_model(vocabulary=len(TOKENIZER)), 4, 0)
    pool, reward_set = tasks.problems(path, 2, seed=0), rewards.reward_set(f"{pay}:by_target")
    learner = policy.learner(model, TOKENIZER, config.lr)
    rolls = []
    if engine == "own":
        rolls += grpo.train(learner, pool, reward_set, config)
    else:
        from r1lab import trl_engine

        place = trl_engine.Place(tmp_path)
        trl_engine.grpo(learner, pool, reward_set, config, rolls.append, place)
    (roll,) = rolls
    asked, texts, parts = roll.problems, roll.texts, roll.parts
    largest = [max(p.numbers) for p in asked for _ in range(4)]
    expected = [n / 100 + len(t) % 3 for n, t in zip(largest, texts, strict=True)]
    assert parts == {"by_target": pytest.approx(expected)}


def test_a_measurement_judges_with_the_users_file(write):
    path = write(LARGEST)
    held_out = tasks.problems(path, 3, seed=0, split="test")
    model = tiny_model(vocabulary=len(TOKENIZER))
    answers = evaluate.answer(model, TOKENIZER, held_out, evaluate.Sampling("plain", 8, seed=0))
    again = [verify(p, text) for p, text in zip(held_out, answers.texts, strict=True)]
    assert answers.verdicts == again and evaluate.measure(answers)["n"] == 3
