"""Accuracy against how fast feedback was learned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation.fitting import Trial
from rule_id.evaluation.results import ALIGNMENT_COLUMNS
from rule_id.evaluation.scoring import whole_networks
from rule_id.features import WITH_FAMILIES

__all__ = ["ALIGNMENT_BINS", "accuracy_by_alignment"]

EDGES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)
ALIGNMENT_BINS = (
    "[0, 0.05)", "[0.05, 0.1)", "[0.1, 0.2)", "[0.2, 0.35)", "[0.35, 0.5)", "[0.5, 1]", "never",
)  # fmt: skip
"""Shares of training after which learned feedback came within 45 degrees of its fixed point."""

_FAMILY = "learned feedback"
_NEEDED = ("family", "credit_assignment", "alignment_time")


def accuracy_by_alignment(
    trials: list[Trial],
    probabilities: dict[tuple, np.ndarray],
    feature_set: str,
) -> pd.DataFrame:
    """Return the accuracy for whole networks that learn their feedback, by how soon they did.

    Args:
        trials: All trials; those of `grouped` on the feature set count.
        probabilities: Probabilities of the test rows for each key of the trials.
        feature_set: The features whose results are wanted.

    Returns:
        One row a (model, credit assignment, bin) that was tested, splits pooled: `n` counts a
        network once for each split that tests it. No row for the targets `family` and
        `optimizer`, and none where no network learns its feedback.
    """
    answers = [
        whole_networks(trial, probabilities[trial.key]).assign(model=trial.model)
        for trial in trials
        if trial.split.protocol == "grouped" and trial.setting.feature_set == feature_set
    ]
    if not answers or trials[0].setting.target not in WITH_FAMILIES:
        return pd.DataFrame(columns=list(ALIGNMENT_COLUMNS))
    tested = pd.concat(answers, ignore_index=True)
    if not set(_NEEDED) <= set(tested.columns):
        return pd.DataFrame(columns=list(ALIGNMENT_COLUMNS))
    learned = tested[tested["family"] == _FAMILY]
    bins = pd.Categorical(_bins(learned["alignment_time"]), ALIGNMENT_BINS, ordered=True)
    correct = learned.assign(bin=bins, correct=learned["true"] == learned["predicted"])
    groups = correct.groupby(["model", "credit_assignment", "bin"], observed=True)["correct"]
    table = groups.agg(n="size", accuracy="mean").reset_index()
    return table.astype({"bin": str})[list(ALIGNMENT_COLUMNS)]


def _bins(times: pd.Series) -> np.ndarray:
    """Return the name of each time's bin (n,)."""
    values = times.to_numpy(dtype=float)
    place = np.searchsorted(EDGES, values, side="right") - 1
    return np.array(ALIGNMENT_BINS)[np.where(np.isnan(values), len(EDGES), place)]
