"""Selecting against sorting."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.observables import order, tensor_statistics
from rule_id.observables.order import LONG, order_of

N = LONG + 37
RANKS = [0, N // 2, 3 * N // 4, N - 1]


def rows(kind: str, dtype: type) -> np.ndarray:
    source = np.random.default_rng(0)
    x = source.standard_normal((3, N))
    made = {
        "normal": x,
        "negative": -np.abs(x),
        "heavy tails": x / np.abs(x[:, ::-1]) ** 3,
        "tiny and huge": x * 10.0 ** source.integers(-30, 15, x.shape),
        "many equal": np.round(x),
        "behind a relu": np.maximum(x, 0),
        "constant": np.full_like(x, -0.3),
        "zero": np.zeros_like(x),
        "nearly constant": 1 + 1e-6 * x,
    }
    return made[kind].astype(dtype)


KINDS = (
    "normal", "negative", "heavy tails", "tiny and huge", "many equal", "behind a relu",
    "constant", "zero", "nearly constant",
)  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_selected_is_sorted(kind: str, dtype: type) -> None:
    x = rows(kind, dtype)
    found, ordered = order_of(x, RANKS), np.sort(x, -1)
    magnitudes = np.sort(np.abs(x), -1)
    assert np.array_equal(found.low, ordered[:, 0]) and np.array_equal(found.high, ordered[:, -1])
    assert np.array_equal(found.least, magnitudes[:, 0])
    for rank, value, magnitude in zip(RANKS, found.values, found.magnitudes, strict=True):
        assert np.array_equal(value, ordered[:, rank])
        assert np.array_equal(magnitude, magnitudes[:, rank])


def test_normal_rows_are_selected_from_and_not_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "array_namespace", None)  # what sorting needs
    order_of(rows("normal", np.float32), RANKS)
    with pytest.raises(TypeError):
        order_of(rows("constant", np.float32), RANKS)


def test_any_number_of_axes() -> None:
    x = rows("normal", np.float32)
    deep = order_of(x.reshape(3, 1, N), RANKS)
    assert deep.low.shape == deep.values[1].shape == deep.magnitudes[1].shape == (3, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_long_row_that_is_not_finite_is_missing(bad: float) -> None:
    x = rows("normal", np.float32)
    x[1, 5] = bad
    for table in (tensor_statistics(x, "weight"), tensor_statistics(torch.as_tensor(x), "weight")):
        for value in table.values():
            assert np.isfinite(np.asarray(value)).tolist() == [True, False, True]


@pytest.mark.parametrize("factor", [1e-18, 1e-12, 1e12])
def test_statistics_scale_as_they_should_however_small_or_large(factor: float) -> None:
    """In single precision, where the fourth power of what differs from a mean would not fit."""
    x = rows("normal", np.float32)
    plain = tensor_statistics(x, "weight")
    scaled = tensor_statistics(x * np.float32(factor), "weight")
    for function in ("raw", "abs", "sq"):
        for name in ("skew", "kurtosis"):
            key = f"weight_{function}_{name}"
            np.testing.assert_allclose(scaled[key], plain[key], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scaled["weight_raw_norm"], plain["weight_raw_norm"] * factor, 1e-5)
