"""From the features of a network's layers to features of the network."""

from __future__ import annotations

import numpy as np

__all__ = ["POOLED", "folded", "pool_layers"]

POOLED = ("first", "last", "mean", "spread")
"""What is made of a feature of several layers."""

_FEATURES_AT_ONCE = 256


def pool_layers(X: np.ndarray, networks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return features of networks, whatever their number of layers.

    Of feature f of the layers l = 1 ... L of a network

    .. math:: x_{1,f}, \quad x_{L,f}, \quad m_f = \frac{1}{|M|} \sum_{l \in M} x_{l,f}, \quad
        s_f = \Big(\frac{1}{|M|} \sum_{l \in M} (x_{l,f} - m_f)^2\Big)^{1/2}

    M are the layers in which the feature was measured. Rules differ in what they do to one layer
    and not to the next: most train the last alike.

    Args:
        X: Features (n, d) of layers, NaN where not measured, the layers of each network in order.
        networks: The network of each layer (n,).

    Returns:
        Features (m, 4 d), first those of the first layers, then of the last, means and spreads; NaN
        where nothing was measured, spreads also where fewer than two layers were. And the row of
        each layer's network (n,), in the order of sorted names.
    """
    _, index = np.unique(np.asarray(networks), return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    sorted_rows = np.asarray(X)[order]
    pooled = [sorted_rows[starts], sorted_rows[ends]]
    moments = [
        _moments(sorted_rows[:, begin : begin + _FEATURES_AT_ONCE].astype(np.float64), starts)
        for begin in range(0, X.shape[1], _FEATURES_AT_ONCE)
    ]
    pooled += [np.hstack(part) for part in zip(*moments, strict=True)]
    return np.hstack(pooled).astype(np.asarray(X).dtype), index


def folded(values: np.ndarray) -> np.ndarray:
    """Return what belongs to each feature of layers (..., d), of values of pooled ones (..., 4 d).

    >>> folded(np.array([[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0]]))
    array([[ 10., 100.]])
    """
    return values.reshape(*values.shape[:-1], len(POOLED), -1).sum(axis=-2)


def _moments(values: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over runs of rows (n, d) that begin at `starts` (m,)."""
    measured = np.isfinite(values)
    count = np.add.reduceat(measured.astype(np.intp), starts, axis=0)
    held = np.maximum(count, 1)
    mean = np.add.reduceat(np.where(measured, values, 0.0), starts, axis=0) / held
    lengths = np.diff(np.append(starts, len(values)))
    departures = np.where(measured, values, 0.0) - np.repeat(mean, lengths, axis=0) * measured
    square = np.add.reduceat(departures**2, starts, axis=0) / held
    return np.where(count > 0, mean, np.nan), np.where(count > 1, np.sqrt(square), np.nan)
