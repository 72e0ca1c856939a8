"""gsm8k: word problems as the data set gives them, answers as a language model writes them; no network."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from types import SimpleNamespace

import datasets
import pytest
import torch
from helpers import tiny_model

from r1lab import grpo, models, policy, records, reflection, rewards, tasks
from r1lab.tasks import Problem, gsm8k, problems, prompt
from r1lab.tasks.reading import Unreadable
from r1lab.tiny_world import pretrain
from r1lab.verify import verify

EIGHTEEN = Problem("gsm8k", (), 18)
QUESTION = "Ann has {2} boxes of 9 pens & sells <half> at $3, half at $1. How many dollars?"
WRITTEN = {  # the last line of a solution -> the answer
    "#### 18": 18,
    "#### 1,250": 1250,
    "#### 12,345,678": 12345678,
    "#### -4": -4,
    "#### 0": 0,
    "#### 72\n": 72,
}


def rows(split, n=200):
    """Rows as the data set has them; the two splits share answers, not questions."""
    return [
        {
            "question": f" {split}: what is {i} + 5?",
            "answer": f"{i}+5=<<{i}+5={i + 5}>>{i + 5}\n#### {i + 5}",
        }
        for i in range(n)
    ]


@pytest.fixture
def hub(monkeypatch):
    """The data set without the hub: `hub.rows` is what a split holds, `hub.asked` what was asked for."""
    there = SimpleNamespace(rows=rows, asked=[])

    def load_dataset(path, name, *, revision, split):
        there.asked.append((path, name, revision, split))
        return there.rows(split)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return there


# ---- the problems ----


def test_the_answer_is_the_integer_behind_the_four_signs(hub):
    hub.rows = lambda split: [
        {"question": f"{QUESTION}\n", "answer": f"First #3.\n8-4=4\n{a}"} for a in WRITTEN
    ]
    found = gsm8k.every("train")
    assert [p.target for p in found] == list(WRITTEN.values())
    assert {(p.task, p.numbers, p.question) for p in found} == {("gsm8k", (), QUESTION)}
    assert len({p.key for p in found}) == len(WRITTEN)


@pytest.mark.parametrize(
    "answer",
    [
        "", "18", "18\n####", "#### 18", "\n#### 18 dollars", "\n#### 1.5", "\n#### 1,25", "\n####18",
        "\n#### 18\n9",
    ],
)  # fmt: skip
def test_a_row_of_another_form_stops_the_run(hub, answer):
    hub.rows = lambda split: [*rows(split), {"question": "?", "answer": answer}]
    with pytest.raises(ValueError, match="no integer behind ####"):
        problems("gsm8k", 1, seed=0)


def test_the_data_set_is_pinned(hub):
    problems("gsm8k", 1, seed=0)
    problems("gsm8k", 1, seed=0, split="test")
    pinned = ("openai/gsm8k", "main", "e53f048856ff4f594e959d75785d2c2d37b678ee")
    assert hub.asked == [(*pinned, "train"), (*pinned, "test")]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_sample_has_no_repeats_and_depends_on_the_seed_alone(hub, split):
    drawn = problems("gsm8k", 150, seed=3, split=split)
    assert problems("gsm8k", 150, seed=3, split=split) == drawn
    assert problems("gsm8k", 20, seed=3, split=split) == drawn[:20]
    assert problems("gsm8k", 150, seed=4, split=split) != drawn
    assert len({p.key for p in drawn}) == 150
    everything = problems("gsm8k", 200, seed=5, split=split)
    assert {p.question for p in everything} == {row["question"].strip() for row in rows(split)}


def test_the_splits_are_those_of_the_data_set(hub):
    drawn = {split: [p for seed in range(5) for p in problems("gsm8k", 100, seed, split)]
             for split in ("train", "test")}  # fmt: skip
    assert all(p.question.startswith(split) for split in drawn for p in drawn[split])
    assert not {p.key for p in drawn["train"]} & {
        p.key for p in drawn["test"]
    }  # though answers are shared


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 201}, "train split of gsm8k holds fewer than 201"),
        ({"n": 201, "split": "test"}, "test split of gsm8k holds fewer than 201"),
        ({"n": 1, "size": 3}, "gsm8k has sizes"),
        ({"n": 1, "split": "all"}, "unknown split"),
    ],
)
def test_problems_that_do_not_exist_are_refused(hub, arguments, message):
    with pytest.raises(ValueError, match=message):
        problems("gsm8k", seed=0, **arguments)


def test_without_hub_and_cache_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(
        ValueError, match="gsm8k cannot be loaded .*connect once without HF_HUB_OFFLINE"
    ) as error:
        problems("gsm8k", 1, seed=0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("template", ["r1", "plain", "smollm2"])
def test_the_prompt_has_the_whole_question_and_asks_for_the_number(template):
    text = prompt(Problem("gsm8k", (), 271, QUESTION), template)
    assert f"{QUESTION} Give only the number as the answer." in text
    assert "271" not in text
    assert text.endswith(
        {"r1": " Assistant:", "plain": "answer.\n", "smollm2": "assistant\n"}[template]
    )


def test_the_tiny_world_has_no_word_problems():
    with pytest.raises(ValueError, match="the tiny world has no gsm8k"):
        prompt(Problem("gsm8k", (), 18, QUESTION), "tiny")


# ---- the judge ----


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18), (" 18\n", 18), ("$18", 18), ("$ 18", 18), (r"\$18", 18), ("$18$", 18),
        (r"\(18\)", 18), ("18.00", 18), ("18.", 18), ("1,024", 1024), ("$1,024.50", Fraction(2049, 2)),
        ("109,200,000", 109200000), ("-7", -7), ("18 dollars", 18), ("18 eggs per day.", 18),
        ("The answer is 18", 18), ("x = 18", 18), ("18kg", 18), ("25%", 25), (r"25\%", 25),
        ("25 percent", 25), (r"\boxed{18}", 18), (r"\boxed{1,024}", 1024), (r"\boxed{-7}", -7),
        (r"\boxed{\$18}", 18), (r"\boxed{25\%}", 25), (r"\boxed{18\text{ dollars}}", 18),
        (r"\frac{36}{2}", 18), (r"$\frac{36}{2}$", 18), (r"\boxed{\frac{36}{2}}", 18),
        (r"\frac{1}{4}", Fraction(1, 4)), ("0", 0), ("9" * 199, 10**199 - 1),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text, value):
    assert gsm8k.read_number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "$", "eighteen", "17 or 18", "17, 18", "17 18", "18 = 18", r"\boxed{9 9}",
        r"\boxed{17,18}", "3 1/2", r"3\frac{1}{2}", r"16\frac42", r"\frac 42", "9+9", "9*2", "36/2",
        "20-2", "- 18", "-$18", "18-", "2(9)", "18!", "18^1", "18²", "1e3", "0x12", "10:18", "1,02",
        "1,0240", "1.024,00", "18.0.0", "１８", "١٨", "€18", "∞", r"\infty", r"\frac{1}{0}", r"\sqrt{324}",
        "a18", "**18**", "1_8",
    ],
)  # fmt: skip
def test_what_is_not_just_one_number_is_unreadable(text):
    assert verify(EIGHTEEN, f"<answer>{text}</answer>").reason == "unreadable"


@pytest.mark.parametrize(
    "text",
    [
        "19", "180", "8", "-18", "18.5", "18.0000000000000001", "17.9999999999999999999", "$1,800",
        r"\frac{18}{2}",
    ],
)  # fmt: skip
def test_another_number_is_wrong_however_near(text):
    assert verify(EIGHTEEN, f"<answer>{text}</answer>").reason == "wrong value"


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("<think>9*2</think> <answer>$18</answer>", "correct"),
        (r"<answer>18</answer> so \boxed{19}", "correct"),
        ("<answer>18</answer><answer>18</answer>", "several answers"),
        ("It is 18. <answer>", "no answer"),
        (r"\boxed{18}</answer>", "no answer"),
        ("She makes 9 * 2 = $18.", "correct"),
        ("18 dollars in 7 days", "wrong value"),
        ("About 1,018 or 18.00", "correct"),
        (r"It is \boxed{18}, in 7 days.", "correct"),
        (r"\boxed{17} is wrong: \boxed{18}", "correct"),
        (r"\boxed{18} is wrong: \boxed{17}", "wrong value"),
        (r"\boxed{\frac{36}{2}}", "correct"),
        (r"\boxed{18 dollars} 7", "correct"),
        (r"\boxed{} 18", "unreadable"),
        (r"18 is \boxed{18", "no answer"),
        ("", "no answer"),
        ("eighteen", "no answer"),
    ],
)
def test_where_the_answer_stands(completion, reason):
    found = verify(EIGHTEEN, completion)
    assert (found.reason, found.correct) == (reason, reason == "correct")
    assert (found.answer is None) == (reason in ("no answer", "several answers"))


def test_a_box_is_read_to_its_own_brace():
    completion = r"\boxed{1} {\boxed{\frac{36}{2}} per} day"
    assert verify(EIGHTEEN, completion).answer == r"\frac{36}{2}"


HOSTILE = [
    "9^9^9^9", "9**9**9**9", "9^{9^{9^{9}}}", "10!!!!", r"10^{10^{10}}!", "1e999999999", "9" * 1_000_000,
    "(" * 100 + "18" + ")" * 99, "{" * 99 + "18" + "}" * 98, r"\frac{" * 40 + "1}", r"\sqrt{" * 30 + "18",
    r"\sum_{i=1}^{10^{12}} i", r"\prod_{i=1}^{999999} i", r"\binom{999999999}{99999999}",
    r"\int_0^{9^9} x^{99} dx", r"\begin{matrix}" * 10, "lambda: 18", "__import__('os').abort()",
    "print(18)", "18\0", "18\ud800", "18\N{SUPERSCRIPT NINE}", "$-" * 95 + "18", r"\(" * 95 + "18",
    r"${\(" * 49 + "18,", "answer is $x=" * 14 + "18,", r"$\boxed{a" * 20 + "18}", "18" + " inf" * 45,
]  # fmt: skip


def test_hostile_answers_cost_little():
    """In a process of its own: a power of powers would hold this one for good."""
    completions = [
        form.format(text) for text in HOSTILE for form in ("<answer>{}</answer>", r"\boxed{{{}}}")
    ]
    completions += [
        r"\boxed{" * 1_000_000,
        r"\boxed{}" * 1_000_000,
        "18 " * 1_000_000,
        "$18$, " * 1_000_000,
    ]
    judge = (
        "import json, sys; from r1lab.tasks import Problem; from r1lab.verify import verify;"
        "print(json.dumps([verify(Problem('gsm8k', (), 17), text).reason for text in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", judge],
        input=json.dumps(completions),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (
        set(json.loads(done.stdout)) <= {"unreadable", "wrong value", "no answer"}
        and not done.stderr
    )


def test_the_judge_works_off_the_main_thread():
    texts = ["<answer>18</answer>", r"\boxed{\frac{36}{2}}", "$18", "<answer>17</answer>"] * 8
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda text: verify(EIGHTEEN, text).correct, texts))
    assert found == [True, True, True, False] * 8


def test_without_the_library_one_sentence_says_what_to_do(monkeypatch):
    gsm8k._math_verify.cache_clear()
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(ValueError, match="pip install math-verify") as error:
        verify(EIGHTEEN, "18")
    assert not isinstance(error.value, Unreadable)
    assert verify(Problem("addition", (9, 9), 18), "18").correct


# ---- the run ----

TOKENIZER = pretrain.wrap_tokenizer()


@pytest.mark.parametrize("engine", ["own", "trl"])
@pytest.mark.slow
def test_a_step_of_grpo_passes_each_completion_its_own_answer(hub, engine, tmp_path):
    config = grpo.Config(steps=1, prompts=4, group=4, max_new=12, lr=1e-2, template="plain")
    model = models.prepare(tiny_model(vocabulary=len(TOKENIZER)), 4, 0)
    pool, columns, rolls = problems("gsm8k", 8, seed=0), [], []

    def listen(**given):
        columns.append(given)
        return [float(i % 3) for i in range(len(given["completions"]))]

    reward_set = ([rewards.accuracy, listen], [1.0, 1.0])
    learner = policy.learner(model, TOKENIZER, config.lr)
    before = {name: p.detach().clone() for name, p in models.trainable(model).items()}
    if engine == "own":
        rolls += grpo.train(learner, pool, reward_set, config)
    else:
        from r1lab import trl_engine

        place = trl_engine.Place(tmp_path)
        trl_engine.grpo(learner, pool, reward_set, config, rolls.append, place)
    (roll,), (given,) = rolls, columns
    asked, texts = roll.problems, roll.texts
    each = [p for p in asked for _ in range(4)]
    assert given["task"] == ["gsm8k"] * 16 and given["numbers"] == [[]] * 16
    assert given["target"] == [p.target for p in each]
    assert given["question"] == [p.question for p in each]
    assert given["verdicts"] == [verify(*row) for row in zip(each, texts, strict=True)]
    assert all(p.question in text for p, text in zip(each, given["prompts"], strict=True))
    assert roll.report["grad_norm"] > 0
    assert any(not torch.equal(p, before[name]) for name, p in models.trainable(model).items())

    line = roll.line()
    assert line["reward_accuracy"] == line["accuracy"]
    assert json.loads(json.dumps(roll.group()))["question"] == asked[0].question


def test_an_equation_is_a_step_of_a_word_problem_and_no_attempt():
    text = "<think>9 * 2 = 18. Wait, 18 + 2 = 21 is wrong.</think><answer>18</answer>"
    seen = reflection.trace(EIGHTEEN, text, verify(EIGHTEEN, text))
    assert (seen.attempts, seen.tries, seen.rejected, seen.first_right, seen.revision) == (
        0,
        0,
        0,
        None,
        "none",
    )
    assert (seen.equations, seen.wrong_equations, seen.waits, seen.words) == (2, 1, 1, 2)


def test_a_problem_has_one_wording_in_a_line():
    lines = {
        Problem("countdown", (3, 4, 5), 17): "reach 17 from 3, 4, 5",
        Problem("multiplication", (12, 34), 408): "12 x 34",
        Problem("addition", (37, 48), 85): "37 + 48",
        Problem("gsm8k", (), 36, QUESTION): QUESTION,
    }
    assert [tasks.short(problem) for problem in lines] == list(lines.values())


def group(**problem):
    scores = {"rewards": {"accuracy": [1.0], "total": [1.0]}, "advantages": [0.0]}
    return {"step": 1, "completions": ["<answer>$36</answer>"], **scores, **problem}


def test_the_browser_words_a_problem_alike_in_the_page_and_in_the_list():
    pytest.importorskip("ipywidgets")
    from r1lab.widgets import rollouts

    asked = group(task="gsm8k", numbers=[], target=36, question=QUESTION)
    older = group(task="addition", numbers=[17, 19], target=36)  # recorded without a question
    found = [records.Run({}, [], [], [g], {}) for g in (asked, older)]
    browser = rollouts.RolloutBrowser({"a": found})
    (first, _), (second, _) = browser.choices["problem"].options
    assert QUESTION.startswith(first.removesuffix(" …")) and len(first) < 50 and second == "17 + 19"
    page = browser.view.value
    assert "sells &lt;half&gt; at $3" in page and "<half>" not in page and "<b>correct</b>" in page
    browser.choices["problem"].value = 1
    assert "17 + 19" in browser.view.value
