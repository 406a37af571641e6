from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic import RULES, synthetic_trajectories

from rule_id.evaluation import answers as module
from rule_id.evaluation import trials
from rule_id.evaluation.answers import (
    PAPER_RULES,
    SUBSETS,
    Answers,
    answers_of,
    classes_of,
    subsets_of,
    targets_of,
)
from rule_id.evaluation.baselines import BASELINES
from rule_id.evaluation.protocols import Split
from rule_id.features import FeatureTable
from rule_id.models import combine_layers

CLASSES = ["backprop+adam", "backprop+momentum", "feedback_alignment+momentum", "no_learning"]
FAMILIES = {
    "backprop+adam": "backprop", "backprop+momentum": "backprop",
    "feedback_alignment+momentum": "fixed feedback", "no_learning": "no learning",
}  # fmt: skip


def made(probabilities: list[list[float]], true: list[str], classes=CLASSES) -> Answers:
    n = len(true)
    kinds = {"all": np.ones(n, dtype=bool), "learned": np.arange(n) % 2 == 0}
    return Answers(
        "network", np.array([f"n{k}" for k in range(n)]), np.arange(n) // 2, kinds,
        np.array(probabilities), list(classes), np.array(true),
    )  # fmt: skip


FOUR = made(
    [[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.6, 0.1], [0.0, 0.25, 0.25, 0.5], [0.0, 0.0, 0.0, 1.0]],
    ["backprop+adam", "feedback_alignment+momentum", "no_learning", "backprop+momentum"],
)


def networks(rules: dict[str, str] = FAMILIES) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"network": f"{rule}.{copy}", "rule": rule, "family": family,
             "credit_assignment": rule.split("+")[0], "optimizer": rule.partition("+")[2] or "none"}
            for rule, family in rules.items() for copy in range(2)
        ]
    )  # fmt: skip


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two rules of backprop count as one."""

    def names(rules):
        return ["backprop+any" if rule.startswith("backprop") else rule for rule in rules]

    monkeypatch.setattr(module, "merged_names", names)


def test_about_rules_is_what_was_found() -> None:
    found = FOUR.about(classes_of(networks(), "rule"))
    np.testing.assert_allclose(found.probabilities, FOUR.probabilities)
    assert found.classes == CLASSES
    np.testing.assert_array_equal(found.true, FOUR.true)
    np.testing.assert_array_equal(
        found.predicted,
        ["backprop+adam", "feedback_alignment+momentum", "no_learning", "no_learning"],
    )


def test_about_families_is_the_sum_over_their_rules() -> None:
    found = FOUR.about(classes_of(networks(), "family"))
    assert found.classes == ["backprop", "fixed feedback", "no learning"]
    np.testing.assert_allclose(
        found.probabilities, [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.25, 0.25, 0.5], [0, 0, 1]]
    )
    np.testing.assert_array_equal(
        found.true, ["backprop", "fixed feedback", "no learning", "backprop"]
    )


def test_of_scores_a_family_has_the_best_of_its_rules() -> None:
    # Flat, as scores are that were made to add up to 1: two of backprop's would outweigh the first.
    flat = made([[0.25, 0.25, 0.3, 0.2]], ["feedback_alignment+momentum"])
    of = classes_of(networks(), "family")
    assert list(flat.about(of).predicted) == ["backprop"]
    scores = replace(flat, summed=False)
    np.testing.assert_allclose(scores.about(of).probabilities, [np.array([25, 30, 20]) / 75])
    assert list(scores.about(of).predicted) == list(scores.about(of).true) == ["fixed feedback"]
    rules = classes_of(networks(), "rule")
    np.testing.assert_allclose(scores.about(rules).probabilities, flat.probabilities)


@pytest.mark.parametrize("model", [*BASELINES, "xgboost", "combined"])
def test_scores_of_multirocket_alone_are_not_summed(model: str) -> None:
    table = FeatureTable(*_two_layers(), "summary", {})
    rows = np.ones(2, dtype=bool)
    test = trials.Test("grouped", "all", table, rows, levels=("network",))
    trial = trials.Trial(Split("grouped", "all", 0, rows, rows), model, "summary", table, rows,
                         (test,))  # fmt: skip
    (found,) = answers_of(trial, test, np.ones((2, 1)))
    assert found.summed == (model != "multirocket_hydra")


def _two_layers() -> tuple[pd.DataFrame, pd.DataFrame]:
    meta = pd.DataFrame(
        {"network": "n", "layer": [0, 1], "block": 0, "rule": "oja+momentum", "family": "hebbian"}
    )
    return meta, pd.DataFrame({"x": [0.0, 1.0]})


def test_columns_go_to_their_class_in_any_order() -> None:
    optimizers = FOUR.about(classes_of(networks(), "optimizer"))
    assert optimizers.classes == ["adam", "momentum", "none"]
    np.testing.assert_allclose(optimizers.probabilities[0], [0.4, 0.5, 0.1])
    assignments = FOUR.about(classes_of(networks(), "credit_assignment"))
    np.testing.assert_allclose(assignments.probabilities[0], [0.7, 0.2, 0.1])


def test_of_the_paper_s_rules_it_is_known_that_they_are_of_these() -> None:
    class_of = classes_of(networks(), "paper_rule")
    assert class_of == {rule: rule for rule in CLASSES[:3]}
    found = FOUR.about(class_of)
    assert found.classes == CLASSES[:3]
    np.testing.assert_array_equal(found.networks, ["n0", "n1", "n3"])  # n2 is of none of them
    np.testing.assert_array_equal(found.blocks, [0, 0, 1])
    np.testing.assert_array_equal(found.kinds["learned"], [True, False, False])
    np.testing.assert_allclose(found.probabilities[0], np.array([4, 3, 2]) / 9)
    np.testing.assert_allclose(found.probabilities[1], np.array([1, 2, 6]) / 9)


def test_who_is_certain_of_another_rule_guesses_among_the_paper_s() -> None:
    found = FOUR.about(classes_of(networks(), "paper_rule"))
    np.testing.assert_allclose(found.probabilities[2], [1 / 3] * 3)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_merged_rules_are_summed_under_their_name(merged) -> None:
    class_of = classes_of(networks(), "merged_rule")
    assert class_of["backprop+adam"] == class_of["backprop+momentum"] == "backprop+any"
    found = FOUR.about(class_of)
    assert found.classes == ["backprop+any", "feedback_alignment+momentum", "no_learning"]
    np.testing.assert_allclose(found.probabilities[0], [0.7, 0.2, 0.1])
    assert found.true[3] == "backprop+any"


def test_a_class_that_was_not_trained_on_gets_no_column() -> None:
    class_of = classes_of(networks(FAMILIES | {"oja+momentum": "hebbian"}), "family")
    assert FOUR.about(class_of).classes == ["backprop", "fixed feedback", "no learning"]


def test_what_is_asked_is_what_has_two_classes(merged) -> None:
    assert targets_of(networks()) == (
        "rule", "merged_rule", "paper_rule", "family", "credit_assignment", "optimizer",
    )  # fmt: skip
    two = {"backprop+momentum": "backprop", "feedback_alignment+momentum": "fixed feedback"}
    # Neither is merged with another of them, both are the paper's, and one optimizer is all.
    assert targets_of(networks(two)) == ("rule", "family", "credit_assignment")
    one_family = {"backprop+momentum": "backprop", "backprop+adam": "backprop"}
    assert targets_of(networks(one_family)) == ("rule", "optimizer")
    without = {"oja+momentum": "hebbian", "bcm+momentum": "hebbian"}
    assert targets_of(networks(without)) == ("rule", "credit_assignment")


def test_the_paper_s_rules_are_four() -> None:
    assert set(PAPER_RULES) == set(RULES)


def test_kinds_of_networks() -> None:
    meta = pd.DataFrame(
        {"family": ["backprop", "no learning", "hebbian"], "learned": [True, False, None]}
    )
    found = subsets_of(meta)
    assert list(found) == list(SUBSETS) == ["all", "learned", "learning rules"]
    np.testing.assert_array_equal(found["all"], [True, True, True])
    np.testing.assert_array_equal(found["learned"], [True, False, False])
    np.testing.assert_array_equal(found["learning rules"], [True, False, True])
    assert list(subsets_of(meta.drop(columns="learned"))) == ["all", "learning rules"]


def test_rows_of_answers_keep_all_that_belongs_to_them() -> None:
    kept = np.array([False, True, True, False])
    found = FOUR.rows(kept)
    np.testing.assert_array_equal(found.networks, ["n1", "n2"])
    np.testing.assert_array_equal(found.blocks, [0, 1])
    np.testing.assert_array_equal(found.kinds["learned"], [False, True])
    np.testing.assert_array_equal(found.probabilities, FOUR.probabilities[1:3])
    np.testing.assert_array_equal(found.true, FOUR.true[1:3])


@pytest.fixture(scope="module")
def tested():
    """Layers of a corpus in an order of their own, half of which are tested."""
    plain = synthetic_trajectories(n_blocks=4, networks_per_rule=1, n_checkpoints=3)
    meta = plain.rows.drop_duplicates(["network", "layer"])[["network", "layer"]]
    meta = meta.merge(plain.networks, on="network").assign(learned=True)
    meta = meta.sample(frac=1, random_state=1).reset_index(drop=True)
    table = FeatureTable(meta, pd.DataFrame({"x.a": np.zeros(len(meta))}), "summary")
    rows = meta["block"].isin([1, 3]).to_numpy()
    test = trials.Test("grouped", "all", table, rows)
    trial = trials.Trial(
        Split("grouped", "all", 0, ~rows, rows), "linear", "summary", table, ~rows, (test,)
    )
    p = np.random.default_rng(0).dirichlet(np.ones(4), rows.sum()).astype(np.float32)
    return trial, test, p


def test_layers_are_answered_each_and_networks_by_all_their_layers(tested) -> None:
    trial, test, p = tested
    layers, networks = answers_of(trial, test, p)
    assert (layers.level, networks.level) == ("layer", "network")
    meta = test.table.meta[test.rows].reset_index(drop=True)
    assert len(layers.true) == len(meta)  # without a readout's delta rule all of them count
    np.testing.assert_array_equal(layers.networks, meta["network"])
    np.testing.assert_array_equal(layers.probabilities, p.astype(float))
    ids, combined = combine_layers(p, meta["network"].to_numpy(dtype=str))
    np.testing.assert_array_equal(networks.networks, ids)
    np.testing.assert_allclose(networks.probabilities, combined)
    known = meta.drop_duplicates("network").set_index("network").loc[ids]
    np.testing.assert_array_equal(networks.true, known["rule"])
    np.testing.assert_array_equal(networks.blocks, known["block"])
    assert networks.classes == layers.classes == sorted(RULES)
    assert all(len(rows) == len(ids) for rows in networks.kinds.values())


def test_only_what_is_asked_for_is_answered(tested) -> None:
    trial, test, p = tested
    only = trials.Test("grouped", "all", test.table, test.rows, levels=("network",))
    assert [one.level for one in answers_of(trial, only, p)] == ["network"]


def test_a_readout_that_learns_otherwise_counts_for_its_network_alone(tested) -> None:
    trial, test, p = tested
    meta = test.table.meta.assign(delta_readout=True)
    table = FeatureTable(meta, test.table.values, "summary")
    other = trials.Test("grouped", "all", table, test.rows)
    layers, networks = answers_of(trial, other, p)
    inner = (meta["layer"] < meta["n_layers"] - 1)[test.rows].to_numpy()
    assert 0 < inner.sum() < test.rows.sum()
    np.testing.assert_array_equal(layers.probabilities, p[inner].astype(float))
    _, plain = answers_of(trial, test, p)
    np.testing.assert_array_equal(networks.probabilities, plain.probabilities)
