"""Recordings in NumPy's npz format, read without running or allocating what a file asks for."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from rule_id.errors import InputError, require_file
from rule_id.recordings.recording import KEYS, Recording, recording_from_arrays

__all__ = ["MAX_BYTES", "read_recording"]

MAX_BYTES = 8 * 2**30
"""The most that the arrays of a recording may take together."""

TOP_KEYS = ("steps", "signal", "activity_change_source")

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    NotImplementedError,
)
"""What the zip and npy readers raise for files that are damaged, encrypted or of another kind."""

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_recording(path: str | Path) -> Recording:
    """Read a recording of one network.

    The file holds `steps` (T,), for each layer `activations/<layer>` (T, stimuli, units) and
    optionally `weights/<layer>` (T, ...) and `activity_change/<layer>` (T, stimuli), this with
    `activity_change_source` (`gradient` or `stimulation`), and `signal` (`model` when absent).
    Layers stand from first to last, in order of first appearance in the file.

    Args:
        path: An npz file; its name without the suffix becomes the network's.

    Raises:
        InputError: The file is missing, damaged, too large, holds pickled objects or unknown keys,
            or its arrays are not a recording (see `recording_from_arrays`).
    """
    source = Path(path)
    require_file(source, "a recording")
    try:
        return _read(source)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _read(source: Path) -> Recording:
    if not zipfile.is_zipfile(source):
        raise InputError("a recording must be a complete npz file; this is not one")
    keys = _checked_keys(source)
    keys_of, layers = _layers_of(keys)
    arrays = _load(source, keys)
    tables = {
        group: {layer: arrays[key] for layer, key in entries.items()}
        for group, entries in keys_of.items()
    }
    return recording_from_arrays(
        source.stem,
        arrays["steps"],
        tables["activations"],
        tables["weights"],
        tables["activity_change"],
        activity_change_source=_text(arrays, "activity_change_source"),
        signal=_text(arrays, "signal") or "model",
        layers=layers,
    )


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
    if sum(sizes.values()) > MAX_BYTES:
        raise InputError(
            f"a recording must take at most {MAX_BYTES / 2**30:g} GiB; its arrays claim "
            f"{sum(sizes.values()) / 2**30:.1f} GiB"
        )
    if "steps" not in sizes:
        raise InputError("steps must be given, one for each checkpoint; it is missing")
    return list(sizes)


def _key(filename: str) -> str:
    if not (filename.endswith(".npy") and filename.isprintable()):
        raise InputError(f"an npz file must hold npy arrays of printable name; got {filename!r}")
    return filename.removesuffix(".npy")


def _checked_size(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    key = _key(entry.filename)
    with archive.open(entry) as stream:
        shape, dtype = _header(stream)
    if dtype.hasobject:
        raise InputError(f"{key} must be a plain array; it holds pickled objects, never read")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > MAX_BYTES:
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


def _layers_of(keys: list[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the keys by group and layer, and the layers in order of first appearance."""
    tables: dict[str, dict[str, str]] = {group: {} for group in KEYS.values()}
    for key in keys:
        group, _, layer = key.partition("/")
        if group in tables and layer:
            tables[group][layer] = key
        elif key not in TOP_KEYS:
            allowed = ", ".join([*TOP_KEYS, *(f"{group}/<layer>" for group in tables)])
            raise InputError(f"a recording must have the keys {allowed} alone; got {key!r}")
    layers = [key.partition("/")[2] for key in keys if key not in TOP_KEYS]
    return tables, list(dict.fromkeys(layers))


def _text(arrays: dict[str, np.ndarray], key: str) -> str | None:
    if key not in arrays:
        return None
    array = arrays[key]
    if array.dtype.kind != "U" or array.size != 1:
        raise InputError(f"{key} must be one text; got {array.dtype} of shape {array.shape}")
    return str(array.item())
