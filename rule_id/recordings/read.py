"""Read recordings from files of any format, told apart by what is in them."""

from __future__ import annotations

from pathlib import Path

from rule_id.errors import InputError, require_file
from rule_id.recordings.hdf5 import read_hdf5
from rule_id.recordings.kinds import kind_of
from rule_id.recordings.matlab import read_matlab
from rule_id.recordings.npz import read_npz
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording

__all__ = ["read_recording"]

READERS = {"npz": read_npz, "hdf5": read_hdf5, "matlab": read_matlab}


def read_recording(path: str | Path, reading: Reading | None = None) -> Recording:
    """Read a recording of one network.

    Args:
        path: An npz, HDF5 or MATLAB file (`rule_id.recordings.keyed.recording_from_keys` has its
            keys); its name without the suffix becomes the network's.
        reading: What goes before what the file says.

    Raises:
        InputError: The file is missing, damaged, too large, holds pickled objects or unknown keys,
            or its arrays are not a recording (see `recording_from_arrays`).
    """
    source = Path(path)
    require_file(source, "a recording")
    try:
        return READERS[kind_of(source)](source, reading)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
