"""What a file is, by what is in it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rule_id.errors import InputError
from rule_id.recordings.hdf5_checks import opened

__all__ = ["FILES", "kind_of"]

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512, 1024, 2048)
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
PICKLE_MAGIC = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
PICKLE_NAMES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")

FILES = {
    "npz": (".npz",),
    "matlab": (".mat",),
    "hdf5": (".h5", ".hdf5", ".hdf"),
    "caiman": (".hdf5", ".h5", ".hdf"),
    "nwb": (".nwb", ".h5", ".hdf5"),
}
"""Kinds of files, and what files of each may be called."""

NAMES = {"npz": "npz", "matlab": "MATLAB", "hdf5": "HDF5", "caiman": "CaImAn", "nwb": "NWB"}


def kind_of(source: Path) -> str:
    """Return which of `FILES` a file is.

    Args:
        source: A file. What is in it decides; a name that belongs to another kind is refused.

    Raises:
        InputError: It is empty, a pickle, a single array, of no known kind, or named as of another.
    """
    with source.open("rb") as file:
        start = file.read(HDF5_OFFSETS[-1] + len(HDF5_MAGIC))
    kind = _kind(source, start)
    known = {suffix for suffixes in FILES.values() for suffix in suffixes}
    suffix = source.suffix.lower()
    if suffix in known and suffix not in FILES[kind]:
        raise InputError(
            f"a file must be named for what it holds: this is {NAMES[kind]}, so "
            f"{source.stem}{FILES[kind][0]}; got {source.name}"
        )
    return kind


def _kind(source: Path, start: bytes) -> str:
    if not start:
        raise InputError("a recording must have content; the file is empty")
    if start.startswith(b"MATLAB"):
        return "matlab"
    if any(start[at:].startswith(HDF5_MAGIC) for at in HDF5_OFFSETS):
        return _kind_of_hdf5(source)
    if start.startswith(ZIP_MAGIC) and not _holds_pickle(source):
        return "npz"
    if start.startswith((*PICKLE_MAGIC, *ZIP_MAGIC)) or source.suffix in PICKLE_NAMES:
        raise InputError(
            "a recording must be of arrays; this is a pickle, which can run code when it is read, "
            "and so never is; save with numpy.savez"
        )
    if start.startswith(b"\x93NUMPY"):
        raise InputError(
            "a recording must be more than one array; save several with numpy.savez, or name the "
            "folder of suite2p that this is in"
        )
    allowed = ", ".join(NAMES.values())
    raise InputError(f"a recording must be a file of {allowed}; it starts with {start[:8]!r}")


def _kind_of_hdf5(source: Path) -> str:
    with opened(source) as file:
        # Names alone: to ask whether one is there would follow links.
        names = set(file)
        if "nwb_version" in names | set(file.attrs):
            return "nwb"
    return "caiman" if "estimates" in names else "hdf5"


def _holds_pickle(source: Path) -> bool:
    try:
        with zipfile.ZipFile(source) as archive:
            return any(Path(name).suffix in PICKLE_NAMES for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
