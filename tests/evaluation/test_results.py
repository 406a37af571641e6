from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rule_id.evaluation import Evaluation, summarise
from rule_id.evaluation.results import table_columns


def test_mean_and_standard_error_by_hand(evaluation: Evaluation) -> None:
    keys = {"protocol": "grouped", "model": "linear", "level": "layer", "feature_set": "summary"}
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
    rows = evaluation.table.query(
        "protocol == 'held-out-task' and model == 'linear' and level == 'network'"
    )
    assert list(rows["variant"]) == ["all", "breast_cancer", "digits"]
    together, apart = rows.iloc[0], rows.iloc[1:]
    assert together["accuracy"] == pytest.approx(apart["accuracy"].mean())
    assert together["splits"] == 2
    # One split of a group has no spread.
    assert apart["accuracy_sem"].isna().all()


def test_the_table_keeps_its_columns_and_order(evaluation: Evaluation) -> None:
    table = summarise(evaluation.results.sample(frac=1, random_state=0))
    assert list(table.columns) == table_columns()
    assert list(evaluation.table["protocol"].unique()) == [
        "paper", "network", "grouped", "held-out-architecture", "held-out-task", "truncated",
    ]  # fmt: skip


def test_the_best_model_has_the_highest_accuracy(evaluation: Evaluation) -> None:
    table = evaluation.table.copy()
    for best, other in (("linear", "xgboost"), ("xgboost", "linear")):
        table.loc[table["model"] == best, "accuracy"] = 0.9
        table.loc[table["model"] == other, "accuracy"] = 0.1
        changed = Evaluation(evaluation.results, table, evaluation.confusions, evaluation.info)
        assert changed.best_model("grouped", "network") == best


def test_readable_cells_hold_mean_spread_and_chance(evaluation: Evaluation) -> None:
    text = evaluation.readable()
    assert (text.loc[text["protocol"] == "paper", "networks: accuracy"] == "").all()
    pooled = text[(text["variant"] == "all") & (text["protocol"] != "paper")]["networks: accuracy"]
    assert pooled.str.fullmatch(r"[01]\.\d\d ± \d\.\d\d \(0\.25, 0\.25\)").all()
    single = text[text["variant"] == "digits"]["networks: accuracy"]
    assert single.str.fullmatch(r"[01]\.\d\d \(0\.25, 0\.25\)").all()
    assert (text["layers: accuracy"] != "").all()


def test_remarks_say_what_the_table_cannot(evaluation: Evaluation) -> None:
    info = evaluation.info | {
        "left_out": {"a": "needs more", "b: one": "takes a turn", "b: two": "takes a turn"},
        "dropped": {"held-out-task": {"digits": ["x", "y"], "words": ["x"]}},
        "n_held_out": 7,
    }
    assert replace(evaluation, info=info).remarks()[2:] == [
        "Set apart by the plan: 7 networks, never trained on.",
        "held-out-task: rules on one side alone, left out of 4: digits 2, words 1.",
        "Not run: a (needs more).",
        "Not run: b: one, b: two (takes a turn).",
    ]
    bare = replace(evaluation, control=evaluation.control.head(0), info=info | {"left_out": {}})
    assert [line[:11] for line in bare.remarks()] == ["In brackets", "Set apart b", "held-out-ta"]


def test_as_text_every_column_is_aligned(evaluation: Evaluation) -> None:
    lines = str(evaluation).splitlines()
    assert len(lines) == 1 + len(evaluation.readable())
    start = lines[0].index("layers: accuracy")
    assert all(line[start - 1] == " " and line[start] != " " for line in lines)
