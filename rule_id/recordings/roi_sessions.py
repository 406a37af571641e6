"""Sessions of calcium imaging from traces of ROIs, and tables that the user puts beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.one_session import LOOKED_AT, session_of_responses, z_scored_traces
from rule_id.recordings.ordering import natural
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording
from rule_id.recordings.roi_tables import LAYER, trials_of, values_of
from rule_id.recordings.sessions import Session, recording_from_sessions
from rule_id.recordings.trials import Trials, window_means
from rule_id.recordings.unit_layers import layers_of, unit_ids

__all__ = ["EVERY", "Rois", "common_series", "recording_from_rois"]

STIMULI = 500
"""How many runs of frames stand for the stimuli where trials are unknown, at most."""

EVERY = slice(None)
"""All ROIs of all planes."""

DATE = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True, eq=False)
class Rois:
    """The ROIs of one session.

    Attributes:
        name: What messages call it, and where its date may be.
        read: Gives the frames from one to below another, of `EVERY` ROI or of a slice of the first
            plane's, (frames, ROIs).
        n_frames: How many frames there are.
        cells: Which ROIs are cells, (ROIs,) of bool.
        trials: The table of its trials; None where there is none.
        columns: What is known of each ROI, (ROIs,) by the name of a column.
        frame_rate: Frames a second; None where the files do not say.
        warnings: What was odd on reading, a sentence each.
    """

    name: str
    read: Callable[[int, int, slice], np.ndarray]
    n_frames: int
    cells: np.ndarray
    trials: Path | None
    columns: Mapping[str, Any]
    frame_rate: float | None = None
    warnings: tuple[str, ...] = ()


def common_series(
    there: Mapping[str, Sequence[str]], known: Sequence[str], series: str | None
) -> str:
    """Return which series is read of all sessions.

    Args:
        there: Which each session has, by the session's name.
        known: Those that can be read, the preferred one first.
        series: The one that was asked for, if any.

    Raises:
        InputError: A session lacks the one that was asked for, or none is in all.
    """
    wanted = known if series is None else [series]
    common = [one for one in wanted if all(one in some for some in there.values())]
    if series is not None and series not in known or not common:
        listed = "; ".join(f"{name}: {', '.join(some) or 'none'}" for name, some in there.items())
        raise InputError(
            f"series must be one of {', '.join(known)} that each session has; got "
            f"{series or 'none'} ({listed[:200]})"
        )
    return common[0]


def recording_from_rois(
    name: str, sessions: Sequence[Rois], signal: str, reading: Reading
) -> Recording:
    """Make a recording of sessions of imaging, with one checkpoint for each.

    Where no session has a table of trials, `STIMULI` runs of frames stand for the stimuli, equally
    many, equally long and evenly spaced in each session.

    Args:
        name: The id of the network.
        sessions: Two or more; one with `reading.blocks`.
        signal: What the traces are, unless `reading` says it.
        reading: How trials, conditions, layers and units are named.

    Raises:
        InputError: The signal is a model's, some sessions have trials and others not, or they are
            no recording (see `recording_from_sessions`).
    """
    if reading.signal == "model":
        raise InputError(f"signal must be one of cells, such as {signal}, for imaging; got model")
    ordered, starts, warnings = _in_time(sessions)
    aligned = [
        trials_of(one.trials, one.frame_rate, reading) for one in ordered if one.trials is not None
    ]
    if not aligned:
        aligned = [(runs, 1.0) for runs in _runs(ordered, reading.blocks or 1, warnings)]
    elif len(aligned) < len(ordered):
        lacking = next(one.name for one in ordered if one.trials is None)
        raise InputError(f"trials.csv must be there for each session or none; {lacking} has none")
    recording = recording_from_sessions(
        name,
        [
            _session(one, start, trials, rate, reading)
            for one, start, (trials, rate) in zip(ordered, starts, aligned, strict=True)
        ],
        reading.signal or signal,
        layers=None if reading.layers is None else list(reading.layers),
        blocks=reading.blocks,
        tracked=True if reading.tracked is None and reading.unit_id else reading.tracked,
    )
    if reading.checkpoints not in (None, recording.checkpoints):
        raise InputError(
            f"checkpoints must be {recording.checkpoints}, as read here; got {reading.checkpoints}"
        )
    return replace(recording, warnings=(*warnings, *recording.warnings))


def _in_time(sessions: Sequence[Rois]) -> tuple[list[Rois], list[datetime | None], list[str]]:
    """Return the sessions in order, when each was, and what is doubtful about it."""
    dates = [_date(one.name) for one in sessions]
    # Two sessions of one day are in no order that their dates tell.
    if None not in dates and len(set(dates)) == len(dates):
        return list(sessions), dates, []
    ordered = sorted(sessions, key=lambda one: natural(one.name))
    if len(ordered) == 1:
        return ordered, [None], []
    names = ", ".join(one.name for one in ordered)
    warning = (
        f"no date in each session's name, such as 2024-01-31, tells when it was; taken by name, a "
        f"day apart: {names[:200]}"
    )
    return ordered, [None] * len(ordered), [warning]


def _date(name: str) -> datetime | None:
    found = DATE.search(name)
    if found is None:
        return None
    try:
        return datetime.strptime("".join(found.groups()), "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _runs(sessions: Sequence[Rois], blocks: int, warnings: list[str]) -> list[Trials]:
    """Spread runs of frames over each session; each is a condition of its own in each block."""
    shortest = min(one.n_frames for one in sessions)
    n = min(STIMULI, shortest // blocks)
    if n == 0:
        raise InputError(f"a session must have a frame or more in each block; got {shortest}")
    width = shortest // (blocks * n)
    warnings.append(
        f"there is no trials.csv: {n} runs of {width} frames, evenly spaced, stand for the "
        "stimuli; what was shown is unknown and may differ from checkpoint to checkpoint"
    )
    names = np.tile([f"{k:03d}" for k in range(n)], blocks)
    starts = [np.floor(np.linspace(0, one.n_frames - width, blocks * n)) for one in sessions]
    return [Trials(own, own + width, names) for own in starts]


def _session(
    rois: Rois, start: datetime | None, trials: Trials, rate: float, reading: Reading
) -> Session:
    try:
        return _read(rois, start, trials, rate, reading)
    except InputError as error:
        raise InputError(f"session {rois.name}: {error}") from None


def _read(
    rois: Rois, start: datetime | None, trials: Trials, rate: float, reading: Reading
) -> Session:
    cells, values = rois.cells, values_of(rois.columns)
    responses = window_means(
        np.arange(rois.n_frames) / rate,
        lambda low, high: rois.read(low, high, EVERY)[:, cells],
        int(cells.sum()),
        trials,
    )
    ids = unit_ids(values, reading.unit_id)
    layer = reading.layer or (LAYER if LAYER in rois.columns else None)
    return session_of_responses(
        rois.name,
        trials,
        responses,
        layers_of(values, len(cells), layer, reading.layers)[cells],
        start=start,
        units=None if ids is None else ids[cells],
        z_scored=z_scored_traces(rois.read(0, rois.n_frames, slice(0, LOOKED_AT))),
        warnings=rois.warnings,
    )
