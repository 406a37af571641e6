"""A few dimensionless numbers that describe a trajectory, whatever its checkpoints.

Every summary is taken of the curve that joins the measured points by straight lines. Its integrals
are exact, so a curve gives nearly the same numbers from 11, 21 or 41 checkpoints, evenly spaced or
not. Arrays have time first: `t` and `x` are (T, m), m trajectories of T points each, time from 0 to
1. A trajectory with fewer points than the others ends in copies of its last point, which are
stretches of no length and weigh nothing.

All summaries but the levels `start` and `end` are of y = x / mean|x|, so that they do not change
when x is multiplied by a positive number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rule_id.errors import InputError, one_of

__all__ = ["LEVEL_UNIT", "summarise", "summary_names", "time_of"]

LEVEL_UNIT = 1e-6
"""The level below which the signed logarithm is linear, in the units of the statistic."""

EDGE = 0.25
"""The part of the window that counts as early, and as late."""

ROUNDING = 1e-6
"""The change, in units of mean|x|, that may be rounding: statistics are kept as float32."""

Array = np.ndarray


def signed_log(x: Array) -> Array:
    """Return sign(x) log10(1 + |x| / 1e-6), which is 0 at 0 and keeps order and sign."""
    return np.sign(x) * np.log10(1 + np.abs(x) / LEVEL_UNIT)


def relative(t: Array, x: Array) -> Array:
    """Return y = x / mean|x| (T, m), |x| averaged over time; y is 0 where x is 0 throughout."""
    scale = np.sum(np.diff(t, axis=0) * (np.abs(x[1:]) + np.abs(x[:-1])), axis=0) / 2
    return x * _ratio(np.ones_like(scale), scale)


def relative_change(t: Array, y: Array) -> Array:
    """Return (y_T - y_0) / (|y_0| + |y_T|), from -1 to 1; 0 where both ends are 0."""
    return _ratio(y[-1] - y[0], np.abs(y[0]) + np.abs(y[-1]))


def early_slope(t: Array, y: Array) -> Array:
    """Return the least-squares slope over the first quarter of the window, per window."""
    return _slope(t, y, 0.0, EDGE)


def late_slope(t: Array, y: Array) -> Array:
    """Return the least-squares slope over the last quarter of the window, per window."""
    return _slope(t, y, 1 - EDGE, 1.0)


def half_time(t: Array, y: Array) -> Array:
    """Return when half of the change from first to last is first reached; NaN without change."""
    change = y[-1] - y[0]
    rise = (y - y[0]) * np.sign(change)
    last = (rise >= np.abs(change) / 2).argmax(axis=0)
    before = np.maximum(last - 1, 0)
    low, high = _at(rise, before), _at(rise, last)
    part = _ratio(np.abs(change) / 2 - low, high - low)
    time = _at(t, before) + part * (_at(t, last) - _at(t, before))
    return np.where(np.abs(change) <= ROUNDING, np.nan, time)


def curvature(t: Array, y: Array) -> Array:
    """Return the coefficient of P_2(2t - 1) in the least-squares fit by Legendre polynomials.

    It is 5 times the integral of P_2(2t - 1) y, P_2(u) = (3 u^2 - 1) / 2; positive for a
    rise that speeds up or a fall that levels off, negative for the reverse. The unit is mean|x|, as
    for the slopes: the range would blow up the noise of a trajectory that hardly changes.
    """
    # P_2 does not see a level; without it a constant trajectory gives exactly 0.
    y = y - y[0]
    return 5 * _integral(t[:-1], t[1:], y[:-1], y[1:], lambda u: (3 * (2 * u - 1) ** 2 - 1) / 2)


def roughness(t: Array, y: Array) -> Array:
    """Return the root mean square departure of points from the line between their neighbours.

    Each residual y_k - a y_{k-1} - b y_{k+1} is divided by sqrt(1 + a^2 + b^2), so that white noise
    gives its own standard deviation for any number and spacing of checkpoints; NaN with two points.

    Source: Gasser, Sroka, Jennen-Steinmetz, Biometrika 73 (1986), equation for S^2.
    """
    width = np.diff(t, axis=0)
    inner = (width[:-1] > 0) & (width[1:] > 0)
    weight = _ratio(width[1:], width[:-1] + width[1:])
    y = y - y[0]
    residual = y[1:-1] - weight * y[:-2] - (1 - weight) * y[2:]
    square = residual**2 / (1 + weight**2 + (1 - weight) ** 2)
    count = inner.sum(axis=0)
    mean = _ratio(np.sum(square, axis=0, where=inner), count)
    return np.where(count > 0, np.sqrt(mean), np.nan)


def minimum(t: Array, y: Array) -> Array:
    """Return how far the trajectory falls below its start: min(y) - y_0, 0 or less."""
    return y.min(axis=0) - y[0]


def maximum(t: Array, y: Array) -> Array:
    """Return how far the trajectory rises above its start: max(y) - y_0, 0 or more."""
    return y.max(axis=0) - y[0]


def time_of_minimum(t: Array, y: Array) -> Array:
    """Return the time of the lowest point, the first of equals; NaN without change."""
    return _time_at(t, y, y.argmin(axis=0))


def time_of_maximum(t: Array, y: Array) -> Array:
    """Return the time of the highest point, the first of equals; NaN without change."""
    return _time_at(t, y, y.argmax(axis=0))


_SHAPES: dict[str, tuple[Callable[[Array, Array], Array], str]] = {
    "relative_change": (relative_change, "whole"),
    "early_slope": (early_slope, "early"),
    "late_slope": (late_slope, "late"),
    "half_time": (half_time, "whole"),
    "curvature": (curvature, "whole"),
    "roughness": (roughness, "whole"),
    "minimum": (minimum, "whole"),
    "maximum": (maximum, "whole"),
    "time_of_minimum": (time_of_minimum, "whole"),
    "time_of_maximum": (time_of_maximum, "whole"),
}
_LEVELS = {"start": 0, "end": -1}


def summary_names() -> tuple[str, ...]:
    """Return the names of the summaries, in the order of the feature table."""
    return (*_LEVELS, *_SHAPES)


def summarise(t: Array, x: Array) -> dict[str, Array]:
    """Return every summary of m trajectories.

    Args:
        t: Times (T, m), T >= 2, from 0 to 1, rising, but for copies of the last point at the end.
        x: Values (T, m) of float64, finite, in any unit.

    Returns:
        Arrays (m,) by summary name; NaN where a summary is undefined.
    """
    levels = {name: signed_log(x[index]) for name, index in _LEVELS.items()}
    y = relative(t, x)
    return levels | {name: shape(t, y) for name, (shape, _) in _SHAPES.items()}


def time_of(summary: str, n_checkpoints: int = 21) -> str:
    """Return the part of training that a summary speaks of.

    Args:
        summary: A name from `summary_names`, `checkpoint_<k>`, or a depth group.
        n_checkpoints: Length of the trajectories; `checkpoint_<k>` belongs to one of its thirds.

    Returns:
        `start`, `early`, `middle`, `late`, `end` or `whole`.

    Raises:
        InputError: There is no summary of that name.

    >>> time_of("early_slope"), time_of("checkpoint_20"), time_of("half_time")
    ('early', 'late', 'whole')
    """
    if summary.startswith("checkpoint_"):
        return ("early", "middle", "late")[_third(summary, n_checkpoints)]
    depth_flags = dict.fromkeys(("early", "middle", "deep"), "whole")
    times = {**{name: name for name in _LEVELS}, **{k: v for k, (_, v) in _SHAPES.items()}}
    known = times | depth_flags
    return known[one_of("summary", summary, (*known, "checkpoint_<k>"))]


def _third(summary: str, n_checkpoints: int) -> int:
    index = summary.removeprefix("checkpoint_")
    if not index.isdigit() or int(index) >= n_checkpoints:
        raise InputError(
            f"summary must be checkpoint_<k> with k from 0 to {n_checkpoints - 1}; got {summary!r}"
        )
    return (6 * int(index) + 3) // (2 * n_checkpoints)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where the denominator is 0."""
    zero = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=zero, where=denominator != 0)


def _at(values: Array, index: Array) -> Array:
    return np.take_along_axis(values, index[None], axis=0)[0]


def _time_at(t: Array, y: Array, index: Array) -> Array:
    return np.where(np.ptp(y, axis=0) <= ROUNDING, np.nan, _at(t, index))


def _integral(
    low: Array, high: Array, y_low: Array, y_high: Array, weight: Callable[[Array], Array]
) -> Array:
    """Integrate a polynomial `weight`(t) of degree 2 or less times a broken line, exactly.

    Simpson's rule on every stretch from `low` to `high` is exact for cubics.
    """
    middle = 4 * weight((low + high) / 2) * (y_low + y_high) / 2
    total = (high - low) * (weight(low) * y_low + middle + weight(high) * y_high)
    return np.sum(total, axis=0) / 6


def _slope(t: Array, y: Array, start: float, stop: float) -> Array:
    """Return the least-squares slope of the broken line between two times.

    It is 12 / width^3 times the integral of (t - centre) y, which does not see a level either.
    """
    y = y - y[0]
    rate = _ratio(np.diff(y, axis=0), np.diff(t, axis=0))
    low, high = np.clip(t[:-1], start, stop), np.clip(t[1:], start, stop)
    y_low, y_high = y[:-1] + rate * (low - t[:-1]), y[:-1] + rate * (high - t[:-1])
    centre, width = (start + stop) / 2, stop - start
    return 12 / width**3 * _integral(low, high, y_low, y_high, lambda u: u - centre)
