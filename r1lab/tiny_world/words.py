"""The vocabulary of the tiny world, and its tokenizer.

Words, tags, signs and the numbers 0 to 199 are one token each, so a sum costs five tokens.
Larger numbers, which only products and drills need, are written digit by digit.
"""

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

EOS, PAD, UNK = "<eos>", "<pad>", "<unk>"
LARGEST = 199  # number of one token
WORDS = {  # the words of thinking, in the two languages of this world
    "en": {
        "yes": " yes.", "no": " no. ", "next": " no; ", "then": "; ", "so": " so ",
        "wait": "Wait, ", "try": "Try ", "check": " Check: ", "hence": " Then ",
    },
    "zh": {
        "yes": " 对。", "no": " 不对。", "next": " 不对；", "then": "；", "so": "，所以 ",
        "wait": "等等，", "try": "试试 ", "check": " 检查：", "hence": "那么 ",
    },
}  # fmt: skip
PROMPT_PIECES = [
    "User: reach ", "User: compute ", " from ", ".\nAssistant: ",
    "用户：得到 ", "用户：计算 ", " 用 ", "。\n助手：",
]  # fmt: skip
SIGNS = [
    PAD, EOS, UNK, "<think>", "</think>", "<answer>", "</answer>", *"+-*/=()", ", ", "\n", " vs ",
    *PROMPT_PIECES, *WORDS["en"].values(), *WORDS["zh"].values(),
]  # fmt: skip
VOCABULARY = [*SIGNS, *map(str, range(LARGEST + 1))]


def tokenizer() -> Tokenizer:
    """The world's tokenizer. Text of the world passes through it without loss.

    A row of digits that is no number up to 199 is read digit by digit (`200`, `007`), wherever it
    stands; a character that is no part of a token is `UNK`.
    """
    signs = "|".join(escape(w) for w in sorted(SIGNS, key=len, reverse=True))
    number = r"(?<![0-9])(?:1[0-9][0-9]|[1-9]?[0-9])(?![0-9])"
    built = Tokenizer(models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token=UNK))
    built.pre_tokenizer = pre_tokenizers.Split(Regex(f"{signs}|{number}|."), behavior="isolated")
    built.decoder = decoders.Fuse()
    return built


def escape(piece: str) -> str:
    """The piece as a regular expression that matches it alone."""
    return "".join("\\" + c if c in "+*()/-.|[]{}?^$" else c for c in piece)
