from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rule_id.compact_parts.coding import BESIDE_ZERO, GROWTH, decode, encode, rounded


def back(*trajectories: list[float], grows: bool = False) -> np.ndarray:
    return decode(encode(np.array(trajectories, dtype=np.float32), grows), grows)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 2.0**-40, 2.0**60, -(2.0**127)])
def test_constants_come_back_constant_and_short_numbers_exactly(value):
    assert (back([value] * 7) == value).all()


def test_a_ramp_from_zero_comes_back_and_its_end_is_the_range():
    ramp = np.linspace(0, 1, 21)
    (found,) = back(list(ramp))
    assert found[0] == 0 and found[-1] == 1
    assert np.abs(found - ramp).max() < 0.02
    (down,) = back(list(5 - ramp))
    assert down[0] == 5 and down[-1] == pytest.approx(4, abs=1e-6)
    assert np.abs(down - (5 - ramp)).max() <= 1 / 185


def test_what_is_missing_is_missing_and_nothing_else_is():
    x = [[np.nan, 1, 2, 3], [1, np.nan, np.inf, 4], [np.nan] * 4, [2, 3, np.nan, np.nan]]
    found = back(*x)
    assert np.isnan(found).tolist() == (~np.isfinite(np.array(x))).tolist()
    assert found[0, 3] == 3 and found[1, [0, 3]].tolist() == [1, 4]


def test_no_number_is_too_large_or_too_small():
    big, small = float(np.finfo(np.float32).max), 1e-37
    found = back([big / 2, -big / 3, big], [small, 0, 2 * small], [0, big, 0])
    assert np.isfinite(found).all()
    assert np.sign(found[[0, 2]]).tolist() == [[1, -1, 1], [0, 1, 0]]
    np.testing.assert_allclose(found[1], [small, 0, 2 * small], rtol=0, atol=0.01 * small)


def trajectories(rng: np.random.Generator) -> np.ndarray:
    """Courses of many shapes, from 1e-12 to 1e12, that change by a billionth or a millionfold."""
    size = 10.0 ** rng.uniform(-12, 12, (400, 1))
    change = 10.0 ** rng.uniform(-9, 6, (400, 1))
    shape = np.cumsum(rng.normal(size=(400, 21)), axis=1)
    shape = np.where(rng.random((400, 1)) < 0.3, np.linspace(0, 1, 21) ** 3, shape)
    return (size * (rng.choice([-1, 0, 1], (400, 1)) + change * shape)).astype(np.float32)


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_errors_are_as_small_as_the_docstring_says(seed, grows):
    x = trajectories(np.random.default_rng(seed))
    x = np.abs(x) if grows else x
    coded = encode(x, grows)
    found, x = decode(coded, grows).astype(float), x.astype(float)
    eps = 2.0**-23 * np.abs(x).max(axis=1)  # of single precision, which what is read has
    assert (np.abs(found - x)[:, 0] <= 2.0**-11 * np.abs(x[:, 0])).all()

    change, r = x - x[:, :1], coded.range.astype(float)
    largest = np.abs(change).max(axis=1)
    assert (r >= largest).all() and (r <= largest * (1 + 2.0**-4)).all()
    decades = np.where(grows & (x[:, 0] > 0), GROWTH, BESIDE_ZERO)
    s = np.maximum(np.abs(x[:, 0]) * (1 + 2.0**-11), r / decades)[:, None]
    s[s == 0] = 1
    h = np.arcsinh(r[:, None] / s) / 254
    # The scale is that of the first value as it is kept, 2^-11 off.
    bound = s * h * np.cosh(np.arcsinh(np.abs(change) / s) + h) * 1.001 + 2 * eps[:, None]
    error = np.abs((found - found[:, :1]) - change)
    assert (error <= bound).all()
    moderate = largest <= np.abs(x[:, 0])
    assert (error <= largest[:, None] / 185 + 2 * eps[:, None])[moderate].all()


def test_what_grows_a_thousandfold_keeps_its_beginning():
    x = 1e-3 * np.exp(np.linspace(0, np.log(1000), 21))
    (found,) = back(list(x), grows=True)
    assert np.abs(found / x - 1).max() < 0.04


@pytest.mark.parametrize(("bits", "up"), [(10, False), (4, True), (1, True)])
def test_rounding(bits, up):
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000) * 10.0 ** rng.uniform(-30, 30, 1000)
    found = rounded(x, bits, up).astype(float)
    assert np.unique(rounded(x, bits, up).view(np.uint32) & ((1 << (23 - bits)) - 1)).tolist() == [
        0
    ]
    assert (np.abs(found / x - 1) <= 2.0 ** -(bits + (not up))).all()
    assert not up or (np.abs(found) >= np.abs(x)).all()
    assert np.isnan(rounded(np.array([np.nan]), bits, up)).all()
    assert np.isfinite(rounded(np.array([3.4e38, 1e300, -1e300]), bits, up)).all()


def test_any_bytes_decode_to_numbers():
    rng = np.random.default_rng(0)
    coded = encode(trajectories(rng))
    wild = replace(coded, steps=rng.integers(0, 256, coded.steps.shape, dtype=np.uint8))
    assert not np.isinf(decode(wild)).any() and not np.isinf(decode(wild, grows=True)).any()
