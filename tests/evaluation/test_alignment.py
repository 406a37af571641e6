from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation import ALIGNMENT_BINS, FURTHER, Evaluation, evaluate, split_rows
from rule_id.evaluation.alignment import _bins, accuracy_by_alignment
from rule_id.evaluation.answers import Answers
from rule_id.features import extract
from rule_id.trajectories import Trajectories

COLUMNS = list(FURTHER["alignment"])
RULE = "information_alignment+momentum"


@pytest.fixture(scope="module")
def answers(small: Trajectories) -> Answers:
    """Every network, of which every other of a rule is taken for the first rule."""
    networks = small.networks
    classes = sorted(networks["rule"].unique())
    named = np.array([classes.index(rule) for rule in networks["rule"]])
    named[networks["block"] % 2 == 0] = 0
    return Answers(
        "network", networks["network"].to_numpy(dtype=str), networks["block"].to_numpy(),
        {"all": np.ones(len(networks), dtype=bool)}, np.eye(len(classes))[named], classes,
        networks["rule"].to_numpy(dtype=str),
    )  # fmt: skip


def test_bins_hold_their_lower_edge() -> None:
    times = pd.Series([0.0, 0.0499, 0.05, 0.1, 0.2, 0.35, 0.4999, 0.5, 1.0, np.nan])
    assert _bins(times).tolist() == [
        "[0, 0.05)", "[0, 0.05)", "[0.05, 0.1)", "[0.1, 0.2)", "[0.2, 0.35)", "[0.35, 0.5)",
        "[0.35, 0.5)", "[0.5, 1]", "[0.5, 1]", "never",
    ]  # fmt: skip


def test_every_test_of_a_network_that_learns_its_feedback_counts_once(
    evaluation: Evaluation, small: Trajectories
) -> None:
    table = evaluation.further["alignment"]
    assert list(table.columns) == COLUMNS
    assert set(table["credit_assignment"]) == {"information_alignment"}
    meta = extract(small).meta
    tested = [meta[split.test] for split in split_rows("grouped", meta, n_splits=2)]
    rows = pd.concat(tested)
    rows = rows[(rows["family"] == "learned feedback") & (rows["layer"] == 0)]
    expected = pd.Series(_bins(rows["alignment_time"])).value_counts()
    for _, found in table.groupby("model"):
        assert found.set_index("bin")["n"].to_dict() == expected.to_dict()
        assert list(found["bin"]) == [name for name in ALIGNMENT_BINS if name in expected]
    assert set(table["model"]) == {"linear", "xgboost", "combined"}


@pytest.mark.parametrize("model", ["linear", "xgboost", "combined"])
def test_pooled_over_bins_it_is_the_recall_of_the_rule(evaluation: Evaluation, model: str) -> None:
    counts = evaluation.confusions.query(
        "protocol == 'grouped' and level == 'network' and feature_set == 'summary' "
        "and target == 'rule' and model == @model and true == @RULE"
    )
    correct = counts.loc[counts["true"] == counts["predicted"], "count"].sum()
    table = evaluation.further["alignment"].query("model == @model")
    assert table["n"].sum() == counts["count"].sum()
    assert (table["n"] * table["accuracy"]).sum() == pytest.approx(correct)


def test_it_follows_the_times_and_nothing_else(small: Trajectories, answers: Answers) -> None:
    networks = small.networks
    for time, name in ((np.nan, "never"), (0.01, "[0, 0.05)")):
        table = accuracy_by_alignment(
            networks.assign(alignment_time=time), [("linear", answers)] * 3
        )
        assert table.values.tolist() == [["linear", "information_alignment", name, 24, 0.5]]
    # Those of even blocks are taken for another rule.
    by_hand = np.where(networks["block"] % 2 == 0, 0.3, 0.6)
    split = accuracy_by_alignment(networks.assign(alignment_time=by_hand), [("linear", answers)])
    assert split.set_index("bin")["accuracy"].to_dict() == {"[0.2, 0.35)": 0, "[0.5, 1]": 1}


def test_without_learned_feedback_or_times_there_is_no_row(
    small: Trajectories, answers: Answers
) -> None:
    networks = small.networks
    for changed, found in (
        (networks, []),
        (networks.drop(columns="alignment_time"), [("linear", answers)]),
        (networks.assign(family="backprop"), [("linear", answers)]),
    ):
        table = accuracy_by_alignment(changed, found)
        assert table.empty and list(table.columns) == COLUMNS


def test_without_new_blocks_there_is_no_row(small: Trajectories) -> None:
    found = evaluate(small, models=["linear"], protocols=["held-out-task"], splits=2)
    assert found.further["alignment"].empty
