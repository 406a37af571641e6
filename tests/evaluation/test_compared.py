"""Ours against the best baseline, on tables of results for which the answer is known."""

from __future__ import annotations

import pandas as pd
import pytest

from rule_id.evaluation.compared import compared_of
from rule_id.evaluation.results import FURTHER


def rows(
    model: str, values: list[float], feature_set: str = "paper-24", **further: object
) -> list[dict]:
    given = {
        "protocol": "grouped", "variant": "all", "level": "network", "target": "rule",
        "subset": "all", "metric": "accuracy", "chance": 0.25, "floor": 0.25,
    }  # fmt: skip
    return [
        {"model": model, "feature_set": feature_set, "split": split, "value": value}
        | given
        | further
        for split, value in enumerate(values)
    ]


OURS = [
    *rows("xgboost", [0.6, 0.8], "summary"),
    *rows("linear", [0.5, 0.5], "summary"),
    *rows("xgboost", [0.55, 0.65], "summary-drawn"),
    *rows("xgboost", [0.9, 0.9]),
]
THEIRS = [*rows("random_forest", [0.3, 0.5]), *rows("svm", [0.5, 0.2])]


def found(*lists: list[dict]) -> pd.DataFrame:
    return compared_of(pd.DataFrame([row for rows in lists for row in rows]), "summary")


def test_differences_are_taken_split_by_split() -> None:
    table = found(OURS, THEIRS)
    assert tuple(table.columns) == FURTHER["compared"]
    whole, drawn = table.to_dict("records")
    assert (whole["model"], whole["features"], whole["splits"]) == ("xgboost", "summary", 2)
    assert (whole["best_baseline"], whole["best_accuracy"]) == ("random_forest", 0.4)
    assert (whole["accuracy"], whole["difference"]) == pytest.approx((0.7, 0.3))
    assert whole["sem"] == pytest.approx(0.0)  # both are better by 0.3 than they
    assert (drawn["features"], drawn["difference"]) == ("summary-drawn", pytest.approx(0.2))
    assert drawn["sem"] == pytest.approx(0.05)


def test_the_paper_s_are_compared_apart_from_all() -> None:
    rocket = rows("multirocket_hydra", [0.6, 0.6])
    table = found(OURS, THEIRS, rocket)
    whole = table[table["features"] == "summary"].set_index("among")
    assert list(whole.index) == ["paper", "all"]
    assert list(whole["best_baseline"]) == ["random_forest", "multirocket_hydra"]
    assert list(whole["difference"]) == pytest.approx([0.3, 0.1])


def test_ours_is_one_classifier_and_the_best_baseline_each_rows_own() -> None:
    held_out = {"protocol": "held-out-task-group"}
    table = found(
        OURS,
        THEIRS,
        rows("xgboost", [0.3, 0.3], "summary", **held_out),
        rows("linear", [0.9, 0.9], "summary", **held_out),
        rows("random_forest", [0.2, 0.2], **held_out),
        rows("svm", [0.4, 0.4], **held_out),
    )
    row = table[table["protocol"] == "held-out-task-group"].iloc[0]
    assert (row["model"], row["best_baseline"]) == ("xgboost", "svm")
    assert row["difference"] == pytest.approx(-0.1)


def test_single_layers_count_under_the_papers_protocol_alone() -> None:
    layers = {"level": "layer"}
    paper = {"level": "layer", "protocol": "paper"}
    table = found(
        OURS,
        THEIRS,
        rows("xgboost", [0.4, 0.4], "summary", **layers),
        rows("svm", [0.1, 0.1], **layers),
        rows("xgboost", [0.8, 0.8], "summary", **paper),
        rows("svm", [0.7, 0.7], **paper),
    )
    assert set(zip(table["protocol"], table["level"], strict=True)) == {
        ("grouped", "network"), ("paper", "layer"),
    }  # fmt: skip


def test_layers_are_compared_though_the_best_of_networks_names_none() -> None:
    paper = {"level": "layer", "protocol": "paper"}
    table = found(
        OURS,
        rows("combined", [0.9, 0.9], "summary"),
        THEIRS,
        rows("xgboost", [0.4, 0.4], "summary", level="layer"),
        rows("linear", [0.3, 0.3], "summary", level="layer"),
        rows("xgboost", [0.5, 0.5], "summary", **paper),
        rows("linear", [0.6, 0.6], "summary", **paper),
        rows("svm", [0.2, 0.2], **paper),
    )
    models = dict(zip(table["level"], table["model"], strict=True))
    assert models == {"network": "combined", "layer": "xgboost"}


@pytest.mark.parametrize("some", [OURS, []])
def test_without_baselines_there_is_no_row(some: list[dict]) -> None:
    results = pd.DataFrame(some, columns=list(OURS[0]))
    table = compared_of(results, "summary")
    assert table.empty and tuple(table.columns) == FURTHER["compared"]
