"""Standard errors over blocks, since networks of one block resemble each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["block_sem"]


def block_sem(
    values: np.ndarray | pd.Series,
    blocks: Sequence | np.ndarray | pd.Series,
    weights: np.ndarray | None = None,
) -> float:
    r"""Return the standard error of the (weighted) mean of values that blocks have in common.

    The mean is the ratio of two sums over B blocks, and its error that of a ratio estimator:

    .. math:: s^2 = \frac{B}{B - 1} \frac{\sum_b (\sum_{i \in b} w_i (v_i - \bar v))^2}
              {(\sum_i w_i)^2}, \qquad \bar v = \sum_i w_i v_i / \sum_i w_i

    It says how the mean would vary over other draws of the blocks that are tested, and nothing of
    how it would vary over other training sets. With few blocks it is rough.

    Args:
        values: Shape (n,).
        blocks: Shape (n,), the block of each value.
        weights: Shape (n,), 0 or more; all alike when None.

    Returns:
        The standard error; NaN with fewer than 2 blocks, or without weight.

    >>> block_sem(np.array([0.0, 0.0, 1.0, 1.0]), [0, 0, 1, 1])
    0.5

    Source: Cochran, "Sampling techniques", 3rd edition 1977, equation 6.13, without the correction
    for finite populations.
    """
    values = np.asarray(values, dtype=np.float64)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    names, index = np.unique(np.asarray(blocks), return_inverse=True)
    total = weights.sum()
    if len(names) < 2 or total == 0:
        return float("nan")
    deviations = weights * (values - np.average(values, weights=weights))
    sums = np.bincount(index, deviations)
    return float(np.sqrt((sums**2).sum() * len(names) / (len(names) - 1)) / total)
