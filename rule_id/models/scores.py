"""How well a classifier does on networks that it was not fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np

from rule_id.models.combine import combine_layers
from rule_id.models.conformal import calibrate
from rule_id.models.patterns import PATTERNS, hide

__all__ = ["score_patterns"]


def score_patterns(
    classifier: Any, X: np.ndarray, y: np.ndarray, networks: np.ndarray, names: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score and calibrate a classifier for each pattern of observables.

    Args:
        classifier: A fitted classifier.
        X: Features (n, d) of layers of unseen blocks, with all observables.
        y: Rules (n,).
        networks: Ids (n,) of what is combined to a network.
        names: The d names of the features.

    Returns:
        `{pattern: {"layer" | "network": {"accuracy", "balanced_accuracy", "chance", "n"}}}`, and
        `{pattern: {rule: sorted nonconformity scores}}`.
    """
    scores, conformal = {}, {}
    first = np.unique(networks, return_index=True)[1]
    for pattern, recorded in PATTERNS.items():
        layers = classifier.predict_proba(hide(X, names, recorded))
        whole = combine_layers(layers, networks)[1]
        scores[pattern] = {
            "layer": _accuracies(layers, y, classifier.classes_),
            "network": _accuracies(whole, y[first], classifier.classes_),
        }
        conformal[pattern] = calibrate(whole, y[first], classifier.classes_.tolist())
    return scores, conformal


def _accuracies(
    probabilities: np.ndarray, labels: np.ndarray, classes: np.ndarray
) -> dict[str, float]:
    correct = classes[probabilities.argmax(axis=1)] == labels
    recalls = [correct[labels == name].mean() for name in np.unique(labels)]
    return {
        "accuracy": float(correct.mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "chance": 1 / len(classes),
        "n": len(labels),
    }
