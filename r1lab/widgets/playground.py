"""The advantage playground of lesson 02: click rewards, see advantages and weights change.

What moves is `playground.js`, in the output itself. Here: the same numbers from `losses`, which
a test compares with the script's, and the still faces for pages that run no script.
"""

import base64
from pathlib import Path

import torch
from IPython.display import display
from matplotlib.figure import Figure

from r1lab import losses, plots
from r1lab.plots import BLUE, GREEN, GREY, ORANGE
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
CAPTION = "One group of 8 completions; first update after sampling, so the ratio is 1."

FORMS = {  # name on the button -> (name in losses.PUBLISHED, scale of the advantages)
    "GRPO": ("grpo", "group"),
    "Dr. GRPO": ("dr_grpo", "none"),
    "DAPO": ("dapo", "group"),
}
REWARDS = (1, 0, 0, 1, 0, 0, 0, 0)
LENGTHS = (20, 20, 40, 60, 60, 80, 120, 200)
CAP = 200  # the longest completion that may be sampled: Dr. GRPO's divisor


def advantages_and_weights(rewards, lengths, form: str, cap: int = CAP) -> dict[str, torch.Tensor]:
    """What one group of completions does to the policy in its first update.

    rewards, lengths: G numbers each; form: a key of `FORMS`; returns, all (G,):
    `advantage`; `token`, the weight on the log-probability of each token (positive: made
    likelier), which is minus the loss's gradient; `whole`, token times length.
    """
    name, scale = FORMS[form]
    objective = losses.PUBLISHED[name]
    rewards = torch.tensor([rewards], dtype=torch.float64)
    lengths = torch.as_tensor(lengths)
    advantage = losses.group_advantages(rewards, scale)[0]
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    logps = torch.zeros(mask.shape, dtype=torch.float64, requires_grad=True)
    divisor = losses.loss_divisor(mask, objective.average, cap)
    losses.policy_loss(logps, logps, advantage, mask, objective, divisor).backward()
    whole = 0.0 - logps.grad.sum(1)
    return {"advantage": advantage, "token": whole / lengths, "whole": whole}


def draw_playground(rewards, lengths, form: str) -> Figure:
    """Rewards, advantages and weights of a group of completions, side by side."""
    found = advantages_and_weights(rewards, lengths, form)
    figure, axes = plots.canvas(3, height=3.4, width=3.5, sharey=True)
    names = [f"{i + 1}: {n} tokens" for i, n in enumerate(lengths)]
    places = range(len(names))
    right = sum(r > 0 for r in rewards)
    silent = len(set(rewards)) == 1
    columns = (
        ("advantage", 1, f"{form}: {right} of {len(names)} right", "advantage", "{:+.2f}"),
        ("token", 1000, "Push on each token", "weight of a token, thousandths", "{:+.2f}"),
        (
            "whole",
            1000,
            "Push on the whole completion",
            "token weight x length, thousandths",
            "{:+.0f}",
        ),
    )
    for axis, (key, factor, title, label, form_of_number) in zip(axes, columns, strict=True):
        values = [round(factor * v, 6) + 0.0 for v in found[key].tolist()]
        axis.barh(places, values, color=[BLUE if r else ORANGE for r in rewards], height=0.7)
        reach = max(map(abs, values)) or 1.0
        for y, value in zip(places, values, strict=True):
            side = 1 if value >= 0 else -1
            axis.text(value + 0.04 * reach * side, y, form_of_number.format(value), va="center",
                      ha="left" if side > 0 else "right", fontsize=8)  # fmt: skip
        axis.axvline(0, color=GREY, linewidth=0.8)
        axis.set(title=title, xlabel=label, xlim=(-1.45 * reach, 1.45 * reach))
    axes[0].set_yticks(places, names)
    axes[0].invert_yaxis()
    if silent:
        axes[0].text(0, len(names) / 2 - 0.5, "all equal: this group\nteaches nothing", ha="center",
                     va="center", color=GREEN, backgroundcolor="white")  # fmt: skip
    plots.tidy(figure)
    return figure


def page(rewards, lengths, form: str, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts
    buttons, sliders and bars in its place wherever scripts run. It asks for nothing outside."""
    state = {"rewards": list(rewards), "lengths": list(lengths), "form": form, "cap": CAP}
    picture = f'<img src="data:image/png;base64,{still}" alt="{CAPTION}" style="max-width:100%">'
    return scripted("playground", state, picture, SCRIPT)


def in_words(rewards, lengths, form: str) -> str:
    """The same as a table of text."""
    found = advantages_and_weights(rewards, lengths, form)
    lines = [CAPTION, f"{form}:  tokens  advantage  push on a token (thousandths)"]
    rows = zip(lengths, found["advantage"].tolist(), found["token"].tolist(), strict=True)
    lines += [f"{i}  {n:6}  {a:+9.2f}  {1000 * t:+9.2f}" for i, (n, a, t) in enumerate(rows, 1)]
    return "\n".join(lines)


def advantage_playground(rewards=REWARDS, lengths=LENGTHS, form: str = "GRPO") -> None:
    """Show the playground; it needs no kernel, and lives in exported HTML too.

    rewards: 0 or 1 a completion; lengths: 20 to 200 tokens; form: a key of `FORMS`.
    """
    still = base64.b64encode(plots.png(draw_playground(rewards, lengths, form))).decode()
    html, text = page(rewards, lengths, form, still), in_words(rewards, lengths, form)
    display({"text/html": html, "text/plain": text}, raw=True)
