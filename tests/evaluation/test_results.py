from __future__ import annotations

import numpy as np
import pytest

from rule_id.errors import InputError
from rule_id.evaluation import FURTHER, Evaluation, summarise
from rule_id.evaluation.results import table_columns


def test_mean_and_standard_error_by_hand(evaluation: Evaluation) -> None:
    keys = {"protocol": "grouped", "model": "linear", "level": "layer", "feature_set": "summary"}
    keys |= {"target": "rule", "subset": "all"}
    split, row = evaluation.results, evaluation.table
    for column, value in keys.items():
        split, row = split[split[column] == value], row[row[column] == value]
    for metric, rows in split.groupby("metric"):
        values = rows["value"].to_numpy()
        assert row[metric].item() == pytest.approx(values.mean())
        assert row[f"{metric}_sem"].item() == pytest.approx(np.std(values, ddof=1) / np.sqrt(2))
        assert row[f"{metric}_chance"].item() == pytest.approx(rows["chance"].mean())
    assert row["splits"].item() == 2


def test_held_out_groups_are_also_taken_together(evaluation: Evaluation) -> None:
    rows = evaluation.of("rule").table.query(
        "protocol == 'held-out-task' and model == 'linear' and level == 'network'"
    )
    assert list(rows["variant"]) == ["all", "breast_cancer", "digits", "teacher_student"]
    together, apart = rows.iloc[0], rows.iloc[1:]
    assert together["accuracy"] == pytest.approx(apart["accuracy"].mean())
    assert together["splits"] == 3
    # One split of a group has no spread.
    assert apart["accuracy_sem"].isna().all()


@pytest.mark.parametrize("protocol", ["truncated", "alone"])
def test_what_is_no_group_is_not_taken_together(evaluation: Evaluation, protocol: str) -> None:
    rows = evaluation.table[evaluation.table["protocol"] == protocol]
    assert len(rows) and "all" not in set(rows["variant"])


def test_halves_that_calibrate_for_each_other_are_one_result(evaluation: Evaluation) -> None:
    halves = evaluation.of("rule").results.query(
        "protocol == 'calibrated' and model == 'linear' and level == 'network' "
        "and metric == 'accuracy'"
    )
    assert set(halves["variant"]) == {"first half", "second half"}
    row = evaluation.of("rule").table.query(
        "protocol == 'calibrated' and model == 'linear' and level == 'network'"
    )
    assert row["variant"].tolist() == ["all"] and row["splits"].item() == 2
    of_splits = halves.groupby("split")["value"].mean()
    assert row["accuracy"].item() == pytest.approx(of_splits.mean())
    assert row["accuracy_sem"].item() == pytest.approx(of_splits.sem())


def test_a_view_is_of_one_target_and_one_kind_of_networks(evaluation: Evaluation) -> None:
    view = evaluation.of("family", "learned")
    for table in (view.results, view.table):
        assert len(table)
        assert set(table["target"]) == {"family"} and set(table["subset"]) == {"learned"}
    assert set(view.confusions["target"]) == set(view.further["control"]["target"]) == {"family"}
    assert view.info["target"] == "family"
    assert view.info["classes"] == ["backprop", "fixed feedback", "learned feedback"]
    # Nothing is taken from the evaluation itself, and a view of a view is a view.
    assert evaluation.info["target"] == "rule" and len(view.of("family", "learned").results)
    assert len(evaluation.of("rule").results) < len(evaluation.results)


def test_tables_that_were_not_made_have_columns_and_no_rows(evaluation: Evaluation) -> None:
    bare = Evaluation(evaluation.results, evaluation.table, evaluation.confusions, evaluation.info)
    assert {name: tuple(table.columns) for name, table in bare.further.items()} == FURTHER
    assert all(table.empty for table in bare.further.values())
    for name, table in evaluation.further.items():
        assert tuple(table.columns) == FURTHER[name]


def test_a_view_of_what_was_not_evaluated_is_refused(evaluation: Evaluation) -> None:
    with pytest.raises(InputError, match="target must be one of rule, family, .*; got 'merged_ru"):
        evaluation.of("merged_rule")
    with pytest.raises(InputError, match="subset must be one of all, learned, .*; got 'none'"):
        evaluation.of("rule", "none")


def test_the_table_keeps_its_columns_and_order(evaluation: Evaluation) -> None:
    table = summarise(evaluation.results.sample(frac=1, random_state=0))
    assert list(table.columns) == table_columns()
    assert list(evaluation.table["protocol"].unique()) == [
        "paper", "network", "grouped", "held-out-architecture", "held-out-task", "held-out-range",
        "truncated", "alone", "curves", "shuffled", "calibrated",
    ]  # fmt: skip


def test_the_best_model_has_the_highest_accuracy(evaluation: Evaluation) -> None:
    table = evaluation.table.copy()
    for best in ("linear", "xgboost", "combined"):
        table["accuracy"] = table["model"].map({best: 0.9}).fillna(0.1)
        changed = Evaluation(evaluation.results, table, evaluation.confusions, evaluation.info)
        assert changed.best_model("grouped", "network") == best
