"""One trajectory in few bytes: where it begins, how far it goes, and its course between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "BESIDE_ZERO",
    "FIRST_BITS",
    "GROWTH",
    "LEVELS",
    "RANGE_BITS",
    "Coded",
    "decode",
    "encode",
    "rounded",
]

LEVELS = 127
"""The largest code: a change is kept in multiples of the range over so much."""

MISSING = -128
"""The code of what was not measured."""

BESIDE_ZERO, GROWTH = 16.0, 1e4
"""How many times its scale a change may be, in general and of what only grows."""

FIRST_BITS, RANGE_BITS = 10, 4
"""Bits behind the leading one of the first value and of the range."""

BIGGEST = float(np.finfo(np.float32).max)

Array = np.ndarray


@dataclass(frozen=True)
class Coded:
    """Trajectories of T checkpoints.

    Attributes:
        first: The first values (n,) of float32, NaN where the first checkpoint has none.
        range: The largest change (n,) of float32, 0 or more.
        steps: First differences of the codes (n, T-1) of uint8, modulo 256.
    """

    first: Array
    range: Array
    steps: Array


def encode(x: Array, grows: bool = False) -> Coded:
    r"""Code trajectories.

    With a = x_0, or 0 where x_0 is missing, changes d_k = x_k - a and r = max |d_k|, the codes are

        q_k = round(127 asinh(d_k / s) / asinh(r / s)),  s = max(|a|, r / 16),

    in which r is rounded up to five significant bits and a to eleven, and -128 where x_k is
    missing. What is kept is x_0, r, and the differences q_k - q_{k-1} with q_0 = 0: smooth
    trajectories have small ones. While r is below |x_0| codes are nearly even over the range; what
    grows many times is kept as if by its logarithm, or its beginning would be lost beside its end.

    With h = asinh(r / s) / 254 the error of d_k is at most s h cosh(asinh(|d_k| / s) + h): up to
    r / 185 where r <= |x_0|; that of x_0 is 2^-11 |x_0|. Constants come back constant.

    Args:
        x: Values (n, T), any unit, T >= 2; what is not finite counts as missing.
        grows: Follow those that begin above 0 over four decades: s = max(|a|, r / 10,000).
    """
    x = np.where(np.isfinite(x), x, np.nan).astype(np.float64)
    change = x - np.nan_to_num(x[:, :1])
    largest = np.max(np.abs(change), axis=1, where=~np.isnan(change), initial=0.0)
    first, kept_range = rounded(x[:, 0], FIRST_BITS), rounded(largest, RANGE_BITS, up=True)
    scale, most = _scale(first, kept_range, grows)
    share = np.arcsinh(np.nan_to_num(change) / scale) / np.where(most > 0, most, 1)
    codes = np.where(np.isnan(x), MISSING, np.rint(share * LEVELS).clip(-LEVELS, LEVELS))
    codes[:, 0] = 0
    return Coded(first, kept_range, np.diff(codes.astype(np.int16), axis=1).astype(np.uint8))


def decode(coded: Coded, grows: bool = False) -> Array:
    """Return the trajectories (n, T) of float32 that were coded, NaN where missing."""
    codes = np.zeros((len(coded.steps), coded.steps.shape[1] + 1), dtype=np.uint8)
    np.add.accumulate(coded.steps, axis=1, dtype=np.uint8, out=codes[:, 1:])
    signed = codes.view(np.int8)
    first = coded.first.astype(np.float64)[:, None]
    scale, most = _scale(coded.first, coded.range, grows)
    x = np.nan_to_num(first) + scale * np.sinh(signed * (most / LEVELS))
    x[:, :1] = first
    x[signed == MISSING] = np.nan
    return x.clip(-BIGGEST, BIGGEST).astype(np.float32)


def _scale(first: Array, largest: Array, grows: bool) -> tuple[Array, Array]:
    """Return s and asinh(r / s), columns (n, 1) of float64; 1 and 0 for constants."""
    begin = np.nan_to_num(first.astype(np.float64))
    most = largest.astype(np.float64)
    decades = np.where(grows & (begin > 0), GROWTH, BESIDE_ZERO)
    scale = np.maximum(np.abs(begin), most / decades)
    scale = np.where(most > 0, scale, 1.0)
    return scale[:, None], np.arcsinh(most / scale)[:, None]


def rounded(x: Array, bits: int, up: bool = False) -> Array:
    """Round to float32 with so many bits behind the leading one: zeros take no space packed.

    Args:
        x: Numbers, NaN among them.
        bits: From 1 to 22.
        up: Away from 0, not to the nearest.

    Returns:
        float32, never infinite: what is too large becomes the largest such number.
    """
    single = np.asarray(x, dtype=np.float64).clip(-BIGGEST, BIGGEST).astype(np.float32)
    if up:  # the cast may have gone below
        single = np.where(np.abs(single) < np.abs(x), np.nextafter(single, _away(single)), single)
    dropped = 23 - bits
    half = (1 << dropped) - 1 if up else 1 << (dropped - 1)
    bits_of = (single.view(np.uint32).astype(np.uint64) + half) >> dropped << dropped
    result = bits_of.astype(np.uint32).view(np.float32)
    most = np.float32(2.0**127 * (2 - 2.0**-bits))
    result = np.where(np.isfinite(result), result, np.copysign(most, single))
    return np.where(np.isnan(single), np.float32(np.nan), result)


def _away(x: Array) -> Array:
    return np.where(x < 0, np.float32(-BIGGEST), np.float32(BIGGEST)).astype(np.float32)
