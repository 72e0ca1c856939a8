"""Instruments of the lessons: figures that answer to clicks.

Every instrument is one output with two faces: a still one, drawn first, for GitHub, nbconvert
and any page without a kernel; and the live thing where there is one. What needs no kernel (the
    ,
JavaScript in the output, so that it lives in exported HTML too; the others use core ipywidgets (7.7
and 8). What is drawn is a plain function of plain values.

Left out: animation, and everything that needs a JavaScript build.
"""

from r1lab.widgets.bench import reward_bench
from r1lab.widgets.board import claims_table, discrepancies
from r1lab.widgets.bound import bound_slider
from r1lab.widgets.budget import budget_slider
from r1lab.widgets.colouring import coloured
from r1lab.widgets.dashboard import training_dashboard
from r1lab.widgets.draws import own_draw
from r1lab.widgets.envelope import envelope
from r1lab.widgets.growth import growth, moment
from r1lab.widgets.merging import merge_slider
from r1lab.widgets.painter import painted
from r1lab.widgets.pieces import rollout_clock
from r1lab.widgets.playground import advantage_playground
from r1lab.widgets.prices import price_ledger
from r1lab.widgets.rollouts import rollout_browser
from r1lab.widgets.searchtree import search_tree

__all__ = [
    "advantage_playground", "bound_slider", "budget_slider", "claims_table", "coloured",
    "discrepancies", "envelope", "growth", "merge_slider", "moment", "own_draw", "painted",
    "price_ledger", "reward_bench", "rollout_browser", "rollout_clock", "search_tree",
    "training_dashboard",
]  # fmt: skip
