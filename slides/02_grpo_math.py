"""Figures and numbers of deck 02: exact, on the question of the three-letter language that lesson
02's exercises use; the last result is that of recorded runs."""

import re
from pathlib import Path

import numpy as np
import torch
from figures import BLUE, GREEN, GREY, INK, ORANGE, bars, canvas, ends, gained, intervals, say

from r1lab import drawings, losses, plots
from r1lab.checks.letters import ANSWERS, GROUPS, IDS, LENGTHS, RIGHT, START
from r1lab.experiments import grpo_math

MASK = torch.arange(2) < LENGTHS[:, None]
MOVED = 1.5 * START  # a policy that has already moved
GOAL = 0.95  # right, at which the forms are compared
LESSON = Path(__file__).resolve().parent.parent / "notebooks" / "src" / "02_grpo_math.py"


def tokens(theta):
    """(5, 2): log pi of each token of each completion of 91."""
    return theta.log_softmax(-1)[torch.arange(2), IDS]


def logps(theta):
    """(5,): of each whole completion."""
    return (tokens(theta) * MASK).sum(-1)


def gradient(function, theta):
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(function(theta), theta)[0]


P = logps(START).exp()
SCORE = torch.autograd.functional.jacobian(logps, START).flatten(1)  # (5, 6)
EXACT = gradient(lambda theta: logps(theta).exp() @ RIGHT, START)


def tree(runs):
    figure, axis = canvas(height=3.3, width=6.0)
    right = {a for a, r in zip(ANSWERS, RIGHT, strict=True) if r}
    drawings.tree(axis, dict(zip(ANSWERS, P.tolist(), strict=True)), right)
    for words in axis.texts:
        words.set(fontsize=12, color="black")
    axis.tick_params(labelsize=11)
    return figure


def error(size: int):
    """Mean distance of the score-function estimate from the exact slope, 1,000 batches."""

    def measured(runs) -> float:
        drawn = torch.multinomial(P, 1000 * size, True, generator=torch.Generator().manual_seed(0))
        each = (RIGHT[:, None] * SCORE)[drawn].view(1000, size, -1).mean(1)
        return (each - EXACT.flatten()).norm(dim=1).mean().item()

    return measured


def spread(bonus: float, baseline: bool) -> float:
    """Mean squared distance from the exact slope over all 625 groups of four. A mean that holds
    one's own reward makes the slope too small by 3 in 4; that is undone."""
    reward = (RIGHT + bonus)[GROUPS]
    if baseline:
        reward = (reward - reward.mean(1, keepdim=True)) * 4 / 3
    found = (reward[..., None] * SCORE[GROUPS]).mean(1)
    return (P[GROUPS].prod(1) @ (found - EXACT.flatten()).square().sum(1)).item()


def noise(runs):
    figure, axis = canvas(width=6.2)
    rows = (("right pays 1", 0), ("right pays 11,\nwrong pays 10", 10))
    for x, (_, bonus) in enumerate(rows):
        for side, (colour, words) in ((-1, (GREY, "no baseline")), (1, (BLUE, "group mean"))):
            y = spread(bonus, side > 0)
            axis.bar(x + 0.2 * side, y, 0.36, color=colour)
            axis.text(x + 0.2 * side, 1.12 * y, f"{y:.2f}", ha="center", fontsize=11)
            if not bonus:
                say(axis, 0.2 * side, 0.3, words, colour, ha="center", fontsize=13)
    axis.set_xticks(range(2), [words for words, _ in rows], fontsize=12)
    axis.set(yscale="log", ylim=(0.01, 40), ylabel="squared error of the slope")
    axis.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axis.grid(axis="x", visible=False)
    return figure


def lone_winner(correction: int):
    """The advantage of one right answer of 16, by the form of the standard deviation."""

    def advantage(runs) -> float:
        reward = torch.tensor([1.0] + [0.0] * 15, dtype=torch.float64)
        return ((reward - reward.mean()) / reward.std(correction=correction))[0].item()

    return advantage


def silent(runs):
    figure, axis = canvas(width=6.4)
    x = np.linspace(0, 1, 201)
    for G, colour, at in ((4, GREEN, 92), (8, ORANGE, 76), (16, BLUE, 60)):
        axis.plot(100 * x, 100 * (x**G + (1 - x) ** G), color=colour, linewidth=2)
        axis.plot([36, 42], [at, at], color=colour, linewidth=3)
        say(axis, 44, at, f"groups of {G}", colour, fontsize=13)
    axis.set(xlabel="success rate p, %", ylabel="groups that teach nothing, %", ylim=(0, 102))
    return figure


def case(ratio: float, advantage: float):
    """The slope of the clipped loss on log pi, turned so that plus means likelier."""

    def pull(runs) -> float:
        logp = torch.tensor([[float(np.log(ratio))]], requires_grad=True)
        one, good = torch.ones(1, 1), torch.tensor([advantage])
        losses.policy_loss(logp, torch.zeros(1, 1), good, one).backward()
        return -logp.grad.item()

    return pull


def sixteen_updates(eps: float, seed: int, rate: float = 2.0) -> list[tuple[float, float]]:
    """Clipped share and P(right) before each of 16 updates from one rollout."""
    theta, g = START.clone().requires_grad_(), torch.Generator().manual_seed(seed)
    form, path = losses.Objective(clip_low=eps, clip_high=eps), []
    for picks in torch.multinomial(P, 128, True, generator=g).view(16, 8):
        A = losses.group_advantages(RIGHT[picks][None])[0]
        batch = tokens(theta)[picks], tokens(START)[picks], A, MASK[picks]
        right = (logps(theta).exp() @ RIGHT).item()
        path.append((float(losses.clip_fraction(*batch, form)), right))
        divisor = losses.loss_divisor(MASK[picks], form.average, 2)
        loss = losses.policy_loss(*batch, form, divisor)
        theta.data -= rate * torch.autograd.grad(loss, theta)[0]
    return path


def clipping(runs):
    figure, axes = canvas(2)
    for eps, colour in ((0.05, GREEN), (0.2, ORANGE), (10, BLUE)):
        rows = 100 * np.array([sixteen_updates(eps, seed) for seed in range(20)])
        for i, axis in enumerate(axes):
            plots.band(axis, range(1, 17), rows[:, :, i], colour)
        middle = rows.mean(0)[-1]
        up = {0.05: -4, 0.2: 4, 10: 0}[eps]
        say(axes[1], 16.5, middle[1] + up, f"clip {eps}", colour, fontsize=12)
    say(axes[0], 6, 7, "clip 10", BLUE, fontsize=12)
    axes[0].set(title="clipped tokens, %", ylim=(-3, 102))
    axes[1].set(title="right, %", ylim=(0, 102), xlim=(0, 22))
    for axis in axes:
        axis.set(xlabel="update from one rollout")
        axis.set_xticks([1, 8, 16])
    return figure


def kl(runs):
    figure, axis = canvas(width=6.6)
    ref, weight = logps(START), logps(MOVED).exp()
    ways = {
        "KL(policy||ref)": lambda t: (logps(t).exp() * (logps(t) - ref)).sum(),
        "KL(ref||policy)": lambda t: (ref.exp() * (ref - logps(t))).sum(),
        "k2 as a loss": lambda t: (weight * losses.kl_k2(logps(t), ref)).sum(),
        "k3 as a loss": lambda t: (weight * losses.kl_k3(logps(t), ref)).sum(),
    }
    look = {"KL(policy||ref)": (ORANGE, 0.95), "KL(ref||policy)": (BLUE, 0.95)}
    look |= {"k2 as a loss": (ORANGE, 0.45), "k3 as a loss": (BLUE, 0.45)}
    order = "KL(policy||ref)", "k2 as a loss", "KL(ref||policy)", "k3 as a loss"
    for i, name in enumerate(order):
        pulls = gradient(ways[name], MOVED)[0].tolist()
        colour, strong = look[name]
        at = [x + 0.2 * i for x in range(3)]
        axis.bar(at, pulls, 0.18, color=colour, alpha=strong, label=name)
    axis.set_xticks([0.3, 1.3, 2.3], ["t (think)", "y (yes)", "n (no)"], fontsize=12)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set_ylabel("slope, nats a unit of logit")
    axis.legend(fontsize=11, loc="upper right")
    return figure


def climb(kind: str, scale: str, rate: float = 0.2) -> np.ndarray:
    """(steps, 2): P(right), P(think first) on 91, in percent, under the expected update."""
    A, n = losses.group_advantages(RIGHT[GROUPS], scale), LENGTHS[GROUPS].double()
    share = {"grpo": 1 / (4 * n), "dr_grpo": torch.full_like(n, 1 / 8),
             "dapo": 1 / n.sum(1, keepdim=True).expand_as(n)}[kind]  # fmt: skip
    theta, path = START.clone(), []
    while True:
        now = logps(theta).exp()
        path.append(((now @ RIGHT).item(), theta[0].softmax(-1)[0].item()))
        if path[-1][0] >= GOAL:
            return 100 * np.array(path)
        weight = now[GROUPS].prod(1, keepdim=True) * A * share
        step = gradient(lambda t, w=weight: (w * logps(t)[GROUPS]).sum(), theta)
        theta = theta + rate * step


FORMS = {"GRPO": ("grpo", "group", BLUE), "DAPO": ("dapo", "group", GREEN)}
FORMS["Dr. GRPO"] = ("dr_grpo", "none", ORANGE)


def habit(runs):
    figure, axis = canvas(width=6.4)
    for name, (kind, scale, colour) in FORMS.items():
        path = climb(kind, scale)
        axis.plot(*path.T, color=colour, linewidth=2.5)
        say(axis, path[-1][0] + 1, path[-1][1], f"{name} {path[-1][1]:.0f}", colour, fontsize=13)
    start = 100 * START.exp()[0, 0].item()
    axis.axhline(start, color=INK[GREY], linestyle=":", linewidth=1.2)
    axis.set(xlabel="right, %", ylabel="thinks first, %", xlim=(20, 118), ylim=(0, 58))
    axis.set_xticks([25, 50, 75, 95])
    return figure


def weight(runs):
    figure, axis = canvas(width=4.6, height=3.5)
    n = np.arange(10, 201)
    axis.plot(n, 200 / n, color=BLUE, linewidth=2.5)
    axis.plot(n, 0 * n + 1, color=ORANGE, linewidth=2.5)
    say(axis, 38, 8, "GRPO", BLUE, fontsize=14)
    say(axis, 125, 3.4, "Dr. GRPO, DAPO", ORANGE, fontsize=14, ha="center")
    axis.plot(20, 10, "o", color="black", markersize=8)
    axis.set(xlabel="tokens of the completion, |o|", ylabel="weight of a token (200: 1)")
    axis.set_ylim(0, 21)
    axis.set_yticks([0, 5, 10, 15, 20])
    return figure


def language_model(runs):
    figure, axis = canvas(height=3.0)
    axis.set_ylim(0, 108)
    rows = []
    for arm, words, colour in (
        ("rule", "GRPO,\nthe rule", BLUE), ("random", "GRPO,\na coin", GREY),
        ("format", "GRPO,\nthe form alone", GREY),
    ):  # fmt: skip
        rows.append((words, ends(runs, f"habits/{arm}"), colour))
    bars(axis, rows)
    before = np.mean(ends(runs, "habits/rule", when="before"))
    axis.axhline(before, color="black", linestyle=":", linewidth=1.5)
    axis.set_ylabel("right, %")
    return figure


def choices(runs):
    shown = {
        "clip-10": "clip 10,\n4 updates", "gspo": "one ratio an\nanswer, 8",
        "kl-0.4": "KL term, 0.4", "kl-anew": "the same, a\nnew reference",
        "ppo-1": "PPO,\n4 updates",
    }  # fmt: skip
    found = grpo_math.worth(runs, shown)
    figure, axis = canvas(height=4.3)
    intervals(axis, [(shown[arm], *interval) for arm, (_, interval) in found.items()])
    axis.set(xlabel="right, points from GRPO with one update a rollout", xlim=(-38, 11))
    return figure


def loop(runs) -> str:
    """The loop as the lesson has it, without its comments."""
    (code,) = re.findall(r"^def train\(.*?yield reward$", LESSON.read_text("utf-8"), re.M | re.S)
    code = re.sub(r" +#.*", "", code)
    code = code.replace(", compare=advantages, mean=per_completion", "")
    return code.replace("compare(", "advantages(").replace("mean(t", "per_completion(t")


FIGURES = {
    "tree": tree, "noise": noise, "silent": silent, "clipping": clipping, "kl": kl, "habit": habit,
    "weight": weight, "language_model": language_model, "choices": choices,
}  # fmt: skip
NUMBERS = {
    "right": lambda runs: (P @ RIGHT).item(),
    "error_4": error(4), "error_400": error(400), "slope": lambda runs: EXACT.norm().item(),
    **{f"slope_{x}": lambda runs, i=i: EXACT[0, i].item() for i, x in enumerate("tyn")},
    "lone_n": lone_winner(0), "lone_n_minus_1": lone_winner(1),
    "quiet": lambda runs: 0.95**8 + 0.05**8,
    "good_more": case(1.5, 1.0), "good_less": case(0.5, 1.0), "bad_more": case(1.5, -1.0),
    "bad_less": case(0.5, -1.0), "loop": loop,
    **{kind: lambda runs, form=(kind, scale): climb(*form)[-1][1]
       for kind, scale, _ in FORMS.values()},
    **gained("habits/rule"),
    "goal": lambda runs: GOAL,
    "start": lambda runs: 100 * START.exp()[0, 0].item(),
}  # fmt: skip
