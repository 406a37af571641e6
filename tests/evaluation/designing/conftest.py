from __future__ import annotations

from functools import partial

import pytest
from gridded import RULES, gridded_trajectories

from rule_id.evaluation.designing import Design, design
from rule_id.models import CLASSIFIERS, BoostedClassifier
from rule_id.trajectories import Trajectories


@pytest.fixture(scope="session")
def gridded() -> Trajectories:
    return gridded_trajectories(seed=1)


@pytest.fixture(scope="session")
def found(gridded: Trajectories) -> Design:
    """What to record, by trees of 20 rounds: enough for what is planted, and quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CLASSIFIERS, "xgboost", partial(BoostedClassifier, n_estimators=20))
        return design(gridded, rules=RULES)
