"""A really simulated tiny corpus, and its compact copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from rule_id.compact import compact
from rule_id.simulation import simulate

PLAN = {
    "schema": 1,
    "seed": 11,
    "checkpoints": 6,
    "ensembles": [
        {
            "rules": ["backprop+momentum", "feedback_alignment+adam"],
            "blocks": 8,
            "networks_per_rule": 1,
            "architecture": {"choice": ["dense2", "dense4"]},
            "activation": {"choice": ["relu", "tanh"]},
            "width": 16,
            "steps": 30,
            "stimuli": 16,
        }
    ],
    "measurements": [{"units": 1.0, "pairs": True}, {"units": 8, "noise_std": 0.5, "pairs": True}],
}


@pytest.fixture
def plan() -> dict:
    return PLAN


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> Path:
    return simulate(PLAN, tmp_path_factory.mktemp("compact") / "corpus", workers=1)


@pytest.fixture(scope="session")
def compacted(simulated, tmp_path_factory) -> Path:
    return compact(simulated, tmp_path_factory.mktemp("compact") / "small").folder
