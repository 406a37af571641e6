from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation import ALIGNMENT_BINS, Evaluation, evaluate, split_rows
from rule_id.evaluation.alignment import _bins
from rule_id.evaluation.results import ALIGNMENT_COLUMNS
from rule_id.features import extract
from rule_id.trajectories import Trajectories

OPTIONS = {"models": ["linear"], "protocols": ["grouped", "held-out-task"], "splits": 3}


def with_times(trajectories: Trajectories, **columns: object) -> Trajectories:
    return Trajectories(trajectories.networks.assign(**columns), trajectories.rows, "changed")


def test_bins_hold_their_lower_edge() -> None:
    times = pd.Series([0.0, 0.0499, 0.05, 0.1, 0.2, 0.35, 0.4999, 0.5, 1.0, np.nan])
    assert _bins(times).tolist() == [
        "[0, 0.05)", "[0, 0.05)", "[0.05, 0.1)", "[0.1, 0.2)", "[0.2, 0.35)", "[0.35, 0.5)",
        "[0.35, 0.5)", "[0.5, 1]", "[0.5, 1]", "never",
    ]  # fmt: skip


def test_every_test_of_a_network_that_learns_its_feedback_counts_once(
    evaluation: Evaluation, small: Trajectories
) -> None:
    table = evaluation.alignment
    assert tuple(table.columns) == ALIGNMENT_COLUMNS
    assert set(table["credit_assignment"]) == {"information_alignment"}
    meta = extract(small).meta
    tested = [meta[split.test] for split in split_rows("grouped", meta, n_splits=2)]
    rows = pd.concat(tested)
    rows = rows[(rows["family"] == "learned feedback") & (rows["layer"] == 0)]
    expected = pd.Series(_bins(rows["alignment_time"])).value_counts()
    for model, found in table.groupby("model"):
        assert model in ("linear", "xgboost")
        assert found.set_index("bin")["n"].to_dict() == expected.to_dict()
        assert list(found["bin"]) == [name for name in ALIGNMENT_BINS if name in expected]
    assert set(table["model"]) == {"linear", "xgboost"}


def test_pooled_over_bins_it_is_the_recall_of_the_rule(small: Trajectories) -> None:
    found = evaluate(small, **OPTIONS)
    counts = found.confusions.query(
        "protocol == 'grouped' and level == 'network' and feature_set == 'summary' "
        "and true == 'information_alignment+momentum'"
    )
    correct = counts.loc[counts["true"] == counts["predicted"], "count"].sum()
    table = found.alignment
    assert table["n"].sum() == counts["count"].sum()
    assert (table["n"] * table["accuracy"]).sum() == pytest.approx(correct)


def test_it_follows_the_times_and_nothing_else(small: Trajectories) -> None:
    never = evaluate(with_times(small, alignment_time=np.nan), **OPTIONS).alignment
    assert never["bin"].tolist() == ["never"]
    soon = evaluate(with_times(small, alignment_time=0.01), **OPTIONS).alignment
    assert soon["bin"].tolist() == ["[0, 0.05)"]
    assert never["accuracy"].tolist() == soon["accuracy"].tolist()


@pytest.mark.parametrize("target", ["family", "optimizer"])
def test_other_targets_do_not_ask(small: Trajectories, target: str) -> None:
    assert evaluate(small, target=target, **OPTIONS).alignment.empty


def test_credit_assignments_do(small: Trajectories) -> None:
    assert len(evaluate(small, target="credit_assignment", **OPTIONS).alignment)


def test_without_learned_feedback_or_the_protocol_there_is_no_row(small: Trajectories) -> None:
    ungrouped = OPTIONS | {"protocols": ["held-out-task"]}
    lacking = Trajectories(small.networks.drop(columns="alignment_time"), small.rows, "old")
    for found in (
        evaluate(small, **ungrouped),
        evaluate(lacking, **OPTIONS),
        evaluate(with_times(small, family="backprop"), **OPTIONS),
    ):
        assert found.alignment.empty
        assert tuple(found.alignment.columns) == ALIGNMENT_COLUMNS
