"""The reader of habits against the tiny world's own habits, a model's errors, and hostile text."""

import ast
import random

import pytest
from helpers import HOSTILE, LONG, least_seconds

from r1lab import habits
from r1lab.habits import Habit
from r1lab.tasks import Problem, split_of
from r1lab.tasks.countdown import draw_with_solution
from r1lab.tiny_world import corpus
from r1lab.tiny_world import habits as world
from r1lab.tiny_world.words import WORDS

LANGUAGES = {"en": ["en"], "zh": ["zh"], "mixed": ["en", "zh"]}
WAYS = {  # the function of each habit, and the sizes it is for
    "guess": ("guess", (3, 4)), "check": ("guess", (3, 4)), "at random": ("at_random", (3, 4)),
    "in order": ("in_order", (3,)), "backwards": ("backwards", (3,)), "sub-goal": ("sub_goal", (4,)),
}  # fmt: skip


def thought(rng, habit, spoken, once=False):
    """A problem, thoughts of the habit about it, and the tries that they were made of."""
    words = {word: [WORDS[s][word] for s in spoken] for word in WORDS["en"]}
    name, sizes = WAYS[habit]
    size = rng.choice(sizes)
    made, function = [], getattr(world, name)

    def noted(*arguments):
        got = function(*arguments)
        if isinstance(got, world.Try):
            made.append(got)
            return got
        return (made.append(one) or one for one in got)

    answer = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, name, noted)
        while not answer:  # as the text does: some numbers leave a sub-goal no first step
            problem, *_ = draw_with_solution(rng, size)
            if split_of(problem) == "train":
                text, answer = corpus.think(rng, corpus.Knobs(once=once), problem, habit, words)
    return problem, text, made if text else []


def meaning(one, habit):
    """What a try does: what it wants, and its operations with the values they meet, in order; only
    at random may independent ones be written either way round."""
    found = []

    def value(node):
        if isinstance(node, ast.Constant):
            return node.value
        a, b = value(node.left), value(node.right)
        op = type(node.op).__name__
        found.append((op, *(sorted((a, b)) if op in ("Add", "Mult") else (a, b))))
        return {"Add": a + b, "Sub": a - b, "Mult": a * b, "Div": a / b if b else 0}[op]

    value(ast.parse(one.answer, mode="eval").body)
    inner = sorted(found[:-1]) if habit in ("at random", "sub-goal") else found[:-1]
    return one.wanted, *inner, found[-1]


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("habit", WAYS)
def test_the_worlds_habits_are_named_and_their_tries_counted(habit, language, once):
    rng = random.Random(f"{habit} {language}")
    for _ in range(150):
        problem, text, made = thought(rng, habit, LANGUAGES[language], once)
        got = habits.read(problem, f"<think>{text}</think><answer>1+1=3 vs 22 no.</answer>")
        assert got == Habit(
            name="check" if habit == "at random" and len(made) == 1 else habit,
            tries=len(made), distinct=len({meaning(one, habit) for one in made}),
            verdicts=0 if habit == "guess" else len(made), false_verdicts=0,
            sums=text.count("="), wrong_sums=0,
        ), (problem, text)  # fmt: skip


# ---- a model's errors: target 22 from 13, 5, 2; or 25 from 13, 5, 2, 4 ----

THREE, FOUR = Problem("countdown", (13, 5, 2), 22), Problem("countdown", (13, 5, 2, 4), 25)
ERRORS = {  # thoughts: name, tries, distinct, verdicts, false verdicts, wrong sums
    "": ("guess", 0, 0, 0, 0, 0),
    "13+5=18": ("guess", 0, 0, 0, 0, 0),
    "13+5=18, 18+2=20": ("guess", 1, 1, 0, 0, 0),
    "13+5+2=20": ("guess", 1, 1, 0, 0, 0),
    "13+5=18, 18+2=20, 20-5=15": ("guess", 1, 1, 0, 0, 0),  # uses a number twice
    "I would rather not.": ("other", 0, 0, 0, 0, 0),
    "13 and 5 make x + 3": ("other", 0, 0, 0, 0, 0),
    "22 vs 22 yes. Wait, 22 yes.": ("other", 0, 0, 0, 0, 0),  # a verdict on nothing
    "13+5=18, 18+2=20 vs 22 no. ": ("check", 1, 1, 1, 0, 0),
    "13*5=65, 65+2=67 vs 22 no; ": ("check", 1, 1, 1, 0, 0),
    "13+5=19, 19+2=22 vs 22 yes.": ("check", 1, 1, 1, 0, 2),  # no false verdict: 22 is stated
    "13+5=18, 18+2=20 vs 22 yes.": ("check", 1, 1, 1, 1, 0),
    "13+5=18, 18+2=20 vs 20 yes.": ("check", 1, 1, 1, 1, 0),  # the wanted number is not 20
    "13+5=18, 18+2=20 vs 25 no. ": ("check", 1, 1, 1, 1, 0),  # nor is it 25
    "13+5=18, 18+2=20 vs 22": ("guess", 1, 1, 0, 0, 0),
    "13+5=18, 18+2=20 no. ": ("guess", 1, 1, 0, 0, 0),
    "13+5=18, 18+2=20, which is no good": ("guess", 1, 1, 0, 0, 0),
    # again, with words and without
    "13+5=18, 18+2=20 vs 22 no. Wait, 5*2=10, 13+10=23 vs 22 no. ": ("at random", 2, 2, 2, 0, 0),
    "13+5=18, 18+2=20 vs 22 no. Wait, 5+13=18, 2+18=20 vs 22 no. ": ("at random", 2, 1, 2, 0, 0),
    "13+5=18, 18+2=20 vs 22 no. Wait, 5+13=18, 2+18=21 vs 22 no. ": ("at random", 2, 1, 2, 0, 1),
    "13+5=18, 18+2=20 vs 22 no. 5*2=10, 13+10=23 vs 22 no. ": ("at random", 2, 2, 2, 0, 0),
    "13+5=18, 18+2=20 vs 22 no. Wait, 5*2=10": ("check", 1, 1, 1, 0, 0),
    "13+5=18, 18+2=20 vs 22 no. Wait, 5*2=10. Wait, ": ("at random", 2, 2, 1, 0, 0),
    "13+5=18, 18+2=20. Wait, 18-2=16 vs 22 no. ": ("at random", 2, 2, 1, 0, 0),
    "13+5=18, 18+2=20\n5*2=10, 13+10=23": ("at random", 2, 2, 0, 0, 0),
    "13+5=18, 18+2=20, 5*2=10, 13+10=23, 13-5=8": ("at random", 2, 2, 0, 0, 0),
    "13+5+2=20, 13*5-2=63": ("at random", 2, 2, 0, 0, 0),
    "13+5=18, 13-5=8, 8+2=10": ("at random", 2, 2, 0, 0, 0),  # the first one is given up
    # in order
    "13+5=18; 18+2=20 vs 22 no; ": ("in order", 1, 1, 1, 0, 0),
    "13-5=8；8+2=10 vs 22 不对；": ("in order", 1, 1, 1, 0, 0),
    "13+5=18; 18+2=20 no; 18-2=16 no; ": ("in order", 2, 2, 0, 0, 0),  # with nothing: no verdicts
    "13+5=18; 18+2=20 vs 22 no; 18*2=36 vs 22 no; 13-5=8; 8*2=16 vs 22 no; ": ("in order", 3, 3, 3, 0, 0),  # leaves out
    "13+5=18; 18+2=20 vs 22 no; 18-2=16 vs 22 no; 18+2=20 vs 22 no; ": ("in order", 3, 2, 3, 0, 0),
    "13+5=18; 18+2=20 vs 22 no; 18-2=15 vs 22 no; 18*2=36 vs 22 yes.": ("in order", 3, 3, 3, 1, 1),
    "13+5=18; 18+2=20 vs 22 no; 18-2=16 vs 22 no; 13-5=8; 18-2=16 vs 22 no; ": ("in order", 3, 3, 3, 0, 0),
    "13+5=18; 18+2=20 vs 22 no; 19-2=17 vs 22 no; ": ("in order", 2, 2, 2, 0, 0),  # 19 from nowhere
    "13+5=18; 18+2=20; 18-2=16; 18*2=36": ("in order", 3, 3, 0, 0, 0),
    "13+5=18; 18+2=20; 18-2=16; 13-5=8; 8+2=10; 8": ("in order", 3, 3, 0, 0, 0),
    "13+5=18；18+2=20 vs 22 不对；18-2=16 vs 22 no; 18*2=36 vs 22 对。": ("in order", 3, 3, 3, 1, 0),
    "13+5=18; 18+2=20 vs 22 no; 18-2=16 vs 22 no; Wait, 5*2=10, 13+10=23 vs 22 no. ": ("other", 3, 3, 3, 0, 0),
    # steps said again behind a yes; others there are a try
    "13+5=18; 18+2=20 vs 22 no; 18*2=36 vs 22 yes. Then 13+5=18, 18*2=36": ("in order", 2, 2, 2, 1, 0),
    "13+5=18; 18*2=36 vs 22 yes. Then 13+5=18, 18*2=36 vs 22 yes.": ("in order", 1, 1, 1, 1, 0),
    "13+5=18; 18*2=36 vs 22 yes. Then 13+5=18, 18-2=16 vs 22 no. ": ("in order", 2, 2, 2, 1, 0),
    # backwards
    "22-2=20 so 13+5=18 vs 20 no; 13-5=8 vs 20 no; 13*5=65 vs 20 yes.": ("backwards", 3, 3, 3, 1, 0),
    "22-2=20 so 13+5=18 vs 20 no; 13*5=65 vs 20 yes. Then 20+2=22": ("backwards", 2, 2, 2, 1, 0),
    "22-2=20 so 13*5=65 vs 20 yes. Then 20+2=23 vs 22 yes.": ("backwards", 1, 1, 1, 1, 1),
    "22-2=20 so 13*5=65 vs 20 yes. Then 13-5=8 vs 20 no; ": ("backwards", 2, 2, 2, 1, 0),
    "22-2=20 so 13*5=65 vs 20 yes. 20+2=22; 13-5=8 vs 20 no; ": ("backwards", 2, 2, 2, 1, 0),
    "22-2=20, 20+2=22 so 13+5=18 vs 20 no; 13*5=65 vs 20 yes. Then 20+2=22": ("backwards", 2, 2, 2, 1, 0),
    "22-2=20, 20+2=22": ("guess", 0, 0, 0, 0, 0),
    "22-2=20, 20+2=22 so 13+5=18 vs 20 no; 22+2=24, 24-2=22 so 13+5=18 vs 24 no; ": ("backwards", 2, 2, 2, 0, 0),
    "22-2=20, 20+2=22 so 13+5=18 vs 20 no; Wait, 22+2=24, 24-2": ("backwards", 1, 1, 1, 0, 0),
    "22-2=21 so 13+5=18 vs 21 no; 13+5=21 vs 21 no; ": ("backwards", 2, 1, 2, 1, 2),
    "22-2=20，所以 13+5=18 vs 20 不对；": ("backwards", 1, 1, 1, 0, 0),
    "22-2=20 so 13+5=18 vs 20 no; Wait, 22+2=24 so 13+5=18 vs 24 no; ": ("backwards", 2, 2, 2, 0, 0),
    "22-2=20 so 13+5=18 vs 20 no; 22+2=24 so 13+5=18 vs 24 no; ": ("backwards", 2, 2, 2, 0, 0),
    "22-2=20 so 13+5=18 vs 20 no; Wait, 22-2=20 so 5+13=18 vs 20 no; ": ("backwards", 2, 1, 2, 0, 0),
    "22-2=20 so 13+5=18 vs 20 no; 22+2=24 so ": ("backwards", 1, 1, 1, 0, 0),
    "22-2=20 so ": ("backwards", 0, 0, 0, 0, 0),
    "22-2=20 so 13+5=18 vs 22 no; 13-5=8 vs 8 yes.": ("backwards", 2, 2, 2, 2, 0),  # wanted: 20
    "22-2=20 so 13+5=18 vs 20 no; 22+2=24 so 13-5=8 vs 20 no; ": ("backwards", 2, 2, 2, 1, 0),
    "22-2=20 so 13+5=18 vs 20 no; Wait, 13+5=18, 18+2=20 vs 20 yes.": ("other", 2, 2, 2, 1, 0),
    "22-2=20 so 13+5=18 vs 20 no; Wait, 13+5=18, 18+2=20 vs 22 no. ": ("other", 2, 2, 2, 0, 0),
    "13+5=18 so 18+2=20 vs 22 no. ": ("check", 1, 1, 1, 0, 0),  # no step back
    "122-2=120 so 13+5=18, 18+2=20 vs 22 no. ": ("check", 1, 1, 1, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("thinking", ERRORS)
def test_a_models_errors_by_hand(thinking):
    got = habits.read(THREE, f"<think>{thinking}</think><answer>13*5</answer>")
    seen = (got.name, got.tries, got.distinct, got.verdicts, got.false_verdicts, got.wrong_sums)
    assert seen == ERRORS[thinking]
    assert got.sums == thinking.count("=") and got.repeated == got.tries - got.distinct


OF_FOUR = {  # thoughts: name, tries, false verdicts
    "25-4=21 so 13+5=18; 18+2=20 vs 21 no; 18-2=16 vs 21 no; 13-5=8; 8+2=10 vs 21 no; ": ("backwards", 3, 0),
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; 20-4=16 vs 25 no; 18-2=16; 16+4=20 vs 25 no; ": ("sub-goal", 3, 0),
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; Wait, 5*2=10 so 13+10=23; 23+4=27 vs 25 no; ": ("sub-goal", 2, 0),
    "13+5=18 so 4+2=6; 18+6=24 vs 24 yes.": ("sub-goal", 1, 1),  # wanted is 25
    # its first step stands before each new one, and all are said again at the end: no tries
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; 13+5=18, 18-2=16; 16+4=20 vs 25 no; ": ("sub-goal", 2, 0),
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; 13+5=18, ": ("sub-goal", 1, 0),
    "13+5=18 so 18+2=20; 20+4=25 vs 25 yes. Then 13+5=18, 18+2=20, 20+4=25": ("sub-goal", 1, 0),
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; 13+5=18, 13+5=18; 18+4=22 vs 25 no; ": ("sub-goal", 2, 0),
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; 13-5=8, 8+2=10; 10+4=14 vs 25 no; ": ("sub-goal", 2, 0),
    "13+5=18 so 18+2=20; 20+4=24 vs 25 no; Wait, 25-4=21 so 13+5=18; 18+2=20 vs 21 no; ": ("other", 2, 0),
    "25-4=21 so 13+5=18; 18+2=20 vs 21 no; 18-2=16 vs 21 no; 25+4=29 so 13+5=18; 18+2=20 vs 29 no; ":
        ("backwards", 3, 0),
    "25-4=21 so 13+5=18; 18+2=20 vs 21 yes.": ("backwards", 1, 1),
    "13+5=18, 4/2=2, 18+2=20, 13*5=65, 4-2=2, 65-2=63": ("at random", 2, 0),
    "13+5=18, 18+2=20, 20+4=24 vs 25 no. 4+2=6, 6+13=19, 19+5=24 vs 25 no. ": ("at random", 2, 0),
    "13+5=18, 18+2=20, 20+4=24 vs 25 no; 20-4=16 vs 25 no; 18-2=16; 16+4=20 vs 25 no; ": ("in order", 3, 0),
}  # fmt: skip


@pytest.mark.parametrize("thinking", OF_FOUR)
def test_four_numbers_by_hand(thinking):
    got = habits.read(FOUR, thinking)
    name, tries, false = OF_FOUR[thinking]
    assert (got.name, got.tries, got.distinct, got.false_verdicts) == (name, tries, tries, false)


@pytest.mark.parametrize("habit", WAYS)
def test_a_text_cut_anywhere_is_read_and_tries_never_get_fewer(habit):
    rng = random.Random(habit)
    texts = [thought(rng, habit, LANGUAGES["mixed"])[:2] for _ in range(8)]
    texts += [(THREE, thinking) for thinking in ERRORS] if habit == "in order" else []
    for problem, text in texts:
        whole = f"<think>{text[-250:]}</think><answer>1</answer>"
        tries = [habits.read(problem, whole[:cut]).tries for cut in range(len(whole) + 1)]
        assert tries == sorted(tries), whole


def test_a_search_cut_in_the_middle_keeps_its_name_from_its_second_try_on():
    rng = random.Random(1)
    for habit in ("at random", "in order", "backwards", "sub-goal"):
        for _ in range(12):
            problem, text, _ = thought(rng, habit, LANGUAGES["mixed"])
            for cut in range(min(len(text), 250)):
                got = habits.read(problem, text[:cut])
                assert got.tries < 2 or got.name == habit, text[:cut]


def test_only_thoughts_are_read_and_only_those_of_countdown():
    text = "13+5=18</think>18+2=20 vs 22 no. <answer>13+5=18, 18+2=20 vs 22 no.</answer>"
    assert habits.read(THREE, text).sums == 1
    for task in ("multiplication", "gsm8k", "some/file.py"):
        assert habits.read(Problem(task, (13, 5), 65), "13*5=65") is None


# ---- hostile text ----

MORE = {
    "restarts": "Wait, 13+5=18 vs 22 no; " * (LONG // 24),
    "steps back": "22-2=20 so " * (LONG // 11),
    "leaves": "13+5=18; " + "18+2=20 vs 22 no; " * (LONG // 18),
    "all numbers taken": "22-2-5=15 so " + "15-1=14, " * (LONG // 9),
    "one endless try": "13+5=18, " + "99-98=1, " * (LONG // 9),
    "half tries": "13+5=18, 18+2=20, " * (LONG // 18),
    "zeros": "0+0=0 vs 0 no; " * (LONG // 15),
    "the target everywhere": "22=22+0 vs 22 no; 22-22=0 so " * (LONG // 29),
}


@pytest.mark.parametrize("text", [*HOSTILE.values(), *MORE.values()], ids=[*HOSTILE, *MORE])
def test_hostile_text_is_read_in_linear_time(text):
    def read(piece):
        for problem in (THREE, FOUR):
            got = habits.read(problem, piece)
            assert got.name in habits.NAMES
            assert 0 <= got.distinct <= got.tries and got.wrong_sums <= got.sums
            assert 0 <= got.false_verdicts <= got.verdicts <= got.tries

    assert least_seconds(read, text) < 4 * least_seconds(read, text[: LONG // 2]) + 0.3


def test_texts_put_together_from_pieces_at_random_never_raise():
    rng = random.Random(5)
    pieces = [
        "13+5=18", "22-2=20", "18+2=20", "2-13=-11", "5/0=1", "1/3=1", "22=20+2", "-5+2=-3", "(", ")", "so", "所以",
        " no; ", " yes.", " vs 22 no. ", " vs 20 不对；", "对", "Wait, ", "试试 ", "=", "\n", ", ", "7", "1" * 9, "22", "-", "*",
    ]  # fmt: skip
    for _ in range(3000):
        text = "".join(rng.choices(pieces, k=rng.randint(1, 25)))
        for problem in (THREE, FOUR, Problem("countdown", (), 22), Problem("countdown", (22,), 22)):
            got = habits.read(problem, text)
            assert got.verdicts <= got.tries and 0 <= got.repeated < max(got.tries, 1)


# ---- shares ----


def test_the_shares_of_four_completions_by_hand():
    texts = [
        "13+5=18, 18+2=20",
        "13+5=18, 18+2=20 vs 22 no. ",
        "13+5=18; 18+2=20 vs 22 no; 18-2=16 vs 22 no; 18+2=20 vs 22 no; ",
        "13+5=18; 18+2=20 vs 22 no; 18*2=36 vs 22 no; ",
    ]
    addition = Problem("addition", (1, 2), 3)
    assert habits.of([*[THREE] * 4, addition], [*texts, "1+2=3"]) == {
        "habit_guess": 1 / 4, "habit_check": 1 / 4, "habit_at_random": 0.0, "habit_in_order": 2 / 4,
        "habit_backwards": 0.0, "habit_sub_goal": 0.0, "habit_other": 0.0,
        "repeated": 1 / 7, "distinct": (1 + 1 + 2 + 2) / 4, "second_try": 2 / 4, "compares": 3 / 4,
    }  # fmt: skip


def test_shares_where_nothing_was_tried_and_where_there_is_no_countdown():
    found = habits.of([THREE], [""])
    assert found["repeated"] is None and found["distinct"] == 0 and found["habit_guess"] == 1
    assert habits.of([], []) == habits.of([Problem("addition", (1, 2), 3)], ["1+2=3"]) == {}
