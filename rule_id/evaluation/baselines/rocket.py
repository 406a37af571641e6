"""MultiRocket-Hydra: thousands of random convolutions and a ridge classifier, from aeon."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from rule_id.errors import InputError
from rule_id.evaluation.baselines.estimator import BaselineEstimator, softmax
from rule_id.evaluation.baselines.inputs import N_FLAGS, as_series
from rule_id.evaluation.baselines.isolation import one_torch_thread, shared_generators_kept

__all__ = ["FEWEST_CHECKPOINTS", "RocketBaseline", "load_rocket"]

FEWEST_CHECKPOINTS = 10
"""aeon's kernels have 9 places, and are laid over differences of neighbours too."""

NORMAL_RANGE = 1.349
"""Interquartile range of a normal distribution, in standard deviations."""

# aeon seeds the generators that all threads share, so two fits at once would not be reproducible.
_ONE_AT_A_TIME = threading.Lock()


class RocketBaseline(BaselineEstimator):
    """aeon's `MultiRocketHydraClassifier` on series (n, statistics, checkpoints).

    Each statistic x becomes arsinh((x - median) / spread), with median and spread over rows and
    checkpoints together, so that its course over checkpoints stays a course; the spread is the
    interquartile range over 1.35, a standard deviation where x is normal. By means and standard
    deviations one network that went wild would leave all others flat. Flags are left out: the
    kernels sum to zero, so that a channel that is constant says nothing. Classes weigh the same.
    Probabilities are the softmax of the ridge classifier's scores, for aeon gives none; they order
    classes and are not calibrated.

    Args:
        n_checkpoints: Checkpoints of a trajectory, at least 10.
        n_flags: Last columns that are flags.
        random_state: Seed of the kernels.

    Attributes:
        classes_: The k classes, sorted.
        scaling_: Median and spread of each statistic, shape (2, statistics, 1).
        model_: aeon's classifier.

    Source: Dempster, Schmidt, Webb, "Hydra: competing convolutional kernels for fast and accurate
    time series classification", Data Mining and Knowledge Discovery 37, 2023.
    """

    def __init__(
        self,
        n_checkpoints: int = 21,
        *,
        n_flags: int = N_FLAGS,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        """Store the parameters."""
        self.n_checkpoints = n_checkpoints
        self.n_flags = n_flags
        self.random_state = random_state

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        rocket = load_rocket()
        series = as_series(X, self.n_checkpoints, self.n_flags)
        low, median, high = np.percentile(series.astype(np.float64), [25, 50, 75], axis=(0, 2))
        spread = (high - low) / NORMAL_RANGE
        self.scaling_ = np.stack([median, np.where(spread > 0, spread, 1.0)])[..., None]
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        model = rocket(class_weight="balanced", n_jobs=1, random_state=seed)
        with _ONE_AT_A_TIME, one_torch_thread(), shared_generators_kept(), _flat_series_allowed():
            self.model_ = model.fit(self._series(X), codes)

    def _probabilities(self, X: np.ndarray) -> np.ndarray:
        # aeon hands what it computed from the series to `classifier.predict`, and passes on what
        # that returns: here scores instead of classes.
        scorer = copy.copy(self.model_)
        scorer.classifier = SimpleNamespace(predict=self.model_.classifier.decision_function)
        with _ONE_AT_A_TIME, one_torch_thread(), _flat_series_allowed():
            scores = np.asarray(scorer.predict(self._series(X)), dtype=np.float64)
        return softmax(np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores)

    def _series(self, X: np.ndarray) -> np.ndarray:
        series = as_series(X, self.n_checkpoints, self.n_flags)
        return np.arcsinh((series - self.scaling_[0]) / self.scaling_[1]).astype(np.float32)


def load_rocket() -> Any:
    """Return aeon's `MultiRocketHydraClassifier`.

    Raises:
        InputError: aeon is not installed.
    """
    try:
        from aeon.classification.convolution_based import MultiRocketHydraClassifier
    except ImportError as error:
        raise InputError(
            'baseline multirocket_hydra needs aeon: pip install "rule-id[baselines]"'
        ) from error
    return MultiRocketHydraClassifier


@contextmanager
def _flat_series_allowed() -> Iterator[None]:
    """Silence aeon's remark on series that do not vary: what does not learn has such."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*very little variation", category=UserWarning)
        yield
