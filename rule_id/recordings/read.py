"""Read recordings from files and folders of any format, told apart by what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rule_id.errors import InputError
from rule_id.recordings.caiman import read_caiman
from rule_id.recordings.hdf5 import read_hdf5
from rule_id.recordings.kinds import FILES, kind_of
from rule_id.recordings.matlab import read_matlab
from rule_id.recordings.npz import read_npz
from rule_id.recordings.nwb import read_nwb
from rule_id.recordings.ordering import natural
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording
from rule_id.recordings.suite2p import planes_of, read_suite2p

__all__ = ["read_recording", "read_recordings"]

WHOLE = {"npz": read_npz, "hdf5": read_hdf5, "matlab": read_matlab}
"""Formats of which every file is a recording."""

SESSIONS: dict[str, Callable[[Sequence[Path], Reading], Recording]] = {
    "nwb": read_nwb,
    "caiman": read_caiman,
    "suite2p": read_suite2p,
}
"""Formats of which every file or folder is a session."""


@dataclass(frozen=True)
class _Found:
    """A file or folder, its kind, and the folder of sessions that it was found in, if any."""

    path: Path
    kind: str
    group: Path | None = None


def read_recording(path: str | Path, reading: Reading | None = None) -> Recording:
    """Read one recording, of one network.

    Args:
        path: A file, or a folder of sessions (see `read_recordings`).
        reading: What goes before what the file says.

    Raises:
        InputError: There is no recording, or more than one, or it cannot be read.
    """
    read = read_recordings([path], reading)
    if len(read) > 1:
        raise InputError(f"{path} must be one recording; it holds {len(read)}")
    return read[0]


def read_recordings(paths: Sequence[str | Path], reading: Reading | None = None) -> list[Recording]:
    """Read recordings from files and folders; what is in them says of which format they are.

    An npz, HDF5 or MATLAB file is a recording (`rule_id.recordings.keyed.recording_from_keys` has
    its keys) with the name of the file. An NWB or CaImAn file or a folder of suite2p is a session:
    all that are named, or lie in one folder that is named, are one recording with a checkpoint
    each. A folder with a single session counts as that session.

    Args:
        paths: Files and folders.
        reading: What goes before what the files say.

    Returns:
        Recordings in the order of the paths.

    Raises:
        InputError: A path does not exist or has another kind of file than its name says, a folder
            has no recordings, sessions that belong together are of different formats, or a
            recording cannot be read.
    """
    told = reading or Reading()
    if not paths:
        raise InputError("recordings must be one file or folder or more; got none")
    found = [one for path in paths for one in _find(Path(path))]
    recordings, done = [], set()
    for one in found:
        if one.kind in WHOLE:
            recordings.append(_read_whole(one, told))
        elif one.group not in done:
            done.add(one.group)
            together = [other for other in found if other.group == one.group]
            recordings.append(_read_sessions([s for s in together if s.kind in SESSIONS], told))
    return recordings


def _read_whole(found: _Found, reading: Reading) -> Recording:
    try:
        return WHOLE[found.kind](found.path, reading)
    except InputError as error:
        raise InputError(f"{found.path}: {error}") from None


def _read_sessions(found: list[_Found], reading: Reading) -> Recording:
    kinds = list(dict.fromkeys(one.kind for one in found))
    if len(kinds) > 1:
        raise InputError(
            f"sessions of one recording must be of one format; got {', '.join(kinds)}, such as "
            f"{found[0].path}"
        )
    return SESSIONS[kinds[0]]([one.path for one in found], reading)


def _find(path: Path) -> list[_Found]:
    if path.is_file():
        return [_Found(path, _kind(path))]
    if not path.is_dir():
        raise InputError(f"{path} must be a recording; there is no such file or folder")
    if planes_of(path):
        return [_Found(path, "suite2p")]
    found = list(_inside(path))
    if not found:
        raise InputError(
            f"{path} must have a file of {', '.join(FILES)} or a folder of suite2p in it; it has "
            "none"
        )
    sessions = [one for one in found if one.kind in SESSIONS]
    # A single session is one of those that are named beside it: a folder a day is common.
    return [_Found(one.path, one.kind) for one in found] if len(sessions) == 1 else found


def _inside(folder: Path) -> Iterator[_Found]:
    known = {suffix for suffixes in FILES.values() for suffix in suffixes}
    for path in sorted(folder.iterdir(), key=lambda path: natural(path.name)):
        if path.is_dir() and planes_of(path):
            yield _Found(path, "suite2p", folder)
        elif path.is_file() and path.suffix.lower() in known:
            yield _Found(path, _kind(path), folder)


def _kind(path: Path) -> str:
    try:
        return kind_of(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
