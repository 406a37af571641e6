from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from rule_id.errors import InputError
from rule_id.features import with_deviations
from rule_id.models import (
    TREES_SHARE,
    BoostedClassifier,
    CombinedClassifier,
    LinearClassifier,
    combine_layers,
    geometric_mean,
    network_ids,
)
from rule_id.models.stored import read_classifier, stored_classifier


@pytest.fixture(scope="module")
def fitted(table):
    X, y, networks = table.matrix(), table.meta["rule"].to_numpy(dtype=str), network_ids(table.meta)
    return CombinedClassifier(n_estimators=10).fit(X, y, networks), X, y, networks


def test_trees_see_the_deviations_of_the_feature_table(table, fitted):
    both, X, _, networks = fitted
    whole = with_deviations(table)
    assert whole.names[: len(table.names)] == table.names
    np.testing.assert_array_equal(both.with_deviations(X, networks), whole.matrix())


def test_it_says_what_its_halves_say_together(table, fitted):
    both, X, y, networks = fitted
    trees = BoostedClassifier(n_estimators=10).fit(with_deviations(table).matrix(), y)
    linear = LinearClassifier().fit(X, y, networks)
    layers, whole = (
        trees.predict_proba(with_deviations(table).matrix()),
        linear.predict_proba(X, networks),
    )
    found = both.predict_proba(X, networks)
    np.testing.assert_allclose(found, geometric_mean(layers, whole, TREES_SHARE), atol=1e-12)
    mean = layers**0.75 * whole**0.25
    np.testing.assert_allclose(found, mean / mean.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(("share", "half"), [(0.0, "linear"), (1.0, "trees")])
def test_with_all_of_the_share_a_half_answers_alone(fitted, share, half):
    both, X, _, networks = fitted
    said = {
        "linear": both.linear_.predict_proba(X, networks),
        "trees": both.trees_.predict_proba(both.with_deviations(X, networks)),
    }
    alone = clone(both).set_params(share=share)
    alone.linear_, alone.trees_, alone.classes_ = both.linear_, both.trees_, both.classes_
    alone.n_features_in_ = both.n_features_in_
    np.testing.assert_allclose(alone.predict_proba(X, networks), said[half], atol=1e-6)


def test_of_a_network_it_is_the_mean_of_what_is_said_of_it(fitted):
    """Whether halves or layers are combined first."""
    both, X, _, networks = fitted
    layers = both.trees_.predict_proba(both.with_deviations(X, networks))
    ids, trees = combine_layers(layers, networks)
    _, linear = combine_layers(both.linear_.predict_proba(X, networks), networks)
    names, found = combine_layers(both.predict_proba(X, networks), networks)
    np.testing.assert_array_equal(names, ids)
    np.testing.assert_allclose(found, geometric_mean(trees, linear, TREES_SHARE), atol=1e-9)


def test_values_are_summed_for_features_and_their_deviations(fitted):
    both, X, *_ = fitted
    n_values = X.shape[1] - 3
    seen = np.arange(X.shape[1] + n_values, dtype=float)[None]
    expected = np.arange(X.shape[1], dtype=float)
    expected[:n_values] += seen[0, X.shape[1] :]
    np.testing.assert_array_equal(both.by_feature(seen), expected[None])


@pytest.mark.parametrize(("n_flags", "share"), [(0, 0.75), (2, 0.5), (3, 1)])
def test_what_is_stored_says_the_same(table, n_flags, share):
    X, y, networks = table.matrix(), table.meta["rule"].to_numpy(dtype=str), network_ids(table.meta)
    both = CombinedClassifier(n_estimators=4, n_flags=n_flags, share=share).fit(X, y, networks)
    document, classes = stored_classifier("combined", both), both.classes_.tolist()
    read = read_classifier("combined", document, X.shape[1], classes, "x")
    np.testing.assert_allclose(
        read.predict_proba(X, networks), both.predict_proba(X, networks), atol=1e-6
    )
    assert read.classes_.tolist() == classes
    with pytest.raises(InputError):
        read_classifier("combined", document, X.shape[1] + 1, classes, "x")


@pytest.mark.parametrize(
    "document",
    [b"[]", b"{}", b"[" * 10**5, b'{"n_flags": -1, "share": 0.5, "linear": {}, "xgboost": {}}',
     b'{"n_flags": true, "share": 0.5, "linear": {}, "xgboost": {}}',
     b'{"n_flags": 3, "linear": {}, "xgboost": {}}',
     b'{"n_flags": 3, "share": 1.5, "linear": {}, "xgboost": {}}',
     b'{"n_flags": 3, "share": NaN, "linear": {}, "xgboost": {}}',
     b'{"n_flags": 3, "share": 0.5, "linear": {}, "xgboost": {}}'],
)  # fmt: skip
def test_what_is_not_stored_by_us_is_refused(document):
    with pytest.raises(InputError, match="must be a stored"):
        read_classifier("combined", document, 5, ["a", "b"], "x")
