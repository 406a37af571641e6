from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as reference

from rule_id.errors import InputError
from rule_id.evaluation import METRICS, chance, confusion_matrix, d_prime

CLASSES = ["a", "b", "c", "d"]
TRUE = np.repeat(CLASSES, 10)


@pytest.fixture
def labels() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.choice(CLASSES, 200), rng.choice(CLASSES, 200, p=[0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("metric", "best", "worst"),
    [("accuracy", 1, 0), ("balanced_accuracy", 1, 0), ("d_prime", 10, -5 - norm.ppf(1 / 3)),
     ("sensitivity_specificity", 1, 1 / 3)],
)  # fmt: skip
def test_perfect_and_always_wrong(metric: str, best: float, worst: float) -> None:
    shifted = np.roll(TRUE, 10)
    assert METRICS[metric](TRUE, TRUE, CLASSES) == pytest.approx(best)
    assert METRICS[metric](TRUE, shifted, CLASSES) == pytest.approx(worst)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rule", CLASSES)
def test_naming_one_class_always_is_chance(metric: str, rule: str) -> None:
    predicted = np.full(len(TRUE), rule)
    assert METRICS[metric](TRUE, predicted, CLASSES) == pytest.approx(chance(metric, TRUE, CLASSES))


@pytest.mark.parametrize("metric", METRICS)
def test_uniform_guessing_is_chance(metric: str) -> None:
    true = np.repeat(CLASSES, 4)
    predicted = np.tile(CLASSES, 4)
    assert METRICS[metric](true, predicted, CLASSES) == pytest.approx(chance(metric, true, CLASSES))


def test_d_prime_is_the_difference_of_z_scores() -> None:
    true = ["a"] * 10 + ["b"] * 10
    predicted = ["a"] * 8 + ["b"] * 2 + ["a"] * 3 + ["b"] * 7
    # Of two classes, the false alarms of one are the misses of the other.
    expected = norm.ppf(0.8) - norm.ppf(0.3)
    assert d_prime(true, predicted, ["a", "b"]) == pytest.approx(expected)


def test_sensitivity_specificity_by_hand() -> None:
    true, predicted = ["a", "a", "b", "c"], ["a", "b", "b", "b"]
    # a: 1/2 and 2/2; b: 1/1 and 1/3; c: 0/1 and 3/3.
    expected = ((0.5 + 1) + (1 + 1 / 3) + (0 + 1)) / 6
    value = METRICS["sensitivity_specificity"](true, predicted, ["a", "b", "c"])
    assert value == pytest.approx(expected)


def test_agrees_with_scikit_learn(labels: tuple[np.ndarray, np.ndarray]) -> None:
    ours = {name: metric(*labels, CLASSES) for name, metric in METRICS.items()}
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(*labels))
    assert ours["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(*labels))
    matrix = reference.confusion_matrix(*labels, labels=CLASSES)
    np.testing.assert_array_equal(confusion_matrix(*labels, CLASSES), matrix)


@pytest.mark.parametrize("metric", METRICS)
def test_class_names_and_order_do_not_matter(
    metric: str, labels: tuple[np.ndarray, np.ndarray]
) -> None:
    value = METRICS[metric](*labels, CLASSES)
    assert METRICS[metric](*labels, CLASSES[::-1]) == pytest.approx(value)


def test_a_class_that_the_test_part_lacks_is_left_out() -> None:
    true, predicted = ["a", "a", "b", "b"], ["a", "a", "b", "c"]
    assert METRICS["balanced_accuracy"](true, predicted, ["a", "b", "c"]) == 0.75


@pytest.mark.parametrize("metric", ["d_prime", "sensitivity_specificity"])
def test_false_alarms_need_two_classes(metric: str) -> None:
    assert np.isnan(METRICS[metric](["a", "a"], ["a", "b"], ["a", "b"]))


def test_chance_of_accuracy_is_never_below_naming_the_commonest() -> None:
    assert chance("accuracy", ["a"] * 3 + ["b"], ["a", "b", "c", "d"]) == 0.75
    assert chance("accuracy", TRUE, CLASSES) == 0.25


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="one or more; got 0 and 0"):
        confusion_matrix([], [], CLASSES)
    with pytest.raises(InputError, match="one or more; got 2 and 1"):
        confusion_matrix(["a", "b"], ["a"], CLASSES)
    with pytest.raises(InputError, match="label in predicted must be one of a, b, c, d; got 'e'"):
        confusion_matrix(["a"], ["e"], CLASSES)
    with pytest.raises(InputError, match="metric must be one of accuracy, .*; got 'f1'"):
        chance("f1", ["a"], CLASSES)
