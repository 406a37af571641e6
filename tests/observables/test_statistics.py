"""Closed forms, the same numbers from NumPy and torch, and what degenerate tensors give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from rule_id.observables import (
    activation_statistics,
    activity_change_statistics,
    tensor_statistics,
)
from rule_id.trajectories import STATISTICS


def values(shape=(3, 40, 51), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.2, shape)


def test_the_45_names() -> None:
    x = values()
    names = [
        *tensor_statistics(x, "weight"),
        *activation_statistics(x),
        *activity_change_statistics(x[..., 0]),
    ]
    assert tuple(names) == STATISTICS
    assert len(STATISTICS) == 45


@pytest.mark.parametrize("function", ["raw", "abs", "sq"])
def test_statistics_equal_numpy_and_scipy(function: str) -> None:
    x = values((51,))
    y = {"raw": x, "abs": np.abs(x), "sq": x**2}[function]
    got = {
        name.removeprefix(f"weight_{function}_"): value
        for name, value in tensor_statistics(x, "weight").items()
        if name.startswith(f"weight_{function}_")
    }
    expected = {
        "norm": np.linalg.norm(y),
        "mean": y.mean(),
        "median": np.median(y),
        "third_quartile": np.sort(y)[37],  # 0.75 x 50 = 37.5; the lower of two equally near
        "var": y.var(),
        "skew": 3 * (y.mean() - np.median(y)) / y.std(),
        "kurtosis": stats.kurtosis(y, fisher=False),
    }
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-12), name


def test_quantiles_of_squares_are_squares_of_quantiles() -> None:
    table = tensor_statistics(values(), "weight")
    for quantile in ("median", "third_quartile"):
        assert np.array_equal(table[f"weight_sq_{quantile}"], table[f"weight_abs_{quantile}"] ** 2)


@pytest.mark.parametrize("relu", [False, True])
def test_numpy_equals_torch(relu: bool) -> None:
    x = values().astype(np.float32)
    x = np.maximum(x, 0) if relu else x
    pairs = [
        (activation_statistics(x), activation_statistics(torch.as_tensor(x))),
        (tensor_statistics(x, "weight"), tensor_statistics(torch.as_tensor(x), "weight")),
        (activity_change_statistics(x), activity_change_statistics(torch.as_tensor(x))),
    ]
    for ours, theirs in pairs:
        for name in ours:
            np.testing.assert_allclose(ours[name], theirs[name].numpy(), rtol=1e-5, atol=1e-6)


def test_activations_are_aggregated_over_units_then_averaged_over_stimuli() -> None:
    x = values((4, 30))
    got = activation_statistics(x)
    assert got["activation_raw_var"] == pytest.approx(x.var(1).mean())
    assert got["activation_abs_norm"] == pytest.approx(np.linalg.norm(x, axis=1).mean())
    assert got["activation_raw_var"] != pytest.approx(x.var())


def test_a_stimulus_that_moves_no_unit_has_no_shape() -> None:
    x = values((4, 30))
    silenced = np.concatenate([x, np.zeros((2, 30))])
    got, without = activation_statistics(silenced), activation_statistics(x)
    assert got["activation_raw_kurtosis"] == pytest.approx(without["activation_raw_kurtosis"])
    assert got["activation_raw_var"] == pytest.approx(without["activation_raw_var"] * 4 / 6)


@pytest.mark.parametrize("level", [0.0, 0.1, -7.3])
def test_a_constant_tensor(level: float) -> None:
    for x in (np.full((2, 9), level), torch.full((2, 9), level)):
        table = {k: np.asarray(v) for k, v in tensor_statistics(x, "weight").items()}
        assert not table["weight_raw_var"].any()
        assert np.isnan(table["weight_raw_skew"]).all()
        assert np.isnan(table["weight_sq_kurtosis"]).all()
        np.testing.assert_allclose(table["weight_raw_median"], level, rtol=1e-6)


def test_one_sign_apart_is_constant_in_magnitude() -> None:
    table = tensor_statistics(np.array([-2.0, 2.0, 2.0]), "weight")
    assert table["weight_abs_var"] == 0 and np.isnan(table["weight_abs_skew"])
    assert table["weight_raw_var"] > 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_non_finite_entry_makes_all_statistics_of_that_network_missing(bad: float) -> None:
    x = values((2, 5, 6))
    x[1, 3, 2] = bad
    for table in (activation_statistics(x), activity_change_statistics(x[:, 3])):
        for value in table.values():
            assert np.isfinite(value[0]) and np.isnan(value[1])


def test_an_empty_tensor_is_missing() -> None:
    assert all(np.isnan(v).all() for v in tensor_statistics(np.zeros((2, 0)), "weight").values())


def test_a_variance_that_fits_is_there_whatever_its_square_is() -> None:
    far = np.array([1e18, 1.001e18, 1.002e18, 0.999e18], dtype=np.float32)
    table = tensor_statistics(far, "weight")
    assert table["weight_raw_var"] == pytest.approx(far.astype(float).var(), rel=1e-3)
    constant = tensor_statistics(np.full(4, 1e20, dtype=np.float32), "weight")
    assert constant["weight_raw_var"] == 0 and constant["weight_abs_var"] == 0


def test_a_stimulus_that_overflows_is_not_left_out_of_a_mean() -> None:
    x = np.stack([np.arange(10.0), np.full(10, 1e20)]).astype(np.float32)
    table = activation_statistics(x)
    assert table["activation_raw_var"] == pytest.approx(8.25 / 2)
    assert not np.isfinite(table["activation_sq_var"])
    assert np.isfinite(table["activation_raw_kurtosis"])


def test_a_network_that_explodes_warns_nobody() -> None:
    """Sums over stimuli that are not representable are missing in the table, and no more."""
    x = np.full((4, 8), 3e38, dtype=np.float32) * np.linspace(0.5, 1, 8, dtype=np.float32)
    for table in (activation_statistics(x), tensor_statistics(x[0], "weight"),
                  activity_change_statistics(x[:, 0])):  # fmt: skip
        assert not np.isfinite(list(table.values())).all()
