"""Random numbers within a step: a function of (network, purpose, step, place) alone.

A counter-based generator needs no state, so a network draws the same numbers alone and in any
ensemble, on any device and after any interruption, at a number of operator calls that does not
depend on the number of networks.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Noise"]

LOW_HALF = 0xFFFFFFFF
PLACES = 2**40
"""Numbers that one network may draw for one purpose in one step."""


class Noise:
    """Draws of an ensemble for one step.

    Source: Widynski, "Squares: a fast counter-based RNG", arXiv:2004.06278 (the 64-bit form, whose
    published tests it passes); normal numbers by Box and Muller.
    """

    def __init__(self, seeds: Sequence[int], device: str, dtype: torch.dtype) -> None:
        """Start at step 0.

        Args:
            seeds: A seed for each network (E,).
            device: Where the numbers are made.
            dtype: Precision of the numbers; the bits behind them are the same for each.
        """
        self._seeds = tuple(seeds)
        self._device, self._dtype = device, dtype
        self._step = 0
        self._keys: dict[str, Tensor] = {}

    def at(self, step: int) -> Noise:
        """Return the draws of another step."""
        other = copy.copy(self)  # shares the keys
        other._step = step
        return other

    def normal(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return standard normal numbers (E, *shape); other purposes give independent ones."""
        n = math.prod(shape)
        bits = self._bits(purpose, -(-n // 2))
        radius = (-2 * self._unit((bits >> 32) & LOW_HALF).log()).sqrt()
        turn = 2 * math.pi * self._unit(bits & LOW_HALF)
        both = torch.cat([radius * turn.cos(), radius * turn.sin()], 1)
        return both[:, :n].view(len(bits), *shape)

    def uniform(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return numbers uniform between 0 and 1 (E, *shape).

        They share their bits with the normal numbers of the same purpose.
        """
        bits = self._bits(purpose, math.prod(shape))
        return self._unit((bits >> 32) & LOW_HALF).view(len(bits), *shape)

    def _unit(self, bits: Tensor) -> Tensor:
        # The half keeps 0 out, whose logarithm is not finite.
        # In single precision the largest would round to 1.
        return ((bits.to(self._dtype) + 0.5) * 2.0**-32).clamp(max=1 - 2.0**-24)

    def _bits(self, purpose: str, n: int) -> Tensor:
        """Return 64 random bits for each place, (E, n) of int64."""
        if purpose not in self._keys:
            keys = [_key(seed, purpose) for seed in self._seeds]
            self._keys[purpose] = torch.tensor(keys, device=self._device)[:, None]
        key = self._keys[purpose]
        first = self._step * PLACES
        counter = torch.arange(first, first + n, device=self._device)
        return _squares(counter, key)


def _key(seed: int, purpose: str) -> int:
    """Return an odd 64-bit key with irregular digits, as a signed number."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8]
    return int.from_bytes(digest, "little", signed=True) | 1


def _squares(counter: Tensor, key: Tensor) -> Tensor:
    """Five rounds of squaring and turning; int64 products wrap, as the method asks."""
    x = y = counter * key
    z = y + key
    x = _turned(x * x + y)
    x = _turned(x * x + z)
    x = _turned(x * x + y)
    last = x * x + z
    x = _turned(last)
    return last ^ (((x * x + y) >> 32) & LOW_HALF)


def _turned(x: Tensor) -> Tensor:
    """Exchange the two halves of 64 bits."""
    return ((x >> 32) & LOW_HALF) | (x << 32)
