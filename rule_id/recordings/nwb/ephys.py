"""A session of units with spike times."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.nwb.columns import column, lists, loaded, rows_of
from rule_id.recordings.one_session import session_of_responses
from rule_id.recordings.reading import Reading
from rule_id.recordings.sessions import Session
from rule_id.recordings.texts import as_texts
from rule_id.recordings.trials import Responses, Trials, covered, window_rates
from rule_id.recordings.unit_layers import layers_of, unit_ids

__all__ = ["units_session"]


def units_session(name: str, start: Any, units: Any, trials: Trials, reading: Reading) -> Session:
    """Read a session of units with spike times.

    Args:
        name: What messages call it.
        start: When it began.
        units: The `Units` table.
        trials: The windows.
        reading: Which columns say the layer and the id of each unit.

    Raises:
        InputError: There is no spike, or no trial lies in the recording.
    """
    trains = [train.astype(np.float64) for train in lists(units["spike_times"])]
    observed = _observed(units, trials)
    if observed is None:
        responses = window_rates(trains, trials)
    else:
        # Where no unit was observed there is no recording; where some were, the others have gaps.
        rates = window_rates(trains, trials, (-np.inf, np.inf))
        values = np.where(observed, rates.values, np.nan)
        responses = Responses(values, np.any(observed, axis=1), _span(units))
    values_of = partial(unit_values, units)
    return session_of_responses(
        name,
        trials,
        responses,
        layers_of(values_of, len(trains), reading.layer, reading.layers),
        start=start,
        units=unit_ids(values_of, reading.unit_id),
    )


def unit_values(units: Any, name: str) -> Any:
    """Return what a column of the units, or of their electrodes, holds of each unit.

    Args:
        units: The `Units` table.
        name: A column of it; a column of the electrodes that it refers to, of which numbers are
            averaged over a unit's electrodes and texts must agree (else the unit is in no layer);
            or `location`, of the electrode group that it refers to.

    Raises:
        InputError: It is none of these.
    """
    if name in units.colnames:
        return column(units, name)
    electrodes = _electrodes(units)
    if electrodes is not None and name in electrodes.table.colnames:
        values = column(electrodes.table, name)[rows_of(electrodes)]
        return _one_each(lists(units["electrodes"], values))
    if name == "location" and "electrode_group" in units.colnames:
        return [group.location for group in column(units, "electrode_group")]
    there = [*units.colnames, *(electrodes.table.colnames if electrodes is not None else ())]
    raise InputError(
        "layer and unit_id must be a column of the units or of their electrodes, which have "
        f"{', '.join(there)}; got {name}"
    )


def _electrodes(units: Any) -> Any | None:
    """Return the rows of the electrodes' table that units refer to, end to end."""
    if "electrodes" not in units.colnames:
        return None
    found = units["electrodes"]
    return getattr(found, "target", found)


def _one_each(values: list[np.ndarray]) -> np.ndarray:
    if values[0].dtype.kind in "iuf":
        return np.array([some.mean() if len(some) else np.nan for some in values])
    texts = [sorted(set(as_texts(some))) for some in values]
    return np.array([some[0] if len(some) == 1 else "" for some in texts])


def _observed(units: Any, trials: Trials) -> np.ndarray | None:
    """Say which windows lie in an interval in which a unit was observed, (trials, units)."""
    if "obs_intervals" not in units.colnames:
        return None
    seen = [covered(trials, some) for some in lists(units["obs_intervals"])]
    return np.stack(seen, axis=1)


def _span(units: Any) -> tuple[float, float]:
    intervals = loaded(units["obs_intervals"].target.data)
    return float(intervals.min(initial=np.inf)), float(intervals.max(initial=-np.inf))
