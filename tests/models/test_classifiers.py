from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from rule_id.models import CLASSIFIERS, BoostedClassifier, CombinedClassifier, LinearClassifier

RULES = np.array(["backprop+adam", "backprop+sgd", "hebbian"])
SMALL = {
    "linear": LinearClassifier(),
    "xgboost": BoostedClassifier(n_estimators=20),
    "combined": CombinedClassifier(n_estimators=20),
}


def planted(signal: float, seed: int = 0, n: int = 240) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n)
    X = rng.normal(size=(n, 12)).astype(np.float32)
    X[:, 0] += signal * codes
    X[:, 1] += signal * (codes == 1)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, RULES[codes]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_meets_the_contract_of_scikit_learn(name):
    check_estimator(SMALL[name], on_skip=None)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_finds_a_planted_signal_and_nothing_where_there_is_none(name):
    classifier = clone(SMALL[name])
    X, y = planted(5.0)
    unseen, true = planted(5.0, seed=1)
    assert (classifier.fit(X, y).predict(unseen) == true).mean() > 0.9
    X, y = planted(0.0)
    unseen, true = planted(0.0, seed=1)
    assert abs((classifier.fit(X, y).predict(unseen) == true).mean() - 1 / 3) < 0.12


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_are_texts_and_probabilities_sum_to_one(name):
    X, y = planted(2.0)
    classifier = clone(SMALL[name]).fit(X, y)
    assert classifier.classes_.tolist() == RULES.tolist()
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_constant_and_missing_features_change_nothing_much_and_do_not_warn(name):
    X, y = planted(5.0)
    empty = np.full((len(X), 2), np.nan, dtype=np.float32)
    empty[:, 1] = 3.0
    classifier = clone(SMALL[name]).fit(np.hstack([X, empty]), y)
    all_missing = np.full((1, X.shape[1] + 2), np.nan)
    assert np.isfinite(classifier.predict_proba(all_missing)).all()
    assert (classifier.predict(np.hstack([X, empty])) == y).mean() > 0.9


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_is_refused(name):
    with pytest.raises(ValueError, match="y must hold 2 classes or more; got 1 class"):
        clone(SMALL[name]).fit(np.zeros((4, 2)), np.array(["a"] * 4))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_two_classes_work(name):
    X, y = planted(5.0)
    two = y != "hebbian"
    classifier = clone(SMALL[name]).fit(X[two], y[two])
    assert classifier.predict_proba(X).shape == (len(X), 2)


def test_one_wild_value_does_not_outvote_everything():
    X, y = planted(5.0)
    X = np.nan_to_num(X)
    classifier = LinearClassifier().fit(X, y)
    wild, wilder = X[:1].copy(), X[:1].copy()
    wild[0, 5], wilder[0, 5] = 1e3, 1e30
    np.testing.assert_array_equal(classifier.predict_proba(wild), classifier.predict_proba(wilder))


def test_linear_coefficients_are_largest_where_the_signal_is():
    X, y = planted(5.0)
    weights = np.abs(LinearClassifier().fit(X, y).coef_).sum(axis=0)
    assert weights.shape == (12,)
    assert set(np.argsort(weights)[-2:]) == {0, 1}


@pytest.mark.parametrize("most", [None, 6])
def test_trees_are_the_same_for_any_number_of_threads(most):
    X, y = planted(1.0, n=500)
    trees = [
        bytes(
            BoostedClassifier(30, most_features=most, n_jobs=n_jobs)
            .fit(X, y)
            .booster_.save_raw("json")
        )
        for n_jobs in (1, 2, 3, -1, None)
    ]
    assert len(set(trees)) == 1


def test_another_seed_gives_other_trees():
    X, y = planted(1.0)
    first, second = (
        BoostedClassifier(20, random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 1)
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_weigh_the_same_however_many_rows_they_have(name):
    y = np.repeat(RULES, [100, 30, 5])
    classifier = clone(SMALL[name]).fit(np.zeros((len(y), 4)), y)
    np.testing.assert_allclose(classifier.predict_proba(np.zeros((1, 4))), 1 / 3, atol=0.01)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_rare_class_is_still_found(name):
    X, y = planted(5.0, n=600)
    unseen, true = planted(5.0, seed=1)
    rare = y == RULES[2]
    kept = ~rare | (np.cumsum(rare) <= 30)
    predicted = clone(SMALL[name]).fit(X[kept], y[kept]).predict(unseen)
    assert (predicted == true)[true == RULES[2]].mean() > 0.8


def wide(seed: int = 0, n: int = 400, d: int = 60) -> tuple[np.ndarray, np.ndarray]:
    X, y = planted(5.0, seed, n)
    noise = np.random.default_rng([seed, 1]).normal(size=(n, d - X.shape[1]))
    return np.hstack([noise, X]).astype(np.float32), y


def test_of_many_features_trees_use_those_that_tell_classes_apart():
    X, y = wide()
    trees = BoostedClassifier(20, most_features=10).fit(X, y)
    used = {int(name[1:]) for name in trees.booster_.get_score(importance_type="gain")}
    assert len(used) <= 10 and {48, 49} <= used
    unseen, true = wide(seed=1)
    assert (trees.predict(unseen) == true).mean() > 0.9


def test_trees_of_chosen_features_never_ask_for_the_others():
    X, y = wide()
    trees = BoostedClassifier(20, most_features=10).fit(X, y)
    used = [int(name[1:]) for name in trees.booster_.get_score(importance_type="gain")]
    other = np.full_like(X, 1e9)
    other[:, used] = X[:, used]
    np.testing.assert_array_equal(trees.predict_proba(other), trees.predict_proba(X))


def test_no_features_are_chosen_where_there_are_no_more_or_all_are_wanted():
    X, y = wide()
    chosen, enough, everything = (
        bytes(BoostedClassifier(20, most_features=most).fit(X, y).booster_.save_raw("json"))
        for most in (10, X.shape[1], None)
    )
    assert enough == everything != chosen


def test_trees_are_grown_where_no_feature_tells_anything():
    X, y = np.zeros((60, 12), dtype=np.float32), np.repeat(RULES, 20)
    trees = BoostedClassifier(20, most_features=4).fit(X, y)
    np.testing.assert_allclose(trees.predict_proba(X), 1 / 3, atol=0.05)
