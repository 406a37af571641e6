r"""Which way a layer went: angles and lengths of its path through training.

What is measured of a layer at checkpoint t is a point x_t: its weights, or how alike it responds
to each two stimuli (`rule_id.observables.pairs`). From the distances d_{st} = |x_s - x_t| and
the sizes n_t = |x_t| follows the inner product of any two steps,

.. math:: \langle x_b - x_a, x_d - x_c \rangle
    = \tfrac12 (d_{ad}^2 + d_{bc}^2 - d_{ac}^2 - d_{bd}^2),

so that what is left of a path of which fewer checkpoints were seen is computed as if no other had
ever been measured. What other pairs say is followed from step to step and from the first
checkpoint on. All curves are free of units, and the same when all x are multiplied by a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rule_id.features.rows import rows_of_times, summarise_rows
from rule_id.features.summaries import summary_names
from rule_id.features.time_axis import time_axis
from rule_id.schema import PAIRS

__all__ = [
    "PATH_STATISTICS",
    "is_of_path",
    "path_curve",
    "paths_at",
    "summarise_paths",
]

LAG = 3
"""Steps between those that `memory` compares."""

CHUNK = 1000
"""Trajectories of one pass."""

Array = np.ndarray


def displacement(d: Array, t: Array) -> Array:
    """Return |x_t - x_0| / n_0 at every checkpoint."""
    return _from_first(d) / _size(d)[:, :1]


def overlap(d: Array, t: Array) -> Array:
    """Return the cosine between x_t and x_0 at every checkpoint."""
    size = _size(d)
    inner = (size**2 + size[:, :1] ** 2 - _from_first(d) ** 2) / 2
    return _cosine(inner, size * size[:, :1])


def speed(d: Array, t: Array) -> Array:
    """Return the length of each step over n_0 and its share of the window."""
    return _steps(d) / (_size(d)[:, :1] * np.diff(t))


def persistence(d: Array, t: Array) -> Array:
    """Return the cosine between each step and the next."""
    return _between_steps(d, 1)


def memory(d: Array, t: Array) -> Array:
    """Return the cosine between each step and the third after it."""
    return _between_steps(d, LAG)


def carry(d: Array, t: Array) -> Array:
    """Return c_1 - 2 c_2 + c_3, c_k the cosine between each step and the k-th after it.

    What goes on from one checkpoint to the next and no further, as under momentum; the cosines of a
    path that turns steadily lie on a line.
    """
    n = d.shape[1] - 1 - LAG
    near, next_but_one, far = (_between_steps(d, lag)[:, :n] for lag in (1, 2, LAG))
    return near - 2 * next_but_one + far


def heading(d: Array, t: Array) -> Array:
    """Return the cosine between each step and x_T - x_0."""
    square = _square(d)
    first, last = square[:, 0], square[:, -1]
    inner = (last[:, :-1] - first[:, :-1] + first[:, 1:] - last[:, 1:]) / 2
    return _cosine(inner, _steps(d) * np.sqrt(first[:, -1:]))


def straightness(d: Array, t: Array) -> Array:
    """Return |x_t - x_0| over the length of the path up to t, from the second checkpoint on."""
    return _cosine(_from_first(d)[:, 1:], np.cumsum(_steps(d), axis=1))


def growth(d: Array, t: Array) -> Array:
    """Return the cosine between each step and the x_t that it begins at."""
    size, step = _size(d), _steps(d)
    inner = (size[:, 1:] ** 2 - size[:, :-1] ** 2 - step**2) / 2
    return _cosine(inner, step * size[:, :-1])


def wandering(d: Array, t: Array) -> Array:
    """Return the length of each step over how far the next three lead as well."""
    a = np.arange(d.shape[1] - 1 - LAG)
    return _steps(d)[:, a] / d[:, a, a + 1 + LAG]


def drift(d: Array, t: Array) -> Array:
    """Return <x_t - x_0, x_{t-1} - x_1> / <x_0, x_1>, from the fourth checkpoint on.

    No checkpoint is on both sides, so that noise drawn anew at each of them cancels on average.
    """
    inner = _inner(d)
    later = np.arange(3, d.shape[1])
    moved = inner[:, later, later - 1] - inner[:, later, 1] - inner[:, 0, later - 1]
    return (moved + inner[:, :1, 1]) / inner[:, :1, 1]


def advance(d: Array, t: Array) -> Array:
    """Return how much of the whole way is behind, by inner products as those of `drift`."""
    inner = _inner(d)
    way = inner[:, :, -1] - inner[:, :, 1]
    come = way[:, 2:-1] - way[:, :1]
    return come / come[:, -1:]


def step(d: Array, t: Array) -> Array:
    """Return what each two neighbouring checkpoints say."""
    return _steps(d)


def since(d: Array, t: Array) -> Array:
    """Return what each checkpoint says together with the first, from the second on."""
    return d[:, 0, 1:]


def now(d: Array, t: Array) -> Array:
    """Return what each checkpoint says alone."""
    return _size(d)


Curve = Callable[[Array, Array], Array]

OF_DISTANCES: dict[str, tuple[Curve, int]] = {
    "displacement": (displacement, 0),
    "overlap": (overlap, 0),
    "speed": (speed, 1),
    "persistence": (persistence, 2),
    "memory": (memory, LAG + 1),
    "carry": (carry, LAG + 1),
    "heading": (heading, 1),
    "straightness": (straightness, 1),
    "growth": (growth, 1),
    "wandering": (wandering, LAG + 1),
    "drift": (drift, 3),
    "advance": (advance, 3),
}
"""Each curve of distances, and how many points it has fewer than there are checkpoints."""

OF_OTHERS: dict[str, tuple[Curve, int]] = {"step": (step, 1), "since": (since, 1), "now": (now, 0)}
"""The same of other pairs."""

_CURVES: dict[str, dict[str, tuple[Curve, int]]] = {
    pair: (
        {f"{pair.removesuffix('_distance')}_path_{name}": own for name, own in OF_DISTANCES.items()}
        if pair.endswith("_distance")
        else {f"{pair}_{name}": own for name, own in OF_OTHERS.items()}
    )
    for pair in PAIRS
}

PATH_STATISTICS = tuple(name for curves in _CURVES.values() for name in curves)
"""The curves of all `PAIRS`, named as statistics are."""


def is_of_path(feature: str) -> bool:
    """Say whether a feature is of which way a layer went.

    >>> is_of_path("weight_path_speed.start"), is_of_path("weight_raw_norm.start")
    (True, False)
    """
    return feature.partition(".")[0] in PATH_STATISTICS


def path_curve(statistic: str, pairs: Array, time: Array) -> tuple[Array, Array]:
    """Return a curve of layers that were measured at the same times.

    Args:
        statistic: One of `PATH_STATISTICS`.
        pairs: What its pair says (n, T, T), symmetric.
        time: Times (T,), rising.

    Returns:
        Times (T',) from 0 to 1, each the middle of the checkpoints that its point is made of, and
        the curve (n, T') of float64: NaN where a layer did not move, so that it has no direction.
        With too few checkpoints for two points T' is 2 and all is NaN.
    """
    (found,) = [curves[statistic] for curves in _CURVES.values() if statistic in curves]
    function, fewer = found
    n_points = len(time) - fewer
    if n_points < 2:
        return np.linspace(0, 1, 2), np.full((len(pairs), 2), np.nan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = function(pairs, time)
    middle = (time[:n_points] + time[fewer:]) / 2
    times = (middle - middle[0]) / (middle[-1] - middle[0])
    return times, np.where(np.isfinite(values), values, np.nan)


def summarise_paths(pairs: Array, time: Array) -> Array:
    """Return the summaries of all curves of n layers.

    What was not measured at some checkpoints leads through the others, over the window in which it
    was measured.

    Args:
        pairs: Shape (n, T, T, 13), in the order of `PAIRS`, symmetric; NaN where not measured.
        time: Times (n, T), NaN behind the last.

    Returns:
        Shape (n, 57, k) of float32, in the order of `PATH_STATISTICS` and of `summary_names`.
    """
    parts = []
    for place, curves in enumerate(_CURVES.values()):
        own = pairs[..., place]
        part = np.full((len(time), len(curves), len(summary_names())), np.nan, dtype=np.float32)
        for rows, seen in _alike(own, time):
            part[rows] = _summaries(own, rows, time[rows[0]], seen, list(curves))
        parts.append(part)
    return np.concatenate(parts, axis=1)


def paths_at(statistic: str, pairs: Array, time: Array) -> tuple[Array, Array]:
    """Return a curve of each of n layers at the times that belong to it.

    Args:
        statistic: One of `PATH_STATISTICS`.
        pairs: Shape (n, T, T, 13), as of `summarise_paths`.
        time: Times (n, T), NaN behind the last.

    Returns:
        Times and values (n, T), NaN behind the last point.
    """
    (place,) = [place for place, curves in enumerate(_CURVES.values()) if statistic in curves]
    own = pairs[..., place]
    times, values = np.full(time.shape, np.nan), np.full(time.shape, np.nan)
    for rows, seen in _alike(own, time):
        at, curve = path_curve(statistic, _of(own, rows, seen), _window(time[rows[0]], seen))
        times[rows, : len(at)], values[rows, : len(at)] = at, curve
    return times, values


def _summaries(
    pairs: Array, rows: Array, time: Array, seen: Array, statistics: Sequence[str]
) -> Array:
    """Return the summaries (m, curves, k) of m layers, of pairs (n, T, T) of some checkpoints."""
    found = np.empty((len(rows), len(statistics), len(summary_names())), dtype=np.float32)
    for begin in range(0, len(rows), CHUNK):
        some = rows[begin : begin + CHUNK]
        own = _of(pairs, some, seen)
        for place, name in enumerate(statistics):
            times, values = path_curve(name, own, _window(time, seen))
            summaries = summarise_rows(time_axis(times[:, None]), values[..., None])
            found[begin : begin + len(some), place] = summaries[:, 0]
    return found


def _alike(pairs: Array, time: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the rows of pairs (n, T, T) that were measured at the same checkpoints, and which."""
    for rows in rows_of_times(time):
        measured = np.isfinite(np.einsum("ntt->nt", pairs[rows]))
        patterns, index = np.unique(measured, axis=0, return_inverse=True)
        for place, pattern in enumerate(patterns):
            if pattern.sum() >= 2:
                yield rows[index.ravel() == place], np.flatnonzero(pattern)


def _of(pairs: Array, rows: Array, seen: Array) -> Array:
    return pairs[np.ix_(rows, seen, seen)].astype(np.float64)


def _window(time: Array, seen: Array) -> Array:
    """Return times that run from 0 to 1 over what was seen."""
    first, last = time[seen[0]], time[seen[-1]]
    return (time[seen] - first) / (last - first)


def _size(d: Array) -> Array:
    """Return the sizes n_t (n, T)."""
    return np.einsum("ntt->nt", d)


def _steps(d: Array) -> Array:
    """Return the lengths of steps (n, T - 1)."""
    return np.einsum("ntt->nt", d[:, 1:, :-1])


def _square(d: Array) -> Array:
    """Return squared distances (n, T, T), which are 0 on the diagonal."""
    square = d**2
    at = np.arange(d.shape[1])
    square[:, at, at] = 0.0
    return square


def _inner(d: Array) -> Array:
    """Return the inner products of the x_t (n, T, T)."""
    size = _size(d) ** 2
    return (size[:, :, None] + size[:, None, :] - _square(d)) / 2


def _from_first(d: Array) -> Array:
    """Return the distances from the first checkpoint (n, T), 0 for itself."""
    own = d[:, 0].copy()
    own[:, 0] = 0.0
    return own


def _between_steps(d: Array, lag: int) -> Array:
    """Return the cosines between steps that lie so many steps apart, (n, T - 1 - lag)."""
    square, step = _square(d), _steps(d)
    a = np.arange(d.shape[1] - 1 - lag)
    c = a + lag
    inner = square[:, a, c + 1] + square[:, a + 1, c] - square[:, a, c] - square[:, a + 1, c + 1]
    return _cosine(inner / 2, step[:, a] * step[:, c])


def _cosine(inner: Array, sizes: Array) -> Array:
    """Return a ratio that lies between -1 and 1 but for rounding; NaN where a size is 0."""
    return np.clip(np.where(sizes > 0, inner / sizes, np.nan), -1.0, 1.0)
