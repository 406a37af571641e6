r"""What two checkpoints of a layer say together that neither says alone.

A statistic of one checkpoint says how large weights are, not which way they went: a network that
wanders and one that walks straight may have the same norms. Of each two checkpoints s < t of a
layer, with W_s its weights (out, in), D = W_t - W_s, K_s how alike it responds to each two stimuli
(`similarity`) and |.| the Euclidean norm of all entries,

.. math:: \text{distance} = |D|, \quad |K_t - K_s|, \qquad
    \text{evenness} = \frac{(\sum_i e_i)^2}{n \sum_i e_i^2}, \qquad
    \text{effective rank} = \frac{|D|^4}{r \, |D^T D|^2}

e_i is the sum of squares of row i, or of column i, of D, or the size of its entry i, n their
number, r the smaller side of D. In place of s = t the same is said of W_t itself: with D = W_t, its
size among the distances. What changes have to do with the next layer stands in
`rule_id.observables.feedback`.

Evenness is 1 where all units (or entries, as under an optimizer that normalises) change alike, 1/n
where one does; the share of the rank likewise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from rule_id.observables.draws import generator
from rule_id.observables.tables import (
    checkpoints_first,
    inner_table,
    norm,
    scaled,
    tables_of,
)

__all__ = [
    "MOST_ENTRIES",
    "MOST_STIMULI",
    "SHAPE_PAIRS",
    "agreement_table",
    "distance_table",
    "evenness_table",
    "joined",
    "sampled",
    "shape_tables",
    "similarity",
    "spread_out",
    "thinned",
]

SHAPE_PAIRS = ("weight_row_evenness", "weight_column_evenness", "weight_effective_rank")
"""What is said of how weights changed, known as matrices."""

MOST_ENTRIES = 10_000
"""Weights of a layer between which distances are taken, at most."""

MOST_EVEN = 2048
"""Weights of which it is said how evenly they changed, at most."""

MOST_UNITS, MOST_FEEDING = 64, 256
"""Rows and columns of a matrix of weights that are looked at, at most."""

MOST_STIMULI = 64
"""Stimuli whose similarity is followed, at most."""

Array = Any
"""A NumPy array or a torch tensor."""


def distance_table(points: Array) -> Array:
    """Return how far checkpoints lie apart, and how large each is.

    Args:
        points: The same n entries at T checkpoints (..., T, n).

    Returns:
        Shape (..., T, T), in the unit of the entries: in [t, s] the distance of t from s < t, in
        [t, t] the norm at t. NaN above the diagonal, and where an entry is not finite or the
        distance is beyond what the precision holds.
    """
    xp = array_namespace(points)
    squares = inner_table(points, points)
    # A sum that should be 0 may be less by rounding.
    table = xp.astype(xp.where(squares < 0, 0.0, squares) ** 0.5, points.dtype)
    return xp.where(xp.isfinite(table), table, xp.nan)


def agreement_table(points: Array, ahead: Array) -> Array:
    """Return the cosines between changes of two things that are measured alike.

    Args:
        points: Entries at T checkpoints (..., T, n).
        ahead: The same of another (..., T, n).

    Returns:
        Shape (..., T, T) as of `distance_table`, from -1 to 1: in [t, t] the cosine of both at t.
        NaN also where one of them did not change.
    """
    xp = array_namespace(points)
    own, other = (inner_table(x, x) for x in (points, ahead))
    size = xp.where((own > 0) & (other > 0), own * other, xp.nan) ** 0.5
    table = inner_table(points, ahead) / size
    return xp.astype(xp.clip(table, min=-1.0, max=1.0), points.dtype)


def evenness_table(points: Array) -> Array:
    """Return how evenly the entries themselves changed.

    Args:
        points: The same n entries at T checkpoints (..., T, n), 2,048 of which are looked at, at
            most.

    Returns:
        Shape (..., T, T) as of `distance_table`, from 1/n to 1: that of changes, in [t, t] that of
        the entries at t; NaN also where nothing changed.
    """
    xp = array_namespace(points)
    some = points[..., spread_out(points.shape[-1], MOST_EVEN)]

    def evenness(changes: Array, s: int) -> list[Array]:
        total = xp.sum(xp.abs(changes), axis=-1)
        return [total**2 / (changes.shape[-1] * xp.sum(changes * changes, axis=-1))]

    (table,) = tables_of(scaled(checkpoints_first(some, -2)[..., None])[..., 0], evenness)
    return table


def thinned(weight: Array) -> Array:
    """Return what is looked at of a matrix (..., out, in), 64 rows by 256 columns at most."""
    rows = spread_out(weight.shape[-2], MOST_UNITS)
    columns = spread_out(weight.shape[-1], MOST_FEEDING)
    return weight[..., rows, :][..., columns]


def joined(weight: Array, ahead: Array) -> tuple[Array, Array] | None:
    """Return the parts of two matrices of weights that are looked at, joined at the same units.

    Args:
        weight: W (..., out, k), all rows of it.
        ahead: The weights behind (..., n, in, taps), all of their inputs.

    Returns:
        V (..., n', m) and W (..., m, k') with m <= 64 units in common; None where the layer
        behind is not fed by these units alone. What feeds a dense layer behind a convolution are
        all places of its first channel, then of the next.
    """
    xp = array_namespace(weight)
    n_out, n_in = weight.shape[-2], ahead.shape[-2]
    if not n_out or n_in % n_out:
        return None
    split = xp.reshape(ahead, (*ahead.shape[:-2], n_out, n_in // n_out * ahead.shape[-1]))
    units = spread_out(n_out, MOST_UNITS)
    chosen = xp.matrix_transpose(split[..., units, :])
    v = xp.reshape(chosen, (*split.shape[:-3], split.shape[-3] * split.shape[-1], len(units)))
    return v[..., spread_out(v.shape[-2], MOST_FEEDING), :], thinned(weight)


def shape_tables(weights: Array) -> dict[str, Array]:
    """Return how evenly weights changed between each two checkpoints, and in how many directions.

    Args:
        weights: W at T checkpoints (..., T, out, in).

    Returns:
        Of `SHAPE_PAIRS` tables (..., T, T) as of `distance_table`, above 0 and at most 1; NaN also
        where nothing changed.
    """
    w = scaled(checkpoints_first(weights, -3))
    tables = tables_of(w, lambda changes, s: _shape(changes))
    return dict(zip(SHAPE_PAIRS, tables, strict=True))


def similarity(activations: Array) -> Array:
    r"""Return how alike a layer responds to each two stimuli.

    .. math:: k_{ab} = \frac{1}{n} \sum_u (x_{a,u} - \bar x_u)(x_{b,u} - \bar x_u)

    with the mean of unit u over the stimuli. Which units there are does not matter, nor what each
    of them always does, so that it can be compared between days on which other units were seen.

    Args:
        activations: Shape (..., stimuli, units), units >= 1; the stimuli `spread_out` to 64 of
            them.

    Returns:
        Shape (..., stimuli * stimuli), in squares of the unit of activity.

    Source: the Gram matrix of Kornblith et al., "Similarity of neural network representations
    revisited", ICML 2019.
    """
    xp = array_namespace(activations)
    with np.errstate(over="ignore", invalid="ignore"):
        centred = activations - xp.mean(activations, axis=-2, keepdims=True)
        gram = centred @ xp.matrix_transpose(centred) / activations.shape[-1]
    return xp.reshape(gram, (*gram.shape[:-2], gram.shape[-1] ** 2))


def spread_out(n: int, most: int) -> np.ndarray:
    """Return which of n are looked at: all, or so many that are evenly spread.

    >>> spread_out(3, 64), len(spread_out(1000, 64))
    (array([0, 1, 2]), 64)
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(int)


def sampled(n: int, seed: int, layer: int) -> np.ndarray:
    """Return between which of a layer's n weights distances are taken, rising: 10,000 at most.

    Args:
        n: How many there are.
        seed: The network's.
        layer: Its position.
    """
    if n <= MOST_ENTRIES:
        return np.arange(n)
    return np.sort(generator(seed, "followed", layer, 0).choice(n, MOST_ENTRIES, replace=False))


def _shape(change: Array) -> list[Array]:
    """Return evenness of rows and of columns and effective rank of a matrix (..., m, k)."""
    xp = array_namespace(change)
    squares = change * change
    rows, columns = (xp.sum(squares, axis=axis) for axis in (-1, -2))
    wide = change.shape[-1] > change.shape[-2]
    turned = xp.matrix_transpose(change)
    gram = change @ turned if wide else turned @ change
    rank = xp.sum(rows, axis=-1) ** 2 / (min(change.shape[-2:]) * norm(gram) ** 2)
    return [_evenness(rows), _evenness(columns), rank]


def _evenness(energy: Array) -> Array:
    """Return how evenly what is not negative is spread over the last axis."""
    xp = array_namespace(energy)
    total = xp.sum(energy, axis=-1)
    return total**2 / (energy.shape[-1] * xp.sum(energy * energy, axis=-1))
