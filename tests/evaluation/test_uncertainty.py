from __future__ import annotations

import numpy as np
import pytest
from answering import answers

from rule_id.evaluation.reliability import expected_calibration_error
from rule_id.evaluation.results import FURTHER
from rule_id.evaluation.uncertainty import calibration_tables, coverage_table

CLASSES = ["a", "b", "c"]


def half(first_block: int, sharpness: float = 1.0, n: int = 600, seed: int = 0):
    """Networks whose classes are drawn by the probabilities, which are then made sharper."""
    rng = np.random.default_rng([seed, first_block])
    p = rng.dirichlet(np.ones(3), n)
    true = [CLASSES[k] for k in (p.cumsum(1) > rng.uniform(size=(n, 1))).argmax(1)]
    sharp = p**sharpness / (p**sharpness).sum(1, keepdims=True)
    return answers(true, sharp, CLASSES, first_block + np.arange(n) % 30)


def pair(sharpness: float = 1.0, seed: int = 0):
    return [half(0, sharpness, seed=seed), half(100, sharpness, seed=seed)]


@pytest.fixture(scope="module")
def tables():
    halves = {
        ("linear", "rule", 0): pair(), ("linear", "rule", 1): pair(seed=1),
        ("xgboost", "rule", 0): pair(4.0), ("xgboost", "rule", 1): pair(4.0, seed=1),
    }  # fmt: skip
    return halves, *calibration_tables(halves), coverage_table(halves)


def test_temperature_is_what_makes_probabilities_too_sharp(tables) -> None:
    _, calibration, _, _ = tables
    assert tuple(calibration.columns) == FURTHER["calibration"] and len(calibration) == 4
    rows = calibration.set_index(["model", "scaled"])
    assert (rows.xs("raw", level="scaled")["temperature"] == 1).all()
    assert rows.loc[("linear", "tempered"), "temperature"] == pytest.approx(1, abs=0.15)
    assert rows.loc[("xgboost", "tempered"), "temperature"] == pytest.approx(4, rel=0.15)
    assert rows.loc[("xgboost", "raw"), "error"] > 0.15
    assert rows.loc[("xgboost", "tempered"), "error"] < 0.07
    assert rows.loc[("linear", "raw"), "error"] < 0.07
    assert (rows["n"] == 2 * 2 * 600).all()
    # Temperature changes no order.
    assert rows.loc[("xgboost", "raw"), "accuracy"] == rows.loc[("xgboost", "tempered"), "accuracy"]
    assert (
        rows.loc[("xgboost", "raw"), "confidence"] > rows.loc[("xgboost", "raw"), "accuracy"] + 0.1
    )


def test_the_error_is_the_mean_over_halves_and_splits(tables) -> None:
    halves, calibration, _, _ = tables
    errors = [
        np.mean([expected_calibration_error(a.probabilities, a.true, a.classes) for a in two])
        for (model, *_), two in halves.items()
        if model == "linear"
    ]
    row = calibration.iloc[0]
    assert row["error"] == pytest.approx(np.mean(errors))
    assert row["error_sem"] == pytest.approx(abs(errors[0] - errors[1]) / 2)


def test_reliability_holds_every_network_once(tables) -> None:
    _, calibration, reliability, _ = tables
    assert tuple(reliability.columns) == FURTHER["reliability"]
    for keys, bins in reliability.groupby(["model", "target", "scaled"]):
        assert bins["n"].sum() == 2 * 2 * 600
        row = calibration.set_index(["model", "target", "scaled"]).loc[keys]
        for column in ("confidence", "accuracy"):
            assert np.average(bins[column], weights=bins["n"]) == pytest.approx(row[column])
    exact = reliability[(reliability["model"] == "linear") & (reliability["n"] > 50)]
    assert (exact["accuracy"] - exact["confidence"]).abs().max() < 0.15
    sharp = reliability[(reliability["model"] == "xgboost") & (reliability["scaled"] == "raw")]
    assert (sharp["confidence"] - sharp["accuracy"]).iloc[-1] > 0.1


def test_the_temperature_of_a_half_is_that_of_the_other() -> None:
    """One half is sharp and the other is not: each is scaled by what the other needs."""
    first, second = half(0, 4.0), half(100)
    calibration, _ = calibration_tables({("linear", "rule", 0): [first, second]})
    rows = calibration.set_index("scaled")
    assert rows.loc["tempered", "error"] > rows.loc["raw", "error"]
    assert rows.loc["tempered", "temperature"] == pytest.approx(2, rel=0.1)  # of 4 and 1


def test_sets_hold_the_true_class_as_often_as_they_promise(tables) -> None:
    *_, coverage = tables
    assert tuple(coverage.columns) == FURTHER["coverage"]
    assert set(coverage["by"]) == {"network", "block"}
    assert set(coverage["class"]) == {*CLASSES, "all"} and coverage["can_exclude"].all()
    every = coverage[coverage["class"] == "all"]
    assert len(every) == 2 * 2 * 3
    for row in every.itertuples():
        # By block a network of a class counts less where more are of it.
        assert row.covered == pytest.approx(1 - row.miscoverage, abs=0.05)
        assert row.n == 600 and row.n_blocks == 30 and 1 < row.size < 3
    sizes = every[every["by"] == "network"].pivot(
        index="model", columns="miscoverage", values="size"
    )
    assert (np.diff(sizes, axis=1) < 0).all()  # who may miss more names fewer


def test_few_that_calibrate_exclude_nothing() -> None:
    few = [half(0, n=20), half(100, n=20)]
    coverage = coverage_table({("linear", "rule", 0): few, ("linear", "rule", 1): pair()})
    every = coverage[(coverage["class"] == "all") & (coverage["by"] == "network")]
    strict = every[every["miscoverage"] == 0.05].iloc[0]
    # In one of the two splits no rule can be excluded, so that the number is of no such sets.
    assert not strict["can_exclude"] and strict["covered"] > 0.95
    assert strict["n"] == 310


def test_classes_that_some_split_could_not_train_on_have_no_probability_there() -> None:
    two = [
        answers(["a", "b"] * 20, [[0.9, 0.1], [0.2, 0.8]] * 20, ["a", "b"], first + np.arange(40))
        for first in (0, 100)
    ]
    three = [
        answers(["a", "b", "c"] * 20, [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.1, 0.8]] * 20,
                CLASSES, first + np.arange(60))
        for first in (0, 100)
    ]  # fmt: skip
    calibration, _ = calibration_tables({("m", "rule", 0): two, ("m", "rule", 1): three})
    raw = calibration.set_index("scaled").loc["raw"]
    assert raw["n"] == 200 and raw["accuracy"] == 1
    assert raw["confidence"] == pytest.approx((80 * 0.85 + 120 * 2.5 / 3) / 200)


def test_a_half_without_networks_is_left_out() -> None:
    empty = answers([], [], CLASSES, [])
    halves = {("linear", "paper_rule", 0): [half(0), empty]}
    calibration, reliability = calibration_tables(halves)
    assert calibration.empty and reliability.empty and coverage_table(halves).empty
    assert tuple(calibration.columns) == FURTHER["calibration"]
    assert tuple(coverage_table({}).columns) == FURTHER["coverage"]
