from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features import TARGETS, WITH_FAMILIES, FeatureTable, extract, with_deviations
from rule_id.models import PATTERNS, read_bundle, train
from rule_id.models import hyperparameters as hyperparameters_module
from rule_id.models.patterns import feature_observables
from rule_id.models.sources import TableSource


def changed(table: FeatureTable, **columns) -> FeatureTable:
    return FeatureTable(table.meta.assign(**columns), table.values, table.feature_set, table.info)


def test_a_clear_signal_is_found_on_unseen_blocks_from_every_pattern_with_activations(bundle):
    for pattern, scores in bundle.scores.items():
        if pattern.startswith("activation"):
            assert scores["network"]["accuracy"] > 0.8
        assert scores["network"]["chance"] == 0.25
        assert scores["network"]["n"] == 48


def test_nothing_is_found_where_nothing_is(bundle):
    table = extract(synthetic_trajectories(n_blocks=15, signal=0.0, n_checkpoints=9))
    nothing = train(table, model=bundle.model, tune=False, held_out=0.4)
    accuracy = nothing.scores["activation+weight+activity_change"]["network"]["accuracy"]
    # 48 networks: three standard errors of a guess.
    assert abs(accuracy - 0.25) < 3 * (0.25 * 0.75 / 48) ** 0.5


def test_held_out_blocks_take_no_part_in_fitting(table, bundle):
    unseen = table.meta["block"].isin(bundle.test_blocks).to_numpy()
    assert len(bundle.test_blocks) == 6
    spoilt = table.values.copy()
    spoilt[unseen] = 1e6
    other = train(
        FeatureTable(table.meta, spoilt, "summary"), model=bundle.model, tune=False, held_out=0.4
    )
    assert other.test_blocks == bundle.test_blocks
    np.testing.assert_array_equal(other.quantiles, bundle.quantiles)
    np.testing.assert_array_equal(other.predict_proba(table), bundle.predict_proba(table))


def test_the_bundle_says_what_it_was_made_from(table, bundle):
    assert bundle.classes == sorted(table.meta["rule"].unique())
    assert bundle.families["backprop+adam"] == "backprop"
    taken = {"linear": table, "xgboost": with_deviations(table), "combined": table}
    assert bundle.feature_names == taken[bundle.model].names
    assert bundle.info["training"] == {"blocks": 9, "networks": 72, "rows": 248}
    assert bundle.info["testing"]["blocks"] == 6
    assert bundle.info["features"] == table.info
    assert bundle.info["n_diverged"] == 0
    assert all(len(s) == 12 for s in bundle.conformal["exact"]["activation"].values())


def test_training_rows_come_complete_and_with_gaps_that_layers_of_a_network_share(table):
    X, y, blocks, networks = TableSource(table).training_rows(table, "rule", 0)
    n = len(table)
    assert len(X) == len(y) == len(blocks) == len(networks) == 2 * n
    np.testing.assert_array_equal(X[:n], table.matrix())
    observables = feature_observables(table.names)
    left = {}
    for row, network in zip(X[n:], networks[n:], strict=True):
        held = tuple(sorted(set(observables[~np.isnan(row)]) - {""}))
        assert left.setdefault(network, held) == held
    parts = {tuple(sorted(held)) for held in PATTERNS.values() if len(held) < 3}
    assert set(left.values()) == parts
    assert not set(networks[:n]) & set(networks[n:])


def test_a_copy_of_which_nothing_would_be_left_is_none(table):
    """Recordings of activations alone: half of the gaps take all that there is."""
    observables = feature_observables(table.names)
    recorded = table.values.copy()
    recorded[[n for n, o in zip(table.names, observables, strict=True) if o not in (
        "", "activation")]] = np.nan  # fmt: skip
    some = dataclasses.replace(table, values=recorded)
    X, y, blocks, networks = TableSource(some).training_rows(some, "rule", 0)
    assert len(table) < len(X) < 2 * len(table)
    assert len(X) == len(y) == len(blocks) == len(networks)
    assert (~np.isnan(X[:, observables != ""])).any(axis=1).all()


def test_networks_that_diverged_are_left_out_and_counted(table, linear):
    lost = table.meta["network"].isin(table.meta["network"].unique()[:3])
    bundle = train(changed(table, diverged=lost), model="linear", tune=False, held_out=0.4)
    assert bundle.info["n_diverged"] == 3
    assert bundle.info["training"]["networks"] + bundle.info["testing"]["networks"] == 117


def test_networks_that_the_plan_set_apart_are_left_out_and_counted(table, linear):
    # Two blocks, one of which also holds a network that diverged.
    apart = table.meta["block"].isin([3, 7])
    lost = table.meta["network"] == table.meta["network"][apart].iloc[0]
    marked = changed(table, held_out=apart, diverged=lost)
    bundle = train(marked, model="linear", tune=False, held_out=0.4)
    assert (bundle.info["n_set_apart"], bundle.info["n_diverged"]) == (15, 1)
    assert bundle.info["training"]["networks"] + bundle.info["testing"]["networks"] == 104
    assert not {3, 7} & set(bundle.test_blocks)
    assert str(bundle).endswith("; 15 networks that the plan set apart were not used")
    assert "set apart" not in str(linear)
    # What they hold makes no difference.
    spoilt = marked.values.copy()
    spoilt[apart.to_numpy()] = 1e6
    other = train(
        FeatureTable(marked.meta, spoilt, "summary"), model="linear", tune=False, held_out=0.4
    )
    np.testing.assert_array_equal(other.quantiles, bundle.quantiles)
    assert other.scores == bundle.scores


def test_the_same_seed_gives_the_same_bundle_and_it_is_written(table, tmp_path, monkeypatch):
    grid = ({"n_estimators": 5}, {"n_estimators": 10})
    monkeypatch.setitem(hyperparameters_module.GRIDS, "xgboost", grid)
    calls = []
    first = train(table, tmp_path / "b", folds=2, progress=lambda *call: calls.append(call))
    second = train(table, folds=2)
    assert first.hyperparameters in grid
    assert [call[1:] for call in calls] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    np.testing.assert_array_equal(first.predict_proba(table), second.predict_proba(table))
    assert first.scores == second.scores == read_bundle(tmp_path / "b").scores
    assert train(table, folds=2, tune=False, seed=1).test_blocks != first.test_blocks


def test_a_file_is_as_good_as_a_table(table, linear, tmp_path):
    table.write(tmp_path / "features.parquet")
    again = train(tmp_path / "features.parquet", model="linear", tune=False, held_out=0.4)
    np.testing.assert_array_equal(again.predict_proba(table), linear.predict_proba(table))


def test_quantiles_hold_nearly_all_of_the_training_features(table, xgboost):
    fitted = with_deviations(table.rows(~table.meta["block"].isin(xgboost.test_blocks))).values
    low, _, high = xgboost.quantiles
    outside = ((fitted < low) | (fitted > high)).to_numpy()
    assert 0 < outside.mean() <= 0.02


def test_a_feature_that_was_never_measured_has_no_quantiles(table):
    empty = table.values.assign(**{table.names[0]: np.float32(np.nan)})
    bundle = train(FeatureTable(table.meta, empty, "summary"), model="linear", tune=False)
    assert np.isnan(bundle.quantiles[:, 0]).all()


@pytest.mark.parametrize("column", ["network", "block", "rule", "family"])
def test_features_without_labels_are_refused(table, column):
    lacking = FeatureTable(table.meta.drop(columns=column), table.values, "summary")
    with pytest.raises(
        InputError, match=f"must be those of simulated networks; no column {column}"
    ):
        train(lacking)


@pytest.mark.parametrize("target", TARGETS)
def test_the_column_of_the_target_is_needed_and_of_families_where_they_are_told(table, target):
    lacking = FeatureTable(table.meta.drop(columns=target), table.values, "summary")
    with pytest.raises(InputError, match=f"of simulated networks; no column {target}"):
        train(lacking, target=target)
    above = FeatureTable(table.meta.drop(columns="family"), table.values, "summary")
    if target in WITH_FAMILIES:
        with pytest.raises(InputError, match="no column family"):
            train(above, target=target)
    elif target == "optimizer":
        assert train(above, target=target, model="linear", tune=False).families == {}


def test_every_target_is_learned(of_target):
    assert of_target["family"].classes == ["backprop", "fixed feedback", "learned feedback"]
    assert of_target["credit_assignment"].classes == [
        "backprop", "feedback_alignment", "information_alignment",
    ]  # fmt: skip
    assert of_target["optimizer"].classes == ["adam", "momentum"]
    assert of_target["credit_assignment"].families["feedback_alignment"] == "fixed feedback"
    assert of_target["family"].families == of_target["optimizer"].families == {}
    for target, bundle in of_target.items():
        assert bundle.target == target
        scores = bundle.scores["activation+weight+activity_change"]["network"]
        assert scores["balanced_accuracy"] > 1 / len(bundle.classes) + 0.2


def test_chance_of_classes_of_unlike_size_is_the_share_of_the_commonest(of_target):
    # One rule in four is backprop with Adam; two of four are of the family backprop.
    for target, chance in (("family", 0.5), ("credit_assignment", 0.5), ("optimizer", 0.75)):
        assert of_target[target].scores["activation"]["network"]["chance"] == chance


def test_a_common_family_is_not_favoured_where_features_say_nothing(table, bundle):
    mute = FeatureTable(table.meta, table.values * 0, "summary", table.info)
    blind = train(mute, target="family", model=bundle.model, tune=False, held_out=0.4)
    # Half of the networks are of backprop, but a third of the probability is.
    np.testing.assert_allclose(blind.predict_proba(mute), 1 / 3, atol=0.01)


def test_readouts_of_the_delta_rule_count_for_networks_and_not_for_layers(table, linear):
    fixed = table.meta["credit_assignment"] == "feedback_alignment"
    bundle = train(changed(table, delta_readout=fixed), model="linear", tune=False, held_out=0.4)
    np.testing.assert_array_equal(bundle.predict_proba(table), linear.predict_proba(table))
    unseen = table.meta[table.meta["block"].isin(linear.test_blocks)]
    readouts = unseen["credit_assignment"].eq("feedback_alignment") & (
        unseen["layer"] == unseen["n_layers"] - 1
    )
    assert readouts.sum() == 12
    for pattern in PATTERNS:
        some, every = bundle.scores[pattern], linear.scores[pattern]
        assert some["network"] == every["network"]
        assert some["layer"]["n"] == every["layer"]["n"] - 12
    assert bundle.conformal == linear.conformal


def test_too_few_rules_or_blocks_are_refused(table):
    one_rule = table.rows(table.meta["rule"] == "backprop+adam")
    with pytest.raises(InputError, match="must be of 2 rules or more; got backprop[+]adam"):
        train(one_rule)
    with pytest.raises(InputError, match="must be of 2 optimizers or more; got momentum"):
        train(table.rows(table.meta["optimizer"] == "momentum"), target="optimizer")
    with pytest.raises(InputError, match="must be of 2 rules or more; got none"):
        train(changed(table, diverged=True))
    with pytest.raises(InputError, match="must be of 6 blocks or more, 1 to hold out.*; got 5"):
        train(table.rows(table.meta["block"] < 5))


def test_a_rule_of_held_out_blocks_alone_is_refused(table, linear):
    only = table.meta["rule"].where(~table.meta["block"].isin(linear.test_blocks), "hebbian")
    with pytest.raises(
        InputError,
        match="each rule must occur .* hebbian does not: use more blocks or another seed",
    ):
        train(changed(table, rule=only), model="linear", tune=False, held_out=0.4)


def test_bad_options_are_refused_before_any_work(table, tmp_path):
    with pytest.raises(
        InputError, match="model must be one of linear, xgboost, combined; got 'svm'"
    ):
        train(table, model="svm")
    with pytest.raises(InputError, match="target must be one of rule, family, .*; got 'task'"):
        train(table, target="task")
    with pytest.raises(InputError, match="held_out must lie between 0 and 1; got 1"):
        train(table, held_out=1)
    with pytest.raises(InputError, match="folds must be 2 or more; got 1"):
        train(table, folds=1)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="must be a new folder or a bundle to replace"):
        train(table, tmp_path)


def test_without_a_reference_corpus_features_must_be_given(monkeypatch, tmp_path):
    monkeypatch.setattr("rule_id.models.opening.reference_path", tmp_path.joinpath)
    with pytest.raises(InputError, match="features must be given: this installation has no"):
        train()
