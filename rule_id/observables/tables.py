"""Tables of what each two checkpoints of a layer say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

__all__ = ["checkpoints_first", "inner", "inner_table", "norm", "scaled", "tables_of"]

Array = Any
"""A NumPy array or a torch tensor."""


def tables_of(x: Array, values: Callable[[Array, int], list[Array]]) -> list[Array]:
    """Return tables (..., T, T) of what the changes between each two checkpoints say.

    Args:
        x: Entries at T checkpoints, which are its first axis.
        values: Given x_s, then the changes from s to each later checkpoint, checkpoints first, and
            s.

    Returns:
        In [t, s] what is said of t and s < t, in [t, t] that of t; NaN above the diagonal and for
        what is not finite.
    """
    xp = array_namespace(x)
    columns = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for s in range(x.shape[0]):
            changes = xp.concat([x[s : s + 1], x[s + 1 :] - x[s]], axis=0)
            found = [xp.where(xp.isfinite(one), one, xp.nan) for one in values(changes, s)]
            above = xp.zeros_like(found[0][:1]) * xp.nan
            columns.append([xp.concat([above] * s + [one], axis=0) for one in found])
    tables = [xp.stack(list(own), axis=1) for own in zip(*columns, strict=True)]
    return [xp.permute_dims(one, (*range(2, one.ndim), 0, 1)) for one in tables]


def inner_table(x: Array, y: Array) -> Array:
    r"""Return the inner products of changes of two things.

    .. math:: \langle x_t - x_s, y_t - y_s \rangle = \sum_{j, k = s + 1}^{t} \langle
        x_j - x_{j-1}, y_k - y_{k-1} \rangle

    All pairs follow from products of steps, in double precision, so that each entry is read a few
    times and not once for each pair.

    Args:
        x: Entries at T checkpoints (..., T, n).
        y: The same of another (..., T, n).

    Returns:
        Shape (..., T, T) of float64: in [t, t] that of x_t and y_t; NaN above the diagonal, and
        where an entry is not finite.
    """
    xp = array_namespace(x)
    seen = [xp.all(xp.isfinite(one), axis=-1) for one in (x, y)]
    there = seen[0] & seen[1]
    own, other = (
        xp.where(there[..., None], xp.astype(one, xp.float64), xp.zeros((), dtype=xp.float64))
        for one in (x, y)
    )
    with np.errstate(over="ignore", invalid="ignore"):
        steps = (one[..., 1:, :] - one[..., :-1, :] for one in (own, other))
        products = next(steps) @ xp.matrix_transpose(next(steps))
        sums = xp.cumulative_sum(
            xp.cumulative_sum(products, axis=-2, include_initial=True),
            axis=-1, include_initial=True,
        )  # fmt: skip
        alone = xp.linalg.diagonal(sums)
        table = alone[..., :, None] + alone[..., None, :] - sums - xp.matrix_transpose(sums)
        itself = xp.sum(own * other, axis=-1)
    at = xp.arange(x.shape[-2], device=device(x))
    table = xp.where(at[:, None] == at[None, :], itself[..., :, None], table)
    known = there[..., :, None] & there[..., None, :] & (at[:, None] >= at[None, :])
    return xp.where(known, table, xp.nan)


def checkpoints_first(x: Array, axis: int) -> Array:
    """Return x with an axis, counted from the last, moved to the front, in one piece of memory."""
    behind = (slice(None),) * (-axis - 1)
    return array_namespace(x).stack([x[(..., k, *behind)] for k in range(x.shape[axis])], axis=0)


def scaled(x: Array) -> Array:
    """Return x (T, ..., m, k) in units of its largest finite entry at any checkpoint.

    So that products of four entries stay in the range of the precision.
    """
    xp = array_namespace(x)
    size = xp.where(xp.isfinite(x), xp.abs(x), 0.0)
    top = xp.max(xp.max(xp.max(size, axis=-1), axis=-1), axis=0)[..., None, None]
    return x / xp.where(top > 0, top, 1.0)


def inner(a: Array, b: Array) -> Array:
    """Return the inner products (...) of matrices (..., m, k)."""
    # Not vecdot, which becomes one small product of matrices for each, four times as slow.
    return array_namespace(a).sum(a * b, axis=(-2, -1))


def norm(x: Array) -> Array:
    """Return the Euclidean norms (...) of all entries of matrices (..., m, k)."""
    return array_namespace(x).linalg.vector_norm(x, axis=(-2, -1))
