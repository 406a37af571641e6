from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.evaluation.reliability import expected_calibration_error
from rule_id.models.temperature import LIMITS, fit_temperature, tempered

CLASSES = ["a", "b", "c"]


def answers(n: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and posteriors of equally common classes that are raised to the power of T."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n)
    # Log densities of normal classes with means at the corners, hence true posteriors.
    scores = 1.5 * (rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[codes])
    weights = np.exp(scores * temperature)
    return weights / weights.sum(axis=1, keepdims=True), np.array(CLASSES)[codes]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found_and_undone(temperature: float) -> None:
    probabilities, labels = answers(20_000, temperature)
    found = fit_temperature(probabilities, labels, CLASSES)
    assert found == pytest.approx(temperature, rel=0.05)
    unseen, known = answers(20_000, temperature, seed=1)
    assert expected_calibration_error(tempered(unseen, found), known, CLASSES) < 0.015


def test_classes_weigh_the_same() -> None:
    probabilities, labels = answers(3000, 2.0)
    copies = np.where(labels == "a", 5, 1)
    repeated = np.repeat(probabilities, copies, axis=0), np.repeat(labels, copies)
    same = fit_temperature(*repeated, CLASSES)
    assert same == pytest.approx(fit_temperature(probabilities, labels, CLASSES), rel=1e-3)


def test_temperatures_multiply_and_one_changes_nothing() -> None:
    probabilities, _ = answers(50, 1.0)
    np.testing.assert_allclose(tempered(probabilities, 1.0), probabilities)
    np.testing.assert_allclose(
        tempered(tempered(probabilities, 2.0), 1.5), tempered(probabilities, 3.0)
    )
    np.testing.assert_allclose(tempered(probabilities, 1e9), 1 / 3, rtol=1e-6)


def test_where_all_are_right_the_lower_limit_is_near() -> None:
    found = fit_temperature(np.array([[0.6, 0.4], [0.4, 0.6]]), ["a", "b"], ["a", "b"])
    assert LIMITS[0] < found < 0.05


def test_a_veto_is_finite() -> None:
    assert np.isfinite(fit_temperature(np.array([[1.0, 0.0]]), ["b"], ["a", "b"]))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_is_above_0(temperature: float) -> None:
    with pytest.raises(InputError, match="temperature must be above 0; got"):
        tempered(np.array([[0.5, 0.5]]), temperature)
