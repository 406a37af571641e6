"""Which features a recording can give, by what its signal is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rule_id.errors import one_of
from rule_id.features.invariant import SPREAD
from rule_id.features.paths import PATH_STATISTICS
from rule_id.features.table import FeatureTable, split_name
from rule_id.recordings import SIGNALS

__all__ = ["mask_fluorescence", "mask_signal", "usable_features"]

# Similarities are of activity less its mean over stimuli.
_COMPARED = tuple(name for name in PATH_STATISTICS if name.startswith("activation_"))
OFFSET_FREE = ("activation_raw_var", "activation_raw_skew", "activation_raw_kurtosis", SPREAD)


def usable_features(feature_names: Sequence[str], signal: str) -> np.ndarray:
    """Say which features mean the same in a recording of this signal as in a simulation.

    A calcium signal has an arbitrary offset, so of it only statistics that an offset does not
    change are usable; the depth of a layer always is.

    Args:
        feature_names: Names of d features, `<statistic>.<summary>`.
        signal: `model`, `rate`, `calcium` or `deconvolved`.

    Returns:
        A boolean mask (d,).

    Raises:
        InputError: The signal is unknown.
    """
    one_of("signal", signal, SIGNALS)
    if signal != "calcium":
        return np.ones(len(feature_names), dtype=bool)
    usable = (*OFFSET_FREE, *_COMPARED, "depth")
    return np.array([split_name(name)[0] in usable for name in feature_names], dtype=bool)


def mask_signal(table: FeatureTable, signal: str) -> FeatureTable:
    """Return the table with the features that are not usable for a signal missing (NaN)."""
    values = table.values.copy()
    values.loc[:, ~usable_features(table.names, signal)] = np.nan
    return FeatureTable(table.meta, values, table.feature_set, table.info)


def mask_fluorescence(table: FeatureTable) -> FeatureTable:
    """Return the table with what a calcium signal leaves unusable missing in simulated ones.

    Simulated fluorescence has an offset, but not that of anybody's indicator.
    """
    if "observation" not in table.meta:
        return table
    rows = (table.meta["observation"] == "calcium").to_numpy()
    if not rows.any():
        return table
    levels = ~usable_features(table.names, "calcium")
    levels &= np.array([name.startswith("activation_") for name in table.names])
    values = table.values.copy()
    values.loc[rows, levels] = np.nan
    return FeatureTable(table.meta, values, table.feature_set, table.info)
