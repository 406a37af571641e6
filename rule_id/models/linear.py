"""Multinomial logistic regression on features made normal by their quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from rule_id.models.normal_scores import normal_scores, quantiles_of
from rule_id.models.pooling import folded, pool_layers

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

__all__ = ["LinearClassifier", "new_regression"]

_QUANTILES = 33
"""Quantiles that are kept of a feature; 200 named no more rules."""

_DIGITS = 5
_MOST_ITERATIONS = 2000


def new_regression(C: float) -> LogisticRegression:
    """Return what tells classes apart that weigh the same, however many rows each has.

    Args:
        C: Inverse strength of the penalty, > 0.
    """
    # Imported here: who identifies with the other classifier need not wait for it.
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, class_weight="balanced", max_iter=_MOST_ITERATIONS)


class LinearClassifier(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression that takes missing values, of layers or of whole networks.

    Features enter as scores that are normal by 33 quantiles of what is fitted (`normal_scores`):
    statistics of weights and activations span decades, of which a z-score sees the wildest network
    alone. A missing feature counts as its median. Coefficients are penalised by their squares, and
    rows weighted so that each class has the same total weight, n / k: a common class is not
    favoured.

    Where rows are layers and it is told of which networks, it learns networks: of each feature the
    value of the first layer and the last, the mean and the spread (`pool_layers`).

    Args:
        C: Inverse strength of the penalty, > 0; dimensionless, as scores are.
        random_state: Accepted as every classifier here does; the solver draws nothing at random.

    Attributes:
        classes_: The k classes, sorted.
        pools_: Whether it was told of networks, and so takes pooled features.
        quantiles_: Shape (33, d), or (33, 4 d) of pooled features; of fewer rows fewer.
        regress_: The fitted regression of scores.
        coef_: Shape (k, d), or (k, 4 d) of pooled features, per standard score; (1, ...) for two
            classes.
    """

    pools = True
    """It can learn whole networks (`fit_networks`)."""

    def __init__(
        self,
        C: float = 0.01,
        *,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Store the parameters."""
        self.C = C
        self.random_state = random_state

    def fit(
        self, X: np.ndarray, y: np.ndarray, networks: np.ndarray | None = None
    ) -> LinearClassifier:
        """Fit to features, NaN allowed.

        Args:
            X: Features (n, d).
            y: Labels (n,), one for all layers of a network.
            networks: The network of each row (n,), to learn networks of several layers, which
                must be in order; without them each row stands for itself.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        # Positions as labels within, so that the classes of a stored model are its bundle's.
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y must hold 2 classes or more; got 1 class")
        of = np.arange(len(X)) if networks is None else np.asarray(networks)
        self.pools_ = len(np.unique(of)) < len(X)
        if self.pools_:
            X, index = pool_layers(X, of)
            codes = codes[np.unique(index, return_index=True)[1]]
        self.quantiles_ = _rounded(quantiles_of(X, min(_QUANTILES, len(X))))
        scores = normal_scores(X, self.quantiles_)
        self.regress_ = new_regression(self.C).fit(scores, codes)
        self.regress_.coef_ = _rounded(self.regress_.coef_)
        return self

    def predict_proba(self, X: np.ndarray, networks: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of each class for each row, shape (n, k).

        Args:
            X: Features (n, d).
            networks: The network of each row (n,), to name networks: their layers, which must be
                in order, then have one answer. Without them each row is a network of one layer.
        """
        scores, index = self.scores(X, networks)
        return np.asarray(self.regress_.predict_proba(scores))[index]

    def scores(
        self, X: np.ndarray, networks: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores that coefficients multiply, and the row of them of each row of X.

        Args:
            X: Features (n, d).
            networks: As of `predict_proba`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        index = np.arange(len(X))
        if self.pools_:
            X, index = pool_layers(X, index if networks is None else networks)
        return normal_scores(X, self.quantiles_), index

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row of X, shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    @property
    def coef_(self) -> np.ndarray:
        """Coefficients, per standard score of each feature."""
        return np.asarray(self.regress_.coef_)

    @property
    def class_coef(self) -> np.ndarray:
        """Coefficients of each class (k, ...): of two the second has them and the first none."""
        if len(self.coef_) > 1:
            return self.coef_
        return np.concatenate([np.zeros_like(self.coef_), self.coef_])

    def by_feature(self, values: np.ndarray) -> np.ndarray:
        """Return values of what coefficients multiply, summed for each feature of X (..., d)."""
        return folded(values) if self.pools_ else values

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _rounded(values: np.ndarray) -> np.ndarray:
    """Return numbers of few digits, a third of the text of all digits; their order stays."""
    digits = [float(f"{value:.{_DIGITS}g}") for value in values.ravel()]
    return np.array(digits).reshape(values.shape)
