from __future__ import annotations

import numpy as np
import pytest

from rule_id.features.time_axis import ratio, time_axis, weighted

GRIDS = [np.linspace(0, 1, 21), np.linspace(0, 1, 8) ** 2, np.array([0.0, 0.4, 1.0])]


@pytest.mark.parametrize("t", GRIDS)
def test_weights_integrate_a_broken_line_as_a_fine_grid_does(t):
    y = np.random.default_rng(0).normal(size=t.shape)
    fine = np.unique(np.r_[np.linspace(0, 1, 100_001), t])
    line, axis = np.interp(fine, t, y), time_axis(t[:, None])
    late = fine >= 0.75
    expected = {
        "mean": np.trapezoid(line, fine),
        "curvature": 5 * np.trapezoid((6 * fine**2 - 6 * fine + 1) * line, fine),
        "late_slope": 12 / 0.25**3 * np.trapezoid((fine[late] - 0.875) * line[late], fine[late]),
    }
    for name, value in expected.items():
        found = weighted(getattr(axis, name), y[:, None])
        assert found == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize("t", GRIDS)
def test_all_weights_but_those_of_the_mean_see_no_level(t):
    axis = time_axis(t[:, None])
    assert axis.mean.sum() == pytest.approx(1)
    for name in ("early_slope", "late_slope", "curvature"):
        assert getattr(axis, name).sum() == pytest.approx(0, abs=1e-10), name


def test_an_axis_of_each_trajectory_is_the_shared_axis_repeated():
    t = np.linspace(0, 1, 9)[:, None] ** 1.3
    shared, separate = time_axis(t), time_axis(t.repeat(3, axis=1))
    for name, value in vars(shared).items():
        np.testing.assert_array_equal(getattr(separate, name), value.repeat(3, axis=-1))


def test_a_ratio_to_nothing_is_nothing():
    np.testing.assert_array_equal(ratio(np.array([1.0, 2.0]), np.array([0.0, 4.0])), [0, 0.5])
