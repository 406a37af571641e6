"""Randomness of measuring: apart from that of training, so that observing is passive."""

from __future__ import annotations

import numpy as np

__all__ = ["generator"]


def generator(seed: int, purpose: str, layer: int, checkpoint: int) -> np.random.Generator:
    """Return a Philox generator for a purpose of one network's measurement.

    Args:
        seed: The network's seed for one measurement.
        purpose: What is drawn.
        layer: Position of the layer, 0 for the first.
        checkpoint: Position of the checkpoint; 0 for what holds for all of them.
    """
    entropy = [seed, int.from_bytes(purpose.encode(), "little"), layer, checkpoint]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
