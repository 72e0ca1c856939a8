"""The search tree of lesson 07: grow it a simulation at a time and see visits, values and priors.

`gather` asks base and judge once about every state of a problem of three numbers. What grows is
`searchtree.js`, in the output itself, so it works without a kernel and in exported HTML too.
"""

import base64
from pathlib import Path

from IPython.display import display
from matplotlib.figure import Figure

from r1lab import games, plots, prm, steps, tasks, tree
from r1lab.tree import Found
from r1lab.widgets.live import scripted

SCRIPT = Path(__file__).with_suffix(".js")
EXPLORE = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
STILL = 12  # simulations in the picture for pages without scripts


def gather(judge: prm.Judge, problem: tasks.Problem) -> dict:
    """Every state of the game of sums on a problem of three numbers: what leads there, what is
    left, its children, how likely the base finds it, and what it is worth to the learned judge
    ("learned") and in truth ("exact")."""
    states = [games.start(problem)]
    nodes = [{"step": tasks.short(problem), "prior": 1.0}]
    expand = games.over_sums(judge, judge.model)
    at = 0
    while at < len(states):  # level by level, each with one forward pass
        level = list(range(at, len(states)))
        at = len(states)
        for i, found in zip(level, expand([states[i] for i in level]), strict=True):
            left = [value for value, _ in states[i].values]
            truth = float(steps.reachable(left, problem.target))
            nodes[i] |= {"left": ", ".join(map(str, left)), "children": [],
                         "worth": {"learned": round(found.value, 4), "exact": truth}}  # fmt: skip
            for prior, state in found.next:
                nodes[i]["children"].append(len(states))
                states.append(state)
                nodes.append({"step": state.steps[-1], "prior": round(prior, 4)})
    return {"nodes": nodes, "explore": list(EXPLORE)}


def grown(data: dict, simulations: int, explore: float, value: str, prior: str) -> tree.Search:
    """The same tree in Python. value: "learned", "exact" or "nothing"; prior: "base" or "alike"."""
    nodes = data["nodes"]

    def expand(asked: list[int]) -> list[Found]:
        return [_found(nodes, i, value, prior) for i in asked]

    return tree.search([0], expand, simulations, explore)[0]


def _found(nodes: list[dict], i: int, value: str, prior: str) -> Found:
    children = nodes[i]["children"]
    if not children:
        return Found(nodes[i]["worth"]["exact"])
    worth = 0.5 if value == "nothing" else nodes[i]["worth"][value]
    alike = 1 / len(children)
    return Found(worth, [(nodes[c]["prior"] if prior == "base" else alike, c) for c in children])


def _rows(node: tree.Node, depth: int = 0):
    """Visited states with their depth, from the root down."""
    yield depth, node
    for child in node.children or ():
        if child.visits:
            yield from _rows(child, depth + 1)


def draw(data: dict) -> Figure:
    """The still face: the tree after some simulations."""
    found = grown(data, STILL, 0.03, "learned", "base")
    rows = list(_rows(found.root))
    figure, axis = plots.canvas(width=6.0, height=0.5 + 0.24 * len(rows))
    for y, (depth, node) in enumerate(rows):
        words = (
            f"{data['nodes'][node.state]['step']}   visits {node.visits}, value {node.value:.2f}"
        )
        axis.text(depth, y, words, va="center", fontsize=9)
    axis.set(xlim=(-0.1, 4), ylim=(len(rows), -1), xticks=[], yticks=[])
    axis.set_title(f"After {found.after} simulations")
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return figure


def in_words(data: dict) -> str:
    """The same as text."""
    found = grown(data, STILL, 0.03, "learned", "base")
    lines = [f"{'  ' * depth}{data['nodes'][node.state]['step']}: visits {node.visits}, value "
             f"{node.value:.2f}" for depth, node in _rows(found.root)]  # fmt: skip
    return "\n".join([f"after {found.after} simulations", *lines])


def page(data: dict, still: str) -> str:
    """The instrument as HTML: the picture `still` (a PNG in base64), and the script that puts the
    tree in its place wherever scripts run."""
    picture = (
        f'<img src="data:image/png;base64,{still}" alt="a search tree after some simulations">'
    )
    return scripted("searchtree", data, picture, SCRIPT)


def search_tree(data: dict) -> None:
    """Show the tree over what `gather` gives; it needs no kernel."""
    still = base64.b64encode(plots.png(draw(data))).decode()
    display({"text/html": page(data, still), "text/plain": in_words(data)}, raw=True)
