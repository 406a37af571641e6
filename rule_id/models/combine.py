"""From the layers of a network to the network."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "combine_layers",
    "fit_networks",
    "geometric_mean",
    "layer_probabilities",
    "name_networks",
]

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
    logs = _logs(probabilities)
    sums = np.zeros((len(ids), logs.shape[1]))
    np.add.at(sums, index, logs)
    return ids, _normalised(sums / np.bincount(index)[:, None])


def geometric_mean(first: np.ndarray, second: np.ndarray, share: float = 0.5) -> np.ndarray:
    r"""Return the renormalised weighted geometric mean of what two say of the same rows.

    .. math:: r_c \propto p_c^{s} \, q_c^{1 - s}

    Args:
        first: Probabilities p of shape (n, k); what is below 1e-9 counts as 1e-9.
        second: The same q of the other.
        share: Share s of the first in the logarithms, in [0, 1].

    >>> together = geometric_mean(np.array([[0.8, 0.2]]), np.array([[0.5, 0.5]]))
    >>> [round(float(p), 3) for p in together[0]]
    [0.667, 0.333]
    """
    logs = share * _logs(first) + (1 - share) * _logs(second)
    return _normalised(logs)


def fit_networks(classifier: Any, X: np.ndarray, y: np.ndarray, networks: np.ndarray) -> Any:
    """Fit a classifier to layers, and return it; one that can learns whole networks.

    Args:
        classifier: One of `CLASSIFIERS`.
        X: Features (n, d), the layers of each network in order.
        y: Labels (n,).
        networks: The network of each layer (n,).
    """
    return classifier.fit(X, y, networks) if _pools(classifier) else classifier.fit(X, y)


def layer_probabilities(classifier: Any, X: np.ndarray, networks: np.ndarray) -> np.ndarray:
    """Return probabilities (n, k) of the layers of networks.

    One that learned whole networks says the same of all layers of one.

    Args:
        classifier: A fitted classifier.
        X: Features (n, d), the layers of each network in order.
        networks: The network of each layer (n,).
    """
    if _pools(classifier):
        return np.asarray(classifier.predict_proba(X, networks))
    return np.asarray(classifier.predict_proba(X))


def name_networks(
    classifier: Any, X: np.ndarray, networks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `combine_layers` does of a classifier's answers for layers; arguments as above.

    Returns:
        The ids, sorted, shape (m,), and the probabilities of the networks, shape (m, k).
    """
    return combine_layers(layer_probabilities(classifier, X, networks), networks)


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST))


def _normalised(logs: np.ndarray) -> np.ndarray:
    """Return probabilities (n, k), each row summing to 1, of logarithms up to a constant a row."""
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _pools(classifier: Any) -> bool:
    return bool(getattr(classifier, "pools", False))
