"""Accuracy against how fast feedback was learned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rule_id.evaluation.answers import Answers

__all__ = ["ALIGNMENT_BINS", "accuracy_by_alignment"]

EDGES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)
ALIGNMENT_BINS = (
    "[0, 0.05)", "[0.05, 0.1)", "[0.1, 0.2)", "[0.2, 0.35)", "[0.35, 0.5)", "[0.5, 1]", "never",
)  # fmt: skip
"""Shares of training after which learned feedback came within 45 degrees of its fixed point."""

_FAMILY = "learned feedback"
_COLUMNS = ["model", "credit_assignment", "bin", "n", "accuracy"]


def accuracy_by_alignment(
    networks: pd.DataFrame, answers: list[tuple[str, Answers]]
) -> pd.DataFrame:
    """Return the accuracy for whole networks that learn their feedback, by how soon they did.

    Args:
        networks: All networks.
        answers: The model and what it found of networks, for each split of `grouped`.

    Returns:
        One row a (model, credit assignment, bin) that was tested, splits pooled: `n` counts a
        network once for each split that tests it. None where no network learns its feedback.
    """
    if not answers or "alignment_time" not in networks.columns:
        return pd.DataFrame(columns=_COLUMNS)
    by_name = networks.set_index("network")[["family", "credit_assignment", "alignment_time"]]
    every = pd.concat(
        [
            by_name.loc[found.networks].assign(model=model, correct=found.true == found.predicted)
            for model, found in answers
        ],
        ignore_index=True,
    )
    learned = every[every["family"] == _FAMILY]
    bins = pd.Categorical(_bins(learned["alignment_time"]), ALIGNMENT_BINS, ordered=True)
    groups = learned.assign(bin=bins).groupby(
        ["model", "credit_assignment", "bin"], observed=True
    )["correct"]  # fmt: skip
    table = groups.agg(n="size", accuracy="mean").reset_index()
    return table.astype({"bin": str})[_COLUMNS]


def _bins(times: pd.Series) -> np.ndarray:
    """Return the name of each time's bin (n,)."""
    values = times.to_numpy(dtype=float)
    place = np.searchsorted(EDGES, values, side="right") - 1
    return np.array(ALIGNMENT_BINS)[np.where(np.isnan(values), len(EDGES), place)]
