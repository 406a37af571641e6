from __future__ import annotations

import numpy as np
import pytest

from rule_id.models import PATTERNS
from rule_id.models.scores import score_patterns


class ByActivation:
    """Knows the rule from the one activation feature, and says the first rule without it."""

    classes_ = np.array(["a", "b", "c"])

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        codes = np.nan_to_num(X[:, 1]).astype(int)
        return 0.1 + 0.7 * np.eye(3)[codes]


def test_each_pattern_is_scored_with_what_it_leaves():
    y = np.array(["a", "a", "a", "a", "b", "b", "c", "c"])
    X = np.stack([np.zeros(8), [0, 0, 0, 1, 1, 1, 2, 2]], axis=1).astype(np.float32)
    networks = np.array(["n0", "n0", "n1", "n1", "n2", "n2", "n3", "n3"])
    names = ["weight_abs_mean.level", "activation_abs_mean.level"]
    scores, conformal = score_patterns(ByActivation(), X, y, networks, names)
    assert set(scores) == set(conformal) == set(PATTERNS)
    with_activation = scores["activation+weight"]
    assert with_activation["layer"] == pytest.approx(
        {"accuracy": 7 / 8, "balanced_accuracy": (3 / 4 + 2) / 3, "chance": 1 / 3, "n": 8}
    )
    # Network n1 has a layer for each of two rules; the first wins the tie.
    assert with_activation["network"]["n"] == 4
    assert scores["weight"]["layer"]["accuracy"] == pytest.approx(4 / 8)
    assert scores["weight"]["layer"]["balanced_accuracy"] == pytest.approx(1 / 3)
    assert conformal["activation"]["a"] == pytest.approx([0.2, 1 - 0.8**0.5 * 0.1**0.5 / (
        2 * 0.8**0.5 * 0.1**0.5 + 0.1)])  # fmt: skip
    assert [len(v) for v in conformal["activation"].values()] == [2, 1, 1]
