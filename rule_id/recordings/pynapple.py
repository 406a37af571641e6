"""Recordings from pynapple's objects, which are taken by what they have: it is not imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np

from rule_id.errors import InputError, one_of
from rule_id.recordings.checks import SIGNALS
from rule_id.recordings.one_session import LOOKED_AT, session_of_responses, z_scored_traces
from rule_id.recordings.recording import Recording
from rule_id.recordings.sessions import Session, recording_from_sessions
from rule_id.recordings.trials import (
    Responses,
    Trials,
    aligned_trials,
    covered,
    window_means,
    window_rates,
)
from rule_id.recordings.unit_layers import Layering, layers_of, unit_ids

__all__ = ["recording_from_pynapple"]

UNBOUNDED = (-np.inf, np.inf)


@dataclass(frozen=True)
class _Options:
    """What holds for all sessions; see `recording_from_pynapple`."""

    signal: str
    window: tuple[float, float]
    layer: str | None
    layers: Layering | None
    unit_id: str | None


def recording_from_pynapple(
    name: str,
    sessions: Sequence[Any],
    events: Sequence[Any],
    signal: str,
    *,
    conditions: Sequence[Any] | str | None = None,
    window: tuple[float, float] = (0.0, 1.0),
    layer: str | None = None,
    layers: Layering | None = None,
    unit_id: str | None = None,
    starts: Sequence[datetime] | None = None,
    blocks: int | None = None,
    tracked: bool | None = None,
    seed: int = 0,
) -> Recording:
    """Make a recording of sessions that pynapple has read, with one checkpoint for each.

    A unit's response is its mean trace, or its spikes a second, in the window about each event.
    Trials whose window leaves the `time_support` of their session are left out: set it to the whole
    recording, for pynapple lets it begin with the first spike. See `recording_from_sessions` for
    what sessions must have in common.

    Args:
        name: The id of the network.
        sessions: A `TsdFrame` (time x unit) or a `TsGroup` (spike times) each.
        events: For each session when the event of each trial was: an `IntervalSet` (whose starts
            count), a `Ts`, an array of seconds, or one of these for each condition, by its name.
        signal: `rate`, `calcium` or `deconvolved`; of a `TsGroup`, `rate`.
        conditions: For each session the condition of each event, or the name of a metadata column
            of the `IntervalSet`; None for one condition or those by whose names events are given.
        window: From when to when activity is averaged, in seconds from the event.
        layer: The metadata column that says which layer a unit is in; None for one layer, `all`.
        layers: Layers from first to last, with values of that column or an interval of it.
        unit_id: The metadata column that names each unit, alike in every session.
        starts: When each session began, with its time zone; None where they stand in order.
        blocks: Into how many checkpoints the trials of one session are cut.
        tracked: Whether units are the same in every session; None for true where they have ids.
        seed: Which trials and units are drawn.

    Raises:
        InputError: An object is of another kind or lacks what is named, or the sessions are no
            recording.
    """
    one_of("signal", signal, SIGNALS)
    told = _Options(signal, window, layer, layers, unit_id)
    columns = [conditions] * len(sessions) if isinstance(conditions, str) else conditions
    for what, given in (("events", events), ("conditions", columns), ("starts", starts)):
        if given is not None and len(given) != len(sessions):
            raise InputError(
                f"{what} must be given for each of the {len(sessions)} sessions; got {len(given)}"
            )
    read = [
        _session(
            str(k),
            one,
            _trials(events[k], None if columns is None else columns[k], window),
            None if starts is None else starts[k],
            told,
        )
        for k, one in enumerate(sessions)
    ]
    return recording_from_sessions(
        name,
        read,
        signal,
        layers=None if layers is None else list(layers),
        seed=seed,
        blocks=blocks,
        tracked=True if tracked is None and unit_id is not None else tracked,
    )


def _trials(events: Any, conditions: Any, window: tuple[float, float]) -> Trials:
    if isinstance(events, Mapping):
        if conditions is not None:
            raise InputError("conditions must be left out where events are given by condition")
        times = {str(condition): _times(some) for condition, some in events.items()}
        conditions = np.repeat(list(times), [len(some) for some in times.values()])
        return aligned_trials(np.concatenate(list(times.values())), conditions, window)
    if isinstance(conditions, str):
        conditions = _metadata(events, conditions)
    found = _times(events)
    if conditions is not None and len(conditions) != len(found):
        raise InputError(
            f"conditions must be given for each of the {len(found)} events; got {len(conditions)}"
        )
    return aligned_trials(found, conditions, window)


def _times(events: Any) -> np.ndarray:
    # Time series have `t`; of an interval set, `start` is an array.
    times = np.asarray(getattr(events, "t", getattr(events, "start", events)))
    if times.ndim != 1 or times.dtype.kind not in "iuf":
        raise InputError(
            "events must be an IntervalSet, a Ts or an array of seconds, or one of these for each "
            f"condition; got {type(events).__name__}"
        )
    return times.astype(np.float64)


def _metadata(holder: Any, name: str) -> np.ndarray:
    there = list(getattr(holder, "metadata_columns", []))
    if name not in there:
        raise InputError(
            f"{name} is not a metadata column of this {type(holder).__name__}, which has "
            f"{', '.join(map(str, there)) or 'none'}"
        )
    return np.asarray(holder.get_info(name))


def _session(
    name: str, held: Any, trials: Trials, start: datetime | None, told: _Options
) -> Session:
    z_scored = False
    if hasattr(held, "columns") and hasattr(held, "t"):
        n_units, responses = len(held.columns), _frame_responses(held, trials)
        z_scored = z_scored_traces(np.asarray(held.d[:, :LOOKED_AT]))
    elif isinstance(held, Mapping) and hasattr(held, "time_support"):
        if told.signal != "rate":
            raise InputError(f"signal must be rate of a TsGroup, of spikes; got {told.signal}")
        n_units, responses = len(held), _group_responses(held, trials)
    else:
        raise InputError(f"sessions must be a TsdFrame or a TsGroup; got {type(held).__name__}")
    values = partial(_metadata, held)
    return session_of_responses(
        name,
        trials,
        responses,
        layers_of(values, n_units, told.layer, told.layers),
        start=start,
        units=unit_ids(values, told.unit_id),
        z_scored=z_scored,
    )


def _frame_responses(frame: Any, trials: Trials) -> Responses:
    times = np.asarray(frame.t)
    means = window_means(
        times, lambda start, stop: np.asarray(frame.d[start:stop]), len(frame.columns), trials
    )
    # The last sample of an interval lasts until the next would have been.
    within = covered(trials, _support(frame), slack=means.span[1] - times[-1])
    return Responses(means.values, means.inside & within, means.span)


def _group_responses(group: Any, trials: Trials) -> Responses:
    spikes = [np.asarray(group[unit].t) for unit in group]
    support = _support(group)
    rates = window_rates(spikes, trials, UNBOUNDED)
    span = float(support[0, 0]), float(support[-1, 1])
    return Responses(rates.values, covered(trials, support), span)


def _support(held: Any) -> np.ndarray:
    support = held.time_support
    return np.stack([np.asarray(support.start), np.asarray(support.end)], axis=1)
