from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rule_id.evaluation.printing import (
    aligned,
    claims_text,
    headline_text,
    printed,
    protocols_text,
    remarks,
    with_error,
)
from rule_id.evaluation.results import (
    CONFUSION_COLUMNS,
    FURTHER,
    RESULT_COLUMNS,
    Evaluation,
    table_columns,
)

INFO = {
    "target": "rule", "classes": ["a", "b"], "feature_set": "summary",
    "classes_of": {"rule": ["a", "b"], "family": ["f", "g"]}, "dropped": {}, "left_out": {},
}  # fmt: skip


def frame(name: str, *rows: dict, **same: object) -> pd.DataFrame:
    return pd.DataFrame([{**same, **row} for row in rows], columns=list(FURTHER[name]))


def headline(*rows: dict) -> pd.DataFrame:
    given = {
        "model": "linear", "features": "summary", "target": "rule", "subset": "all",
        "level": "network", "accuracy": 0.614, "sem": 0.021, "chance": 0.25, "floor": 0.31,
        "n_networks": 40.0, "n_classes": 4.0, "splits": 3,
    }  # fmt: skip
    return frame("headline", *rows, **given)


def table(*rows: dict) -> pd.DataFrame:
    given = {
        "protocol": "grouped", "variant": "all", "feature_set": "summary", "model": "linear",
        "level": "network", "target": "rule", "subset": "all", "splits": 3, "accuracy": 0.614,
        "accuracy_sem": 0.021, "accuracy_chance": 0.25, "accuracy_floor": 0.31,
        "n_test_networks": 40.0,
    }  # fmt: skip
    return pd.DataFrame([{**given, **row} for row in rows], columns=table_columns())


def evaluation(*rows: dict, info: dict | None = None, **further: pd.DataFrame) -> Evaluation:
    return Evaluation(
        pd.DataFrame(columns=list(RESULT_COLUMNS)),
        table(*(rows or [{}])),
        pd.DataFrame(columns=list(CONFUSION_COLUMNS)),
        INFO | (info or {}),
        further,
    )


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_columns_have_one_width_each() -> None:
    assert aligned([["a", "b", "c"], ["long", "", "é"], ["x", "yy", ""]]) == (
        "a     b   c\nlong      é\nx     yy"
    )


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (0.614, 0.021, "0.61 ± 0.02"),
        (0.5, np.nan, "0.50"),
        (np.nan, 0.1, "–"),
        (0, 0, "0.00 ± 0.00"),
    ],
)
def test_a_number_with_its_error(mean, error, text: str) -> None:
    assert with_error(mean, error) == text


def test_the_headline_has_a_row_a_classifier_and_a_column_a_target() -> None:
    text = headline_text(
        evaluation(
            headline=headline(
                {}, {"target": "family", "accuracy": 0.8, "sem": np.nan, "chance": 0.5},
                {"model": "xgboost", "accuracy": 0.7},
                {"features": "curves", "accuracy": 0.35, "chance": 0.9},
                {"level": "layer", "accuracy": 0.11},
            )
        )
    )  # fmt: skip
    lines = text.splitlines()
    assert lines[0] == "Accuracy on new blocks, all networks"
    assert lines[1].split() == ["classifier", "features", "rule", "family"]
    assert lines[2].split() == ["linear", "summary", "0.61", "±", "0.02", "0.80"]
    assert lines[3].split() == ["xgboost", "summary", "0.70", "±", "0.02"]
    assert lines[4].split() == ["linear", "curves", "0.35", "±", "0.02"]
    # What guessing gets is of the rows of grouped, not of controls.
    assert lines[5].split() == ["guessing", "0.25", "0.50"]
    assert lines[6].split() == ["looking", "up", "0.31", "0.31"]
    assert len(lines) == 7 and "0.11" not in text
    starts = {line.index(cell) for line, cell in zip(lines[1:], ["rule", "0.61", "0.70", "0.35",
              "0.25", "0.31"], strict=True)}  # fmt: skip
    assert len(starts) == 1


def test_those_that_learned_are_shown_where_not_all_did() -> None:
    rows = headline({}, {"subset": "learned", "accuracy": 0.9, "n_networks": 25.0})
    text = headline_text(evaluation(headline=rows))
    assert "networks that learned their task" in text and "0.90" in text
    same = rows.assign(n_networks=40.0)
    assert headline_text(evaluation(headline=same)).count("Accuracy on new blocks") == 1


def test_protocols_have_layers_and_networks_side_by_side() -> None:
    text = protocols_text(
        evaluation(
            {"protocol": "paper", "level": "layer", "accuracy": 0.9, "accuracy_sem": np.nan},
            {"level": "layer", "accuracy": 0.5}, {},
            {"protocol": "held-out-task", "accuracy": 0.4},
            {"protocol": "held-out-task", "variant": "digits", "accuracy": 0.123},
            {"protocol": "alone", "variant": "weight", "accuracy": 0.45},
            {"protocol": "truncated", "variant": "every 2nd", "accuracy": 0.321},
            {"model": "a baseline", "accuracy": 0.222}, {"target": "family", "accuracy": 0.999},
            {"subset": "learned", "accuracy": 0.888},
        )
    )  # fmt: skip
    lines = cells(text)
    assert text.splitlines()[0] == "Which rule it is, by protocol"
    assert lines[2] == ["paper", "summary", "linear", "0.90", "0.25", "0.31", "40"]
    assert lines[3][:6] == ["grouped", "summary", "linear", "0.50", "±", "0.02"]
    assert lines[3][6:] == ["0.61", "±", "0.02", "0.25", "0.31", "40"]
    assert lines[4][0] == "held-out-task" and "0.40" in lines[4]
    assert lines[5][:2] == ["alone:", "weight"] and "0.45" in lines[5]
    assert len(lines) == 6
    assert not any(hidden in text for hidden in ("0.12", "0.32", "0.22", "1.00", "0.89"))


def test_claims_that_were_tested_are_listed_with_their_verdict() -> None:
    claims = frame(
        "claims",
        {"measure": "weight alone", "value": 0.5, "verdict": "reproduced"},
        {"measure": "noise", "value": 0.1, "sem": np.nan, "verdict": "not reproduced"},
        {"measure": "units", "verdict": "not tested"},
        {"measure": "family measure", "about": "family", "value": 0.3, "verdict": "reproduced"},
        claim="a claim", about="rule", sem=0.01, criterion="above the floor", threshold=0.25,
    )  # fmt: skip
    lines = claims_text(evaluation(claims=claims)).splitlines()
    assert lines[0] == "What the 2020 paper claims" and len(lines) == 4
    assert lines[2].endswith("0.50 ± 0.01  above the floor  0.25  reproduced")
    assert lines[3].split("  ")[-1] == "not reproduced"


FULL = {
    "matched": frame(
        "matched", {"accuracy": 0.7}, {"pairs": "all", "accuracy": 0.95},
        {"features": "curves", "accuracy": 0.55},
        matched="final performance", model="linear", features="summary", pairs="matched",
        n_pairs=9, sem=0.03,
    ),
    "calibration": frame(
        "calibration", {"scaled": "raw", "error": 0.12}, {"scaled": "tempered", "error": 0.04},
        {"target": "family", "error": 0.77}, model="linear", target="rule", error_sem=0.01,
    ),
    "coverage": frame(
        "coverage", {}, {"miscoverage": 0.05, "covered": 0.99}, {"by": "block", "covered": 0.77},
        {"class": "a", "covered": 0.66}, {"model": "xgboost", "can_exclude": False, "size": 4.0},
        model="linear", target="rule", by="network", miscoverage=0.1, covered=0.91,
        covered_sem=0.02, size=2.34, can_exclude=True, **{"class": "all"},
    ),
    "novelty": frame(
        "novelty", {"auroc": 0.6}, {"score": "neighbours", "auroc": 0.9},
        {"held_out": "g", "auroc": 0.7}, {"held_out": "g", "score": "neighbours", "auroc": 0.8},
        kind="family", held_out="f", model="linear", score="entropy",
    ),
}  # fmt: skip


def test_what_else_was_found_is_a_line_each() -> None:
    lines = remarks(
        evaluation(
            {},
            {"protocol": "truncated", "variant": "every 2nd", "accuracy": 0.55},
            {"protocol": "truncated", "variant": "0% to 50%", "accuracy": 0.45},
            info={
                "n_held_out": 7, "left_out": {"novel": "too few", "measured": "too few"},
                "dropped": {"held-out-task": {"all": ["a", "b"], "digits": ["a"]}},
            },
            **FULL,
        )
    )  # fmt: skip
    assert lines == [
        "Less of training seen, linear, networks: every 2nd 0.55, 0% to 50% 0.45.",
        "Two networks of a block matched in final performance: told apart linear 0.70 ± 0.03 "
        "(chance 0.50, 9 pairs a split).",
        "Calibration error, linear, raw: 0.12 ± 0.01.",
        "Calibration error, linear, tempered: 0.04 ± 0.01.",
        "90% sets, linear: hold the rule of 0.91 ± 0.02 of networks, 2.3 rules on average.",
        "90% sets, xgboost: hold the rule of 0.91 ± 0.02 of networks, 4.0 rules on average; too "
        "few calibrate to exclude every rule.",
        "A family never trained on, told from known ones (AUROC, mean over 2): entropy 0.65, "
        "neighbours 0.85; neighbours is best, by hindsight.",
        "Set apart by the plan: 7 networks, never trained on.",
        "held-out-task: rules that some split could not train on, of 2: all 2, digits 1.",
        "Not run: novel, measured (too few).",
    ]


def test_pairs_that_are_not_matched_well_are_said_to_be_so() -> None:
    alone = {"model": "value alone", "accuracy": 0.7, "features": ""}
    told = remarks(evaluation(matched=frame(
        "matched", alone, alone | {"accuracy": 0.56}, matched="weight change", pairs="matched",
        n_pairs=1234.4, sem=0.03,
    )))  # fmt: skip
    assert [line[-60:] for line in told] == [
        "0.70 ± 0.03 (chance 0.50, 1,234 pairs a split); they are matched loosely."[-60:],
        "told apart value alone 0.56 ± 0.03 (chance 0.50, 1,234 pairs a split)."[-60:],
    ]


def test_what_looking_up_means_is_said_where_it_stands() -> None:
    (line,) = remarks(evaluation(headline=headline({})))
    assert line.startswith("Looking up: the best guess that knows which rules run in a network's")


def test_what_is_not_there_is_skipped() -> None:
    one = evaluation({"protocol": "truncated", "level": "layer"})
    for text in (headline_text(one), protocols_text(one), claims_text(one)):
        assert text == ""
    assert remarks(one) == [] and printed(one) == ""


def test_all_is_printed_in_paragraphs() -> None:
    text = printed(evaluation(headline=headline({}), **FULL))
    paragraphs = text.split("\n\n")
    assert [one.splitlines()[0].split(",")[0] for one in paragraphs] == [
        "Accuracy on new blocks", "Which rule it is", "Two networks of a block matched in final "
        "performance: told apart linear 0.70 ± 0.03 (chance 0.50",
    ]  # fmt: skip
    assert str(evaluation(headline=headline({}), **FULL)) == text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "nan" not in text
