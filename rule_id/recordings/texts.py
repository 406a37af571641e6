"""Values of a table's column as texts: names of conditions, layers and units."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["as_texts"]


def as_texts(values: Any) -> np.ndarray:
    """Return values as texts; what is missing (NaN, None, no text) is empty.

    Whole numbers have no decimals whatever their type, so that 1 and 1.0 are one condition. What
    has a name, such as an electrode group, is named by it.

    Args:
        values: (n,) numbers, booleans, texts, bytes or objects with a `name`.

    Returns:
        (n,) of str.

    >>> as_texts([1.0, 2.5, float("nan")]).tolist()
    ['1', '2.5', '']
    """
    return np.array([_text(value) for value in values], dtype=str)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.12g}"
    return str(getattr(value, "name", value))
