"""Randomness: every draw is a function of (root seed, what it is for, whose it is)."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["generator", "seed_of"]


def seed_of(root: int, *purpose: str | int) -> int:
    """Return a 63-bit seed for a purpose: the same on every machine and for every worker.

    Args:
        root: The plan's seed.
        purpose: Names and numbers that say what is drawn and for whom.
    """
    text = "/".join(map(str, (root, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(root: int, *purpose: str | int) -> np.random.Generator:
    """Return a Philox generator for a purpose.

    >>> bool(generator(1, "init").random() == generator(1, "init").random())
    True
    """
    return np.random.Generator(np.random.Philox(seed_of(root, *purpose)))
