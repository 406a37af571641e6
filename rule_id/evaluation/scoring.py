"""From the probabilities of layers to results and confusion matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rule_id.evaluation.fitting import Trial
from rule_id.evaluation.floor import nuisance_floor
from rule_id.evaluation.metrics import METRICS, chance, confusion_matrix
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.results import CONFUSION_COLUMNS, RESULT_COLUMNS
from rule_id.features import FeatureTable
from rule_id.models import combine_layers, counted_layers
from rule_id.trajectories import set_apart

__all__ = ["score_all", "whole_networks"]


@dataclass(frozen=True)
class _Answers:
    """What was predicted at a level: true and predicted classes and blocks (n,)."""

    level: str
    true: np.ndarray
    predicted: np.ndarray
    blocks: np.ndarray


def score_all(
    trials: list[Trial], probabilities: dict[tuple, np.ndarray], classes: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every trial.

    Args:
        trials: All trials.
        probabilities: Probabilities of the test rows for each key of the trials.
        classes: The classes of all trials, sorted.

    Returns:
        `Evaluation.results` and `Evaluation.confusions`.
    """
    results, confusions = [], []
    for trial in trials:
        split, setting, known = trial.split, trial.setting, trial.classes
        meta = setting.table.meta
        sizes = [meta.loc[rows, "network"].nunique() for rows in (split.train, split.test)]
        networks = _networks(trial)
        for answers in _predictions(trial, probabilities[trial.key]):
            key = (split.protocol, split.variant, setting.feature_set, trial.model, answers.level)
            floor = nuisance_floor(networks, setting.target, answers.blocks)
            for name, metric in METRICS.items():
                guess = chance(name, answers.true, known)
                results.append(
                    (*key, split.number, name, metric(answers.true, answers.predicted, known),
                     # Who knows the block may also ignore it.
                     guess, max(guess, floor[name]) if name in floor else np.nan,
                     *sizes, len(known))
                )  # fmt: skip
            counts = confusion_matrix(answers.true, answers.predicted, classes)
            confusions += [
                (*key, classes[row], classes[column], int(count))
                for (row, column), count in np.ndenumerate(counts)
            ]
    counted = pd.DataFrame(confusions, columns=list(CONFUSION_COLUMNS))
    summed = counted.groupby(list(CONFUSION_COLUMNS[:-1]), sort=False)["count"].sum()
    return pd.DataFrame(results, columns=list(RESULT_COLUMNS)), summed.reset_index()


def whole_networks(trial: Trial, probabilities: np.ndarray) -> pd.DataFrame:
    """Return what was found for the tested networks, their layers combined.

    Args:
        trial: What was fitted.
        probabilities: Probabilities (n test rows, k classes of the trial) of the layers.

    Returns:
        One row a (network, measurement): the columns of its first layer, `true` and `predicted`.
    """
    meta = _units(trial.setting.table, trial.split.test)
    ids, combined = combine_layers(probabilities, meta["unit"].to_numpy())
    first = meta.drop_duplicates("unit").set_index("unit").loc[ids]
    predicted = np.array(trial.classes)[combined.argmax(axis=1)]
    return first.assign(true=first[trial.setting.target], predicted=predicted)


def _predictions(trial: Trial, probabilities: np.ndarray) -> Iterator[_Answers]:
    """Yield what was found for single layers, then for whole networks."""
    meta = trial.setting.table.meta[trial.split.test]
    counted = counted_layers(meta)
    if counted.any():
        true = meta.loc[counted, trial.setting.target].to_numpy(dtype=str)
        predicted = np.array(trial.classes)[probabilities[counted].argmax(axis=1)]
        yield _Answers("layer", true, predicted, meta.loc[counted, "block"].to_numpy())
    if PROTOCOLS[trial.split.protocol].whole_networks:
        found = whole_networks(trial, probabilities)
        true, predicted = (found[name].to_numpy(dtype=str) for name in ("true", "predicted"))
        yield _Answers("network", true, predicted, found["block"].to_numpy())


def _networks(trial: Trial) -> pd.DataFrame:
    """Return the networks of the trial's world, from which a floor is looked up."""
    meta, target = trial.setting.table.meta, trial.setting.target
    rows = meta[target].isin(trial.classes).to_numpy()
    if PROTOCOLS[trial.split.protocol].held_out is None:
        rows = rows & ~set_apart(meta)
    return meta.loc[rows, ["network", "block", target]].drop_duplicates("network")


def _units(table: FeatureTable, test: np.ndarray) -> pd.DataFrame:
    """Return what the test rows are, with what their layers are combined over.

    A network seen under two measurements is two answers, not one answer with twice the layers.
    """
    meta = table.meta[test]
    return meta.assign(unit=meta.groupby(["network", "measurement"]).ngroup())
