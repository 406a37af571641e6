"""The order in which examples are presented."""

from __future__ import annotations

import numpy as np

__all__ = ["shuffled"]


def shuffled(
    generator: np.random.Generator, n_examples: int, steps: int, batch_size: int
) -> np.ndarray:
    """Return the batches of one network: epoch after epoch, each a new order of all examples.

    Args:
        generator: Draws the orders.
        n_examples: Training examples.
        steps: Steps of training.
        batch_size: Examples a step.

    Returns:
        Indices of the examples, (steps, batch_size), int64.
    """
    n_epochs = -(-steps * batch_size // n_examples)
    order = np.concatenate([generator.permutation(n_examples) for _ in range(n_epochs)])
    return order[: steps * batch_size].reshape(steps, batch_size)
