"""What holds for every baseline, on settings that are quick to fit."""

from __future__ import annotations

import numpy as np
import pytest
from courses import CHECKPOINTS, RULES, planted
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.baselines.convolution import ConvolutionBaseline
from rule_id.evaluation.baselines.estimator import BaselineEstimator
from rule_id.evaluation.baselines.forest import ForestBaseline
from rule_id.evaluation.baselines.rocket import RocketBaseline
from rule_id.evaluation.baselines.svm import SvmBaseline

BRIEF = {
    "random_forest": {"n_estimators": 50},
    "svm": {},
    "svm_pca": {"n_components": 20},
    "conv1d": {"learning_rate": 0.01, "epochs": 60, "batch_size": 64},
    "multirocket_hydra": {},
}
# The checks of scikit-learn draw tables of a few columns, none of them a flag.
CHECKED = {
    "random_forest": ForestBaseline(10),
    "svm": SvmBaseline(n_flags=0, max_iter=50),
    "svm_pca": SvmBaseline(n_components=10, n_flags=0, max_iter=50),
    "conv1d": ConvolutionBaseline(1, n_flags=0, learning_rate=0.02, epochs=40),
    "multirocket_hydra": RocketBaseline(1, n_flags=0),
}

pytestmark = pytest.mark.usefixtures("stand_in")
each = pytest.mark.parametrize("name", BASELINES)


def brief(name: str, seed: int = 0) -> BaselineEstimator:
    return BASELINES[name].build(CHECKPOINTS, seed, **BRIEF[name])


@each
def test_meets_the_contract_of_scikit_learn(name):
    check_estimator(CHECKED[name], on_skip=None)


@each
def test_finds_a_planted_signal_and_nothing_where_there_is_none(name):
    X, y = planted(2.0)
    unseen, true = planted(2.0, seed=1)
    assert (brief(name).fit(X, y).predict(unseen) == true).mean() > 0.9
    X, y = planted(0.0)
    unseen, true = planted(0.0, seed=1)
    assert abs((brief(name).fit(X, y).predict(unseen) == true).mean() - 1 / 3) < 0.12


@each
def test_labels_are_texts_and_probabilities_sum_to_one(name):
    X, y = planted(1.0)
    model = brief(name).fit(X, y)
    assert model.classes_.tolist() == RULES.tolist()
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (len(X), 3) and probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)


@each
def test_what_was_never_measured_and_what_is_constant_changes_little(name):
    X, y = planted(2.0)
    X[:, :CHECKPOINTS] = np.nan
    X[:, 2 * CHECKPOINTS : 3 * CHECKPOINTS] = 7.0
    model = brief(name).fit(X, y)
    assert (model.predict(X) == y).mean() > 0.9
    assert np.isfinite(model.predict_proba(np.full((1, X.shape[1]), np.nan))).all()


@each
def test_a_wild_value_gives_probabilities_still(name):
    X, y = planted(2.0)
    model = brief(name).fit(X, y)
    X[:, 3] = np.float32(1e30)
    assert np.isfinite(model.predict_proba(X)).all()


@each
def test_one_seed_gives_one_answer(name):
    X, y = planted(0.5)
    first, second = (clone(brief(name, seed=3)).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["random_forest", "conv1d", "multirocket_hydra"])
def test_another_seed_gives_another_answer(name):
    X, y = planted(0.5)
    first, second = (brief(name, seed=seed).fit(X, y).predict_proba(X) for seed in (0, 1))
    assert not np.array_equal(first, second)


@each
def test_one_class_is_refused(name):
    with pytest.raises(ValueError, match="y must hold 2 classes or more; got 1 class"):
        brief(name).fit(planted(1.0)[0][:4], np.array(["a"] * 4))


@each
def test_two_classes_work(name):
    X, y = planted(2.0)
    two = y != "hebbian"
    model = brief(name).fit(X[two], y[two])
    assert model.predict_proba(X).shape == (len(X), 2)
    assert (model.predict(X[two]) == y[two]).mean() > 0.9


@each
def test_classes_weigh_the_same_however_many_rows_they_have(name):
    y = np.repeat(RULES, [100, 30, 8])
    X = np.zeros((len(y), 4 * CHECKPOINTS + 3))
    model = brief(name)
    if name == "conv1d":  # the last rows of an epoch fill no batch of 64
        model.set_params(batch_size=len(y), epochs=300)
    probabilities = model.fit(X, y).predict_proba(X[:1])
    # The forest weighs the classes before it draws rows.
    np.testing.assert_allclose(probabilities, 1 / 3, atol=0.1 if name == "random_forest" else 0.01)


@each
def test_a_rare_class_is_still_found(name):
    X, y = planted(2.0, n=600)
    unseen, true = planted(2.0, seed=1)
    rare = y == RULES[2]
    kept = ~rare | (np.cumsum(rare) <= 30)
    predicted = brief(name).fit(X[kept], y[kept]).predict(unseen)
    assert (predicted == true)[true == RULES[2]].mean() > 0.7
