"""The family that does not learn, told from those that do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from answering import answers, trial

from rule_id.evaluation.no_learning import no_learning_table
from rule_id.evaluation.results import FURTHER

FAMILY = {"backprop+sgd": "backprop", "no_learning": "no learning", "random_drift": "no learning"}
RULES = list(FAMILY)
NETWORKS = pd.DataFrame({"network": ["a"], "layer": [0], "rule": ["a"], "block": [0]})


def found(true: list[str], said: list[str]):
    probabilities = np.array([[0.8 if rule == one else 0.1 for rule in RULES] for one in said])
    shown = answers(true, probabilities, RULES, np.arange(len(true)) % 4)
    return [(trial(NETWORKS, np.array([True])), shown)]


def test_hits_and_false_alarms_by_hand() -> None:
    true = ["no_learning", "random_drift", "no_learning", "random_drift", *4 * ["backprop+sgd"]]
    said = ["no_learning", "no_learning", "backprop+sgd", "random_drift",
            "backprop+sgd", "backprop+sgd", "no_learning", "backprop+sgd"]  # fmt: skip
    table = no_learning_table(found(true, said), FAMILY)
    assert tuple(table.columns) == FURTHER["no_learning"]
    row = table.iloc[0]
    assert (row["hits"], row["false_alarms"]) == pytest.approx((0.75, 0.25))
    assert (row["n_still"], row["n_learning"]) == (4, 4)


@pytest.mark.parametrize("true", [["no_learning", "random_drift"], ["backprop+sgd"] * 2])
def test_without_both_kinds_there_is_no_row(true: list[str]) -> None:
    assert no_learning_table(found(true, true), FAMILY).empty
