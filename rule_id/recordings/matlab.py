"""Recordings in MATLAB's formats, as `save` writes them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.hdf5_checks import (
    check_texts_at_once,
    claim,
    members,
    opened,
    read_attribute,
)
from rule_id.recordings.keyed import TOP_KEYS, check_claim, check_keys, recording_from_keys
from rule_id.recordings.mat5 import FOREIGN, read_mat5
from rule_id.recordings.ordering import order_warning
from rule_id.recordings.reading import Reading
from rule_id.recordings.recording import Recording

__all__ = ["read_matlab"]

VERSION_73 = (b"\x00\x02IM", b"\x02\x00MI")
"""What the header of a file of version 7.3 ends with, for either order of bytes."""

CHARACTERS = "char"
NUMBERS = (
    "double",
    "single",
    "logical",
    *(f"{s}int{n}" for s in ("", "u") for n in (8, 16, 32, 64)),
)
"""What MATLAB calls its arrays of numbers."""


def read_matlab(source: Path, reading: Reading | None = None) -> Recording:
    """Read a recording of one network from a MATLAB file.

    Args:
        source: A file with the keys of `recording_from_keys` as variables, in the shapes that
            MATLAB shows: `save('mouse.mat', 'steps', 'activations', 'signal')`, where `steps` is a
            row or a column, `activations` a struct with a field for each layer, and `signal` a
            text in single quotes; `layers` is `char('V1', 'LM')`. Layers stand in the order of
            their fields.
        reading: What goes before what the file says.

    Raises:
        InputError: The file is damaged, too large, holds unknown variables or others than arrays,
            texts and structs of these, or its arrays are not a recording.
    """
    with source.open("rb") as file:
        is_hdf5 = file.read(128)[124:] in VERSION_73
    arrays, ordered = _read_73(source) if is_hdf5 else (read_mat5(source), True)
    check_keys(arrays)
    steps = arrays["steps"]
    if steps.size == max(steps.shape, default=1):
        arrays["steps"] = steps.ravel()
    layers = [key.partition("/")[2] for key in arrays if key not in TOP_KEYS]
    certain = ordered or "layers" in arrays
    return recording_from_keys(
        source.stem, arrays, reading, warnings=[] if certain else order_warning(layers)
    )


def _read_73(source: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Return what a file of version 7.3 holds, which is HDF5, and whether fields are in order."""
    import h5py

    with opened(source) as file:
        top, _ = members(file)
        # What other variables refer to: none that is read here does.
        variables = {key: x for key, x in top.items() if key not in ("#refs#", "#subsystem#")}
        found, ordered = {}, True
        for key, entry in variables.items():
            if not isinstance(entry, h5py.Group):
                found[key] = entry
                continue
            fields, known = _fields(entry)
            found |= {f"{key}/{field}": own for field, own in fields.items()}
            ordered = ordered and known
        check_keys(found)
        kinds = {key: _kind(key, entry) for key, entry in found.items()}
        check_claim(sum(claim(key, entry) for key, entry in found.items()))
        return {key: _array(found[key], kind) for key, kind in kinds.items()}, ordered


def _fields(group: Any) -> tuple[dict[str, Any], bool]:
    import h5py

    fields, ordered = members(group)
    if "MATLAB_fields" not in group.attrs:
        return fields, ordered
    described = group.attrs.get_id("MATLAB_fields")
    if h5py.check_vlen_dtype(described.dtype) != np.dtype("S1"):
        return fields, ordered
    check_texts_at_once(group, "MATLAB_fields", math.prod(described.shape))
    names = [b"".join(name).decode() for name in np.ravel(group.attrs["MATLAB_fields"])]
    if sorted(names) != sorted(fields):
        return fields, ordered
    return {name: fields[name] for name in names}, True


def _kind(key: str, entry: Any) -> str:
    """Return what MATLAB calls a variable, where it is one that is read here."""
    if "MATLAB_empty" in entry.attrs:
        raise InputError(f"{key} must have an entry or more; it is empty")
    named = "MATLAB_class" in entry.attrs
    kind = str(read_attribute(entry, "MATLAB_class")) if named else type(entry).__name__.lower()
    if kind not in (*NUMBERS, CHARACTERS):
        raise InputError(f"{key} {FOREIGN.format(kind)}")
    return kind


def _array(dataset: Any, kind: str) -> np.ndarray:
    """Return a variable in the shape that MATLAB shows: HDF5 has its axes the other way round."""
    array = np.asarray(dataset[()]).T
    if kind != CHARACTERS:
        return array
    rows = [row.astype("<u2").tobytes().decode("utf-16-le") for row in np.atleast_2d(array)]
    return np.array([row.rstrip(" ") for row in rows])
