from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax, softmax

from rule_id.features import FeatureTable
from rule_id.models.calibrating import Calibration, HeldOut, calibrate_views, pooled, summed
from rule_id.models.view import View

CLASSES = ["backprop+adam", "backprop+sgd", "hebbian+sgd"]
PART = {name: name.partition("+")[0] for name in CLASSES}


def test_sums_favour_what_has_more_classes_and_pools_do_not() -> None:
    nothing_seen = np.full(3, 1 / 3)
    names, sums = summed(nothing_seen, CLASSES, PART)
    assert names == ["backprop", "hebbian"]
    np.testing.assert_allclose(sums, [2 / 3, 1 / 3])
    np.testing.assert_allclose(pooled(nothing_seen, CLASSES, PART)[1], [1 / 2, 1 / 2])


def test_a_pool_is_the_posterior_under_equal_priors_of_its_values() -> None:
    """Probabilities under equal priors of classes, from likelihoods: Bayes by hand."""
    likelihood = np.array([0.5, 0.1, 0.2])
    _, found = pooled(likelihood / likelihood.sum(), CLASSES, PART)
    of_backprop = (0.5 + 0.1) / 2
    np.testing.assert_allclose(found, np.array([of_backprop, 0.2]) / (of_backprop + 0.2))
    many = np.random.default_rng(0).dirichlet(np.ones(3), (4, 5))
    assert pooled(many, CLASSES, PART)[1].shape == (4, 5, 2)
    assert pooled(many, CLASSES, PART)[1].sum(axis=-1) == pytest.approx(np.ones((4, 5)))


NAME = "weight_mean.mean"
N = 600


class Unsure:
    """Says of each layer less than it knows: posteriors to the power of 1/3."""

    classes_ = np.array(CLASSES)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(1).gumbel(size=(len(X), 3))
        logs = np.log(0.1) * (X[:, :1] != np.arange(3)) + noise
        return softmax(log_softmax(logs, axis=1) / 3, axis=1)


def calibrated(names: np.ndarray) -> Calibration:
    meta = pd.DataFrame({"network": [f"n{k}" for k in range(N)], "measurement": 0, "rule": names})
    values = pd.DataFrame({NAME: np.searchsorted(CLASSES, names).astype(np.float32)})
    view = View("weight", "exact", 64, 0.0, True, 5)
    return calibrate_views(
        Unsure(),
        [HeldOut(view, FeatureTable(meta, values, "summary"))],
        {"weight": ("weight",)},
        [NAME],
        "rule",
        {"family": {name: name.partition("+")[0] for name in CLASSES}},
        np.array([[0.0], [1.0], [2.0]]),
        0,
    )


def test_probabilities_that_say_too_little_are_sharpened_and_sets_made_of_them() -> None:
    names = np.array(CLASSES)[np.random.default_rng(0).integers(3, size=N)]
    found = calibrated(names)
    temperature = found.temperatures["exact"]["weight"]
    assert 0.2 < temperature < 0.8
    raw = Unsure().predict_proba(np.searchsorted(CLASSES, names)[:, None].astype(float))
    sharper = raw ** (1 / temperature)
    sharper /= sharper.sum(axis=1, keepdims=True)
    column = CLASSES.index("hebbian+sgd")
    expected = np.sort(1 - sharper[names == "hebbian+sgd", column])
    scores = found.conformal["exact"]["weight"]["hebbian+sgd"]
    np.testing.assert_allclose(scores, expected, atol=2e-6)
    assert (np.array(scores) >= expected - 1e-12).all()  # rounded up
    (cell,) = found.cells
    named = np.array(CLASSES)[raw.argmax(axis=1)]
    assert cell.accuracy["class"] == pytest.approx((named == names).mean())
