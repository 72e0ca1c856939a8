"""Lesson 07's instruments: the search tree in the page is Python's, and hostile text stays text."""

import json
import re

import pytest
from browsing import INJECTED, opened, shown

from r1lab import branches, prm, steps, tasks, tree, widgets
from r1lab.tasks import Problem
from r1lab.widgets import painter, searchtree

P = Problem("countdown", (14, 8, 4), 28)


@pytest.fixture(scope="module")
def data():
    return searchtree.gather(prm.load("outcome"), P)


def visits(found: tree.Search, n: int) -> list[int]:
    counts = [0] * n

    def walk(node):
        counts[node.state] = node.visits
        for child in node.children or ():
            walk(child)

    walk(found.root)
    return counts


def test_all_states_of_a_problem_are_gathered(data):
    """Their number by hand: every first sum leaves two numbers, and those two some ends."""
    nodes = data["nodes"]
    assert nodes[0]["step"] == tasks.short(P) and nodes[0]["left"] == "14, 8, 4"
    ends = [node for node in nodes if not node["children"]]
    won = [node for node in ends if node["worth"]["exact"]]
    assert {node["left"] for node in won} == {"28"} and "112/4=28" in [n["step"] for n in won]
    for node in nodes:  # a state is good where one of its children is
        if node["children"]:
            assert sum(nodes[c]["prior"] for c in node["children"]) == pytest.approx(1, abs=0.01)
            behind = [nodes[c]["worth"]["exact"] for c in node["children"]]
            assert node["worth"]["exact"] == max(behind)
    assert len(nodes) == 1 + sum(len(node["children"]) for node in nodes)
    json.dumps(data)


def test_the_tree_has_a_still_face_and_a_script(data, monkeypatch):
    faces = shown(monkeypatch, searchtree, lambda: widgets.search_tree(data))
    html = faces["text/html"]
    assert 'src="data:image/png;base64,iVBOR' in html and "<script>" in html
    assert not re.search(r"https?:|//cdn|import ", html)
    assert faces["text/plain"].startswith("after 12 simulations\nreach 28 from 14, 8, 4: visits 12")


@pytest.mark.slow
def test_the_script_grows_pythons_tree_and_hostile_text_stays_text(
    browser, data, monkeypatch, tmp_path
):
    named = data | {"nodes": [node | {"step": INJECTED + node["step"]} for node in data["nodes"]]}
    html = shown(monkeypatch, searchtree, lambda: widgets.search_tree(named))["text/html"]
    page, _ = opened(browser, html, tmp_path / "page.html")
    page.evaluate("document.querySelector('.r1lab-searchtree').grow(1)")
    for value in ("learned", "exact", "nothing"):
        for prior in ("base", "alike"):
            for explore in (0.0, 0.3, 3.0):
                page.select_option("[aria-label=value]", value)
                page.select_option("[aria-label=prior]", prior)
                page.select_option("[aria-label='exploration c']", f"{explore:g}")
                for n in (1, 20):
                    page.evaluate(f"document.querySelector('.r1lab-searchtree').grow({n})")
                got = page.evaluate("document.querySelector('.r1lab-searchtree').tree()")
                wanted = searchtree.grown(data, 21, explore, value, prior)
                assert got["visits"] == visits(wanted, len(data["nodes"]))
                assert got["won"] == bool(wanted.won) and got["count"] == wanted.root.visits
    assert INJECTED in page.inner_text(".r1lab-searchtree")
    assert page.evaluate("window.hacked === undefined && !document.querySelector('img')")
    page.get_by_role("button", name="until it is found").press("Enter")  # with the keyboard
    assert "Found after" in page.inner_text(".r1lab-searchtree b")


def test_painted_steps_show_judge_and_truth_and_hostile_text_stays_text(monkeypatch):
    text = f"<think>14+8=22; {INJECTED} 14*8=112"
    read = steps.read(P, text)
    faces = shown(monkeypatch, painter, lambda: widgets.painted(text, read, [0.25, 0.5], INJECTED))
    html = faces["text/html"]
    assert INJECTED not in html and "&lt;img src=x" in html
    assert "judge 25 %, dead" in html and "judge 50 %, good" in html
    assert "rgba(0,114,178,0.12)" in html and "rgba(0,114,178,0.25)" in html
    assert "(dead)" in faces["text/plain"] and "(good)" in faces["text/plain"]


def test_the_drawn_tree_is_the_problems_by_hand():
    found = {first: (good, ends) for first, good, ends in branches.rows(P)}
    assert found["14*8=112"][1] == [
        ("112+4=116", 116, False), ("112-4=108", 108, False), ("112/4=28", 28, True)
    ]  # fmt: skip
    for first, (mark, ends) in found.items():  # no way over fractions here
        assert mark == any(won for *_, won in ends), first
