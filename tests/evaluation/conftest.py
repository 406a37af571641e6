from __future__ import annotations

import pytest
from synthetic import synthetic_trajectories

from rule_id.evaluation import Evaluation, evaluate
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="session")
def small() -> Trajectories:
    return synthetic_trajectories(n_blocks=8, networks_per_rule=1)


@pytest.fixture(scope="session")
def evaluation(small: Trajectories) -> Evaluation:
    """Every protocol, both models."""
    return evaluate(small, splits=2)
