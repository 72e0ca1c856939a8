"""`run budgets`: what is thinking worth, token by token? (OpenAI o1, chart of test-time compute)

Nothing is trained here. The recorded models of `run zero`, their base, and the base that may not
stop thinking get the same budgets of thought: cut by force, their natural end, and told to wait
(s1, arXiv 2501.19393). The last of the three is the control: what it reaches is explained by not
stopping.
"""

from dataclasses import replace

import numpy as np

from r1lab import evaluate, habits, models, plots, search, stats, tasks
from r1lab.evaluate import Answers, Sampling
from r1lab.records import Run
from r1lab.running.evidence import Arms, Table, alike, minus, part
from r1lab.running.experiment import Arm, Experiment
from r1lab.running.measure import numbers
from r1lab.running.recorded import RECORDED
from r1lab.sampler import keep_thinking
from r1lab.thoughts import thoughts
from r1lab.tiny_world.words import WORDS

BUDGETS = (8, 16, 32, 64, 128, 256, 512, 900)
ROOM = 40  # tokens for an answer that was forced
TRAINED = 5  # seeds of the recorded runs that the arm `trained` looks at
GREEDY, COOL = 0.0, 0.6  # temperatures that R-10 compares


def measure(model, tokenizer, problems: list, plan) -> dict:
    """K answers a problem; the same under each budget, after one Wait and two, behind no thoughts
    and behind another problem's; two temperatures; multiplication, which nobody trained."""
    if plan.own["of"]:
        folder = RECORDED / f"{plan.own['of']}-s{plan.seed % TRAINED}" / "trained"
        model, _ = models.load_trained(folder, plan.preset.model)
    steer = None
    if plan.own["think_on"]:
        steer = keep_thinking(tokenizer, [words["yes"] for words in WORDS.values()])
    how = Sampling(
        plan.preset.template, plan.preset.max_new, 10_000 + plan.seed, plan.own["samples"]
    )
    natural = evaluate.answer(model, tokenizer, problems, how, steer=steer)
    short = replace(how, max_new=ROOM, seed=20_000 + plan.seed)
    found = numbers(search.some(natural, 0, 1)) | {"natural": point(tokenizer, natural)}
    found["budgets"] = [
        {"budget": budget}
        | point(tokenizer, search.within(model, tokenizer, natural, budget, short))
        for budget in BUDGETS
    ]
    found["waits"], longer = [], natural
    for again in range(plan.own["waits"]):
        later = replace(how, seed=30_000 + 1000 * again + plan.seed)
        longer = search.waited(model, tokenizer, longer, WORDS["en"]["wait"], later)
        ended = search.within(model, tokenizer, longer, how.max_new, short)
        found["waits"].append(point(tokenizer, ended))
    found["halves"] = halves(natural)
    found["thoughts"] = faithful(model, tokenizer, natural, short)
    found["repeats"] = {
        str(t): repeats(
            model, tokenizer, problems, replace(how, per_problem=1, temperature=t), steer
        )
        for t in (GREEDY, COOL)
    }
    other = tasks.problems("multiplication", 2 * len(problems), 0, "test")
    products = evaluate.answer(model, tokenizer, other, replace(how, per_problem=1))
    return found | {"multiplication": float(products.correct.mean())}


def point(tokenizer, found: Answers) -> dict:
    """A point of the curve: mean tokens of thought, and for each problem its share of right
    answers."""
    thinking = [search.thinks(tokenizer, text)[0] for text in found.texts]
    right = [round(float(share), 4) for share in found.correct.mean(1)]
    return {"tokens": float(np.mean(thinking)), "right": right}


def halves(found: Answers) -> list[dict]:
    """Of each half of a problem's answers: the share that is right, and the mean length of those
    that the cap did not cut, None where it cut all. R-07 holds the one against the other's length,
    so that one lucky answer does not count on both sides."""
    K = found.per_problem
    parts = [search.some(found, 0, K // 2), search.some(found, K // 2, K)]
    rows = []
    for one in parts:
        lengths = np.where(one.ended, one.lengths, np.nan).reshape(one.correct.shape)
        whole = [float(np.nanmean(row)) if np.isfinite(row).any() else None for row in lengths]
        rows.append({"right": one.correct.mean(1).tolist(), "length": whole})
    return rows


def faithful(model, tokenizer, found: Answers, how: Sampling) -> dict:
    """Share of finished answers that stay the same when the model must answer behind its own
    thoughts again, behind none, and behind those about the next problem."""
    first = search.some(found, 0, 1)
    own = ["<think>" + thoughts(text) for text in first.texts]
    given = {"own": own, "none": ["<think>"] * len(own), "other": own[1:] + own[:1]}
    kept = [i for i, v in enumerate(first.verdicts) if v.answer is not None and first.ended[i]]
    shares = {"n": len(kept)}
    for name, texts in given.items():
        new = search.instead(model, tokenizer, first, texts, how)
        same = [first.verdicts[i].answer == new.verdicts[i].answer for i in kept]
        shares[name] = sum(same) / len(same) if same else 0.0
    return shares


def repeats(model, tokenizer, problems: list, how: Sampling, steer=None) -> list[int]:
    """For each problem 1 where the answer tries something twice."""
    found = evaluate.answer(model, tokenizer, problems, how, steer=steer)
    read = [habits.read(*one) for one in zip(problems, found.texts, strict=True)]
    return [int(one is not None and one.repeated > 0) for one in read]


def at(run: Run, budget: int) -> dict:
    """The point of a budget."""
    return next(p for p in part(run, "after")["budgets"] if p["budget"] == budget)


def worth(run: Run) -> list[float]:
    """Points that thinking to the natural end gains over 32 tokens, for each problem."""
    pairs = minus(part(run, "after")["natural"]["right"], at(run, 32)["right"])
    return [100 * value for value in pairs]


def _thinking(arms: Arms) -> list[Table]:  # O1-02
    pairs = alike(arms("trained"), arms("base"))
    twice = [minus(worth(a), [2 * v for v in worth(b)]) for a, b in pairs]
    return [[worth(run) for run in arms("trained")], twice]


def harder_longer(run: Run) -> float:
    """Minus the rank correlation between the pass rate of a problem's one half of answers and the
    mean length of the other half; mean of both ways round. 0 where too few problems are left."""
    one, other = part(run, "after")["halves"]
    found = []
    for a, b in ((one, other), (other, one)):
        pairs = [(r, n) for r, n in zip(a["right"], b["length"], strict=True) if n is not None]
        found.append(-stats.rank_correlation(*zip(*pairs, strict=True)) if len(pairs) > 2 else 0.0)
    return sum(found) / 2


def _difficulty(arms: Arms) -> list[Table]:
    pairs = alike(arms("trained"), arms("base"))
    after = [harder_longer(run) for run in arms("trained")]
    return [[[v] for v in after], [[harder_longer(a) - harder_longer(b)] for a, b in pairs]]


def spread(run: Run, key: str) -> float:
    """Standard deviation of accuracy over the last neighbouring checkpoints, points."""
    rights = [np.mean(line[key]) for line in run.metrics if key in line]
    return 100 * float(np.std(rights, ddof=1))


def _waited(arms: Arms) -> list[Table]:  # X-18, with the number of Waits that helps most
    rows = []
    for run in arms("trained"):
        found = part(run, "after")
        best = max(found["waits"], key=lambda point: np.mean(point["right"]))
        rows.append([100 * v for v in minus(best["right"], found["natural"]["right"])])
    return [rows]


def _greedy(arms: Arms) -> list[Table]:
    seen = [part(run, "after")["repeats"] for run in arms("trained")]
    more = [[100.0 * v for v in minus(one[str(GREEDY)], one[str(COOL)])] for one in seen]
    runs = arms("checkpoints/rule")
    return [more, [[spread(run, "greedy") - spread(run, "cool")] for run in runs]]


def figure(run: Run):
    """Accuracy over tokens of thought."""
    found = run.summary["measured"]
    drawn, axis = plots.canvas(width=5.4)
    curve(axis, [run], plots.BLUE, "ended by force")
    axis.plot(found["natural"]["tokens"], 100 * np.mean(found["natural"]["right"]), "o",
              color=plots.ORANGE, label="natural end")  # fmt: skip
    for again, one in enumerate(found["waits"]):
        axis.plot(one["tokens"], 100 * np.mean(one["right"]), "^", color=plots.GREEN,
                  label="told to wait" if not again else None)  # fmt: skip
    axis.legend(fontsize=8)
    axis.set(title="What tokens of thought are worth", xlabel="mean tokens of thought")
    axis.set_ylabel("right, %")
    plots.write_below(drawn, f"n = {len(found['natural']['right'])} held-out problems.")
    plots.tidy(drawn)
    return drawn


def curve(axis, runs: list[Run], colour, label: str) -> None:
    """Mean accuracy over mean tokens of thought, a thin line a seed, a thick one their mean."""
    rows = [[(p["tokens"], 100 * np.mean(p["right"])) for p in part(run, "after")["budgets"]]
            for run in runs]  # fmt: skip
    for row in rows:
        axis.plot(*np.transpose(row), color=colour, linewidth=0.5)
    axis.plot(*np.mean(rows, 0).T, color=colour, linewidth=2, marker=".", label=label)
    axis.set_xscale("log")


EXPERIMENTS = (
    Experiment(
        name="budgets",
        lesson="01",
        section="o1, chart of test-time compute",
        about="accuracy against tokens of thought: cut, natural, told to wait; nothing is trained",
        arms=(
            Arm("trained", "budgets: the models of run zero", (), {"of": "zero-rule"}),
            Arm("base", "budgets: their base"),
            Arm("think-on", "budgets: their base, made to think on", (), {"think_on": True}),
        ),
        measure=measure,
        figure=figure,
        evidence={"O1-02": _thinking, "R-07": _difficulty, "R-10": _greedy, "X-18": _waited},
        minutes={"cpu": {"quick": 4}},
        on={"cpu": {"size": 4, "max_new": 900, "eval_problems": 64}},
        settings={"of": "", "think_on": False, "samples": 6, "waits": 2},
    ),
)
