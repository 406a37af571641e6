"""MATLAB files before version 7.3: arrays of numbers, texts, and structs of these, nothing else.

SciPy's reader believes what a file states of types, sizes and nesting: 200 bytes of file are enough
to crash it, or to have it ask for all memory (seen with SciPy 1.17.1). A recording is from anybody.
So this reader is our own; it knows as much of the format as a recording needs, and takes no size
that is not there. What it does know it reads as SciPy does.

Source: MathWorks, MAT-File Format, level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.keyed import check_claim

__all__ = ["FOREIGN", "read_mat5"]

HEADER = 128
MATRIX, COMPRESSED = 14, 15
STRUCT, CHAR, NUMBERS = 2, 4, range(6, 16)
COMPLEX = 0x800

NUMBER_TYPES = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}

CLASSES = {1: "cell array", 3: "object", 5: "sparse array", 16: "function", 17: "string or object"}

LONGEST_TEXT = 2**16

FOREIGN = "must be an array of numbers, a text in single quotes or a struct of arrays; it is a {}"

_DAMAGED = (struct.error, zlib.error, KeyError, IndexError, ValueError, OverflowError, EOFError)


def read_mat5(source: Path) -> dict[str, np.ndarray]:
    """Read the variables of a MATLAB file.

    Args:
        source: What `save` writes with `-v6` or `-v7`.

    Returns:
        By name, or `<struct>/<field>`, in file order: numbers in the shape that MATLAB shows, and
        texts (rows,).

    Raises:
        InputError: The file is damaged, holds more than `MAX_BYTES`, or something else.
    """
    size = source.stat().st_size
    check_claim(size)
    try:
        return _variables(memoryview(source.read_bytes()), size)
    except InputError:
        raise
    except _DAMAGED as error:
        reason = f"there is no type {error}" if isinstance(error, KeyError) else error
        raise InputError(f"a recording must be a complete MATLAB file: {reason}") from None


def _variables(data: memoryview, claimed: int) -> dict[str, np.ndarray]:
    order = {b"IM": "<", b"MI": ">"}[bytes(data[HEADER - 2 : HEADER])]
    at, arrays = HEADER, dict[str, np.ndarray]()
    while at < len(data):
        kind, n = struct.unpack_from(order + "II", data, at)
        content = _exactly(data[at + 8 : at + 8 + n], n)
        at += 8 + n
        if kind == COMPRESSED:
            kind, content = _unpacked(content, order, claimed)
            claimed += len(content)
        if kind != MATRIX:
            raise ValueError(f"there is an element of type {kind} where a variable should be")
        arrays |= _matrix(_Elements(content, order), "")
    return arrays


def _unpacked(packed: memoryview, order: str, claimed: int) -> tuple[int, memoryview]:
    stream = zlib.decompressobj()
    kind, n = struct.unpack(order + "II", stream.decompress(packed, 8))
    check_claim(claimed + n)
    check_claim(n, len(packed))
    # One byte more than there should be: what is left over shows, and 0 would stand for no limit.
    content = stream.decompress(stream.unconsumed_tail, n + 1)
    return kind, _exactly(memoryview(content), n)


def _exactly(content: memoryview, n: int) -> memoryview:
    if len(content) != n:
        raise EOFError(f"a variable of {n} bytes is cut short or too long")
    return content


class _Elements:
    """The elements of a matrix, one after the other."""

    def __init__(self, content: memoryview, order: str) -> None:
        self.content, self.order, self.at = content, order, 0

    def take(self) -> tuple[int, memoryview]:
        """Return the type and the bytes of the next element."""
        (tag,) = struct.unpack_from(self.order + "I", self.content, self.at)
        n, start = tag >> 16, self.at + 4
        if not n:
            (n,) = struct.unpack_from(self.order + "I", self.content, self.at + 4)
            start = self.at + 8
        content = _exactly(self.content[start : start + n], n)
        # Elements start at multiples of 8; a small one has its bytes in what is left of its tag.
        self.at += -(-(start - self.at + n) // 8) * 8
        return tag & 0xFFFF, content

    def numbers(self) -> np.ndarray:
        """Return the next element as numbers (n,)."""
        kind, content = self.take()
        return np.frombuffer(content, self.order + NUMBER_TYPES[kind])

    def text(self) -> str:
        """Return the next element as text."""
        kind, content = self.take()
        encoding = ENCODINGS[kind]
        if encoding != "latin-1" and encoding != "utf-8":
            encoding += "-le" if self.order == "<" else "-be"
        return bytes(content).decode(encoding)


def _matrix(elements: _Elements, inside: str) -> dict[str, np.ndarray]:
    flags = int(elements.numbers()[0])
    kind = flags & 0xFF
    dims = () if kind == 17 else tuple(int(n) for n in elements.numbers())
    key = inside or elements.text()
    if inside:
        elements.take()
    if kind in NUMBERS and not flags & COMPLEX:
        return {key: _shaped(elements.numbers(), dims)}
    if kind == CHAR and math.prod(dims) <= LONGEST_TEXT:
        return {key: _rows(_shaped(np.array(list(elements.text()), "U1"), dims))}
    if kind == STRUCT and not inside:
        return _fields(elements, key, dims)
    what = {STRUCT: "struct", CHAR: "long text", **CLASSES}.get(kind, "complex array")
    raise InputError(f"{key} {FOREIGN.format(what)}")


def _fields(elements: _Elements, key: str, dims: tuple[int, ...]) -> dict[str, np.ndarray]:
    if math.prod(dims) != 1:
        raise InputError(f"{key} must be one struct; got an array of {dims}")
    length = int(elements.numbers()[0])
    names = elements.text()
    if len(names) > LONGEST_TEXT:
        raise InputError(f"{key} must have fewer fields")
    arrays: dict[str, np.ndarray] = {}
    for start in range(0, len(names), length):
        field = f"{key}/{names[start : start + length].partition(chr(0))[0]}"
        kind, content = elements.take()
        if kind != MATRIX:
            raise ValueError(f"{field} is an element of type {kind}")
        # MATLAB writes [] as a matrix without any content.
        empty = {field: np.empty((0, 0))}
        arrays |= _matrix(_Elements(content, elements.order), field) if len(content) else empty
    return arrays


def _shaped(values: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    if math.prod(dims) != len(values):
        raise ValueError(f"there are {len(values)} values for the shape {dims}")
    return values.reshape(dims, order="F")


def _rows(characters: np.ndarray) -> np.ndarray:
    if not characters.size:
        return np.array([""])
    return np.array(["".join(row).rstrip(" ") for row in characters.reshape(len(characters), -1)])
