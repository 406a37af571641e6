from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from rule_id.evaluation.baselines import rocket


class StandIn:
    """Takes aeon's place: what our wrapper uses of its classifier, and its bad habits."""

    def __init__(self, class_weight=None, n_jobs=1, random_state=None):
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, series, y):
        np.random.seed(self.random_state)
        torch.manual_seed(self.random_state)
        torch.set_num_threads(2)
        self.shape = series.shape
        kernels = np.random.normal(size=(series.shape[2], series.shape[2]))
        self.mixing = kernels / np.sqrt(series.shape[2])
        self.classifier = RidgeClassifier(class_weight=self.class_weight)
        self.classifier.fit(self.mixed(series), y)
        return self

    def predict(self, series):
        return self.classifier.predict(self.mixed(series))

    def mixed(self, series):
        return (series @ self.mixing).reshape(len(series), -1)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a tiny classifier take aeon's place."""
    for module in ("rocket", "table"):
        monkeypatch.setattr(f"rule_id.evaluation.baselines.{module}.load_rocket", lambda: StandIn)
    assert rocket.load_rocket() is StandIn
