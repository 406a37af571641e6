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
    groups = correlated_groups(values, ["a", "b", "c"], most=1)
    assert groups[0] == groups[1] != groups[2] == "never changing, 1 feature"


def test_features_that_never_change_do_not_join_the_others() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=(50, 4)), np.ones(50), np.full(50, np.nan)])
    groups = correlated_groups(values, ["a", "b", "c", "d", "e", "f"], most=4)
    assert groups[:4] == [f"{name}, 1 feature" for name in "abcd"]
    assert groups[4] == groups[5] == "never changing, 2 features"
    assert correlated_groups(values[:, 3:], ["d", "e", "f"])[0] == "d, 1 feature"
    assert set(correlated_groups(values[:, 4:], ["e", "depth.deep"])) == {
        "never changing, 1 feature", DEPTH_FLAGS,
    }  # fmt: skip
