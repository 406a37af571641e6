"""What was asked, of which networks, in JSON types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from rule_id.evaluation.describing import versions
from rule_id.evaluation.designing.candidates import Candidates

__all__ = ["describe"]

NOTES = [
    "One model a fold, trained on networks of other blocks that are each seen in some random ways, "
    "names every network once, however it is seen. A model that is trained for one measurement "
    "alone may be better at it.",
    "accuracy_sem is over blocks and does not know that another training side would give another "
    "model.",
    "smoothed is accuracy made to rise with units by isotonic regression; lower is the lower of "
    "both, less one accuracy_sem. A measurement reaches an accuracy when lower does.",
    "cost is checkpoints x n_units x the prices of the observables; noise costs nothing.",
    "The floor is the larger of chance and of what the best guess reaches that knows which "
    "candidates occur in a network's block.",
]


def describe(candidates: Candidates, fold: pd.Series, options: dict[str, Any]) -> dict[str, Any]:
    """Return `Design.info`.

    Args:
        candidates: The networks.
        fold: The fold of each network, by its id.
        options: The options of `design`, chance and floor.
    """
    networks = candidates.networks
    return {
        "candidates": candidates.classes,
        **options,
        # The name alone: a path would tie the folder to one machine.
        "corpus": Path(candidates.material.source).name,
        "n_networks": len(networks),
        "n_blocks": int(networks["block"].nunique()),
        "n_diverged": candidates.material.n_diverged,
        "n_held_out": candidates.n_set_apart,
        "n_never_trained_on": _never_trained_on(networks[candidates.target], fold),
        "notes": NOTES,
        "versions": versions(),
    }


def _never_trained_on(classes: pd.Series, fold: pd.Series) -> int:
    """Return how many networks are of a class that lies in their own fold alone."""
    folds = pd.Series(fold.to_numpy()).groupby(classes.to_numpy())
    return int((folds.transform("nunique") == 1).sum())
