"""The prompts that pose a problem."""

import zlib

from r1lab.tasks.names import named
from r1lab.tasks.problem import Problem

# R1-Zero's template (DeepSeek-R1, Table 1) around our question. The tiny model reads a
# short form with the same tags in its answer: it has never seen an instruction.
R1_TEMPLATE = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant "
    "solves it. The assistant first thinks about the reasoning process in the mind and then "
    "provides the user with the answer. The reasoning process and answer are enclosed within "
    "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process "
    "here </think> <answer> answer here </answer>. User: {question} Assistant:"
)
# How SmolLM2-Instruct was taught to be spoken to: its chat template, written out.
SMOLLM2 = (
    "<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
)
TURNS = SMOLLM2[SMOLLM2.index("<|im_start|>user") :]
EXAMPLES = ((37, 48), (61, 25), (14, 73))  # solved before the question: sums of the train split
SHOTS = "".join(
    TURNS.format(question=f"What is {a} + {b}? Give only the number as the answer.")
    + f"{a + b}<|im_end|>\n"
    for a, b in EXAMPLES
)
QA = "Question: {question}\nAnswer:"  # how a text of questions and answers goes on
AROUND = {
    "r1": R1_TEMPLATE, "smollm2": SMOLLM2, "qa": QA, "plain": "{question}\n",
    "smollm2-3": SMOLLM2.replace(TURNS, SHOTS + TURNS),
}  # fmt: skip
LANGUAGES = ("en", "zh")
TINY = {"tiny": "en", "tiny-zh": "zh", "tiny-both": ""}  # the tiny world's: template -> language


def prompt(problem: Problem, template: str) -> str:
    """The prompt in one of the templates "tiny", "tiny-zh", "tiny-both" (one of the two, by the
    problem), "r1" (R1-Zero's), "smollm2", "smollm2-3" (with three solved sums before the
    question), "qa" or "plain" (the question alone). Raises ValueError for another, and where the
    tiny world lacks the task."""
    if template in TINY:
        language = TINY[template] or LANGUAGES[zlib.crc32(problem.key.encode()) % 2]
        return tiny_prompt(problem, language)
    if template not in AROUND:
        choices = ", ".join([*TINY, *AROUND])
        raise ValueError(f"unknown template {template!r}: choose one of {choices}")
    return AROUND[template].format(question=named(problem.task).question(problem))


def tiny_prompt(problem: Problem, language: str = "en") -> str:
    """The prompt as the tiny world writes it; language "en" or "zh". Raises ValueError where
    that world lacks the task."""
    task = named(problem.task)
    if task.tiny is None:
        raise ValueError(
            f"the tiny world has no {task.name}: choose the template r1, smollm2, qa or plain"
        )
    return task.tiny(problem, language)


def short(problem: Problem) -> str:
    """The problem in a line, for a heading or a list; a word problem is its own text."""
    task = named(problem.task)
    return (task.short or task.question)(problem)
