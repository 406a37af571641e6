"""The control that sees how far, or how well, networks learn: pairs that are alike in it.

Rules differ in how well networks learn. What a classifier finds may be no more than that, unless
it also tells networks apart that learn equally well.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd

from rule_id.errors import InputError

__all__ = ["CALIPER", "PAIR_COLUMNS", "matched_pairs", "unmatched_pairs"]

CALIPER = 0.1
"""Largest difference of a pair, in standard deviations."""

PAIR_COLUMNS = ("i", "j", "weight")


def matched_pairs(
    networks: pd.DataFrame,
    *,
    label: str = "rule",
    value: str = "final_performance",
    caliper: float = CALIPER,
) -> pd.DataFrame:
    r"""Pair networks of the same block and different classes that have nearly the same value.

    For each two classes of a block, the nearest two networks become a pair, then the nearest two of
    those left, while they differ by at most the caliper times the pooled standard deviation

    .. math:: s = \sqrt{\sum_b \sum_{i \in b} (v_i - \bar v_b)^2 / (n - B)}

    of n networks around the means of their B blocks: values of other tasks are no measure of how
    near two networks of one task are. For other two classes a network may be taken again.

    Args:
        networks: One row a network: `block`, its class and its value. Networks without a finite
            value are in no pair.
        label: The column of the class.
        value: The column to match in, on a scale on which equal differences mean the same: the
            logarithm of a relative weight change, not the change.
        caliper: 0 or more; dimensionless.

    Returns:
        One row a pair: `i` and `j`, places of its networks in `networks` (from 0), of which that
        of `i` is of the class that comes first in sorted order, and `weight`, which is 1.

    Raises:
        InputError: A column is missing, or the caliper is below 0.

    Source: Austin, "An introduction to propensity score methods", 2011 (greedy matching without
    replacement within a caliper in units of the pooled standard deviation).
    """
    if not caliper >= 0:
        raise InputError(f"caliper must be 0 or more; got {caliper}")
    _check(networks, label, value)
    values = networks[value].to_numpy(dtype=np.float64)
    widest = caliper * _spread(networks, value)
    pairs = [
        (i, j)
        for _, _, first, second in _meetings(networks, label, value)
        for i, j in _nearest(first, second, values, widest)
    ]
    return _table(pairs, np.ones(len(pairs)))


def unmatched_pairs(
    networks: pd.DataFrame,
    *,
    label: str = "rule",
    value: str = "final_performance",
    like: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Pair all networks of the same block and different classes, whatever their values.

    Classes that learn equally well have more matched pairs, and may be the harder ones to tell
    apart for other reasons. With `like` each two classes of each block weigh as much as among
    those pairs, so that what is left between the two is matching alone.

    Args:
        networks: As in `matched_pairs`; the same networks take part.
        label: As in `matched_pairs`.
        value: As in `matched_pairs`.
        like: Pairs that `matched_pairs` made of the same networks; None for a weight of 1 each.

    Returns:
        As in `matched_pairs`. With `like` the weights of the pairs of two classes of a block sum to
        the number of their pairs in `like`, and pairs without weight are left out.

    Raises:
        InputError: A column is missing.
    """
    _check(networks, label, value)
    wanted = None if like is None else _counts(networks, label, like)
    found, weights = [], []
    for block, classes, first, second in _meetings(networks, label, value):
        n = len(first) * len(second)
        total = n if wanted is None else wanted[block, *classes]
        if total:
            found += [(i, j) for i in first for j in second]
            weights.append(np.full(n, total / n))
    return _table(found, np.concatenate([np.empty(0), *weights]))


def _check(networks: pd.DataFrame, label: str, value: str) -> None:
    missing = [name for name in ("block", label, value) if name not in networks.columns]
    if missing:
        raise InputError(f"networks must have a column {', '.join(missing)} to be matched")


def _spread(networks: pd.DataFrame, value: str) -> float:
    """Return the standard deviation of values within blocks; 0 where no block has two."""
    known = networks[np.isfinite(networks[value].astype(float))]
    groups = known.groupby("block")[value]
    freedom = len(known) - groups.ngroups
    squares = ((known[value] - groups.transform("mean")) ** 2).sum()
    return float(np.sqrt(squares / freedom)) if freedom > 0 else 0.0


def _meetings(networks: pd.DataFrame, label: str, value: str) -> list[tuple]:
    """Return block, two classes, and the places of their networks, of all two in each block."""
    known = networks.reset_index(drop=True)
    known = known[np.isfinite(known[value].astype(float))]
    found = []
    for block, of_block in known.groupby("block"):
        places = {name: rows.index.to_numpy() for name, rows in of_block.groupby(label)}
        found += [(block, two, places[two[0]], places[two[1]]) for two in combinations(places, 2)]
    return found


def _nearest(
    first: np.ndarray, second: np.ndarray, values: np.ndarray, widest: float
) -> list[tuple[int, int]]:
    """Return pairs, nearest first, no network twice, that differ by at most `widest`."""
    apart = np.abs(values[first][:, None] - values[second])
    rows, columns = np.nonzero(apart <= widest)
    order = np.argsort(apart[rows, columns], kind="stable")
    pairs, used = [], set()
    for i, j in zip(first[rows[order]].tolist(), second[columns[order]].tolist(), strict=True):
        if i not in used and j not in used:
            pairs.append((i, j))
            used |= {i, j}
    return pairs


def _counts(networks: pd.DataFrame, label: str, pairs: pd.DataFrame) -> Counter[tuple]:
    """Return how many pairs there are of each two classes of each block."""
    blocks, classes = networks["block"].to_numpy(), networks[label].to_numpy()
    i, j = pairs["i"], pairs["j"]
    return Counter(zip(blocks[i], classes[i], classes[j], strict=True))


def _table(pairs: list[tuple[int, int]], weights: np.ndarray) -> pd.DataFrame:
    places = np.array(pairs, dtype=int).reshape(-1, 2)
    columns = (places[:, 0], places[:, 1], weights)
    return pd.DataFrame(dict(zip(PAIR_COLUMNS, columns, strict=True)))
