"""Claims that no run decides: arithmetic on figures that the reports disclose.

A function a claim, from the claim's own numbers in the ledger to a value for each condition of its
criterion. The figures were known when the criteria were written; nothing here is a forecast.
"""

from collections.abc import Callable, Mapping

from r1lab import cost

Numbers = Mapping[str, float]
NEAR = 0.25  # two costs that differ by less than a quarter of the larger agree


def _apart(one: float, other: float) -> float:
    """How far two positive numbers are apart, a share of the larger."""
    return abs(one - other) / max(one, other)


def _percent(*held: bool) -> tuple[float]:
    return (100 * sum(held) / len(held),)


def _envelope(n: Numbers) -> tuple[float]:  # C-01
    tokens = n["steps"] * n["answers_per_step"] * n["tokens_per_answer"]
    price = cost.dollars(tokens, n["dollars_per_million_tokens"])
    return _percent(
        _apart(tokens, 1e9 * n["tokens_billion"]) < 1e-6,
        _apart(price, 1e6 * n["cost_million_dollars"]) < 1e-6,
    )


def _bounds(n: Numbers) -> tuple[float]:  # C-02
    reported = n["reported_r1_zero_million_dollars"]
    return _percent(
        reported <= n["upper_bound_million_dollars"],
        _apart(reported, n["optimistic_million_dollars"]) < NEAR,
    )


def _before(n: Numbers) -> tuple[float]:  # C-03
    reported = n["pre_training_million_h800_hours"] * n["dollars_per_hour"]
    return (-100 * _apart(n["stated_million_dollars"], reported),)


def _table(n: Numbers) -> tuple[float]:  # C-04
    zero, data, r1 = (n[f"{part}_thousand_hours"] for part in ("r1_zero", "data", "r1"))
    total = n["total_thousand_hours"]
    pairs = (
        (1e-3 * n["gpus"] * n["r1_zero_wall_hours"], zero),
        (1e-3 * n["gpus"] * n["r1_wall_hours"], r1),
        (zero + data + r1, total),
        (total * n["dollars_per_hour"], n["total_thousand_dollars"]),
    )
    return _percent(*(_apart(*pair) < 0.01 for pair in pairs))


def _tokens(n: Numbers) -> tuple[float]:  # C-05
    low, high = cost.r1_zero_tokens(n["steps"], n["answers_per_step"])
    return (-100 * _apart(1e9 * n["estimated_tokens_billion"], (low + high) / 2),)


WORKED_OUT: dict[str, Callable[[Numbers], tuple[float, ...]]] = {
    "C-01": _envelope,
    "C-02": _bounds,
    "C-03": _before,
    "C-04": _table,
    "C-05": _tokens,
}
