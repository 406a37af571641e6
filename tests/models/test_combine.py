from __future__ import annotations

import numpy as np

from rule_id.models import combine_layers


def test_one_layer_is_left_as_it_is():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    ids, combined = combine_layers(probabilities, np.array(["b", "a"]))
    assert ids.tolist() == ["a", "b"]
    np.testing.assert_allclose(combined, probabilities[::-1], rtol=1e-12)


def test_is_the_renormalised_geometric_mean_in_any_order_of_rows():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), size=6)
    networks = np.array(["a", "b", "a", "b", "b", "a"])
    _, combined = combine_layers(probabilities, networks)
    for row, name in zip(combined, "ab", strict=True):
        product = np.prod(probabilities[networks == name], axis=0) ** (1 / 3)
        np.testing.assert_allclose(row, product / product.sum(), rtol=1e-9)
    order = rng.permutation(6)
    np.testing.assert_allclose(combine_layers(probabilities[order], networks[order])[1], combined)


def test_repeating_the_same_layer_adds_no_certainty():
    layer = np.array([[0.6, 0.3, 0.1]])
    _, combined = combine_layers(np.repeat(layer, 5, axis=0), np.array(["a"] * 5))
    np.testing.assert_allclose(combined, layer, rtol=1e-12)


def test_certain_layers_that_contradict_each_other_leave_a_finite_answer():
    _, combined = combine_layers(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), np.array([1, 1]))
    np.testing.assert_allclose(combined, [[0.5, 0.5, 0.0]], atol=1e-4)
