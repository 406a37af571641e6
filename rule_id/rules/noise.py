"""Random numbers within a step: a function of (network, purpose, step, place) alone.

A counter-based generator needs no state, so a network draws the same numbers alone and in any
ensemble, on any device and after any interruption, at a number of operator calls that does not
depend on the number of networks.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from array_api_compat import array_namespace
from torch import Tensor

__all__ = ["Noise"]

Array = Any
"""A NumPy array or a torch tensor."""

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
        self._on_cpu = torch.device(device).type == "cpu"
        self._step: int | Tensor = 0
        self._keys: dict[str, Array] = {}

    def at(self, step: int | Tensor) -> Noise:
        """Return the draws of another step.

        Args:
            step: The step, 0 or more and -1 for the start; or a whole number on the device.
        """
        other = object.__new__(Noise)
        other.__dict__ = {**self.__dict__, "_step": step}  # shares the keys
        return other

    def normal(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return standard normal numbers (E, *shape); other purposes give independent ones."""
        n = math.prod(shape)
        bits = self._bits(purpose, -(-n // 2))
        xp = array_namespace(bits)
        radius = xp.sqrt(-2 * xp.log(self._unit(bits >> 32)))
        turn = 2 * math.pi * self._unit(bits)
        both = xp.concat([radius * xp.cos(turn), radius * xp.sin(turn)], axis=1)
        return torch.as_tensor(both)[:, :n].reshape(-1, *shape)

    def uniform(self, purpose: str, shape: Sequence[int]) -> Tensor:
        """Return numbers uniform between 0 and 1 (E, *shape).

        They share their bits with the normal numbers of the same purpose.
        """
        bits = self._bits(purpose, math.prod(shape))
        return torch.as_tensor(self._unit(bits >> 32)).view(-1, *shape)

    def _unit(self, bits: Array) -> Array:
        xp = array_namespace(bits)
        numbers = xp.astype(bits & LOW_HALF, getattr(xp, str(self._dtype).removeprefix("torch.")))
        # The half keeps 0 out, whose logarithm is not finite.
        numbers += 0.5
        numbers *= 2.0**-32
        # In single precision the largest would round to 1.
        return xp.clip(numbers, max=1 - 2.0**-24)

    def _bits(self, purpose: str, n: int) -> Array:
        """Return 64 random bits for each place, (E, n) of int64.

        On a CPU NumPy makes them, whose whole numbers are three times as fast as torch's.
        """
        if purpose not in self._keys:
            keys = np.array([_key(seed, purpose) for seed in self._seeds])[:, None]
            self._keys[purpose] = keys if self._on_cpu else torch.as_tensor(keys).to(self._device)
        xp = array_namespace(self._keys[purpose])
        step = int(self._step) if self._on_cpu else self._step
        counter = xp.arange(n, device=self._device) + step * PLACES
        return _squares(counter, self._keys[purpose])


def _key(seed: int, purpose: str) -> int:
    """Return an odd 64-bit key with irregular digits, as a signed number."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8]
    return int.from_bytes(digest, "little", signed=True) | 1


def _squares(counter: Array, key: Array) -> Array:
    """Five rounds of squaring and turning; int64 products wrap, as the method asks."""
    x = y = counter * key
    z = y + key
    x = _turned(x * x + y)
    x = _turned(x * x + z)
    x = _turned(x * x + y)
    last = x * x + z
    x = _turned(last)
    return last ^ (((x * x + y) >> 32) & LOW_HALF)


def _turned(x: Array) -> Array:
    """Exchange the two halves of 64 bits."""
    return ((x >> 32) & LOW_HALF) | (x << 32)
