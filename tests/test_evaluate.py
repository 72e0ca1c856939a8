"""Evaluation counts what was sampled, in the order it was asked."""

from helpers import tiny_model

from r1lab import evaluate, tasks
from r1lab.evaluate import Answers, Sampling
from r1lab.sampler import Sampler
from r1lab.tiny_world import pretrain
from r1lab.verify import verify

TOKENIZER = pretrain.wrap_tokenizer()
PROBLEMS = tasks.problems("countdown", 5, seed=1)


def test_answers_keep_their_problems_whatever_the_chunk():
    model = tiny_model(vocabulary=len(TOKENIZER))
    for rows in (1, 4, 100):
        how = Sampling("tiny", 12, seed=0, per_problem=3, temperature=0, rows=rows)
        answers = evaluate.answer(model, TOKENIZER, PROBLEMS, how)
        assert len(answers.texts) == 15 and answers.correct.shape == (5, 3)
        assert [p.key for p in answers.repeated()] == [p.key for p in PROBLEMS for _ in range(3)]
        once = Sampling("tiny", 12, seed=9, temperature=0)
        alone = [evaluate.answer(model, TOKENIZER, [p], once).texts[0] for p in PROBLEMS]
        assert answers.texts == [t for t in alone for _ in range(3)]


def test_accuracy_and_reasons_are_counted_by_hand():
    problem = tasks.Problem("countdown", (3, 7, 12), 22)
    texts = [
        "<think></think><answer>3+7+12</answer>",
        "<answer>3+7+12</answer>",
        "<think></think><answer>3*7+12</answer>",
        "<think>22",
    ]
    verdicts = [verify(problem, t) for t in texts]
    found = evaluate.measure(
        Answers([problem], 4, texts, [8, 6, 8, 2], [True, True, True, False], verdicts)
    )
    assert found["accuracy"] == 0.5 and found["formatted"] == 0.5 and found["truncated"] == 0.25
    assert found["reasons"] == {"correct": 2, "wrong value": 1, "no answer": 1}
    assert found["length"] == 6 and found["n"] == 4
    assert found["ci95"][0] < 0.5 < found["ci95"][1]


def test_an_answer_goes_on_from_what_it_begins_with():
    model = tiny_model(vocabulary=len(TOKENIZER))
    begun = [f"<think>{p.numbers[0]}+" for p in PROBLEMS]
    how = Sampling("tiny", 12, seed=0, per_problem=2, temperature=0, rows=4)
    found = evaluate.answer(model, TOKENIZER, PROBLEMS, how, begun)
    ids = [
        TOKENIZER(tasks.prompt(p, "tiny") + b)["input_ids"]
        for p, b in zip(PROBLEMS, begun, strict=True)
    ]
    done = Sampler(model).sample(ids, 1, 12, TOKENIZER.eos_token_id, None, temperature=0)
    alone = [b + text for b, text in zip(begun, done.texts(TOKENIZER), strict=True)]
    assert found.texts == [text for text in alone for _ in range(2)]
    assert found.lengths == [n for n in done.lengths.tolist() for _ in range(2)]
