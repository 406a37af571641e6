"""Multinomial logistic regression on standardised, imputed features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

if TYPE_CHECKING:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression

__all__ = ["LARGEST_Z", "LinearClassifier", "new_imputer", "new_regression"]

LARGEST_Z = 8.0
"""Where z-scores are clipped: a feature that went wild in one network must not decide alone."""

_MOST_ITERATIONS = 2000


def new_imputer() -> SimpleImputer:
    """Return what replaces missing values by medians, and by 0 where nothing was measured."""
    # Imported here and below: who identifies with the other classifier need not wait for it.
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", keep_empty_features=True)


def new_regression(C: float) -> LogisticRegression:
    """Return what tells classes apart that weigh the same, however many rows each has.

    Args:
        C: Inverse strength of the penalty, > 0.
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, class_weight="balanced", max_iter=_MOST_ITERATIONS)


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression that takes missing values.

    Missing features are replaced by the median, features are standardised, their z-scores clipped
    to +-8, and the coefficients are penalised by their squares. Rows are weighted so that each
    class has the same total weight, n / k: a common class is not favoured.

    Args:
        C: Inverse strength of the penalty, > 0; dimensionless, as the features are standardised.
        random_state: Accepted as every classifier here does; the solver draws nothing at random.

    Attributes:
        classes_: The k classes, sorted.
        pipeline_: The fitted steps `impute`, `scale` and `regress`; z-scores are clipped between
            the last two.
        coef_: Shape (k, d), per standard deviation of each feature; (1, d) for two classes.
    """

    def __init__(
        self,
        C: float = 0.01,
        *,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Store the parameters."""
        self.C = C
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> LinearClassifier:
        """Fit to features X (n, d), NaN allowed, and labels y (n,)."""
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        # Positions as labels within, so that the classes of a stored model are its bundle's.
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y must hold 2 classes or more; got 1 class")
        self.pipeline_ = Pipeline(
            [
                ("impute", new_imputer()),
                ("scale", StandardScaler()),
                ("regress", new_regression(self.C)),
            ]
        )
        scores = self.pipeline_[:-1].fit_transform(X)
        self.pipeline_[-1].fit(np.clip(scores, -LARGEST_Z, LARGEST_Z), codes)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, shape (n, k), for features X (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        scores = np.clip(self.pipeline_[:-1].transform(X), -LARGEST_Z, LARGEST_Z)
        return np.asarray(self.pipeline_[-1].predict_proba(scores))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row of X, shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    @property
    def coef_(self) -> np.ndarray:
        """Coefficients, per standard deviation of each feature."""
        return np.asarray(self.pipeline_[-1].coef_)

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
