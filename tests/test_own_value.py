"""A value that learns from its own trees: what it is told by hand, and that it learns."""

import pytest

from r1lab import experiments, games, prm, records, tree
from r1lab.experiments import own_value
from r1lab.running.run import run
from r1lab.running.settings import Options
from r1lab.tasks import Problem

P = Problem("countdown", (14, 8, 4), 28)


@pytest.fixture(scope="module")
def nothing():
    return own_value.knows_nothing(prm.load("outcome"))


def test_who_knows_nothing_says_one_half_of_every_state(nothing):
    states, good = own_value.first_sums([P])
    said = nothing.head(own_value.known(nothing, states, "tiny")).sigmoid().tolist()
    assert len(said) > 5 and set(said) == {0.5}
    assert 0 < sum(good) < len(good)


def test_a_tree_tells_what_was_won_behind_its_states(nothing):
    """28 is 14*8/4 or 14*(8/4): two first sums are good, but the tree stops at the first it finds."""
    (found,) = tree.search([games.start(P)], games.over_sums(nothing, None), 200)
    told = {state.steps: mark for state, mark in own_value.seen(found.root)}
    assert found.won[1].steps in told and told[found.won[1].steps] == 1.0
    won = [path for path, mark in told.items() if mark]
    assert won == [found.won[1].steps]
    assert all(len(path) == 1 for path in told) and set(told.values()) == {0.0, 1.0}


def test_states_that_were_not_visited_tell_nothing(nothing):
    (found,) = tree.search([games.start(P)], games.over_sums(nothing, None), 3)
    told = own_value.seen(found.root)
    assert len(told) == 2 and len(found.root.children) > 2  # one simulation asked the root


def test_rounds_are_recorded_with_their_controls(tmp_path, monkeypatch):
    for name, few in (("ASKED", 8), ("FITTED", 60), ("MOST", 6), ("ROUNDS", 2)):
        monkeypatch.setattr(own_value, name, few)
    options = Options("own", settings={"eval_problems": 4, "examined": 4})
    run(experiments.named("value"), options, tmp_path / "run", watch=lambda *_: None)
    measured = records.load_run(tmp_path / "run").summary["measured"]
    assert len(measured["rounds"]) == 3 and measured["rounds"][0]["auc"] == 0.5
    assert all(len(one["after"]) == 4 for one in measured["rounds"])
    assert set(measured["controls"]) == {"outcome", "exact"}
    assert own_value.soon({"after": [1, 8, 9, None]}) == [100, 100, 0, 0]
