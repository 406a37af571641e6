"""Read NWB files, one a session, as one recording."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from rule_id.errors import InputError
from rule_id.recordings.nwb.ephys import units_session
from rule_id.recordings.nwb.imaging import imaging_session
from rule_id.recordings.nwb.opening import OpenFile, first_line, opened
from rule_id.recordings.nwb.series import SERIES, SIGNAL_OF, kinds_in, series_of
from rule_id.recordings.nwb.trials import one_condition, trials_of
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording
from rule_id.recordings.session_times import order_in_time
from rule_id.recordings.sessions import Session, recording_from_sessions

__all__ = ["read_nwb", "recording_of_files"]


def read_nwb(paths: Sequence[str | Path], reading: Reading | None = None) -> Recording:
    """Read one animal's sessions from NWB files, one a session, as one recording.

    Trials are aligned to `reading.event` and averaged by `reading.condition`; a unit's response is
    its mean trace, or its spikes a second, in `reading.window`. See `recording_from_sessions` for
    what sessions must have in common. Without `reading.signal`, DfOverF and Fluorescence are
    calcium, Deconvolved is deconvolved and units are rates. Without `reading.tracked`, units are
    tracked where `reading.unit_id` names a column for it, and with `reading.blocks`.

    Args:
        paths: Two files or more, in any order; one with `reading.blocks`.
        reading: What the files do not say.

    Returns:
        A recording with the name of the subject, or without one of the file or its folder, and the
        number of files where the folder has others.

    Raises:
        InputError: A file is not NWB 2, damaged or without trials; what `reading` names is not
            there; the files are of several subjects or their starts cannot be compared; or their
            sessions are no recording.
    """
    told = reading or Reading()
    with ExitStack() as stack:
        files = [stack.enter_context(opened(Path(path))) for path in paths]
        return recording_of_files(files, told)


def recording_of_files(files: Sequence[OpenFile], reading: Reading) -> Recording:
    """Read open NWB files as one recording; see `read_nwb`."""
    names = _names([file.path for file in files])
    if reading.blocks is None:
        # Before anything large is read.
        order_in_time(names, [file.start for file in files])
    name, kind = _name(files), _kind(files, reading.series)
    signal = _signal(kind, reading.signal)
    recording = recording_from_sessions(
        name,
        [_session(file, one, kind, reading) for file, one in zip(files, names, strict=True)],
        signal,
        layers=None if reading.layers is None else list(reading.layers),
        blocks=reading.blocks,
        tracked=_tracked(reading),
    )
    if reading.checkpoints not in (None, recording.checkpoints):
        raise InputError(
            f"checkpoints must be {recording.checkpoints}, as read here; got {reading.checkpoints}"
        )
    return replace(recording, warnings=(*one_condition(files, reading), *recording.warnings))


def _names(sources: Sequence[Path]) -> list[str]:
    stems = [source.stem for source in sources]
    return stems if len(set(stems)) == len(stems) else [str(source) for source in sources]


def _name(files: Sequence[OpenFile]) -> str:
    subjects = {}
    for file in files:
        subject = file.nwb.subject
        if subject is not None and subject.subject_id:
            subjects[str(subject.subject_id)] = file.path
    if len(subjects) > 1:
        (one, at), (other, there) = list(subjects.items())[:2]
        raise InputError(
            f"sessions must be of one subject; {at} is of {one}, {there} of {other}; read each "
            "subject's alone"
        )
    paths = [file.path.resolve() for file in files]
    if len(paths) == 1:
        return next(iter(subjects), files[0].path.stem)
    name = next(iter(subjects), paths[0].parent.name)
    # Some of a folder's sessions are not what the folder is.
    folder = (
        set(paths[0].parent.glob("*.nwb")) if len({one.parent for one in paths}) == 1 else set()
    )
    return name if folder <= set(paths) else f"{name} ({len(paths)} files)"


def _kind(files: Sequence[OpenFile], series: str | None) -> str:
    if series is not None:
        return series
    there = [kinds_in(file.nwb) for file in files]
    common = [kind for kind in SERIES if all(kind in kinds for kinds in there)]
    if not common:
        listed = "; ".join(
            f"{file.path.name}: {', '.join(kinds) or 'none'}"
            for file, kinds in zip(files[:3], there, strict=False)
        )
        raise InputError(
            f"each session must have one of {', '.join(SERIES)} that all have; got {listed}"
        )
    return common[0]


def _signal(kind: str, told: str | None) -> str:
    if told == "model" and kind in SIGNAL_OF:
        raise InputError(
            f"signal must be one of cells, such as {SIGNAL_OF[kind]}, for {kind} of NWB; got model"
        )
    if told is not None:
        return told
    if kind not in SIGNAL_OF:
        raise InputError(
            f"series must be one of {', '.join(SERIES)}, or the name of another with its signal "
            f"given; got {kind}"
        )
    return SIGNAL_OF[kind]


def _tracked(reading: Reading) -> bool | None:
    if reading.tracked is None and reading.unit_id is not None:
        return True
    return reading.tracked


def _session(file: OpenFile, name: str, kind: str, reading: Reading) -> Session:
    try:
        session = _read(file, name, kind, reading)
    except InputError as error:
        raise InputError(f"{file.path}: {error}") from None
    except (OSError, RuntimeError) as error:
        # What the HDF5 library raises on values that are damaged or packed in an unknown way.
        raise InputError(f"{file.path} cannot be read whole: {first_line(error)}") from None
    return replace(session, warnings=(*file.warnings, *session.warnings))


def _read(file: OpenFile, name: str, kind: str, reading: Reading) -> Session:
    trials = trials_of(file, reading)
    if kind != "units":
        series = series_of(file.nwb, kind)
        return imaging_session(name, file.start, series, trials, reading)
    if "units" not in kinds_in(file.nwb):
        raise InputError("it must have units with spike_times; it has none")
    return units_session(name, file.start, file.nwb.units, trials, reading)
