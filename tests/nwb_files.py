"""Small NWB files with known responses, for tests: one a session.

A trial lasts two seconds from its event, and a unit does the same throughout, so that its mean in
any window inside the trial is the response that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

TRIAL = 2.0
"""Seconds from one event to the next."""

RATE = 10.0
"""Frames a second."""

FIRST = datetime(2024, 3, 1, 9, tzinfo=UTC)


def start_of(day: int) -> datetime:
    return FIRST + timedelta(days=day)


def events_of(n_trials: int) -> np.ndarray:
    return TRIAL * np.arange(n_trials)


def write_imaging(path: Path, *args: Any, **options: Any) -> Path:
    """Write a session of imaging; see `imaging_nwb`."""
    return write_nwb(path, imaging_nwb(*args, **options))


def write_units(path: Path, *args: Any, **options: Any) -> Path:
    """Write a session of units; see `units_nwb`."""
    return write_nwb(path, units_nwb(*args, **options))


def write_nwb(path: Path, nwb: Any) -> Path:
    from pynwb import NWBHDF5IO

    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    return path


def in_memory(*nwbs: Any, folder: str = "mouse7") -> list[Any]:
    """Return sessions as if they had been written to `day0.nwb` and so on and opened."""
    from rule_id.recordings.nwb.opening import OpenFile

    return [
        OpenFile(Path(folder) / f"day{k}.nwb", nwb, nwb.session_start_time, ())
        for k, nwb in enumerate(nwbs)
    ]


def imaging_nwb(
    responses: np.ndarray,
    conditions: Sequence[Any] | None = None,
    *,
    day: int = 0,
    series: str = "DfOverF",
    columns: Mapping[str, Any] | None = None,
    trials: Mapping[str, Any] | None = None,
    timestamps: bool = False,
    traces: np.ndarray | None = None,
    subject: str | None = None,
    places: Sequence[str] = ("V1",),
) -> Any:
    """Make a session of imaging.

    Args:
        responses: (trials, ROIs).
        conditions: Of each trial, the column `stimulus`; None for no such column.
        day: Since the first session.
        series: DfOverF, Fluorescence or Deconvolved.
        columns: More columns of the ROIs.
        trials: More columns of the trials; `start_time` replaces the events.
        timestamps: Whether frames have times of their own rather than a rate.
        traces: (samples, ROIs) in place of those of the responses.
        subject: Its id.
        places: Where each plane lies; the ROIs are shared out evenly.
    """
    from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation, OpticalChannel

    nwb = _file(day, subject)
    _add_trials(nwb, len(responses), conditions, trials)
    ophys = nwb.create_processing_module(name="ophys", description="-")
    segmentation = ImageSegmentation()
    holder = DfOverF() if series == "DfOverF" else Fluorescence(name=series)
    ophys.add(segmentation)
    ophys.add(holder)
    data = np.repeat(responses, int(TRIAL * RATE), axis=0) if traces is None else traces
    clock = {"timestamps": np.arange(len(data)) / RATE} if timestamps else {"rate": RATE}
    device = nwb.create_device(name="microscope")
    for k, members in enumerate(np.array_split(np.arange(responses.shape[1]), len(places))):
        plane = nwb.create_imaging_plane(
            name=f"plane{k}", description="-", device=device, location=places[k],
            optical_channel=OpticalChannel(name="green", description="-", emission_lambda=500.0),
            excitation_lambda=900.0, indicator="GCaMP6s",
        )  # fmt: skip
        rois = segmentation.create_plane_segmentation(
            name=f"rois{k}", description="-", imaging_plane=plane
        )
        for roi in members:
            rois.add_roi(pixel_mask=[(roi, roi, 1.0)])
        for name, values in (columns or {}).items():
            rois.add_column(name=name, description="-", data=[values[roi] for roi in members])
        holder.create_roi_response_series(
            name=f"plane{k}", data=data[:, members], unit="a.u.", **clock,
            rois=rois.create_roi_table_region(region=list(range(len(rois))), description="-"),
        )  # fmt: skip
    return nwb


def units_nwb(
    counts: np.ndarray,
    conditions: Sequence[Any] | None = None,
    *,
    day: int = 0,
    columns: Mapping[str, Any] | None = None,
    electrodes: Mapping[str, Sequence[Any]] | None = None,
    electrodes_of: Sequence[Sequence[int]] | None = None,
    trials: Mapping[str, Any] | None = None,
    observed: Sequence[tuple[float, float]] | None = None,
) -> Any:
    """Make a session of units with spike times.

    Args:
        counts: Spikes of each unit in the first second of each trial, (trials, units) of int; it
            fires as many in the second one.
        conditions: Of each trial, the column `stimulus`; None for no such column.
        day: Since the first session.
        columns: More columns of the units.
        electrodes: Columns of the electrodes, as many as units.
        electrodes_of: The electrodes of each unit; None for one each, in order.
        trials: More columns of the trials; `start_time` replaces the events.
        observed: From when to when each unit was observed, in seconds.
    """
    nwb = _file(day, None)
    _add_trials(nwb, len(counts), conditions, trials)
    if electrodes is not None:
        _add_electrodes(nwb, electrodes, counts.shape[1])
    for unit, of_unit in enumerate(counts.T):
        more: dict[str, Any] = {}
        if electrodes is not None:
            more["electrodes"] = [unit] if electrodes_of is None else electrodes_of[unit]
        if observed is not None:
            more["obs_intervals"] = [observed[unit]]
        nwb.add_unit(spike_times=spikes_of(of_unit), **more)
    for name, values in (columns or {}).items():
        nwb.units.add_column(name=name, description="-", data=values)
    return nwb


def spikes_of(counts: np.ndarray) -> np.ndarray:
    """Return spikes of a unit, evenly spaced in each second of each trial."""
    return np.concatenate([
        TRIAL * trial + second + (np.arange(n) + 0.5) / n
        for trial, n in enumerate(counts)
        for second in range(int(TRIAL))
        if n
    ] or [np.empty(0)])  # fmt: skip


def _file(day: int, subject: str | None) -> Any:
    from pynwb import NWBFile
    from pynwb.file import Subject

    nwb = NWBFile(
        session_description="-", identifier=f"day {day}", session_start_time=start_of(day)
    )
    if subject is not None:
        nwb.subject = Subject(subject_id=subject, age="P90D", species="Mus musculus")
    return nwb


def _add_trials(
    nwb: Any, n_trials: int, conditions: Sequence[Any] | None, more: Mapping[str, Any] | None
) -> None:
    columns = dict(more or {})
    events = np.asarray(columns.pop("start_time", events_of(n_trials)))
    if conditions is not None:
        columns["stimulus"] = conditions
    for event in events:
        nwb.add_trial(start_time=float(event), stop_time=float(event) + TRIAL)
    for name, values in columns.items():
        nwb.trials.add_column(name=name, description="-", data=values)


def _add_electrodes(nwb: Any, columns: Mapping[str, Sequence[Any]], n: int) -> None:
    group = nwb.create_electrode_group(
        name="probe", description="-", location="HPC", device=nwb.create_device(name="probe")
    )
    for _ in range(n):
        nwb.add_electrode(group=group, location="HPC")
    for name, values in columns.items():
        nwb.electrodes.add_column(name=name, description="-", data=values)
