"""Gradient-boosted trees that take missing values as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from rule_id.models.screening import gains, only, screening_rounds, worth_growing_on

__all__ = ["BoostedClassifier"]


class BoostedClassifier(ClassifierMixin, BaseEstimator):
    """XGBoost with a softmax over classes; a missing feature takes the branch it learned.

    Rows are weighted so that each class has the same total weight, n / k: a common class is not
    favoured. The same data, parameters and `random_state` give the same trees for any `n_jobs`.

    Args:
        n_estimators: Rounds of boosting; each grows one tree a class. 150 rounds at a rate of 0.1
            named about as many rules of new blocks, in two and a half times the time.
        learning_rate: Shrinkage of each tree, in (0, 1].
        max_depth: Depth of a tree, at most 9.
        min_child_weight: Least sum of second derivatives in a leaf.
        reg_lambda: Squared penalty on leaf values.
        subsample: Share of the rows that each tree sees, in (0, 1].
        colsample_bynode: Share of the features that each split chooses from. Small, because
            neighbouring checkpoints and powers of one statistic are near-copies.
        max_bin: Bins of a feature's histogram; the time of a fit grows with it.
        most_features: Of more features than these a few trees are grown first, and all others on
            those by which these gained most. The time of a fit grows with the number of features,
            most of which are near-copies of others; of 1,745 features 300 named as many rules of
            new blocks or more, in a quarter of the time. None for all.
        random_state: Seed of the subsampling.
        n_jobs: Threads; -1 or None for all cores. One, because on a machine that does other work
            too, waiting for the slowest thread was measured to cost 30 times the whole fit.

    Attributes:
        classes_: The k classes, sorted.
        booster_: The fitted `xgboost.Booster`; its classes are positions in `classes_`.

    Source: Chen, Guestrin, "XGBoost: a scalable tree boosting system", KDD 2016.
    """

    def __init__(
        self,
        n_estimators: int = 60,
        *,
        learning_rate: float = 0.2,
        max_depth: int = 4,
        min_child_weight: float = 1.0,
        reg_lambda: float = 1.0,
        subsample: float = 0.8,
        colsample_bynode: float = 0.2,
        max_bin: int = 64,
        most_features: int | None = 300,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = 1,
    ) -> None:
        """Store the parameters."""
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.subsample = subsample
        self.colsample_bynode = colsample_bynode
        self.max_bin = max_bin
        self.most_features = most_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: np.ndarray) -> BoostedClassifier:
        """Fit to features X (n, d), NaN allowed, and labels y (n,)."""
        import xgboost

        X, y = validate_data(self, X, y, dtype=np.float32, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        weights = self._weights(counts)[codes]

        def bins(kept: np.ndarray | None) -> Any:
            return xgboost.QuantileDMatrix(
                X if kept is None else only(X, kept), codes, weight=weights,
                max_bin=self.max_bin, nthread=self._threads(),
            )  # fmt: skip

        return self._grow(bins)

    def fit_batches(
        self,
        batches: Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]],
        folder: str | Path,
        some: np.ndarray,
    ) -> BoostedClassifier:
        """Fit to features that are never in memory at once.

        Memory grows with n k, not with n d: gradients stay in memory, features do not. The
        classifier is the one that `fit` makes of the same rows in the same order, as far as edges
        of bins agree, which here are quantiles of some of the rows.

        Args:
            batches: Called for each pass through the data, of which there are three to five; yields
                features X (n_i, d), NaN allowed, with labels y (n_i,), the same in each pass.
            folder: Where bins of features are kept meanwhile, a byte for most values.
            some: Features (m, d), thousands of rows drawn at random, for the edges of bins.

        Raises:
            ValueError: There are fewer than 2 classes.
        """
        from rule_id.models.streaming import bins_on_disk

        counts: Counter[Any] = Counter()
        for X, y in batches():
            counts.update(y.tolist())
            self.n_features_in_ = X.shape[1]
        self.classes_ = np.array(sorted(counts))
        weights = self._weights(np.array([counts[name] for name in self.classes_.tolist()]))

        def bins(kept: np.ndarray | None) -> Any:
            return bins_on_disk(
                batches,
                self.classes_,
                weights,
                folder,
                some,
                kept=kept,
                max_bin=self.max_bin,
                nthread=self._threads(),
            )

        return self._grow(bins)

    def _grow(self, bins: Callable[[np.ndarray | None], Any]) -> BoostedClassifier:
        """Fit to the matrix that `bins` makes, given which features it shall hold; None for all."""
        import xgboost

        parameters, kept = self._parameters(), None
        if self.most_features is not None and self.n_features_in_ > self.most_features:
            rounds = screening_rounds(len(self.classes_), self.n_estimators)
            first = xgboost.train(parameters, bins(None), rounds)
            kept = worth_growing_on(gains(first, self.n_features_in_), self.most_features)
        self.booster_ = xgboost.train(parameters, bins(kept), self.n_estimators)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class, shape (n, k), for features X (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan", reset=False)
        self.booster_.set_param({"nthread": self._threads()})
        probabilities = self.booster_.inplace_predict(X).astype(np.float64)
        return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class of each row of X, shape (n,)."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def _weights(self, counts: np.ndarray) -> np.ndarray:
        """Return the weight of a row of each class (k,), of which there are so many."""
        if len(counts) < 2:
            raise ValueError(f"y must hold 2 classes or more; got {len(counts)} class")
        return np.asarray(counts.sum() / (len(counts) * counts))

    def _threads(self) -> int:
        # XGBoost takes 0 for all cores.
        return 0 if self.n_jobs is None or self.n_jobs < 0 else self.n_jobs

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "multi:softprob",
            "num_class": len(self.classes_),
            "tree_method": "hist",
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "lambda": self.reg_lambda,
            "subsample": self.subsample,
            "colsample_bynode": self.colsample_bynode,
            "max_bin": self.max_bin,
            "seed": int(check_random_state(self.random_state).randint(2**31 - 1)),
            "nthread": self._threads(),
        }

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
