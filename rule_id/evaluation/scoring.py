"""From the probabilities of layers to results and confusion matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rule_id.evaluation.fitting import Trial
from rule_id.evaluation.metrics import METRICS, chance, confusion_matrix
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import CONFUSION_COLUMNS, RESULT_COLUMNS
from rule_id.features import FeatureTable
from rule_id.models import combine_layers, counted_layers

__all__ = ["score_all", "whole_networks"]


def score_all(
    trials: list[Trial], probabilities: dict[tuple, np.ndarray], classes: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every trial.

    Args:
        trials: All trials.
        probabilities: Probabilities of the test rows for each key of the trials.
        classes: The classes, sorted.

    Returns:
        `Evaluation.results` and `Evaluation.confusions`.
    """
    results, confusions = [], []
    for trial in trials:
        split, setting = trial.split, trial.setting
        meta = setting.table.meta
        sizes = [meta.loc[rows, "network"].nunique() for rows in (split.train, split.test)]
        for level, true, predicted in _predictions(trial, probabilities[trial.key], classes):
            key = (split.protocol, split.variant, setting.feature_set, trial.model, level)
            results += [
                (*key, split.number, name, metric(true, predicted, classes),
                 chance(name, true, classes), *sizes)
                for name, metric in METRICS.items()
            ]  # fmt: skip
            counts = confusion_matrix(true, predicted, classes)
            confusions += [
                (*key, classes[row], classes[column], int(count))
                for (row, column), count in np.ndenumerate(counts)
            ]
    counted = pd.DataFrame(confusions, columns=list(CONFUSION_COLUMNS))
    summed = counted.groupby(list(CONFUSION_COLUMNS[:-1]), sort=False)["count"].sum()
    return pd.DataFrame(results, columns=list(RESULT_COLUMNS)), summed.reset_index()


def whole_networks(trial: Trial, probabilities: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Return what was found for the tested networks, their layers combined.

    Args:
        trial: What was fitted.
        probabilities: Probabilities (n test rows, k) of the layers.
        classes: The k classes, sorted.

    Returns:
        One row a (network, measurement): the columns of its first layer, `true` and `predicted`.
    """
    meta = _units(trial.setting.table, trial.split.test)
    ids, combined = combine_layers(probabilities, meta["unit"].to_numpy())
    first = meta.drop_duplicates("unit").set_index("unit").loc[ids]
    predicted = np.array(classes)[combined.argmax(axis=1)]
    return first.assign(true=first[trial.setting.target], predicted=predicted)


def _predictions(
    trial: Trial, probabilities: np.ndarray, classes: list[str]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield level, true and predicted classes of single layers, then of whole networks."""
    meta = trial.setting.table.meta[trial.split.test]
    counted = counted_layers(meta)
    if counted.any():
        true = meta.loc[counted, trial.setting.target].to_numpy(dtype=str)
        yield "layer", true, np.array(classes)[probabilities[counted].argmax(axis=1)]
    if PROTOCOLS[trial.split.protocol].whole_networks:
        found = whole_networks(trial, probabilities, classes)
        yield "network", found["true"].to_numpy(dtype=str), found["predicted"].to_numpy(dtype=str)


def _units(table: FeatureTable, test: np.ndarray) -> pd.DataFrame:
    """Return what the test rows are, with what their layers are combined over.

    A network seen under two measurements is two answers, not one answer with twice the layers.
    """
    meta = table.meta[test]
    return meta.assign(unit=meta.groupby(["network", "measurement"]).ngroup())
