"""NumPy arrays from what their pickles say of them, built without NumPy's own unpickling.

A pickled array names functions of NumPy and hands them shapes, types and bytes. Here those names
are only names: what they were given is checked, and the array is made of it by `numpy.frombuffer`.
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any

import numpy as np

from rule_id.errors import InputError

__all__ = ["MAX_BYTES", "MAX_STEPS", "Budget", "make_array", "make_dtype", "make_scalar", "raw"]

MAX_BYTES = 2 * 2**30
"""The most that a file may take, and the most that is copied while it is read."""

MAX_STEPS = 5_000_000
"""The most instructions and elements of one file, some ten seconds."""

MAX_FIELDS, MAX_DIMENSIONS = 100, 16
SCALARS = (str, bytes, bool, int, float, type(None))
"""The only types that an array of objects may hold."""

_SIMPLE = re.compile(r"b1|[iu][1248]|f[248]|[SU][1-9][0-9]{0,5}|O8?")
_RECORD = re.compile(r"V[0-9]{1,9}")


class Budget:
    """What a file may still cost; one that asks for more is refused before it gets it."""

    def __init__(self) -> None:
        """Begin with all of it."""
        self.steps, self.bytes = MAX_STEPS, MAX_BYTES

    def spend(self, steps: int = 0, n_bytes: int = 0) -> None:
        """Take some of it, or raise InputError."""
        self.steps -= steps
        self.bytes -= n_bytes
        if self.steps < 0:
            raise InputError(f"a dataset must take at most {MAX_STEPS} steps to read; got more")
        if self.bytes < 0:
            raise InputError(f"a dataset must take at most {MAX_BYTES / 2**30:g} GiB; got more")


def raw(data: Any, budget: Budget) -> bytes:
    """Return bytes, which Python 2 pickled as text of the same code points."""
    if type(data) is bytes:
        return data
    if type(data) is not str:
        raise _refusal("an array must hold bytes", data)
    budget.spend(n_bytes=len(data))
    return data.encode("latin-1")


def make_dtype(code: str, state: tuple[Any, ...], budget: Budget) -> np.dtype:
    """Return the type that `numpy.dtype(code)` with this state would be.

    Args:
        code: Such as `f8`, `U5` or, for records, `V28`.
        state: Version (3), byte order, no subarray, field names or None, fields by name, size,
            alignment and flags.
        budget: What the file may still cost.

    Raises:
        InputError: It is not one of numbers, text, bytes, objects, and records of these.
    """
    version, order, subarray, names, fields, size, _, _ = state if len(state) == 8 else 8 * (0,)
    if version != 3 or subarray is not None:
        raise _refusal("a type must have a state of version 3 without subarray", code)
    if names is not None and _RECORD.fullmatch(code):
        return _record(names, fields, size, budget)
    if not _SIMPLE.fullmatch(code) or order not in ("<", ">", "|", "="):
        raise _refusal("a type must be one of numbers, text, bytes, objects or records", code)
    dtype = np.dtype(order.replace("|", "=") + code)
    if size not in (-1, dtype.itemsize):
        raise _refusal(f"a type must have {dtype.itemsize} bytes", size)
    return dtype


def _record(names: Any, fields: Any, size: Any, budget: Budget) -> np.dtype:
    if type(names) is not tuple or not 0 < len(names) <= MAX_FIELDS or type(fields) is not dict:
        raise _refusal(f"a record must have 1 to {MAX_FIELDS} named fields", names)
    budget.spend(steps=len(names))
    formats, offsets = [], []
    for name in names:
        field = fields.get(name) if type(name) is str else None
        if not name or type(field) is not tuple or len(field) != 2:
            raise _refusal("a record must have named fields, each a type and an offset", field)
        dtype, offset = field
        if not isinstance(dtype, np.dtype) or dtype.names is not None or type(offset) is not int:
            raise _refusal("a record must have named fields, each a type and an offset", dtype)
        formats.append(dtype)
        offsets.append(offset)
    if any(dtype.hasobject for dtype in formats):
        # Such records come as tuples, not as bytes, so that offsets say nothing.
        return np.dtype(list(zip(names, formats, strict=True)))
    if type(size) is not int or not 0 < size < MAX_BYTES or min(offsets) < 0:
        raise InputError("a record must have a size and offsets of 0 or more; it has others")
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def make_array(
    shape: Any, dtype: Any, fortran: Any, content: Any, budget: Budget
) -> np.ndarray:  # fmt: skip
    """Return the array of this shape, type and content.

    Args:
        shape: Lengths of the axes.
        dtype: What `make_dtype` returned.
        fortran: Whether the first axis runs fastest.
        content: The bytes; a list of elements where the type has objects.
        budget: What the file may still cost.

    Raises:
        InputError: The content is not as long as shape and type claim, or holds objects that are
            no numbers and no text.
    """
    if not isinstance(dtype, np.dtype):
        raise _refusal("an array must have a type", dtype)
    lengths = shape if type(shape) is tuple else (None,)
    if len(lengths) > MAX_DIMENSIONS or any(type(n) is not int or n < 0 for n in lengths):
        raise _refusal(f"an array must have a shape of at most {MAX_DIMENSIONS} lengths", shape)
    n = math.prod(lengths)
    if dtype.hasobject:
        flat = _objects(content, n, dtype, budget)
    else:
        data = raw(content, budget)
        if len(data) != n * dtype.itemsize:
            raise InputError(
                f"an array must hold what it claims, {n * dtype.itemsize:.3g} bytes; it holds "
                f"{len(data)}"
            )
        flat = np.frombuffer(data, dtype)
        for one in [flat[name] for name in dtype.names] if dtype.names else [flat]:
            _require_characters(one, budget)
    return flat.reshape(lengths, order="F" if fortran else "C")


def _require_characters(flat: np.ndarray, budget: Budget) -> None:
    """Refuse code points that there are not: NumPy takes them, and fails when they are read."""
    if flat.dtype.kind == "U" and flat.size:
        budget.spend(n_bytes=flat.nbytes)
        codes = np.ascontiguousarray(flat).view(np.dtype("u4").newbyteorder(flat.dtype.byteorder))
        if codes.max() > sys.maxunicode:
            raise InputError("an array of text must hold characters; it holds other numbers")


def _objects(content: Any, n: int, dtype: np.dtype, budget: Budget) -> np.ndarray:
    if type(content) is not list or len(content) != n:
        raise _refusal(
            "an array of objects must come as a list of as many elements as it claims", content
        )
    width = len(dtype.names or ("",))
    budget.spend(steps=n * width, n_bytes=n * dtype.itemsize)
    for element in content:
        values = element if dtype.names and type(element) is tuple else (element,)
        if len(values) != width:
            raise _refusal("a record must have a value for each field", element)
        for value in values:
            if type(value) not in SCALARS:
                raise _refusal("an array of objects must hold numbers and text alone", value)
    flat = np.empty(n, dtype)
    with np.errstate(all="ignore"):
        for place, element in enumerate(content):
            flat[place] = element
    return flat


def make_scalar(dtype: Any, content: Any, budget: Budget) -> Any:
    """Return a number, text or bytes; the content of an object, which is a pickle, is not read."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.names is not None:
        raise _refusal("a NumPy scalar must be a number or text", dtype)
    return make_array((), dtype, False, content, budget).item()


def _refusal(rule: str, got: Any) -> InputError:
    # Never the value: what a file nests can be too long to print.
    shown = repr(str(got)[:60]) if type(got) is str else f"type {type(got).__name__}"
    shown = str(got)[:60] if isinstance(got, np.dtype) else shown
    return InputError(f"{rule}; got {shown}")
