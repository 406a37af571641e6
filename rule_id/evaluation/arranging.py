"""Features of networks as a classifier of two rules sees them: layer by layer, or side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rule_id.errors import InputError
from rule_id.features import FeatureTable
from rule_id.features.extraction import extract
from rule_id.models.patterns import feature_matrix
from rule_id.trajectories import Trajectories

__all__ = ["Rows", "arranged", "exact_features"]


@dataclass(frozen=True)
class Rows:
    """What a classifier sees of networks, one row a layer or one row a network.

    Attributes:
        values: Features (n, d), float32, NaN where missing.
        rule: Position of the row's rule in the sorted list of rules (n,).
        network: Position of the row's network in the sorted list of networks (n,).
        fold: The fold in which the row is tested (n,).
    """

    values: np.ndarray
    rule: np.ndarray
    network: np.ndarray
    fold: np.ndarray

    def of(self, pair: tuple[int, int]) -> Rows:
        """Return the rows of two rules."""
        keep = np.isin(self.rule, pair)
        return Rows(self.values[keep], self.rule[keep], self.network[keep], self.fold[keep])


def exact_features(trajectories: Trajectories, networks: pd.DataFrame) -> FeatureTable:
    """Return the summary features of these networks, of an exact measurement of all units.

    Args:
        trajectories: What was measured; of several such measurements the first is taken.
        networks: The lines of the networks table to keep.

    Raises:
        InputError: No measurement is exact and of all units.
    """
    rows = trajectories.rows
    exact = rows["observation"].eq("exact") & rows["unit_fraction"].eq(1.0)
    if not exact.any():
        raise InputError(
            f"{trajectories.source} must have an exact measurement of all units; it has none"
        )
    first = rows.loc[exact, "measurement"].min()
    kept = rows[exact & rows["measurement"].eq(first) & rows["network"].isin(networks["network"])]
    return extract(Trajectories(networks, kept, trajectories.source), "summary")


def arranged(table: FeatureTable, names: np.ndarray, fold: dict[str, int]) -> list[Rows]:
    """Return the rows as networks with their layers side by side, and as layers.

    Both have log10 of the learning rate as last column.

    Args:
        table: Features of one measurement.
        names: The rules, sorted.
        fold: The fold of each network.
    """
    meta = table.meta
    ids, first, network = np.unique(
        meta["network"].to_numpy(dtype=str), return_index=True, return_inverse=True
    )
    rule = np.searchsorted(names, meta["rule"].to_numpy(dtype=str))
    folds = np.array([fold[name] for name in ids])
    rate = np.log10(meta["learning_rate"].to_numpy(dtype=np.float64)).astype(np.float32)
    values = feature_matrix(table, table.names)
    whole = np.column_stack([_side_by_side(values, meta, network), rate[first]])
    return [
        Rows(whole, rule[first], np.arange(len(ids)), folds),
        Rows(np.column_stack([values, rate]), rule, network, folds[network]),
    ]


def _side_by_side(values: np.ndarray, meta: pd.DataFrame, network: np.ndarray) -> np.ndarray:
    """Return the first, second, last but one and last layer of each network as one row (m, 4 d)."""
    layer, last = meta["layer"].to_numpy(), meta["n_layers"].to_numpy() - 1
    places = [layer == 0, layer == 1, layer == last - 1, layer == last]
    whole = np.full((network.max() + 1, len(places), values.shape[1]), np.nan, dtype=np.float32)
    for place, here in enumerate(places):
        whole[network[here], place] = values[here]
    return whole.reshape(len(whole), -1)
