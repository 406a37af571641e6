"""Tables of what each two checkpoints of a layer say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace

__all__ = ["checkpoints_first", "flat", "norm", "tables_of"]

Array = Any
"""A NumPy array or a torch tensor."""


def tables_of(x: Array, axis: int, values: Callable[[Array, int], list[Array]]) -> list[Array]:
    """Return tables (..., T, T) of what the changes between each two checkpoints say.

    Args:
        x: Entries at T checkpoints.
        axis: That of the checkpoints.
        values: Given x_s, then the changes from s to each later checkpoint, checkpoints first, and
            s.
    """
    xp = array_namespace(x)
    x = checkpoints_first(x, axis)
    columns = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for s in range(x.shape[0]):
            changes = xp.concat([x[s : s + 1], x[s + 1 :] - x[s]], axis=0)
            found = [xp.where(xp.isfinite(one), one, xp.nan) for one in values(changes, s)]
            above = xp.zeros_like(found[0][:1]) * xp.nan
            columns.append([xp.concat([above] * s + [one], axis=0) for one in found])
    tables = [xp.stack(list(own), axis=1) for own in zip(*columns, strict=True)]
    return [xp.permute_dims(one, (*range(2, one.ndim), 0, 1)) for one in tables]


def checkpoints_first(x: Array, axis: int) -> Array:
    """Return x with an axis, counted from the last, moved to the front."""
    place = x.ndim + axis
    others = [k for k in range(x.ndim) if k != place]
    return array_namespace(x).permute_dims(x, (place, *others))


def norm(x: Array) -> Array:
    """Return the Euclidean norms (...) of x (..., n)."""
    xp = array_namespace(x)
    return xp.sqrt(xp.vecdot(x, x))


def flat(x: Array) -> Array:
    """Return matrices (..., m, k) with their entries in a row (..., m k)."""
    return array_namespace(x).reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))
