from __future__ import annotations

import numpy as np

from rule_id.models.ranges import QUANTILES, beyond, feature_ranges


def test_a_hundredth_of_training_lies_beyond_its_own_range() -> None:
    values = np.random.default_rng(0).normal(size=(5000, 3))
    outside, comparable = beyond(values, feature_ranges(values))
    assert comparable.all()
    np.testing.assert_allclose(outside.mean(axis=0), QUANTILES[0] + 1 - QUANTILES[2], atol=1e-3)


def test_what_was_not_measured_on_either_side_is_not_compared() -> None:
    training = np.array([[0.0, np.nan], [1.0, np.nan]])
    ranges = feature_ranges(training)
    assert np.isnan(ranges[:, 1]).all()
    outside, comparable = beyond(np.array([[5.0, 5.0], [np.nan, 5.0]]), ranges)
    assert comparable.tolist() == [[True, False], [False, False]]
    assert outside.tolist() == [[True, False], [False, False]]
