"""Gains, evenness and ranks of pairs of checkpoints: the logarithm of each in a byte."""

from __future__ import annotations

import numpy as np

from rule_id.schema import PAIRS

__all__ = ["OCTAVES", "decode_shares", "encode_shares", "n_pairs"]

OCTAVES: dict[str, tuple[float, float]] = {
    name: (-2.0, 4.0) if name == "weight_gain" else (-8.0, 0.0)
    for name in PAIRS
    if not name.endswith("_distance")
}
"""The pairs that are kept so, and between which powers of two."""

LEVELS = 254
"""Codes are from 1 to 255; 0 is of what is missing."""

Array = np.ndarray


def n_pairs(n_checkpoints: int) -> int:
    """Return how many pairs there are, each checkpoint with itself among them.

    >>> n_pairs(21)
    231
    """
    return n_checkpoints * (n_checkpoints + 1) // 2


def encode_shares(table: Array, name: str) -> Array:
    r"""Code what each two checkpoints say.

    .. math:: q = 1 + \mathrm{round}\Big(254 \frac{\log_2 x - a}{b - a}\Big)

    within `OCTAVES` from a to b, so that x is known to 1.1%, gains to 0.8%. Kept are differences
    from one later checkpoint to the next, modulo 256.

    Args:
        table: Shape (n, T, T), of which [t, s] with s <= t is read; what is not above 0 is missing.
        name: One of `OCTAVES`.

    Returns:
        Codes (n, T(T+1)/2) of uint8.
    """
    low, high = OCTAVES[name]
    s, t = np.triu_indices(table.shape[1])
    x = table[:, t, s].astype(np.float64)
    there = np.isfinite(x) & (x > 0)
    share = (np.log2(np.where(there, x, 1.0)) - low) / (high - low)
    codes = np.where(there, 1 + np.rint(share.clip(0, 1) * LEVELS), 0).astype(np.uint8)
    return np.diff(codes, axis=1, prepend=np.uint8(0))


def decode_shares(codes: Array, name: str, n_checkpoints: int) -> Array:
    """Return what was coded (n, T, T) of float32, NaN above the diagonal and where missing."""
    low, high = OCTAVES[name]
    whole = np.add.accumulate(codes, axis=1, dtype=np.uint8)
    x = 2.0 ** (low + (whole - 1.0) / LEVELS * (high - low))
    s, t = np.triu_indices(n_checkpoints)
    found = np.full((len(codes), n_checkpoints, n_checkpoints), np.nan, dtype=np.float32)
    found[:, t, s] = np.where(whole > 0, x, np.nan)
    return found
