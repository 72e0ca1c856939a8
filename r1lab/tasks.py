"""The problems of the course, and the prompts that pose them.

Two tasks, the two of TinyZero. *Countdown*: reach a target with three or four numbers,
`+ - * /`, every number exactly once; a solution is easy to check and hard to find.
*Multiplication*: one right answer and no free check, so only here does a majority vote
mean anything. And one for the smallest real language model: *addition* of two numbers of
two digits. Problems are drawn from a seed; a hash splits them for good into `train`
and `test`, so no seed and no caller can mix the two.
"""

import random
import zlib
from dataclasses import dataclass

LARGEST_NUMBER = 15  # countdown numbers are 1..15
TARGETS = range(10, 100)  # countdown targets
LARGEST_VALUE = 199  # the largest intermediate value in the tiny world's text


@dataclass(frozen=True)
class Problem:
    """One problem. `numbers`: what to use, in the order shown (multiplication and addition:
    the two operands). `target`: the number to reach (their product or sum)."""

    task: str  # "countdown", "multiplication" or "addition"
    numbers: tuple[int, ...]
    target: int

    @property
    def key(self) -> str:
        """A name that does not depend on the order of the numbers."""
        return f"{self.task}:{','.join(map(str, sorted(self.numbers)))}:{self.target}"


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
    """`test` for a fixed tenth of all problems, `train` for the rest."""
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


def problems(task: str, n: int, seed: int, split: str = "train", size: int | None = None) -> list[Problem]:
    """`n` distinct problems of one split, the same for the same arguments.

    task: "countdown" (`size` numbers: 3, the default, or 4), "multiplication" (second
    factor of `size` digits: 2, the default, or 1) or "addition" (of 2 digits). Raises ValueError for another task, split or size, or when
    the split does not hold `n` problems.
    """
    sizes = {"countdown": (3, 4), "multiplication": (2, 1), "addition": (2,)}  # the default first
    if task not in sizes:
        raise ValueError(f"unknown task {task!r}: choose one of {sorted(sizes)}")
    size = sizes[task][0] if size is None else size
    if size not in sizes[task]:
        raise ValueError(f"{task} has sizes {sizes[task]}, not {size}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}: choose train or test")
    rng = random.Random(f"{task}-{size}-{split}-{seed}")
    found: dict[str, Problem] = {}
    for _ in range(200 * n + 2000):
        if len(found) == n:
            return list(found.values())
        if task == "countdown":
            problem = draw_countdown(rng, size)[0]
        else:
            problem = draw_multiplication(rng, size) if task == "multiplication" else draw_addition(rng)
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


def question(problem: Problem) -> str:
    """The problem in plain words, for a language model."""
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
        raise ValueError(f"the tiny world has no {problem.task}: choose the template r1, smollm2 or plain")
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
