"""From the columns of a feature table to what a baseline takes."""

from __future__ import annotations

import numpy as np

from rule_id.errors import InputError

__all__ = ["N_FLAGS", "apply_scaling", "as_series", "fit_scaling"]

N_FLAGS = 3
"""Columns that say where in the network a layer lies: the last ones of a feature table."""

# As in the paper's code: what hardly varies is not blown up.
_SMALLEST_DEVIATION = 1e-5
# In single precision a product of what lies far beyond would overflow.
_LARGEST_Z = 1e6


def fit_scaling(X: np.ndarray, n_flags: int) -> np.ndarray:
    """Return the mean and the standard deviation of each column, shape (2, d).

    A deviation below 1e-5 counts as 1e-5. Flags stay as they are: mean 0, deviation 1.

    Args:
        X: Features without gaps (n, d), the flags last.
        n_flags: Number of flags, 0 to d.

    Source: `featurewise_norm` in utils.py of github.com/neuroailab/lr-identify.
    """
    values = X[:, : X.shape[1] - n_flags]
    mean, deviation = (of(values, axis=0, dtype=np.float64) for of in (np.mean, np.std))
    flags = np.repeat([[0.0], [1.0]], n_flags, axis=1)
    return np.hstack([[mean, np.maximum(deviation, _SMALLEST_DEVIATION)], flags])


def apply_scaling(X: np.ndarray, scaling: np.ndarray) -> np.ndarray:
    """Return z-scores (n, d) in double precision, within +-1e6.

    Args:
        X: Features without gaps (n, d).
        scaling: What `fit_scaling` gave for the training rows.
    """
    return np.clip((X - scaling[0]) / scaling[1], -_LARGEST_Z, _LARGEST_Z)


def as_series(X: np.ndarray, n_checkpoints: int, n_flags: int) -> np.ndarray:
    """Return the statistics as channels over checkpoints, shape (n, channels, n_checkpoints).

    Args:
        X: Shape (n, d): all checkpoints of the first statistic, then of the second and so on, then
            the flags, which are left out.
        n_checkpoints: Checkpoints of a trajectory, at least 1.
        n_flags: Number of flags, 0 or more.

    Raises:
        InputError: The columns are not whole statistics and flags.
    """
    n_values = X.shape[1] - n_flags
    if n_values < n_checkpoints or n_values % n_checkpoints:
        raise InputError(
            f"X must have {n_checkpoints} columns a statistic and {n_flags} flags; "
            f"got {X.shape[1]} columns"
        )
    return X[:, :n_values].reshape(len(X), -1, n_checkpoints)
