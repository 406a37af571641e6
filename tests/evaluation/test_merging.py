from __future__ import annotations

import json
import tomllib
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from rule_id.errors import InputError
from rule_id.evaluation import merging
from rule_id.evaluation.merging import MERGED_RULES, merge, merged_names, read_merged
from rule_id.reference import plan_path, reference_path

A, B, C, D = "backprop+adam", "backprop+adamw", "backprop+sgd", "oja+sgd"


def told(rules: list[str], **below: float) -> pd.DataFrame:
    """Every pair of rules is told apart, but those named by the places of their rules."""
    rows = [
        (rules[i], rules[j], below.get(f"p{i}{j}", 0.9))
        for i, j in combinations(range(len(rules)), 2)
    ]
    return pd.DataFrame(rows, columns=["rule_a", "rule_b", "accuracy"])


def test_nothing_below_the_threshold_is_nothing_merged() -> None:
    assert merge(told([A, B, C], p01=0.60)) == {}


def test_a_pair_below_the_threshold_is_merged() -> None:
    assert merge(told([A, B, C], p01=0.5999)) == {"backprop+adam/adamw": [A, B]}
    assert merge(told([A, B, C], p01=0.69), threshold=0.7) == {"backprop+adam/adamw": [A, B]}


def test_a_chain_is_no_group_and_the_closer_pair_is_merged() -> None:
    assert merge(told([A, B, C], p01=0.55, p12=0.52)) == {"backprop+adamw/sgd": [B, C]}
    assert merge(told([A, B, C], p01=0.51, p12=0.52)) == {"backprop+adam/adamw": [A, B]}


def test_a_group_is_one_in_which_every_pair_is_below() -> None:
    groups = merge(told([A, B, C, D], p01=0.55, p12=0.52, p02=0.59, p23=0.53))
    assert groups == {"backprop+adam/adamw/sgd": [A, B, C]}


def test_groups_do_not_depend_on_the_order_of_pairs_and_of_their_rules() -> None:
    table = told([A, B, C, D], p01=0.55, p12=0.55, p23=0.55)
    turned = table.rename(columns={"rule_a": "rule_b", "rule_b": "rule_a"})[::-1]
    assert merge(table) == merge(turned)


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([A, D], "backprop+adam / oja+sgd"),
        ([C, D], "backprop/oja+sgd"),
        (["no_learning", "weight_fluctuation"], "no_learning / weight_fluctuation"),
    ],
)
def test_names(rules: list[str], name: str) -> None:
    assert list(merge(told(rules, p01=0.5))) == [name]


@pytest.mark.parametrize(
    "table", [told([A, B, C])[1:], told([A]), told([A, B, C], p01=float("nan"))]
)
def test_every_pair_is_needed(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="must hold each pair of . rules once with its accuracy"):
        merge(table)


@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_the_threshold_lies_between_guessing_and_certainty(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold must lie between 0.5 and 1"):
        merge(told([A, B]), threshold)


def written(folder: Path, **changes: object) -> Path:
    path = folder / "merged.json"
    path.write_text(json.dumps({"schema_version": 1, "groups": {"x": [A, B]}, **changes}))
    return path


def test_each_rule_of_a_group_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    assert read_merged(path) == {A: "x", B: "x"}
    monkeypatch.setattr(merging, "reference_path", lambda name: path)
    assert merged_names([D, B, A]) == [D, "x", "x"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "schema_version must be 1; got 2"),
        ({"groups": {"x": [A, B], "y": [B, C]}}, "one group at most"),
        ({"groups": [A]}, "must be a JSON object with schema_version and groups"),
    ],
)
def test_damaged_lists(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_merged(written(tmp_path, **changes))
    with pytest.raises(InputError, match="must be the list of merged rules"):
        read_merged(tmp_path / "none.json")


def test_the_list_that_ships_follows_from_its_pairs_and_its_plan() -> None:
    document = json.loads(reference_path(MERGED_RULES).read_text())
    close = {frozenset(pair["rules"]): pair["accuracy"] for pair in document["pairs"]}
    rows = [
        (a, b, close.get(frozenset((a, b)), 1.0)) for a, b in combinations(document["networks"], 2)
    ]
    table = pd.DataFrame(rows, columns=["rule_a", "rule_b", "accuracy"])
    assert merge(table, document["threshold"]) == document["groups"]
    assert len(table) == document["pairs_compared"]
    assert min(document["networks"].values()) >= 500
    plan = tomllib.loads(plan_path(document["corpus"]["plan"]).read_text())
    assert sorted(plan["ensembles"][0]["rules"]) == list(document["networks"])
    assert len(set(merged_names(document["networks"]))) == len(document["networks"]) - sum(
        len(rules) - 1 for rules in document["groups"].values()
    )
