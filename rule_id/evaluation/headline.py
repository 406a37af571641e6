"""The headline: every classifier, control and baseline on new blocks, for every target."""

from __future__ import annotations

import pandas as pd

from rule_id.evaluation.results import FURTHER

__all__ = ["headline_of", "measured_of"]

CONTROLS = ("curves", "shuffled")


def headline_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy on blocks that were not trained on, for every model, target and subset.

    Args:
        table: `Evaluation.table`.

    Returns:
        One row a (model, features, target, subset, level): the models under `grouped`, then the
        controls, whose features are `curves` and `shuffled rules`.
    """
    rows = table[(table["protocol"] == "grouped") | table["protocol"].isin(CONTROLS)]
    features = rows["feature_set"].where(rows["protocol"] != "shuffled", "shuffled rules")
    named = rows.assign(features=features).rename(
        columns={
            "accuracy_sem": "sem",
            "accuracy_chance": "chance",
            "accuracy_floor": "floor",
            "n_test_networks": "n_networks",
        }
    )
    return named[list(FURTHER["headline"])].reset_index(drop=True)


def measured_of(table: pd.DataFrame, seeings: dict[str, dict[str, object]]) -> pd.DataFrame:
    """Return accuracy under each measurement and with each observable.

    Args:
        table: `Evaluation.table`.
        seeings: For the name of each measurement what it sees (`Seeing`).

    Returns:
        One row a (measurement, observables, model, target), whole networks of new blocks.
    """
    rows = table[table["protocol"] == "measured"]
    names = rows["variant"].str.split(" | ", regex=False)
    parts = pd.DataFrame([seeings[name] for name in names.str[0]], index=rows.index)
    named = rows.assign(
        observables=names.str[1],
        sem=rows["accuracy_sem"],
        chance=rows["accuracy_chance"],
        floor=rows["accuracy_floor"],
        n_networks=rows["n_test_networks"],
    )
    joined = pd.concat([named, parts], axis=1) if len(rows) else named
    return joined.reindex(columns=list(FURTHER["measured"])).reset_index(drop=True)
