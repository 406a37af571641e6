from __future__ import annotations

import pandas as pd
import pytest

from rule_id.evaluation.headline import headline_of, measured_of
from rule_id.evaluation.results import FURTHER


def row(protocol: str, accuracy: float, **further: object) -> dict:
    given = {
        "variant": "all", "feature_set": "summary", "model": "linear", "level": "network",
        "target": "rule", "subset": "all", "splits": 3, "n_train_networks": 60.0,
        "n_test_networks": 20.0, "n_classes": 4.0, "accuracy_sem": 0.01, "accuracy_chance": 0.25,
        "accuracy_floor": 0.3,
    }  # fmt: skip
    return {"protocol": protocol, "accuracy": accuracy, **given, **further}


TABLE = pd.DataFrame(
    [
        row("paper", 0.9),
        row("grouped", 0.6),
        row("grouped", 0.5, level="layer", model="xgboost"),
        row("grouped", 0.55, feature_set="paper-24"),
        row("grouped", 0.7, subset="learned", target="family"),
        row("curves", 0.4, feature_set="curves"),
        row("shuffled", 0.24),
        row("calibrated", 0.58),
        row("measured", 0.65, variant="all units, noise 0 | weight"),
        row("measured", 0.45, variant="6 units, noise 1 | activation+weight", n_test_networks=9.0),
    ]
)


def test_the_headline_is_new_blocks_and_their_controls() -> None:
    found = headline_of(TABLE)
    assert tuple(found.columns) == FURTHER["headline"]
    assert list(found["accuracy"]) == [0.6, 0.5, 0.55, 0.7, 0.4, 0.24]
    assert list(found["features"]) == [
        "summary", "summary", "paper-24", "summary", "curves", "shuffled rules",
    ]  # fmt: skip
    assert list(found["subset"]) == ["all", "all", "all", "learned", "all", "all"]
    first = found.iloc[0]
    assert (first["sem"], first["chance"], first["floor"], first["n_networks"]) == (
        0.01, 0.25, 0.3, 20,
    )  # fmt: skip
    assert list(found.loc[1, ["level", "model"]]) == ["layer", "xgboost"]


def test_without_new_blocks_there_is_no_headline() -> None:
    found = headline_of(TABLE[TABLE["protocol"] == "paper"])
    assert found.empty and tuple(found.columns) == FURTHER["headline"]


SEEN = {
    "all units, noise 0": {"measurement": 0, "name": "all units, noise 0", "observation": "exact",
                           "units": float("inf"), "share": 1.0, "noise_std": 0.0, "tracked": True},
    "6 units, noise 1": {"measurement": 2, "name": "6 units, noise 1", "observation": "gaussian",
                         "units": 6.0, "share": 0.1, "noise_std": 1.0, "tracked": False},
}  # fmt: skip


def test_measured_rows_say_what_was_seen() -> None:
    found = measured_of(TABLE, SEEN)
    assert tuple(found.columns) == FURTHER["measured"] and len(found) == 2
    first, second = found.to_dict("records")
    assert {name: first[name] for name in SEEN["all units, noise 0"]} == SEEN["all units, noise 0"]
    assert {name: second[name] for name in SEEN["6 units, noise 1"]} == SEEN["6 units, noise 1"]
    assert (first["observables"], second["observables"]) == ("weight", "activation+weight")
    assert (second["accuracy"], second["sem"], second["n_networks"]) == (0.45, 0.01, 9)
    assert (second["chance"], second["floor"]) == (0.25, 0.3)


def test_a_measurement_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError, match="6 units"):
        measured_of(TABLE, {"all units, noise 0": SEEN["all units, noise 0"]})


def test_where_nothing_was_measured_in_several_ways_there_is_no_row() -> None:
    found = measured_of(TABLE[TABLE["protocol"] != "measured"], SEEN)
    assert found.empty and tuple(found.columns) == FURTHER["measured"]
