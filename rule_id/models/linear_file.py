"""Logistic regression on disk: a JSON object of lists of numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rule_id.errors import InputError
from rule_id.models.linear import LinearClassifier, new_regression
from rule_id.models.pooling import POOLED

__all__ = ["read_linear", "stored_linear"]


def stored_linear(classifier: LinearClassifier) -> bytes:
    """Return a fitted classifier as JSON: whether it pools, quantiles, coefficients, intercepts."""
    numbers = {
        "quantiles": classifier.quantiles_,
        "coefficients": classifier.regress_.coef_,
        "intercepts": classifier.regress_.intercept_,
    }
    lists = {name: np.asarray(values).tolist() for name, values in numbers.items()}
    stored = {"C": classifier.C, "pools": classifier.pools_, **lists}
    return json.dumps(stored, allow_nan=False).encode()


def read_linear(
    document: bytes, n_features: int, classes: list[str], source: str
) -> LinearClassifier:
    """Return the fitted classifier that a JSON document holds.

    Args:
        document: What `stored_linear` returned.
        n_features: Number of features d it must take.
        classes: The k classes it must tell apart.
        source: Name of the file, for messages.

    Raises:
        InputError: The document is damaged or is not a classifier of this size.
    """
    n_rows = 1 if len(classes) == 2 else len(classes)
    try:
        parsed = json.loads(document)
        if not isinstance(parsed["pools"], bool):
            raise TypeError("pools must be true or false")
        d = n_features * (len(POOLED) if parsed["pools"] else 1)
        shapes = {
            "quantiles": (len(parsed["quantiles"]), d),
            "coefficients": (n_rows, d),
            "intercepts": (n_rows,),
        }
        numbers = {name: _numbers(parsed[name], name, shape) for name, shape in shapes.items()}
        _check_quantiles(numbers["quantiles"])
        classifier = _classifier(float(parsed["C"]), numbers, classes)
    except (TypeError, ValueError, KeyError, RecursionError, OverflowError) as error:
        raise InputError(f"{source} must be a stored linear classifier: {error!r}") from None
    classifier.pools_, classifier.n_features_in_ = parsed["pools"], n_features
    return classifier


def _numbers(values: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and of the shape {shape}")
    return array


def _check_quantiles(quantiles: np.ndarray) -> None:
    if len(quantiles) < 2 or (np.diff(quantiles, axis=0) < 0).any():
        raise ValueError("quantiles must be 2 or more, and must not fall")


def _classifier(C: float, numbers: dict[str, np.ndarray], classes: list[str]) -> LinearClassifier:
    regress = new_regression(C)
    regress.classes_ = np.arange(len(classes))
    regress.n_features_in_ = numbers["coefficients"].shape[1]
    regress.coef_, regress.intercept_ = numbers["coefficients"], numbers["intercepts"]
    classifier = LinearClassifier(C=C)
    classifier.quantiles_, classifier.regress_ = numbers["quantiles"], regress
    classifier.classes_ = np.array(classes)
    return classifier
