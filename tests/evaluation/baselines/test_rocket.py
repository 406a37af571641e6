"""The wrapper's own logic with a tiny stand-in; aeon itself in the slow tests."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest
import torch
from courses import CHECKPOINTS, RULES, STATISTICS, planted

from rule_id.errors import InputError
from rule_id.evaluation.baselines import BASELINES, choose
from rule_id.evaluation.baselines.rocket import NORMAL_RANGE, RocketBaseline


@pytest.fixture
def without_aeon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "aeon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aeon", None)


@pytest.mark.usefixtures("without_aeon")
def test_without_aeon_one_line_says_how_to_get_it() -> None:
    X, y = planted(1.0)
    message = r'multirocket_hydra needs aeon: pip install "rule-id\[baselines\]"$'
    with pytest.raises(InputError, match=message):
        BASELINES["multirocket_hydra"].build(21, 0)
    with pytest.raises(InputError, match=message):
        choose("multirocket_hydra", X, y, np.arange(len(y)), np.arange(len(y)), 21, 0)
    with pytest.raises(InputError, match=message):
        RocketBaseline(CHECKPOINTS).fit(X, y)


@pytest.mark.usefixtures("stand_in")
def test_it_is_handed_scaled_statistics_without_gaps_and_flags(monkeypatch) -> None:
    seen: list[np.ndarray] = []
    kept = RocketBaseline._series

    def remembered(self: Any, X: np.ndarray) -> np.ndarray:
        seen.append(kept(self, X))
        return seen[-1]

    monkeypatch.setattr(RocketBaseline, "_series", remembered)
    X, y = planted(1.0)
    X[:, :CHECKPOINTS] = np.nan
    X[:, CHECKPOINTS : 2 * CHECKPOINTS] *= 1e-7
    model = RocketBaseline(CHECKPOINTS).fit(X, y)
    (series,) = seen
    assert series.shape == model.model_.shape == (len(X), STATISTICS, CHECKPOINTS)
    assert series.dtype == np.float32
    np.testing.assert_array_equal(series[:, 0], 0)
    quartiles = np.percentile(np.sinh(series[:, 1:]), [25, 50, 75], axis=(0, 2))
    np.testing.assert_allclose(quartiles[1], 0, atol=1e-5)
    np.testing.assert_allclose(quartiles[2] - quartiles[0], NORMAL_RANGE, rtol=1e-5)


@pytest.mark.usefixtures("stand_in")
def test_one_network_that_went_wild_leaves_others_as_they_were() -> None:
    X, y = planted(1.0)
    series = []
    for largest in (1.0, 1e30):
        X[0] = largest
        model = RocketBaseline(CHECKPOINTS).fit(X, y)
        series.append(model._series(model.imputer_.transform(X)))
    assert np.isfinite(series[1]).all()
    np.testing.assert_allclose(series[1][1:], series[0][1:], atol=0.02)


@pytest.mark.usefixtures("stand_in")
def test_one_statistic_keeps_its_course_over_checkpoints() -> None:
    X, y = planted(0.0)
    X[:, :CHECKPOINTS] = 5 + np.arange(CHECKPOINTS)
    model = RocketBaseline(CHECKPOINTS).fit(X, y)
    course = model._series(model.imputer_.transform(X))[0, 0]
    places = np.arange(CHECKPOINTS) - (CHECKPOINTS - 1) / 2
    low, high = np.percentile(np.tile(places, len(X)), [25, 75])
    np.testing.assert_allclose(course, np.arcsinh(places / (high - low) * NORMAL_RANGE), rtol=1e-6)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("k", [2, 3])
def test_the_most_probable_class_is_the_one_predicted_within(k: int) -> None:
    X, y = planted(0.5)
    X, y = X[np.isin(y, RULES[:k])], y[np.isin(y, RULES[:k])]
    model = RocketBaseline(CHECKPOINTS).fit(X, y)
    within = model.model_.predict(model._series(model.imputer_.transform(X)))
    np.testing.assert_array_equal(model.predict(X), model.classes_[within])


@pytest.mark.usefixtures("stand_in")
def test_a_fit_leaves_shared_generators_and_threads_as_they_were() -> None:
    X, y = planted(1.0)
    threads = torch.get_num_threads()
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    RocketBaseline(CHECKPOINTS).fit(X, y)
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


@pytest.mark.usefixtures("stand_in")
def test_fits_in_several_threads_are_those_of_one() -> None:
    X, y = planted(0.5)
    found: list[np.ndarray] = []

    def fit() -> None:
        found.append(RocketBaseline(CHECKPOINTS, random_state=4).fit(X, y).predict_proba(X))

    threads = [threading.Thread(target=fit) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 6 and all(np.array_equal(found[0], one) for one in found)


@pytest.mark.slow
def test_aeon_finds_a_planted_course_and_predicts_what_we_say_it_does() -> None:
    """Needs aeon, which `make test-slow` installs; without it this is an error, not a skip."""
    X, y = planted(2.5, n=120)
    unseen, true = planted(2.5, seed=1, n=90)
    state = np.random.get_state()[1].copy()
    first, second = (BASELINES["multirocket_hydra"].build(CHECKPOINTS, 7) for _ in range(2))
    first.fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert (first.predict(unseen) == true).mean() > 0.8
    within = first.model_.predict(first._series(first.imputer_.transform(unseen)))
    np.testing.assert_array_equal(first.predict(unseen), first.classes_[within])
    again = second.fit(X, y).predict_proba(unseen)
    np.testing.assert_array_equal(first.predict_proba(unseen), again)
    two = y != RULES[2]
    assert (first.fit(X[two], y[two]).predict(X[two]) == y[two]).all()
