from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation import Evaluation
from rule_id.reports.figures import class_figure
from rule_id.reports.importance_tables import (
    class_shares,
    confused_pairs,
    importance_table,
    pairs_table,
)


def contributions(names: list[str], method: str = "shap") -> pd.DataFrame:
    """Class k gets k + 1 from group a and 1 from group b; pairs get 3 from a and 1 from b."""
    about = {"all": (2, 2)} | {name: (k + 1, 1) for k, name in enumerate(names)}
    about |= {f"{a} | {b}": (3, 1) for k, a in enumerate(names) for b in names[k + 1 :]}
    rows = [
        (kind, "statistic", group, which, value)
        for kind in (method, "permutation")
        for which, both in about.items()
        for group, value in zip("ab", both, strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "by", "group", "about", "value"])


def test_shares_are_of_each_class_and_the_largest_group_comes_first() -> None:
    shares = class_shares(contributions(["x", "y", "z"]))
    assert list(shares.index) == ["x", "y", "z"] and list(shares.columns) == ["a", "b"]
    np.testing.assert_allclose(shares["a"], [1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_what_contributes_least_shares_a_column() -> None:
    shares = class_shares(contributions(["x", "y", "z"]), most=1)
    assert list(shares.columns) == ["a", "others"]
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_two_classes_that_share_coefficients_have_no_shares() -> None:
    rows = contributions([], "coefficient")
    assert class_shares(rows).empty


def test_the_heat_map_has_a_cell_for_each_share_and_stays_narrow() -> None:
    names = [f"rule{k}" for k in range(30)]
    figure = class_figure(class_shares(contributions(names)))
    axes = figure.axes[0]
    assert len(axes.texts) == 60 and axes.texts[0].get_text() == "50"
    assert [text.get_text() for text in axes.get_yticklabels()] == names
    assert figure.get_tightbbox().height < 8


def test_confusions_count_both_ways(evaluation: Evaluation) -> None:
    row = {
        "protocol": "grouped", "variant": "all", "feature_set": "summary", "model": "linear",
        "level": "network", "target": "rule", "subset": "all",
    }  # fmt: skip
    a, b, *_ = evaluation.info["classes"]
    counts = [(a, a, 6), (a, b, 4), (b, a, 1), (b, b, 9)]
    confusions = pd.DataFrame(counts, columns=["true", "predicted", "count"]).assign(**row)
    found = confused_pairs(replace(evaluation, confusions=confusions))
    assert found["confused"].tolist() == [0.25, 0, 0, 0, 0, 0]
    assert confused_pairs(replace(evaluation, confusions=confusions.head(0))).empty


def test_the_pairs_confused_most_come_first_with_what_tells_them_apart() -> None:
    columns = ["first", "second", "confused"]
    confused = pd.DataFrame([("x", "y", 0.1), ("z", "x", 0.4), ("y", "z", 0.0)], columns=columns)
    table = pairs_table(contributions(["x", "y", "z"]), confused)
    assert table is not None and table.labels == 4
    assert [[text for text, _ in row] for row in table.rows] == [
        ["z", "x", "a 75%; b 25%", "a", "40", "4.000", "+3.00"],
        ["x", "y", "a 75%; b 25%", "a", "10", "4.000", "+3.00"],
    ]
    assert len(pairs_table(contributions(["x", "y", "z"]), confused, most=1).rows) == 1
    assert pairs_table(contributions(["x", "y", "z"]), confused.tail(1)) is None


@pytest.mark.parametrize("method", ["shap", "coefficient"])
def test_pairs_of_other_classes_are_not_shown(method: str) -> None:
    confused = pd.DataFrame([("x", "w", 0.1)], columns=["first", "second", "confused"])
    assert pairs_table(contributions(["x", "y"], method), confused) is None


def test_importance_is_sorted_and_keeps_what_one_method_lacks() -> None:
    rows = [
        ("permutation", "observable", "weight", 0.1, 0.02),
        ("permutation", "observable", "activation", 0.5, 0.04),
        ("gain", "observable", "weight", 1234.0, float("nan")),
        ("gain", "observable", "activation", 10.0, float("nan")),
        ("gain", "observable", "depth flags", 1.0, float("nan")),
        ("gain", "time", "early", 1.0, float("nan")),
    ]
    columns = ["method", "by", "group", "value", "error"]
    table = importance_table(pd.DataFrame(rows, columns=columns), "observable")
    assert [[text for text, _ in row] for row in table.rows] == [
        ["activation", "0.500 ± 0.040", "10.000"],
        ["weight", "0.100 ± 0.020", "1,230"],
        ["depth flags", "–", "1.000"],
    ]
