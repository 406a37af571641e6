"""Ends of the ranges that hyperparameters were drawn from, to be held out."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["RANGE", "RANGES", "range_groups"]

RANGE = "range"
"""Stands for a column where a protocol holds out ends of ranges."""

RANGES = ("learning_rate", "init_scale", "weight_decay", "batch_size", "width", "steps")
"""Columns whose lowest and highest third are held out."""

SHARES = (0.05, 0.6)
"""What share of the networks an end may have: with few different values it may be no third."""


def range_groups(meta: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the rows of the lowest and of the highest third of each column of `RANGES`.

    A third is one of networks. Learning rates are ranked among those of the same rule, for each
    rule has a range of its own.

    Args:
        meta: What the rows are (n rows): `network`, and those columns that there are.

    Returns:
        Boolean rows (n,) by name, such as `high width`; without ends that hold fewer than 5% or
        more than 60% of the networks, as of a column with one value.
    """
    groups: dict[str, np.ndarray] = {}
    networks = meta.drop_duplicates("network")
    for column in RANGES:
        if column not in networks.columns or networks[column].notna().sum() == 0:
            continue
        value = networks.set_index("network")[column].astype(float)
        if column == "learning_rate" and "rule" in networks.columns:
            value = _ranked(value, networks["rule"].to_numpy())
        low, high = value.quantile(1 / 3), value.quantile(2 / 3)
        ends = {"low": value <= low, "high": value >= high}
        if low < high:
            groups |= {
                f"{end} {column}": meta["network"].map(inside).to_numpy(dtype=bool)
                for end, inside in ends.items()
                if SHARES[0] <= inside.mean() <= SHARES[1]
            }
    return groups


def _ranked(value: pd.Series, rules: np.ndarray) -> pd.Series:
    """Return the share of the networks of the same rule below each value, in (0, 1).

    Equal values count half below one another, so that a rule with a single value has 0.5 however
    many networks it has.
    """
    own = value.groupby(rules)
    return (own.rank() - 0.5) / own.transform("count")
