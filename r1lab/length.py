"""Kimi k1.5's reward for short answers (2.3.3), on plain lists.

Lengths are compared inside a group, the completions for one prompt, as rewards are. What is short
therefore depends on the problem: a long answer to a problem that has no shorter one pays nothing.
"""

from collections.abc import Hashable, Sequence
from numbers import Real


def length_rewards(lengths: Sequence[Real], right: Sequence[bool]) -> list[float]:
    """What Kimi k1.5 pays each of G completions for one prompt for its length (2.3.3).

    lengths: tokens; right: whether the answer is. With

        lambda_i = 0.5 - (len_i - min_len) / (max_len - min_len)

    a right one earns lambda_i, between 0.5 for the shortest and -0.5 for the longest, a wrong one
    min(0, lambda_i): being brief earns nothing where it is wrong. All earn 0 where all lengths are
    alike. Raises ValueError for lists of unequal lengths.
    """
    if len(lengths) != len(right):
        raise ValueError(f"{len(lengths)} lengths and {len(right)} verdicts: one of each, please")
    if not lengths or min(lengths) == max(lengths):
        return [0.0] * len(lengths)
    least, most = min(lengths), max(lengths)
    shares = [0.5 - (length - least) / (most - least) for length in lengths]
    return [share if ok else min(0.0, share) for share, ok in zip(shares, right, strict=True)]


def in_groups(
    groups: Sequence[Hashable], lengths: Sequence[Real], right: Sequence[bool]
) -> list[float]:
    """`length_rewards` of N completions, each compared with those of its own group. groups: what
    names the group of each, such as its problem; the members need not stand together."""
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    paid = [0.0] * len(groups)
    for rows in members.values():
        found = length_rewards([lengths[i] for i in rows], [right[i] for i in rows])
        for i, value in zip(rows, found, strict=True):
            paid[i] = value
    return paid


LONGER = 1.5  # a right answer counts as too long from so many times the shortest one on (Kimi)


def shortest_right(lengths: Sequence[Real], right: Sequence[bool]) -> int | None:
    """The place of the shortest right one of a prompt's completions: shortest rejection sampling
    (Kimi k1.5, 2.4). The first of several; None where none is right."""
    places = [i for i, ok in enumerate(right) if ok]
    return min(places, key=lambda i: lengths[i], default=None)


def length_pairs(lengths: Sequence[Real], right: Sequence[bool]) -> list[tuple[int, int]]:
    """Places (preferred, rejected) of a prompt's completions for DPO (Kimi k1.5, 2.4): the shortest
    right one against each longer wrong one and each right one at least `LONGER` times as long."""
    best = shortest_right(lengths, right)
    if best is None:
        return []
    least = [LONGER * lengths[best] if ok else lengths[best] + 1 for ok in right]
    too_long = [i for i, n in enumerate(lengths) if n >= least[i] and i != best]
    return [(best, i) for i in too_long]
