"""Tree search on games that can be listed: values, visits and what is found are known beforehand."""

import random

import pytest
import torch

from r1lab import games, models, prm, steps, tasks, tree
from r1lab.tasks import Problem
from r1lab.tiny_world.competence import solutions
from r1lab.tree import Found, Node
from r1lab.verify import verify

DEPTH = 4
WON = "LRRL"


def binary(value, priors=(0.5, 0.5), won=WON):
    """A game of four turns, left or right, that one of sixteen ends wins. value: of a state."""

    def expand(asked):
        return [
            Found(float(s == won)) if len(s) == DEPTH
            else Found(value(s), [(priors[0], s + "L"), (priors[1], s + "R")], tokens=1)
            for s in asked
        ]  # fmt: skip

    return expand


def ideal(state):
    return float(WON.startswith(state))


def every(node):
    yield node
    for child in node.children or ():
        yield from every(child)


def test_with_the_true_value_it_walks_straight_to_the_end():
    (found,) = tree.search([""], binary(ideal), 100)
    assert found.won == ("", "L", "LR", "LRR", WON)
    assert found.after <= 2 * DEPTH + 1 and found.tokens == found.after - 1  # an end reads nothing
    (lucky,) = tree.search([""], binary(ideal, won="LLLL"), 100)
    assert lucky.root.state == ""


@pytest.mark.parametrize("explore", [0.0, 0.3, 1.0, 10.0])
def test_whatever_the_value_says_the_won_end_is_found_before_the_tree_is_through(explore):
    """31 states in all: even a value that is always wrong cannot hide one of them."""
    for value in (ideal, lambda s: 1 - ideal(s), lambda s: 0.5):
        (found,) = tree.search([""], binary(value), 31, explore)
        assert found.won and found.after <= 31


def test_a_lost_game_is_seen_to_its_last_end_and_no_state_twice():
    (found,) = tree.search([""], binary(lambda s: 0.5, won="none"), 500)
    nodes = list(every(found.root))
    assert not found.won and found.root.done and len(nodes) == 31
    assert found.root.visits == 31 and found.tokens == 15
    for node in nodes:  # a simulation in each state, and in all that are above it
        assert node.visits == len(list(every(node)))


def test_values_are_means_of_what_lies_below():
    worth = {"": 0.5, "L": 0.25, "R": 0.75}
    (found,) = tree.search([""], binary(lambda s: worth.get(s, 0.0)), 3)
    left, right = found.root.children
    assert (left.visits, right.visits) == (1, 1)
    assert found.root.value == pytest.approx((0.5 + 0.25 + 0.75) / 3)
    assert (left.value, right.value) == (0.25, 0.75)
    (more,) = tree.search([""], binary(lambda s: worth.get(s, 0.0)), 4)  # on to the better one
    assert [child.visits for child in more.root.children] == [1, 2]
    assert more.root.children[1].value == pytest.approx((0.75 + 0.0) / 2)


def test_the_upper_bound_by_hand():
    parent = Node("", visits=9, total=3.6)
    seen = Node("a", prior=0.2, visits=2, total=1.0)
    new = Node("b", prior=0.5)
    assert tree.upper_bound(parent, seen, explore=1.0) == pytest.approx(0.5 + 0.2 * 3 / 3)
    assert tree.upper_bound(parent, new, explore=1.0) == pytest.approx(0.4 + 0.5 * 3 / 1)
    assert tree.upper_bound(parent, new, explore=2.0) == pytest.approx(0.4 + 2 * 1.5)


def test_of_equal_moves_the_likelier_comes_first():
    (found,) = tree.search([""], binary(lambda s: 0.5, (0.1, 0.9)), 2)
    assert [child.visits for child in found.root.children] == [0, 1]


def test_trees_side_by_side_are_the_trees_one_by_one():
    starts = ["", "L", "LR", "R"]
    together = tree.search(starts, binary(lambda s: 0.5), 20)
    for start, found in zip(starts, together, strict=True):
        (alone,) = tree.search([start], binary(lambda s: 0.5), 20)
        assert (alone.won, alone.after, alone.tokens) == (found.won, found.after, found.tokens)
    assert not together[3].won and together[3].root.done  # nothing is won on the right


def test_depth_first_counts_states():
    def moves(state):
        return state == WON if len(state) == DEPTH else [state + "L", state + "R"]

    # L, LL with 7 states behind it (itself included), LR, LRL with 3, LRR, and the end
    assert tree.depth_first("", moves, 100) == 1 + 1 + 7 + 1 + 3 + 1 + 1
    assert tree.depth_first("", moves, 14) is None
    assert tree.depth_first("R", moves, 100) is None


def test_moves_of_two_and_of_three_numbers():
    two = games.moves(games.start(Problem("countdown", (2, 3), 6)))
    assert sorted(state.values[0][0] for state in two) == [1, 5, 6]
    same = games.moves(games.start(Problem("countdown", (2, 2), 6)))
    assert sorted(state.values[0][0] for state in same) == [1, 4]  # 2+2 and 2*2 are one move
    three = games.moves(games.start(Problem("countdown", (2, 3, 6), 6)))
    left = {tuple(sorted(value for value, _ in state.values)) for state in three}
    by_hand = {(1, 6), (5, 6), (6, 6), (3, 4), (3, 8), (3, 12), (3, 3), (2, 3), (2, 9), (2, 18),
               (2, 2)}  # fmt: skip
    assert left == by_hand


def test_the_game_of_sums_has_a_won_end_where_there_is_a_solution():
    """By an enumeration that knows nothing of the game, on problems that can and cannot be solved;
    and each won end is right by the verifier."""
    rng = random.Random(0)
    for _ in range(30):
        numbers = tuple(rng.randint(1, 15) for _ in range(3))
        problem = Problem("countdown", numbers, rng.randint(10, 60))
        (found,) = tree.search([games.start(problem)], games.blind(0), 2000)
        assert bool(found.won) == bool(solutions(problem))
        assert found.won or found.root.done
        if found.won:
            assert verify(problem, found.won[-1].completion).correct
            assert verify(problem, found.won[-1].completion).formatted


@pytest.fixture(scope="module")
def judge():
    return prm.load("outcome")


def test_sums_are_as_likely_as_the_base_would_write_them(judge):
    """Against transformers' own forward pass, move by move."""
    problem = tasks.problems("countdown", 1, 0, "train", 3)[0]
    start = games.start(problem)
    middle = games.moves(start)[2]
    for state in (start, middle):
        (found,) = games.over_sums(judge, judge.model)([state])
        begun = tasks.prompt(problem, "tiny") + state.text + (", " if state.steps else "")
        ids = judge.tokenizer(begun)["input_ids"]
        wanted = []
        for _, move in found.next:
            new = judge.tokenizer(move.steps[-1], add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                logps = judge.model(torch.tensor([ids + new])).logits[0].log_softmax(-1)
            wanted.append(sum(float(logps[len(ids) - 1 + i, t]) for i, t in enumerate(new)))
        wanted = torch.tensor(wanted).softmax(0)
        assert torch.tensor([p for p, _ in found.next]) == pytest.approx(wanted, abs=1e-4)
        assert 0 <= found.value <= 1 and found.tokens == 5 * len(found.next)


def test_tokens_are_as_likely_as_the_base_says(judge):
    problem = tasks.problems("countdown", 1, 0, "train", 3)[0]
    (found,) = games.over_tokens(judge, 60)([games.Tokens(problem)])
    ids = judge.tokenizer(tasks.prompt(problem, "tiny"))["input_ids"]
    with torch.no_grad():
        chances = judge.model(torch.tensor([ids])).logits[0, -1].softmax(-1)
    tokens = [state.ids[0] for _, state in found.next]
    assert tokens[0] == int(chances.argmax()) and sum(p for p, _ in found.next) == pytest.approx(1)
    kept = chances[tokens]
    assert torch.tensor([p for p, _ in found.next]) == pytest.approx(kept / kept.sum(), abs=1e-4)


def test_a_tree_over_tokens_ends_in_answers_that_the_verifier_reads(judge):
    problem = Problem("countdown", (14, 8, 4), 28)
    text = "<think>14*8=112, 112/4=28</think><answer>(14*8)/4</answer>"
    ids = tuple(judge.tokenizer(text, add_special_tokens=False)["input_ids"])
    stop = judge.tokenizer.eos_token_id
    expand = games.over_tokens(judge, 60)
    right, cut = games.Tokens(problem, (*ids, stop), True), games.Tokens(problem, ids[:9], True)
    assert [found.value for found in expand([right, cut])] == [1.0, 0.0]
    (whole,) = tree.search([games.Tokens(problem, ids)], expand, 9)  # only the end is missing
    assert whole.won[-1].ids[-1] == stop


def test_the_value_of_a_state_is_what_the_head_reads_there(judge):
    """One text at a time, without padding, in the model's own words."""
    problem = tasks.problems("countdown", 1, 0, "train", 4)[0]
    states = [games.start(problem), *games.moves(games.start(problem))[:3]]
    found = games.over_sums(judge)(states)
    for state, one in zip(states, found, strict=True):
        ids = judge.tokenizer(tasks.prompt(problem, "tiny") + state.text)["input_ids"]
        with torch.no_grad():
            hidden = judge.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
            known = torch.cat([hidden[layer][0, -1] for layer in prm.LAYERS])[None]
            assert one.value == pytest.approx(float(judge.head(known).sigmoid()), abs=1e-4)
        assert sum(prior for prior, _ in one.next) == pytest.approx(1)


def test_a_tree_with_exact_values_asks_no_bad_state():
    """An oracle in the head's place: each simulation ends in a state from which the target can
    still be reached, until an end is won."""

    def good(state):
        return float(steps.reachable([value for value, _ in state.values], state.problem.target))

    def oracle(asked):
        moves = [[] if s.ended else games.moves(s) for s in asked]
        return [Found(good(s), [(good(b), b) for b in behind])
                for s, behind in zip(asked, moves, strict=True)]  # fmt: skip

    for problem in tasks.problems("countdown", 10, 0, "train", 3):
        (one,) = tree.search([games.start(problem)], oracle, 40)
        asked = [node for node in every(one.root) if node.visits]
        assert one.won and all(good(node.state) for node in asked) and one.after == len(asked)


def test_the_models_of_the_module_are_the_shipped_ones(judge):
    assert judge.head.mean.shape == (128 * len(prm.LAYERS),)
    base, _ = models.load("rich")
    assert torch.equal(
        judge.model.get_input_embeddings().weight, base.get_input_embeddings().weight
    )
