"""A reader of pickles that can run nothing.

A pickle is a program for a small machine: it pushes values, and it can look up any function by
name and call it. This machine has no such look-up. Names stay text, and only those of `NAMES` are
known: what NumPy's arrays, bytes and ordered dictionaries are written with, each followed by code
of this package. Whatever else is asked for is refused, by its name.

`pickle.Unpickler` with a restricted `find_class` is not enough: it hands functions of NumPy to the
file, of which `scalar` reads a nested pickle and `_reconstruct` makes any type; it sets attributes
of what it was given; and a small file claims as much memory as it likes.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rule_id.errors import InputError, require_file
from rule_id.recordings.no_pickle import kind_of_no_pickle
from rule_id.recordings.plain_arrays import MAX_BYTES, make_array, make_dtype, make_scalar, raw
from rule_id.recordings.plain_stack import Pending, Stack, fill, of_type

__all__ = ["NAMES", "read_plain_pickle"]

HIGHEST_PROTOCOL = 5

_CORES = ("numpy.core", "numpy._core")
_RECORDS = ("numpy", "numpy.rec", "numpy.core.records")

NAMES = {
    **{f"{core}.multiarray _reconstruct": "array" for core in _CORES},
    **{f"{core}.multiarray scalar": "scalar" for core in _CORES},
    **{f"{core}.numeric _frombuffer": "buffer" for core in _CORES},
    **{f"{module} recarray": "ndarray" for module in _RECORDS},
    **{f"{module} record": "record" for module in _RECORDS},
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    "_codecs encode": "encode",
    "__builtin__ bytes": "bytes",
    "builtins bytes": "bytes",
    "collections OrderedDict": "mapping",
}
"""The names that a file may ask for, of NumPy 1 and 2 and Python 2 and 3, and what each stands for.

None is ever looked up. An array of records is read as that, whatever class it was.
"""

OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
LITERALS = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
)  # fmt: skip
"""Opcodes that push their argument."""

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
PLAIN = (dict, list, tuple, str, bytes, bool, int, float, type(None), np.ndarray)

DAMAGED = (ValueError, TypeError, LookupError, OverflowError, AssertionError, struct.error)
"""What parsing and NumPy raise for files that are cut off or make no sense."""


@dataclass(frozen=True)
class Name:
    """A name that the file asked for, one of `NAMES`; inert."""

    text: str


def read_plain_pickle(path: str | Path) -> Any:
    """Read a pickle of plain values and NumPy arrays, of any protocol, without running it.

    Args:
        path: A file of at most `MAX_BYTES`.

    Returns:
        Dictionaries with text or small whole numbers as keys, lists, tuples, numbers, text, bytes,
        None, and arrays of numbers, text, bytes, of these as objects, or of records of these. NumPy
        scalars are Python's; ordered dictionaries plain ones; text of Python 2 is read as latin-1.

    Raises:
        InputError: It is missing, damaged, too large, or asks for anything else, which is named.
    """
    source = Path(path)
    require_file(source, "a pickled dataset")
    try:
        if source.stat().st_size > MAX_BYTES:
            raise InputError(f"a dataset must take at most {MAX_BYTES / 2**30:g} GiB; it has more")
        with warnings.catch_warnings():
            # Odd escapes in text of protocol 0 are read as they are.
            warnings.simplefilter("ignore")
            content = source.read_bytes()
            return _read(content)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _read(content: bytes) -> Any:
    try:
        return _only_plain(_Machine(content).run())
    except (InputError, *DAMAGED) as error:
        # Letters are opcodes of protocol 0, so that other files fail in odd ways.
        if kind := kind_of_no_pickle(content):
            raise InputError(f"a dataset must be a pickle; this is {kind}") from None
        if isinstance(error, InputError):
            raise
        reason = (str(error).splitlines() or [""])[0][:100] or type(error).__name__
        raise InputError(f"a dataset must be a complete pickle: {reason}") from None


class _Machine(Stack):
    """Reads one pickle, opcode by opcode."""

    def run(self) -> Any:
        while True:
            self.budget.spend(steps=1)
            name, argument = self._next()
            if name == "STOP":
                return self.stack.pop()
            if name in LITERALS:
                self.stack.append(argument)
            elif name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            else:
                method = getattr(self, f"_op_{name.lower()}", None)
                if method is None:
                    raise _refused(name if argument is None else f"{name} {argument}")
                method(argument)

    def _next(self) -> tuple[str, Any]:
        """Return the next opcode's name and argument."""
        code = self.stream.read(1).decode("latin-1")
        if code not in OPCODES:
            raise ValueError(f"there is no opcode {code!r}" if code else "it is cut off")
        opcode = OPCODES[code]
        if opcode.name == "STRING":
            # Python's own reader takes ASCII alone, and arrays of Python 2 are bytes.
            return opcode.name, self.stream.readline()
        return opcode.name, opcode.arg.reader(self.stream) if opcode.arg is not None else None

    def _op_proto(self, version: int) -> None:
        if version > HIGHEST_PROTOCOL:
            raise InputError(
                f"a dataset must be a pickle of protocol 0 to {HIGHEST_PROTOCOL}; got {version}"
            )

    def _op_frame(self, size: int) -> None:
        """Pass over it: a frame only says how much to read ahead."""

    def _op_global(self, name: str) -> None:
        if name not in NAMES:
            raise _refused(name.replace(" ", ".", 1))
        self.stack.append(Name(name))

    def _op_stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._op_global(f"{of_type(module, str)} {of_type(name, str)}")

    def _op_reduce(self, _: None) -> None:
        args = of_type(self.stack.pop(), tuple)
        name = of_type(self.stack.pop(), Name)
        self.stack.append(self._made(name.text, args))

    def _made(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return what a call would have returned, of the few that are known."""
        match NAMES[name], args:
            case "dtype", (str(code), _, _):
                return Pending("dtype", code)
            case "dtype", (Name(kind), _, _) if NAMES[kind] == "record":
                return Pending("dtype", "V1")
            case "array", (Name(kind), _, _) if NAMES[kind] == "ndarray":
                return Pending("array")
            case "buffer", (data, dtype, shape, order):
                return make_array(shape, dtype, order == "F", data, self.budget)
            case "scalar", (dtype, data):
                return make_scalar(dtype, data, self.budget)
            case "encode", (str(text), "latin1" | "latin-1"):
                return raw(text, self.budget)
            case "bytes", ():
                return b""
            case "mapping", ():
                return {}
            case "mapping", (list(pairs),):
                self.budget.spend(steps=len(pairs))
                keys = [of_type(pair, list, tuple)[0] for pair in pairs]
                return fill({}, keys, [pair[1] for pair in pairs])
        raise _refused(f"{name.replace(' ', '.', 1)} with such arguments")

    def _op_build(self, _: None) -> None:
        state = of_type(self.stack.pop(), tuple)
        pending = of_type(self.stack.pop(), Pending)
        if pending.what == "dtype":
            made: Any = make_dtype(pending.code, state, self.budget)
        else:
            # NumPy puts a version before these four.
            shape, dtype, fortran, content = state[-4:]
            made = make_array(shape, dtype, fortran, content, self.budget)
        for place in pending.places:
            self.memo[place] = made
        self.stack.append(made)


def _refused(what: str) -> InputError:
    return InputError(
        "a dataset must hold numbers, text, plain containers and NumPy arrays alone; it asks for "
        f"{what[:80]!r}, which is refused"
    )


def _only_plain(value: Any) -> Any:
    """Refuse what was left half made: names without a call, arrays without content."""
    seen, waiting = set(), [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Name):
            raise _refused(one.text.replace(" ", ".", 1))
        if type(one) not in PLAIN:
            raise InputError("a dataset must be complete; an array of it has no content")
        if type(one) in (dict, list, tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if type(one) is dict else one)
    return value
