"""Every rule, with hyperparameters from its own ranges, learns a task; the controls do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rule_id.rules import RULES
from rule_id.simulation import read_plan
from rule_id.simulation.resolve import resolve
from rule_id.simulation.training import EnsembleData, Learner

ONE_EACH = [
    name
    for name, rule in RULES.items()
    if rule.optimizer is None
    or rule.optimizer.name == "momentum"
    or rule.credit_assignment.name == "backprop"
]


def accuracies(rule: str, steps: int = 600) -> np.ndarray:
    """Test accuracy of 12 networks on breast cancer, where 0.63 is guessing the commoner class."""
    ensemble = {
        "rules": [rule], "blocks": 1, "networks_per_rule": 12, "architecture": "dense1",
        "task": "breast_cancer", "width": 16, "activation": "relu", "steps": steps,
    }  # fmt: skip
    (resolved,) = resolve(read_plan({"schema": 1, "seed": 4, "ensembles": [ensemble]}))
    data = EnsembleData(resolved, "cpu", torch.float32)
    learner = Learner(resolved, data, "cpu", torch.float32)
    for step in range(steps):
        learner.step(data.batch(step), step)
    return learner.evaluate(steps)[1].numpy()


@pytest.mark.parametrize("rule", ONE_EACH)
def test_a_rule_learns_and_a_control_does_not(rule: str) -> None:
    found = accuracies(rule)
    # One of twelve may break at the highest rates of its range.
    assert np.isfinite(found).mean() > 0.9
    found = found[np.isfinite(found)]
    if RULES[rule].family == "no learning":
        assert found.mean() < 0.68
    else:
        assert found.mean() > 0.72 and np.quantile(found, 0.25) > 0.64
