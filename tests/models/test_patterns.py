from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features import FeatureTable, extract
from rule_id.models import PATTERNS, hide, network_ids
from rule_id.models.patterns import feature_matrix, feature_observables, pattern_of

NAMES = ["weight_abs_mean.level", "activation_sq_var.level", "activity_change_raw_mean.level",
         "depth.early"]  # fmt: skip


def test_every_choice_of_observables_has_one_name():
    assert len(PATTERNS) == 7
    assert all(pattern_of(reversed(held)) == name for name, held in PATTERNS.items())


def test_each_feature_belongs_to_an_observable_or_to_the_depth():
    assert feature_observables(NAMES).tolist() == ["weight", "activation", "activity_change", ""]


def test_hiding_leaves_what_was_recorded_and_the_depth():
    values = np.ones((2, 4), dtype=np.float32)
    hidden = hide(values, NAMES, ["activation"])
    assert hidden.dtype == np.float32
    assert np.isnan(hidden).tolist() == [[True, False, True, False]] * 2
    assert not np.isnan(values).any()


def test_layers_are_combined_within_a_measurement():
    meta = pd.DataFrame({"network": ["a", "a", "a"], "measurement": [0, 0, 1]})
    assert network_ids(meta).tolist() == ["a/0", "a/0", "a/1"]
    assert network_ids(meta[["network"]]).tolist() == ["a"] * 3


def test_paths_are_missing_where_checkpoints_were_not_compared():
    table = extract(synthetic_trajectories(n_blocks=2, networks_per_rule=1))
    path, known = "weight_gain_step.start", table.names[0]
    found = feature_matrix(table, [path, known, "weight_path_speed.end.deviation"])
    assert np.isnan(found[:, [0, 2]]).all()
    np.testing.assert_array_equal(found[:, 1], table.values[known].to_numpy())
    with pytest.raises(InputError, match="1 are missing, such as weight_gone"):
        feature_matrix(table, [known, "weight_gone.start"])


def test_a_matrix_has_the_asked_for_order_and_no_infinite_value():
    values = pd.DataFrame({"a.x": [1.0, np.inf], "b.x": [np.nan, 2.0]}, dtype=np.float32)
    table = FeatureTable(pd.DataFrame({"network": ["n", "n"]}), values, "summary")
    np.testing.assert_array_equal(feature_matrix(table, ["b.x", "a.x"]), [[np.nan, 1], [2, np.nan]])
    with pytest.raises(InputError, match="features must hold all 2 .* 1 are missing, such as c.x"):
        feature_matrix(table, ["a.x", "c.x"])
