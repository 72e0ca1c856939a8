"""The tokenizer of the tiny world: what is one token, and that nothing is lost. That whole texts
come back unchanged is tested with the text."""

import random

import pytest

from r1lab.tasks.countdown import LARGEST_VALUE
from r1lab.tiny_world.words import EOS, LARGEST, PAD, SIGNS, UNK, VOCABULARY, tokenizer


def test_the_vocabulary_names_each_token_once():
    built = tokenizer()
    assert len(set(VOCABULARY)) == len(VOCABULARY) == built.get_vocab_size()
    assert [built.token_to_id(token) for token in (PAD, EOS, UNK)] == [0, 1, 2]
    assert set(VOCABULARY) - set(SIGNS) == {str(n) for n in range(200)}
    assert LARGEST == LARGEST_VALUE == 199  # so no step of countdown is written in digits
    for n in range(2_000):
        assert built.encode(str(n)).tokens == ([str(n)] if n < 200 else list(str(n)))


TOKENS = {
    "007": ["0", "0", "7"], "0199": ["0", "1", "9", "9"], "1234": ["1", "2", "3", "4"],
    "1é2": ["1", UNK, "2"], "x12y200z": [UNK, "12", UNK, "2", "0", "0", UNK],
    "12.5": ["12", UNK, "5"], "12 13": ["12", UNK, "13"], "12no. 13": ["12", *[UNK] * 4, "13"],
    "١٢": [UNK, UNK],
    "6*20=120 vs 22 no. Wait, (<think>2*100=200 检查：</answer>" + EOS: [
        "6", "*", "20", "=", "120", " vs ", "22", " no. ", "Wait, ", "(", "<think>", "2", "*",
        "100", "=", "2", "0", "0", " 检查：", "</answer>", EOS],
    "22-7=15，所以 11+4=15 no; 5；6 不对；": [
        "22", "-", "7", "=", "15", "，所以 ", "11", "+", "4", "=", "15", " no; ", "5", "；", "6", " 不对；"],
}  # fmt: skip


@pytest.mark.parametrize("text", TOKENS)
def test_words_and_tags_are_one_token_each_and_the_rest_is_unknown(text):
    assert tokenizer().encode(text).tokens == TOKENS[text]


def test_any_row_of_tokens_without_two_numbers_side_by_side_comes_back():
    built, rng = tokenizer(), random.Random(0)
    for _ in range(1500):
        row = []
        for _ in range(40):
            numbers_next = rng.random() < 0.4 and not (row and row[-1].isdigit())
            row.append(str(rng.randrange(200)) if numbers_next else rng.choice(SIGNS))
        encoded = built.encode("".join(row))
        assert encoded.tokens == row
        assert built.decode(encoded.ids, skip_special_tokens=False) == "".join(row)
