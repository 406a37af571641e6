"""The statistics of recorded arrays, one checkpoint at a time."""

from __future__ import annotations

import numpy as np

from rule_id.observables.statistics import (
    activation_statistics,
    activity_change_statistics,
    tensor_statistics,
)

__all__ = ["complete", "statistics_of"]


def complete(x: np.ndarray) -> np.ndarray:
    """Say at which checkpoints every value of `x` (T, ...) is finite: a mask (T,)."""
    return np.array([np.isfinite(entry).all() for entry in x], dtype=bool)


def statistics_of(x: np.ndarray, observable: str) -> dict[str, np.ndarray]:
    """Return the statistics of one layer.

    Args:
        x: Activations (T, stimuli, units), weights (T, ...) or activity changes (T, stimuli).
        observable: `activation`, `weight` or `activity_change`.

    Returns:
        Arrays (T,) of float32 by statistic; NaN at checkpoints that hold a value that is not
        finite.
    """
    # One checkpoint at a time, so that float64 copies and sorted copies stay small.
    # What overflows is not finite, and so missing.
    with np.errstate(over="ignore", invalid="ignore"):
        measured = [_measure(entry.astype(np.float64), observable) for entry in x]
        return {
            name: np.array([table[name] for table in measured]).astype(np.float32)
            for name in measured[0]
        }


def _measure(x: np.ndarray, observable: str) -> dict[str, np.ndarray]:
    if not np.isfinite(x).all():
        x = np.full_like(x, np.nan)
    if observable == "weight":
        return tensor_statistics(x.ravel(), "weight")
    return activation_statistics(x) if observable == "activation" else activity_change_statistics(x)
