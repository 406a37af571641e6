from __future__ import annotations

import numpy as np

from rule_id.reports.correlated import DEPTH_FLAGS, correlated_groups


def test_features_that_rise_and_fall_together_are_one_group() -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(size=(200, 3))
    # Any rising or falling function of one source has its ranks.
    columns = [source[:, 0], np.exp(source[:, 0]), -(source[:, 0] ** 3), source[:, 1], source[:, 2]]
    columns[1][:20] = np.nan
    values = np.column_stack([*columns, np.ones(200)])
    names = ["a", "b", "c", "d", "e", "depth.early"]
    groups = correlated_groups(values, names, most=3)
    assert len(set(groups[:3])) == 1 and groups[0].endswith(", 3 features")
    assert len({*groups[:1], *groups[3:5]}) == 3 and groups[5] == DEPTH_FLAGS
    assert groups[3] == "d, 1 feature"


def test_a_feature_that_never_changes_is_like_no_other() -> None:
    values = np.column_stack([np.arange(9.0), np.arange(9.0) ** 2, np.ones(9)])
    groups = correlated_groups(values, ["a", "b", "c"], most=2)
    assert groups[0] == groups[1] != groups[2]
