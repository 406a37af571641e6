from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation.designing.testing import accuracies, fit_folds, named
from rule_id.features import FeatureTable
from rule_id.models import CLASSIFIERS

CLASSES = ["a", "b"]
SEEN = "activation_abs_mean.first"


class Witness:
    """A classifier that remembers what it was shown and always says the same."""

    def __init__(self, random_state: int = 0) -> None:
        self.shown: set[float] = set()
        self.asked: set[float] = set()

    def fit(self, X: np.ndarray, y: np.ndarray) -> Witness:
        self.shown, self.classes_ = set(X[:, 0]), np.unique(y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        self.asked |= set(X[:, 0])
        return np.tile(np.linspace(0, 1, len(self.classes_) + 1)[1:], (len(X), 1))


@pytest.fixture
def table() -> FeatureTable:
    """Two layers of two networks in each of six blocks; what is measured is the block."""
    meta = pd.DataFrame(
        [
            {"network": f"{block}{rule}", "block": block, "layer": layer, "rule": rule}
            for block in range(6)
            for rule in CLASSES
            for layer in range(2)
        ]
    ).assign(measurement=0)
    return FeatureTable(meta, pd.DataFrame({SEEN: meta["block"].astype("f4")}), "summary")


@pytest.fixture
def fold(table: FeatureTable) -> pd.Series:
    return table.meta.drop_duplicates("network").set_index("network")["block"] % 3


def test_no_block_is_on_both_sides(
    table: FeatureTable, fold: pd.Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLASSIFIERS, "witness", Witness)
    steps = []
    models = fit_folds(table, fold, "rule", "witness", 0, lambda *step: steps.append(step))
    named(models, table, ("activation",), fold, CLASSES)
    assert [model.asked for model in models] == [{0, 3}, {1, 4}, {2, 5}]
    for model in models:
        assert model.shown | model.asked == set(range(6)) and not model.shown & model.asked
    assert steps == [("fits", 1, 3), ("fits", 2, 3), ("fits", 3, 3)]


def test_what_is_not_recorded_is_hidden(table: FeatureTable, fold: pd.Series) -> None:
    model = Witness().fit(table.matrix(), table.meta["rule"].to_numpy())
    named([model] * 3, table, ("weight",), fold, CLASSES)
    assert np.isnan(list(model.asked)).all()


def test_a_class_that_was_not_trained_on_is_not_named(table: FeatureTable, fold: pd.Series) -> None:
    both, one = Witness(), Witness()
    both.classes_, one.classes_ = np.array(CLASSES), np.array(["a"])
    found = pd.Series(named([both, both, one], table, ("activation",), fold, CLASSES), fold.index)
    assert (found[fold == 2] == "a").all() and (found[fold < 2] == "b").all()


def test_the_error_of_networks_alone_in_their_blocks_is_the_plain_one() -> None:
    rng = np.random.default_rng(0)
    true, predicted = (rng.choice(CLASSES, 50) for _ in range(2))
    found = accuracies(true, predicted, np.arange(50), CLASSES)
    correct = pd.Series(true == predicted).astype(float)
    assert found["accuracy"] == pytest.approx(correct.mean())
    assert found["accuracy_sem"] == pytest.approx(correct.sem())


def test_more_networks_that_say_the_same_are_no_more_evidence() -> None:
    rng = np.random.default_rng(1)
    true, predicted = (rng.choice(CLASSES, 40) for _ in range(2))
    blocks = np.arange(40) // 2
    once = accuracies(true, predicted, blocks, CLASSES)
    often = accuracies(*(np.repeat(x, 9) for x in (true, predicted, blocks)), CLASSES)
    assert often == pytest.approx(once)


def test_balanced_accuracy_weighs_classes_alike() -> None:
    true = np.array(["a"] * 90 + ["b"] * 10)
    found = accuracies(true, np.full(100, "a"), np.arange(100), CLASSES)
    assert found["accuracy"] == 0.9 and found["balanced_accuracy"] == 0.5
    # Each class is named without exception, rightly or wrongly.
    assert found["balanced_accuracy_sem"] == 0 and found["accuracy_sem"] > 0


def test_the_error_is_the_spread_over_corpora() -> None:
    """Blocks whose networks are right or wrong together, many corpora of them."""
    rng = np.random.default_rng(2)
    true, blocks = np.tile(CLASSES, 60), np.repeat(np.arange(30), 4)
    values, errors = [], []
    for _ in range(400):
        right = (rng.random(30) < 0.7)[blocks]
        predicted = np.where(right, true, np.where(true == "a", "b", "a"))
        found = accuracies(true, predicted, blocks, CLASSES)
        values.append(found["balanced_accuracy"])
        errors.append(found["balanced_accuracy_sem"])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)
