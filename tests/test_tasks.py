"""The problems and the world's text: nothing of the test split leaks into a prompt, problems
can be solved, and what the text says is true. Texts are read back with regular expressions,
so that none of the functions that wrote them is asked whether they are right."""

import itertools
import operator
import random
import re
from fractions import Fraction

import pytest

from r1lab.tasks import Problem, problems, prompt, split_of, tiny_prompt
from r1lab.tasks.arithmetic import draw_multiplication
from r1lab.tasks.countdown import (
    LARGEST_NUMBER,
    LARGEST_VALUE,
    TARGETS,
    draw_with_solution,
    random_steps,
)
from r1lab.tiny_world.corpus import (
    EOS,
    PAD,
    POOR,
    RICH,
    UNK,
    VOCABULARY,
    WORDS,
    Knobs,
    texts,
    tokenizer,
)
from r1lab.verify import is_formatted, verify

N = 4000  # texts read by each test
KINDS = [("countdown", 3), ("countdown", 4), ("multiplication", 1), ("multiplication", 2)]
OPERATE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
PROMPT = re.compile(
    r"(?:User: reach (?P<target>\d+) from (?P<numbers>\d+(?:, \d+)*)\.\nAssistant: "
    r"|用户：得到 (?P<target_zh>\d+) 用 (?P<numbers_zh>\d+(?:, \d+)*)。\n助手："
    r"|User: compute (?P<factors>\d+\*\d+)\.\nAssistant: "
    r"|用户：计算 (?P<factors_zh>\d+\*\d+)。\n助手：)"
)
STATEMENT = re.compile(r"(\d+)([-+*/])(\d+)=(\d+)")
VERDICT = r" vs (\d+)( yes\.| no\.| 对。| 不对。)"
COMPARISON = re.compile(r"=(\d+)" + VERDICT)
AGAIN = re.compile(" Wait, | Try |等等，|试试 ")
CHECK = re.compile(" Check: |检查：")
SLIPS = Knobs(drill=0.0, multiplication=1.0, decompose=1.0, recheck=1.0, slips=1.0)
SEARCHES = Knobs(drill=0.0, multiplication=0.0, backtrack=1.0, verify=0.0, malformed=0.0)


def take(n, seed, knobs=RICH):
    return list(itertools.islice(texts(seed, knobs), n))


@pytest.fixture(scope="module")
def rich():
    return take(N, seed=1)


@pytest.fixture(scope="module")
def poor():
    return take(N, seed=1, knobs=POOR)


def read(text):
    """The problem a text is about (None: a drill) and what is written below the prompt."""
    found = PROMPT.match(text)
    if not found:
        return None, text.removesuffix(EOS)
    factors = found["factors"] or found["factors_zh"]
    if factors:
        a, b = map(int, factors.split("*"))
        problem = Problem("multiplication", (a, b), a * b)
    else:
        numbers = (found["numbers"] or found["numbers_zh"]).split(", ")
        problem = Problem(
            "countdown", tuple(map(int, numbers)), int(found["target"] or found["target_zh"])
        )
    return problem, text[found.end() :].removesuffix(EOS)


def solvable(numbers, target):
    """Whether any order of operations on exact fractions reaches `target`."""
    if len(numbers) == 1:
        return numbers[0] == target
    for i, j in itertools.permutations(range(len(numbers)), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        a, b = numbers[i], numbers[j]
        results = [a + b, a - b, a * b] + ([a / b] if b else [])
        if any(solvable([*rest, result], target) for result in results):
            return True
    return False


# ---- problems ----


@pytest.mark.parametrize(("task", "size"), KINDS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_problems_are_the_same_for_the_same_arguments_and_distinct(task, size, split):
    drawn = problems(task, 40, seed=3, split=split, size=size)
    random.seed(5)
    assert problems(task, 40, seed=3, split=split, size=size) == drawn
    assert problems(task, 20, seed=3, split=split, size=size) == drawn[:20]
    assert problems(task, 40, seed=4, split=split, size=size) != drawn
    assert len({(tuple(sorted(p.numbers)), p.target) for p in drawn}) == 40
    assert {split_of(p) for p in drawn} == {split}


@pytest.mark.parametrize(("task", "size"), KINDS)
def test_no_two_seeds_mix_the_splits(task, size):
    train = {p.key for seed in range(20) for p in problems(task, 40, seed, "train", size)}
    test = {p.key for seed in range(20) for p in problems(task, 40, seed, "test", size)}
    assert train and test and not train & test


def test_the_order_of_the_numbers_does_not_change_the_split():
    for problem in problems("countdown", 200, seed=0, size=4) + problems(
        "multiplication", 200, seed=0, size=1
    ):
        for order in itertools.permutations(problem.numbers):
            assert split_of(Problem(problem.task, order, problem.target)) == "train"


def test_about_a_tenth_of_all_problems_are_kept_for_the_test():
    rng = random.Random(0)
    keys = {p.key: split_of(p) for p in (draw_with_solution(rng)[0] for _ in range(5000))}
    share = sum(split == "test" for split in keys.values()) / len(keys)
    assert len(keys) > 3000 and 0.07 < share < 0.13


def test_the_split_is_fixed_for_good():
    # written down here: a changed hash or key would move test problems into the training
    numbers = [split_of(Problem("countdown", (1, 2, n), 10 + n)) for n in range(1, 16)]
    assert [n for n, split in enumerate(numbers, 1) if split == "test"] == [7, 12]


@pytest.mark.parametrize("size", [3, 4])
def test_the_drawn_solution_is_a_solution(size):
    rng = random.Random(0)
    for _ in range(1000):
        problem, steps, expression = draw_with_solution(rng, size)
        assert len(problem.numbers) == size and len(steps) == size - 1
        assert all(1 <= n <= LARGEST_NUMBER for n in problem.numbers) and problem.target in TARGETS
        verdict = verify(problem, f"<answer>{expression}</answer>")
        assert verdict.reason == "correct", (problem, expression)


@pytest.mark.parametrize(("size", "n"), [(3, 60), (4, 12)])
@pytest.mark.parametrize("split", ["train", "test"])
def test_countdown_problems_can_be_solved_by_trying_everything(size, n, split):
    for problem in problems("countdown", n, seed=1, split=split, size=size):
        assert solvable([Fraction(x) for x in problem.numbers], problem.target), problem


def test_random_steps_use_each_number_and_each_result_once_and_add_up():
    rng, led_nowhere = random.Random(0), 0
    for _ in range(2000):
        numbers = [rng.randint(1, 15) for _ in range(rng.choice([3, 4]))]
        found = random_steps(rng, numbers)
        if found is None:
            led_nowhere += 1
            continue
        steps, expression = found
        pool = sorted(numbers)
        for step in steps:
            assert (
                OPERATE[step.op](step.a, step.b) == step.result and 0 < step.result <= LARGEST_VALUE
            )
            assert str(step) == f"{step.a}{step.op}{step.b}={step.result}" and step.a >= step.b
            pool.remove(step.a)
            pool.remove(step.b)
            pool.append(step.result)
        assert pool == [steps[-1].result]
        problem = Problem("countdown", tuple(numbers), pool[0])
        verdict = verify(problem, f"<answer>{expression}</answer>")
        assert verdict.reason == "correct", (numbers, expression)
    assert 0 < led_nowhere < 1900


@pytest.mark.parametrize(("digits", "second"), [(1, range(3, 10)), (2, range(11, 100))])
def test_multiplications_have_factors_of_the_promised_size(digits, second):
    rng = random.Random(0)
    for _ in range(500):
        problem = draw_multiplication(rng, digits)
        a, b = problem.numbers
        assert a in range(11, 100) and b in second and problem.target == sum(a for _ in range(b))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"task": "sudoku"}, "unknown task 'sudoku'", id="task"),
        pytest.param({"size": 5}, r"sizes \(3, 4\), not 5", id="size of countdown"),
        pytest.param(
            {"task": "multiplication", "size": 3},
            r"sizes \(2, 1\), not 3",
            id="size of multiplication",
        ),
        pytest.param({"split": "all"}, "unknown split 'all'", id="split"),
        pytest.param(
            {"task": "multiplication", "size": 1, "split": "test", "n": 600},
            "fewer than 600",
            id="more than there are",
        ),
    ],
)
def test_problems_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        problems(**{"task": "countdown", "n": 1, "seed": 0, **arguments})


# ---- prompts ----


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("task", "size"), KINDS)
def test_a_tiny_prompt_says_the_whole_problem_and_nothing_else(task, size, language):
    for problem in problems(task, 30, seed=0, size=size):
        assert read(tiny_prompt(problem, language)) == (problem, "")


def test_r1_prompts_have_the_template_and_the_question():
    countdown = prompt(Problem("countdown", (3, 4, 5), 17), "r1")
    assert countdown.startswith("A conversation between User and Assistant.")
    assert "<think> reasoning process here </think> <answer> answer here </answer>" in countdown
    assert "numbers 3, 4, 5, write an expression that equals 17." in countdown
    product = prompt(Problem("multiplication", (12, 34), 408), "r1")
    assert "What is 12 * 34?" in product and "408" not in product
    assert all(p.endswith(" Assistant:") and "{" not in p for p in (countdown, product))


# ---- the world's text ----


def test_texts_are_the_same_for_the_same_seed_and_others_for_another():
    assert take(50, seed=1) == take(50, seed=1)
    assert not set(take(50, seed=1)) & set(take(50, seed=2))


@pytest.mark.parametrize("knobs", [RICH, POOR], ids=["rich", "poor"])
def test_no_text_poses_a_problem_of_the_test_split(knobs):
    posed = [read(text)[0] for text in take(N, seed=2, knobs=knobs)]
    assert sum(p is not None for p in posed) > N / 2
    assert {split_of(p) for p in posed if p} == {"train"}
    for task, size in KINDS:
        hidden = {p.key for p in problems(task, 40, seed=0, split="test", size=size)}
        assert not hidden & {p.key for p in posed if p}


def test_what_has_no_prompt_is_a_drill_of_one_statement_a_line(rich, poor):
    for text in rich + poor:
        problem, body = read(text)
        assert text.count(EOS) == 1 and text.endswith(EOS)
        if problem is None:
            for line in body.split("\n"):
                assert re.fullmatch(STATEMENT.pattern + f"(?:{VERDICT})?", line), line


def untrue(body):
    """Places and statements of `body` whose arithmetic is wrong."""
    return [m for m in STATEMENT.finditer(body) if OPERATE[m[2]](int(m[1]), int(m[3])) != int(m[4])]


def test_every_equals_sign_belongs_to_a_statement(rich, poor):
    for text in rich + poor:
        assert len(STATEMENT.findall(text)) == text.count("="), text


def test_every_statement_is_true_but_for_slips_that_a_check_finds(rich):
    slips = 0
    for text in rich + take(1000, seed=3, knobs=SLIPS):
        problem, body = read(text)
        for wrong in untrue(body):
            slips += 1
            assert problem.task == "multiplication"
            check = CHECK.search(body)
            assert wrong.end() == check.start(), text  # the slip is the last word before the check
            found = re.search(
                f"={problem.target} vs {wrong[4]}( no\\.| 不对。)", body[check.end() :]
            )
            assert found, text
            assert STATEMENT.findall(body)[-1][3] == str(problem.target)  # and it is put right
        assert len(untrue(body)) <= 1
    assert slips > 500


def test_every_statement_of_the_poor_texts_is_true(poor):
    assert not [text for text in poor if untrue(text)]


def test_every_comparison_says_yes_where_the_sides_are_equal_and_no_elsewhere(rich):
    verdicts = []
    for text in rich:
        compared = COMPARISON.findall(text)
        assert len(compared) == text.count(" vs "), text  # each stands directly behind its value
        for left, right, word in compared:
            assert (left == right) == (word in (" yes.", " 对。")), text
            verdicts.append(left == right)
        problem, body = read(text)
        if problem and problem.task == "countdown":
            assert {right for _, right, _ in compared} <= {str(problem.target)}, text
    assert len(verdicts) > N / 4 and 0.05 < sum(verdicts) / len(verdicts) < 0.6


def test_a_check_compares_with_the_result_that_stands_before_it():
    for text in take(1000, seed=1, knobs=SLIPS):
        claimed, checked = CHECK.split(read(text)[1], maxsplit=1)
        assert f" vs {STATEMENT.findall(claimed)[-1][3]} " in checked, text


@pytest.mark.parametrize("knobs", [RICH, POOR], ids=["rich", "poor"])
def test_answers_use_the_numbers_and_products_are_right(knobs):
    reasons = set()
    for text in take(N, seed=4, knobs=knobs):
        problem, body = read(text)
        if problem and is_formatted(body):
            reason = verify(problem, body).reason
            reasons.add((problem.task, reason))
    assert reasons == {
        ("countdown", "correct"),
        ("countdown", "wrong value"),
        ("multiplication", "correct"),
    }


def tries(body):
    thoughts = body.removeprefix("<think>").split("</think>")[0]
    return AGAIN.split(thoughts)


def test_a_search_stops_at_its_first_success():
    for text in take(1000, seed=5, knobs=SEARCHES):
        words = [word in (" yes.", " 对。") for _, _, word in COMPARISON.findall(text)]
        assert words and not any(words[:-1]), text


def test_a_search_answers_with_its_last_try():
    for text in take(1000, seed=5, knobs=SEARCHES):
        problem, body = read(text)
        last = int(STATEMENT.findall(tries(body)[-1])[-1][3])
        reached = Problem("countdown", problem.numbers, last)
        assert verify(reached, body).reason == "correct", text


def test_the_poor_texts_have_no_word_of_reflection_and_no_comparison(poor):
    words = {word.strip(" ，。：,.:") for language in WORDS.values() for word in language.values()}
    assert len(words) == 10
    for text in poor:
        assert not [word for word in words | {" vs ", "Wait", "Check"} if word in text], text


def test_the_rich_texts_have_every_word(rich):
    joined = "".join(rich)
    assert all(word in joined for language in WORDS.values() for word in language.values())


def share(hits):
    hits = list(hits)
    return sum(hits) / len(hits)


def test_the_shares_of_the_text_are_those_of_the_knobs(rich):
    # n = 4000 texts, about 2700 of them countdown: three sd are below 0.03
    parsed = [read(text) for text in rich]
    assert abs(share(p is None for p, _ in parsed) - RICH.drill) < 0.03
    posed = [(p, body) for p, body in parsed if p]
    assert (
        abs(
            share(p is not None and p.task == "multiplication" for p, _ in parsed)
            - RICH.multiplication
        )
        < 0.03
    )
    assert abs(share(not is_formatted(body) for _, body in posed) - RICH.malformed) < 0.03
    assert (
        abs(share(text.startswith("用户") for text in rich if read(text)[0]) - RICH.chinese) < 0.03
    )
    countdown = [(p, body) for p, body in posed if p.task == "countdown"]
    assert abs(share(len(p.numbers) == 4 for p, _ in countdown) - RICH.four) < 0.04
    assert abs(share(" vs " in body for _, body in countdown) - RICH.backtrack - RICH.verify) < 0.03
    again = share(AGAIN.search(body) is not None for _, body in countdown)
    assert (
        0.5 * RICH.backtrack < again <= RICH.backtrack + 0.03
    )  # the rest succeeds or gives up at once


def test_poor_and_rich_pose_the_same_kinds_of_problems(rich, poor):
    for task in ("countdown", "multiplication"):
        shares = [
            share(p is not None and p.task == task for p, _ in map(read, ts)) for ts in (rich, poor)
        ]
        assert abs(shares[0] - shares[1]) < 0.04


# ---- the tokenizer ----


def test_every_text_comes_back_from_the_tokenizer_unchanged(rich, poor):
    built = tokenizer()
    unknown = built.token_to_id(UNK)
    for text in rich + poor:
        ids = built.encode(text).ids
        assert built.decode(ids, skip_special_tokens=False) == text
        assert unknown not in ids and ids[-1] == built.token_to_id(EOS)


def test_digits_words_and_tags_are_one_token_each():
    tokens = tokenizer().encode("6*20=120 vs 22 no. Wait, (<think>检查：</answer>" + EOS).tokens
    assert tokens == [
        *"6*20=120",
        " vs ",
        "2",
        "2",
        " no.",
        " Wait, ",
        "(",
        "<think>",
        "检查：",
        "</answer>",
        EOS,
    ]


def test_the_vocabulary_names_each_token_once_and_what_it_lacks_is_unknown():
    built = tokenizer()
    assert len(set(VOCABULARY)) == len(VOCABULARY) == built.get_vocab_size()
    assert [built.token_to_id(token) for token in (PAD, EOS, UNK)] == [0, 1, 2]
    assert built.encode("1é2").tokens == ["1", UNK, "2"]
