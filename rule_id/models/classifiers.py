"""The table of classifiers."""

from __future__ import annotations

from rule_id.features.deviations import without_deviations
from rule_id.features.table import FeatureTable
from rule_id.models.boosted import BoostedClassifier
from rule_id.models.linear import LinearClassifier

__all__ = ["CLASSIFIERS", "inputs_of"]

CLASSIFIERS: dict[str, type] = {"linear": LinearClassifier, "xgboost": BoostedClassifier}
"""Classifiers by the name that a command takes: scikit-learn estimators that allow NaN."""


def inputs_of(model: str, table: FeatureTable) -> FeatureTable:
    """Return what a classifier is to be given of a table of layers.

    One that learns whole networks sees how their layers differ, and needs no deviations.

    Args:
        model: One of `CLASSIFIERS`.
        table: Features, with deviations or without.
    """
    return without_deviations(table) if getattr(CLASSIFIERS[model], "pools", False) else table
