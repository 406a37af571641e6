"""The random forest of the 2020 paper."""

from __future__ import annotations

import numpy as np

from rule_id.evaluation.baselines.estimator import BaselineEstimator

__all__ = ["ForestBaseline"]


class ForestBaseline(BaselineEstimator):
    """A random forest whose classes weigh the same, on features as they are.

    Args:
        n_estimators: Number of trees; the time of a fit is proportional to it.
        max_features: Features that a split chooses from: `sqrt`, `log2`, or None for all.
        random_state: Seed of the draws of rows and features.

    Attributes:
        classes_: The k classes, sorted.
        forest_: The fitted `sklearn.ensemble.RandomForestClassifier`.

    Source: Nayebi et al., NeurIPS 2020; Breiman, "Random forests", Machine Learning 45, 2001.
    """

    def __init__(
        self,
        n_estimators: int = 500,
        *,
        max_features: str | None = "sqrt",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Store the parameters."""
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.random_state = random_state

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self.forest_ = RandomForestClassifier(
            self.n_estimators,
            max_features=self.max_features,
            class_weight="balanced",
            random_state=self.random_state,
            n_jobs=1,
        ).fit(X, codes)

    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.forest_.predict_proba(X))
