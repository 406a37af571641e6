from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from rule_id.models.normal_scores import LARGEST_SCORE, normal_scores, quantiles_of


def skewed(seed: int, n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = np.exp(rng.normal(scale=[0.1, 1.0, 5.0], size=(n, 3)))
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


def test_quantiles_are_those_of_what_was_measured():
    X = skewed(0)
    X[:, 1] = np.nan
    found = quantiles_of(X, 5)
    np.testing.assert_allclose(found[:, 0], np.nanquantile(X[:, 0], np.linspace(0, 1, 5)))
    np.testing.assert_array_equal(found[:, 1], 0)


def test_scores_are_those_of_scikit_learn():
    X, unseen = skewed(0), skewed(1, 50)
    other = QuantileTransformer(n_quantiles=21, output_distribution="normal", subsample=None).fit(X)
    expected = np.clip(other.transform(unseen), -LARGEST_SCORE, LARGEST_SCORE)
    found = normal_scores(unseen, quantiles_of(X, 21))
    np.testing.assert_allclose(found, np.nan_to_num(expected), atol=1e-6)


def test_scores_of_what_is_fitted_are_standard_normal_whatever_the_distribution():
    X = np.exp(3 * np.random.default_rng(0).normal(size=(5000, 1)))
    scores = normal_scores(X, quantiles_of(X, 33))
    shares = np.array([0.1, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(np.quantile(scores, shares), norm.ppf(shares), atol=0.02)


def test_rising_functions_of_a_feature_change_little_and_units_nothing():
    X = np.abs(np.random.default_rng(0).normal(size=(300, 1))) + 0.1
    scores = normal_scores(X, quantiles_of(X, 33))
    scaled = normal_scores(1e6 * X, quantiles_of(1e6 * X, 33))
    np.testing.assert_allclose(scaled, scores, atol=1e-9)
    bent = normal_scores(np.log(X), quantiles_of(np.log(X), 33))
    assert np.abs(bent - scores).max() < 0.3


@pytest.mark.parametrize(
    ("values", "asked", "expected"),
    [
        ([1.0, 1.0, 1.0], [0.0, 1.0, 2.0], [-3, 0, 3]),  # constant
        ([0.0, 0.0, 0.0, 4.0], [0.0, 2.0, np.nan], [norm.ppf(1 / 3), norm.ppf(5 / 6), 0]),
        ([0.0, 1.0], [-1e300, 0.25, 1e300], [-3, norm.ppf(0.25), 3]),
        ([-1.7e308, 1.7e308], [0.0, 1.7e308, np.inf], [0, 3, 3]),
    ],
)
def test_values_that_are_shared_or_far_out(values, asked, expected):
    quantiles = quantiles_of(np.array(values)[:, None], len(values))
    found = normal_scores(np.array(asked)[:, None], quantiles)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-9)


def test_many_rows_are_scored_in_pieces_as_at_once(monkeypatch):
    X = skewed(0)
    whole = normal_scores(X, quantiles_of(X, 9))
    monkeypatch.setattr("rule_id.models.normal_scores._VALUES_AT_ONCE", 10)
    np.testing.assert_array_equal(normal_scores(X, quantiles_of(X, 9)), whole)


def test_what_was_not_measured_at_all_changes_no_other_score() -> None:
    X = np.random.default_rng(3).normal(size=(40, 6))
    quantiles = quantiles_of(X, 9)
    hidden = X.copy()
    hidden[:, [0, 4]] = np.nan
    whole, seen = normal_scores(X, quantiles), normal_scores(hidden, quantiles)
    assert (seen[:, [0, 4]] == 0).all()
    np.testing.assert_array_equal(seen[:, [1, 2, 3, 5]], whole[:, [1, 2, 3, 5]])


def test_more_quantiles_than_small_numbers_hold() -> None:
    many = np.linspace(0, 1, 2**15 + 1)[:, None]
    x = np.array([[0.25], [0.5], [0.75]])
    np.testing.assert_allclose(normal_scores(x, many), normal_scores(x, many[:: 2**10]), atol=1e-9)
