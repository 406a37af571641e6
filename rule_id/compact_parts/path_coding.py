"""Distances between checkpoints in few bytes: the lengths of steps and the angles between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rule_id.compact_parts.coding import FIRST_BITS, rounded

__all__ = ["CodedPaths", "decode_paths", "encode_paths", "n_angles"]

LEVELS = 36
"""The code of a cosine of 1."""

DECADES = 12.0
"""Steps are kept from so many decades below the first size to so many above."""

CHUNK = 2000
"""Paths of one pass, for what is made of them takes more memory than they."""

MOST = 65535
"""The largest code of a step's length; 0 is of no step."""

Array = np.ndarray


@dataclass(frozen=True)
class CodedPaths:
    """Paths of n layers through T checkpoints.

    Attributes:
        first: Sizes at the first checkpoint (n,) of float32, NaN of a path that is missing.
        steps: Codes of the lengths of steps (n, T-1) of uint16.
        angles: Codes of cosines (n, T(T-1)/2) of int8: of each step with where the path begins,
            then of each step with all later ones.
    """

    first: Array
    steps: Array
    angles: Array


def n_angles(n_checkpoints: int) -> int:
    """Return how many cosines a path has.

    >>> n_angles(21)
    210
    """
    return n_checkpoints * (n_checkpoints - 1) // 2


def encode_paths(distances: Array) -> CodedPaths:
    r"""Code paths.

    With v_0 = x_0 and v_k = x_k - x_{k-1}, of which all inner products follow from distances, the
    codes are

    .. math:: q_k = 1 + \mathrm{round}\Big(65534 \frac{\log_{10}(|v_k| / |v_0|) + 12}{24}\Big),
    \qquad
        q_{jk} = \mathrm{round}\Big(36 \frac{\langle v_j, v_k \rangle}{|v_j| |v_k|}\Big), \; j < k,

    0 where a length is 0. Lengths are known to 0.05%, cosines to 0.014. A path that was not
    measured at some checkpoint is missing as a whole.

    Args:
        distances: Shape (n, T, T), of which [t, s] with s <= t is read: distances, and sizes where
            s = t.
    """
    some = [_encoded(distances[k : k + CHUNK]) for k in range(0, len(distances), CHUNK)]
    return CodedPaths(*(np.concatenate(arrays) for arrays in zip(*some, strict=True)))


def _encoded(distances: Array) -> tuple[Array, Array, Array]:
    n_checkpoints = distances.shape[1]
    lower = np.tril(np.ones((n_checkpoints, n_checkpoints), dtype=bool))
    d = np.where(lower, distances.astype(np.float64), 0.0)
    seen = np.isfinite(d).all(axis=(1, 2))
    d[~seen] = 0.0
    vectors = _vectors(d)
    lengths = np.sqrt(np.einsum("nkk->nk", vectors))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = vectors / (lengths[:, :, None] * lengths[:, None, :])
        decades = np.log10(lengths[:, 1:] / lengths[:, :1])
    cosines = np.nan_to_num(cosines, nan=0.0, posinf=0.0, neginf=0.0)
    share = (np.clip(decades, -DECADES, DECADES) + DECADES) / (2 * DECADES)
    codes = np.where(lengths[:, 1:] > 0, 1 + np.rint(np.nan_to_num(share) * (MOST - 1)), 0)
    j, k = np.triu_indices(n_checkpoints, 1)
    return (
        np.where(seen, rounded(lengths[:, 0], FIRST_BITS), np.float32(np.nan)),
        codes.astype(np.uint16),
        np.rint(cosines[:, j, k] * LEVELS).clip(-LEVELS, LEVELS).astype(np.int8),
    )


def decode_paths(coded: CodedPaths) -> Array:
    """Return the distances (n, T, T) of float32 that were coded, NaN above the diagonal."""
    n, n_checkpoints = len(coded.first), coded.steps.shape[1] + 1
    found = np.empty((n, n_checkpoints, n_checkpoints), dtype=np.float32)
    for begin in range(0, n, CHUNK):
        some = slice(begin, begin + CHUNK)
        found[some] = _decoded(coded.first[some], coded.steps[some], coded.angles[some])
    return found


def _decoded(first: Array, steps: Array, angles: Array) -> Array:
    n, n_checkpoints = len(first), steps.shape[1] + 1
    first = first.astype(np.float64)
    codes = steps.astype(np.float64)
    decades = (codes - 1) / (MOST - 1) * 2 * DECADES - DECADES
    lengths = np.ones((n, n_checkpoints))
    lengths[:, 1:] = np.where(codes > 0, 10.0**decades, 0.0)
    cosines = np.zeros((n, n_checkpoints, n_checkpoints))
    j, k = np.triu_indices(n_checkpoints, 1)
    cosines[:, j, k] = angles.astype(np.float64) / LEVELS
    cosines += cosines.transpose(0, 2, 1) + np.eye(n_checkpoints)
    vectors = cosines * lengths[:, :, None] * lengths[:, None, :]
    # <x_s, x_t> is the sum over the vectors that lead to each.
    points = vectors.cumsum(axis=1).cumsum(axis=2)
    square = np.einsum("ntt->nt", points)
    apart = np.sqrt(np.maximum(square[:, :, None] + square[:, None, :] - 2 * points, 0.0))
    at = np.arange(n_checkpoints)
    apart[:, at, at] = np.sqrt(np.maximum(square, 0.0))
    # What is known of each step by itself does not pass through sums of all.
    apart[:, at[1:], at[:-1]] = lengths[:, 1:]
    with np.errstate(over="ignore"):
        found = (apart * first[:, None, None]).astype(np.float32)
    found[~np.isfinite(found)] = np.nan
    found[:, *np.triu_indices(n_checkpoints, 1)] = np.nan
    return found


def _vectors(d: Array) -> Array:
    """Return the inner products (n, T, T) of x_0 and all steps, given distances (n, T, T)."""
    square = d**2
    size = np.einsum("ntt->nt", square).copy()
    square += square.transpose(0, 2, 1)
    at = np.arange(d.shape[1])
    square[:, at, at] = 0.0
    found = np.empty_like(square)
    later, earlier = square[:, 1:], square[:, :-1]
    # <x_j - x_{j-1}, x_k - x_{k-1}> by four distances.
    found[:, 1:, 1:] = (
        earlier[:, :, 1:] + later[:, :, :-1] - earlier[:, :, :-1] - later[:, :, 1:]
    ) / 2
    found[:, 0, 0] = size[:, 0]
    from_first = square[:, 0]
    found[:, 0, 1:] = (from_first[:, :-1] - from_first[:, 1:] + size[:, 1:] - size[:, :-1]) / 2
    found[:, 1:, 0] = found[:, 0, 1:]
    steps = np.arange(1, d.shape[1])
    found[:, steps, steps] = square[:, steps, steps - 1]
    return found
