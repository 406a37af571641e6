"""Which layer each unit is in, by a column of its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.texts import as_texts

__all__ = ["ONE_LAYER", "Layering", "unit_layers"]

ONE_LAYER = "all"
"""The layer of every unit where nothing says which it is in."""

Layering = Mapping[str, tuple[str, ...] | tuple[float, float]]
"""By layer, values of a column, or the interval of a column of numbers from the first to below the
second."""


def unit_layers(values: Any, column: str, layers: Layering | None) -> np.ndarray:
    """Return the layer of each unit.

    Args:
        values: What the column holds of each unit, (units,).
        column: Its name, for messages.
        layers: Which values make which layer; None for each value its own, of a column of texts.

    Returns:
        (units,) of str; empty for a unit whose value is missing or in no layer.

    Raises:
        InputError: The column is of numbers and `layers` is None, it is not and `layers` has
            intervals, or no unit is in a layer.

    >>> unit_layers([120.0, 550.0, 900.0], "depth", {"L23": (100, 300), "L5": (500, 700)}).tolist()
    ['L23', 'L5', '']
    """
    array = np.asarray(values)
    numeric = array.dtype.kind in "iuf"
    texts = as_texts(values)
    if layers is None:
        if numeric:
            raise InputError(
                f"layers must say which numbers of the column {column} make a layer, such as "
                'L23 = [100, 300] for an interval or L5 = ["5"] for a value'
            )
        return texts
    names = np.full(len(texts), "", dtype=object)
    for layer, group in layers.items():
        names[_members(array, texts, column, layer, group)] = layer
    if not (names != "").any():
        there = ", ".join(sorted(set(texts))[:10])
        raise InputError(
            f"layers must name values of the column {column}, which holds {there}; no unit is in "
            f"{', '.join(layers)}"
        )
    return names.astype(str)


def _members(
    values: np.ndarray, texts: np.ndarray, column: str, layer: str, group: tuple[Any, ...]
) -> np.ndarray:
    if isinstance(group[0], str):
        return np.isin(texts, group)
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"layers must name values of the column {column}, which are texts such as {texts[0]};"
            f" {layer} is an interval"
        )
    low, high = group
    return (values >= low) & (values < high)
