"""The table of classifiers."""

from __future__ import annotations

from rule_id.features.deviations import without_deviations
from rule_id.features.table import FeatureTable
from rule_id.models.boosted import BoostedClassifier
from rule_id.models.combined import CombinedClassifier
from rule_id.models.linear import LinearClassifier

__all__ = ["CLASSIFIERS", "inputs_of", "learns_networks"]

CLASSIFIERS: dict[str, type] = {
    "linear": LinearClassifier,
    "xgboost": BoostedClassifier,
    "combined": CombinedClassifier,
}
"""Classifiers by the name that a command takes: scikit-learn estimators that allow NaN."""


def learns_networks(model: str) -> bool:
    """Say whether a model, of `CLASSIFIERS` or another, can learn whole networks.

    >>> learns_networks("linear"), learns_networks("xgboost")
    (True, False)
    """
    return bool(getattr(CLASSIFIERS.get(model), "pools", False))


def inputs_of(model: str, table: FeatureTable) -> FeatureTable:
    """Return what a classifier is to be given of a table of layers.

    One that learns whole networks sees how their layers differ, and needs no deviations.

    Args:
        model: One of `CLASSIFIERS`.
        table: Features, with deviations or without.
    """
    return without_deviations(table) if learns_networks(model) else table
