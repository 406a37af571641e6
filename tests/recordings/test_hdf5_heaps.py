"""Heaps of texts: what the HDF5 library writes is passed, what it would never leave is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from nwb_files import write_units

from rule_id.errors import InputError
from rule_id.recordings import hdf5_heaps, read_recordings
from rule_id.recordings.hdf5_checks import opened
from rule_id.recordings.hdf5_heaps import require_heaps_that_end

FREE, USED = 0, 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "texts.h5"
    with h5py.File(made, "w") as file:
        file["texts"] = ["one", "a longer one", "x" * 5000]
        file["numbers"] = np.arange(100.0)
        file.attrs["text"] = "of an attribute"
    return made


def require(path: Path) -> None:
    with h5py.File(path, "r") as file:
        require_heaps_that_end(path, file)


def rewrite(path: Path, which: int, size: int) -> None:
    """Give the first object of a kind in the first heap another size."""
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL")
    place, end = at + 16, at + int.from_bytes(content[at + 8 : at + 16], "little")
    while place < end:
        kind = USED if content[place : place + 2] != b"\0\0" else FREE
        if kind == which:
            content[place + 8 : place + 16] = size.to_bytes(8, "little")
            path.write_bytes(content)
            return
        stated = int.from_bytes(content[place + 8 : place + 16], "little")
        place += 16 + (stated + 7) // 8 * 8
    raise AssertionError("there is none")


def test_what_the_library_writes_is_passed(path: Path) -> None:
    require(path)


@pytest.mark.parametrize(
    ("which", "size"), [(FREE, 0), (FREE, 16), (USED, 2**64 - 16), (USED, 2**64 - 17)]
)
def test_a_heap_that_has_no_end_is_refused(path: Path, which: int, size: int) -> None:
    rewrite(path, which, size)
    with pytest.raises(InputError, match=r"texts.h5 must be a complete HDF5 file: a heap has no"):
        require(path)
    with pytest.raises(InputError, match="a heap has no end"), opened(path):
        pass


@pytest.mark.parametrize("size", [2**40, 2**63])
def test_what_the_library_itself_complains_of_is_left_to_it(path: Path, size: int) -> None:
    rewrite(path, FREE, size)
    require(path)


def test_numbers_that_look_like_a_heap_are_none(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["bytes"] = np.frombuffer(b"GCOL\0" + bytes(11) + b"GCOL", dtype="u1")
    require(path)


def test_more_texts_than_anybody_waits_for_are_refused(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(hdf5_heaps, "MOST_OBJECTS", 2)
    with pytest.raises(InputError, match="must have at most 2 texts"):
        require(path)


def test_of_files_too_large_to_look_through_nothing_is_said(path: Path, monkeypatch) -> None:
    rewrite(path, FREE, 0)
    monkeypatch.setattr(hdf5_heaps, "LARGEST", 100)
    require(path)


def test_nwb_files_are_looked_through_too(tmp_path: Path) -> None:
    path = tmp_path / "day0.nwb"
    write_units(path, np.ones((8, 3), int), list("abab" * 2))
    rewrite(path, FREE, 0)
    with pytest.raises(InputError, match="a heap has no end"):
        read_recordings([tmp_path])
