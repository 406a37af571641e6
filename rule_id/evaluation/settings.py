"""Which protocols meet which features and models."""

from __future__ import annotations

from dataclasses import dataclass

from rule_id.evaluation.choosing import Choice
from rule_id.evaluation.protocols import PROTOCOLS
from rule_id.evaluation.truncation import TRUNCATIONS, cut
from rule_id.features import FeatureTable, extract
from rule_id.trajectories import Trajectories

__all__ = ["PAPER_FEATURES", "Setting", "settings_of"]

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
        groups: The groups to hold out where they were named; else empty.
    """

    protocol: str
    variant: str | None
    feature_set: str
    table: FeatureTable
    target: str
    models: tuple[str, ...]
    groups: tuple[str, ...] = ()


def settings_of(
    trajectories: Trajectories,
    target: str,
    feature_set: str,
    models: list[str],
    choice: Choice,
) -> list[Setting]:
    """Extract the features that the protocols need.

    Args:
        trajectories: The networks to evaluate on.
        target: What is identified, one of `TARGETS`.
        feature_set: One of `FEATURE_SETS`.
        models: Names of the models.
        choice: The protocols, and the groups that were named.

    Returns:
        Settings in the order of the protocols; those on whole trajectories share one table.

    Raises:
        InputError: A truncation leaves fewer than 2 checkpoints.
    """
    whole, asked = extract(trajectories, feature_set), tuple(models)
    settings = []
    for protocol in choice.protocols:
        if PROTOCOLS[protocol].truncated:
            for variant, how in TRUNCATIONS.items():
                table = extract(cut(trajectories, **how), feature_set) if how else whole
                settings.append(Setting(protocol, variant, feature_set, table, target, asked))
        else:
            groups = tuple(choice.named.get(protocol, ()))
            settings.append(Setting(protocol, None, feature_set, whole, target, asked, groups))
    compared = [protocol for protocol in choice.protocols if protocol in PAPER_PROTOCOLS]
    if compared:
        paper = extract(trajectories, "trajectory", paper=True)
        settings += [Setting(name, None, PAPER_FEATURES, paper, target, asked) for name in compared]
    return settings
