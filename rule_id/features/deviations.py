"""How each layer differs from the other layers of its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rule_id.features.table import FeatureTable, split_name

__all__ = ["DEVIATION", "deviations", "has_deviations", "with_deviations", "without_deviations"]

DEVIATION = ".deviation"
"""Ends the name of a feature less its mean over the layers of the network."""

_FEATURES_AT_ONCE = 64


def has_deviations(names: Sequence[str]) -> bool:
    """Say whether some of these features are deviations."""
    return any(name.endswith(DEVIATION) for name in names)


def with_deviations(table: FeatureTable) -> FeatureTable:
    r"""Return the table with, for each feature, how far the layer is from its network's mean.

    .. math:: d_{l,f} = x_{l,f} - \frac{1}{|L_f|} \sum_{m \in L_f} x_{m,f}

    L_f are the layers of the network, seen through the same measurement, whose feature f was
    measured. What its task, its learning rate and its initialisation do to all layers of a network
    is in their mean; rules differ in what they do to one layer and not to the next, such as the
    last, which most rules train alike.

    Args:
        table: Features of n layers, all that are seen of each network. One that has deviations
            already is returned as it is.

    Returns:
        The same rows; after its features a feature `<name>.deviation` for each but the flags of
        depth, NaN where fewer than two layers were measured.
    """
    if has_deviations(table.names):
        return table
    names = [name for name in table.names if split_name(name)[0] != "depth"]
    found = deviations(table.values[names].to_numpy(dtype=np.float32), _networks(table.meta))
    added = pd.DataFrame(found, columns=[name + DEVIATION for name in names], copy=False)
    added.index = table.values.index
    return replace(table, values=pd.concat([table.values, added], axis=1))


def deviations(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return values less their mean over the rows that share an index.

    Args:
        values: Shape (n, d), not finite where not measured.
        index: A number for each row (n,), 0 or above.

    Returns:
        Shape (n, d) of float32; NaN where not measured, or where fewer than two rows were.
    """
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    found = np.empty(values.shape, dtype=np.float32)
    for begin in range(0, values.shape[1], _FEATURES_AT_ONCE):
        some = slice(begin, begin + _FEATURES_AT_ONCE)
        found[:, some] = _deviations(values[:, some].astype(np.float64), index, order, starts)
    return found


def without_deviations(table: FeatureTable) -> FeatureTable:
    """Return the table without them."""
    kept = [name for name in table.names if not name.endswith(DEVIATION)]
    return replace(table, values=table.values[kept])


def _deviations(
    values: np.ndarray, index: np.ndarray, order: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Return values (n, d) less their mean over the rows that share an index."""
    measured = np.isfinite(values)
    sums = np.add.reduceat(np.where(measured, values, 0.0)[order], starts, axis=0)
    counts = np.add.reduceat(measured[order].astype(np.intp), starts, axis=0)
    means = np.where(counts > 1, sums / np.maximum(counts, 1), np.nan)
    return np.asarray(np.where(measured, values, np.nan) - means[index])


def _networks(meta: pd.DataFrame) -> np.ndarray:
    """Return a number for each row (n,), the same for layers of one network and measurement."""
    keys = [name for name in ("network", "measurement") if name in meta.columns]
    return meta.groupby(keys, sort=True).ngroup().to_numpy()
