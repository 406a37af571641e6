"""Boosted trees on layers and a linear classifier on networks, answering together."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from rule_id.features.deviations import deviations
from rule_id.models.boosted import BoostedClassifier
from rule_id.models.combine import geometric_mean
from rule_id.models.linear import LinearClassifier

__all__ = ["COMBINED", "TREES_SHARE", "CombinedClassifier"]

COMBINED = ("linear", "xgboost")
"""The two whose answers are combined."""

TREES_SHARE = 0.75
"""Share of the trees in log odds; docs/mixes.md has what others named."""


class CombinedClassifier(ClassifierMixin, BaseEstimator):
    r"""The weighted geometric mean of what boosted trees and a linear classifier say.

    .. math:: p_c \propto (p^{\text{trees}}_c)^{s} \, (p^{\text{linear}}_c)^{1 - s}

    Trees see each layer and how it differs from the mean of its network; the linear classifier sees
    the network. They are wrong about different networks, so that together they name more than
    either. Log odds are the weighted mean of theirs, and so is what a feature adds to them.

    Args:
        C: Inverse strength of the penalty of the linear classifier, > 0.
        n_estimators: Rounds of boosting.
        max_depth: Depth of a tree, at most 9.
        share: Share s of the trees, in [0, 1].
        n_flags: Last columns that say where a layer stands, of which there are no deviations.
        random_state: Seed of the trees.
        n_jobs: Threads of the trees; -1 or None for all cores.

    Attributes:
        classes_: The k classes, sorted.
        trees_: The fitted `BoostedClassifier` of d features and d - n_flags deviations.
        linear_: The fitted `LinearClassifier` of d features.
    """

    pools = True
    """It can learn whole networks (`fit_networks`)."""

    def __init__(
        self,
        C: float = 0.01,
        *,
        n_estimators: int = 60,
        max_depth: int = 4,
        share: float = TREES_SHARE,
        n_flags: int = 3,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = 1,
    ) -> None:
        """Store the parameters."""
        self.C = C
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.share = share
        self.n_flags = n_flags
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self, X: np.ndarray, y: np.ndarray, networks: np.ndarray | None = None
    ) -> CombinedClassifier:
        """Fit to features, NaN allowed.

        Args:
            X: Features (n, d).
            y: Labels (n,), one for all layers of a network.
            networks: The network of each row (n,), its layers in order; without them each row is a
                network of one layer.
        """
        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        # Drawn once: a generator would give each half another number.
        seed = self.random_state
        if not isinstance(seed, int):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        self.linear_ = LinearClassifier(self.C, random_state=seed).fit(X, y, networks)
        self.trees_ = BoostedClassifier(
            self.n_estimators, max_depth=self.max_depth, random_state=seed, n_jobs=self.n_jobs
        ).fit(self.with_deviations(X, networks), y)
        self.classes_ = self.linear_.classes_
        return self

    def predict_proba(self, X: np.ndarray, networks: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of each class for each row, shape (n, k).

        Args:
            X: Features (n, d).
            networks: The network of each row (n,), its layers in order. Without them each row is a
                network of one layer.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        of_layers = self.trees_.predict_proba(self.with_deviations(X, networks))
        return geometric_mean(of_layers, self.linear_.predict_proba(X, networks), self.share)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row of X, shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def with_deviations(self, X: np.ndarray, networks: np.ndarray | None) -> np.ndarray:
        """Return what trees see: features (n, d) and their deviations (n, d - n_flags)."""
        index = np.arange(len(X))
        if networks is not None:
            index = np.unique(np.asarray(networks), return_inverse=True)[1]
        return np.hstack([X, deviations(X[:, : self._n_values(X)], index)])

    def log_odds(self, trees: np.ndarray, linear: np.ndarray) -> np.ndarray:
        """Return what both halves add to log odds, of what each adds (...): the weighted mean."""
        return np.asarray(self.share * trees + (1 - self.share) * linear)

    def by_feature(self, values: np.ndarray) -> np.ndarray:
        """Return values of what trees see, summed for each feature of X (..., d)."""
        d = self.n_features_in_
        sums = values[..., :d].copy()
        sums[..., : values.shape[-1] - d] += values[..., d:]
        return sums

    def _n_values(self, X: np.ndarray) -> int:
        return max(0, X.shape[1] - self.n_flags)

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
