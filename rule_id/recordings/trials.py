"""Trials aligned to an event, and what units did in the window of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.keyed import check_claim
from rule_id.recordings.texts import as_texts

__all__ = ["Responses", "Trials", "aligned_trials", "covered", "window_means", "window_rates"]

SLACK = 1e-3
"""How far a sample may be from the edge of a window and still count as on it, in samples."""

ROUNDING = 1e-6
"""How far windows may overlap, in seconds."""

GAPS = 10
"""How long before its first spike, and after its last, a population is taken to be recorded, in
mean gaps between its spikes: a gap ten times the mean has a chance of exp(-10)."""


@dataclass(frozen=True, eq=False)
class Trials:
    """When to look, in order of time.

    Attributes:
        starts: When each window begins, (trials,) in seconds.
        stops: When it ends.
        conditions: The condition of each trial, (trials,) of str.
        warnings: Which trials were left out, a sentence each.
    """

    starts: np.ndarray
    stops: np.ndarray
    conditions: np.ndarray
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Responses:
    """What units did in each window.

    Attributes:
        values: Mean activity or rate, (trials, units); NaN outside the recording.
        inside: Whether the window lies in the recording, (trials,).
        span: From when to when the recording was, in seconds.
    """

    values: np.ndarray
    inside: np.ndarray
    span: tuple[float, float]


def aligned_trials(
    events: np.ndarray, conditions: Any | None, window: tuple[float, float]
) -> Trials:
    """Align trials to an event.

    Args:
        events: When the event was in each trial, (n,) in seconds; NaN where it was not.
        conditions: The condition of each trial, (n,); None for one condition, `all`. Empty or NaN
            where there is none.
        window: From when to when, in seconds from the event.

    Returns:
        The trials that have an event and a condition, sorted by the event.

    Raises:
        InputError: There is no such trial.
    """
    names = np.full(len(events), "all") if conditions is None else as_texts(conditions)
    happened = np.isfinite(events)
    kept = happened & (names != "")
    if not kept.any():
        raise InputError(
            f"a trial or more must have an event and a condition; of {len(events)} trials "
            f"{happened.sum()} have the event and {np.sum(names != '')} a condition"
        )
    order = np.flatnonzero(kept)
    order = order[np.argsort(events[order], kind="stable")]
    warnings = [
        f"{n} of {len(events)} trials are left out: {why}"
        for n, why in (
            (np.sum(~happened), "they lack the event"),
            (np.sum(happened & ~kept), "they have no condition"),
        )
        if n
    ]
    starts, stops = (events[order] + edge for edge in window)
    warnings += _overlaps(starts, stops)
    return Trials(starts, stops, names[order], tuple(warnings))


def _overlaps(starts: np.ndarray, stops: np.ndarray) -> list[str]:
    gaps = np.diff(starts)
    # Times are written with rounding errors.
    n = int(np.sum(starts[1:] < stops[:-1] - ROUNDING))
    if not n:
        return []
    return [
        f"the windows of {n} of {len(starts)} trials begin before that of the trial before ends: "
        f"a window lasts {stops[0] - starts[0]:.4g} s and the smallest gap between events is "
        f"{gaps.min():.4g} s, so that trials share activity"
    ]


def covered(trials: Trials, intervals: np.ndarray, slack: float = 0.0) -> np.ndarray:
    """Say which windows lie in one of some intervals.

    Args:
        trials: The windows.
        intervals: Starts and ends, (intervals, 2) in seconds.
        slack: How far a window may reach beyond one at its end, in seconds.

    Returns:
        Boolean (trials,).
    """
    starts, ends = intervals.T
    begun = starts <= trials.starts[:, None]
    return (begun & (trials.stops[:, None] <= ends + slack)).any(axis=1)


def window_means(
    times: np.ndarray, read: Callable[[int, int], np.ndarray], n_units: int, trials: Trials
) -> Responses:
    """Average samples in the window of each trial.

    Args:
        times: When each sample was, (samples,) in seconds, rising.
        read: Gives the samples from one index to below another, (some, units).
        n_units: How many units there are.
        trials: The windows; a sample at the start of one belongs to it, one at its end does not.

    Returns:
        Means (trials, units). A window is outside when it begins before the first sample, ends
        after the last one's time, or holds none.

    Raises:
        InputError: The times do not rise, or are fewer than two.
    """
    gaps = np.diff(times)
    if not (len(gaps) and (gaps > 0).all() and np.isfinite(times).all()):
        raise InputError("timestamps must be 2 or more and rise strictly")
    period = float(np.median(gaps))
    slack = SLACK * period
    span = (float(times[0]), float(times[-1]) + period)
    low = np.searchsorted(times, trials.starts - slack)
    high = np.searchsorted(times, trials.stops - slack)
    within = (trials.starts >= span[0] - slack) & (trials.stops <= span[1] + slack)
    inside = within & (high > low)
    if within.any() and not inside.any():
        raise InputError(
            f"window must be as long as a sample of the recording or longer, {period:g} s; got "
            f"{trials.stops[0] - trials.starts[0]:g} s"
        )
    values = _missing(len(inside), n_units)
    for k in np.flatnonzero(inside):
        values[k] = np.mean(read(int(low[k]), int(high[k])), axis=0, dtype=np.float64)
    return Responses(values, inside, span)


def window_rates(
    spikes: Sequence[np.ndarray], trials: Trials, span: tuple[float, float] | None = None
) -> Responses:
    """Count spikes in the window of each trial, as spikes a second.

    Args:
        spikes: When each unit fired, in seconds, by unit.
        trials: The windows.
        span: From when to when the recording was; None for from the first spike of any unit to the
            last, and `GAPS` mean gaps between spikes more at either end.

    Returns:
        Rates (trials, units).

    Raises:
        InputError: No unit fired.
    """
    start, stop = span or _span(spikes)
    inside = (trials.starts >= start) & (trials.stops <= stop)
    values = _missing(len(inside), len(spikes))
    starts, stops = trials.starts[inside], trials.stops[inside]
    for unit, times in enumerate(spikes):
        ordered = np.sort(times)
        counts = np.searchsorted(ordered, stops) - np.searchsorted(ordered, starts)
        values[inside, unit] = counts / (stops - starts)
    return Responses(values, inside, (start, stop))


def _missing(n_trials: int, n_units: int) -> np.ndarray:
    check_claim(8 * n_trials * n_units)
    return np.full((n_trials, n_units), np.nan)


def _span(spikes: Sequence[np.ndarray]) -> tuple[float, float]:
    times = [unit for unit in spikes if len(unit)]
    if not times:
        raise InputError("a unit or more must have fired; none has a spike")
    first, last = min(unit.min() for unit in times), max(unit.max() for unit in times)
    gap = (last - first) / sum(len(unit) for unit in times)
    return float(first - GAPS * gap), float(last + GAPS * gap)
