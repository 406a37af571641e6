"""Columns of NWB's tables, their size known before they are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.keyed import check_claim
from rule_id.recordings.texts import as_texts
from rule_id.recordings.unit_layers import ONE_LAYER, Layering, unit_layers

__all__ = ["Values", "column", "layers_of", "lists", "loaded", "rows_of", "unit_ids"]

Values = Callable[[str], Any]
"""Gives what a column of that name holds of each unit, or says which columns there are."""


def loaded(data: Any) -> np.ndarray:
    """Return what a dataset or list holds, if it is not too large.

    Raises:
        InputError: It takes more than a recording may.
    """
    shape = getattr(data, "shape", None)
    if shape is not None:
        check_claim(math.prod(shape) * max(getattr(data.dtype, "itemsize", 8), 8))
    return np.asarray(data[:])


def column(table: Any, name: str) -> np.ndarray:
    """Return a column with one value a row.

    Args:
        table: A `DynamicTable`.
        name: One of its columns.

    Raises:
        InputError: It is not one of them, or has several values a row.
    """
    if name not in table.colnames:
        raise InputError(
            f"{name} is not a column of {table.name}; it has {', '.join(table.colnames)}"
        )
    values = table[name]
    array = loaded(values.data)
    if hasattr(values, "target") or array.ndim != 1:
        raise InputError(
            f"the column {name} of {table.name} must have one value a row; it has several"
        )
    return array


def lists(index: Any, values: np.ndarray | None = None) -> list[np.ndarray]:
    """Return the list that each row has in a column of lists.

    Args:
        index: The column.
        values: The lists of all rows, end to end, where they were read already.

    Raises:
        InputError: The column has no lists, or they are not where it says.
    """
    if not hasattr(index, "target"):
        raise InputError(f"the column {index.name} must have a list in each row")
    flat = loaded(index.target.data) if values is None else values
    ends = loaded(index.data).astype(np.int64)
    if len(ends) == 0 or ends[-1] > len(flat) or (np.diff(ends, prepend=0) < 0).any():
        raise InputError(
            f"the lists of {index.target.name} must have a row or more and end where their "
            f"{len(flat)} values do"
        )
    return np.split(flat, ends[:-1])


def rows_of(region: Any) -> np.ndarray:
    """Return which rows of its table a region refers to.

    Raises:
        InputError: The table has no such row.
    """
    rows = loaded(region.data)
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(region.table):
        raise InputError(
            f"{region.name} must refer to the {len(region.table)} rows of {region.table.name}; "
            f"got row {rows.max()}"
        )
    return rows


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
