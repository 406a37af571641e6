from __future__ import annotations

import numpy as np
import pytest

from rule_id.models.screening import TREES, only, screening_rounds, worth_growing_on


@pytest.mark.parametrize("n_classes", [2, 4, 30, 500])
def test_enough_trees_are_grown_in_at_most_a_third_of_the_rounds(n_classes):
    rounds = screening_rounds(n_classes, 60)
    assert 1 <= rounds <= 20
    assert rounds == 20 or rounds * n_classes >= TREES


def test_most_is_gained_by_what_is_kept():
    gained = np.random.default_rng(0).exponential(size=40)
    kept = worth_growing_on(gained, 7)
    assert kept.sum() == 7 and gained[kept].min() > gained[~kept].max()


def test_what_gained_nothing_is_not_kept_unless_nothing_did():
    assert worth_growing_on(np.array([0.0, 2.0, 0.0]), 2).tolist() == [False, True, False]
    assert worth_growing_on(np.zeros(3), 2).all()


def test_all_else_is_missing():
    X = np.arange(6, dtype=np.float32).reshape(2, 3)
    seen = only(X, np.array([True, False, True]))
    np.testing.assert_array_equal(seen, [[0, np.nan, 2], [3, np.nan, 5]])
    assert seen.dtype == X.dtype and np.isfinite(X).all()
