"""Packed JSON documents, of which no more is unpacked than a classifier can need."""

from __future__ import annotations

import lzma

from rule_id.errors import InputError

__all__ = ["LARGEST", "pack", "unpack"]

LARGEST = 2**28
"""Bytes that a document may have; a booster of thirty classes has 4 million."""

MEMORY = 2**27
"""Bytes that unpacking may take beside the document; what `pack` writes takes 9 million."""


def pack(document: bytes) -> bytes:
    """Return a document in the format of xz; the same bytes for the same document.

    Of what a classifier is, mostly digits, it is a seventh smaller than gzip's.
    """
    return lzma.compress(document, preset=6)


def unpack(packed: bytes, source: str, largest: int = LARGEST) -> bytes:
    """Return what `pack` packed.

    Args:
        packed: The packed document.
        source: Name of the file, for messages.
        largest: Most bytes that are unpacked.

    Raises:
        InputError: It is damaged, or larger when unpacked.
    """
    file = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)
    try:
        document = file.decompress(packed, largest + 1)
    except lzma.LZMAError as error:
        raise InputError(f"{source} must be a file in the format of xz: {error}") from None
    if len(document) > largest:
        raise InputError(f"{source} must be {largest} bytes when unpacked, or fewer; it is more")
    if not file.eof or file.unused_data:
        raise InputError(f"{source} must be a file in the format of xz, whole and nothing else")
    return document
