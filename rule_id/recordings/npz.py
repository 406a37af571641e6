"""Recordings in NumPy's npz format, read without running or allocating what a file asks for."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings import keyed
from rule_id.recordings.keyed import check_claim, check_keys, recording_from_keys
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording

__all__ = ["NPY_DAMAGED", "read_npz"]

NPY_DAMAGED = (ValueError, OSError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError)
"""What NumPy's reader raises for arrays that are damaged or of another kind."""

_DAMAGED = (*NPY_DAMAGED, zipfile.BadZipFile, zlib.error, KeyError, RuntimeError)
"""What the zip and npy readers raise for files that are damaged, encrypted or of another kind."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(source: Path, reading: Reading | None = None) -> Recording:
    """Read a recording of one network from an npz file.

    Args:
        source: A file with the keys of `recording_from_keys`; its name without the suffix becomes
            the network's. Layers stand in file order unless it holds `layers`.
        reading: What goes before what the file says.

    Raises:
        InputError: The file is damaged, too large, holds pickled objects or unknown keys, or its
            arrays are not a recording.
    """
    if not zipfile.is_zipfile(source):
        raise InputError("a recording must be a complete npz file; this is not one")
    return recording_from_keys(source.stem, _load(source, _checked_keys(source)), reading)


def _checked_keys(source: Path) -> list[str]:
    """Return the names of the arrays in file order, after a look at their headers alone."""
    try:
        with zipfile.ZipFile(source) as archive:
            sizes = {
                _key(entry.filename): _checked_size(archive, entry) for entry in archive.infolist()
            }
    except InputError:
        raise
    except _DAMAGED as error:
        raise InputError(_damaged(error)) from None
    check_claim(sum(sizes.values()), source.stat().st_size)
    check_keys(sizes)
    return list(sizes)


def _key(filename: str) -> str:
    if not filename.endswith(".npy"):
        raise InputError(f"an npz file must hold npy arrays alone; got {filename!r}")
    return filename.removesuffix(".npy")


def _checked_size(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    key = _key(entry.filename)
    with archive.open(entry) as stream:
        shape, dtype = _header(stream)
    if dtype.hasobject:
        raise InputError(f"{key} must be a plain array; it holds pickled objects, never read")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > keyed.MAX_BYTES:
        return claimed
    if min(shape, default=0) < 0 or claimed > entry.file_size:
        raise InputError(f"{key} must hold what its header claims; {claimed} bytes are not there")
    return claimed


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"npy format {version[0]}.{version[1]} is not one of 1.0, 2.0")
    shape, _, dtype = _HEADERS[version](stream)
    return shape, dtype


def _load(source: Path, keys: list[str]) -> dict[str, np.ndarray]:
    try:
        with np.load(source, allow_pickle=False) as archive:
            return {key: archive[key] for key in keys}
    except _DAMAGED as error:
        raise InputError(_damaged(error)) from None


def _damaged(error: BaseException) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"a recording must be a complete npz file: {reason}"
