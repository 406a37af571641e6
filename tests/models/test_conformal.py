from __future__ import annotations

import numpy as np
import pytest

from rule_id.models import calibrate, prediction_set
from rule_id.models.conformal import block_weights, not_rejected, smallest_calibration

CLASSES = ["a", "b", "c"]


def exchangeable(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the probabilities of a classifier that is too sure of itself."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n)
    logits = rng.normal(size=(n, 3)) + 1.2 * np.eye(3)[codes]
    weights = np.exp(3 * logits)
    return weights / weights.sum(axis=1, keepdims=True), np.array(CLASSES)[codes]


@pytest.mark.parametrize("miscoverage", [0.1, 0.3])
def test_each_class_is_covered_as_promised(miscoverage):
    calibration = calibrate(*exchangeable(1500, 0), CLASSES)
    probabilities, labels = exchangeable(3000, 1)
    covered = np.array(
        [
            label in prediction_set(row, calibration, miscoverage=miscoverage)
            for row, label in zip(probabilities, labels, strict=True)
        ]
    )
    for name in CLASSES:
        assert abs(covered[labels == name].mean() - (1 - miscoverage)) < 0.04


def test_members_are_sorted_by_probability():
    calibration = {name: [] for name in CLASSES}
    assert prediction_set(np.array([0.2, 0.5, 0.3]), calibration) == ["b", "c", "a"]


def test_a_class_is_rejected_from_the_smallest_calibration_on():
    unlike = np.array([0.0, 1.0])
    for n, rejected in ((smallest_calibration() - 1, False), (smallest_calibration(), True)):
        calibration = {"a": [0.1] * n, "b": [0.1] * n}
        assert ("a" not in prediction_set(unlike, calibration)) == rejected


def test_a_set_may_be_empty():
    calibration = {"a": [0.01] * 20, "b": [0.01] * 20}
    assert prediction_set(np.array([0.5, 0.5]), calibration) == []


def test_scores_are_sorted_and_kept_by_class():
    probabilities = np.array([[0.7, 0.3], [0.9, 0.1], [0.4, 0.6]])
    scores = calibrate(probabilities, np.array(["a", "a", "b"]), ["a", "b"])
    np.testing.assert_allclose(scores["a"], [0.1, 0.3])
    np.testing.assert_allclose(scores["b"], [0.4])


def test_blocks_weigh_the_same_in_each_class_that_they_hold():
    probabilities = np.array([[0.7, 0.3], [0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])
    weights = block_weights(probabilities, np.array(["a", "a", "a", "b"]), ["a", "b"], [0, 0, 1, 0])
    # In the order of scores: 0.1 of block 0, 0.2 of block 1, 0.3 of block 0.
    np.testing.assert_allclose(weights["a"], [0.5, 1, 0.5])
    np.testing.assert_allclose(weights["b"], [1])


def test_a_class_is_rejected_where_the_weighted_quantile_of_the_paper_is_exceeded():
    rng = np.random.default_rng(0)
    probabilities = rng.random((60, 1))
    blocks = np.sort(rng.integers(13, size=60))
    labels = np.full(60, "a")
    calibration = calibrate(probabilities, labels, ["a"])
    weights = block_weights(probabilities, labels, ["a"], blocks)
    # Lee, Barber, Willett: mass 1 / (K + 1) for each of K groups, and as much at infinity.
    counts, n_blocks = np.bincount(blocks), len(np.unique(blocks))
    scores, order = 1 - probabilities[:, 0], np.argsort(1 - probabilities[:, 0])
    mass = np.cumsum(1 / counts[blocks][order]) / (n_blocks + 1)
    for miscoverage in (0.05, 0.13, 0.33, 0.71):
        above = np.flatnonzero(mass >= 1 - miscoverage)
        quantile = scores[order][above[0]] if len(above) else np.inf
        unseen = rng.random((500, 1))
        kept = not_rejected(unseen, calibration, miscoverage=miscoverage, weights=weights)
        np.testing.assert_array_equal(kept[:, 0], 1 - unseen[:, 0] <= quantile)


def test_copies_within_blocks_change_nothing_where_blocks_weigh_the_same():
    probabilities, labels = exchangeable(100, 0)
    unseen, _ = exchangeable(200, 1)
    copies = np.random.default_rng(2).integers(1, 6, size=100)
    repeated, names = np.repeat(probabilities, copies, axis=0), np.repeat(labels, copies)
    weights = block_weights(repeated, names, CLASSES, np.repeat(np.arange(100), copies))
    np.testing.assert_array_equal(
        not_rejected(unseen, calibrate(repeated, names, CLASSES), weights=weights),
        not_rejected(unseen, calibrate(probabilities, labels, CLASSES)),
    )


def test_sets_are_those_of_crepes():
    crepes = pytest.importorskip("crepes")
    probabilities, labels = exchangeable(300, 0)
    calibration = calibrate(probabilities, labels, CLASSES)
    reference = crepes.ConformalClassifier().fit(
        1 - probabilities[np.arange(300), np.searchsorted(CLASSES, labels)], bins=labels, seed=0
    )
    unseen, _ = exchangeable(200, 1)
    bins = np.tile(CLASSES, (200, 1))
    # Without smoothing a p-value of exactly the miscoverage is the one case where they differ.
    p_values = np.stack(
        [
            reference.predict_p((1 - unseen)[:, [k]], bins=bins[:, k], smoothing=False, seed=0)[
                :, 0
            ]
            for k in range(3)
        ],
        axis=1,
    )
    for row, p in zip(unseen, p_values, strict=True):
        expected = {name for name, value in zip(CLASSES, p, strict=True) if value > 0.1 + 1e-9}
        assert set(prediction_set(row, calibration)) == expected
    for miscoverage in (0.05, 0.2):
        kept = not_rejected(unseen, calibration, miscoverage=miscoverage)
        np.testing.assert_array_equal(kept, p_values > miscoverage + 1e-9)
