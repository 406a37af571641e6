"""Features that are worth growing trees on: those by which a few trees gained most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xgboost import Booster

__all__ = ["TREES", "gains", "only", "screening_rounds", "worth_growing_on"]

TREES = 120
"""Trees that are grown to see what they split on, at least; of depth 4 they have 1,800 splits."""


def screening_rounds(n_classes: int, n_estimators: int) -> int:
    """Return how many rounds of boosting grow that many trees, at most a third of all rounds.

    >>> screening_rounds(30, 60), screening_rounds(4, 60)
    (4, 20)
    """
    return max(1, min(-(-TREES // n_classes), n_estimators // 3))


def gains(booster: Booster, n_features: int) -> np.ndarray:
    """Return what the splits on each feature gained in sum, shape (d,), 0 of one never split on."""
    found = np.zeros(n_features)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        found[int(name.removeprefix("f"))] = gain
    return found


def worth_growing_on(gained: np.ndarray, most: int) -> np.ndarray:
    """Say which features gained most, shape (d,), at most so many of those that gained anything.

    Where none did, all are: there is nothing to choose by.

    >>> worth_growing_on(np.array([0.0, 3.0, 1.0, 2.0]), 2)
    array([False,  True, False,  True])
    """
    best = np.argsort(-gained, kind="stable")[:most]
    kept = np.zeros(len(gained), dtype=bool)
    kept[best[gained[best] > 0]] = True
    return kept if kept.any() else ~kept


def only(X: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return features (n, d) of which all but some are missing, which takes XGBoost no time."""
    seen = np.full_like(X, np.nan)
    seen[:, kept] = X[:, kept]
    return seen
