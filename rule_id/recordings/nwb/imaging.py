"""A session of calcium imaging."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.nwb.columns import loaded, rows_of
from rule_id.recordings.nwb.series import Traces, roi_values, traces_of
from rule_id.recordings.one_session import LOOKED_AT, session_of_responses, z_scored_traces
from rule_id.recordings.reading import Reading
from rule_id.recordings.sessions import Session
from rule_id.recordings.trials import Responses, Trials, window_means
from rule_id.recordings.unit_layers import layers_of, unit_ids

__all__ = ["imaging_session"]

CELL_COLUMNS = ("iscell", "accepted", "Accepted")
"""Columns, of suite2p, CaImAn and NeuroConv, that say which ROIs are cells."""


def imaging_session(
    name: str, start: Any, series: list[Any], trials: Trials, reading: Reading
) -> Session:
    """Read a session of calcium imaging.

    Args:
        name: What messages call it.
        start: When it began.
        series: Its `RoiResponseSeries`, one a plane; their ROIs are put side by side.
        trials: The windows.
        reading: Which columns say the layer and the id of each ROI.

    Raises:
        InputError: The traces are of no known shape, or no trial lies in the recording.
    """
    planes = [traces_of(one) for one in series]
    cells = np.concatenate([_cells(one) for one in series])
    warnings = [said for plane in planes for said in plane.warnings]
    if not cells.all():
        warnings.append(f"{np.sum(~cells)} of {len(cells)} ROIs are left out: they are no cells")
    if not cells.any():
        raise InputError("a ROI or more must be a cell; none is")
    values = partial(_values, series)
    layers = layers_of(values, len(cells), reading.layer, reading.layers)
    ids = unit_ids(values, reading.unit_id)
    return session_of_responses(
        name,
        trials,
        _side_by_side(
            [window_means(one.times, one.read, one.n_rois, trials) for one in planes], cells
        ),
        layers[cells],
        start=start,
        units=None if ids is None else ids[cells],
        z_scored=all(_is_z_scored(plane) for plane in planes),
        warnings=warnings,
    )


def _side_by_side(planes: list[Responses], cells: np.ndarray) -> Responses:
    """Join planes that were imaged in turn; a trial must lie in each."""
    return Responses(
        np.concatenate([one.values for one in planes], axis=1)[:, cells],
        np.logical_and.reduce([one.inside for one in planes]),
        planes[0].span,
    )


def _values(series: list[Any], name: str) -> np.ndarray:
    return np.concatenate([roi_values(one, name) for one in series])


def _cells(series: Any) -> np.ndarray:
    """Say which ROIs of a series are cells: all where no column says so."""
    table, rows = series.rois.table, rows_of(series.rois)
    for name in CELL_COLUMNS:
        if name in table.colnames:
            # suite2p has the probability in a second column.
            marks = loaded(table[name].data)
            return (marks.reshape(len(marks), -1)[:, 0] > 0)[rows]
    return np.ones(len(rows), dtype=bool)


def _is_z_scored(plane: Traces) -> bool:
    return z_scored_traces(plane.read(0, len(plane.times), slice(0, min(LOOKED_AT, plane.n_rois))))
