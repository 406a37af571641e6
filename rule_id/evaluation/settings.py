"""Which protocols meet which features and models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import xgboost

from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.truncation import TRUNCATIONS, cut
from rule_id.features import FeatureTable, extract
from rule_id.trajectories import Trajectories
from rule_id.version import __version__

__all__ = ["PAPER_FEATURES", "Setting", "describe", "settings_of"]

PAPER_FEATURES = "paper-24"
"""Name in the results of the 2020 paper's features: 24 statistics at each checkpoint."""

PAPER_PROTOCOLS = ("paper", "grouped")


@dataclass(frozen=True)
class Setting:
    """A protocol, the features it is run on, what is identified, and the models to fit.

    Attributes:
        protocol: One of `PROTOCOLS`.
        variant: One of `TRUNCATIONS`; None where the protocol names its variants itself.
        feature_set: Name of the features in the results.
        table: The features.
        target: What is identified, one of `TARGETS`.
        models: Names of the models.
    """

    protocol: str
    variant: str | None
    feature_set: str
    table: FeatureTable
    target: str
    models: tuple[str, ...]


def settings_of(
    trajectories: Trajectories,
    target: str,
    feature_set: str,
    models: list[str],
    protocols: list[str],
) -> list[Setting]:
    """Extract the features that the protocols need.

    Args:
        trajectories: The networks to evaluate on.
        target: What is identified, one of `TARGETS`.
        feature_set: One of `FEATURE_SETS`.
        models: Names of the models.
        protocols: Names of the protocols.

    Returns:
        Settings in the order of `protocols`; those on whole trajectories share one table.

    Raises:
        InputError: A truncation leaves fewer than 2 checkpoints.
    """
    whole, asked = extract(trajectories, feature_set), tuple(models)
    settings = []
    for protocol in protocols:
        if PROTOCOLS[protocol].truncated:
            for variant, how in TRUNCATIONS.items():
                table = extract(cut(trajectories, **how), feature_set) if how else whole
                settings.append(Setting(protocol, variant, feature_set, table, target, asked))
        else:
            settings.append(Setting(protocol, None, feature_set, whole, target, asked))
    compared = [protocol for protocol in protocols if protocol in PAPER_PROTOCOLS]
    if compared:
        paper = extract(trajectories, "trajectory", paper=True)
        settings += [Setting(name, None, PAPER_FEATURES, paper, target, asked) for name in compared]
    return settings


def describe(
    trajectories: Trajectories,
    kept: Trajectories,
    settings: list[Setting],
    options: dict[str, Any],
    protocols: list[str],
) -> dict[str, Any]:
    """Return what was evaluated and how, as JSON types (`Evaluation.info`).

    Args:
        trajectories: The whole corpus.
        kept: The networks of it that did not diverge.
        settings: What was run.
        options: The options of `evaluate`, `target` among them.
        protocols: Names of the protocols.
    """
    tables = {setting.feature_set: setting.table for setting in settings}
    return {
        "classes": sorted(kept.networks[options["target"]].unique()),
        **options,
        "protocols": {name: PROTOCOLS[name].description for name in protocols},
        # The name alone: a path would tie the folder to one machine.
        "corpus": Path(trajectories.source).name,
        "n_networks": len(kept.networks),
        "n_diverged": len(trajectories.networks) - len(kept.networks),
        "n_blocks": int(kept.networks["block"].nunique()),
        "n_layers": len(settings[0].table),
        "n_features": {name: len(table.names) for name, table in tables.items()},
        "notes": NOTES,
        "versions": {
            "rule-id": __version__,
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scikit-learn": sklearn.__version__,
            "xgboost": xgboost.__version__,
        },
    }


NOTES = [
    "The s.e.m. is over splits. Splits of one corpus overlap, so it describes their spread and "
    "is not a confidence interval for networks of another corpus.",
    "Chance of accuracy is the larger of 1/k and the share of the commonest class in the test "
    "part; of balanced accuracy 1/k; of d-prime 0; of (sensitivity + specificity) / 2 0.5.",
    "Protocol paper has no network level: layers of a tested network may have been trained on.",
    "In every fit classes weigh the same, however many networks they have.",
    "Last layers that learn by the delta rule, whatever the credit assignment of their network, do "
    "not count at the level of layers.",
    "Networks that diverged are left out.",
]
