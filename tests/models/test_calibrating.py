from __future__ import annotations

import numpy as np
import pytest

from rule_id.models.calibrating import pooled, summed

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
