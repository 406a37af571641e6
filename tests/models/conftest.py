from __future__ import annotations

import pytest
from synthetic import synthetic_trajectories

from rule_id.features import TARGETS, FeatureTable, extract
from rule_id.models import Bundle, train


@pytest.fixture(scope="session")
def table() -> FeatureTable:
    """Summaries of 120 networks in 15 blocks, whose rules can be told apart but not perfectly."""
    return extract(synthetic_trajectories(n_blocks=15, signal=2.5, n_checkpoints=9))


@pytest.fixture(scope="session")
def linear(table: FeatureTable) -> Bundle:
    return train(table, model="linear", tune=False, held_out=0.4)


@pytest.fixture(scope="session")
def xgboost(table: FeatureTable) -> Bundle:
    return train(table, model="xgboost", tune=False, held_out=0.4)


@pytest.fixture(scope="session")
def combined(table: FeatureTable) -> Bundle:
    return train(table, model="combined", tune=False, held_out=0.4)


@pytest.fixture(scope="session")
def of_target(table: FeatureTable) -> dict[str, Bundle]:
    """A linear bundle for each target but the rule."""
    return {
        target: train(table, target=target, model="linear", tune=False, held_out=0.4)
        for target in TARGETS
        if target != "rule"
    }


@pytest.fixture(params=["linear", "xgboost", "combined"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return request.getfixturevalue(request.param)
