from __future__ import annotations

import numpy as np
import pytest

from rule_id.models import LinearClassifier, fit_networks, layer_probabilities, name_networks
from rule_id.models.pooling import POOLED, folded, pool_layers

NETWORKS = np.array(["b", "a", "b", "b", "c"])
X = np.array([[1.0, 5.0], [2.0, np.nan], [3.0, np.nan], [8.0, 7.0], [4.0, np.nan]])


def test_of_each_feature_there_is_the_first_the_last_the_mean_and_the_spread():
    pooled, index = pool_layers(X, NETWORKS)
    np.testing.assert_array_equal(index, [1, 0, 1, 1, 2])
    first, last, mean, spread = np.split(pooled, len(POOLED), axis=1)
    np.testing.assert_array_equal(first, [[2, np.nan], [1, 5], [4, np.nan]])
    np.testing.assert_array_equal(last, [[2, np.nan], [8, 7], [4, np.nan]])
    np.testing.assert_allclose(mean, [[2, np.nan], [4, 6], [4, np.nan]])
    np.testing.assert_allclose(spread, [[np.nan] * 2, [np.std([1, 3, 8]), 1], [np.nan] * 2])


def test_many_features_and_layers_are_those_of_numpy():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 600)).astype(np.float32)
    networks = rng.integers(7, size=30)
    pooled, index = pool_layers(values, networks)
    assert pooled.dtype == np.float32
    for network in range(7):
        own = values[networks == network]
        expected = np.concatenate([own[0], own[-1], own.mean(axis=0), own.std(axis=0)])
        np.testing.assert_allclose(pooled[network], expected, rtol=1e-5, atol=1e-6)
        assert set(index[networks == network]) == {network}


def test_the_order_of_networks_changes_nothing_and_that_of_layers_does():
    def of_b(order: list[int]) -> np.ndarray:
        return pool_layers(X[order], NETWORKS[order])[0][1]

    np.testing.assert_array_equal(of_b([4, 0, 2, 1, 3]), of_b([0, 1, 2, 3, 4]))
    assert of_b([3, 0, 2, 1, 4])[0] == 8


def test_what_belongs_to_a_feature_is_summed():
    values = np.arange(16.0).reshape(2, 8)
    np.testing.assert_array_equal(folded(values), [[12, 16], [44, 48]])


def networks_that_differ_between_layers(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three layers each; in one class the first is above the last, in the other below it."""
    rng = np.random.default_rng(seed)
    networks = np.repeat(np.arange(80), 3)
    y = np.where(networks % 2 == 0, "falls", "rises")
    step = np.where(y == "rises", 1.0, -1.0) * np.tile([-1.0, 0.0, 1.0], 80)
    level = np.repeat(rng.normal(scale=3.0, size=80), 3)
    return (level + step + rng.normal(scale=0.2, size=240))[:, None], y, networks


def test_what_lies_between_layers_is_learned_only_of_networks():
    values, y, networks = networks_that_differ_between_layers(0)
    unseen, true, of = networks_that_differ_between_layers(1)
    pooling = fit_networks(LinearClassifier(C=1.0), values, y, networks)
    assert pooling.pools_ and pooling.coef_.shape == (1, 4)
    ids, named = name_networks(pooling, unseen, of)
    right = pooling.classes_[named.argmax(axis=1)] == true[np.searchsorted(of, ids)]
    assert right.mean() > 0.9
    alone = LinearClassifier(C=1.0).fit(values, y)
    assert not alone.pools_ and alone.coef_.shape == (1, 1)
    assert (alone.predict(unseen) == true).mean() < 0.7


def test_layers_of_a_network_have_one_answer_and_alone_each_its_own():
    values, y, networks = networks_that_differ_between_layers(0)
    model = LinearClassifier(C=1.0).fit(values, y, networks)
    together = layer_probabilities(model, values[:6], networks[:6])
    np.testing.assert_array_equal(together[[0, 3]], together[[1, 4]])
    assert not np.allclose(together[0], together[3])
    alone = model.predict_proba(values[:3])
    assert len(np.unique(alone[:, 0])) == 3
    for layer in range(3):
        one = model.predict_proba(values[[layer]], np.zeros(1))
        np.testing.assert_allclose(alone[[layer]], one)


@pytest.mark.parametrize("networks", [None, np.arange(240)])
def test_rows_that_share_no_network_are_learned_as_they_are(networks):
    values, y, _ = networks_that_differ_between_layers(0)
    model = LinearClassifier().fit(values, y, networks)
    assert not model.pools_
    np.testing.assert_array_equal(
        model.predict_proba(values, np.zeros(240)), model.predict_proba(values)
    )
