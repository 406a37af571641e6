"""From the layers of a network to the network."""

from __future__ import annotations

import numpy as np

__all__ = ["combine_layers"]

# A layer that is certain must be outvoted, not obeyed: log(0) would be a veto.
_SMALLEST = 1e-9


def combine_layers(
    probabilities: np.ndarray, networks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    r"""Combine the layers of each network by the renormalised geometric mean.

    .. math:: p_c \propto \prod_{l=1}^{L} p_{l,c}^{1/L}

    A product of experts, tempered by the number of layers L: the layers of one network saw the
    same training, so the plain product would count the same evidence L times and be more certain
    of a network the more layers it has. Probabilities below 1e-9 count as 1e-9.

    Args:
        probabilities: Shape (n, k), one row a layer, each summing to 1.
        networks: Shape (n,), the id of the network that each layer belongs to.

    Returns:
        The ids, sorted, shape (m,), and the probabilities of the networks, shape (m, k), each
        row summing to 1.

    >>> ids, combined = combine_layers(np.array([[0.8, 0.2], [0.5, 0.5]]), np.array(["a", "a"]))
    >>> [round(float(p), 3) for p in combined[0]]
    [0.667, 0.333]

    Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.
    """
    ids, index = np.unique(np.asarray(networks), return_inverse=True)
    logs = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST))
    sums = np.zeros((len(ids), logs.shape[1]))
    np.add.at(sums, index, logs)
    means = sums / np.bincount(index)[:, None]
    weights = np.exp(means - means.max(axis=1, keepdims=True))
    return ids, weights / weights.sum(axis=1, keepdims=True)
