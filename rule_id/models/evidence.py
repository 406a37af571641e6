"""Which features spoke for the first class and against the second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rule_id.features.table import split_name
from rule_id.models.bundle import Bundle

__all__ = ["DEPTH", "Evidence", "evidence_of", "shap_values"]

DEPTH = "depth flags"


@dataclass(frozen=True)
class Evidence:
    """What made one class more probable than another.

    Attributes:
        first: The class that is more probable.
        second: The other.
        groups: (statistic, what its features add to the log odds of the first against the second),
            the largest in absolute value first; the flags that say where a layer stands are a
            group.
    """

    first: str
    second: str
    groups: list[tuple[str, float]]


def evidence_of(bundle: Bundle, values: np.ndarray, first: str, second: str) -> Evidence:
    """Return which statistics spoke for one class and which for another.

    Layers are combined by the geometric mean, so that the log odds of a network are the mean of
    those of its layers, and what each feature adds to them is the mean over layers, of trees by
    SHAP values, of a linear classifier by coefficients times scores; of one that pools layers, the
    sum over what it makes of them; of both combined the weighted mean of theirs.

    Args:
        bundle: The classifier.
        values: Features (n, d) of the layers of one network.
        first: One of its classes.
        second: Another.
    """
    a, b = (bundle.classes.index(name) for name in (first, second))
    added = _added(bundle.model, bundle.classifier, values, a, b)
    sums: dict[str, float] = {}
    for name, value in zip(bundle.feature_names, added, strict=True):
        statistic = split_name(name)[0]
        group = DEPTH if statistic == "depth" else statistic
        sums[group] = sums.get(group, 0.0) + float(value)
    return Evidence(first, second, sorted(sums.items(), key=lambda one: -abs(one[1])))


def shap_values(booster: Any, values: np.ndarray) -> np.ndarray:
    """Return what each feature adds to the log odds of each class.

    Args:
        booster: An `xgboost.Booster` with a softmax over k classes.
        values: Features (n, d), NaN allowed.

    Returns:
        SHAP values (n, k, d + 1), the bias last; their sum over the last axis is the margin, the
        logarithm of the probability but for a constant of the row.

    Source: Lundberg et al., Nature Machine Intelligence 2020, as computed by XGBoost.
    """
    import xgboost

    return np.asarray(booster.predict(xgboost.DMatrix(values), pred_contribs=True))


def _added(model: str, classifier: Any, values: np.ndarray, a: int, b: int) -> np.ndarray:
    """Return what each feature (d,) adds to the log odds of class a against class b."""
    if model == "linear":
        return _linear(classifier, values, a, b)
    if model == "combined":
        linear = _linear(classifier.linear_, values, a, b)
        seen = classifier.with_deviations(values, np.zeros(len(values)))
        trees = _added("xgboost", classifier.trees_, seen, a, b)
        return np.asarray(classifier.log_odds(classifier.by_feature(trees), linear))
    shap = shap_values(classifier.booster_, values)
    return np.asarray((shap[:, a, :-1] - shap[:, b, :-1]).mean(axis=0))


def _linear(classifier: Any, values: np.ndarray, a: int, b: int) -> np.ndarray:
    scores, _ = classifier.scores(values, np.zeros(len(values)))
    coefficients = classifier.class_coef
    added = scores.mean(axis=0) * (coefficients[a] - coefficients[b])
    return np.asarray(classifier.by_feature(added))
