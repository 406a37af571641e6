from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.evaluation.baselines.inputs import N_FLAGS, apply_scaling, as_series, fit_scaling
from rule_id.features import extract
from rule_id.features.extraction import PAPER_STATISTICS
from rule_id.trajectories import DEPTH_GROUPS, Trajectories


def test_each_channel_is_one_statistic_of_the_features(trajectories: Trajectories) -> None:
    table = extract(trajectories, "trajectory", paper=True)
    n_checkpoints = table.info["n_checkpoints"]
    series = as_series(table.matrix(), n_checkpoints, N_FLAGS)
    assert series.shape == (len(table), len(PAPER_STATISTICS), n_checkpoints)
    names = np.array(table.names)
    for channel, statistic in enumerate(PAPER_STATISTICS):
        own = np.flatnonzero([name.startswith(f"{statistic}.") for name in names])
        np.testing.assert_array_equal(series[:, channel], table.matrix()[:, own])
    assert table.names[-N_FLAGS:] == [f"depth.{group}" for group in DEPTH_GROUPS]


def test_columns_that_are_no_whole_statistics_are_refused() -> None:
    for columns in (3, 12, 14):
        message = f"X must have 5 columns a statistic and 3 flags; got {columns} columns"
        with pytest.raises(InputError, match=message):
            as_series(np.zeros((2, columns)), 5, 3)
    assert as_series(np.zeros((2, 13)), 5, 3).shape == (2, 2, 5)


def test_scores_have_mean_0_and_deviation_1_and_flags_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(3, 7, (50, 4)), np.eye(3)[rng.integers(3, size=50)]])
    z = apply_scaling(X, fit_scaling(X, 3))
    np.testing.assert_allclose(z[:, :4].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z[:, :4].std(axis=0), 1)
    np.testing.assert_array_equal(z[:, 4:], X[:, 4:])


def test_what_hardly_varies_is_not_blown_up_and_what_is_wild_is_held() -> None:
    X = np.array([[0.0, 5.0], [2e-6, 5.0]])
    scaling = fit_scaling(X, 0)
    np.testing.assert_array_equal(scaling, [[1e-6, 5.0], [1e-5, 1e-5]])
    np.testing.assert_allclose(apply_scaling(X, scaling), [[-0.1, 0], [0.1, 0]])
    assert apply_scaling(np.array([[1e30, -1e30]]), scaling).tolist() == [[1e6, -1e6]]
