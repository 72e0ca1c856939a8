"""`run guess`: what is learned where an answer can be guessed (Kimi k1.5, 2.1).

Products of two numbers of two digits. `open` pays for the product, `choices` for the nearest of
four choices (`marking`), on the same problems. Both are measured alike, as choices, so that what
differs is what was learned and not how it is marked.
"""

from matplotlib.figure import Figure

from r1lab import evaluate, marking, plots
from r1lab.evaluate import Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, part
from r1lab.running.experiment import Arm, Experiment, Stage
from r1lab.running.measure import answers, numbers
from r1lab.running.settings import Plan

TRIES, ASKED = 8, 128  # guesses a problem, as in the report; problems that are guessed at
NO_THOUGHTS = "<think></think><answer>"


def measure(model, tokenizer, problems: list, plan: Plan) -> dict:
    """Beside `numbers`, of the same answers: `ticked` and `worked_out`, a digit each; and of the
    first problems the share that is guessed without thoughts within `TRIES`, open and as choices.
    """
    found = answers(model, tokenizer, problems, plan)
    rows = list(zip(problems, found.texts, found.verdicts, strict=True))
    ticked = [marking.ticked(problem, verdict.answer) for problem, _, verdict in rows]
    worked = [marking.worked_out(problem, text) for problem, text, _ in rows]
    said = {"ticked": ticked, "worked_out": worked}
    said = {name: "".join(str(int(one)) for one in row) for name, row in said.items()}
    return numbers(found) | said | {"guessed": guessed(model, tokenizer, problems[:ASKED], plan)}


def guessed(model, tokenizer, problems: list, plan: Plan) -> dict[str, float]:
    """The share of the problems that one of `TRIES` answers without thoughts solves."""
    how = Sampling(plan.sampling.template, 12, 20_000 + plan.seed, TRIES)
    found = evaluate.answer(model, tokenizer, problems, how, [NO_THOUGHTS] * len(problems))
    rows = zip(found.repeated(), found.verdicts, strict=True)
    ticked = [marking.ticked(problem, verdict.answer) for problem, verdict in rows]
    by_problem = [any(ticked[i : i + TRIES]) for i in range(0, len(ticked), TRIES)]
    shares = {"open": found.correct.any(1).tolist(), "choices": by_problem}
    return {name: sum(solved) / len(solved) for name, solved in shares.items()}


def unsound(run: Run, when: str = "after") -> float:
    """Of the answers that tick the right choice, those whose steps do not lead to it, percent; 0
    where none does."""
    found = part(run, when)
    kept = [w for t, w in zip(found["ticked"], found["worked_out"], strict=True) if t == "1"]
    return 100 * kept.count("0") / len(kept) if kept else 0.0


def _guessable(arms: Arms) -> list[Table]:  # K-02
    pairs = alike(arms("choices"), arms("open"))
    return [[[unsound(a) - unsound(b)] for a, b in pairs]]


def figure(run: Run) -> Figure:
    """What is paid and what is right over the steps; right ticks without true steps."""
    drawn, (left, right) = plots.canvas(2)
    for key, name, colour in (("reward_choices", "ticked right", plots.ORANGE),
                              ("accuracy", "right", plots.BLUE)):  # fmt: skip
        if key in run.metrics[0]:
            values = plots.smooth([100 * line[key] for line in run.metrics])[0]
            left.plot(range(1, len(values) + 1), values, color=colour, label=name)
    left.set(title="In training", xlabel="step", ylabel="of a step's answers, %", ylim=(0, 102))
    left.legend(fontsize=8)
    right.bar(["base", "trained"], [unsound(run, when) for when in ("before", "after")],
              color=[plots.GREY, plots.BLUE], width=0.6)  # fmt: skip
    right.set(title="Right choice, wrong steps", ylabel="of right ticks, %", ylim=(0, 102))
    right.set_xlabel(f"n = {run.summary['n']} held-out products")
    plots.tidy(drawn)
    return drawn


def _arm(name: str, words: str, reward: str) -> Arm:
    return Arm(name, f"products: {words}", (Stage("grpo"),), {"reward": reward})


GUESS = Experiment(
    name="guess",
    lesson="08",
    section="k1.5 2.1",
    about="products paid as open questions and as four choices, which can be guessed",
    arms=(
        _arm("open", "paid as open questions", "rule"),
        _arm("choices", "paid as questions with four choices", "choices"),
    ),
    measure=measure,
    figure=figure,
    minutes={"cpu": {"quick": 1}},
    on={"cpu": {"task": "multiplication", "size": 2, "steps": 40, "prompts": 8, "max_new": 200,
                "lr": 1.5e-3, "train_problems": 2048, "eval_problems": 320},
        "gpu24": {"task": "multiplication", "size": 2}},
    evidence={"K-02": _guessable},
)  # fmt: skip
EXPERIMENTS = (GUESS,)
