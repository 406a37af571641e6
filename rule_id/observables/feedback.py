r"""What changes of a layer have to do with the layer behind it, and with how that one changes.

With W (m, k) the weights of a layer, V (n, m) those of the layer behind, D = W_t - W_s and
E = V_t - V_s how they changed from checkpoint s to t, a bar for the mean of both checkpoints, |.|
the Euclidean norm and cos the cosine of all entries,

.. math:: \text{gain} = \sqrt m \, \frac{|V_s D|}{|V_s| |D|}, \qquad
    \text{change gain} = \sqrt m \, \frac{|E D|}{|E| |D|},

.. math:: A = D \bar W^T, \quad B = \bar V^T E, \quad S = \overline{\mathrm{sign}(V)}^T E, \qquad
    \text{agreement} = \cos(A, B), \qquad \text{unit agreement} = \cos(\mathrm{diag} A,
    \mathrm{diag} B), \qquad
    \text{sign contrast} = \cos\Big(A, \frac{S}{|S|} - \frac{B}{|B|}\Big),

and the inverse contrast as the sign contrast with P = (V_s^T V_s + c)^{-1} B in place of S, c the
mean of the diagonal of V_s^T V_s. In place of s = t the same is said of W_t and V_t, with D = W_t
and E = V_t.

Gains are 1 where changes have nothing to do with V, or with its changes, and larger where they are
made from what comes back through it: under backprop D lies in the rows of V.

A says how what comes into each unit changed along what comes into each other, B the same of what
goes out (m, m). Gradient descent on a loss makes the two equal where units are linear, and their
diagonals equal where they are relu: a unit that sends more receives more. Errors that come back
through other weights than V make another A: through fixed random ones one that has nothing to do
with B, through sign(V) one that is nearer to S, through a pseudo-inverse of V one nearer to P, so
that the contrast is above 0. Noise that is drawn anew at each checkpoint cancels in A, B and S on
average. Units that run in time receive through their recurrent weights as well, and send through
them (`stage`).

Source: that B - A stays 0 is the conservation law of Saxe, McClelland, Ganguli, "Exact solutions to
the nonlinear dynamics of learning in deep linear neural networks", ICLR 2014, and Du, Hu, Lee,
"Algorithmic regularization in learning deep homogeneous models: layers are automatically balanced",
NeurIPS 2018.
"""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace, device

from rule_id.observables.pairs import joined
from rule_id.observables.tables import (
    checkpoints_first,
    inner,
    norm,
    scaled,
    tables_of,
)

__all__ = ["AHEAD_PAIRS", "ahead_tables", "stage"]

AHEAD_PAIRS = (
    "weight_gain",
    "weight_change_gain",
    "weight_agreement",
    "weight_unit_agreement",
    "weight_sign_contrast",
    "weight_inverse_contrast",
)
"""What is said of a layer's weights and those of the layer behind it."""

PARALLEL = 1e-4
"""Squared distance of two unit vectors below which their difference is rounding."""

Array = Any
"""A NumPy array or a torch tensor."""


def ahead_tables(weights: Array, ahead: Array, n_joined: Array) -> dict[str, Array]:
    """Return how changes of weights go with the weights of the layer behind, and their changes.

    Args:
        weights: W at T checkpoints (..., T, m, k); 0 in rows of units that V does not join.
        ahead: V at the same (..., T, n, m), the weights of the layer behind.
        n_joined: Number of units between the two (...), or one for all.

    Returns:
        Of `AHEAD_PAIRS` tables (..., T, T) as of `distance_table`: gains from 0 to sqrt(m), cosines
        from -1 to 1; NaN also where nothing changed.
    """
    xp = array_namespace(weights)
    turned = xp.matrix_transpose
    w, v = (scaled(checkpoints_first(x, -3)) for x in (weights, ahead))
    sign = xp.sign(v)

    def values(own: Array, s: int) -> list[Array]:
        behind = xp.concat([v[s : s + 1], v[s + 1 :] - v[s]], axis=0)
        own_gram, behind_gram = own @ turned(own), turned(behind) @ behind
        gram = turned(v[s]) @ v[s]
        # Sums of both checkpoints instead of means: cosines are the same.
        came = own @ turned(w[s:] + w[s])
        went, signed = (turned(one[s:] + one[s]) @ behind for one in (v, sign))
        return [
            _gain(gram, own_gram, n_joined),
            _gain(behind_gram, own_gram, n_joined),
            *_agreement(came, went, signed, _inverse(gram, n_joined) @ went),
        ]

    return dict(zip(AHEAD_PAIRS, tables_of(w, values), strict=True))


def stage(incoming: Array, recurrent: Array, behind: Array) -> tuple[Array, Array] | None:
    """Return what comes into units that run in time, and what goes out of them.

    Args:
        incoming: The weights through which the layer is fed (..., m, k).
        recurrent: Those between its own units (..., m, m).
        behind: Those of the layer behind (..., n, in, taps).

    Returns:
        V (..., n', m') and W (..., m', k') as of `joined`, the recurrent weights in both; None
        where the layer behind is not fed by these units alone, or shapes do not go together.
    """
    xp = array_namespace(recurrent)
    out, loop = joined(incoming, behind), joined(recurrent, recurrent[..., None])
    if out is None or loop is None or out[1].shape[-2] != loop[1].shape[-2]:
        return None
    (ahead, own), (ahead_loop, own_loop) = out, loop
    return xp.concat([ahead_loop, ahead], axis=-2), xp.concat([own, own_loop], axis=-1)


def _inverse(gram: Array, m: Array) -> Array:
    """Return (G + trace(G) / m)^-1 of G = V^T V of m units, in any unit; NaN where G is 0."""
    xp = array_namespace(gram)
    unit = (xp.linalg.trace(gram) / m)[..., None, None]
    eye = xp.eye(gram.shape[-1], dtype=gram.dtype, device=device(gram))
    there = xp.isfinite(unit) & (unit > 0)
    scaled = xp.where(there, gram / xp.where(there, unit, 1.0), 0.0) + eye
    return xp.where(there, xp.linalg.inv(scaled), xp.nan)


def _agreement(came: Array, went: Array, *others: Array) -> list[Array]:
    """Return cos(A, B), that of their diagonals, and of each other X its contrast with B.

    That is cos(A, X / |X| - B / |B|), NaN where X is along B.
    """
    xp = array_namespace(came)
    came_size, went_size = (norm(one) for one in (came, went))
    agreement = inner(came, went) / (came_size * went_size)
    a, b = (xp.linalg.diagonal(one) for one in (came, went))
    of_units = xp.sum(a * b, axis=-1) / (xp.sum(a * a, axis=-1) * xp.sum(b * b, axis=-1)) ** 0.5
    found = [agreement, of_units]
    for other in others:
        size = norm(other)
        apart = 2 - 2 * inner(went, other) / (went_size * size)
        contrast = inner(came, other) / (came_size * size) - agreement
        found.append(contrast / xp.where(apart > PARALLEL, apart, xp.nan) ** 0.5)
    return found


def _gain(along: Array, gram: Array, m: Array) -> Array:
    r"""Return \sqrt{m} |U D| / (|U| |D|), of U^T U and D D^T (..., m, m)."""
    xp = array_namespace(gram)
    size = xp.linalg.trace(along) * xp.linalg.trace(gram)
    both = inner(along, gram)
    return (m * xp.clip(both, min=0) / size) ** 0.5
