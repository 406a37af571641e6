"""A few dimensionless numbers that describe a trajectory, whatever its checkpoints.

Every summary is taken of the curve that joins the measured points by straight lines. Its integrals
are exact, so a curve gives nearly the same numbers from 11, 21 or 41 checkpoints, evenly spaced or
not. Arrays have time first: x is (T, m), m trajectories of T points each; t, from 0 to 1, is (T, 1)
where they share their times, else (T, m). A trajectory with fewer points than the others ends in
copies of its last point, which are stretches of no length and weigh nothing.

All summaries but the levels `start`, `mean` and `end` are of y = x / mean|x|, so that they do not
change when x is multiplied by a positive number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rule_id.errors import InputError, one_of
from rule_id.features.time_axis import TimeAxis, ratio, time_axis, weighted

__all__ = ["LEVEL_UNIT", "summarise", "summarise_on", "summary_names", "time_of"]

LEVEL_UNIT = 1e-6
"""The level below which the signed logarithm is linear, in the units of the statistic."""

ROUNDING = 1e-6
"""The change, in units of mean|x|, that may be rounding: statistics are kept as float32."""

Array = np.ndarray


@dataclass(frozen=True)
class Curves:
    """m trajectories, and what several summaries share.

    Attributes:
        axis: Their times and the weights of their points.
        start: First value (m,).
        end: Last value (m,).
        rise: x less the first value (T, m), which leaves exactly 0 of a constant.
        unit: 1 / mean|x| (m,), |x| averaged over time; 0 where x is 0 throughout.
        lowest: Least rise (m,), 0 or less.
        highest: Greatest rise (m,), 0 or more.
    """

    axis: TimeAxis
    start: Array
    end: Array
    rise: Array
    unit: Array
    lowest: Array
    highest: Array


def curves(axis: TimeAxis, x: Array) -> Curves:
    """Return what the summaries of x (T, m) share."""
    size = weighted(axis.mean, np.abs(x))
    rise = x - x[0]
    return Curves(
        axis, x[0], x[-1], rise, ratio(np.ones(1), size), rise.min(axis=0), rise.max(axis=0)
    )


def signed_log(x: Array) -> Array:
    """Return sign(x) log10(1 + |x| / 1e-6), which is 0 at 0 and keeps order and sign."""
    return np.sign(x) * np.log10(1 + np.abs(x) / LEVEL_UNIT)


def relative_change(c: Curves) -> Array:
    """Return (y_T - y_0) / (|y_0| + |y_T|), from -1 to 1; 0 where both ends are 0."""
    return ratio(c.rise[-1], np.abs(c.start) + np.abs(c.end))


def early_slope(c: Curves) -> Array:
    """Return the least-squares slope over the first quarter of the window, per window."""
    return weighted(c.axis.early_slope, c.rise) * c.unit


def late_slope(c: Curves) -> Array:
    """Return the least-squares slope over the last quarter of the window, per window."""
    return weighted(c.axis.late_slope, c.rise) * c.unit


def half_time(c: Curves) -> Array:
    """Return when half of the change from first to last is first reached; NaN without change."""
    change = np.abs(c.rise[-1])
    half = change / 2
    toward = c.rise * np.sign(c.rise[-1])
    after = _first(toward >= half)
    before = np.maximum(after - 1, 0)
    low, high = _at(toward, before), _at(toward, after)
    begin = _at(c.axis.t, before)
    time = begin + ratio(half - low, high - low) * (_at(c.axis.t, after) - begin)
    return np.where(change * c.unit <= ROUNDING, np.nan, time)


def curvature(c: Curves) -> Array:
    """Return the coefficient of P_2(2t - 1) in the least-squares fit by Legendre polynomials.

    It is 5 times the integral of P_2(2t - 1) y, P_2(u) = (3 u^2 - 1) / 2; positive for a
    rise that speeds up or a fall that levels off, negative for the reverse. The unit is mean|x|, as
    for the slopes: the range would blow up the noise of a trajectory that hardly changes.
    """
    return weighted(c.axis.curvature, c.rise) * c.unit


def roughness(c: Curves) -> Array:
    """Return the root mean square departure of points from the line between their neighbours.

    Each residual y_k - a y_{k-1} - b y_{k+1} is divided by sqrt(1 + a^2 + b^2), so that white noise
    gives its own standard deviation for any number and spacing of checkpoints; NaN with two points.

    Source: Gasser, Sroka, Jennen-Steinmetz, Biometrika 73 (1986), equation for S^2.
    """
    change = c.rise[1:] - c.rise[:-1]
    residual = c.axis.before * change[:-1]
    residual -= c.axis.after * change[1:]
    square = weighted(residual, residual)
    return np.where(c.axis.rough, np.sqrt(square) * c.unit, np.nan)


def minimum(c: Curves) -> Array:
    """Return how far the trajectory falls below its start: min(y) - y_0, 0 or less."""
    return c.lowest * c.unit


def maximum(c: Curves) -> Array:
    """Return how far the trajectory rises above its start: max(y) - y_0, 0 or more."""
    return c.highest * c.unit


def time_of_minimum(c: Curves) -> Array:
    """Return the time of the lowest point, the first of equals; NaN without change."""
    return _time_at(c, c.lowest)


def time_of_maximum(c: Curves) -> Array:
    """Return the time of the highest point, the first of equals; NaN without change."""
    return _time_at(c, c.highest)


_SHAPES: dict[str, tuple[Callable[[Curves], Array], str]] = {
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
_LEVELS: dict[str, tuple[Callable[[Curves], Array], str]] = {
    "start": (lambda c: c.start, "start"),
    "mean": (lambda c: c.start + weighted(c.axis.mean, c.rise), "whole"),
    "end": (lambda c: c.end, "end"),
}


def summary_names() -> tuple[str, ...]:
    """Return the names of the summaries, in the order of the feature table."""
    return (*_LEVELS, *_SHAPES)


def summarise(t: Array, x: Array) -> dict[str, Array]:
    """Return every summary of m trajectories.

    Args:
        t: Times, (T, 1) where all share them, else (T, m); T >= 2, from 0 to 1, rising, but for
            copies of the last point at the end.
        x: Values (T, m) of float64, finite, in any unit.

    Returns:
        Arrays (m,) by summary name; NaN where a summary is undefined.
    """
    return summarise_on(time_axis(t), x)


def summarise_on(axis: TimeAxis, x: Array) -> dict[str, Array]:
    """Return every summary of m trajectories, as `summarise` does, at times that are prepared."""
    shared = curves(axis, x)
    levels = {name: signed_log(level(shared)) for name, (level, _) in _LEVELS.items()}
    return levels | {name: shape(shared) for name, (shape, _) in _SHAPES.items()}


def time_of(summary: str, n_checkpoints: int = 21) -> str:
    """Return the part of training that a summary speaks of.

    Args:
        summary: A name from `summary_names`, or it with `.deviation` behind; `checkpoint_<k>`, or a
            depth group.
        n_checkpoints: Length of the trajectories; `checkpoint_<k>` belongs to one of its thirds.

    Returns:
        `start`, `early`, `middle`, `late`, `end` or `whole`.

    Raises:
        InputError: There is no summary of that name.

    >>> time_of("early_slope"), time_of("checkpoint_20"), time_of("half_time")
    ('early', 'late', 'whole')
    """
    summary = summary.removesuffix(".deviation")
    if summary.startswith("checkpoint_"):
        return ("early", "middle", "late")[_third(summary, n_checkpoints)]
    depth_flags = dict.fromkeys(("early", "middle", "deep"), "whole")
    times = {name: time for name, (_, time) in {**_LEVELS, **_SHAPES}.items()}
    known = times | depth_flags
    return known[one_of("summary", summary, (*known, "checkpoint_<k>"))]


def _third(summary: str, n_checkpoints: int) -> int:
    index = summary.removeprefix("checkpoint_")
    if not index.isdigit() or int(index) >= n_checkpoints:
        raise InputError(
            f"summary must be checkpoint_<k> with k from 0 to {n_checkpoints - 1}; got {summary!r}"
        )
    return (6 * int(index) + 3) // (2 * n_checkpoints)


def _first(true: Array) -> Array:
    """Return the first row that is true (m,), of (T, m) with one that is."""
    # Three times as fast as argmax along the first axis, which copies the transpose.
    n = len(true)
    left = np.arange(n, 0, -1, dtype=np.min_scalar_type(n))[:, None]
    return n - (true * left).max(axis=0).astype(np.intp)


def _at(values: Array, index: Array) -> Array:
    """Return values (T, 1) or (T, m) at rows `index` (m,)."""
    column = 0 if values.shape[1] == 1 else np.arange(len(index))
    return values[index, column]


def _time_at(c: Curves, extreme: Array) -> Array:
    time = _at(c.axis.t, _first(c.rise == extreme))
    return np.where((c.highest - c.lowest) * c.unit <= ROUNDING, np.nan, time)
