"""Columns of NWB's tables, their size known before they are read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.recordings.keyed import check_claim

__all__ = ["column", "lists", "loaded", "rows_of"]


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
