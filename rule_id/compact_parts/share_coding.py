"""What pairs of checkpoints say beside distances: each in a byte, a logarithm or a cosine."""

from __future__ import annotations

import numpy as np

from rule_id.schema import PAIRS

__all__ = ["COSINES", "OCTAVES", "SHARES", "decode_shares", "encode_shares", "n_pairs"]

COSINES = {name: 36 for name in PAIRS if name.endswith(("_agreement", "_contrast"))}
"""The pairs that lie between -1 and 1, and into how many parts each unit."""

OCTAVES: dict[str, tuple[float, float, int]] = {
    name: (-2.0, 4.0, 42) if name.endswith("_gain") else (-8.0, 0.0, 10)
    for name in PAIRS
    if not name.endswith("_distance") and name not in COSINES
}
"""The pairs above 0, between which powers of two, and into how many parts each octave."""

SHARES = tuple(name for name in PAIRS if not name.endswith("_distance"))
"""All that are kept so."""

Array = np.ndarray


def n_pairs(n_checkpoints: int) -> int:
    """Return how many pairs there are, each checkpoint with itself among them.

    >>> n_pairs(21)
    231
    """
    return n_checkpoints * (n_checkpoints + 1) // 2


def encode_shares(table: Array, name: str) -> Array:
    r"""Code what each two checkpoints say.

    .. math:: q_{st} = 1 + \mathrm{round}\big(f \, (\log_2 x_{ts} - a)\big)

    in f parts an octave from 2^a on (`OCTAVES`), 0 of what is missing, so that x is known to 3.5%,
    gains to 0.9%; of cosines 1 + round(f (x + 1)) (`COSINES`), so that they are known to 0.014.
    Kept are, modulo 256, of s < t the changes of changes, from one s to the next and from one t to
    the next, which pack a quarter smaller than changes along t do, and of s = t the changes.

    Args:
        table: Shape (n, T, T), of which [t, s] with s <= t is read; what is not finite, or is no
            cosine and not above 0, is missing.
        name: One of `SHARES`.

    Returns:
        Codes (n, T(T+1)/2) of uint8.
    """
    codes = _codes(table.transpose(0, 2, 1).astype(np.float64), name)
    alone = np.einsum("ntt->nt", codes)
    changes = np.triu(np.diff(np.triu(codes, 1), axis=1, prepend=np.uint8(0)), 1)
    kept = np.diff(changes, axis=2, prepend=np.uint8(0))
    at = np.arange(table.shape[1])
    kept[:, at, at] = np.diff(alone, axis=1, prepend=np.uint8(0))
    s, t = np.triu_indices(table.shape[1])
    return kept[:, s, t]


def decode_shares(codes: Array, name: str, n_checkpoints: int) -> Array:
    """Return what was coded (n, T, T) of float32, NaN above the diagonal and where missing."""
    s, t = np.triu_indices(n_checkpoints)
    kept = np.zeros((len(codes), n_checkpoints, n_checkpoints), dtype=np.uint8)
    kept[:, s, t] = codes
    alone = np.add.accumulate(np.einsum("ntt->nt", kept), axis=1, dtype=np.uint8)
    changes = np.add.accumulate(np.triu(kept, 1), axis=2, dtype=np.uint8)
    whole = np.add.accumulate(changes, axis=1, dtype=np.uint8)
    at = np.arange(n_checkpoints)
    whole[:, at, at] = alone
    found = np.full((len(codes), n_checkpoints, n_checkpoints), np.nan, dtype=np.float32)
    found[:, t, s] = _values(whole[:, s, t], name)
    return found


def _codes(x: Array, name: str) -> Array:
    """Return the code of each value of x, 0 where it is missing."""
    if name in COSINES:
        there = np.isfinite(x)
        steps = COSINES[name] * (np.where(there, x, 0.0).clip(-1, 1) + 1)
    else:
        low, high, parts = OCTAVES[name]
        there = np.isfinite(x) & (x > 0)
        steps = parts * (np.log2(np.where(there, x, 1.0)).clip(low, high) - low)
    return np.where(there, 1 + np.rint(steps), 0).astype(np.uint8)


def _values(codes: Array, name: str) -> Array:
    steps = codes - 1.0
    if name in COSINES:
        x = np.minimum(steps / COSINES[name] - 1, 1.0)
    else:
        low, _, parts = OCTAVES[name]
        x = 2.0 ** (low + steps / parts)
    return np.where(codes > 0, x, np.nan)
