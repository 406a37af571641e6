"""Logistic regression on disk: skops, and of its types only those it trusts by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from rule_id.errors import InputError
from rule_id.models.linear import LinearClassifier, new_imputer

__all__ = ["read_linear", "stored_linear"]


def stored_linear(classifier: LinearClassifier) -> bytes:
    """Return a fitted classifier as a skops document."""
    import skops.io

    steps = classifier.pipeline_.named_steps
    # Of the imputer its medians alone: it keeps dtypes, which skops does not trust.
    parts = {
        "medians": steps["impute"].statistics_,
        "scale": steps["scale"],
        "regress": steps["regress"],
    }
    return bytes(skops.io.dumps(parts))


def read_linear(
    document: bytes, n_features: int, classes: list[str], source: str
) -> LinearClassifier:
    """Return the fitted classifier that a skops document holds.

    Args:
        document: What `stored_linear` returned.
        n_features: Number of features it must take.
        classes: The classes it must tell apart.
        source: Name of the file, for messages.

    Raises:
        InputError: The document is damaged, holds a type that skops does not trust, or is not a
            classifier of this size.
    """
    # Takes seconds and imports whatever scikit-learn can use, so only where it is needed.
    import skops.io

    try:
        untrusted = skops.io.get_untrusted_types(data=document)
    except Exception as error:  # skops raises many types for a damaged file
        raise InputError(f"{source} must be an undamaged skops file: {error!r}") from None
    if untrusted:
        raise InputError(f"{source} must hold trusted types alone; got {', '.join(untrusted)}")
    try:
        parts = skops.io.loads(document, trusted=[])
        return _classifier(parts, n_features, classes)
    except Exception as error:  # what is inside may lack anything
        raise InputError(f"{source} must be a stored linear classifier: {error!r}") from None


def _classifier(parts: dict[str, Any], n_features: int, classes: list[str]) -> LinearClassifier:
    medians, scale, regress = parts["medians"], parts["scale"], parts["regress"]
    if type(scale) is not StandardScaler or type(regress) is not LogisticRegression:
        raise TypeError("it must hold a StandardScaler and a LogisticRegression")
    classifier = LinearClassifier(C=regress.C)
    # The median of one row is that row.
    imputer = new_imputer().fit(np.asarray(medians, dtype=np.float64)[None, :])
    classifier.pipeline_ = Pipeline([("impute", imputer), ("scale", scale), ("regress", regress)])
    classifier.classes_ = np.array(classes)
    classifier.n_features_in_ = n_features
    # Used once on nothing but missing values: what is incomplete or of another size fails here.
    probabilities = classifier.predict_proba(np.full((1, n_features), np.nan))
    if probabilities.shape != (1, len(classes)) or not np.isfinite(probabilities).all():
        raise ValueError(f"it must tell {len(classes)} rules apart")
    return classifier
