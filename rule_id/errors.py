"""What the user did wrong, as opposed to what we did wrong.

The command line turns an `InputError` into one line and exit status 2, and lets every other
exception through with its traceback, because that one is a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["InputError", "NotIdentifiableWarning", "one_of"]


class InputError(ValueError):
    """A value from outside is not usable.

    The message names the parameter or file, what is allowed and what arrived, on one line.
    """


class NotIdentifiableWarning(UserWarning):
    """The data cannot say which rule made them; the answer should not be relied on."""


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
