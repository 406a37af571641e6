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
    METRICS,
    PAPER_FEATURES,
    PROTOCOLS,
    TRUNCATIONS,
    Evaluation,
    evaluate,
    split_rows,
)
from rule_id.features import extract
from rule_id.trajectories import STATISTICS, Trajectories


def accuracy(evaluation: Evaluation, **chosen: str) -> float:
    rows = evaluation.table[evaluation.table["feature_set"] == evaluation.info["feature_set"]]
    for column, value in chosen.items():
        rows = rows[rows[column] == value]
    return float(rows["accuracy"].mean())


def with_rules_shuffled(trajectories: Trajectories) -> Trajectories:
    networks = trajectories.networks.copy()
    rng = np.random.default_rng(0)
    networks["rule"] = networks.groupby("block")["rule"].transform(rng.permutation)
    return Trajectories(networks, trajectories.rows, "shuffled")


def test_every_protocol_model_level_and_metric_is_there(evaluation: Evaluation) -> None:
    results = evaluation.results
    assert set(results["protocol"]) == set(PROTOCOLS) - set(evaluation.info["left_out"])
    assert set(results["metric"]) == set(METRICS)
    own = results[results["feature_set"] == "summary"]
    for protocol, rows in own.groupby("protocol"):
        assert set(rows["model"]) == {"linear", "xgboost"}
        levels = {"layer"} if protocol == "paper" else {"layer", "network"}
        assert set(rows["level"]) == levels
        assert set(rows["split"]) == {0, 1}
    truncated = results[results["protocol"] == "truncated"]
    assert set(truncated["variant"]) == set(TRUNCATIONS)
    keys = ["protocol", "variant", "feature_set", "model", "level", "split", "metric"]
    assert not results.duplicated(keys).any()


def test_the_features_of_the_paper_stand_beside_ours(evaluation: Evaluation) -> None:
    rows = evaluation.results[evaluation.results["feature_set"] == PAPER_FEATURES]
    assert set(rows["protocol"]) == {"paper", "grouped"}
    assert set(rows["model"]) == {"linear", "xgboost"}
    assert evaluation.info["n_features"][PAPER_FEATURES] == 24 * 21 + 3


def test_values_and_chances_are_in_range(evaluation: Evaluation) -> None:
    results = evaluation.results
    shares = results[results["metric"] != "d_prime"]
    assert shares["value"].between(0, 1).all()
    assert results.loc[results["metric"] == "d_prime", "value"].between(-10, 10).all()
    assert results["chance"].notna().all()
    networks = results[results["level"] == "network"]
    balanced = networks[networks["metric"].isin(["accuracy", "balanced_accuracy"])]
    assert (balanced["chance"] == 0.25).all()
    # Every rule runs in every block, so that nothing can be looked up.
    np.testing.assert_allclose(balanced["floor"], 0.25)
    floored = results["metric"].isin(["accuracy", "balanced_accuracy"])
    assert (results["floor"].notna() == floored).all()
    assert (results["n_classes"] == 4).all()


def test_confusions_count_every_test_row_of_every_split(
    evaluation: Evaluation, small: Trajectories
) -> None:
    meta = extract(small).meta
    for protocol in ("paper", "grouped", "held-out-task"):
        tested = sum(split.test.sum() for split in split_rows(protocol, meta, n_splits=2))
        rows = evaluation.confusions.query(
            "protocol == @protocol and level == 'layer' and model == 'xgboost' "
            "and feature_set == 'summary'"
        )
        assert rows["count"].sum() == tested


def test_confusions_agree_with_the_accuracy(evaluation: Evaluation) -> None:
    rows = evaluation.confusions.query("protocol == 'grouped' and feature_set == 'summary'")
    for (model, level), counts in rows.groupby(["model", "level"]):  # noqa: B007
        correct = counts.loc[counts["true"] == counts["predicted"], "count"].sum()
        expected = evaluation.results.query(
            "protocol == 'grouped' and model == @model and level == @level "
            "and metric == 'accuracy' and feature_set == 'summary'"
        )
        if level == "network":  # where both splits test as many
            assert correct / counts["count"].sum() == pytest.approx(expected["value"].mean())


def test_whole_truncated_trajectories_repeat_grouped(evaluation: Evaluation) -> None:
    results = evaluation.results[evaluation.results["feature_set"] == "summary"]
    grouped = results[results["protocol"] == "grouped"]["value"]
    whole = results[results["variant"] == "all checkpoints"]["value"]
    np.testing.assert_array_equal(grouped, whole)


def test_a_planted_signal_is_found(evaluation: Evaluation) -> None:
    for model in ("linear", "xgboost"):
        assert accuracy(evaluation, protocol="grouped", model=model, level="network") > 0.9
        assert accuracy(evaluation, protocol="held-out-task", model=model, level="network") > 0.9


@pytest.mark.usefixtures("few_rounds")
@pytest.mark.parametrize("model", ["linear", "xgboost"])
def test_shuffled_rules_are_at_chance(trajectories: Trajectories, model: str) -> None:
    shuffled = with_rules_shuffled(trajectories)
    found = evaluate(shuffled, models=[model], protocols=["paper", "grouped"], splits=4)
    for protocol in ("paper", "grouped"):
        assert abs(accuracy(found, protocol=protocol, level="layer") - 0.25) < 0.1


@pytest.mark.parametrize("target", ["family", "credit_assignment", "optimizer"])
def test_every_target_is_evaluated_under_every_protocol(small: Trajectories, target: str) -> None:
    found = evaluate(small, target=target, models=["linear"], splits=2)
    classes = sorted(small.networks[target].unique())
    assert (found.info["target"], found.info["classes"]) == (target, classes)
    assert set(found.results["protocol"]) == set(PROTOCOLS) - set(found.info["left_out"])
    assert set(found.confusions["true"]) == set(found.confusions["predicted"]) == set(classes)
    rows = found.table[(found.table["level"] == "network") & (found.table["protocol"] == "grouped")]
    commonest = small.networks[target].value_counts(normalize=True).max()
    np.testing.assert_allclose(rows["accuracy_chance"], commonest)
    np.testing.assert_allclose(rows["balanced_accuracy_chance"], 1 / len(classes))
    own = rows[rows["feature_set"] == "summary"]
    assert own["balanced_accuracy"].item() > 0.8


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
        found.confusions.query("level == 'layer' and feature_set == 'summary'")
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


def test_no_signal_is_at_chance() -> None:
    # One corpus of 96 networks is off by up to 0.1, for its splits test the same few networks.
    found = [
        evaluate(
            synthetic_trajectories(signal=0, seed=seed), models=["linear"],
            protocols=["grouped", "held-out-task"], splits=2,
        )
        for seed in range(5)
    ]  # fmt: skip
    for level in ("layer", "network"):
        mean = np.mean([accuracy(one, feature_set="summary", level=level) for one in found])
        assert abs(mean - 0.25) < 0.08


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


def test_two_measurements_of_a_network_are_two_answers(small: Trajectories) -> None:
    again = small.rows.assign(measurement=1)
    rows = pd.concat([small.rows, again]).sort_values(
        ["network", "measurement", "layer", "checkpoint"], ignore_index=True
    )
    twice = Trajectories(small.networks, rows, "twice")
    found = evaluate(twice, models=["linear"], protocols=["grouped"], splits=2)
    tested = found.confusions.query("level == 'network' and feature_set == 'summary'")
    assert tested["count"].sum() == 2 * 2 * 2 * 4  # splits, measurements, blocks, rules


@pytest.mark.usefixtures("few_rounds")
def test_the_same_seed_gives_the_same_results(small: Trajectories) -> None:
    first, again, other = (
        evaluate(small, protocols=["held-out-task"], splits=2, seed=seed) for seed in (1, 1, 2)
    )
    assert first.results.equals(again.results)
    assert not first.results.equals(other.results)


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


def test_progress_counts_the_fits(small: Trajectories) -> None:
    calls = []
    evaluate(
        small,
        models=["linear"],
        protocols=["grouped", "truncated"],
        splits=2,
        progress=lambda what, done, total: calls.append((what, done, total)),
    )
    # Whole trajectories are fitted once for grouped and truncated together.
    fits = 2 * (1 + 5 + 1)
    assert calls == [("fits", done, fits) for done in range(1, fits + 1)]


def test_what_the_corpus_has_one_of_is_not_run_and_said(evaluation: Evaluation) -> None:
    left_out = evaluation.info["left_out"]
    assert left_out["held-out-architecture-group"] == (
        "needs a corpus with 2 or more in architecture_group; it has dense alone"
    )
    assert {"held-out-task-group", "held-out-curriculum", "held-out-plan"} < set(left_out)
    assert left_out["held-out-task: teacher_student"] == "takes a turn with 3 splits or more"
    assert set(evaluation.info["protocols"]) == set(PROTOCOLS) - set(left_out)


def test_by_default_all_that_the_corpus_allows_is_run(small: Trajectories) -> None:
    found = evaluate(with_variety(small), models=["linear"], splits=3)
    assert set(found.results["protocol"]) == set(PROTOCOLS)
    assert list(found.info["left_out"]) == ["held-out-architecture: dense4"]
    assert found.info["n_held_out"] == 8
    plan = found.table[found.table["protocol"] == "held-out-plan"]
    assert (plan["n_test_networks"] == 8).all() and (plan["variant"] == "all").all()
    grouped = found.results[found.results["protocol"] == "grouped"]
    assert (grouped[["n_train_networks", "n_test_networks"]].sum(axis=1) == 24).all()
    assert "Set apart by the plan: 8 networks, never trained on." in found.remarks()


def test_what_is_held_out_by_name_is_tested_alone(small: Trajectories) -> None:
    varied = with_variety(small, apart=False)
    found = evaluate(
        varied, models=["linear"], protocols=["grouped"], splits=2,
        hold_out=["architecture=recurrent", "task=digits", "task=reward", "curriculum=shuffled"],
    )  # fmt: skip
    rows = found.table[found.table["level"] == "network"]
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


def test_a_rule_that_cannot_be_held_out_is_counted_and_named(small: Trajectories) -> None:
    networks = with_variety(small, apart=False).networks
    dense = networks["architecture_group"] == "dense"
    kept = networks[dense | (networks["rule"] != "backprop+adam")]
    some = Trajectories(kept, small.rows[small.rows["network"].isin(kept["network"])], "some")
    found = evaluate(some, models=["linear"], protocols=["held-out-architecture-group"], splits=2)
    assert (found.results["n_classes"] == 3).all()
    networks_level = found.results[found.results["level"] == "network"]
    chances = networks_level.loc[networks_level["metric"] == "balanced_accuracy", "chance"]
    np.testing.assert_allclose(chances, 1 / 3)
    assert found.info["dropped"] == {
        "held-out-architecture-group": {"dense": ["backprop+adam"], "recurrent": ["backprop+adam"]}
    }
    assert sum("backprop+adam" in note for note in found.info["notes"]) == 2
    assert "left out of 4: dense 1, recurrent 1." in "\n".join(found.remarks())
    assert "backprop+adam" not in set(found.confusions[found.confusions["count"] > 0]["true"])
    # A planted signal is found with classes numbered as the fit numbers them.
    assert accuracy(found, level="network") > 0.9


def test_the_floor_is_that_of_the_rules_in_a_block(small: Trajectories) -> None:
    networks = small.networks
    kept = networks[(networks["block"] % 2 == 0) | (networks["family"] == "backprop")]
    some = Trajectories(kept, small.rows[small.rows["network"].isin(kept["network"])], "some")
    found = evaluate(some, models=["linear"], protocols=["network", "grouped"], splits=3)
    rows = found.results[found.results["metric"] == "accuracy"]
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
    bare = small.networks[["network", "block", "rule", "diverged"]]
    found = evaluate(
        Trajectories(bare, small.rows, "bare"), models=["linear"], protocols=["grouped"], splits=2
    )
    assert found.control.empty and found.info["nuisances"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hold_out": ["digits"]}, "hold_out must be KEY=NAME with a key of archi.*; got 'digits'"),
        ({"hold_out": ["loss=mse"]}, "hold_out must be KEY=NAME .*; got 'loss=mse'"),
        ({"hold_out": ["task=mnist"]}, "hold_out task must be one of .*supervised; got 'mnist'"),
        ({"hold_out": ["task=digits"] * 2}, "hold_out must name each once; got task=digits twice"),
        ({"hold_out": ["curriculum=shuffled"]}, "held-out-curriculum .* has shuffled alone"),
        ({"protocols": ["held-out-plan"]}, "protocol held-out-plan needs .* there are none"),
        ({"target": "task"}, "target must be one of rule, family, .*; got 'task'"),
        ({"splits": 1}, "splits must be 2 or more; got 1"),
        ({"models": ["svm"]}, "models must be one of linear, xgboost; got 'svm'"),
        ({"models": []}, "models must name .* linear, xgboost once; got none"),
        ({"models": ["linear"] * 2}, "models must name .* once; got linear, linear"),
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
        evaluate(old, target="optimizer")
    one = small.select(small.networks["network"][small.networks["family"] == "backprop"])
    with pytest.raises(InputError, match="networks of 2 families or more .* got backprop"):
        evaluate(one, target="family")
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


def test_torch_is_not_imported() -> None:
    code = "import sys, rule_id.evaluation; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
