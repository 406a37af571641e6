from __future__ import annotations

import numpy as np
import pytest
from courses import planted
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

from rule_id.evaluation.baselines.svm import SvmBaseline, one_vs_rest


@pytest.mark.parametrize("C", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("k", [2, 4])
def test_it_is_the_machine_of_scikit_learn_with_rows_weighted(C: float, k: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.choice(k, size=150, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    X = rng.normal(size=(150, 6)) + codes[:, None] * rng.normal(size=6)
    theirs = LinearSVC(C=C, dual=False, tol=1e-10, max_iter=10_000)
    theirs.fit(X, codes, sample_weight=compute_sample_weight("balanced", codes))
    ours, iterations = one_vs_rest(X, codes, C, max_iter=2000)
    assert 1 < iterations < 2000
    # Of two classes scikit-learn keeps the second one.
    found = ours[:, 1:] if k == 2 else ours
    np.testing.assert_allclose(found[:-1].T, theirs.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[-1], theirs.intercept_, rtol=1e-3, atol=1e-4)


def test_all_components_give_what_no_components_give() -> None:
    """A rotation changes neither the norm of the weights nor the margin."""
    X, y = planted(1.0)
    plain, rotated = (
        SvmBaseline(n_components=n, max_iter=5000).fit(X, y).predict_proba(X) for n in (None, 600)
    )
    np.testing.assert_allclose(rotated, plain, atol=1e-3)


def test_components_are_of_the_statistics_and_flags_pass_by() -> None:
    X, y = planted(1.0)
    flags = np.eye(3)[np.unique(y, return_inverse=True)[1]]
    X[:, -3:] = flags
    model = SvmBaseline(n_components=2).fit(X, y)
    assert model.coef_.shape == (2 + 3, 3)
    assert (model.predict(X) == y).all()


def test_a_larger_margin_costs_a_larger_norm() -> None:
    X, y = planted(0.3)
    norms = [np.linalg.norm(SvmBaseline(C).fit(X, y).coef_) for C in (1e-4, 1e-2, 1.0)]
    assert norms[0] < norms[1] < norms[2]
