"""Trials and answers made by hand, for tests of what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation import trials
from rule_id.evaluation.answers import Answers
from rule_id.evaluation.protocols import Split
from rule_id.features import FeatureTable


def answers(
    true: list[str] | np.ndarray,
    probabilities: list | np.ndarray,
    classes: list[str],
    blocks: list[int] | np.ndarray,
    networks: list[str] | np.ndarray | None = None,
) -> Answers:
    n = len(true)
    names = [f"n{k:03}" for k in range(n)] if networks is None else networks
    return Answers(
        "network", np.array(names), np.array(blocks), {"all": np.ones(n, dtype=bool)},
        np.array(probabilities, dtype=float).reshape(n, len(classes)), classes, np.array(true),
    )  # fmt: skip


def trial(
    networks: pd.DataFrame, train: np.ndarray, number: int = 0, model: str = "linear",
    feature_set: str = "summary",
) -> trials.Trial:  # fmt: skip
    """A trial on one row a network."""
    table = FeatureTable(networks, pd.DataFrame({"x.a": np.zeros(len(networks))}), feature_set)
    split = Split("grouped", "all", number, train, ~train)
    return trials.Trial(split, model, feature_set, table, train, ())
