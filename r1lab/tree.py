"""Monte Carlo tree search with a learned value, AlphaZero's way (DeepSeek-R1, 4.2).

One simulation goes down the tree to a state that is not in it yet, asks what that state is worth
and where one could go from it, and tells all states above. A game is one function, `expand`: what
the two games of lesson 07, over sums and over tokens, differ in is in `games`. Left out: random
playouts, noise at the root, several searches in one tree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

EXPLORE = 0.03  # weight of what is likely and hardly visited against what has been worth much


@dataclass
class Node:
    """A state of the tree. prior: how likely its parent's policy goes there. visits and total: of
    the simulations that came through, and the sum of their values. children: None before it was
    asked, [] where the game ends. done: nothing behind it is left to be found."""

    state: object
    prior: float = 1.0
    visits: int = 0
    total: float = 0.0
    children: list[Node] | None = None
    done: bool = field(default=False, repr=False)

    @property
    def value(self) -> float:
        """The mean of what its simulations found; 0 before the first."""
        return self.total / self.visits if self.visits else 0.0


@dataclass(frozen=True)
class Found:
    """What the game says of a state. value: between 0 and 1; at an end 1 is won. next: (prior,
    state) of each move, none at an end. tokens: that a model had to read for it."""

    value: float
    next: Sequence[tuple[float, object]] = ()
    tokens: int = 0


Expand = Callable[[list], list[Found]]  # states -> what the game says of each


@dataclass(frozen=True)
class Search:
    """What became of one tree. root: the tree; won: the path of states to the first end that is
    won, () where there is none; after: simulations until then, or all; tokens: read until then."""

    root: Node
    won: tuple
    after: int
    tokens: int


def upper_bound(parent: Node, child: Node, explore: float = EXPLORE) -> float:
    """What a child promises: its mean value, plus a bonus that is large where it is likely and has
    few of its parent's visits (PUCT). A child without visits counts as worth what its parent is."""
    mean = child.value if child.visits else parent.value
    return mean + explore * child.prior * parent.visits**0.5 / (1 + child.visits)


def select(root: Node, explore: float = EXPLORE) -> list[Node]:
    """The way down from the root to a state that was not asked yet; of equal promises the first.
    What is done is passed by."""
    path = [root]
    while path[-1].children:
        here = path[-1]
        left = [child for child in here.children if not child.done]
        path.append(max(left, key=lambda child: upper_bound(here, child, explore)))
    return path


def back_up(path: Sequence[Node], value: float) -> None:
    """Count a simulation in every state on its way."""
    for node in path:
        node.visits += 1
        node.total += value


def simulate(path: Sequence[Node], found: Found) -> None:
    """One simulation, once the game has spoken about the last state of its way: put the state's
    moves below it, tell the states above, and close what has nothing left."""
    leaf = path[-1]
    leaf.children = [Node(state, prior) for prior, state in found.next]
    back_up(path, found.value)
    for node in reversed(path):  # an end, or all below it are done
        node.done = all(child.done for child in node.children)


def search(
    starts: Sequence, expand: Expand, simulations: int, explore: float = EXPLORE
) -> list[Search]:
    """A tree for each start, grown side by side so that a model reads many states at once. A tree
    stops at its first won end, and where it has been seen to its last end."""
    roots = [Node(start) for start in starts]
    tokens, results = [0] * len(roots), [None] * len(roots)
    for n in range(1, simulations + 1):
        open_ = [i for i, root in enumerate(roots) if results[i] is None and not root.done]
        paths = [select(roots[i], explore) for i in open_]
        for i, path, found in zip(open_, paths, expand([p[-1].state for p in paths]), strict=True):
            simulate(path, found)
            tokens[i] += found.tokens
            if not found.next and found.value == 1:
                won = tuple(node.state for node in path)
                results[i] = Search(roots[i], won, n, tokens[i])
    rows = zip(results, roots, tokens, strict=True)
    return [one or Search(root, (), simulations, spent) for one, root, spent in rows]


def depth_first(start, moves: Callable, most: int) -> int | None:
    """How many states a depth-first search visits until it finds a won end, moves in the order
    they come; None where `most` states do not suffice. moves(state) -> states, or True or False at
    an end."""
    stack, visited = [start], 0
    while stack and visited < most:
        here = moves(stack.pop())
        visited += 1
        if here is True:
            return visited
        if here is not False:
            stack.extend(reversed(here))
    return None
