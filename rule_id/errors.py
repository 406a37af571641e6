"""What the user did wrong, as opposed to what we did wrong.

The command line turns an `InputError` into one line and exit status 2, and lets every other
exception through with its traceback, because that one is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["InputError", "first_line", "one_of", "require_file"]


class InputError(ValueError):
    """A value from outside is not usable.

    The message names the parameter or file, what is allowed and what arrived, on one line.
    """


def first_line(error: BaseException) -> str:
    r"""Return the first line of what an error says; what it is where it says nothing.

    >>> first_line(ValueError("not a number\nin line 3")), first_line(MemoryError())
    ('not a number', 'MemoryError')
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def one_of(parameter: str, value: str, allowed: Iterable[str]) -> str:
    """Return `value` when it is one of `allowed`.

    Args:
        parameter: The name the user knows the value by, for the message.
        value: What arrived.
        allowed: The valid names.

    Returns:
        `value`, unchanged.

    Raises:
        InputError: `value` is not among `allowed`; the message lists them.
    """
    names = list(allowed)
    if value not in names:
        raise InputError(f"{parameter} must be one of {', '.join(names)}; got {value!r}")
    return value


def require_file(path: Path, what: str) -> None:
    """Refuse a path at which there is no file.

    Args:
        path: What the user named.
        what: What it must be, for the message.

    Raises:
        InputError: There is nothing, or a folder.
    """
    if not path.is_file():
        there = "it is a folder" if path.is_dir() else "there is no such file"
        raise InputError(f"{path} must be {what}; {there}")
