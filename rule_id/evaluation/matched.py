"""Networks that learned equally well, or moved equally far: are rules still told apart?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rule_id.evaluation.answers import Answers
from rule_id.evaluation.forced_choice import forced_choice, value_choice
from rule_id.evaluation.matching import matched_pairs, unmatched_pairs
from rule_id.evaluation.results import FURTHER
from rule_id.evaluation.trials import Trial

__all__ = ["MATCHED", "VALUE_ALONE", "matched_table"]

MATCHED = {
    "final performance": lambda networks: networks["final_performance"].astype(float),
    "weight change": lambda networks: _log(networks["weight_change"]),
}
"""What networks are matched in; changes by their logarithm."""

VALUE_ALONE = "value alone"
"""Stands for a classifier in the rows of what is decided by the matched value and nothing else."""


def matched_table(
    networks: pd.DataFrame,
    grouped: list[tuple[Trial, Answers]],
    curves: list[tuple[Trial, Answers]],
) -> pd.DataFrame:
    """Return how often two networks of one block are told apart that are alike in a value.

    Args:
        networks: All networks.
        grouped: What was found of whole networks under `grouped`, for each model and split.
        curves: The same of classifiers that see loss and performance alone.

    Returns:
        One row a (matched, model, features, pairs), means over splits: `pairs` is `matched`, or
        `all` with the same weights of blocks and rules. Chance is 0.5. The error is the mean of
        those over blocks, for splits overlap; `n_pairs` the mean number.
    """
    rows = [
        row
        for name, value_of in MATCHED.items()
        if _has_values(networks, name)
        for row in _rows(name, networks.assign(value=value_of(networks)), grouped, curves)
    ]
    columns = ["matched", "model", "features", "pairs", "accuracy", "sem", "n_pairs"]
    table = pd.DataFrame(rows, columns=columns)
    keys = ["matched", "model", "features", "pairs"]
    mean = table.groupby(keys, sort=False)[["accuracy", "sem", "n_pairs"]].mean()
    return mean.reset_index()[list(FURTHER["matched"])]


def _has_values(networks: pd.DataFrame, name: str) -> bool:
    column = name.replace(" ", "_")
    return column in networks.columns and bool(networks[column].notna().any())


def _rows(
    name: str,
    valued: pd.DataFrame,
    grouped: list[tuple[Trial, Answers]],
    curves: list[tuple[Trial, Answers]],
) -> Iterator[tuple]:
    """Yield what each split gives for one value, for the value alone once a split."""
    seen: set[int] = set()
    value = valued.set_index("network")["value"]
    for trial, every in (*grouped, *curves):
        trained = valued[valued["network"].isin(trial.table.meta["network"][trial.rows])]
        trained = trained[trained["value"].notna()]
        # The logarithm of no change at all is no value, as that of rules that never learn.
        known = value[every.networks].notna().to_numpy() & np.isin(every.true, trained["rule"])
        answers = every.rows(known)
        tested = pd.DataFrame(
            {"block": answers.blocks, "rule": answers.true, "value": value[answers.networks].array}
        )
        matched = matched_pairs(tested, value="value")
        if matched.empty:
            continue
        pairs = {"matched": matched, "all": unmatched_pairs(tested, value="value", like=matched)}
        for kind, table in pairs.items():
            found = forced_choice(
                answers.probabilities, answers.true, answers.classes, table, answers.blocks
            )
            yield name, trial.model, trial.feature_set, kind, *found
        if trial.split.number not in seen:
            seen.add(trial.split.number)
            for kind, table in pairs.items():
                yield name, VALUE_ALONE, "", kind, *value_choice(
                    trained, tested, table, value="value"
                )  # fmt: skip


def _log(changes: pd.Series) -> pd.Series:
    """Return the decadic logarithm, NaN where nothing changed."""
    positive = changes.astype(float).where(lambda change: change > 0)
    return pd.Series(np.log10(positive), index=changes.index)
