"""The advantage playground of lesson 02: click rewards, see advantages and weights change."""

import torch
from IPython.display import display
from matplotlib.figure import Figure

from r1lab import losses, plots
from r1lab.plots import BLUE, GREEN, GREY, ORANGE
from r1lab.widgets.live import with_widget

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


class AdvantagePlayground:
    """Eight completions of one prompt: click who is right, set the lengths, choose the loss.

    `rewards`, `lengths`, `form` are the state; `box` is the widget, or None without
    ipywidgets. `numbers()` is what is drawn.
    """

    def __init__(self, rewards=REWARDS, lengths=LENGTHS, form: str = "GRPO"):
        self.rewards, self.lengths, self.form = list(rewards), list(lengths), form
        self.box = None
        try:
            import ipywidgets
        except ImportError:
            return
        self._make(ipywidgets)

    def numbers(self) -> dict[str, torch.Tensor]:
        return advantages_and_weights(self.rewards, self.lengths, self.form)

    def figure(self) -> Figure:
        return draw_playground(self.rewards, self.lengths, self.form)

    def _make(self, w) -> None:
        slim, row = w.Layout(width="118px"), w.Layout(flex_flow="row wrap")
        self.toggles = [w.ToggleButton(value=bool(r), layout=slim) for r in self.rewards]
        self.sliders = [
            w.IntSlider(value=n, min=10, max=CAP, step=10, readout=False, continuous_update=False,
                        layout=w.Layout(width="118px"))
            for n in self.lengths
        ]  # fmt: skip
        self.choice = w.ToggleButtons(
            options=list(FORMS), value=self.form, style={"button_width": "90px"}
        )
        self.picture = w.Image(format="png")
        columns = [w.VBox(pair) for pair in zip(self.toggles, self.sliders, strict=True)]
        hint = w.Label(
            "Click who is right (blue bars, wrong ones orange); drag how long each completion is."
        )
        self.box = w.VBox([self.choice, hint, w.HBox(columns, layout=row), self.picture])
        for control in (*self.toggles, *self.sliders, self.choice):
            control.observe(self._changed, names="value")
        self._changed(None)

    def _changed(self, _) -> None:
        self.rewards = [int(t.value) for t in self.toggles]
        self.lengths = [s.value for s in self.sliders]
        self.form = self.choice.value
        for i, toggle in enumerate(self.toggles, start=1):
            toggle.description = f"{i}: {'right' if toggle.value else 'wrong'}"
            toggle.button_style = "info" if toggle.value else ""
        self.picture.value = plots.png(self.figure())


def advantage_playground(**start) -> None:
    """Show the playground: `rewards`, `lengths` and `form` may be given."""
    playground = AdvantagePlayground(**start)
    caption = "One group of 8 completions; first update after sampling, so the ratio is 1."
    faces = plots.faces(playground.figure(), caption)
    display(with_widget(faces, playground.box), metadata=plots.about(caption), raw=True)
