"""What the summaries of a trajectory take from its checkpoints alone: weights of its points.

The integral of a polynomial times a broken line is linear in the points of the line, so its weights
are computed once for all trajectories that were measured at the same times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["TimeAxis", "ratio", "time_axis", "weighted"]

EDGE = 0.25
"""The part of the window that counts as early, and as late."""

Array = np.ndarray


@dataclass(frozen=True)
class TimeAxis:
    """The times of T points, and weights of the points.

    Arrays have one column where all trajectories share their times (c = 1), else one for each
    trajectory (c = m).

    Attributes:
        t: Times (T, c).
        mean: Weights (T, c) of the mean over time.
        early_slope: Weights (T, c) of the least-squares slope over the first quarter.
        late_slope: Weights (T, c) of the same over the last quarter.
        curvature: Weights (T, c) of 5 times the integral of P_2(2t - 1) y.
        before: Weights (T-2, c) of the change from the point before, for roughness.
        after: Weights (T-2, c) of the change to the point after.
        rough: Where three points differ in time (c,), so that there is a roughness.
    """

    t: Array
    mean: Array
    early_slope: Array
    late_slope: Array
    curvature: Array
    before: Array
    after: Array
    rough: Array


def time_axis(t: Array) -> TimeAxis:
    """Return the weights of points at times t (T, c), rising but for copies of the last."""
    before, after, rough = _roughness_weights(t)
    return TimeAxis(
        t,
        mean=_integral(t, np.ones_like),
        early_slope=_slope(t, 0.0, EDGE),
        late_slope=_slope(t, 1 - EDGE, 1.0),
        curvature=5 * _integral(t, lambda u: (3 * (2 * u - 1) ** 2 - 1) / 2),
        before=before,
        after=after,
        rough=rough,
    )


def weighted(weights: Array, y: Array) -> Array:
    """Return the sum over time of weights (T, 1) or (T, m) times y (T, m), shape (m,)."""
    # Not a matrix product: its threads would wait for one another longer than they work.
    return np.asarray(np.einsum("tm,tm->m", weights, y))


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where the denominator is 0."""
    zero = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=zero, where=denominator != 0)


def _integral(
    t: Array, polynomial: Callable[[Array], Array], start: float = 0.0, stop: float = 1.0
) -> Array:
    """Weigh points so that the sum is the integral of `polynomial`(t) times the broken line.

    Simpson's rule on every stretch between two points is exact for cubics, so for polynomials of
    degree 2 or less.
    """
    width = t[1:] - t[:-1]
    low, high = np.clip(t[:-1], start, stop), np.clip(t[1:], start, stop)
    weights = np.zeros_like(t)
    for u, share in ((low, 1 / 6), ((low + high) / 2, 4 / 6), (high, 1 / 6)):
        weight = share * (high - low) * polynomial(u)
        position = ratio(u - t[:-1], width)
        weights[:-1] += weight * (1 - position)
        weights[1:] += weight * position
    return weights


def _slope(t: Array, start: float, stop: float) -> Array:
    """Weigh points so that the sum is the least-squares slope of the line between two times.

    It is 12 / width^3 times the integral of (t - centre) y.
    """
    centre, width = (start + stop) / 2, stop - start
    return 12 / width**3 * _integral(t, lambda u: u - centre, start, stop)


def _roughness_weights(t: Array) -> tuple[Array, Array, Array]:
    """Weigh changes so that the squares of `before` * change - `after` * next change sum to S^2.

    With a the share of the later stretch, y_k - a y_{k-1} - (1 - a) y_{k+1} is a times the change
    before less 1 - a times the change after.
    """
    width = t[1:] - t[:-1]
    inner = (width[:-1] > 0) & (width[1:] > 0)
    a = ratio(width[1:], width[:-1] + width[1:])
    count = inner.sum(axis=0)
    scale = ratio(inner, np.sqrt(count * (1 + a**2 + (1 - a) ** 2)))
    return a * scale, (1 - a) * scale, count > 0
