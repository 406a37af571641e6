from __future__ import annotations

import pytest
from courses import planted

from rule_id.evaluation.baselines.forest import ForestBaseline


@pytest.mark.parametrize(("max_features", "n_features"), [("sqrt", 6), ("log2", 5), (None, 43)])
def test_a_split_chooses_from_as_many_features_as_asked(max_features, n_features) -> None:
    X, y = planted(1.0)
    forest = ForestBaseline(3, max_features=max_features).fit(X, y).forest_
    assert len(forest.estimators_) == 3
    assert {tree.max_features_ for tree in forest.estimators_} == {n_features}
