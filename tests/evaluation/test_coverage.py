from __future__ import annotations

import math

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.evaluation.coverage import COVERAGE_COLUMNS, KnownNetworks, coverage

CLASSES = ["a", "b", "c"]


def exchangeable(n: int, seed: int, first: int = 0) -> KnownNetworks:
    """Networks in blocks of four that have nothing in common, of a classifier too sure of itself.

    Classes are unequally common and unequally easy.
    """
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, size=n, p=[0.5, 0.3, 0.2])
    weights = np.exp(3 * (rng.normal(size=(n, 3)) + np.diag([1.5, 1.0, 0.5])[codes]))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return KnownNetworks(probabilities, np.array(CLASSES)[codes], first + np.arange(n) // 4)


def of_blocks(scores: np.ndarray, sizes: np.ndarray, first: int = 0) -> KnownNetworks:
    """Networks of class a, those of a block with one and the same score."""
    repeated = np.repeat(scores, sizes)
    labels = np.full(len(repeated), "a")
    blocks = first + np.repeat(np.arange(len(scores)), sizes)
    return KnownNetworks(np.stack([1 - repeated, repeated], axis=1), labels, blocks)


def test_each_class_is_covered_as_promised() -> None:
    tables = [
        coverage(exchangeable(240, seed), exchangeable(400, 10_000 + seed, 1000), CLASSES)
        for seed in range(60)
    ]
    for rows in zip(*(table.itertuples() for table in tables), strict=True):
        covered = np.array([row.covered for row in rows])
        error = covered.std(ddof=1) / np.sqrt(len(covered))
        assert covered.mean() > 1 - rows[0].miscoverage - 3 * error
        # Nor by much more: one network of calibration more would tell.
        assert covered.mean() < 1 - rows[0].miscoverage + 1 / 40 + 3 * error


def test_blocks_that_agree_are_missed_too_often_unless_they_weigh_the_same() -> None:
    rng = np.random.default_rng(0)
    n, size, miscoverage = 11, 12, 0.1
    missed: dict[str, list[float]] = {"network": [], "block": []}
    for _ in range(300):
        known = of_blocks(rng.random(n), np.full(n, size))
        unseen = of_blocks(rng.random(30), np.full(30, size), first=n)
        for by, values in missed.items():
            table = coverage(known, unseen, ["a", "b"], [miscoverage], by=by)
            values.append(1 - table["covered"].iloc[0])
    # A new block has one of n + 1 ranks; the worst so many are rejected.
    pooled = math.floor((miscoverage * (size * n + 1) - 1) / size) + 1
    weighted = math.floor(miscoverage * (n + 1))
    assert (pooled, weighted) == (2, 1)
    expected = {"network": pooled / (n + 1), "block": weighted / (n + 1)}
    for by, values in missed.items():
        assert np.mean(values) == pytest.approx(expected[by], abs=3 * np.std(values) / np.sqrt(300))


def test_a_new_block_is_covered_however_large_easy_blocks_are() -> None:
    rng = np.random.default_rng(0)
    missed: dict[str, list[float]] = {"network": [], "block": []}
    for _ in range(200):
        scores = rng.random((2, 40))
        sizes = np.where(scores < 0.7, 20, 1)
        known = of_blocks(scores[0], sizes[0])
        # One network of each new block: of a random network, most are of easy blocks.
        unseen = of_blocks(scores[1], np.ones(40, dtype=int), first=40)
        for by, values in missed.items():
            table = coverage(known, unseen, ["a", "b"], [0.1], by=by)
            values.append(1 - table["covered"].iloc[0])
    assert np.mean(missed["block"]) < 0.1
    assert np.mean(missed["network"]) > 0.25


def test_blocks_of_one_network_are_networks() -> None:
    known, unseen = exchangeable(90, 0), exchangeable(200, 1, 1000)
    alone = KnownNetworks(known.probabilities, known.labels, np.arange(90))
    unseen = KnownNetworks(unseen.probabilities, unseen.labels, unseen.blocks)
    network, block = (coverage(alone, unseen, CLASSES, by=by) for by in ("network", "block"))
    assert network.equals(block)


def test_coverage_and_size_are_those_of_crepes() -> None:
    crepes = pytest.importorskip("crepes")

    class Said:
        """What a classifier said, as one that crepes can wrap."""

        classes_ = np.array(CLASSES)

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return X

    known, unseen = exchangeable(300, 0), exchangeable(250, 1, 1000)
    reference = crepes.WrapClassifier(Said())
    reference.calibrate(known.probabilities, known.labels, class_cond=True, seed=0)
    # No p-value is one of these, where crepes keeps the class and we do not.
    for miscoverage in (0.0503, 0.1007, 0.2011):
        expected = reference.evaluate(
            unseen.probabilities,
            unseen.labels,
            confidence=1 - miscoverage,
            smoothing=False,
            metrics=["error", "avg_c", "empty"],
            seed=0,
        )
        row = coverage(known, unseen, CLASSES, [miscoverage]).iloc[-1]
        assert row["covered"] == pytest.approx(1 - expected["error"])
        assert row["size"] == pytest.approx(expected["avg_c"])
        assert row["empty"] == pytest.approx(expected["empty"])


def test_the_table_says_what_was_tested_and_whether_it_could_exclude() -> None:
    probabilities = np.array([[0.9, 0.1]] * 12 + [[0.2, 0.8]] * 3)
    known = KnownNetworks(probabilities, ["a"] * 12 + ["b"] * 3, np.arange(15) // 2)
    unseen = KnownNetworks(
        np.array([[0.95, 0.05], [0.1, 0.9], [0.0, 1.0], [0.5, 0.5]]), ["a"] * 4, [20, 20, 21, 22]
    )
    table = coverage(known, unseen, ["a", "b"], [0.1])
    assert tuple(table.columns) == COVERAGE_COLUMNS
    of_a, of_all = table.itertuples()  # b is not tested.
    # Class b cannot be excluded by 3 networks, hence no set is empty.
    assert (of_a.covered, of_a.size, of_a.empty, of_a.full) == (0.25, 1.25, 0, 0.25)
    assert (of_a.n, of_a.n_blocks, of_a.n_calibration, of_a.can_exclude) == (4, 3, 12, True)
    assert (of_all[2], of_all.n_calibration, of_all.can_exclude) == ("all", 3, False)
    by_block = coverage(known, unseen, ["a", "b"], [0.1], by="block").iloc[0]
    assert (by_block["n_calibration"], by_block["can_exclude"]) == (6, False)
    assert by_block["full"] == 1


def test_its_error_is_over_blocks() -> None:
    known = KnownNetworks(np.array([[0.9, 0.1]] * 20), ["a"] * 20, np.arange(20))
    rows = np.array([[0.95, 0.05]] * 5 + [[0.1, 0.9]] * 5)
    unseen = KnownNetworks(rows, ["a"] * 10, [30] * 5 + [31] * 5)
    assert coverage(known, unseen, ["a", "b"], [0.1])["covered_sem"].iloc[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"first": 5}, "no block may both calibrate and be tested; 5 does"),
        ({"miscoverages": [0.0]}, "miscoverages must lie between 0 and 1; got 0.0"),
        ({"by": "layer"}, "by must be one of network, block; got 'layer'"),
        ({"classes": ["a", "b"]}, "probabilities in calibration must have .* 2 classes"),
        ({"classes": ["a", "b", "d"]}, "label must be one of a, b, d; got 'c'"),
    ],
)
def test_bad_input_is_named(changed: dict, message: str) -> None:
    options = {"first": 1000, "miscoverages": [0.1], "by": "network", "classes": CLASSES} | changed
    known, unseen = exchangeable(40, 0), exchangeable(40, 1, options["first"])
    with pytest.raises(InputError, match=message):
        coverage(known, unseen, options["classes"], options["miscoverages"], by=options["by"])


def test_labels_and_blocks_are_of_the_same_networks() -> None:
    with pytest.raises(InputError, match="as many networks; got 2 and 1"):
        KnownNetworks(np.full((2, 2), 0.5), ["a", "b"], [0])
