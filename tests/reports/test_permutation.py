from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rule_id.features import FeatureTable
from rule_id.models import Bundle
from rule_id.models.patterns import feature_matrix
from rule_id.reports.importance import held_out_rows
from rule_id.reports.permutation import donor_rows, network_log_loss, permutation_importance


def test_whole_networks_change_places_within_their_block(planted: FeatureTable) -> None:
    meta = planted.meta
    donors = meta.iloc[donor_rows(meta, np.random.default_rng(0))].reset_index(drop=True)
    for column in ("block", "measurement", "layer", "depth_group"):
        pd.testing.assert_series_equal(donors[column], meta[column])
    # One donor a network, and each network the donor of one.
    pairs = pd.DataFrame({"own": meta["network"], "donor": donors["network"]}).drop_duplicates()
    assert len(pairs) == meta["network"].nunique() == pairs["donor"].nunique()
    assert (pairs["own"] != pairs["donor"]).mean() > 0.5


def test_layers_are_matched_by_depth_where_networks_differ_in_length() -> None:
    meta = pd.DataFrame(
        {
            "network": ["short"] * 2 + ["long"] * 4,
            "block": 0,
            "measurement": 0,
            "depth": [0, 1, 0, 0.3, 0.7, 1],
        }
    )
    rows = {tuple(donor_rows(meta, np.random.default_rng(seed))) for seed in range(10)}
    assert rows == {(0, 1, 2, 3, 4, 5), (2, 5, 0, 0, 1, 1)}


def test_measurements_are_not_mixed(planted: FeatureTable) -> None:
    noisy = planted.meta.assign(measurement=1)
    meta = pd.concat([planted.meta, noisy], ignore_index=True)
    donors = donor_rows(meta, np.random.default_rng(0))
    assert (meta["measurement"].to_numpy()[donors] == meta["measurement"]).all()


def test_log_loss_of_equal_probabilities_is_the_log_of_the_number_of_rules(
    planted: FeatureTable,
) -> None:
    rules = sorted(planted.meta["rule"].unique())
    blind = SimpleNamespace(
        target="rule",
        classes=rules,
        classifier=SimpleNamespace(predict_proba=lambda X: np.full((len(X), 4), 0.25)),
    )
    assert network_log_loss(blind, planted.matrix(), planted.meta) == pytest.approx(np.log(4))


def test_a_certain_mistake_costs_no_more_than_the_floor_allows(planted: FeatureTable) -> None:
    one = planted.rows(planted.meta["rule"] == "backprop+adam")
    sure = SimpleNamespace(
        target="rule",
        classes=["backprop+adam", "other"],
        classifier=SimpleNamespace(predict_proba=lambda X: np.tile([0.0, 1.0], (len(X), 1))),
    )
    assert network_log_loss(sure, one.matrix(), one.meta) == pytest.approx(-np.log(1e-6))


def test_log_loss_is_that_of_the_target(
    of_target: dict[str, Bundle], planted: FeatureTable
) -> None:
    for target, bundle in of_target.items():
        only = planted.meta[["network", "measurement", target]]
        found = network_log_loss(bundle, feature_matrix(planted, bundle.feature_names), only)
        assert 0 < found < np.log(len(bundle.classes)) / 2


def test_exchanging_nothing_costs_nothing(
    bundles: dict[str, Bundle], planted: FeatureTable
) -> None:
    table = held_out_rows(bundles["linear"], planted)
    columns = np.ones(len(table.names), dtype=bool)
    groups = {
        ("observable", "no features"): (~columns, np.ones(len(table), dtype=bool)),
        ("depth", "no rows"): (columns, np.zeros(len(table), dtype=bool)),
    }
    found = permutation_importance(bundles["linear"], table, groups, repeats=2, seed=0)
    assert found["group"].unique().tolist() == ["no features", "no rows"]
    np.testing.assert_allclose(found[["value", "error", "low", "high"]], 0, atol=1e-12)
