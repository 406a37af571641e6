"""Features made normal by their quantiles."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

__all__ = ["LARGEST_SCORE", "normal_scores", "quantiles_of"]

LARGEST_SCORE = 3.0
"""Where scores are clipped: a feature that went wild in one network must not decide alone."""

_VALUES_AT_ONCE = 2**18


def quantiles_of(X: np.ndarray, count: int) -> np.ndarray:
    """Return evenly spaced quantiles of each feature, the least and the greatest value among them.

    Args:
        X: Features (n, d), NaN where not measured.
        count: How many, 2 or more.

    Returns:
        Quantiles (count, d), joined by straight lines between values; 0 where nothing was measured.
    """
    ordered = np.sort(X, axis=0)  # NaN last
    measured = len(X) - np.isnan(X).sum(axis=0)
    place = np.linspace(0, 1, count)[:, None] * np.maximum(measured - 1, 0)
    below = np.floor(place).astype(np.intp)
    low = np.take_along_axis(ordered, below, axis=0)
    high = np.take_along_axis(ordered, np.ceil(place).astype(np.intp), axis=0)
    # Not low + (high - low) times a share, which overflows where values are far apart.
    share = place - below
    return np.where(measured > 0, low * (1 - share) + high * share, 0.0)


def normal_scores(X: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    r"""Return what values would be, were each feature standard normal.

    .. math:: z = \Phi^{-1}(F(x))

    F rises from 0 at the first quantile to 1 at the last, in straight lines between them; of a
    value that several quantiles share it is the mean over these. Scores are clipped to +-3.

    Args:
        X: Features (n, d), NaN where not measured.
        quantiles: Of each feature (count, d), not falling.

    Returns:
        Scores (n, d); 0, that of the median, where not measured.

    Source: van der Waerden, "Order tests for the two-sample problem and their power", 1952.
    """
    # Of what was not recorded at all nothing need be found out.
    seen = ~np.isnan(X).all(axis=0)
    if not seen.all():
        scores = np.zeros(X.shape)
        scores[:, seen] = normal_scores(np.compress(seen, X, 1), np.compress(seen, quantiles, 1))
        return scores
    scores = np.empty(X.shape)
    rows = max(1, _VALUES_AT_ONCE // max(1, X.shape[1]))
    for begin in range(0, len(X), rows):
        some = slice(begin, begin + rows)
        shares = _shares(X[some], quantiles)
        scores[some] = np.clip(ndtri(shares), -LARGEST_SCORE, LARGEST_SCORE)
    return np.nan_to_num(scores, copy=False)


def _shares(x: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Return F(x) (n, d); NaN where x is."""
    # Small numbers where they hold twice the count, since memory is what counting takes.
    small = np.int16 if len(quantiles) < 2**14 else np.intp
    below, up_to = np.zeros(x.shape, dtype=small), np.zeros(x.shape, dtype=small)
    for one in quantiles:
        below += one < x
        up_to += one <= x
    last = len(quantiles) - 1
    column = np.arange(x.shape[1])
    # Halves, whose differences cannot overflow.
    low = quantiles[np.clip(below - 1, 0, last), column] / 2
    width = quantiles[np.clip(below, 0, last), column] / 2 - low
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        between = below - 1 + np.where(width > 0, (x / 2 - low) / width, 0.0)
    place = np.where(up_to > below, (below + up_to - 1) / 2, between)
    return np.where(np.isnan(x), np.nan, np.clip(place, 0, last) / last)
