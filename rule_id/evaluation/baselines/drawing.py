"""As many networks as a baseline can be trained on in the time and memory that there is."""

from __future__ import annotations

import numpy as np

__all__ = ["MOST_ROWS", "draw_networks"]

MOST_ROWS = 8_000
"""The most layers that classifiers are trained on, on the features of the 2020 paper.

At as many MultiRocket-Hydra takes 13 GB, and ten splits of all baselines some three hours.
"""


def draw_networks(y: np.ndarray, networks: np.ndarray, rows: int, seed: int) -> np.ndarray:
    """Return positions of the rows of whole networks, taken in turn from each class.

    Args:
        y: Labels (n,): the class of each row, the same for all rows of a network.
        networks: The id of the network of each row (n,).
        rows: The most rows to take.
        seed: Seed of the order in which the networks of a class are taken.

    Returns:
        Positions (m,), rising, m <= `rows`; all where there are no more than these.
    """
    _, first, index, counts = np.unique(
        networks, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.random.default_rng([seed, 0]).permutation(len(first))
    turn = np.empty(len(first), dtype=int)
    for label in np.unique(y):
        own = order[y[first[order]] == label]
        turn[own] = np.arange(len(own))
    order = order[np.argsort(turn[order], kind="stable")]
    taken = order[np.cumsum(counts[order]) <= rows]
    return np.flatnonzero(np.isin(index, taken))
