from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.features.summaries import summarise, summary_names, time_of

GRIDS = {
    "11": np.linspace(0, 1, 11),
    "21": np.linspace(0, 1, 21),
    "41": np.linspace(0, 1, 41),
    "uneven": np.linspace(0, 1, 31) ** 1.5,
    "random": np.sort(np.r_[0, np.random.default_rng(3).uniform(size=38), 1]),
}

CURVES = {
    "linear": lambda t: 2 + 3 * t,
    "quadratic": lambda t: 1 + (t - 0.3) ** 2,
    "exponential": lambda t: 4 - 3 * np.exp(-4 * t),
    "through zero": lambda t: np.sin(3 * t) - 0.5,
    "falling": lambda t: -1 - t**2,
}


def summaries(curve, t=GRIDS["21"]):
    table = summarise(t[:, None], np.asarray(curve(t), dtype=np.float64)[:, None])
    return {name: float(value[0]) for name, value in table.items()}


def slope(curve, low, high):
    """The least-squares slope of a curve over an interval, from many points."""
    t = np.linspace(low, high, 20001)
    return np.polyfit(t, curve(t), 1)[0]


def mean_magnitude(curve):
    t = (np.arange(100_000) + 0.5) / 100_000
    return np.mean(np.abs(curve(t)))


def test_every_summary_is_in_the_list_and_no_other():
    assert tuple(summaries(CURVES["linear"])) == summary_names()


def test_a_line_has_one_slope_no_curvature_and_no_roughness():
    found = summaries(lambda t: 2 + 3 * t)
    assert found["start"] == pytest.approx(np.log10(1 + 2e6))
    assert found["end"] == pytest.approx(np.log10(1 + 5e6))
    assert found["relative_change"] == pytest.approx(3 / 7)
    assert found["early_slope"] == pytest.approx(3 / 3.5)
    assert found["late_slope"] == pytest.approx(3 / 3.5)
    assert found["half_time"] == pytest.approx(0.5)
    assert found["curvature"] == pytest.approx(0, abs=1e-12)
    assert found["roughness"] == pytest.approx(0, abs=1e-12)
    assert (found["minimum"], found["time_of_minimum"]) == (0, 0)
    assert (found["maximum"], found["time_of_maximum"]) == (pytest.approx(3 / 3.5), 1)


def test_a_quadratic_has_its_legendre_coefficient_and_extremes():
    # (t - 0.3)^2 = (u + 0.4)^2 / 4 with u = 2t - 1, and u^2 = (2 P_2(u) + 1) / 3.
    curve = CURVES["quadratic"]
    found, scale = summaries(curve), 1 + (0.7**3 + 0.3**3) / 3
    assert found["curvature"] == pytest.approx(1 / 6 / scale, rel=1e-2)
    assert found["early_slope"] == pytest.approx(2 * (0.125 - 0.3) / scale, rel=1e-2)
    assert found["late_slope"] == pytest.approx(2 * (0.875 - 0.3) / scale, rel=1e-2)
    assert found["time_of_minimum"] == pytest.approx(0.3)
    assert found["minimum"] == pytest.approx(-0.09 / scale, rel=1e-2)
    assert found["maximum"] == pytest.approx(0.4 / scale, rel=1e-2)
    assert found["time_of_maximum"] == 1


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_the_mean_is_that_over_time_wherever_points_lie(grid):
    """Of sin(3t) - 1/2 the integral is (1 - cos 3) / 3 - 1/2, of a line the value half-way."""
    assert summaries(CURVES["linear"], grid)["mean"] == pytest.approx(np.log10(1 + 3.5e6))
    expected = (1 - np.cos(3)) / 3 - 1 / 2
    found = summaries(CURVES["through zero"], grid)["mean"]
    assert 1e-6 * (10**found - 1) == pytest.approx(expected, rel=0.04)


def test_an_exponential_is_half_way_at_its_half_life():
    curve = CURVES["exponential"]
    found = summaries(curve, GRIDS["41"])
    scale = 4 - 3 * (1 - np.exp(-4)) / 4
    assert found["half_time"] == pytest.approx(-np.log((1 + np.exp(-4)) / 2) / 4, abs=2e-3)
    assert found["early_slope"] == pytest.approx(slope(curve, 0, 0.25) / scale, rel=1e-2)
    assert found["late_slope"] == pytest.approx(slope(curve, 0.75, 1) / scale, rel=1e-2)
    assert found["curvature"] < 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("level", [0.0, 1e-30, -2.5, 0.1, 3e38])
def test_a_constant_has_no_change_and_no_half_time(level):
    found = summaries(lambda t: np.full_like(t, level))
    undefined = {"half_time", "time_of_minimum", "time_of_maximum"}
    assert (
        found["start"]
        == found["mean"]
        == found["end"]
        == np.sign(level) * np.log10(1 + abs(level) / 1e-6)
    )
    assert all(np.isnan(found[name]) for name in undefined)
    zero = set(found) - undefined - {"start", "mean", "end"}
    assert {name: found[name] for name in zero} == dict.fromkeys(zero, 0.0)


def test_rounding_has_no_times():
    found = summaries(lambda t: np.float32(0.1) * (1 + 1e-7 * (np.arange(21)[::-1] % 3)))
    assert all(np.isnan(found[name]) for name in ("half_time", "time_of_minimum"))
    assert found["late_slope"] == pytest.approx(0, abs=1e-5)


def test_two_checkpoints_are_enough_for_all_but_roughness():
    found = summaries(lambda t: 1 + t, np.array([0.0, 1.0]))
    assert np.isnan(found.pop("roughness"))
    assert found["early_slope"] == pytest.approx(1 / 1.5)
    assert found["late_slope"] == pytest.approx(1 / 1.5)
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_checkpoints_elsewhere_give_nearly_the_same(curve, grid):
    found, dense = summaries(curve, grid), summaries(curve, np.linspace(0, 1, 2001))
    # A coarse grid misses an extreme by up to half of its widest step, here 0.13, and takes part
    # of the curve between neighbours for roughness.
    for name, value in found.items():
        assert value == pytest.approx(dense[name], rel=0.03, abs=0.1), name


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e5])
def test_a_factor_changes_the_levels_alone(curve, factor):
    found, scaled = summaries(curve), summaries(lambda t: factor * curve(t))
    for name in set(found) - {"start", "mean", "end"}:
        assert scaled[name] == pytest.approx(found[name], rel=1e-9, abs=1e-12), name
    assert abs(scaled["start"]) != pytest.approx(abs(found["start"]))


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_slopes_are_in_units_of_the_mean_magnitude(curve):
    found = summaries(curve, np.linspace(0, 1, 401))
    expected = slope(curve, 0.75, 1) / mean_magnitude(curve)
    assert found["late_slope"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("grid", [np.linspace(0, 1, 2001), np.linspace(0, 1, 2001) ** 2])
def test_roughness_is_the_standard_deviation_of_white_noise(grid):
    noise = np.random.default_rng(0).normal(size=grid.shape)
    found = summaries(lambda t: 10 + t + 0.2 * noise, grid)
    assert found["roughness"] == pytest.approx(0.2 / 10.5, rel=0.1)


def test_an_overshoot_reaches_half_before_its_peak():
    found = summaries(lambda t: np.interp(t, [0, 0.5, 1], [0, 4, 2]))
    assert found["half_time"] == pytest.approx(0.125)
    assert found["time_of_maximum"] == pytest.approx(0.5)


def test_half_is_reached_where_it_is_met_exactly():
    found = summaries(lambda t: np.array([0, 1, 5, 5, 5, 7, 10]) * 1e-40, np.linspace(0, 1, 7))
    assert found["half_time"] == pytest.approx(2 / 6)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_shared_times_give_what_times_of_each_trajectory_give(grid):
    t = grid[:, None]
    x = np.random.default_rng(0).normal(size=(len(t), 6)).cumsum(axis=0) * 10.0 ** np.arange(6)
    separate = summarise(t.repeat(6, axis=1), x)
    for name, value in summarise(t, x).items():
        np.testing.assert_allclose(value, separate[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_copies_of_the_last_point_weigh_nothing():
    t = GRIDS["random"]
    x = CURVES["through zero"](t)
    copies = summarise(
        np.r_[t, [1.0] * 5][:, None].repeat(2, axis=1), np.r_[x, [x[-1]] * 5][:, None]
    )
    for name, value in summarise(t[:, None], x[:, None]).items():
        assert copies[name] == pytest.approx(value[0]), name


def test_summaries_say_which_part_of_training_they_speak_of():
    assert {name: time_of(name) for name in ("start", "early_slope", "late_slope", "end")} == {
        "start": "start", "early_slope": "early", "late_slope": "late", "end": "end",
    }  # fmt: skip
    assert {time_of(name) for name in summary_names()} <= {"start", "early", "late", "end", "whole"}
    assert time_of("deep") == time_of("curvature") == "whole"
    thirds = [time_of(f"checkpoint_{k:02}") for k in range(21)]
    assert thirds == ["early"] * 7 + ["middle"] * 7 + ["late"] * 7
    assert [time_of(f"checkpoint_{k}", 3) for k in range(3)] == ["early", "middle", "late"]


def test_an_unknown_summary_is_refused():
    with pytest.raises(
        InputError, match="summary must be one of start, mean, end, .*; got 'speed'"
    ):
        time_of("speed")


@pytest.mark.parametrize("name", ["checkpoint_21", "checkpoint_x", "checkpoint_"])
def test_a_checkpoint_beyond_the_last_is_refused(name):
    with pytest.raises(InputError, match=f"checkpoint_<k> with k from 0 to 20; got '{name}'"):
        time_of(name)
