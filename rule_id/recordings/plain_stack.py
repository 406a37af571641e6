"""The part of a pickle's machine that moves plain values about: a stack, marks and a memory."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rule_id.recordings.plain_arrays import MAX_STEPS, Budget

__all__ = ["Pending", "Stack", "fill", "of_type"]

LARGEST_KEY = 2**31


@dataclass(eq=False)
class Pending:
    """An array or a type whose content comes later, and where the file remembers it."""

    what: str
    code: str = ""
    places: list[int] = field(default_factory=list)


def of_type(value: Any, *types: type) -> Any:
    """Return a value that is of one of these very types; else the file is damaged."""
    if type(value) not in types:
        expected = " or ".join(one.__name__ for one in types)
        raise TypeError(f"{expected} expected where there is {type(value).__name__}")
    return value


def fill(table: Any, keys: Iterable[Any], values: Iterable[Any]) -> dict[Any, Any]:
    """Put values into a dictionary, with keys that take no more time than they should."""
    filled: dict[Any, Any] = of_type(table, dict)
    for key, value in zip(keys, values, strict=True):
        # Tuples nested in each other take for ever to hash, and numbers can be made to collide.
        if type(key) is not str and not (type(key) is int and abs(key) < LARGEST_KEY):
            raise TypeError("a key of a dictionary is neither a text nor a small whole number")
        filled[key] = value
    return filled


class Stack:
    """One method an opcode, named after it, called with the opcode's argument."""

    def __init__(self, data: bytes) -> None:
        """Begin to read a pickle."""
        self.stream = io.BytesIO(data)
        self.budget = Budget()
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def since_mark(self) -> list[Any]:
        """Return what was pushed since the last mark, and forget both."""
        items = self.stack
        self.stack = self.marked.pop()
        return items

    def _op_string(self, line: bytes) -> None:
        text = line.strip()
        if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
            raise ValueError("a text without quotes")
        self.stack.append(codecs.escape_decode(text[1:-1])[0].decode("latin-1"))

    def _op_bytearray8(self, data: bytearray) -> None:
        self.stack.append(bytes(data))

    def _op_mark(self, _: None) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def _op_pop(self, _: None) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.since_mark()

    def _op_pop_mark(self, _: None) -> None:
        self.since_mark()

    def _op_dup(self, _: None) -> None:
        self.stack.append(self.stack[-1])

    def _op_empty_list(self, _: None) -> None:
        self.stack.append([])

    def _op_list(self, _: None) -> None:
        items = self.since_mark()
        self.stack.append(items)

    def _op_append(self, _: None) -> None:
        item = self.stack.pop()
        of_type(self.stack[-1], list).append(item)

    def _op_appends(self, _: None) -> None:
        items = self.since_mark()
        of_type(self.stack[-1], list).extend(items)

    def _op_empty_tuple(self, _: None) -> None:
        self.stack.append(())

    def _op_tuple(self, _: None) -> None:
        items = tuple(self.since_mark())
        self.stack.append(items)

    def _op_tuple1(self, _: None) -> None:
        self.stack[-1:] = [(self.stack[-1],)]

    def _op_tuple2(self, _: None) -> None:
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    def _op_tuple3(self, _: None) -> None:
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    def _op_empty_dict(self, _: None) -> None:
        self.stack.append({})

    def _op_dict(self, _: None) -> None:
        items = self.since_mark()
        self.stack.append(fill({}, items[::2], items[1::2]))

    def _op_setitem(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        fill(self.stack[-1], [key], [value])

    def _op_setitems(self, _: None) -> None:
        items = self.since_mark()
        fill(self.stack[-1], items[::2], items[1::2])

    def _op_memoize(self, _: None) -> None:
        self._op_put(len(self.memo))

    def _op_put(self, place: int) -> None:
        # A file that numbers what it remembers has had so many steps; others want a huge table.
        if not 0 <= place <= MAX_STEPS - self.budget.steps:
            raise ValueError("it remembers more than it has")
        self.memo[place] = self.stack[-1]
        if isinstance(self.stack[-1], Pending):
            self.stack[-1].places.append(place)

    def _op_get(self, place: int) -> None:
        if place not in self.memo:
            raise LookupError("it asks for what it does not remember")
        self.stack.append(self.memo[place])

    _op_binput = _op_long_binput = _op_put
    _op_binget = _op_long_binget = _op_get
