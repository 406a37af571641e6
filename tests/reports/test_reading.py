from __future__ import annotations

from dataclasses import replace

import pandas as pd

from rule_id.evaluation import Evaluation
from rule_id.reports.reading import read_confusions, read_importance, read_results

SCORES = {"accuracy": 0.612, "accuracy_sem": 0.021, "accuracy_chance": 0.25}
ROW = {
    "protocol": "grouped", "variant": "all", "feature_set": "summary", "level": "network",
    "target": "rule", "subset": "all",
}  # fmt: skip


def made(rows: list[dict], confusions: list[tuple] = ()) -> Evaluation:
    counts = pd.DataFrame(confusions, columns=["true", "predicted", "count"])
    counts = counts.assign(**ROW, model="linear")
    info = {"feature_set": "summary", "target": "rule", "classes_of": {"rule": ["a", "b"]}}
    table = pd.DataFrame(rows)
    return Evaluation(table, table, counts, info)


def test_the_best_classifier_comes_first_with_chance_beside_it() -> None:
    better = SCORES | {"accuracy": 0.7}
    found = read_results(
        made([ROW | SCORES | {"model": "linear"}, ROW | better | {"model": "xgboost"}])
    )
    assert found == [
        (
            "New blocks of networks",
            "Network level: xgboost 0.70 ± 0.02, linear 0.61 ± 0.02; chance 0.25.",
        )
    ]


def test_what_lies_near_chance_is_called_so() -> None:
    poor = SCORES | {"accuracy": 0.29, "model": "linear"}
    assert read_results(made([ROW | poor]))[0][1].endswith("Not clearly above chance.")


def test_what_lies_above_chance_but_not_above_the_floor_is_called_so() -> None:
    row = ROW | SCORES | {"model": "linear", "accuracy_floor": 0.6}
    answer = read_results(made([row]))[0][1]
    assert answer.endswith("chance 0.25, floor 0.60. Not clearly above floor.")


def test_the_control_comes_last(evaluation: Evaluation) -> None:
    question, answer = read_results(evaluation)[-1]
    assert question == "How networks were made, alone"
    assert answer.startswith("Nuisances alone: grouped ") and answer.endswith("above the floor.")


def test_layers_are_read_where_networks_are_not_tested() -> None:
    row = ROW | SCORES | {"protocol": "paper", "level": "layer", "model": "linear"}
    assert read_results(made([row]))[0][1].startswith("Layer level: linear 0.61")


def test_what_is_read_is_about_one_target_and_all_networks() -> None:
    row = ROW | SCORES | {"model": "linear"}
    others = [row | {"target": "family", "accuracy": 0.99}, row | {"subset": "learned"}]
    assert read_results(made([row, *others])) == read_results(made([row]))


def test_features_of_the_paper_are_not_mixed_in() -> None:
    row = ROW | SCORES | {"model": "linear"}
    other = row | {"feature_set": "paper-24", "accuracy": 0.99}
    assert read_results(made([row, other])) == read_results(made([row]))


def test_truncated_variants_are_read_one_by_one() -> None:
    rows = [
        ROW | SCORES | {"protocol": "truncated", "model": model, "variant": name, "accuracy": value}
        for name, values in {"first 25%": (0.3, 0.4), "all checkpoints": (0.6, 0.5)}.items()
        for model, value in zip(("linear", "xgboost"), values, strict=True)
    ]
    [(_, answer)] = read_results(made(rows))
    assert "first 25% 0.40 ± 0.02, all checkpoints 0.60 ± 0.02; chance 0.25." in answer


def test_the_most_frequent_confusions_are_named() -> None:
    counts = [("a", "a", 6), ("a", "b", 4), ("b", "a", 1), ("b", "b", 9)]
    evaluation = made([ROW | SCORES | {"model": "linear"}], counts)
    assert read_confusions(evaluation) == ["linear: a taken for b (40%); b taken for a (10%)"]
    assert read_confusions(evaluation, pairs=1) == ["linear: a taken for b (40%)"]


def test_where_nothing_is_confused_nothing_is_said() -> None:
    evaluation = made([ROW | SCORES | {"model": "linear"}], [("a", "a", 6), ("b", "b", 9)])
    assert read_confusions(evaluation) == []


def test_confusions_of_other_protocols_are_not_read(evaluation: Evaluation) -> None:
    other = evaluation.confusions["protocol"] != "grouped"
    assert read_confusions(replace(evaluation, confusions=evaluation.confusions[other])) == []


def test_the_groups_missed_most_are_named() -> None:
    values = {
        "observable": {"weight": 0.5, "activation": 0.1},
        "time": {"early": 0.2},
        "depth": {"deep": 0.3},
        "statistic": {"weight_raw_mean": 0.4, "weight_abs_mean": -0.01},
    }
    rows = [
        ("permutation", by, group, value)
        for by, groups in values.items()
        for group, value in groups.items()
    ]
    rows.append(("gain", "observable", "activation", 100.0))
    text = read_importance(pd.DataFrame(rows, columns=["method", "by", "group", "value"]))
    assert "by observable, weight (+0.50); by time, early (+0.20); by depth, deep" in text
    assert "weight_raw_mean (+0.40), weight_abs_mean (-0.01)" in text
