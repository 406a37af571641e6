"""Packed JSON documents, of which no more is unpacked than a classifier can need."""

from __future__ import annotations

import gzip
import io
import zlib

from rule_id.errors import InputError

__all__ = ["LARGEST", "pack", "unpack"]

LARGEST = 2**28
"""Bytes that a document may have; a booster of thirty classes has 4 million."""


def pack(document: bytes) -> bytes:
    """Return a document in gzip's format; the same bytes for the same document."""
    return gzip.compress(document, mtime=0)


def unpack(packed: bytes, source: str, largest: int = LARGEST) -> bytes:
    """Return what `pack` packed.

    Args:
        packed: The packed document.
        source: Name of the file, for messages.
        largest: Most bytes that are unpacked.

    Raises:
        InputError: It is damaged, or larger when unpacked.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            document = file.read(largest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source} must be a file in gzip's format: {error}") from None
    if len(document) > largest:
        raise InputError(f"{source} must be {largest} bytes when unpacked, or fewer; it is more")
    return document
