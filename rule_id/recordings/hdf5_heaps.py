"""Global heaps of HDF5 files, where texts lie, looked at before the HDF5 library does.

The library goes through a heap from object to object by the sizes that the file states. At one
whose size is such that the next begins where it does, it stays for ever, and no signal stops it.
Layout: HDF5 File Format Specification 3.0, III.E.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import Any

from rule_id.errors import InputError

__all__ = ["require_heaps_that_end"]

BEGIN = re.compile(rb"GCOL\x01")
"""Signature and version of a heap."""

MOST_OBJECTS = 2**21
"""In all heaps of a file; going through more would take longer than anybody waits."""

LARGEST = 2**32
"""Of a file that is looked through, in bytes: to read all of a larger one, of which little may be
needed, would take many seconds."""


def require_heaps_that_end(source: Path, file: Any) -> None:
    """Refuse a file with a heap that the library would never come to the end of.

    Args:
        source: Where the file is.
        file: The same as an open `h5py.File`, of which no text was read yet.

    Raises:
        InputError: It has such a heap, or more objects in heaps than `MOST_OBJECTS`.
    """
    if source.stat().st_size > LARGEST:
        return
    _, width = file.id.get_create_plist().get_sizes()
    left = MOST_OBJECTS
    with (
        source.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        # Also inside of other heaps: the file may say that one begins there.
        for found in BEGIN.finditer(content):
            left = _gone_through(source, content, found.start(), width, left)


def _gone_through(source: Path, content: mmap.mmap, at: int, width: int, left: int) -> int:
    """Return how many objects may be left when those of the heap at a place were passed."""
    header = _aligned(8 + width)  # of the heap as of each object: 8 bytes, then its size
    end = min(at + _number(content, at + 8, width), len(content))
    place = at + header
    while place + header <= end:
        size = _number(content, place + 8, width)
        used = content[place : place + 2] != b"\0\0"
        # As the library counts, in 64 bits.
        step = (header + _aligned(size) if used else size) % 2**64
        left -= 1
        if step == 0:
            raise InputError(f"{source.name} must be a complete HDF5 file: a heap has no end")
        if left < 0:
            raise InputError(f"{source.name} must have at most {MOST_OBJECTS:,} texts")
        place += step
    return left


def _aligned(size: int) -> int:
    return (size + 7) // 8 * 8


def _number(content: mmap.mmap, place: int, width: int) -> int:
    return int.from_bytes(content[place : place + min(width, 8)], "little")
