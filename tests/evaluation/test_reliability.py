from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from rule_id.errors import InputError
from rule_id.evaluation.reliability import (
    RELIABILITY_COLUMNS,
    expected_calibration_error,
    reliability,
)

CLASSES = ["a", "b", "c", "d"]


def perfect(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(4, 0.6), size=n)
    codes = (probabilities.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return probabilities, np.array(CLASSES)[codes]


def certain(confidence: float, right: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Class a is named with one confidence throughout, and is true in some of the networks."""
    row = [confidence, *[(1 - confidence) / 3] * 3]
    return np.tile(row, (n, 1)), np.array(["a"] * right + ["b"] * (n - right))


def test_perfect_probabilities_have_an_error_of_chance_alone() -> None:
    errors, expected = [], []
    for seed in range(20):
        probabilities, labels = perfect(2000, seed)
        errors.append(expected_calibration_error(probabilities, labels, CLASSES))
        table = reliability(probabilities, labels, CLASSES, bins=15)
        c, n = table["confidence"], table["n"]
        expected.append(np.sqrt(2 * n * c * (1 - c) / np.pi).sum() / n.sum())
    assert np.mean(errors) < 0.03
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.15)


@pytest.mark.parametrize("over", ["width", "mass"])
def test_too_much_confidence_is_the_error(over: str) -> None:
    error = expected_calibration_error(*certain(0.9, 120, 200), CLASSES, over=over)
    assert error == pytest.approx(0.3)


def test_errors_that_cancel_in_a_bin_are_seen_in_bins_of_equal_mass() -> None:
    low, high = certain(0.95, 100, 100), certain(0.99, 94, 100)
    both = (np.concatenate(pair) for pair in zip(low, high, strict=True))
    probabilities, labels = both
    of = {
        over: expected_calibration_error(probabilities, labels, CLASSES, bins=10, over=over)
        for over in ("width", "mass")
    }
    assert of["width"] == pytest.approx(0) and of["mass"] == pytest.approx(0.05)


def test_bins_are_those_of_scikit_learn() -> None:
    probabilities, labels = perfect(500)
    table = reliability(probabilities, labels, CLASSES, bins=8)
    right = np.array(CLASSES)[probabilities.argmax(axis=1)] == labels
    shares, means = calibration_curve(right, probabilities.max(axis=1), n_bins=8)
    np.testing.assert_allclose(table["accuracy"], shares)
    np.testing.assert_allclose(table["confidence"], means)


def test_every_network_is_in_one_bin_and_empty_bins_are_left_out() -> None:
    table = reliability(*perfect(300), CLASSES, bins=10)
    assert tuple(table.columns) == RELIABILITY_COLUMNS
    assert table["n"].sum() == 300 and (table["n"] > 0).all()
    assert table["low"].min() >= 0.2  # The largest of four is above a quarter.
    assert ((table["low"] < table["confidence"]) & (table["confidence"] <= table["high"])).all()
    (row,) = reliability(*certain(0.9, 1, 2), CLASSES, bins=10).itertuples()
    assert (row.low, row.high, row.n, row.accuracy) == pytest.approx((0.8, 0.9, 2, 0.5))


def test_errors_are_over_blocks() -> None:
    probabilities, labels = certain(0.9, 2, 4)
    (error,) = reliability(probabilities, labels, CLASSES, blocks=[0, 0, 1, 1])["accuracy_sem"]
    assert error == pytest.approx(0.5)
    assert reliability(probabilities, labels, CLASSES)["accuracy_sem"].isna().all()


def test_the_order_of_networks_and_classes_does_not_matter() -> None:
    probabilities, labels = perfect(200)
    order, columns = np.random.default_rng(1).permutation(200), [2, 0, 3, 1]
    for over in ("width", "mass"):
        assert expected_calibration_error(
            probabilities[order][:, columns],
            labels[order],
            [CLASSES[column] for column in columns],
            over=over,
        ) == pytest.approx(expected_calibration_error(probabilities, labels, CLASSES, over=over))


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="bins must be 1 or more; got 0"):
        reliability(*perfect(5), CLASSES, bins=0)
    with pytest.raises(InputError, match="over must be one of width, mass; got 'rank'"):
        expected_calibration_error(*perfect(5), CLASSES, over="rank")
