from __future__ import annotations

import numpy as np
import pytest

from rule_id.models.outside import deviations, distances, edge, sticking_out

NAMES = ["weight_abs_mean.level", "activation_abs_mean.level", "depth.early"]
QUANTILES = np.array([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 1.0, 1.0]])


def test_the_edge_of_a_range_is_one_on_either_side() -> None:
    values = np.array([[-1.0, 0.0, 1.0], [2.0, 1.0, 1.0], [1.0, np.nan, 1.0]])
    found = deviations(values, QUANTILES, NAMES)
    np.testing.assert_allclose(found[:, 0], [1.0, 1.0, 0.5])
    np.testing.assert_allclose(found[:2, 1], [1.0, 0.0])
    assert np.isnan(found[2, 1])
    assert np.isnan(found[:, 2]).all()  # where a layer lies is not unusual


def test_no_feature_counts_for_more_than_ten() -> None:
    values = np.array([[1e9, 1.5, 0.0]])  # the second was never above 1
    np.testing.assert_allclose(deviations(values, QUANTILES, NAMES)[0, :2], [10, 10])


def test_a_distance_is_the_root_mean_square_over_what_was_recorded() -> None:
    values = np.array([[2.0, 0.0, 1.0], [0.0, np.nan, 1.0], [np.nan, np.nan, 1.0]])
    found = distances(values, QUANTILES, NAMES, np.array(["a", "a", "b"]))
    np.testing.assert_allclose(found, [np.sqrt((1 + 1 + 0) / 3), 0.0])


def test_one_in_a_hundred_lies_beyond_the_edge() -> None:
    held_out = np.arange(1000.0)
    assert np.mean(held_out > edge(held_out)) == pytest.approx(0.01, abs=0.0011)
    assert edge([0.3]) == 0.3


def test_what_sticks_out_is_named_with_its_layer_and_its_range() -> None:
    values = np.array([[0.0, 1.0, 1.0], [6.0, 0.4, 0.0]])
    (only,) = sticking_out(values, QUANTILES, NAMES, ["V1", "LM"])
    assert (only.feature, only.layer, only.deviation) == (NAMES[0], "LM", 3.0)
    assert str(only) == "weight_abs_mean.level of LM: 6, usual -1 to 2"
    assert sticking_out(values[:1], QUANTILES, NAMES, ["V1"]) == []
