"""How well a classifier does on networks that it was not fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rule_id.models.combine import name_networks
from rule_id.models.patterns import feature_observables, hide

__all__ = ["chance_accuracy", "counted_layers", "holding", "score_patterns"]


def counted_layers(meta: pd.DataFrame) -> np.ndarray:
    """Return the rows (n,) that count at the level of layers.

    A last layer that learns by the delta rule, whatever the credit assignment of its network,
    says nothing of that credit assignment by itself. It takes part in everything else.

    Args:
        meta: What the rows are (n rows): `layer`, `n_layers` and `delta_readout`, without which
            every row counts.
    """
    if "delta_readout" not in meta.columns:
        return np.ones(len(meta), dtype=bool)
    last = meta["layer"] == meta["n_layers"] - 1
    return np.asarray(~(last & meta["delta_readout"].eq(True)), dtype=bool)


def chance_accuracy(labels: np.ndarray, n_classes: int) -> float:
    """Return the accuracy of the better way to guess: any class alike, or the commonest.

    Args:
        labels: True labels of what is tested (n,), n at least 1.
        n_classes: Number of classes k.

    Returns:
        The larger of 1/k and the share of the commonest class.

    >>> chance_accuracy(np.array(["a", "a", "a", "b"]), 2)
    0.75
    """
    commonest = np.unique(labels, return_counts=True)[1].max()
    return max(1 / n_classes, float(commonest / len(labels)))


def score_patterns(
    classifier: Any,
    X: np.ndarray,
    y: np.ndarray,
    networks: np.ndarray,
    names: list[str],
    patterns: dict[str, tuple[str, ...]],
    counted: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score a classifier for each pattern of observables.

    Args:
        classifier: A fitted classifier.
        X: Features (n, d) of layers of unseen blocks; each pattern is scored on the rows that hold
            its observables.
        y: Labels (n,).
        networks: Ids (n,) of what is combined to a network.
        names: The d names of the features.
        patterns: The observables of each pattern, by its name.
        counted: Rows (n,) that count at the level of layers, boolean; all by default.

    Returns:
        `{pattern: {"layer" | "network": {"accuracy", "balanced_accuracy", "chance", "n"}}}`,
        without `layer` where no row counts.
    """
    scores: dict[str, Any] = {}
    single = np.ones(len(y), dtype=bool) if counted is None else counted
    for pattern, recorded in patterns.items():
        rows = holding(X, names, recorded)
        # Of a corpus of activations alone, patterns with weights are scored on what there is.
        rows = rows if rows.any() else np.ones(len(X), dtype=bool)
        seen = hide(X[rows], names, recorded)
        layers = classifier.predict_proba(seen)
        whole = name_networks(classifier, seen, networks[rows])[1]
        first = np.unique(networks[rows], return_index=True)[1]
        labels, alone = y[rows], single[rows]
        scores[pattern] = {"network": _accuracies(whole, labels[first], classifier.classes_)}
        if alone.any():
            scores[pattern]["layer"] = _accuracies(
                layers[alone], labels[alone], classifier.classes_
            )
    return scores


def holding(X: np.ndarray, names: list[str], recorded: tuple[str, ...]) -> np.ndarray:
    """Return the rows (n,) that hold something of every observable.

    Spikes and fluorescence have activations alone, and say nothing of a pattern with weights.
    """
    observables = feature_observables(names)
    held = [~np.isnan(X[:, observables == one]).all(axis=1) for one in recorded]
    return np.asarray(np.all(held, axis=0))


def _accuracies(
    probabilities: np.ndarray, labels: np.ndarray, classes: np.ndarray
) -> dict[str, float]:
    correct = classes[probabilities.argmax(axis=1)] == labels
    recalls = [correct[labels == name].mean() for name in np.unique(labels)]
    return {
        "accuracy": float(correct.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "chance": chance_accuracy(labels, len(classes)),
        "n": len(labels),
    }
