"""Open NWB files that nobody vouches for, one line for each way in which they can be bad."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rule_id.errors import InputError, require_file
from rule_id.recordings.hdf5_checks import DAMAGED
from rule_id.recordings.hdf5_heaps import require_heaps_that_end

__all__ = ["OpenFile", "first_line", "opened"]

OWN_WORDS = ("timezone", "cached namespace", "transposed", "length of rois")
"""What pynwb warns of that is no matter here, or said in other words."""

MOST_WARNINGS = 3

LONGEST = 200
"""Characters of what another library says that are kept."""


@dataclass(frozen=True, eq=False)
class OpenFile:
    """An NWB file that is open.

    Attributes:
        path: Where it is.
        nwb: The `pynwb.NWBFile`.
        start: When the session started, just as the file has it: without a time zone where the
            file gives none, for which pynwb takes the zone of the computer that reads.
        warnings: What pynwb warned of.
    """

    path: Path
    nwb: Any
    start: datetime
    warnings: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """Open an NWB file for reading.

    Raises:
        InputError: pynwb is not installed, or the file is missing, no HDF5, not NWB 2, damaged, of
            an extension that pynwb does not know, or points to other files.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        raise InputError(
            "reading NWB needs pynwb, which is not installed: pip install rule-id[nwb]"
        ) from None
    require_file(path, "an NWB file")
    start = _checked(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        io, nwb = _read(path, NWBHDF5IO)
    said = [first_line(warning.message) for warning in caught]
    own = dict.fromkeys(
        f"pynwb warns: {line}" for line in said if not any(word in line for word in OWN_WORDS)
    )
    try:
        yield OpenFile(path, nwb, start, tuple(own)[:MOST_WARNINGS])
    finally:
        io.close()


def first_line(message: Any) -> str:
    """Return the first line of what another library says, cut to a readable length."""
    lines = str(message).strip().splitlines()
    return (lines[0] if lines else type(message).__name__)[:LONGEST]


def _checked(path: Path) -> datetime:
    """Return the start of the session after a look at all that pynwb should not see."""
    import h5py

    if not h5py.is_hdf5(path):
        raise InputError(f"{path} must be an NWB file, which is HDF5; this is not one")
    try:
        with h5py.File(path, "r") as file:
            # First, so that no text is read of a damaged heap and nothing looked up through a link.
            require_heaps_that_end(path, file)
            _refuse_other_files(path, file)
            _refuse_other_versions(path, file)
            return _start(path, file)
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(f"{path} must be a complete NWB file: {_reason(error)}") from None


def _version(file: Any) -> str | None:
    # NWB 1 has a dataset where NWB 2 has an attribute.
    found = file.attrs.get("nwb_version", file.get("nwb_version"))
    return None if found is None else _text(found[()] if hasattr(found, "shape") else found)


def _refuse_other_versions(path: Path, file: Any) -> None:
    version = _version(file)
    if version is None:
        raise InputError(f"{path} must be an NWB file; this is HDF5 of another kind")
    number = version.upper().removeprefix("NWB-")
    if not number.startswith("2"):
        raise InputError(
            f"{path} must be of NWB version 2, to which older files can be converted; got {number}"
        )


def _refuse_other_files(path: Path, file: Any) -> None:
    """Refuse links to other files, arrays that lie in them, and arrays that are views of them."""
    import h5py

    found: list[str] = []

    def see_link(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink):
            found.append(f"{name} is a link to {link.filename}")

    def see_object(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset) and (entry.external or entry.is_virtual):
            found.append(f"{name} has its values elsewhere")

    try:
        file.visititems_links(see_link)
        file.visititems(see_object)
    # So h5py ends a walk that met a name which it cannot decode.
    except SystemError:
        raise InputError(f"{path} must have names in UTF-8; one is not") from None
    if found:
        raise InputError(f"{path} must hold its data itself; {found[0]}; write it whole (export)")


def _start(path: Path, file: Any) -> datetime:
    if "session_start_time" not in file:
        raise InputError(f"{path} must have a session_start_time; it is missing")
    written = _text(file["session_start_time"][()])
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise InputError(
            f"{path}: session_start_time must be an ISO 8601 date and time; got {written!r}"
        ) from None


def _read(path: Path, reader: Any) -> tuple[Any, Any]:
    io = None
    try:
        io = reader(str(path), "r")
        return io, io.read()
    # Whatever pynwb and hdmf raise here is about the file: they have no error of their own for it.
    except Exception as error:
        if io is not None:
            io.close()
        raise InputError(
            f"{path} must be an NWB file that pynwb can read, with extensions that it holds or "
            f"that are installed: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    # The builder's whole content comes before what is wrong with it.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return first_line(text.rpartition("due to:")[2] or type(error).__name__)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
