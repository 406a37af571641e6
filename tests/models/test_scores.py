from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.models import PATTERNS
from rule_id.models.scores import chance_accuracy, counted_layers, score_patterns


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
    scores = score_patterns(ByActivation(), X, y, networks, names, PATTERNS)
    assert set(scores) == set(PATTERNS)
    # Half of the layers and of the networks are of rule a.
    with_activation = scores["activation+weight"]
    assert with_activation["layer"] == pytest.approx(
        {"accuracy": 7 / 8, "balanced_accuracy": (3 / 4 + 2) / 3, "chance": 1 / 2, "n": 8}
    )
    # Network n1 has a layer for each of two rules; the first wins the tie.
    assert with_activation["network"]["n"] == 4
    assert scores["weight"]["layer"]["accuracy"] == pytest.approx(4 / 8)
    assert scores["weight"]["layer"]["balanced_accuracy"] == pytest.approx(1 / 3)


def test_layers_that_do_not_count_are_left_out_of_layers_and_not_of_networks():
    y = np.array(["a", "a", "b", "b"])
    X = np.stack([np.zeros(4), [0, 1, 1, 1]], axis=1).astype(np.float32)
    names = ["weight_abs_mean.level", "activation_abs_mean.level"]
    networks = np.array(["n0", "n0", "n1", "n1"])
    counted = np.array([True, False, True, False])
    some = score_patterns(ByActivation(), X, y, networks, names, PATTERNS, counted)
    every = score_patterns(ByActivation(), X, y, networks, names, PATTERNS)
    assert some["activation"]["layer"] == pytest.approx(
        {"accuracy": 1, "balanced_accuracy": 1, "chance": 0.5, "n": 2}
    )
    assert every["activation"]["layer"]["accuracy"] == 3 / 4
    assert some["activation"]["network"] == every["activation"]["network"]
    assert every["activation"]["network"]["n"] == 2
    nobody = np.zeros(4, dtype=bool)
    none = score_patterns(ByActivation(), X, y, networks, names, PATTERNS, nobody)
    assert set(none["activation"]) == {"network"}


def test_chance_is_the_commonest_class_or_guessing_any():
    assert chance_accuracy(np.array(["a"] * 6 + ["b"] * 2), 3) == 0.75
    assert chance_accuracy(np.array(["a", "b", "c", "d"]), 4) == 0.25
    assert chance_accuracy(np.array(["a", "b", "c"]), 2) == 0.5


def test_only_last_layers_that_learn_by_the_delta_rule_do_not_count():
    meta = pd.DataFrame(
        {
            "layer": [0, 1, 2, 0, 1, 0],
            "n_layers": [3, 3, 3, 2, 2, 1],
            "delta_readout": [True, True, True, False, False, True],
        }
    )
    assert counted_layers(meta).tolist() == [True, True, False, True, True, False]
    assert counted_layers(meta.drop(columns="delta_readout")).all()
    assert counted_layers(meta.assign(delta_readout=np.nan)).all()


def test_a_pattern_is_scored_on_the_rows_that_hold_its_observables():
    y = np.array(["a", "b", "a", "b"])
    X = np.stack([[0, 0, np.nan, np.nan], [0, 1, 1, 0]], axis=1).astype(np.float32)
    names = ["weight_abs_mean.level", "activation_abs_mean.level"]
    networks = np.array(["n0", "n1", "spikes of n0", "spikes of n1"])
    scores = score_patterns(ByActivation(), X, y, networks, names, PATTERNS)
    assert scores["activation"]["network"]["n"] == 4
    assert scores["activation"]["network"]["accuracy"] == 0.5
    assert scores["activation+weight"]["network"]["n"] == 2
    assert scores["activation+weight"]["network"]["accuracy"] == 1
