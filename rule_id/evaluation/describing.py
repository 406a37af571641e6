"""What was evaluated and how, in JSON types."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import xgboost

from rule_id.evaluation.answers import classes_of, targets_of
from rule_id.evaluation.baselines import MOST_ROWS
from rule_id.evaluation.choosing import Choice
from rule_id.evaluation.control import nuisances_of
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.tables import Tables
from rule_id.evaluation.trials import Trial
from rule_id.features.material import Material
from rule_id.trajectories import set_apart
from rule_id.version import __version__

__all__ = ["all_notes", "describe", "versions"]

NOTES = [
    "The s.e.m. is over splits. Splits of one corpus overlap, so it describes their spread and "
    "is not a confidence interval for networks of another corpus.",
    "Chance of accuracy is the larger of 1/k and the share of the commonest class in the test "
    "part; of balanced accuracy 1/k; of d-prime 0; of (sensitivity + specificity) / 2 0.5.",
    "The floor is the larger of chance and of what the best guess reaches that knows which classes "
    "occur in a network's block, and sees no measurement; it is computed, not fitted.",
    "Protocol paper has no network level: layers of a tested network may have been trained on.",
    "In every fit rules weigh the same, however many networks they have. Probabilities of "
    "families, credit assignments, optimizers and merged rules are sums of those of rules.",
    "The paper's rules: networks of its four rules, when it is known that they are of these.",
    "A network learned when its best performance came a tenth of the way from guessing, or from "
    "its start, to perfect.",
    "Last layers that learn by the delta rule, whatever the credit assignment of their network, do "
    "not count at the level of layers.",
    "Networks that diverged are left out.",
]


def describe(
    material: Material,
    tables: Tables,
    trials: list[Trial],
    options: dict[str, Any],
    choice: Choice,
) -> dict[str, Any]:
    """Return `Evaluation.info`.

    Args:
        material: The corpus.
        tables: Features of it.
        trials: What was fitted.
        options: The options of `evaluate`.
        choice: The protocols, and what was left out of them.
    """
    networks = material.networks
    dropped = _dropped(trials)
    classes = {
        target: sorted(set(classes_of(networks, target).values()))
        for target in targets_of(networks)
    }
    return {
        **options,
        "target": "rule",
        "classes": classes["rule"],
        "classes_of": classes,
        "protocols": {name: PROTOCOLS[name].description for name in choice.protocols},
        "left_out": choice.left_out,
        "dropped": dropped,
        "nuisances": nuisances_of(networks),
        # The name alone: a path would tie the folder to one machine.
        "corpus": Path(material.source).name,
        "content_hash": material.content_hash,
        "n_networks": len(networks),
        "n_diverged": material.n_diverged,
        "n_learned": int(networks["learned"].sum()) if "learned" in networks else None,
        "n_held_out": int(set_apart(networks).sum()),
        "n_blocks": int(networks["block"].nunique()),
        "n_layers": len(tables.main),
        "n_measurements": len(material.panels),
        "most_rows": MOST_ROWS,
        "n_features": _counted(trials),
        "notes": all_notes(dropped),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on."""
    return {
        "rule-id": __version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": sklearn.__version__,
        "xgboost": xgboost.__version__,
    }


def _dropped(trials: list[Trial]) -> dict[str, dict[str, list[str]]]:
    """Return the rules that some split could not test, by protocol and what was held out."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for trial in trials:
        if trial.split.dropped:
            found[trial.split.protocol][trial.split.variant] |= set(trial.split.dropped)
    return {
        protocol: {variant: sorted(classes) for variant, classes in variants.items()}
        for protocol, variants in found.items()
    }


def _counted(trials: list[Trial]) -> dict[str, int]:
    """Return the number of features of each set; one observable alone has fewer."""
    counts: dict[str, int] = {}
    for trial in trials:
        counts[trial.feature_set] = max(counts.get(trial.feature_set, 0), len(trial.table.names))
    return dict(sorted(counts.items()))


def all_notes(dropped: dict[str, dict[str, list[str]]]) -> list[str]:
    """Return what a reader of the numbers must know.

    Args:
        dropped: For a protocol and what it held out, the rules that could not be tested.
    """
    return NOTES + [
        f"{protocol}, {variant}: some splits are without rules that could not be trained on, "
        f"{', '.join(classes)}."
        for protocol, variants in dropped.items()
        for variant, classes in variants.items()
    ]
