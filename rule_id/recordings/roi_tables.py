"""Tables that the user puts beside traces of ROIs: which trials there were, and where ROIs are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rule_id.errors import InputError, first_line
from rule_id.recordings.keyed import check_claim
from rule_id.recordings.reading import Reading
from rule_id.recordings.trials import Trials, aligned_trials
from rule_id.recordings.unit_layers import Values

__all__ = ["FRAME", "LAYER", "roi_columns", "trials_of", "values_of"]

FRAME = "frame"
"""The column of trials.csv that says, instead of seconds, at which frame the event was, from 0."""

LAYER = "layer"
"""The column of layers.csv that is read when none is named."""


def trials_of(path: Path, frame_rate: float | None, reading: Reading) -> tuple[Trials, float]:
    """Read a table of trials.

    Args:
        path: A table with a line of column names and a line for each trial: `reading.event` in
            seconds from the first frame, or `FRAME`; and `reading.condition`.
        frame_rate: Frames a second, unless `reading` says it.
        reading: What columns are called, and the window.

    Returns:
        The trials, and frames a second.

    Raises:
        InputError: There is no such table or column, or the frame rate is unknown.
    """
    table = _table(path)
    rate = frame_rate if reading.frame_rate is None else reading.frame_rate
    if rate is None:
        raise InputError(
            f"frame_rate must be given, in frames a second: windows around the trials of "
            f"{path} are in seconds"
        )
    if reading.event in table:
        events = _numbers(table, reading.event, path)
    elif FRAME in table:
        events = _numbers(table, FRAME, path) / rate
    else:
        raise InputError(
            f"{path} must have a column {reading.event} in seconds or {FRAME}; it has "
            f"{', '.join(table)}"
        )
    if reading.condition is None:
        return aligned_trials(events, None, reading.window), rate
    if reading.condition not in table:
        raise InputError(
            f"condition must be a column of {path}, which has {', '.join(table)}; got "
            f"{reading.condition}"
        )
    return aligned_trials(events, table[reading.condition], reading.window), rate


def roi_columns(path: Path, n_rois: int) -> dict[str, np.ndarray]:
    """Read a table of ROIs.

    Args:
        path: A table with a line of column names and a line for each ROI, whether it is a cell or
            not; none need be there.
        n_rois: How many there are.

    Returns:
        Its columns, (ROIs,) by name; none without a table.

    Raises:
        InputError: It is no table, or has another number of lines.
    """
    if not path.is_file():
        return {}
    table = _table(path)
    n_lines = len(next(iter(table.values())))
    if n_lines != n_rois:
        raise InputError(f"{path} must have a line for each of the {n_rois} ROIs; got {n_lines}")
    return table


def values_of(columns: Mapping[str, Any]) -> Values:
    """Return what gives a column of ROIs by name, and says which there are if it is none."""

    def values(name: str) -> Any:
        if name not in columns:
            raise InputError(
                f"layer and unit_id must be a column of layers.csv, one of "
                f"{', '.join(columns) or 'none, for it is not there'}; got {name}"
            )
        return columns[name]

    return values


def _table(path: Path) -> dict[str, np.ndarray]:
    check_claim(path.stat().st_size)
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    # pandas' own errors, and UnicodeDecodeError, are all of this kind.
    except ValueError as error:
        reason = first_line(error)
        raise InputError(f"{path} must be a table with a line of names: {reason}") from None
    return {str(name).strip(): table[name].to_numpy() for name in table}


def _numbers(table: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    values = table[name]
    if values.dtype.kind not in "iuf":
        raise InputError(f"the column {name} of {path} must be numbers; got {list(values[:3])}")
    return values.astype(np.float64)
