from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.features import extract
from rule_id.features.invariant import INVARIANT_STATISTICS, SPREAD, normalise
from rule_id.features.paths import is_of_path
from rule_id.recordings import recording_from_arrays
from rule_id.trajectories import STATISTICS, Trajectories, observable_of

# How each statistic grows when what it is taken of is multiplied by c, written out by hand.
POWERS = {
    "raw_norm": 1, "raw_mean": 1, "raw_median": 1, "raw_third_quartile": 1, "raw_var": 2,
    "raw_skew": 0, "raw_kurtosis": 0,
    "abs_norm": 1, "abs_mean": 1, "abs_median": 1, "abs_third_quartile": 1, "abs_var": 2,
    "abs_skew": 0, "abs_kurtosis": 0,
    "sq_norm": 2, "sq_mean": 2, "sq_median": 2, "sq_third_quartile": 2, "sq_var": 4,
    "sq_skew": 0, "sq_kurtosis": 0,
}  # fmt: skip


def scaled(trajectories: Trajectories, observable: str, factor: float) -> Trajectories:
    rows = trajectories.rows.copy()
    for name in STATISTICS:
        if observable_of(name) == observable:
            power = POWERS[name.removeprefix(observable + "_")]
            rows[name] = (rows[name] * factor**power).astype(np.float32)
    return Trajectories(trajectories.networks, rows, trajectories.source)


@pytest.mark.parametrize("observable", ["activation", "weight", "activity_change"])
@pytest.mark.parametrize("factor", [0.01, 0.1, 10.0, 100.0])
def test_the_unit_of_an_observable_leaves_every_feature_unchanged(trajectories, observable, factor):
    plain = extract(trajectories, "invariant").values
    other = extract(scaled(trajectories, observable, factor), "invariant").values
    # The spread is a small difference of two float32.
    np.testing.assert_allclose(other, plain, rtol=1e-4, atol=1e-4)


def test_a_summary_is_not_invariant(trajectories):
    names = ["activation_raw_mean.start", "activation_raw_mean.end"]
    plain, other = (
        extract(table, "summary").values[names]
        for table in (trajectories, scaled(trajectories, "activation", 100.0))
    )
    np.testing.assert_allclose(other - plain, 2, atol=0.01)


def statistics_of_normal_tensors(n_checkpoints, n, scales, seed=0):
    """The weight statistics of normal tensors (T, 45), the other observables missing."""
    values = np.full((1, n_checkpoints, 45), np.nan)
    rng = np.random.default_rng(seed)
    for t, scale in enumerate(scales):
        x = scale * rng.normal(size=n)
        for function, y in (("raw", x), ("abs", np.abs(x)), ("sq", x**2)):
            found = {
                "norm": np.linalg.norm(y), "mean": y.mean(), "median": np.median(y),
                "third_quartile": np.quantile(y, 0.75), "var": y.var(),
            }  # fmt: skip
            for statistic, value in found.items():
                values[0, t, STATISTICS.index(f"weight_{function}_{statistic}")] = value
    return values


def test_normal_weights_have_the_moments_of_the_standard_normal():
    values = statistics_of_normal_tensors(2, 200_000, scales=(0.03, 0.06))
    found = dict(zip(INVARIANT_STATISTICS, normalise(values, np.array([7]))[0].T, strict=True))
    expected = {
        "weight_raw_norm": (1, 2), "weight_sq_norm": (3**0.5, 4 * 3**0.5),
        "weight_abs_mean": (0.798, 1.596), "weight_raw_var": (1, 4), "weight_sq_mean": (1, 4),
        "weight_sq_var": (2, 32),
    }  # fmt: skip
    for name, pair in expected.items():
        np.testing.assert_allclose(found[name], pair, rtol=0.03, err_msg=name)
    assert np.isnan(found["activation_raw_mean"]).all()


def test_norms_of_activations_are_taken_by_unit():
    values = np.full((2, 2, 45), np.nan)
    for name, value in (("sq_mean", 4.0), ("raw_norm", 2.0)):
        values[:, :, STATISTICS.index(f"activation_{name}")] = value
    norms = normalise(values, np.array([1, 100]))[..., STATISTICS.index("activation_raw_norm")]
    np.testing.assert_allclose(norms, [[1, 1], [0.1, 0.1]])


def test_an_offset_leaves_the_offset_free_statistics_unchanged(trajectories):
    moved = trajectories.rows.copy()
    for statistic in ("mean", "median", "third_quartile"):
        moved[f"activation_raw_{statistic}"] += 3
    # The square sees the offset: mean((x + 3)^2) = mean(x^2) + 6 mean(x) + 9.
    moved["activation_sq_mean"] += 6 * trajectories.rows["activation_raw_mean"] + 9
    plain, other = (
        extract(Trajectories(trajectories.networks, rows), "invariant").values
        for rows in (trajectories.rows, moved)
    )
    free = ("activation_raw_var", "activation_raw_skew", "activation_raw_kurtosis", SPREAD)
    names = [name for name in plain if name.startswith(free)]
    assert len(names) == 4 * 13
    # Roughness and curvature of a float32 difference of quartiles carry its rounding.
    np.testing.assert_allclose(other[names], plain[names], rtol=1e-3, atol=1e-4)
    assert not np.allclose(other["activation_raw_mean.start"], plain["activation_raw_mean.start"])


def recorded(gain=1.0, offset=0.0):
    """The features of random activations and weights that grow and turn with training."""
    rng = np.random.default_rng(5)
    before, after = rng.gamma(2, size=(2, 8, 30))
    time = np.linspace(0, 1, 11)[:, None, None]
    x = gain * (before + time * after + offset)
    recording = recording_from_arrays("r", np.arange(11), {"a": x}, {"a": 0.3 * x[:, :, :9]})
    return extract(recording.trajectories, "invariant").values


@pytest.mark.parametrize("gain", [0.01, 100.0])
def test_the_unit_of_real_tensors_leaves_every_feature_unchanged(gain):
    plain = recorded()
    # Some curves of a straight path never change, and then have no half time.
    of_one = [not (name.startswith("activity_change") or is_of_path(name)) for name in plain]
    measured = plain.loc[:, of_one]
    assert measured.notna().all(axis=None)
    # Differences of cosines: of a path as straight as this one they are rounding.
    names = [name for name in plain if "_path_carry" not in name]
    np.testing.assert_allclose(recorded(gain)[names], plain[names], rtol=1e-3, atol=1e-4)


def test_the_unit_and_offset_of_real_activations_leave_the_offset_free_unchanged():
    plain, other = recorded(), recorded(7.0, offset=5.0)
    free = ("activation_raw_var", "activation_raw_skew", "activation_raw_kurtosis", SPREAD)
    names = [name for name in plain if name.startswith((*free, "activation_path"))]
    names = [name for name in names if "_path_carry" not in name]
    np.testing.assert_allclose(other[names], plain[names], rtol=1e-3, atol=1e-4)


def test_the_first_measured_checkpoint_gives_the_scale(trajectories):
    rows = trajectories.rows.copy()
    rows.loc[rows["checkpoint"] == 0, list(STATISTICS)] = np.nan
    later = trajectories.rows[trajectories.rows["checkpoint"] > 0]
    missing, cut = (
        extract(Trajectories(trajectories.networks, table), "invariant").values
        for table in (rows, later)
    )
    pd.testing.assert_frame_equal(missing, cut)


def test_a_layer_silent_at_first_has_no_features_of_activations(trajectories):
    rows = trajectories.rows.copy()
    names = [name for name in STATISTICS if observable_of(name) == "activation"]
    silent = (rows["layer"] == 0) & (rows["checkpoint"] == 0)
    rows.loc[silent, names] = 0
    table = extract(Trajectories(trajectories.networks, rows), "invariant")
    first = table.values[(table.meta["layer"] == 0).to_numpy()]
    assert first["activation_abs_mean.early_slope"].isna().all()
    assert first["weight_abs_mean.early_slope"].notna().all()
