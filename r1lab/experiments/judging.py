"""`run judging`: a judge that reasons before its verdict, and one that only gives a score (Kimi
k1.5, 2.3.5).

Kimi's two reward models judge whether an answer equals the reference one. Here both sides are
expressions (`tasks.equality`). One base, the same examples in the same order, the same steps and
rate: `reasons` learns to work both sides out and then to say yes or no; `verdict` to say it at
once; `head` has a number in the place of words, read off at the end of the question, as a classic
reward model. `verdict` stands between them: it has the words and lacks the reasoning. What the
examples cost is not the same, so `head-long` takes as many tokens as `reasons` does. `smol-reasons`
and `smol-head`, at equal tokens too, are a real language model, on numbers and sums of two.
"""

from collections.abc import Callable

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from r1lab import curriculum, evaluate, grpo, models, plots, policy, stats, tasks
from r1lab.critic import Critic
from r1lab.policy import Batch
from r1lab.records import Run
from r1lab.running.evidence import ahead, part, right
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import numbers
from r1lab.running.settings import Plan
from r1lab.tasks import Problem
from r1lab.tasks.equality import sides, value, worked
from r1lab.tiny_world.traces import group
from r1lab.tiny_world.words import WORDS

STEPS, LONG = 700, 3  # of learning; times as many in `head-long`
EXAMPLES = 16 * STEPS  # each is seen once
SMOL_STEPS, SMOL_SEEDS = 120, (0, 1, 2)  # of SmolLM2
AT_ONCE = 256  # questions that a head reads at a time


def reasoned(problem: Problem) -> str:
    """Both sides worked out, the right one first, and compared: `40-8=32; 8*4=32 vs 32 yes.`"""
    left, right = sides(problem)
    return f"{'; '.join(worked(right) + worked(left))} vs {value(right)}{_word(problem)}"


def _word(problem: Problem) -> str:
    return WORDS["en"][problem.target]


def taught(thoughts: Callable[[Problem], str]) -> Callable:
    """Material: every problem of the pool with its verdict, behind such thoughts."""

    def material(model, tokenizer, pool: list, config: grpo.Config) -> tuple[list[dict], dict]:
        lines = []
        for problem in pool:
            text = f"<think>{thoughts(problem)}</think><answer>{_word(problem)}</answer>"
            lines.append(group(problem, text, tasks.prompt(problem, config.template)))
        return lines, {"answers": len(pool), "right": len(pool), "tokens": 0}

    return material


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """The verdicts on held-out problems: written, the likeliest token each time, where one that
    cannot be read counts as wrong; or by a head, which is trained here."""
    if plan.own["head"]:
        return scored(model, tokenizer, problems, plan)
    how = evaluate.Sampling(plan.preset.template, plan.preset.max_new, 0, temperature=0.0)
    return numbers(evaluate.answer(model, tokenizer, problems, how))


def scored(model, tokenizer, problems: list[Problem], plan: Plan) -> dict:
    """Train a head for `plan.own["head"]` times the steps of the run, and measure it. losses: the
    mean of each tenth of the steps, nats; update_tokens: that went forward and back; learned: the
    share that is right of as many problems which it learnt from."""
    preset = plan.preset
    steps = plan.own["head"] * preset.steps
    pool = tasks.problems(preset.task, preset.train_problems, 0, "train", preset.size or None)
    judge = Critic(models.prepare(model, preset.lora_rank, plan.seed))
    learner = policy.learner(judge, tokenizer, preset.lr)
    losses, tokens = [], 0
    for step in range(1, steps + 1):
        drawn = curriculum.uniform(pool, preset.prompts, plan.seed, step)
        batch = questions(tokenizer, drawn, preset.template)
        wanted = torch.tensor([float(p.target == "yes") for p in drawn], device=model.device)
        loss = nn.functional.binary_cross_entropy_with_logits(scores(judge, batch), wanted)
        loss.backward()
        nn.utils.clip_grad_norm_(models.trainable(judge).values(), 1.0)
        learner.optimizer.step()
        learner.optimizer.zero_grad()
        losses.append(float(loss.detach()))
        tokens += sum(map(len, batch.prompts))
    marks = [verdicts(judge, tokenizer, some, preset.template)
             for some in (problems, pool[: len(problems)])]  # fmt: skip
    tenth, n, found = -(-steps // 10), len(problems), sum(marks[0])
    return {
        "accuracy": found / n, "ci95": [round(x, 4) for x in stats.wilson(found, n)], "n": n,
        "right": "".join(str(int(m)) for m in marks[0]),
        "reasons": {"correct": found, "wrong value": n - found},
        "learned": sum(marks[1]) / len(marks[1]), "length": 0.0, "reflects": 0.0,
        "update_tokens": tokens,
        "losses": [sum(part) / len(part) for i in range(0, steps, tenth)
                   if (part := losses[i : i + tenth])],
    }  # fmt: skip


def questions(tokenizer, problems: list[Problem], template: str) -> Batch:
    """The prompts, and one end token behind each: a state before it is the end of the question."""
    asked = tokenizer([tasks.prompt(p, template) for p in problems])["input_ids"]
    n = len(asked)
    return Batch(asked, torch.full((n, 1), tokenizer.eos_token_id), torch.ones(n, dtype=torch.long))


def scores(judge: Critic, batch: Batch) -> Tensor:
    """(N,) log-odds of "equal"."""
    return judge.values(batch, list(range(len(batch.prompts))))[0][:, 0]


@torch.no_grad()
def verdicts(judge: Critic, tokenizer, problems: list[Problem], template: str) -> list[bool]:
    """Which problems the head gets right: above 0 it says yes."""
    found = []
    for start in range(0, len(problems), AT_ONCE):
        some = problems[start : start + AT_ONCE]
        said = scores(judge, questions(tokenizer, some, template)).tolist()
        found += [(s > 0) == (p.target == "yes") for s, p in zip(said, some, strict=True)]
    return found


def by_steps(run: Run) -> dict[int, tuple[float, int]]:
    """Steps that both sides take together -> (accuracy in percent, held-out problems)."""
    config, rows = run.config, {}
    size = config["size"] or None
    problems = tasks.problems(config["task"], config["eval_problems"], 0, "test", size)
    for problem, mark in zip(problems, right(run), strict=True):
        rows.setdefault(sum(len(worked(s)) for s in sides(problem)), []).append(mark)
    return {steps: (sum(marks) / len(marks), len(marks)) for steps, marks in sorted(rows.items())}


def spent(run: Run) -> int:
    """Tokens that went forward and back."""
    return part(run, "after").get("update_tokens") or run.summary["update_tokens"]


def unread(run: Run) -> int:
    """Verdicts that could not be read, of `n`; they count as wrong."""
    reasons = part(run, "after")["reasons"]
    return sum(n for reason, n in reasons.items() if reason not in ("correct", "wrong value"))


def draw(axis, runs: list[Run], name: str, colour: str) -> None:
    """Held-out accuracy by the steps that a pair takes: the mean of the runs, a dot a run."""
    found = [by_steps(run) for run in runs]
    for one in found:
        axis.plot(list(one), [share for share, _ in one.values()], ".", color=colour, markersize=4)
    if found:
        means = [sum(one[k][0] for one in found) / len(found) for k in found[0]]
        axis.plot(list(found[0]), means, color=colour, label=name)
    axis.set(xlabel="steps that both sides take", ylabel="right, %", ylim=(0, 102))
    plots.whole_steps(axis)


def figure(run: Run) -> Figure:
    """Held-out accuracy by the steps that a pair takes."""
    drawn, axis = plots.canvas(width=5.4)
    draw(axis, [run], "", plots.BLUE)
    axis.axhline(50, color=plots.GREY, linestyle="--")
    axis.set_title(f"Right: {100 * part(run, 'after')['accuracy']:.1f} %")
    plots.write_below(drawn, f"n = {part(run, 'after')['n']} held-out pairs. Dashed: chance.")
    plots.tidy(drawn)
    return drawn


def _arm(name: str, words: str, thoughts: Callable[[Problem], str], *more) -> Arm:
    """The record knows what was taught by the stage's name."""
    stage = Stage("sft", name, material=taught(thoughts))
    return Arm(name, f"a judge of equality: {words}", (stage,), *more)


def _head(name: str, words: str, times: int, *more, **settings) -> Arm:
    return Arm(name, f"a judge of equality: {words}", (), {"head": times, **settings}, *more)


EXPERIMENTS = (
    Experiment(
        name="judging",
        lesson="08",
        section="k1.5 2.3.5",
        about="are two expressions equal: a judge that reasons, one that does not, one with a head",
        arms=(
            _arm("reasons", "reasons, then says yes or no", reasoned),
            _arm("verdict", "says yes or no at once", lambda problem: ""),
            _head("head", "a head that only gives a score", 1),
            _head("head-long", "the head, as many tokens as the one that reasons", LONG),
            _arm("smol-reasons", "SmolLM2-135M, reasons first", reasoned,
                 {"preset": "smol"}, SMOL_SEEDS),
            _head("smol-head", "SmolLM2-135M, the head, as many tokens", LONG, SMOL_SEEDS,
                  preset="smol"),
        ),
        measure=measure,
        figure=figure,
        minutes={"cpu": {"quick": 1}, "smol": {"quick": 10}},
        on={"cpu": {"task": "equality", "size": 3, "steps": STEPS, "prompts": 16, "max_new": 64,
                    "lr": 1.5e-3, "train_problems": EXAMPLES},
            "smol": {"task": "equality", "size": 2, "steps": SMOL_STEPS, "prompts": 16,
                     "max_new": 48, "template": "plain", "train_problems": 16 * SMOL_STEPS},
            "gpu24": {"task": "equality", "size": 3}},
        settings={"head": 0},
        evidence={"K-09": ahead("reasons", "head")},
    ),
)  # fmt: skip
