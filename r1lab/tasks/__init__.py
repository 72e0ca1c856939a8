"""The problems of the course, and the prompts that pose them.

Two tasks, the two of TinyZero. *Countdown*: reach a target with three or four numbers,
`+ - * /`, every number exactly once; a solution is easy to check and hard to find.
*Multiplication*: one right answer and no free check, so only here does a majority vote
mean anything. One for the smallest real language model: *addition* of two numbers of
two digits. These are drawn from a seed; a hash splits them for good into `train`
and `test`, so no seed and no caller can mix the two.

And one for a real model on a graphics card: *gsm8k*, word problems of grade school (Cobbe et
al. 2021), 7,473 to train on and 1,319 to test with. They come from the hub, with the split of
their authors.
"""

import random
import re
import zlib
from dataclasses import dataclass

LARGEST_NUMBER = 15  # countdown numbers are 1..15
TARGETS = range(10, 100)  # countdown targets
LARGEST_VALUE = 199  # the largest intermediate value in the tiny world's text


@dataclass(frozen=True)
class Problem:
    """One problem. `numbers`: what to use, in the order shown (multiplication and addition:
    the two operands; gsm8k: none). `target`: the number to reach (their product or sum, or the
    answer). `question`: the text of a word problem, "" where the rest says it all."""

    task: str  # "countdown", "multiplication", "addition" or "gsm8k"
    numbers: tuple[int, ...]
    target: int
    question: str = ""

    @property
    def key(self) -> str:
        """A name that does not depend on the order of the numbers."""
        posed = self.question or ",".join(map(str, sorted(self.numbers)))
        return f"{self.task}:{posed}:{self.target}"


@dataclass(frozen=True)
class Step:
    """One operation on two integers with an integer result: `a op b = result`."""

    a: int
    op: str
    b: int
    result: int

    def __str__(self) -> str:
        return f"{self.a}{self.op}{self.b}={self.result}"


def split_of(problem: Problem) -> str:
    """`test` for a fixed tenth of all problems, `train` for the rest. Not for gsm8k, which comes split."""
    return "test" if zlib.crc32(problem.key.encode()) % 10 == 0 else "train"


def random_steps(rng: random.Random, numbers) -> tuple[list[Step], str] | None:
    """Combine two of `numbers` at random until one value is left.

    Returns the steps and the expression they amount to, or None where chance led
    nowhere. Like a careful pupil it keeps to positive integers up to `LARGEST_VALUE`
    and writes the larger number first; the verifier is wider than this.
    """
    pool = [(n, str(n)) for n in numbers]
    steps = []
    while len(pool) > 1:
        i, j = rng.sample(range(len(pool)), 2)
        (a, left), (b, right) = pool[i], pool[j]
        if a < b:
            a, left, b, right = b, right, a, left
        results = {"+": a + b, "-": a - b, "*": a * b}
        if a % b == 0:
            results["/"] = a // b
        op = rng.choice([o for o in results])
        result = results[op]
        if not 0 < result <= LARGEST_VALUE:
            return None
        steps.append(Step(a, op, b, result))
        left = left if left.isdigit() else f"({left})"
        right = right if right.isdigit() else f"({right})"
        pool = [x for k, x in enumerate(pool) if k not in (i, j)]
        pool.append((result, f"{left}{op}{right}"))
    return steps, pool[0][1]


def draw_countdown(rng: random.Random, size: int = 3) -> tuple[Problem, list[Step], str]:
    """A solvable countdown problem with one of its solutions: steps and expression."""
    while True:
        numbers = tuple(rng.randint(1, LARGEST_NUMBER) for _ in range(size))
        drawn = random_steps(rng, numbers)
        if drawn and drawn[0][-1].result in TARGETS:
            steps, expression = drawn
            return Problem("countdown", numbers, steps[-1].result), steps, expression


def draw_multiplication(rng: random.Random, digits: int = 1) -> Problem:
    """A two-digit number times a number of one digit (3-9) or of two digits (11-99)."""
    a = rng.randint(11, 99)
    b = rng.randint(3, 9) if digits == 1 else rng.randint(11, 99)
    return Problem("multiplication", (a, b), a * b)


def draw_addition(rng: random.Random) -> Problem:
    """The sum of two numbers from 10 to 99."""
    a, b = rng.randint(10, 99), rng.randint(10, 99)
    return Problem("addition", (a, b), a + b)


GSM8K = {
    "path": "openai/gsm8k",
    "name": "main",
    "revision": "e53f048856ff4f594e959d75785d2c2d37b678ee",
}
# The answer is the last line of the solution. All 8,792 rows have this form; 93 of them have commas.
GSM8K_ANSWER = re.compile(r"\n#### (-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+))\s*$")


def gsm8k(split: str) -> list[Problem]:
    """All word problems of a split, "train" or "test", in the order of the data set.

    Read from the hub once, then from its cache. Raises ValueError where neither can be
    reached, and for a row whose answer is not an integer behind `####`.
    """
    from datasets import load_dataset  # a second to import, and only this task needs it

    try:
        rows = load_dataset(**GSM8K, split=split)
    except OSError as error:  # offline, no such repository or revision, no place to write
        raise ValueError(
            f"the problems of gsm8k cannot be loaded ({error}): connect once without HF_HUB_OFFLINE, "
            "later they are read from the cache"
        ) from error
    return [_word_problem(**row) for row in rows]


def _word_problem(question: str, answer: str) -> Problem:
    found = GSM8K_ANSWER.search(answer)
    if not found:
        raise ValueError(
            f"a row of gsm8k has no integer behind ####, its solution ends in {answer[-40:]!r}"
        )
    return Problem("gsm8k", (), int(found[1].replace(",", "")), question.strip())


def problems(
    task: str, n: int, seed: int, split: str = "train", size: int | None = None
) -> list[Problem]:
    """`n` distinct problems of one split, the same for the same arguments.

    task: "countdown" (`size` numbers: 3, the default, or 4), "multiplication" (second
    factor of `size` digits: 2, the default, or 1), "addition" (of 2 digits) or "gsm8k"
    (no size; from the hub). Raises ValueError for another task, split or size, when the
    split does not hold `n` problems, and as `gsm8k` says.
    """
    # the default first
    sizes = {"countdown": (3, 4), "multiplication": (2, 1), "addition": (2,), "gsm8k": ()}
    if task not in sizes:
        raise ValueError(f"unknown task {task!r}: choose one of {sorted(sizes)}")
    if size is not None and size not in sizes[task]:
        raise ValueError(f"{task} has sizes {sizes[task]}, not {size}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    if task == "gsm8k":
        everything = gsm8k(split)
        if n > len(everything):
            raise ValueError(f"the {split} split of gsm8k holds fewer than {n} problems")
        return random.Random(f"gsm8k-{split}-{seed}").sample(everything, len(everything))[:n]
    size = size or sizes[task][0]
    rng = random.Random(f"{task}-{size}-{split}-{seed}")
    found: dict[str, Problem] = {}
    for _ in range(200 * n + 2000):
        if len(found) == n:
            return list(found.values())
        if task == "countdown":
            problem = draw_countdown(rng, size)[0]
        else:
            problem = (
                draw_multiplication(rng, size) if task == "multiplication" else draw_addition(rng)
            )
        if split_of(problem) == split:
            found.setdefault(problem.key, problem)
    raise ValueError(f"the {split} split of {task} (size {size}) holds fewer than {n} problems")


# R1-Zero's template (DeepSeek-R1, Table 1) around our question. The tiny model reads a
# short form with the same tags in its answer: it has never seen an instruction.
R1_TEMPLATE = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. "
    "The assistant first thinks about the reasoning process in the mind and then provides the user with "
    "the answer. The reasoning process and answer are enclosed within <think> </think> and "
    "<answer> </answer> tags, respectively, i.e., <think> reasoning process here </think> "
    "<answer> answer here </answer>. User: {question} Assistant:"
)
TINY = {
    "en": {"countdown": "User: reach {target} from {numbers}.\nAssistant: ",
           "multiplication": "User: compute {numbers}.\nAssistant: "},
    "zh": {"countdown": "用户：得到 {target} 用 {numbers}。\n助手：",
           "multiplication": "用户：计算 {numbers}。\n助手："},
}  # fmt: skip


def tiny_prompt(problem: Problem, language: str = "en") -> str:
    """The prompt as the tiny world writes it; language "en" or "zh"."""
    separator = ", " if problem.task == "countdown" else "*"
    numbers = separator.join(map(str, problem.numbers))
    return TINY[language][problem.task].format(target=problem.target, numbers=numbers)


def short(problem: Problem) -> str:
    """The problem in a line, for a heading or a list; a word problem is its own text."""
    if problem.task == "countdown":
        return f"reach {problem.target} from {', '.join(map(str, problem.numbers))}"
    sign = {"multiplication": " x ", "addition": " + "}
    return problem.question or sign[problem.task].join(map(str, problem.numbers))


def question(problem: Problem) -> str:
    """The problem in plain words, for a language model, and what to give as the answer."""
    if problem.question:
        return f"{problem.question} Give only the number as the answer."
    numbers = ", ".join(map(str, problem.numbers))
    if problem.task == "countdown":
        return (
            f"Using the numbers {numbers}, write an expression that equals {problem.target}. "
            "You may use + - * / and parentheses, and must use every number exactly once. "
            "Give only the expression as the answer."
        )
    a, b = problem.numbers
    sign = {"multiplication": "*", "addition": "+"}[problem.task]
    return f"What is {a} {sign} {b}? Give only the number as the answer."


def r1_prompt(problem: Problem) -> str:
    """The prompt for a language model: R1-Zero's template around a plain question."""
    return R1_TEMPLATE.format(question=question(problem))


# How SmolLM2-Instruct was taught to be spoken to: its chat template, written out.
SMOLLM2 = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
)


def prompt(problem: Problem, template: str) -> str:
    """The prompt in one of the templates "tiny", "tiny-zh", "r1" (R1-Zero's), "smollm2" or "plain"
    (the question alone). Raises ValueError for another, and where the tiny world lacks the task."""
    if template.startswith("tiny") and problem.task not in TINY["en"]:
        raise ValueError(
            f"the tiny world has no {problem.task}: choose the template r1, smollm2 or plain"
        )
    makers = {
        "tiny": tiny_prompt,
        "tiny-zh": lambda p: tiny_prompt(p, "zh"),
        "r1": r1_prompt,
        "smollm2": lambda p: SMOLLM2.format(question=question(p)),
        "plain": lambda p: question(p) + "\n",
    }
    if template not in makers:
        raise ValueError(f"unknown template {template!r}: choose one of {', '.join(makers)}")
    return makers[template](problem)
