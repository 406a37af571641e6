from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import synthetic_trajectories, with_variety

from rule_id.errors import InputError
from rule_id.evaluation import (
    CUTS,
    METRICS,
    PAPER_FEATURES,
    PROTOCOLS,
    SUBSETS,
    Evaluation,
    evaluate,
    split_rows,
)
from rule_id.evaluation.printing import remarks
from rule_id.features import TARGETS, extract
from rule_id.trajectories import STATISTICS, Trajectories

GRIDS = ("truncated", "measured")


def accuracy(evaluation: Evaluation, **chosen: str) -> float:
    rows = evaluation.of("rule").table
    rows = rows[rows["feature_set"] == evaluation.info["feature_set"]]
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    return float(rows["accuracy"].mean())


def measured_twice(trajectories: Trajectories) -> Trajectories:
    """The same with a second measurement, of 12 units with noise."""
    rows = trajectories.rows
    again = rows.assign(measurement=1, n_units=12, unit_fraction=12 / 64, noise_std=0.5)
    both = pd.concat([rows, again.assign(observation="gaussian")]).sort_values(
        ["network", "measurement", "layer", "checkpoint"], ignore_index=True
    )
    return Trajectories(trajectories.networks, both, "twice")


def with_rules_shuffled(trajectories: Trajectories) -> Trajectories:
    networks = trajectories.networks.copy()
    rng = np.random.default_rng(0)
    networks["rule"] = networks.groupby("block")["rule"].transform(rng.permutation)
    return Trajectories(networks, trajectories.rows, "shuffled")


def test_every_protocol_model_level_and_metric_is_there(evaluation: Evaluation) -> None:
    results = evaluation.results
    run = set(PROTOCOLS) - set(evaluation.info["left_out"])
    assert set(evaluation.info["protocols"]) == run
    # What must only be told from others has no accuracy.
    assert set(results["protocol"]) == run - {"novel"}
    assert set(results["metric"]) == set(METRICS)
    for protocol, rows in results[results["feature_set"] != PAPER_FEATURES].groupby("protocol"):
        # One model is tested on the grids, and what is combined names networks alone.
        models = {"xgboost"} if protocol in GRIDS else {"linear", "xgboost", "combined"}
        assert set(rows["model"]) == models - ({"combined"} if protocol == "paper" else set())
        levels = {"paper": {"layer"}, "grouped": {"layer", "network"}}
        assert set(rows["level"]) == levels.get(protocol, {"network"})
        held_out = rows["variant"].nunique() if PROTOCOLS[protocol].held_out else 0
        assert set(rows["split"]) == set(range(max(2, held_out)))
        assert set(rows["subset"]) == ({"all"} if protocol in GRIDS else set(SUBSETS))
    truncated = results[results["protocol"] == "truncated"]
    assert set(truncated["variant"]) == {cut.name for cut in CUTS}
    keys = ["protocol", "variant", "feature_set", "model", "level", "target", "subset", "split"]
    assert not results.duplicated([*keys, "metric"]).any()


@pytest.mark.usefixtures("results_alone")
def test_only_headline_protocols_have_more_than_three_splits(small: Trajectories) -> None:
    found = evaluate(small, models=["linear"], protocols=["grouped", "network"], splits=4)
    splits = found.results.groupby("protocol")["split"].nunique()
    assert splits.to_dict() == {"grouped": 4, "network": 3}
    assert (found.info["splits"], found.info["splits_elsewhere"]) == (4, 3)


def test_the_features_of_the_paper_stand_beside_ours(evaluation: Evaluation) -> None:
    rows = evaluation.results[evaluation.results["feature_set"] == PAPER_FEATURES]
    assert set(rows["protocol"]) == {"paper", "grouped"}
    assert set(rows["model"]) == {"linear", "xgboost", "combined"}
    assert evaluation.info["n_features"][PAPER_FEATURES] == 24 * 21 + 3


def test_values_and_chances_are_in_range(evaluation: Evaluation) -> None:
    results = evaluation.results
    shares = results[results["metric"] != "d_prime"]
    assert shares["value"].between(0, 1).all()
    assert results.loc[results["metric"] == "d_prime", "value"].between(-10, 10).all()
    assert results["chance"].notna().all()
    rules = results[results["target"] == "rule"]
    networks = rules[rules["level"] == "network"]
    balanced = networks[networks["metric"].isin(["accuracy", "balanced_accuracy"])]
    assert (balanced["chance"] == 0.25).all()
    # Every rule runs in every block, so that nothing can be looked up.
    np.testing.assert_allclose(balanced["floor"], 0.25)
    floored = results["metric"].isin(["accuracy", "balanced_accuracy"])
    assert (results["floor"].notna() == floored).all()
    assert (rules["n_classes"] == 4).all()


@pytest.mark.parametrize("target", ["rule", "family", "optimizer"])
def test_confusions_count_every_test_row_of_every_split(
    evaluation: Evaluation, small: Trajectories, target: str
) -> None:
    meta = extract(small).meta
    for protocol, level in (("paper", "layer"), ("grouped", "layer"), ("held-out-task", "network")):
        splits = list(split_rows(protocol, meta, n_splits=2))
        tested = [meta.loc[split.test, ["network", "layer"]] for split in splits]
        if level == "network":
            tested = [rows.drop_duplicates("network") for rows in tested]
        rows = evaluation.confusions.query(
            "protocol == @protocol and level == @level and model == 'xgboost' "
            "and feature_set == 'summary' and target == @target"
        )
        assert rows["count"].sum() == sum(map(len, tested))


@pytest.mark.parametrize("target", TARGETS)
def test_confusions_agree_with_the_accuracy(evaluation: Evaluation, target: str) -> None:
    view = evaluation.of(target)
    where = "protocol == 'grouped' and feature_set == 'summary' and level == 'network'"
    expected = view.table.query(where).set_index("model")["accuracy"]
    for model, counts in view.confusions.query(where).groupby("model"):
        # Both splits test as many networks.
        correct = counts.loc[counts["true"] == counts["predicted"], "count"].sum()
        assert correct / counts["count"].sum() == pytest.approx(expected[model])


def test_a_planted_signal_is_found(evaluation: Evaluation) -> None:
    for model in ("linear", "xgboost", "combined"):
        assert accuracy(evaluation, protocol="grouped", model=model, level="network") > 0.8
        assert accuracy(evaluation, protocol="held-out-task", model=model, level="network") > 0.8


@pytest.mark.usefixtures("few_rounds", "results_alone")
@pytest.mark.parametrize("model", ["linear", "xgboost"])
def test_rules_that_were_shuffled_in_the_corpus_are_at_chance(
    trajectories: Trajectories, model: str
) -> None:
    shuffled = with_rules_shuffled(trajectories)
    found = evaluate(shuffled, models=[model], protocols=["paper", "grouped"], splits=4)
    for protocol in ("paper", "grouped"):
        assert abs(accuracy(found, protocol=protocol, level="layer") - 0.25) < 0.1


@pytest.mark.parametrize("target", ["family", "credit_assignment", "optimizer"])
def test_every_target_is_evaluated_under_every_protocol(
    evaluation: Evaluation, small: Trajectories, target: str
) -> None:
    found = evaluation.of(target)
    classes = sorted(small.networks[target].unique())
    assert found.info["classes"] == classes
    grids = set(GRIDS) if target != "family" else {"measured"}
    assert set(found.results["protocol"]) == set(evaluation.results["protocol"]) - grids
    assert set(found.confusions["true"]) == set(found.confusions["predicted"]) == set(classes)
    rows = found.table.query("level == 'network' and protocol == 'grouped' and subset == 'all'")
    commonest = small.networks[target].value_counts(normalize=True).max()
    np.testing.assert_allclose(rows["accuracy_chance"], commonest)
    np.testing.assert_allclose(rows["balanced_accuracy_chance"], 1 / len(classes))
    own = rows[rows["feature_set"] == "summary"]
    assert (own["balanced_accuracy"] > 0.8).all() and len(own) == 3


@pytest.mark.usefixtures("results_alone")
def test_readouts_of_the_delta_rule_count_for_networks_and_not_for_layers(
    small: Trajectories,
) -> None:
    options = {"models": ["linear"], "protocols": ["paper", "grouped"], "splits": 2}
    fixed = small.networks["credit_assignment"] == "feedback_alignment"
    networks = small.networks.assign(delta_readout=fixed)
    some = evaluate(Trajectories(networks, small.rows, "readouts"), **options)
    every = evaluate(small, **options)
    whole = every.results["level"] == "network"
    pd.testing.assert_frame_equal(some.results[whole], every.results[whole])

    rule = "feedback_alignment+momentum"
    counts = [
        found.of("rule").confusions.query("level == 'layer' and feature_set == 'summary'")
        .groupby(["protocol", "true"])["count"].sum().unstack()
        for found in (some, every)
    ]  # fmt: skip
    lost = counts[1] - counts[0]
    assert (lost.drop(columns=rule) == 0).all(axis=None)
    # Two splits of grouped test two blocks each, with one network a rule.
    assert lost.loc["grouped", rule] == 4
    meta = extract(small).meta
    readouts = (meta["rule"] == rule) & (meta["layer"] == meta["n_layers"] - 1)
    splits = split_rows("paper", meta, n_splits=2)
    assert lost.loc["paper", rule] == sum((readouts & split.test).sum() for split in splits)


@pytest.mark.usefixtures("results_alone")
def test_no_signal_is_at_chance() -> None:
    # One corpus of 96 networks is off by up to 0.1, for its splits test the same few networks.
    found = [
        evaluate(
            synthetic_trajectories(signal=0, seed=seed, n_checkpoints=9), models=["linear"],
            protocols=["grouped"], splits=3,
        )
        for seed in range(4)
    ]  # fmt: skip
    for level in ("layer", "network"):
        mean = np.mean([accuracy(one, level=level) for one in found])
        assert abs(mean - 0.25) < 0.08


@pytest.mark.usefixtures("results_alone")
def test_the_papers_protocol_rewards_recognising_networks(trajectories: Trajectories) -> None:
    # Rules are shuffled, so nothing is to be found; but the layers of a network look alike.
    shuffled = with_rules_shuffled(trajectories)
    rng = np.random.default_rng(0)
    factors = np.exp(3 * rng.normal(size=(len(shuffled.networks), len(STATISTICS))))
    position = pd.Index(shuffled.networks["network"]).get_indexer(shuffled.rows["network"])
    rows = shuffled.rows.copy()
    rows[list(STATISTICS)] *= factors[position].astype(np.float32)
    alike = Trajectories(shuffled.networks, rows, "alike")
    found = evaluate(alike, models=["linear"], protocols=["paper", "grouped"], splits=3)
    assert accuracy(found, protocol="paper", level="layer") > 0.5
    assert accuracy(found, protocol="grouped", level="layer") < 0.4


@pytest.mark.usefixtures("results_alone")
def test_diverged_networks_are_left_out_and_counted(small: Trajectories) -> None:
    networks = small.networks.copy()
    networks.loc[[0, 5], "diverged"] = True
    partly = Trajectories(networks, small.rows, "somewhere/corpus")
    found = evaluate(partly, models=["linear"], protocols=["grouped"], splits=2)
    assert found.info["n_diverged"] == 2
    assert found.info["n_networks"] == len(networks) - 2
    assert found.info["corpus"] == "corpus"
    sizes = found.results[["n_train_networks", "n_test_networks"]].sum(axis=1)
    assert (sizes == len(networks) - 2).all()


def test_networks_are_seen_through_the_first_measurement_but_by_measured(
    small: Trajectories,
) -> None:
    options = {"models": ["linear"], "splits": 2}
    found = evaluate(measured_twice(small), protocols=["grouped", "measured"], **options)
    alone = evaluate(small, protocols=["grouped"], **options)
    grouped = found.results["protocol"] == "grouped"
    pd.testing.assert_frame_equal(found.results[grouped].reset_index(drop=True), alone.results)
    names, seen = zip(*(v.split(" | ") for v in found.results[~grouped]["variant"]), strict=True)
    assert set(names) == {"all units, noise 0", "12 units, noise 0.5"}
    assert len(set(seen)) == 4
    table = found.further["measured"]
    assert set(zip(table["name"], table["observables"], strict=True)) == set(
        zip(names, seen, strict=True)
    )
    assert set(table["units"]) == {np.inf, 12} and set(table["noise_std"]) == {0, 0.5}


@pytest.mark.usefixtures("few_rounds", "results_alone")
def test_the_same_seed_gives_the_same_results(small: Trajectories) -> None:
    first, again, other = (
        evaluate(small, protocols=["held-out-task"], splits=2, seed=seed) for seed in (1, 1, 2)
    )
    assert first.results.equals(again.results)
    assert not first.results.equals(other.results)


@pytest.mark.usefixtures("results_alone")
def test_tuning_sees_the_training_rows_alone(
    small: Trajectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def choose(name, values, rules, blocks, *, networks, seed):
        assert len(values) == len(rules) == len(blocks) == len(networks)
        # Layers are combined, so that a setting is chosen for whole networks.
        assert len(blocks) > len(set(networks)) > len(set(blocks))
        seen.append(set(blocks))
        return {"C": 1e-9}

    monkeypatch.setattr("rule_id.evaluation.fitting.choose_hyperparameters", choose)
    options = {"models": ["linear"], "protocols": ["held-out-task"], "splits": 3}
    tuned, default = evaluate(small, tune=True, **options), evaluate(small, **options)
    meta = extract(small).meta
    expected = [
        set(meta["block"][split.train]) for split in split_rows("held-out-task", meta, n_splits=3)
    ]
    assert sorted(map(sorted, seen)) == sorted(map(sorted, expected))
    assert not tuned.results.equals(default.results)


def test_progress_counts_the_fits_and_targets_need_none(small: Trajectories) -> None:
    calls = []
    found = evaluate(
        small,
        models=["linear"],
        protocols=["grouped", "truncated", "novel"],
        splits=2,
        progress=lambda what, done, total: calls.append((what, done, total)),
    )
    # Grouped on our features and the paper's (networks, and layers by themselves), and one model
    # for all windows.
    fits = 2 * (2 + 2 + 1)
    assert calls[:fits] == [("fits", done, fits) for done in range(1, fits + 1)]
    # Three families, and the two rules of the one that has several.
    assert calls[fits:] == [("never trained on", done, 5) for done in range(1, 6)]
    assert set(found.results["target"]) == set(TARGETS)


def test_what_the_corpus_has_one_of_is_not_run_and_said(evaluation: Evaluation) -> None:
    left_out = evaluation.info["left_out"]
    assert left_out["held-out-architecture-group"] == (
        "needs a corpus with 2 or more in architecture_group; it has dense alone"
    )
    assert set(left_out) == {
        "held-out-architecture-group", "held-out-task-group", "held-out-curriculum",
        "held-out-plan", "measured",
    }  # fmt: skip
    assert set(evaluation.info["protocols"]) == set(PROTOCOLS) - set(left_out)


def test_by_default_all_that_the_corpus_allows_is_run(small: Trajectories) -> None:
    found = evaluate(with_variety(small), models=["linear"], splits=3)
    assert set(found.info["protocols"]) == set(PROTOCOLS) - {"measured"}
    assert set(found.results["protocol"]) == set(PROTOCOLS) - {"measured", "novel"}
    assert list(found.info["left_out"]) == ["measured"]
    assert found.info["n_held_out"] == 8
    plan = found.table[found.table["protocol"] == "held-out-plan"]
    assert (plan["n_test_networks"] == 8).all() and (plan["variant"] == "all").all()
    grouped = found.of("rule").results.query("protocol == 'grouped'")
    assert (grouped[["n_train_networks", "n_test_networks"]].sum(axis=1) == 24).all()
    assert "Set apart by the plan: 8 networks, never trained on." in remarks(found)


@pytest.mark.usefixtures("results_alone")
def test_what_is_held_out_by_name_is_tested_alone(small: Trajectories) -> None:
    varied = with_variety(small, apart=False)
    found = evaluate(
        varied, models=["linear"], protocols=["grouped"], splits=2,
        hold_out=["architecture=recurrent", "task=digits", "task=reward", "curriculum=shuffled"],
    )  # fmt: skip
    rows = found.of("rule").table.query("level == 'network' and feature_set == 'summary'")
    rows = rows[(rows["protocol"] != "grouped") & (rows["variant"] != "all")]
    assert set(zip(rows["protocol"], rows["variant"], strict=True)) == {
        ("held-out-architecture-group", "recurrent"), ("held-out-task", "digits"),
        ("held-out-task-group", "reward"), ("held-out-curriculum", "shuffled"),
    }  # fmt: skip
    assert (rows["splits"] == 2).all()
    tested = rows.set_index("variant")["n_test_networks"]
    for column, name in (("architecture_group", "recurrent"), ("task", "digits")):
        assert tested[name] == (varied.networks[column] == name).sum()
    assert found.info["left_out"] == {}


@pytest.mark.usefixtures("results_alone")
def test_a_rule_that_cannot_be_held_out_is_counted_and_named(small: Trajectories) -> None:
    networks = with_variety(small, apart=False).networks
    dense = networks["architecture_group"] == "dense"
    kept = networks[dense | (networks["rule"] != "backprop+adam")]
    some = Trajectories(kept, small.rows[small.rows["network"].isin(kept["network"])], "some")
    found = evaluate(some, models=["linear"], protocols=["held-out-architecture-group"], splits=2)
    rules = found.of("rule").results
    assert (rules["n_classes"] == 3).all()
    chances = rules.query("level == 'network' and metric == 'balanced_accuracy'")["chance"]
    np.testing.assert_allclose(chances, 1 / 3)
    assert found.info["dropped"] == {
        "held-out-architecture-group": {"dense": ["backprop+adam"], "recurrent": ["backprop+adam"]}
    }
    assert sum("backprop+adam" in note for note in found.info["notes"]) == 2
    assert "could not train on, of 4: dense 1, recurrent 1." in "\n".join(remarks(found))
    assert "backprop+adam" not in set(found.confusions["true"])
    # A planted signal is found with classes numbered as the fit numbers them.
    assert accuracy(found, level="network") > 0.9


@pytest.mark.usefixtures("results_alone")
def test_the_floor_is_that_of_the_rules_in_a_block(small: Trajectories) -> None:
    networks = small.networks
    kept = networks[(networks["block"] % 2 == 0) | (networks["family"] == "backprop")]
    some = Trajectories(kept, small.rows[small.rows["network"].isin(kept["network"])], "some")
    found = evaluate(some, models=["linear"], protocols=["network", "grouped"], splits=3)
    rows = found.of("rule").results.query("metric == 'accuracy'")
    assert (rows["floor"] >= rows["chance"]).all()
    meta = extract(some).meta.drop_duplicates("network")
    own = np.where(meta["block"] % 2 == 0, 1 / 4, 1 / 2)
    for split in split_rows("grouped", extract(some).meta, n_splits=3):
        expected = own[meta["network"].isin(extract(some).meta["network"][split.test])].mean()
        at = rows.query("protocol == 'grouped' and level == 'network' and split == @split.number")
        np.testing.assert_allclose(at["floor"], np.maximum(expected, at["chance"]))


def test_without_columns_of_how_networks_were_made_there_is_no_control(
    small: Trajectories,
) -> None:
    bare = small.networks[["network", "block", "rule", *TARGETS[1:], "diverged"]]
    found = evaluate(
        Trajectories(bare, small.rows, "bare"), models=["linear"], protocols=["grouped"], splits=2
    )
    assert found.further["control"].empty and found.info["nuisances"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hold_out": ["digits"]}, "hold_out must be KEY=NAME with a key of archi.*; got 'digits'"),
        ({"hold_out": ["loss=mse"]}, "hold_out must be KEY=NAME .*; got 'loss=mse'"),
        ({"hold_out": ["task=mnist"]}, "hold_out task must be one of .*supervised; got 'mnist'"),
        ({"hold_out": ["task=digits"] * 2}, "hold_out must name each once; got task=digits twice"),
        ({"hold_out": ["curriculum=shuffled"]}, "held-out-curriculum .* has shuffled alone"),
        ({"protocols": ["novel"]}, "protocols must name one beside novel, which has no accuracy"),
        ({"protocols": ["held-out-plan"]}, "protocol held-out-plan needs .* there are none"),
        ({"splits": 1}, "splits must be 2 or more; got 1"),
        (
            {"models": ["tree"]},
            "models must be one of linear, xgboost, combined, random_forest.*; got 'tree'",
        ),
        (
            {"models": ["svm"]},
            "models must name .* one or more of linear, xgboost, combined; got svm",
        ),
        ({"models": []}, "models must name .* one or more of linear, xgboost, combined; got none"),
        ({"models": ["linear"] * 2}, "models must name each once, .*; got linear, linear"),
        ({"protocols": ["random"]}, "protocols must be one of paper, .*; got 'random'"),
        ({"feature_set": "raw"}, "feature set must be one of trajectory, .*; got 'raw'"),
    ],
)
def test_bad_options_are_named(small: Trajectories, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(small, **options)


def test_bad_corpora_are_named(small: Trajectories, tmp_path: Path) -> None:
    recorded = Trajectories(small.networks[["network"]], small.rows, "mouse")
    with pytest.raises(InputError, match="mouse: networks must be simulated .* block, rule"):
        evaluate(recorded)
    old = Trajectories(small.networks.drop(columns="optimizer"), small.rows, "old")
    with pytest.raises(InputError, match="old: networks must be simulated .* optimizer is missing"):
        evaluate(old)
    one = small.select(small.networks["network"][small.networks["rule"] == "backprop+adam"])
    with pytest.raises(InputError, match=r"networks of 2 rules or more .* got backprop\+adam"):
        evaluate(one)
    diverged = Trajectories(small.networks.assign(diverged=True), small.rows, "wild")
    with pytest.raises(InputError, match="wild: networks of 2 rules or more .* got none"):
        evaluate(diverged)
    apart = Trajectories(small.networks.assign(held_out=True), small.rows, "apart")
    with pytest.raises(InputError, match="apart: networks of 2 rules or more .* been set apart"):
        evaluate(apart)
    ungrouped = small.networks.drop(columns=["curriculum"])
    with pytest.raises(InputError, match="curriculum=x needs networks with column curriculum"):
        evaluate(Trajectories(ungrouped, small.rows, "old"), hold_out=["curriculum=x"])
    with pytest.raises(InputError, match="must be a corpus folder"):
        evaluate(tmp_path)


def test_a_folder_of_something_else_is_refused_before_any_work(
    small: Trajectories, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="out must be a new or empty folder"):
        evaluate(small, tmp_path, progress=pytest.fail)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_fits_are_not_kept_in_what_is_replaced(small: Trajectories, tmp_path: Path) -> None:
    for fits in (tmp_path / "out" / "fits", tmp_path / "out"):
        with pytest.raises(InputError, match="fits must be a folder beside out"):
            evaluate(small, tmp_path / "out", fits=fits, progress=pytest.fail)
    assert not list(tmp_path.iterdir())


def test_torch_is_not_imported() -> None:
    code = "import sys, rule_id.evaluation; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
