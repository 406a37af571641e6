"""Classifiers as JSON documents, in which nothing can run code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from rule_id.errors import InputError
from rule_id.models.boosted import BoostedClassifier
from rule_id.models.safe_booster import read_booster

if TYPE_CHECKING:
    from rule_id.models.combined import CombinedClassifier

__all__ = ["read_classifier", "stored_classifier"]

_MOST_FLAGS = 16


def stored_classifier(model: str, classifier: Any) -> bytes:
    """Return a fitted classifier as JSON.

    Args:
        model: Its name in `CLASSIFIERS`.
        classifier: The classifier.
    """
    if model == "xgboost":
        return bytes(classifier.booster_.save_raw("json"))
    from rule_id.models.linear_file import stored_linear

    if model == "linear":
        return stored_linear(classifier)
    halves = (
        f'"n_flags": {classifier.n_flags}, "share": {float(classifier.share)}'.encode(),
        b'"linear": ' + stored_linear(classifier.linear_),
        b'"xgboost": ' + stored_classifier("xgboost", classifier.trees_),
    )
    return b"{" + b", ".join(halves) + b"}"


def read_classifier(
    model: str, document: bytes, n_features: int, classes: list[str], source: str
) -> Any:
    """Return the fitted classifier that a JSON document holds.

    Args:
        model: Its name in `CLASSIFIERS`.
        document: What `stored_classifier` returned.
        n_features: Number of features d it must take.
        classes: The k classes it must tell apart.
        source: Name of the file, for messages.

    Raises:
        InputError: The document is damaged or is not a classifier of this size.
    """
    if model == "xgboost":
        return _trees(document, n_features, classes, source)
    from rule_id.models.linear_file import read_linear

    if model == "linear":
        return read_linear(document, n_features, classes, source)
    parameters, linear, trees = _halves(document, source)
    both = _combined(parameters, n_features)
    both.linear_ = read_linear(linear, n_features, classes, source)
    n_seen = both.with_deviations(np.zeros((1, n_features), dtype=np.float32), None).shape[1]
    both.trees_ = _trees(trees, n_seen, classes, source)
    both.classes_ = np.array(classes)
    return both


def _halves(document: bytes, source: str) -> tuple[dict[str, Any], bytes, bytes]:
    try:
        parsed = json.loads(document)
        n_flags, halves = parsed["n_flags"], [parsed["linear"], parsed["xgboost"]]
        if type(n_flags) is not int or not 0 <= n_flags <= _MOST_FLAGS:
            raise ValueError(f"n_flags must be 0 to {_MOST_FLAGS}; got {n_flags!r}")
        share = parsed["share"]
        if type(share) is not float or not 0 <= share <= 1:
            raise ValueError(f"share must be 0.0 to 1.0; got {share!r}")
        linear, trees = (json.dumps(half).encode() for half in halves)
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise InputError(f"{source} must be a stored combined classifier: {error!r}") from None
    return {"n_flags": n_flags, "share": share}, linear, trees


def _combined(parameters: dict[str, Any], n_features: int) -> CombinedClassifier:
    from rule_id.models.combined import CombinedClassifier

    both = CombinedClassifier(**parameters)
    both.n_features_in_ = n_features
    return both


def _trees(document: bytes, n_features: int, classes: list[str], source: str) -> BoostedClassifier:
    classifier = BoostedClassifier()
    classifier.booster_ = read_booster(document, n_features, len(classes), source)
    classifier.classes_ = np.array(classes)
    classifier.n_features_in_ = n_features
    return classifier
