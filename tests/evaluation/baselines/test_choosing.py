from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from courses import CHECKPOINTS, planted
from sklearn.base import BaseEstimator, ClassifierMixin

from rule_id.errors import InputError
from rule_id.evaluation.baselines import BASELINES, choose

BLOCKS, NETWORKS, LAYERS = 6, 36, 4


def corpus(signal: float = 1.0) -> tuple[np.ndarray, ...]:
    """Rows of `LAYERS` layers a network; a block has each of the three rules twice."""
    network = np.repeat(np.arange(NETWORKS), LAYERS)
    X, y = planted(signal, codes=network % 3)
    return X, y, network // (NETWORKS // BLOCKS), network


class Recorder(ClassifierMixin, BaseEstimator):
    """Right with probability `skill[setting]`, and remembers what it was fitted to."""

    fits: list[dict[str, Any]] = []

    def __init__(self, setting: dict[str, Any], right: float) -> None:
        self.setting, self.right = setting, right

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Recorder.fits.append({"setting": self.setting, "rows": set(X[:, 0].tolist())})
        return self

    def predict(self, X):
        assert not Recorder.fits[-1]["rows"] & set(X[:, 0].tolist())
        Recorder.fits[-1]["unseen"] = set(X[:, 0].tolist())
        true = X[:, 1].astype(int)
        wrong = np.arange(len(X)) >= self.right * len(X)
        return self.classes_[(true + wrong) % len(self.classes_)]


def recorded(monkeypatch: pytest.MonkeyPatch, name: str, skill) -> None:
    Recorder.fits = []

    def build(n_checkpoints, seed, **setting):
        return Recorder(setting, skill(setting))

    monkeypatch.setitem(BASELINES, name, replace(BASELINES[name], build=build))


def numbered() -> tuple[np.ndarray, ...]:
    """The corpus with rows that say which they are, and their class."""
    _, y, blocks, networks = corpus()
    codes = np.unique(y, return_inverse=True)[1]
    return np.stack([np.arange(len(y)), codes], axis=1), y, blocks, networks


@pytest.mark.parametrize(
    ("name", "n_fits"), [("random_forest", 2), ("svm", 7), ("svm_pca", 16), ("conv1d", 11)]
)
def test_each_setting_is_fitted_once_a_fold_and_the_answer_is_in_the_grid(
    monkeypatch, name: str, n_fits: int
) -> None:
    recorded(monkeypatch, name, lambda setting: 0.5)
    X, y, blocks, networks = numbered()
    chosen = choose(name, X, y, blocks, networks, 21, 0)
    assert chosen in BASELINES[name].grid
    assert len(Recorder.fits) == 3 * n_fits
    # Of equals the first in the order of the grid.
    first = {key: values[0] for key, values in BASELINES[name].searched.items()}
    assert first.items() <= chosen.items()


def test_the_best_is_found_along_each_axis(monkeypatch) -> None:
    aim = {"kernel_share": 0.5, "n_filters": 20, "stride": 2, "pool": "avg", "weight_decay": 0.0}
    recorded(monkeypatch, "conv1d", lambda s: sum(s[key] == aim[key] for key in aim) / len(aim))
    chosen = choose("conv1d", *numbered(), 21, 0)
    assert chosen == BASELINES["conv1d"].start | aim


def test_no_block_is_on_both_sides_and_every_row_is_scored_once(monkeypatch) -> None:
    recorded(monkeypatch, "svm", lambda setting: 0.5)
    X, y, blocks, networks = numbered()
    choose("svm", X, y, blocks, networks, 21, 0, folds=4)
    for start in range(0, len(Recorder.fits), 4):
        scored: list[float] = []
        for fit in Recorder.fits[start : start + 4]:
            seen, unseen = (blocks[[int(row) for row in fit[side]]] for side in ("rows", "unseen"))
            assert not set(seen) & set(unseen)
            scored += fit["unseen"]
        assert sorted(scored) == list(range(len(y)))


def test_trees_are_fewer_while_choosing_and_as_many_as_wanted_afterwards(monkeypatch) -> None:
    recorded(monkeypatch, "random_forest", lambda s: 0.9 if s["max_features"] == "log2" else 0.5)
    chosen = choose("random_forest", *numbered(), 21, 0)
    assert {fit["setting"]["n_estimators"] for fit in Recorder.fits} == {100}
    assert chosen == {"max_features": "log2", "n_estimators": 500}


def test_a_real_machine_is_chosen_and_one_seed_gives_one_choice() -> None:
    X, y, blocks, networks = corpus(0.6)
    first, second = (
        choose("svm_pca", X, y, blocks, networks, CHECKPOINTS, 1, rows=100, folds=2)
        for _ in range(2)
    )
    assert first == second and first in BASELINES["svm_pca"].grid


@pytest.mark.usefixtures("stand_in")
def test_what_has_no_grid_is_not_fitted() -> None:
    assert choose("multirocket_hydra", *numbered(), 21, 0) == {}


def test_bad_arguments_are_refused() -> None:
    rows = corpus()
    with pytest.raises(InputError, match="baseline must be one of random_forest, .*; got 'knn'"):
        choose("knn", *rows, CHECKPOINTS, 0)
    message = "folds must be 2 to the number of blocks that are chosen on, 6; got 7"
    with pytest.raises(InputError, match=message):
        choose("svm", *rows, CHECKPOINTS, 0, folds=7)
    with pytest.raises(InputError, match="chosen on, 1; got 3"):
        choose("svm", *rows, CHECKPOINTS, 0, rows=LAYERS)
