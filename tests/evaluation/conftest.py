from __future__ import annotations

from functools import partial

import pytest
from synthetic import synthetic_trajectories

from rule_id.evaluation import Evaluation, evaluate
from rule_id.features.material import Material, read_material
from rule_id.models import CLASSIFIERS, BoostedClassifier
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="session")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=8, networks_per_rule=1)


@pytest.fixture(scope="session")
def material(small: Trajectories) -> Material:
    return read_material(small)


@pytest.fixture(scope="session")
def evaluation(small: Trajectories) -> Evaluation:
    """Every protocol that one measurement of dense networks allows, both models."""
    with pytest.MonkeyPatch.context() as patch:
        boost_briefly(patch)
        return evaluate(small, splits=2)


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boost for 20 rounds: enough for a planted signal, and quick."""
    boost_briefly(monkeypatch)


@pytest.fixture
def results_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make no tables beside the results: they take longer than the fits."""
    monkeypatch.setattr("rule_id.evaluation.runner.further_tables", lambda *given: {})


def boost_briefly(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(CLASSIFIERS, "xgboost", partial(BoostedClassifier, n_estimators=20))
