"""Which layer each unit is in, and which unit it is over sessions, by columns of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.texts import as_texts

__all__ = ["Layering", "Values", "layers_of", "unit_ids", "unit_layers"]

ONE_LAYER = "all"
"""The layer of every unit where nothing says which it is in."""

Values = Callable[[str], Any]
"""Gives what a column of that name holds of each unit, or says which columns there are."""

Layering = Mapping[str, tuple[str, ...] | tuple[float, float]]
"""By layer, values of a column, or the interval of a column of numbers from the first to below the
second."""


def layers_of(values: Values, n_units: int, layer: str | None, layers: Layering | None) -> Any:
    """Return the layer of each unit, (units,) of str, empty for none.

    Args:
        values: Gives columns.
        n_units: How many units there are.
        layer: The column that says it; None for one layer, `all`.
        layers: Which of its values make which layer.
    """
    if layer is None:
        if layers is not None:
            raise InputError("layers must come with layer, the column that has their values")
        return np.full(n_units, ONE_LAYER)
    return unit_layers(values(layer), layer, layers)


def unit_ids(values: Values, unit_id: str | None) -> np.ndarray | None:
    """Return the id of each unit over sessions, (units,) of str, empty for none; None without."""
    if unit_id is None:
        return None
    found = np.asarray(values(unit_id))
    texts = as_texts(found)
    if found.dtype.kind in "if":
        texts[found < 0] = ""
    return texts


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
