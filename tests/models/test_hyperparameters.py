from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.models import choose_hyperparameters
from rule_id.models.hyperparameters import GRIDS, _log_loss


def rows(signal: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    blocks = np.repeat(np.arange(10), 12)
    y = np.tile(np.repeat(["a", "b", "c"], 4), 10)
    networks = np.arange(120) // 2
    X = rng.normal(size=(120, 30)).astype(np.float32)
    X[:, 0] += signal * (y == "b") + 2 * signal * (y == "c")
    return X, y, blocks, networks


def test_noise_takes_a_strong_penalty_and_a_clear_signal_a_weaker_one():
    X, y, blocks, networks = rows(0.0)
    assert choose_hyperparameters("linear", X, y, blocks, networks=networks)["C"] <= 1e-3
    X, y, blocks, networks = rows(6.0)
    assert choose_hyperparameters("linear", X, y, blocks, networks=networks)["C"] >= 1e-2


def test_one_seed_gives_one_choice_however_many_fit_at_once_and_tells_its_progress(monkeypatch):
    monkeypatch.setitem(GRIDS, "xgboost", ({"n_estimators": 3}, {"n_estimators": 9}))
    X, y, blocks, _ = rows(2.0)
    calls = []
    chosen = [
        choose_hyperparameters(
            "xgboost", X, y, blocks, folds=2, n_jobs=jobs,
            progress=lambda *call: calls.append(call),
        )
        for jobs in (1, 2)
    ]  # fmt: skip
    assert chosen == [{"n_estimators": 9}] * 2
    assert [done for _, done, _ in calls] == [1, 2, 3, 4] * 2
    assert {total for _, _, total in calls} == {4}


def test_a_rule_that_occurs_in_one_block_alone_is_no_obstacle():
    X, y, blocks, networks = rows(2.0)
    y = np.where(blocks == 3, "d", y)
    assert "C" in choose_hyperparameters("linear", X, y, blocks, networks=networks, folds=3)


def test_the_loss_is_a_mean_over_classes_of_means_over_networks():
    class Fixed:
        classes_ = np.array(["a", "b"])

        def predict_proba(self, X):
            return np.array([[0.9, 0.1]] * 6 + [[0.8, 0.2]] * 2)

    y = np.array(["a"] * 6 + ["b", "c"])
    loss = _log_loss(Fixed(), np.zeros((8, 1)), y, np.arange(8) // 2 * 2 + (np.arange(8) == 7))
    # Class c is not among those of the fit.
    assert loss == pytest.approx(-(np.log(0.9) + np.log(0.2) + np.log(1e-9)) / 3)


def test_bad_arguments_are_refused():
    X, y, blocks, _ = rows(1.0)
    with pytest.raises(
        InputError, match="model must be one of linear, xgboost, combined; got 'svm'"
    ):
        choose_hyperparameters("svm", X, y, blocks)
    with pytest.raises(InputError, match="folds must be 2 to the number of blocks, 10; got 11"):
        choose_hyperparameters("linear", X, y, blocks, folds=11)
