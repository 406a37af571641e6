"""The table of classifiers."""

from __future__ import annotations

from rule_id.models.boosted import BoostedClassifier
from rule_id.models.linear import LinearClassifier

__all__ = ["CLASSIFIERS"]

CLASSIFIERS: dict[str, type] = {"linear": LinearClassifier, "xgboost": BoostedClassifier}
"""Classifiers by the name that a command takes: scikit-learn estimators that allow NaN."""
