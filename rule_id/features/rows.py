"""Summaries of the statistics of some rows of a panel, with or without gaps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rule_id.features.summaries import summarise_on, summary_names
from rule_id.features.time_axis import TimeAxis, time_axis

__all__ = ["rows_of_times", "summarise_rows"]


def rows_of_times(time: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows that share their times, for each of the different rows of time (n, T).

    A corpus has few of them, one for each number of steps that checkpoints do not divide.
    """
    codes: dict[bytes, int] = {}
    # As bytes: NaN, which fills the end of short trajectories, equals itself there.
    code = np.array([codes.setdefault(row.tobytes(), len(codes)) for row in time])
    yield from np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])


def summarise_rows(axis: TimeAxis, values: np.ndarray) -> np.ndarray:
    """Summarise the statistics of trajectories that were measured at the same times.

    A statistic that was not measured at some checkpoints is described by the curve through the
    others, over the window in which it was measured.

    Args:
        axis: The T times.
        values: Statistics (n, T, S); what is not finite is missing.

    Returns:
        Summaries (n, S, k) of float32, k in the order of `summary_names`; NaN where fewer than two
        points were measured, or where a summary is undefined.
    """
    n, n_checkpoints, n_statistics = values.shape
    x = np.empty((n_checkpoints, n * n_statistics))
    x.reshape(n_checkpoints, n, n_statistics)[...] = values.transpose(1, 0, 2)
    gappy = np.flatnonzero(~np.isfinite(x).all(axis=0))
    with_gaps = x[:, gappy]
    # Zeros meanwhile: to summarise them too is cheaper than to copy all the others.
    x[:, gappy] = 0
    result = _summaries(axis, x)
    if len(gappy):
        result[gappy] = _summaries_with_gaps(axis.t, with_gaps)
    return result.reshape(n, n_statistics, -1)


def _summaries(axis: TimeAxis, x: np.ndarray) -> np.ndarray:
    """Return the summaries (m, k) of x (T, m)."""
    result = np.empty((x.shape[1], len(summary_names())), dtype=np.float32)
    for column, summary in enumerate(summarise_on(axis, x).values()):
        result[:, column] = summary
    return result


def _summaries_with_gaps(t: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the summaries (m, k) of x (T, m) with missing points, at times (T, 1)."""
    result = np.full((x.shape[1], len(summary_names())), np.nan, dtype=np.float32)
    finite = np.isfinite(x)
    measured = finite.sum(axis=0) >= 2
    if measured.any():
        times, closed = _close_gaps(t, x[:, measured], finite[:, measured])
        result[measured] = _summaries(time_axis(times), closed)
    return result


def _close_gaps(t: np.ndarray, x: np.ndarray, finite: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the finite points of x (T, m) to the front and repeat the last one to the end.

    Returns:
        Times (T, m), from 0 to 1 over the window of each trajectory, and values (T, m).
    """
    order = np.argsort(~finite, axis=0, kind="stable")
    last = finite.sum(axis=0) - 1
    index = np.take_along_axis(order, np.minimum(np.arange(len(t))[:, None], last), axis=0)
    closed = t[index, 0]
    return (
        (closed - closed[0]) / (closed[-1] - closed[0]),
        np.take_along_axis(x, index, axis=0),
    )
