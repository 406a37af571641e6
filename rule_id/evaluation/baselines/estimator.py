"""What the baselines share: checks, labels, missing values, and one thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import threadpoolctl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from rule_id.evaluation.imputing import new_imputer

__all__ = ["BaselineEstimator", "softmax"]


class BaselineEstimator(ClassifierMixin, BaseEstimator, ABC):
    """A scikit-learn classifier that takes missing values and runs in one thread.

    A missing feature is replaced by its median in training, or by 0 where it was never measured.

    Attributes:
        classes_: The k classes, sorted.
        imputer_: The fitted `sklearn.impute.SimpleImputer`.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit to features X (n, d), NaN allowed, and labels y (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y must hold 2 classes or more; got 1 class")
        self.imputer_ = new_imputer()
        with threadpoolctl.threadpool_limits(1):
            self._fit(self.imputer_.fit_transform(X), codes)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, shape (n, k), for features X (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        with threadpoolctl.threadpool_limits(1):
            return self._probabilities(self.imputer_.transform(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row of X, shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    @abstractmethod
    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        """Fit to features without gaps (n, d) and positions in `classes_` (n,)."""

    @abstractmethod
    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities (n, k), in float64, for features without gaps (n, d)."""

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities (n, k) from scores (n, k), each row summing to 1."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True), dtype=np.float64)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
