"""The world's text: what it says is true, habits are what they claim, nothing leaks from the test
split. Texts are read back with regular expressions and checked with fractions and by trying
everything, so that none of the functions that wrote them is asked whether they are right."""

import ast
import itertools
import random
import re
from collections import Counter
from dataclasses import asdict, fields, replace
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import pytest
from helpers import OPERATE, posed

from r1lab.tasks import Problem, problems, split_of, tiny_prompt
from r1lab.tasks.countdown import LARGEST_NUMBER, LARGEST_VALUE, TARGETS
from r1lab.tiny_world import corpus
from r1lab.tiny_world.corpus import PARTS, POOR, RICH, Knobs, dose, texts
from r1lab.tiny_world.pretrain import CONTEXT
from r1lab.tiny_world.words import EOS, UNK, WORDS, tokenizer
from r1lab.verify import is_formatted, verify

STATEMENT = r"\d+[-+*/]\d+=\d+"
YES, NO, NEXT = r"(?: yes\.| 对。)", r"(?: no\. | 不对。)", r"(?: no; | 不对；)"
THEN, SO = r"(?:; |；)", r"(?: so |，所以 )"
AGAIN, CHECK = r"(?:Wait, |Try |等等，|试试 )", r"(?: Check: | 检查：)"
CLOSE = rf"(?: Then |那么 ){STATEMENT}(?:, {STATEMENT})*"  # what is said again behind a yes
SIGN = re.compile(
    rf"(?P<close>{CLOSE})|(?P<step>{STATEMENT})|(?P<comma>, )|(?P<then>{THEN})|(?P<so>{SO})|(?P<again>{AGAIN})"
    rf"| vs (?P<vs>\d+)(?:(?P<yes>{YES})|(?P<no>{NO})|(?P<next>{NEXT}))"
)
STEPS = rf"{STATEMENT}(?:, {STATEMENT})*"
COMPARED = rf"{STEPS} vs \d+(?:{YES}|{NO})"
LISTED = rf"(?:{STATEMENT} vs \d+(?:{YES}|{NEXT}))+"
BACK = rf"{STATEMENT}, {STATEMENT}{SO}"
ORDERED = rf"(?:{STATEMENT}{THEN}{LISTED})+"
UNDER = rf"{STATEMENT}{SO}{STATEMENT}{THEN}{LISTED}(?:{STATEMENT}, {STATEMENT}{THEN}{LISTED})*"
FORMS = {  # of countdown thoughts; a check is a comparison after which nothing comes
    "empty": "",
    "guess": STEPS,
    "compared": rf"{COMPARED}(?:{AGAIN}{COMPARED})*",
    "in order": rf"{ORDERED}(?:{CLOSE})?",
    "backwards": rf"{BACK}{LISTED}(?:{AGAIN}{BACK}{LISTED})*(?:{CLOSE})?",
    "sub-goal": rf"{UNDER}(?:{AGAIN}{UNDER})*(?:{CLOSE})?",
}
MULTIPLIED = re.compile(
    rf"|(?P<claim>{STEPS})(?:{CHECK}(?P<other>{STEPS}) vs (?P<first>\d+)(?:{YES}|{NO})"
    rf"(?:{AGAIN}(?P<last>{STEPS}))?)?"
)
BODY = re.compile(
    r"(?:<think>)?(?P<thoughts>[^<]*)(?:</think>)?(?:<answer>)?(?P<answer>[^<]*)(?:</answer>)?"
)
SIGN_OF = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
SEARCHES = ("at_random", "in_order", "backwards", "at_random_four", "sub_goal")
NONE = replace(RICH, check=0.0, drill=0.0, multiplication=0.0, **dict.fromkeys(SEARCHES, 0.0))
AT_RANDOM = replace(NONE, at_random=1.0, at_random_four=1.0)
SUB_GOAL = replace(NONE, sub_goal=1.0, four=1.0)
KNOBS = {  # and how many texts of each are read
    "rich": (RICH, 2500),
    "parts": (PARTS, 2400),
    "poor": (POOR, 800),
    "much": (dose(0.9), 300),
    "much in parts": (replace(dose(0.94), once=True, drill=0.0, multiplication=0.0), 600),
    "at random": (replace(AT_RANDOM, long=0.5), 250),
    "in order": (replace(NONE, in_order=1.0, four=0.0), 250),
    "backwards": (replace(NONE, backwards=1.0, four=0.0), 250),
    "sub-goal": (SUB_GOAL, 120),
    "slips": (replace(NONE, multiplication=1.0, decompose=1.0, recheck=1.0, slips=1.0), 300),
}
each = pytest.mark.parametrize("name", KNOBS)


class Try(NamedTuple):
    """One try as the text tells it. goal: the step back before `so`. first: the first step of four
    numbers before `so`. shared: how many of the steps an
    earlier try has written. wanted: what it is compared with. said: yes, no, next or nothing.
    there: the step from the sub-goal to the target; close: the steps that are said again behind a
    yes."""

    goal: tuple | None
    steps: list
    shared: int = 0
    wanted: int | None = None
    said: str = ""
    there: tuple | None = None
    first: tuple | None = None
    close: tuple = ()

    @property
    def value(self):
        return self.steps[-1][3]


class Text(NamedTuple):
    whole: str
    problem: Problem | None
    body: str
    thoughts: str
    answer: str
    form: str  # one of FORMS; multiplication and drill have their own name
    tries: list


def equations(text):
    """(a, op, b, c) of each `a op b = c`."""
    found = re.findall(r"(\d+)([-+*/])(\d+)=(\d+)", text)
    return [(int(a), op, int(b), int(c)) for a, op, b, c in found]


def tries(thoughts):
    """The tries of a countdown text, sign by sign; every character must belong to one."""
    found, shared, steps, count = [], [], [], 0
    goal = there = first = None
    signs = list(SIGN.finditer(thoughts))
    assert "".join(sign[0] for sign in signs) == thoughts
    for sign in signs:
        kind = sign.lastgroup
        if kind == "step":
            steps += equations(sign["step"])
            count += 1  # steps of this try that stand for the first time
        elif kind == "then":
            if len(steps) == 2:  # behind the first one that stands under its sub-goal
                assert steps.pop(0) == first, thoughts
                count -= 1
            shared, steps = steps, []
        elif kind == "so":
            goal, there, first = (*steps, None) if len(steps) == 2 else (None, None, *steps)
            steps, shared, count = [], [], 0
        elif kind == "again":
            shared = []
        elif kind == "close":
            found[-1] = found[-1]._replace(close=tuple(equations(sign[0])))
        elif kind != "comma":
            whole = shared + steps
            found.append(Try(goal, whole, len(whole) - count, int(sign["vs"]), kind, there, first))
            steps, count = [], 0
    return [*found, Try(goal, steps, first=first)] if steps else found


def read(whole):
    """A text of the world, taken apart."""
    problem, body = posed(whole)
    body = body.removesuffix(EOS)
    if problem is None:
        return Text(whole, None, body, body, "", "drill", [])
    found = BODY.fullmatch(body)
    assert found, whole
    thoughts, answer = found["thoughts"], found["answer"]
    if problem.task == "multiplication":
        assert MULTIPLIED.fullmatch(thoughts), whole
        return Text(whole, problem, body, thoughts, answer, "multiplication", [])
    forms = [name for name, form in FORMS.items() if re.fullmatch(form, thoughts)]
    assert len(forms) == 1, (forms, whole)
    return Text(whole, problem, body, thoughts, answer, forms[0], tries(thoughts))


def take(n, seed, knobs=RICH):
    return list(itertools.islice(texts(seed, knobs), n))


@cache
def sample(name):
    knobs, n = KNOBS[name]
    return [read(text) for text in take(n, 1, knobs)]


def countdown(name):
    return [text for text in sample(name) if text.problem and text.problem.task == "countdown"]


def by_size(found):
    """Texts of three numbers and of four."""
    found = list(found)
    return [[t for t in found if t.problem and len(t.problem.numbers) == size] for size in (3, 4)]


def groups(text):
    """(the step before `so` or None, tries behind it) one after the other."""
    by = itertools.groupby(text.tries, lambda one: id(one.goal or one.first))  # two alike stay two
    return [(found[0].goal or found[0].first, found) for found in (list(under) for _, under in by)]


def untrue(text):
    """The statements that are false."""
    return [(a, op, b, c) for a, op, b, c in equations(text.body) if OPERATE[op](a, b) != c]


# ---- arithmetic of our own ----


def combined(x, y):
    """All steps of a search from two values: positive integers up to 199, the larger first."""
    a, b = max(x, y), min(x, y)
    for op in "+-*/":
        c = Fraction(a, b) if op == "/" else OPERATE[op](a, b)
        if 0 < c <= 199 and c == int(c) and (op, b) != ("/", 1):  # that is times 1
            yield a, op, b, int(c)


@cache
def reachable(numbers):
    """All values that any order of steps makes of all numbers."""
    if len(numbers) == 1:
        return frozenset(numbers)
    found = set()
    for i, j in itertools.combinations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        for *_, c in combined(numbers[i], numbers[j]):
            found |= reachable(tuple(sorted([*rest, c])))
    return frozenset(found)


@cache
def ways(numbers):
    """All ways with two or three numbers, in the order that `in order` promises: the first
    number with the second, with the third, the second with the third; + - * / for each; of equal
    numbers only the first. The ways that share their first step hold the same tuple."""
    if len(numbers) == 2:
        return [[step] for step in combined(*numbers)]
    found, seen = [], set()
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        for first in combined(numbers[i], numbers[j]):
            if (first, numbers[k]) not in seen:
                seen.add((first, numbers[k]))
                found += [[first, second] for second in combined(first[3], numbers[k])]
    return found


def goals(target, n):
    """Every step from the target back by one number."""
    t = target
    listed = [(t, "-", n, t - n), (t, "+", n, t + n), (n, "-", t, n - t)]
    if n > 1:
        listed += [(t, "*", n, t * n)] + ([(t, "/", n, t // n)] if t % n == 0 else [])
    return [step for step in listed if 0 < step[3] <= 199]


def taken(problem, goal):
    """The number of the problem by which a sub-goal goes back from the target."""
    a, _, b, _ = goal
    n = b if a == problem.target else a
    assert goal in goals(problem.target, n), (problem, goal)
    return n


def without(numbers, n):
    rest = list(numbers)
    rest.remove(n)
    return rest


def tree(expression):
    """Value, numbers and operations (the last one last) of an expression."""
    numbers, operations = [], []

    def value(node):
        if isinstance(node, ast.Constant):
            numbers.append(node.value)
            return Fraction(node.value)
        a, b, op = value(node.left), value(node.right), SIGN_OF[type(node.op)]
        operations.append((a, op, b, OPERATE[op](a, b)))
        return operations[-1][3]

    return value(ast.parse(expression, mode="eval").body), numbers, operations


def near(hits, n, share):
    """Whether `hits` of `n` is what chance makes of a share: within four standard deviations."""
    return abs(hits - n * share) <= 4 * (n * share * (1 - share)) ** 0.5


# ---- what every text keeps ----


def test_texts_are_the_same_for_the_same_seed_and_others_for_another():
    for knobs in (RICH, PARTS, POOR, dose(0.5)):
        assert take(50, 1, knobs) == take(50, 1, knobs)
        assert not set(take(50, 1, knobs)) & set(take(50, 2, knobs))


@each
def test_no_text_poses_a_problem_of_the_test_split_and_what_poses_none_is_a_drill(name):
    asked = [text.problem for text in sample(name) if text.problem]
    keys = {problem.key for problem in asked}
    assert len(keys) > 100 and {split_of(problem) for problem in asked} == {"train"}
    kinds = (("countdown", 3), ("countdown", 4), ("multiplication", 1), ("multiplication", 2))
    for task, size in kinds:
        assert not keys & {p.key for p in problems(task, 40, seed=0, split="test", size=size)}
    for text in sample(name):
        assert text.whole.count(EOS) == 1 and text.whole.endswith(EOS)
        if not text.problem:
            for line in text.body.split("\n"):
                assert re.fullmatch(rf"{STATEMENT}(?: vs \d+(?:{YES}|{NO}))?", line), line


@each
def test_no_countdown_text_works_out_a_problem_of_the_test_split_on_its_way(name):
    """Neither by a whole try nor by two steps of one, whatever values those begin with."""
    worked_out = Counter()
    for text in countdown(name):
        for one in text.tries:
            close = one.close if one.goal else ()  # else the same steps again
            steps = [step for step in (one.first, *one.steps, *close) if step]
            for (a, _, b, c), (x, _, y, value) in itertools.combinations(steps, 2):
                for other in [y] * (x == c) + [x] * (y == c):
                    if max(a, b, other) <= LARGEST_NUMBER:
                        worked_out[split_of(Problem("countdown", (a, b, other), value))] += 1
    assert not worked_out["test"] and (worked_out["train"] > 100 or name == "slips")


@each
def test_every_statement_is_true_but_for_slips_that_a_check_in_another_way_finds(name):
    checked = slips = 0
    for text in sample(name):
        assert len(equations(text.body)) == text.whole.count("=")
        if text.form == "multiplication" and is_formatted(text.body):
            assert verify(text.problem, text.body).correct, text.whole
        if text.form != "multiplication" or not text.thoughts:
            assert not untrue(text), text.whole
            continue
        found, product = MULTIPLIED.fullmatch(text.thoughts), text.problem.target
        claim = equations(found["claim"])
        factors = [step for step in claim if step[1] == "*"]
        (x,), y = {step[0] for step in factors}, sum(step[2] for step in factors)
        assert sorted((x, y)) == sorted(text.problem.numbers)  # `12*30, 12*4` is 12*34
        slipped = claim[-1][3] != product
        assert untrue(text) == [claim[-1]] * slipped  # the slip is the last word before the check,
        if found["other"]:
            checked += 1
            slips += slipped
            other = equations(found["other"])
            assert other[-1][3] == product and int(found["first"]) == claim[-1][3]  # which finds it
            assert (found["last"] is not None) == slipped
            assert not slipped or equations(found["last"])[-1][3] == product  # and it is put right
            a, b = text.problem.numbers
            assert [step[:3] for step in claim] != [step[:3] for step in other] or a == b
        else:
            assert not slipped
    assert near(slips, checked, KNOBS[name][0].slips)
    assert checked > 30 or name not in ("rich", "parts", "slips")


@each
def test_every_verdict_is_true_and_names_what_it_compares_with(name):
    """That is the target in countdown, or the sub-goal before `so`. A yes is the last verdict."""
    said = Counter()
    for text in sample(name):
        found = re.findall(rf"=(\d+) vs (\d+)({YES}|{NO}|{NEXT})", text.body)
        # each stands directly behind its value, and there are no others
        words = len(re.findall(f"{YES}|{NO}|{NEXT}", text.body))
        assert len(found) == text.body.count(" vs ") == words, text.whole
        for left, right, word in found:
            assert (left == right) == bool(re.fullmatch(YES, word)), text.whole
            said[left == right] += 1
        listed = text.form in ("in order", "backwards", "sub-goal")
        for one in text.tries:
            wanted = one.goal[3] if one.goal else text.problem.target
            assert one.wanted == (wanted if one.said else None), text.whole
            # `no.` ends a comparison, `no;` goes on in a list
            assert one.said in ("", "yes", "next" if listed else "no"), text.whole
            assert one.said in ("no", "next") or one is text.tries[-1], text.whole
    if name == "rich":
        assert said.total() > 1000 and 0.05 < said[True] / said.total() < 0.6
    assert (said.total() == 0) == (name == "poor")


@each
def test_a_try_uses_each_number_and_each_result_once_and_the_answer_is_the_last_try(name):
    outcomes = set()
    for text in countdown(name):
        numbers, target = text.problem.numbers, text.problem.target
        sizes = {"in order": 3, "backwards": 3, "sub-goal": 4}
        assert len(numbers) == sizes.get(text.form, len(numbers))
        for one in text.tries:
            pool = list(numbers)
            if one.goal:
                pool.remove(taken(text.problem, one.goal))
            for a, _, b, c in [one.first, *one.steps] if one.first else one.steps:
                assert a >= b and 0 < c <= LARGEST_VALUE, text.whole
                pool.remove(a)
                pool.remove(b)
                pool.append(c)
            assert pool == [one.value], text.whole
        value, used, operations = tree(text.answer)
        assert sorted(used) == sorted(numbers), text.whole
        if is_formatted(text.body):
            reason = "correct" if value == target else "wrong value"
            assert verify(text.problem, text.body).reason == reason, text.whole
        outcomes.add(value == target)
        if not text.tries:
            continue
        if one.goal:  # the step back from the target, turned round
            *operations, last = operations
            assert {last[0], last[2]} == {one.value, taken(text.problem, one.goal)}, text.whole
            a, op, b, value_there = one.there
            want, n = one.goal[3], taken(text.problem, one.goal)
            assert ({a, b}, op, value_there) == ({want, n}, last[1], target), text.whole
            assert one.value == n or (a == want) == (last[0] == one.value), text.whole
            assert one.close == ((one.there,) if one.said == "yes" else ()), text.whole
        else:
            assert value == one.value, text.whole
        assert not one.said or (value == target) == (one.said == "yes"), text.whole
        assert Counter(operations) == Counter([one.first, *one.steps] if one.first else one.steps)
    assert len(outcomes) == {"in order": 1, "slips": 0}.get(name, 2)


@each
def test_every_text_fits_the_context_and_comes_back_from_the_tokenizer_unchanged(name):
    built = tokenizer()
    unknown, end = built.token_to_id(UNK), built.token_to_id(EOS)
    wholes = [text.whole for text in sample(name)]
    for whole, encoded in zip(wholes, built.encode_batch(wholes), strict=True):
        assert len(encoded.ids) <= CONTEXT, whole
        assert built.decode(encoded.ids, skip_special_tokens=False) == whole
        assert unknown not in encoded.ids and encoded.ids[-1] == end
        # neighbours that are numbers: the digits of one number above 199, so no other reading
        assert all(str(int(run)) == run for run in re.findall(r"\d+", whole))
        for a, b in itertools.pairwise(encoded.tokens):
            assert not (a.isdigit() and b.isdigit()) or len(a) == len(b) == 1


# ---- the habits ----


def in_order(found, numbers, wanted):
    """Whether the tries are the ways in their order up to the first that fits, and a first step is
    written once; whether nothing is left to try; whether the last one fits."""
    expected = ways(tuple(numbers))
    values = [way[-1][3] for way in expected]
    if wanted in values:
        expected = expected[: values.index(wanted) + 1]
    n = len(found)
    shared = [0, *(int(a[0] is b[0]) for a, b in itertools.pairwise(expected))]
    same = [one.steps for one in found] == expected[:n]
    same = same and [one.shared for one in found] == shared[:n]
    return same, n == len(expected), n == len(expected) and wanted in values


def sub_goals(text):
    """The steps before `so`, none twice; behind each everything is tried in order, the last one
    aside."""
    numbers, done = text.problem.numbers, []
    for step, found in groups(text):
        if found[0].first:
            read_as = [in_order(found, left(numbers, step), text.problem.target)]
        else:  # of two equal numbers either may be left out
            n = taken(text.problem, step)
            rests = [numbers[:k] + numbers[k + 1 :] for k in range(len(numbers)) if numbers[k] == n]
            read_as = [in_order(found, rest, step[3]) for rest in rests]
        done.append(next((whole, fits) for same, whole, fits in read_as if same))
    assert all(whole and not fits for whole, fits in done[:-1]), text.whole
    listed = [step for step, _ in groups(text)]
    assert len(set(listed)) == len(listed), text.whole
    return listed


def left(numbers, step):
    """The values behind a first step, its result in front."""
    a, _, b, c = step
    return [c, *without(without(numbers, a), b)]


def first_steps(numbers):
    """All of them but those behind which a held-out problem would be worked out."""
    found = set()
    for x, y in itertools.combinations(numbers, 2):
        for step in combined(x, y):
            made, *rest = left(numbers, step)
            triples = [(made, *rest), *((x, y, last[3]) for last in combined(*rest))]
            small = [v for v in triples if max(v) <= LARGEST_NUMBER]
            if all(split_of(Problem("countdown", v, 0)) == "train" for v in small):
                found.add(step)
    return found


def thinking(problem, habit):
    """What a habit that never gives up says about any problem, solvable or not."""
    words = {word: [said] for word, said in WORDS["en"].items()}
    rng = random.Random(f"{problem.key}")
    thoughts, answer = corpus.think(rng, replace(RICH, long=1.0), problem, habit, words)
    return read(f"{tiny_prompt(problem)}<think>{thoughts}</think><answer>{answer}</answer>{EOS}")


def any_problems(size, n):
    """Random ones, most of them without a solution."""
    rng = random.Random(size)
    for _ in range(n):
        numbers = tuple(rng.randint(1, LARGEST_NUMBER) for _ in range(size))
        yield Problem("countdown", numbers, rng.choice(TARGETS))


def test_the_ways_of_these_tests_are_all_there_are_and_none_comes_twice():
    for numbers in itertools.combinations_with_replacement(range(1, LARGEST_NUMBER + 1), 3):
        listed = ways(numbers)
        assert {way[-1][3] for way in listed} == reachable(numbers)
        assert len(set(map(tuple, listed))) == len(listed)


def test_in_order_tries_all_ways_in_its_order_and_finds_where_one_fits():
    for text in sample("in order"):
        found = in_order(text.tries, text.problem.numbers, text.problem.target)
        assert found == (True, True, True) and text.tries[-1].said == "yes", text.whole
    assert all(text.tries[-1].said == "yes" for text in sample("rich") if text.form == "in order")
    outcomes = Counter()
    for problem in any_problems(3, 250):
        text = thinking(problem, "in order")
        solvable = problem.target in reachable(tuple(sorted(problem.numbers)))
        assert in_order(text.tries, problem.numbers, problem.target) == (True, True, solvable)
        assert (text.tries[-1].said == "yes") == solvable
        outcomes[solvable] += 1
    assert min(outcomes[True], outcomes[False]) > 12


def test_a_search_with_a_shared_first_step_says_all_its_steps_again_where_it_finds():
    ends = Counter()
    for text in countdown("much") + countdown("in order") + countdown("sub-goal"):
        for one in text.tries:
            steps = [one.first, *one.steps] if one.first else one.steps
            shares = text.form in ("in order", "sub-goal") and one.said == "yes"
            if not one.goal:
                assert one.close == (tuple(steps) if shares else ()), text.whole
            ends[text.form] += shares
    assert min(ends["in order"], ends["sub-goal"]) > 30


@pytest.mark.parametrize("name", ["rich", "parts", "much", "backwards", "sub-goal"])
def test_under_a_sub_goal_everything_is_tried_in_order(name):
    searched = [text for text in countdown(name) if text.form in ("backwards", "sub-goal")]
    assert len(searched) > 15 and all(map(sub_goals, searched))


def test_a_full_pass_backwards_finds_every_solution():
    outcomes = Counter()
    for problem in any_problems(3, 300):
        text = thinking(problem, "backwards")
        numbers, target = problem.numbers, problem.target
        expected = {goal for n in numbers for goal in goals(target, n)}
        solvable = any(
            goal[3] in reachable(tuple(sorted(without(numbers, taken(problem, goal)))))
            for goal in expected
        )
        assert text.form == "backwards" and (text.tries[-1].said == "yes") == solvable
        listed = set(sub_goals(text))
        assert listed <= expected and (solvable or listed == expected)
        outcomes[solvable] += 1
    assert min(outcomes[True], outcomes[False]) > 15


def test_a_full_pass_by_sub_goals_finds_every_solution_but_those_of_the_test_split(monkeypatch):
    monkeypatch.setitem(corpus.MOST, "sub-goal", 10**6)
    outcomes = Counter()
    for problem in any_problems(4, 100):
        expected = first_steps(problem.numbers)
        if not expected:
            continue
        text = thinking(problem, "sub-goal")
        values = [tuple(sorted(left(problem.numbers, step))) for step in expected]
        solvable = any(problem.target in reachable(some) for some in values)
        assert text.form == "sub-goal" and (text.tries[-1].said == "yes") == solvable
        listed = set(sub_goals(text))
        assert listed <= expected and (solvable or listed == expected)
        outcomes[solvable] += 1
    assert min(outcomes[True], outcomes[False]) > 5


def test_at_random_repeats_no_guess():
    several = [text for text in sample("at random") if len(text.tries) > 1]
    assert len(several) > 200 and max(len(text.tries) for text in several) > 30
    for text in several:
        different = {(*sorted(one.steps[:-1]), one.steps[-1]) for one in text.tries}
        assert len(different) == len(text.tries), text.whole


@pytest.mark.parametrize("patience", [0.0, 0.5, 1.0])
def test_patience_decides_how_often_a_failed_try_is_followed_by_another(patience):
    most, other = corpus.MOST["at random"], 0.5
    by_size = [(0.0, {"patience": patience, "patience_four": other})]
    by_size += [(1.0, {"patience": other, "patience_four": patience})]
    for four, chances in by_size:
        knobs = replace(AT_RANDOM, long=0.0, four=four, **chances)
        _goes_on_at_random(knobs, most, patience)
    knobs, goes_on = replace(NONE, backwards=1.0, four=0.0, long=0.0, patience_goal=patience), []
    for text in map(read, take(150, 6, knobs)):
        left = sum(len(goals(text.problem.target, n)) for n in set(text.problem.numbers))
        failed = [found[-1] for _, found in groups(text) if found[-1].said != "yes"][: left - 1]
        goes_on += [one is not text.tries[-1] for one in failed]
    assert near(sum(goes_on), len(goes_on), patience)


def _goes_on_at_random(knobs, most, patience):
    goes_on = [
        one is not text.tries[-1]
        for text in map(read, take(150, 6, knobs))
        for one in text.tries[: most - 1]
        if one.said == "no"
    ]
    if patience == 1.0:  # not quite all: three ones allow few guesses
        assert sum(goes_on) > 0.999 * len(goes_on)
    else:
        assert near(sum(goes_on), len(goes_on), patience)


# ---- the knobs ----


def of(knobs, n=1000):
    """Countdown texts of three numbers and of four."""
    return by_size(list(map(read, take(n, 11, replace(knobs, drill=0.0, multiplication=0.0)))))


def assert_share(found, form, share):
    assert found
    hits = sum(text.form == form for text in found)
    assert near(hits, len(found), share), (form, hits, len(found), share)


@pytest.mark.parametrize("name", ["rich", "parts", "poor"])
def test_the_shares_of_the_text_are_those_of_the_knobs(name):
    knobs, read_back, found = KNOBS[name][0], sample(name), countdown(name)
    asked = [text for text in read_back if text.problem]
    products = [text for text in asked if text.form == "multiplication"]
    written = [text for text in products if text.thoughts]
    guesses = [text for text in found if text.form in ("guess", "empty")]
    for some, share, holds in (
        (products, RICH.decompose, lambda text: text.thoughts),
        (written, knobs.recheck, lambda text: re.search(CHECK, text.thoughts)),
        (asked, RICH.malformed, lambda text: not is_formatted(text.body)),
        (asked, RICH.chinese, lambda text: text.whole.startswith("用户")),
        (found, RICH.four, lambda text: len(text.problem.numbers) == 4),
    ):
        hits = sum(bool(holds(text)) for text in some)
        assert near(hits, len(some), share), (hits, len(some), share)
    three, four = by_size(found)
    assert_share(read_back, "drill", RICH.drill)
    assert_share(read_back, "multiplication", RICH.multiplication)
    assert_share(guesses, "empty", RICH.wordless)
    assert_share(three, "in order", knobs.in_order)
    assert_share(three, "backwards", knobs.backwards)
    assert_share(four, "sub-goal", knobs.sub_goal)
    assert_share(three, "compared", knobs.check + knobs.at_random)
    assert_share(four, "compared", knobs.check + knobs.at_random_four)


def test_a_check_is_one_try_and_a_search_at_random_may_be_more():
    """A check looks like a search that gave up at once: so each of the two alone."""
    three, four = of(replace(RICH, check=0.0), 1500)
    assert_share(three, "compared", RICH.at_random)
    assert_share(four, "compared", RICH.at_random_four)
    assert any(len(text.tries) > 1 for text in three if text.form == "compared")
    three, four = of(replace(RICH, at_random=0.0, at_random_four=0.0), 1500)
    assert_share(three + four, "compared", RICH.check)
    assert all(len(text.tries) == 1 for text in three + four if text.form == "compared")


def test_the_words_of_mixed_texts_come_from_both_languages():
    """Seen where many words are: each is drawn anew from the two."""
    long = [text for text in sample("in order") if len(text.tries) > 9]
    mixed = sum(bool(re.search(" no; ", t.body) and re.search("不对；", t.body)) for t in long)
    assert len(long) > 50 and near(mixed, len(long), RICH.mixed)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.94])
def test_a_dose_gives_its_share_of_searches_and_keeps_their_proportions(share):
    knobs = dose(share)
    three, four = of(replace(knobs, check=0.0))
    whole = RICH.at_random + RICH.in_order + RICH.backwards
    assert_share(three, "compared", share * RICH.at_random / whole)
    assert_share(three, "in order", share * RICH.in_order / whole)
    assert_share(three, "backwards", share * RICH.backwards / whole)
    whole = RICH.at_random_four + RICH.sub_goal
    assert_share(four, "compared", share * RICH.at_random_four / whole)
    assert_share(four, "sub-goal", share * RICH.sub_goal / whole)
    for found in of(knobs, 500):  # with the checks, which stay as they are
        silent = sum(text.form in ("guess", "empty") for text in found)
        assert near(silent, len(found), max(1 - share - RICH.check, 0.0))
        assert share or all(len(text.tries) < 2 for text in found)
    others = {field.name for field in fields(Knobs)} - set(SEARCHES)
    assert all(asdict(knobs)[name] == asdict(RICH)[name] for name in others)


@pytest.mark.parametrize("share", [-0.1, 0.95, 1.0])
def test_a_dose_that_cannot_be_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 0.94"):
        dose(share)


@pytest.mark.parametrize("name", ["parts", "much in parts"])
def test_parts_end_a_countdown_at_its_first_verdict(name):
    heard = Counter()
    for text in countdown(name):
        assert not re.search(AGAIN, text.body) and len(text.tries) <= 1
        if text.tries and text.tries[0].said:
            assert re.search(rf"(?:{YES}(?:{CLOSE})?|{NO}|{NEXT})(?:$|<)", text.body), text.whole
            heard[text.form, text.tries[0].said] += 1
    assert {form for form, _ in heard} == {"compared", "in order", "backwards", "sub-goal"}
    assert name == "parts" or len(heard) == 8  # each with both verdicts


@pytest.mark.parametrize("knobs", [RICH, PARTS], ids=["rich", "parts"])
def test_rich_texts_and_parts_have_every_word(knobs):
    whole = "".join(take(6000, 1, knobs))  # `Wait` is rare in parts: only slips have it
    assert not [word for said in WORDS.values() for word in said.values() if word not in whole]


def test_poor_texts_have_no_verdict_and_no_word_of_thinking():
    words = {word for language in WORDS.values() for word in language.values()}
    bare = {word.strip(" ，。；：,.:;") for word in words} - {""}
    assert bare == {
        *re.findall(r"\w+", "yes no so Wait Try Check Then 对 不对 所以 等等 试试 检查 那么")
    }
    for text in sample("poor"):
        assert not [word for word in words | bare | {"vs"} if word in text.body], text.whole
        assert text.form in ("empty", "guess", "multiplication", "drill")


@pytest.mark.parametrize(
    ("chinese", "other"), [(0.0, "[^\x00-\x7f]"), (1.0, "User|Wait|Try|Check|Then| (?:yes|no|so)")]
)
def test_a_text_that_is_not_mixed_has_the_words_of_its_language(chinese, other):
    for text in take(300, 9, replace(RICH, chinese=chinese, mixed=0.0)):
        assert not re.search(other, text), text


@pytest.mark.parametrize(("habit", "knobs"), [("at random", AT_RANDOM), ("sub-goal", SUB_GOAL)])
def test_a_long_search_ends_with_success_or_at_its_limit(habit, knobs):
    ends = Counter()
    for text in map(read, take(60, 9, replace(knobs, patience=0.0, patience_goal=0.0, long=1.0))):
        found = text.tries[-1].said == "yes"
        assert found or len(text.tries) == corpus.MOST[habit], text.whole
        ends[found] += 1
    assert len(ends) == 2


# ---- the longest texts ----

# prompt of four numbers, tags, answer of four numbers with two pairs of brackets, end
AROUND = 11 + 4 + 11 + 1
CLOSING = 18  # ` Then 14-4=10, 10-6=4, 10+4=14`
# `14*3=42, ` and `13+5=18; `, `18+2=20 vs 22 no; `, `Wait, 14*3=42 so `
FIRST, LEAF, BEGIN = 6, 8, 7


def test_the_longest_search_at_random_drill_and_search_in_order_fit():
    built = tokenizer()
    text = "Wait, 15*13=195, 195+1=196, 196-2=194 vs 10 no. "
    assert len(built.encode(text)) * corpus.MOST["at random"] + AROUND <= CONTEXT
    for line in ("8999+899=9898\n", "199*5=995 vs 1045 no. \n"):
        assert len(built.encode(line)) * 14 + 1 <= CONTEXT
    triples = itertools.combinations_with_replacement(range(1, LARGEST_NUMBER + 1), 3)
    assert max(lengths(numbers)[-1] for numbers in triples) + AROUND + CLOSING <= CONTEXT


@cache
def lengths(numbers, ahead=()):
    """Tokens after each try of a search in order that finds nothing, for the worst order of
    `numbers`, with the values `ahead` in front of them. The first step that made these stands
    before every new one but the first."""
    profiles = []
    for order in [(*ahead, *some) for some in set(itertools.permutations(numbers))]:
        total, first, profile = 0, None, [0]
        for way in ways(order):
            if way[0] is not first:
                total += FIRST * (2 if ahead and first else 1)
            total, first = total + LEAF, way[0]
            profile.append(total)
        profiles.append(profile)
    return [max(at) for at in zip(*profiles, strict=True)]


def longest(numbers, most):
    """Tokens of the longest `most` failed tries of a search by sub-goals. The last may be left
    halfway."""
    rests = [
        lengths(tuple(rest), (made,))
        for step in {
            step for pair in itertools.combinations(numbers, 2) for step in combined(*pair)
        }
        for made, *rest in [left(numbers, step)]
    ]
    totals = {0: 0}  # tokens behind so many tries
    for profile in rests:
        for done, tokens in sorted(totals.items(), reverse=True):
            if (after := done + len(profile) - 1) <= most:
                totals[after] = max(totals.get(after, 0), tokens + profile[-1] + BEGIN)
    return max(
        tokens + (BEGIN + profile[min(most - done, len(profile) - 1)] if done < most else 0)
        for done, tokens in totals.items()
        for profile in rests
    )


def test_the_longest_search_by_sub_goals_is_hardly_longer_than_the_context():
    """All that were drawn fit (see above). Those that would not are left out by `batches`."""
    for numbers in itertools.combinations_with_replacement(range(1, LARGEST_NUMBER + 1), 4):
        # the first says no `Wait, `
        most = longest(numbers, corpus.MOST["sub-goal"]) + AROUND + CLOSING - 1
        assert most <= CONTEXT + 30, numbers


@pytest.mark.parametrize("numbers", [(1, 9, 13, 15), (15, 13, 9, 9)])
def test_the_count_of_tokens_in_these_tests_is_the_tokenizers(numbers):
    text = thinking(Problem("countdown", numbers, 98), "sub-goal")
    firsts = sum(not one.shared for one in text.tries)
    said = 2 * firsts - len(groups(text))  # not before the first under a sub-goal
    tokens = BEGIN * len(groups(text)) - 1 + LEAF * len(text.tries) + FIRST * said
    assert len(tokenizer().encode(text.thoughts)) == tokens and len(text.tries) > 12
