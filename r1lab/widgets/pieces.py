"""The clock of lesson 08: completions as bars over time, whole or in pieces.

`schedule` is what `r1lab.partial` does to given lengths, without a model: groups under way, a piece
for each completion, an update on the oldest groups that are done. What moves is `pieces.js`, in the
output itself, so that the slider works without a kernel and in exported HTML too.
"""

import base64
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import plots
from r1lab.partial import AHEAD
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
PIECES = (16, 32, 48, 64, 96, 128, 192, 256)
AGES = ("#0072B2", "#E69F00", "#D55E00", "#999999")  # fresh, one update old, two, more


def schedule(groups: list[list[int]], updates: int, piece: int, ahead: int = AHEAD) -> dict:
    """Groups of completions with these lengths, learnt from in `updates` equal parts, a piece of so
    many tokens at a time; `ahead` parts are under way.

    Gives segments [row, begins at, tokens, how many updates were before], when each update comes,
    decoding steps in all, the share of the tokens that are older than the policy that learns from
    them, and which update learns from each row. A piece as long as the longest with `ahead` 1 is a
    whole rollout."""
    n, done = len(groups) // updates, 0
    left = [list(lengths) for lengths in groups]
    first = [sum(map(len, groups[:g])) for g in range(len(groups))]
    under, begun, clock, old = [], 0, 0, 0
    segments, times, born, learns = [], [], {}, {}
    while done < updates:
        while len(under) < ahead * n and begun < len(groups):
            under.append(begun)
            begun += 1
        rows = [(g, i) for g in under for i, rest in enumerate(left[g]) if rest]
        for g, i in rows:
            tokens = min(piece, left[g][i])
            segments.append([first[g] + i, clock, tokens, done])
            born.setdefault(g, []).append((done, tokens))
        clock += max((min(piece, left[g][i]) for g, i in rows), default=0)
        for g, i in rows:
            left[g][i] -= min(piece, left[g][i])
        ready = [g for g in under if not any(left[g])][:n]
        if len(ready) == n:
            old += sum(t for g in ready for at, t in born[g] if at < done)
            learns |= {first[g] + i: done for g in ready for i in range(len(groups[g]))}
            under = [g for g in under if g not in ready]
            times.append(clock)
            done += 1
    tokens = sum(map(sum, groups))
    shares = {"steps": clock, "old": old / tokens, "learns": learns}
    return {"segments": segments, "times": times} | shares


def whole(groups: list[list[int]], updates: int, parts: int = 1) -> int:
    """Decoding steps of whole completions, those of `parts` updates sampled at once."""
    n = parts * len(groups) // updates
    return sum(max(map(max, groups[i : i + n])) for i in range(0, len(groups), n))


def state(lengths: list[list[int]], updates: int, pieces=PIECES) -> dict:
    """What the clock shows. lengths: of the completions of each group, in the order they are asked;
    their number is a multiple of `updates`. whole: decoding steps where an update's completions are
    sampled at once; many: where as many are as pieces have under way."""
    ends = {"whole": whole(lengths, updates), "many": whole(lengths, updates, AHEAD)}
    return {"groups": lengths, "updates": updates, "pieces": list(pieces)} | ends


def draw(state: dict, piece: int = 64) -> Figure:
    """The still face: whole rollouts above, pieces below, on one clock."""
    figure, axes = plots.canvas(2, height=3.4, sharex=True, sharey=True)
    longest = max(map(max, state["groups"]))
    for axis, size, ahead, name in (
        (axes[0], longest, 1, "whole"), (axes[1], piece, AHEAD, f"{piece} tokens at a time"),
    ):  # fmt: skip
        found = schedule(state["groups"], state["updates"], size, ahead)
        for at in found["times"]:
            axis.axvline(at, color="#CCCCCC", linewidth=1, zorder=0)
        for row, start, tokens, before in found["segments"]:
            age = min(found["learns"][row] - before, len(AGES) - 1)
            axis.barh(row, tokens, left=start, height=0.8, color=AGES[age], linewidth=0)
        axis.set(title=f"{name}: {found['steps']} steps", xlabel="decoding steps")
    axes[0].set_ylabel("completion")
    axes[0].invert_yaxis()
    plots.tidy(figure)
    return figure


def in_words(state: dict) -> str:
    """The same as a table of text."""
    rows = sum(map(len, state["groups"]))
    lines = [
        f"{rows} completions, {state['updates']} updates; whole: {state['whole']} steps, "
        f"{state['many']} with {AHEAD} updates' completions at once"
    ]
    for piece in state["pieces"]:
        found = schedule(state["groups"], state["updates"], piece)
        saved = 100 * (1 - found["steps"] / state["whole"])
        lines.append(
            f"pieces of {piece:3}: {found['steps']:5} decoding steps, {saved:3.0f} % saved, "
            f"{100 * found['old']:3.0f} % of the tokens older than the policy that learns"
        )
    return "\n".join(lines)


def page(state: dict, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    slider in its place wherever scripts run."""
    picture = f'<img src="data:image/png;base64,{still}" alt="completions over time">'
    return scripted("pieces", state, picture, SCRIPT)


def rollout_clock(lengths: list[list[int]], updates: int) -> None:
    """Show the clock for completions of these lengths, see `state`; it needs no kernel."""
    shown = state(lengths, updates)
    still = base64.b64encode(plots.png(draw(shown))).decode()
    display({"text/html": page(shown, still), "text/plain": in_words(shown)}, raw=True)
