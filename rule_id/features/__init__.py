"""Trajectories to feature tables: values at checkpoints, or summaries of whole trajectories."""

from rule_id.features.deviations import (
    DEVIATION,
    has_deviations,
    with_deviations,
    without_deviations,
)
from rule_id.features.extraction import PAPER_STATISTICS, extract, extract_panel, features
from rule_id.features.panel import Panel, join_panels, pivot
from rule_id.features.reading import StoredTable, open_features, read_features
from rule_id.features.signals import mask_fluorescence, mask_signal, usable_features
from rule_id.features.summaries import summary_names, time_of
from rule_id.features.table import FEATURE_SETS, FeatureTable, split_name
from rule_id.features.targets import EVALUATED, TARGETS, WITH_FAMILIES, Wording, wording
from rule_id.features.writing import FeatureFile

__all__ = [
    "DEVIATION",
    "EVALUATED",
    "FEATURE_SETS",
    "PAPER_STATISTICS",
    "TARGETS",
    "WITH_FAMILIES",
    "FeatureFile",
    "FeatureTable",
    "Panel",
    "StoredTable",
    "Wording",
    "extract",
    "extract_panel",
    "features",
    "has_deviations",
    "join_panels",
    "mask_fluorescence",
    "mask_signal",
    "open_features",
    "pivot",
    "read_features",
    "split_name",
    "summary_names",
    "time_of",
    "usable_features",
    "with_deviations",
    "without_deviations",
    "wording",
]
