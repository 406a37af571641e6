from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from rule_id.evaluation import Evaluation
from rule_id.evaluation.printing import (
    aligned,
    claims_text,
    headline_text,
    printed,
    protocols_text,
    remarks,
)


def test_everything_printed_has_a_place(evaluation: Evaluation) -> None:
    text = str(evaluation)
    assert text == printed(evaluation)
    parts = (headline_text, protocols_text, claims_text)
    for part in (*(part(evaluation) for part in parts), *remarks(evaluation)):
        assert part and part in text


def test_the_headline_has_every_classifier_target_and_control(evaluation: Evaluation) -> None:
    caption, heading, *lines = headline_text(evaluation).split("\n\n")[0].splitlines()
    assert caption == "Accuracy on new blocks, all networks"
    assert heading.split() == ["classifier", "features", "rule", "family", "credit", "optimizer"]
    names = [re.split(r"\s{2,}", line)[:2] for line in lines[:-2]]
    assert names == [
        [model, features]
        for features in ("summary", "paper-24", "curves", "shuffled rules")
        for model in ("linear", "xgboost", "combined")
    ]
    assert lines[-2].split() == ["guessing", "0.25", "0.50", "0.50", "0.75"]
    assert lines[-1].split() == ["looking", "up", "0.25", "0.50", "0.50", "0.75"]


def test_a_kind_of_networks_is_shown_where_it_is_not_all(evaluation: Evaluation) -> None:
    # Here all networks learned, by rules that learn.
    assert headline_text(evaluation).count("Accuracy on new blocks") == 1
    table = evaluation.further["headline"].copy()
    table.loc[table["subset"] == "learned", "n_networks"] -= 1
    fewer = replace(evaluation, further=evaluation.further | {"headline": table})
    captions = re.findall("Accuracy on new blocks, (.*)", headline_text(fewer))
    assert captions == ["all networks", "networks that learned their task"]


def test_cells_of_protocols_hold_mean_and_spread(evaluation: Evaluation) -> None:
    _, heading, *lines = protocols_text(evaluation).splitlines()
    start = {name: heading.index(name) for name in ("layers", "networks", "chance", "tested")}
    number = r"[01]\.\d\d ± \d\.\d\d"
    for line in lines:
        layers = line[start["layers"] : start["networks"]].strip()
        networks = line[start["networks"] : start["chance"]].strip()
        # Layers are named by themselves, which is the headline's alone.
        headline = line.startswith(("paper ", "grouped ")) and " combined " not in line
        assert re.fullmatch(number, layers) if headline else layers == ""
        assert (networks == "") if line.startswith("paper ") else re.fullmatch(number, networks)
        assert line[start["chance"] : start["tested"]].split() == ["0.25", "0.25"]
    assert {line.split()[0] for line in lines} == {
        "paper", "network", "grouped", "held-out-architecture", "held-out-task", "held-out-range",
        "alone:", "calibrated",
    }  # fmt: skip


def test_groups_that_were_named_are_shown_apart(evaluation: Evaluation) -> None:
    named = replace(evaluation, info=evaluation.info | {"hold_out": ["task=digits"]})
    new = set(protocols_text(named).splitlines()) - set(protocols_text(evaluation).splitlines())
    assert {line.split()[1] for line in new if line.startswith("held-out-task: ")} == {"digits"}


def test_remarks_say_what_the_tables_cannot(evaluation: Evaluation) -> None:
    info = evaluation.info | {
        "left_out": {"a": "needs more", "b: one": "takes a turn", "b: two": "takes a turn"},
        "dropped": {"held-out-task": {"digits": ["x", "y"], "words": ["x"]}},
        "n_held_out": 7,
    }
    bare = Evaluation(evaluation.results, evaluation.table, evaluation.confusions, info)
    bare = replace(bare, table=bare.table[bare.table["protocol"] != "truncated"])
    assert remarks(bare) == [
        "Set apart by the plan: 7 networks, never trained on.",
        "held-out-task: rules that some split could not train on, of 4: digits 2, words 1.",
        "Not run: a (needs more).",
        "Not run: b: one, b: two (takes a turn).",
    ]


@pytest.mark.parametrize(
    "beginning",
    [
        "Nuisances alone: grouped ", "Less of training seen, xgboost, networks: all checkpoints ",
        "Two networks of a block matched in weight change: told apart linear ",
        "Calibration error, linear, tempered: ", "90% sets, xgboost: hold the rule of ",
        "A family never trained on, told from known ones ", "Looking up: ",
    ],
)  # fmt: skip
def test_what_was_found_beside_the_tables_is_said_once(
    evaluation: Evaluation, beginning: str
) -> None:
    assert sum(line.startswith(beginning) for line in remarks(evaluation)) == 1


def test_what_was_not_tested_of_the_claims_is_not_printed(evaluation: Evaluation) -> None:
    claims = evaluation.further["claims"]
    shown = claims[(claims["about"] == "rule") & (claims["verdict"] != "not tested")]
    assert 0 < len(shown) < len(claims[claims["about"] == "rule"])
    lines = claims_text(evaluation).splitlines()
    assert len(lines) == 2 + len(shown)
    assert all(line.endswith("reproduced") for line in lines[2:])
    none = evaluation.further | {"claims": claims.head(0)}
    assert claims_text(replace(evaluation, further=none)) == ""


def test_columns_are_aligned() -> None:
    lines = aligned([["a", "bcd", ""], ["efg", "h", "i"]]).splitlines()
    assert lines == ["a    bcd", "efg  h    i"]


def test_an_evaluation_of_one_protocol_is_printed(evaluation: Evaluation) -> None:
    for protocol in ("paper", "truncated", "shuffled"):
        tables = (
            table[table["protocol"] == protocol].reset_index(drop=True)
            for table in (evaluation.results, evaluation.table, evaluation.confusions)
        )
        text = str(Evaluation(*tables, evaluation.info))
        assert isinstance(text, str) and "nan" not in text
        assert ("by protocol" in text) == (protocol == "paper")


def test_no_number_is_printed_as_missing(evaluation: Evaluation) -> None:
    assert not re.search(r"\bnan\b", str(evaluation))
    assert pd.isna(evaluation.further["claims"]["value"]).any()  # what was not tested
