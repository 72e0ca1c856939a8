"""The compute ledger of lesson 06: drag the prices, and see whether teaching or reinforcement
learning is ahead for the same bill.

What moves is `prices.js`, in the output itself, so it works without a kernel and in exported HTML
too. A bill is in units, such as 10^12 operations; a price is what one unit costs.
"""

import base64
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import plots
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
PRICES = (0, 0.1, 0.2, 0.5, 1, 2, 5, 10)  # of a unit of the teacher's work, a student's costs 1
SHARED = (1, 2, 5, 10, 100)  # students that the training of one teacher serves


def bill(row: dict, price: float, shared: int) -> float:
    """What a taught student costs: its own work, and its part of the teacher's."""
    return row["student"] + price * (row["training"] / shared + row["asking"])


def bought(curve: list[list[float]], spent: float) -> tuple[float, bool]:
    """Percent right that reinforcement learning reaches for a bill, and whether the curve ends
    before it. curve: [bill so far, percent right] from the base on."""
    reached = [right for so_far, right in curve if so_far <= spent]
    return (reached or [curve[0][1]])[-1], spent > curve[-1][0]


def said(data: dict, price: float, shared: int) -> list[str]:
    """A line a taught student: its bill, and who is ahead for it."""
    lines = []
    for row in data["rows"]:
        spent = bill(row, price, shared)
        right, beyond = bought(data["curve"], spent)
        ahead = row["right"] - right
        who = "the taught one" if ahead > 0 else "reinforcement learning"
        more = " (its longest run)" if beyond else ""
        lines.append(
            f"{row['name']}: bill {spent:.2f}, right {row['right']:.1f} %; reinforcement learning "
            f"for the same: {right:.1f} %{more}. Ahead: {who}, by {abs(ahead):.1f} points"
        )
    return lines


def draw(data: dict, price: float = 1, shared: int = 1) -> Figure:
    """The still face: the curve of reinforcement learning, and each taught student twice, with the
    teacher free (empty) and at that price (full)."""
    figure, axis = plots.canvas(width=6.4)
    axis.plot(*zip(*data["curve"], strict=True), color=plots.GREY, label="reinforcement learning")
    for row, colour in zip(data["rows"], (plots.BLUE, plots.ORANGE, plots.GREEN), strict=False):
        free, paid = bill(row, 0, shared), bill(row, price, shared)
        axis.plot([free, paid], [row["right"]] * 2, color=colour, linewidth=0.8)
        axis.plot(free, row["right"], "o", color=colour, markerfacecolor="white")
        axis.plot(paid, row["right"], "o", color=colour, label=row["name"])
    axis.set(title="Empty: teacher free. Full: teacher paid", ylim=(0, 100), ylabel="right, %")
    axis.set_xlabel(f"bill, {data['unit']}")
    if data["rows"]:
        axis.set_xscale("log")
        axis.legend(fontsize=8)
    return figure


def page(data: dict, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    sliders in its place wherever scripts run. It asks for nothing outside, and names are written
    as text alone."""
    picture = f'<img src="data:image/png;base64,{still}" alt="percent right against the bill">'
    state = data | {"prices": PRICES, "shares": SHARED}
    return scripted("prices", state, picture, SCRIPT)


def price_ledger(data: dict) -> None:
    """Show the ledger; it needs no kernel. data: curve (see `bought`), rows with name, right, and
    the bills student, training and asking, and the name of the unit."""
    still = base64.b64encode(plots.png(draw(data))).decode()
    words = [f"teacher at price {price}:\n" + "\n".join(said(data, price, 1)) for price in (0, 1)]
    display({"text/html": page(data, still), "text/plain": "\n".join(words)}, raw=True)
