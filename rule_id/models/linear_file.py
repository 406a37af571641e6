"""Logistic regression on disk: a JSON object of five lists of numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from rule_id.errors import InputError
from rule_id.models.linear import LinearClassifier, new_imputer, new_regression

__all__ = ["read_linear", "stored_linear"]


def stored_linear(classifier: LinearClassifier) -> bytes:
    """Return a fitted classifier as JSON: medians, means, scales, coefficients, intercepts."""
    steps = classifier.pipeline_.named_steps
    numbers = {
        "medians": steps["impute"].statistics_,
        "means": steps["scale"].mean_,
        "scales": steps["scale"].scale_,
        "coefficients": steps["regress"].coef_,
        "intercepts": steps["regress"].intercept_,
    }
    lists = {name: np.asarray(values).tolist() for name, values in numbers.items()}
    return json.dumps({"C": classifier.C, **lists}, allow_nan=False).encode()


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
    shapes: dict[str, tuple[int, ...]] = {
        "medians": (n_features,),
        "means": (n_features,),
        "scales": (n_features,),
        "coefficients": (n_rows, n_features),
        "intercepts": (n_rows,),
    }
    try:
        parsed = json.loads(document)
        numbers = {name: _numbers(parsed[name], name, shape) for name, shape in shapes.items()}
        return _classifier(float(parsed["C"]), numbers, classes)
    except (TypeError, ValueError, KeyError, RecursionError, OverflowError) as error:
        raise InputError(f"{source} must be a stored linear classifier: {error!r}") from None


def _numbers(values: Any, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and of the shape {shape}")
    if name == "scales" and not (array > 0).all():
        raise ValueError("scales must be above 0")
    return array


def _classifier(C: float, numbers: dict[str, np.ndarray], classes: list[str]) -> LinearClassifier:
    n_features = len(numbers["medians"])
    # The median of one row is that row.
    imputer = new_imputer().fit(numbers["medians"][None, :])
    scale = StandardScaler()
    scale.mean_, scale.scale_ = numbers["means"], numbers["scales"]
    scale.var_, scale.n_features_in_ = numbers["scales"] ** 2, n_features
    regress = new_regression(C)
    regress.classes_, regress.n_features_in_ = np.arange(len(classes)), n_features
    regress.coef_, regress.intercept_ = numbers["coefficients"], numbers["intercepts"]
    classifier = LinearClassifier(C=C)
    classifier.pipeline_ = Pipeline([("impute", imputer), ("scale", scale), ("regress", regress)])
    classifier.classes_ = np.array(classes)
    classifier.n_features_in_ = n_features
    return classifier
