"""What was evaluated and how, in JSON types."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import xgboost

from rule_id.evaluation.choosing import Choice
from rule_id.evaluation.control import nuisances_of
from rule_id.evaluation.fitting import Trial
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.features import wording
from rule_id.trajectories import Trajectories, set_apart
from rule_id.version import __version__

__all__ = ["describe"]

NOTES = [
    "The s.e.m. is over splits. Splits of one corpus overlap, so it describes their spread and "
    "is not a confidence interval for networks of another corpus.",
    "Chance of accuracy is the larger of 1/k and the share of the commonest class in the test "
    "part; of balanced accuracy 1/k; of d-prime 0; of (sensitivity + specificity) / 2 0.5.",
    "The floor is the larger of chance and of what the best guess reaches that knows which classes "
    "occur in a network's block, and sees no measurement; it is computed, not fitted.",
    "Protocol paper has no network level: layers of a tested network may have been trained on.",
    "In every fit classes weigh the same, however many networks they have.",
    "Last layers that learn by the delta rule, whatever the credit assignment of their network, do "
    "not count at the level of layers.",
    "Networks that diverged are left out.",
]


def describe(
    trajectories: Trajectories,
    kept: Trajectories,
    trials: list[Trial],
    options: dict[str, Any],
    choice: Choice,
) -> dict[str, Any]:
    """Return `Evaluation.info`.

    Args:
        trajectories: The whole corpus.
        kept: The networks of it that did not diverge.
        trials: What was fitted.
        options: The options of `evaluate` and `classes`.
        choice: The protocols, and what was left out of them.
    """
    tables = {trial.setting.feature_set: trial.setting.table for trial in trials}
    dropped = _dropped(trials)
    return {
        **options,
        "protocols": {name: PROTOCOLS[name].description for name in choice.protocols},
        "left_out": choice.left_out,
        "dropped": dropped,
        "nuisances": nuisances_of(kept.networks),
        # The name alone: a path would tie the folder to one machine.
        "corpus": Path(trajectories.source).name,
        "n_networks": len(kept.networks),
        "n_diverged": len(trajectories.networks) - len(kept.networks),
        "n_held_out": int(set_apart(kept.networks).sum()),
        "n_blocks": int(kept.networks["block"].nunique()),
        "n_layers": len(trials[0].setting.table),
        "n_features": {name: len(table.names) for name, table in tables.items()},
        "notes": [*NOTES, *_notes_on(dropped, options["target"])],
        "versions": {
            "rule-id": __version__,
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scikit-learn": sklearn.__version__,
            "xgboost": xgboost.__version__,
        },
    }


def _dropped(trials: list[Trial]) -> dict[str, dict[str, list[str]]]:
    """Return the classes that some split could not test, by protocol and what was held out."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for trial in trials:
        if trial.split.dropped:
            found[trial.split.protocol][trial.split.variant] |= set(trial.split.dropped)
    return {
        protocol: {variant: sorted(classes) for variant, classes in variants.items()}
        for protocol, variants in found.items()
    }


def _notes_on(dropped: dict[str, dict[str, list[str]]], target: str) -> list[str]:
    return [
        f"{protocol}, {variant}: without the {wording(target).many} that only one side has, "
        f"{', '.join(classes)}."
        for protocol, variants in dropped.items()
        for variant, classes in variants.items()
    ]
