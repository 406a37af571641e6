"""The range of each feature in training, and what lies outside it."""

from __future__ import annotations

import numpy as np

__all__ = ["QUANTILES", "beyond", "feature_ranges"]

QUANTILES = (0.005, 0.5, 0.995)
"""Between the outer two lies a feature of a network that resembles those of training."""


def feature_ranges(values: np.ndarray) -> np.ndarray:
    """Return the quantiles of each feature, shape (3, d), NaN where never measured.

    Args:
        values: Features of training, shape (n, d), NaN where not measured.
    """
    bounds = np.full((len(QUANTILES), values.shape[1]), np.nan)
    measured = ~np.isnan(values).all(axis=0)
    bounds[:, measured] = np.nanquantile(values[:, measured].astype(np.float64), QUANTILES, axis=0)
    return bounds


def beyond(values: np.ndarray, ranges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which features lie outside their range, and which can be compared with one at all.

    Args:
        values: Features, shape (n, d), NaN where not recorded.
        ranges: What `feature_ranges` returned.

    Returns:
        Two boolean arrays of shape (n, d).
    """
    low, _, high = ranges
    comparable = ~np.isnan(values) & ~np.isnan(low)
    return comparable & ((values < low) | (values > high)), comparable
